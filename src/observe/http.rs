//! One request at a time to one URL: limited in time and size, never redirected, through a proxy by the same rule as
//! the load.
//!
//! Knows nothing of what the answers mean.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, RequestBuilder};
use url::Url;

use super::{ObserveError, ObserveOptions};
use crate::plan::{Proxies, Proxy};

/// Asks one URL, over a connection of its own that is kept open.
#[derive(Debug)]
pub(super) struct Fetcher {
    client: Client,
    url: Url,
    time_limit: Duration,
    body_limit: usize,
}

/// Who asks, and by which way.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) user_agent: &'a str,
    pub(super) proxies: &'a Proxies,
}

/// An answer, whatever its status.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: Option<String>,
    pub(super) body: Body,
}

/// An answer's body.
pub(super) enum Body {
    Whole(Vec<u8>),
    /// It was larger than the limit; this many bytes were read.
    TooLarge(u64),
}

/// Why there was no whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoReply {
    Timeout,
    /// In a word.
    Broken(&'static str),
}

impl Body {
    /// How much was read.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::TooLarge(read) => *read,
        }
    }
}

impl NoReply {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Broken(word) => word,
        }
    }
}

impl Fetcher {
    pub(super) fn new(
        options: &ObserveOptions,
        url: Url,
        time_limit: Duration,
        body_limit: usize,
    ) -> Result<Self, ObserveError> {
        Self::with_headers(options, url, HeaderMap::new(), time_limit, body_limit)
    }

    /// [`Self::new`], with these headers on each request. One of them may stand in place of the target's credentials.
    pub(super) fn with_headers(
        options: &ObserveOptions,
        url: Url,
        mut headers: HeaderMap,
        time_limit: Duration,
        body_limit: usize,
    ) -> Result<Self, ObserveError> {
        let own = options.target.as_ref().is_some_and(|target| url.origin() == target.origin());
        let told = headers.contains_key(AUTHORIZATION);
        if let Some(secret) = options.authorization.as_ref().filter(|_| own && !told) {
            let mut value =
                HeaderValue::from_str(secret.expose()).map_err(|_| ObserveError::Header("Authorization"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut client = Client::builder();
        if let Some(tls) = options.tls.clone().filter(|_| own) {
            client = client.tls_backend_preconfigured(tls);
        }
        let asker = Asker { user_agent: &options.user_agent, proxies: &options.proxies };
        Self::built(client, asker, url, headers, time_limit, body_limit)
    }

    /// For what is no part of the target: with these headers alone, trusted as the platform trusts it.
    pub(super) fn elsewhere(
        asker: Asker<'_>,
        url: Url,
        headers: HeaderMap,
        time_limit: Duration,
        body_limit: usize,
    ) -> Result<Self, ObserveError> {
        Self::built(Client::builder(), asker, url, headers, time_limit, body_limit)
    }

    fn built(
        mut client: ClientBuilder,
        asker: Asker<'_>,
        url: Url,
        headers: HeaderMap,
        time_limit: Duration,
        body_limit: usize,
    ) -> Result<Self, ObserveError> {
        let user_agent =
            HeaderValue::from_str(asker.user_agent).map_err(|_| ObserveError::Header("User-Agent"))?;
        client = match asker.proxies.of(&url)? {
            None => client.no_proxy(),
            Some(proxy) => client.proxy(through(&proxy)?),
        };
        let client = client
            .default_headers(headers)
            .user_agent(user_agent)
            .redirect(Policy::none())
            .pool_max_idle_per_host(1)
            .build()
            .map_err(ObserveError::Client)?;
        Ok(Self { client, url, time_limit, body_limit })
    }

    pub(super) async fn get(&self, accept: &'static str) -> Result<Reply, NoReply> {
        self.get_from(self.url.clone(), accept).await
    }

    /// [`Self::get`] from another URL of the same origin.
    pub(super) async fn get_from(&self, url: Url, accept: &'static str) -> Result<Reply, NoReply> {
        self.answer_to(self.client.get(url).header(ACCEPT, accept)).await
    }

    /// Posts JSON to a URL of the same origin.
    pub(super) async fn post_json(&self, url: Url, body: Vec<u8>) -> Result<Reply, NoReply> {
        const JSON: &str = "application/json";
        let request = self.client.post(url).header(ACCEPT, JSON).header(CONTENT_TYPE, JSON).body(body);
        self.answer_to(request).await
    }

    async fn answer_to(&self, request: RequestBuilder) -> Result<Reply, NoReply> {
        match tokio::time::timeout(self.time_limit, self.read(request)).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) => Err(NoReply::Broken(word_for(&error))),
            Err(_elapsed) => Err(NoReply::Timeout),
        }
    }

    async fn read(&self, request: RequestBuilder) -> Result<Reply, reqwest::Error> {
        let mut response = request.send().await?;
        let status = response.status().as_u16();
        let content_type =
            response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > self.body_limit {
                return Ok(Reply { status, content_type, body: Body::TooLarge(bytes.len() as u64) });
            }
        }
        Ok(Reply { status, content_type, body: Body::Whole(bytes) })
    }
}

fn through(proxy: &Proxy) -> Result<reqwest::Proxy, ObserveError> {
    let mut through = reqwest::Proxy::all(proxy.url.clone()).map_err(ObserveError::Client)?;
    if let Some(authorization) = &proxy.authorization {
        let header = HeaderValue::from_str(authorization.expose());
        through = through.custom_http_auth(header.map_err(|_| ObserveError::Header("Proxy-Authorization"))?);
    }
    Ok(through)
}

fn word_for(error: &reqwest::Error) -> &'static str {
    let chain = std::iter::successors(Some(error as &(dyn Error + 'static)), |&error| error.source());
    chain.into_iter().find_map(known_cause).unwrap_or(if error.is_connect() {
        "unreachable"
    } else {
        "broken"
    })
}

fn known_cause(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(io) = error.downcast_ref::<io::Error>() {
        return word_for_io(io.kind());
    }
    if let Some(http) = error.downcast_ref::<hyper::Error>() {
        return if http.is_incomplete_message() {
            Some("eof")
        } else if http.is_parse() {
            Some("malformed")
        } else {
            None
        };
    }
    error.to_string().starts_with("dns error").then_some("dns")
}

fn word_for_io(kind: io::ErrorKind) -> Option<&'static str> {
    [
        (io::ErrorKind::ConnectionRefused, "refused"),
        (io::ErrorKind::ConnectionReset, "reset"),
        (io::ErrorKind::BrokenPipe, "reset"),
        (io::ErrorKind::UnexpectedEof, "eof"),
    ]
    .into_iter()
    .find_map(|(known, word)| (known == kind).then_some(word))
}
