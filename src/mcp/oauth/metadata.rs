//! Metadata of the target (RFC 9728) and of authorization servers (RFC 8414, OpenID Connect Discovery): where it is sought,
//! and whether it is about whom it was sought for. Pure.

use serde::Deserialize;
use url::Url;

const PROTECTED_RESOURCE: &str = "/.well-known/oauth-protected-resource";
const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

/// What a target says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct ResourceMetadata {
    pub(super) resource: String,
    #[serde(default)]
    pub(super) authorization_servers: Vec<String>,
    #[serde(default)]
    pub(super) scopes_supported: Vec<String>,
}

/// What an authorization server says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct ServerMetadata {
    pub(super) issuer: String,
    pub(super) token_endpoint: String,
    #[serde(default)]
    pub(super) token_endpoint_auth_methods_supported: Vec<String>,
}

/// Where a target's metadata is by convention: for its path first, then for its origin.
pub(super) fn places_of_resource(target: &Url) -> Vec<Url> {
    let path = target.path().trim_end_matches('/');
    let mut places = vec![at(target, &format!("{PROTECTED_RESOURCE}{path}"))];
    if !path.is_empty() {
        places.push(at(target, PROTECTED_RESOURCE));
    }
    places
}

/// Where an authorization server's metadata is by convention, in the order of MCP's specification.
pub(super) fn places_of_server(issuer: &Url) -> Vec<Url> {
    let path = issuer.path().trim_end_matches('/');
    let mut places =
        vec![at(issuer, &format!("{AUTHORIZATION_SERVER}{path}")), at(issuer, &format!("{OPENID}{path}"))];
    if !path.is_empty() {
        places.push(at(issuer, &format!("{path}{OPENID}")));
    }
    places
}

/// True when metadata at `found_at` for `resource` is about `target`: the resource is the target itself or, where the
/// place is the conventional one of something that the target lies in (its origin), that.
pub(super) fn is_about(resource: &str, found_at: &Url, target: &Url) -> bool {
    let Ok(resource) = Url::parse(resource) else { return false };
    let mut whole = bare(target);
    if resource == whole {
        return true;
    }
    whole.set_query(None);
    if resource == whole {
        return true;
    }
    let Some(of_place) = found_at.path().strip_prefix(PROTECTED_RESOURCE) else { return false };
    let within = whole.path().strip_prefix(of_place.trim_end_matches('/'));
    within.is_some_and(|rest| rest.starts_with('/')) && resource == at(target, of_place)
}

/// The target as the `resource` of a token request (RFC 8707), where no metadata names it.
pub(super) fn resource_of(target: &Url) -> String {
    let bare = bare(target);
    let text = bare.as_str();
    if bare.path() == "/" && bare.query().is_none() {
        text.trim_end_matches('/').to_owned()
    } else {
        text.to_owned()
    }
}

/// Without what is nobody's business: credentials and fragment.
fn bare(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_fragment(None);
    // Neither fails for a URL with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// `path` on the origin of `url`.
fn at(url: &Url, path: &str) -> Url {
    let mut place = bare(url);
    place.set_query(None);
    place.set_path(path);
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn texts(urls: &[Url]) -> Vec<&str> {
        urls.iter().map(Url::as_str).collect()
    }

    #[test]
    fn metadata_is_sought_for_the_path_first() {
        assert_eq!(
            texts(&places_of_resource(&url("https://me:pw@h:8443/public/mcp/?x=1#f"))),
            [
                "https://h:8443/.well-known/oauth-protected-resource/public/mcp",
                "https://h:8443/.well-known/oauth-protected-resource",
            ]
        );
        assert_eq!(
            texts(&places_of_resource(&url("https://h"))),
            ["https://h/.well-known/oauth-protected-resource"]
        );
        assert_eq!(
            texts(&places_of_server(&url("https://auth.example/tenant1"))),
            [
                "https://auth.example/.well-known/oauth-authorization-server/tenant1",
                "https://auth.example/.well-known/openid-configuration/tenant1",
                "https://auth.example/tenant1/.well-known/openid-configuration",
            ]
        );
        assert_eq!(
            texts(&places_of_server(&url("https://auth.example/"))),
            [
                "https://auth.example/.well-known/oauth-authorization-server",
                "https://auth.example/.well-known/openid-configuration",
            ]
        );
    }

    #[track_caller]
    fn check(resource: &str, found_at: &str, expected: bool) {
        let found_at = url(&format!("https://h{found_at}"));
        assert_eq!(is_about(resource, &found_at, &url("https://h/api/mcp?x=1")), expected, "{resource}");
    }

    #[test]
    fn metadata_must_be_about_the_target() {
        let well_known = |path: &str| format!("{PROTECTED_RESOURCE}{path}");
        check("https://h/api/mcp", &well_known("/api/mcp"), true);
        check("https://H:443/api/mcp?x=1", &well_known("/api/mcp"), true);
        check("https://h/api/mcp", "/anywhere.json", true);
        check("https://h", &well_known(""), true);
        check("https://h/", &well_known(""), true);
        check("https://h/api", &well_known("/api"), true);
        check("https://h/api", &well_known(""), false);
        check("https://h", &well_known("/api/mcp"), false);
        check("https://h", "/anywhere.json", false);
        check("https://h/ap", &well_known("/ap"), false);
        check("https://h/other", &well_known("/other"), false);
        check("https://evil.example/api/mcp", &well_known("/api/mcp"), false);
        check("http://h/api/mcp", &well_known("/api/mcp"), false);
        check("mcp", &well_known("/api/mcp"), false);
    }

    #[test]
    fn a_target_is_named_without_a_lone_slash() {
        assert_eq!(resource_of(&url("https://H/")), "https://h");
        assert_eq!(resource_of(&url("https://me@h/mcp#x")), "https://h/mcp");
        assert_eq!(resource_of(&url("https://h/?x=1")), "https://h/?x=1");
    }
}
