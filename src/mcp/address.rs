//! Where connections go, resolved once, so that every user meets the same addresses and trusts the same certificates.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use url::{Host, Url};

use super::tls::{TlsError, client_config};
use crate::model::without_credentials;
use crate::plan::{HttpVersion, Proxies, Proxy, ProxyError, Transport};

/// Where connections go, and what is spoken there.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(super) sockets: Vec<SocketAddr>,
    pub(super) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub(super) http: HttpVersion,
    pub(super) route: Route,
}

/// What lies between us and the target.
#[derive(Debug, Clone)]
pub(super) enum Route {
    /// Nothing.
    Direct,
    /// A proxy that reads each request and makes one of its own.
    Forward(Proxy),
    /// A proxy that passes bytes on to this host and port.
    Tunnel(Proxy, String),
}

/// Why there is no address to connect to.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Neither `http` nor `https`, or no host. The URL is shown without credentials.
    #[error("`{}` is not an http or https URL with a host", without_credentials(.0.as_str()))]
    Unsupported(Url),
    /// The name could not be resolved.
    #[error("failed to resolve `{0}`")]
    Resolve(String, #[source] io::Error),
    /// TLS could not be set up.
    #[error("failed to set up TLS")]
    Tls(#[from] TlsError),
    /// The environment names a proxy that can't be used.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}

impl Address {
    /// Resolves the host of `url`, or of the proxy that it is reached through, and prepares TLS when its scheme asks for
    /// it.
    pub(crate) async fn resolve(
        url: &Url,
        transport: &Transport,
        proxies: &Proxies,
    ) -> Result<Self, AddressError> {
        let unsupported = || AddressError::Unsupported(url.clone());
        let tls = match url.scheme() {
            "http" => None,
            "https" => {
                let mut config = client_config(&transport.tls)?;
                config.alpn_protocols = vec![alpn(transport.http).to_vec()];
                let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
                let name = ServerName::try_from(host).map_err(|_| unsupported())?;
                Some((Arc::new(config), name))
            }
            _ => return Err(unsupported()),
        };
        let endpoint =
            (url.host().ok_or_else(unsupported)?, url.port_or_known_default().ok_or_else(unsupported)?);
        let route = match proxies.of(url)? {
            None => Route::Direct,
            Some(proxy) if tls.is_none() && transport.http == HttpVersion::Http1 => Route::Forward(proxy),
            Some(proxy) => Route::Tunnel(proxy, format!("{}:{}", endpoint.0, endpoint.1)),
        };
        // The target's name is resolved by the proxy, where there is one.
        let endpoint = route.proxy().and_then(Proxy::endpoint).unwrap_or(endpoint);
        let sockets = sockets_of(endpoint).await?;
        Ok(Self { sockets, tls, http: transport.http, route })
    }

    /// The proxy on the way.
    pub(super) fn proxy(&self) -> Option<&Proxy> {
        self.route.proxy()
    }

    /// The client's side of TLS for whoever else asks the target, with no protocol offered; `None` for plain text.
    pub(super) fn tls(&self) -> Option<ClientConfig> {
        let (config, _) = self.tls.as_ref()?;
        let mut config = ClientConfig::clone(config);
        config.alpn_protocols = Vec::new();
        Some(config)
    }
}

fn alpn(http: HttpVersion) -> &'static [u8] {
    match http {
        HttpVersion::Http1 => b"http/1.1",
        HttpVersion::Http2 => b"h2",
    }
}

impl Route {
    fn proxy(&self) -> Option<&Proxy> {
        match self {
            Self::Direct => None,
            Self::Forward(proxy) | Self::Tunnel(proxy, _) => Some(proxy),
        }
    }
}

async fn sockets_of((host, port): (Host<&str>, u16)) -> Result<Vec<SocketAddr>, AddressError> {
    Ok(match host {
        Host::Ipv4(address) => vec![(address, port).into()],
        Host::Ipv6(address) => vec![(address, port).into()],
        Host::Domain(name) => tokio::net::lookup_host((name, port))
            .await
            .map_err(|error| AddressError::Resolve(name.to_owned(), error))?
            .collect(),
    })
}
