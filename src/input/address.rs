//! Addresses of servers that are asked over HTTP, beside the target: a Prometheus, an Elasticsearch, a Grafana.

use url::Url;

use super::{Field, Problems};

/// What is said of an address that is none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address {
    /// Whose it is: `a Prometheus`.
    pub(crate) of: &'static str,
    /// One that is right.
    pub(crate) example: &'static str,
    /// Where credentials belong instead.
    pub(crate) credentials: &'static str,
}

impl Address {
    /// The address that `field` writes: a scheme, a host, and a path at the most.
    pub(crate) fn read(self, field: Field<'_>, problems: &mut Problems) -> Option<Url> {
        let text = field.text(problems)?;
        let is_fit = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        let Some(url) = Url::parse(text).ok().filter(is_fit) else {
            let help = format!("write it like `{}`", self.example);
            field.wrong(format!("not the URL of {}", self.of), help, problems);
            return None;
        };
        if !url.username().is_empty() || url.password().is_some() {
            field.wrong("credentials in a URL end up in reports", self.credentials, problems);
            return None;
        }
        if url.query().is_some() || url.fragment().is_some() {
            let help = "write the address alone: what is asked for comes behind it";
            field.wrong("a query or a fragment can't be kept", help, problems);
            return None;
        }
        Some(url)
    }
}
