//! Which proxy stands between gander and a URL, as `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say, in
//! capitals or in small letters.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use url::{Host, Url};

use super::{Environment, is_loopback};
use crate::model::Secret;

/// The proxies that the environment names. A copy is cheap.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Arc<Named>);

/// What the variables hold; empty where they are not set. Credentials may be in it.
#[derive(Debug)]
struct Named {
    http: Secret,
    https: Secret,
    all: Secret,
    no: String,
}

impl Default for Named {
    fn default() -> Self {
        let nothing = || Secret::new("");
        Self { http: nothing(), https: nothing(), all: nothing(), no: String::new() }
    }
}

/// One proxy. It is spoken to in plain HTTP/1.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Where it is, without credentials: `http://proxy.example:3128`.
    pub url: Url,
    /// The value of the `Proxy-Authorization` header.
    pub authorization: Option<Secret>,
}

/// A proxy that is named and can't be used. The variable's value is not shown: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{variable}` does not name a proxy that can be used: write it like `http://proxy.example:3128`")]
pub struct ProxyError {
    /// The name of the variable.
    pub variable: &'static str,
}

impl Proxies {
    /// Those of `environment`.
    pub fn from_environment(environment: Environment<'_>) -> Self {
        let value = |name: &str| {
            let set = |name: &str| environment(name).filter(|value| !value.is_empty());
            set(name).or_else(|| set(&name.to_lowercase())).unwrap_or_default()
        };
        Self(Arc::new(Named {
            http: Secret::new(value("HTTP_PROXY")),
            https: Secret::new(value("HTTPS_PROXY")),
            all: Secret::new(value("ALL_PROXY")),
            no: value("NO_PROXY"),
        }))
    }

    /// The proxy that requests to `url` go through. To a loopback address none does, whatever the environment says: the
    /// proxy would be what is measured.
    pub fn of(&self, url: &Url) -> Result<Option<Proxy>, ProxyError> {
        let Named { http, https, all, no } = &*self.0;
        let (variable, value) = match url.scheme() {
            "https" if !https.expose().is_empty() => ("HTTPS_PROXY", https),
            "http" if !http.expose().is_empty() => ("HTTP_PROXY", http),
            _ => ("ALL_PROXY", all),
        };
        if value.expose().is_empty() || is_loopback(url) {
            return Ok(None);
        }
        let unusable = ProxyError { variable };
        let bare = format!("{}://{}/", url.scheme(), url.host_str().unwrap_or_default());
        let Ok(uri) = bare.parse::<Uri>() else { return Ok(None) };
        let matching = |proxy: &str| Matcher::builder().all(proxy.to_owned()).no(no.clone()).build();
        if matching("http://any.example").intercept(&uri).is_none() {
            return Ok(None);
        }
        let found = matching(value.expose()).intercept(&uri).ok_or(unusable)?;
        let url = Url::parse(&found.uri().to_string()).map_err(|_| unusable)?;
        if url.scheme() != "http" || url.host().is_none() {
            return Err(unusable);
        }
        let authorization = found.basic_auth().and_then(|value| value.to_str().ok()).map(Secret::new);
        Ok(Some(Proxy { url, authorization }))
    }
}

impl Proxy {
    /// Where it is, without credentials and without a path.
    pub fn name(&self) -> String {
        self.url.as_str().trim_end_matches('/').to_owned()
    }

    /// Its host and port, to connect to.
    pub(crate) fn endpoint(&self) -> Option<(Host<&str>, u16)> {
        Some((self.url.host()?, self.url.port_or_known_default()?))
    }

    /// What proves who asks, in each form that may come back: as it is sent, and the password in it.
    pub(crate) fn credentials(&self) -> Vec<Secret> {
        let Some(authorization) = &self.authorization else { return Vec::new() };
        let sent = authorization.expose().rsplit(' ').next().unwrap_or_default();
        let pair = STANDARD.decode(sent).ok().and_then(|pair| String::from_utf8(pair).ok());
        let password = pair.as_deref().and_then(|pair| pair.split_once(':')).map(|(_, password)| password);
        [Some(sent), password]
            .into_iter()
            .flatten()
            .filter(|text| !text.is_empty())
            .map(Secret::new)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(set: &[(&str, &str)]) -> Proxies {
        Proxies::from_environment(&|name| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[track_caller]
    fn check(set: &[(&str, &str)], url: &str, expected: Option<&str>) {
        let found = proxies(set).of(&Url::parse(url).unwrap()).unwrap();
        assert_eq!(found.map(|proxy| proxy.name()).as_deref(), expected, "{set:?}: {url}");
    }

    #[test]
    fn each_scheme_has_its_proxy() {
        let set = [
            ("HTTP_PROXY", "http://one:3128"),
            ("https_proxy", "http://me:pw@two:3128/"),
            ("ALL_PROXY", "three:3128"),
            ("NO_PROXY", "internal.example, 10.0.0.0/8"),
        ];
        check(&set, "http://mcp.example/mcp", Some("http://one:3128"));
        check(&set, "https://mcp.example:8443/mcp", Some("http://two:3128"));
        check(&set[2..], "https://mcp.example/mcp", Some("http://three:3128"));
        check(&set, "https://a.internal.example/mcp", None);
        check(&set, "http://10.1.2.3/mcp", None);
        check(&[], "http://mcp.example/mcp", None);
        check(&[("HTTP_PROXY", "")], "http://mcp.example/mcp", None);
    }

    #[test]
    fn loopback_is_never_called_through_a_proxy() {
        for url in ["http://127.0.0.1:1/", "https://localhost/", "http://[::1]:8080/"] {
            check(&[("ALL_PROXY", "http://one:3128")], url, None);
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_a_mistake_and_not_passed_by() {
        let url = Url::parse("https://mcp.example/").unwrap();
        for value in ["socks5://one:1080", "https://one:3129", "http://", "ftp://one"] {
            let refused = proxies(&[("HTTPS_PROXY", value)]).of(&url);
            assert_eq!(refused, Err(ProxyError { variable: "HTTPS_PROXY" }), "{value}");
        }
    }

    #[test]
    fn credentials_are_sent_and_never_shown() {
        let proxies = proxies(&[("ALL_PROXY", "http://me:p%40ss@one:3128")]);
        let proxy = proxies.of(&Url::parse("http://mcp.example/").unwrap()).unwrap().unwrap();
        assert_eq!(proxy.authorization.as_ref().unwrap().expose(), "Basic bWU6cEBzcw==");
        assert_eq!(proxy.credentials(), [Secret::new("bWU6cEBzcw=="), Secret::new("p@ss")]);
        let shown = format!("{proxies:?} {proxy:?} {}", proxy.name());
        assert!(!shown.contains("p@ss") && !shown.contains("p%40ss") && !shown.contains("bWU6"), "{shown}");
    }
}
