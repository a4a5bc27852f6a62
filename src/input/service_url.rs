//! Where a service is that is asked beside the target: an address without anything that has no place in reports.

use url::Url;

use super::{Field, Problems};

impl Field<'_> {
    /// The address of `what`, such as `example`; `help` says where credentials go in place of it.
    pub(crate) fn service_url(
        self,
        what: &str,
        example: &str,
        help: &str,
        problems: &mut Problems,
    ) -> Option<Url> {
        let text = self.text(problems)?;
        let url =
            Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(url) = url else {
            self.wrong(format!("not the URL of {what}"), format!("write it like `{example}`"), problems);
            return None;
        };
        if !url.username().is_empty() || url.password().is_some() {
            self.wrong("credentials in a URL end up in reports", help, problems);
            return None;
        }
        if url.query().is_some() || url.fragment().is_some() {
            let help = "write the address alone: what is asked for comes behind it";
            self.wrong("a query or a fragment can't be kept", help, problems);
            return None;
        }
        Some(url)
    }
}
