//! `host:port` taken apart, as Go's `net` does it.

use std::net::IpAddr;

/// `a.b:80` as `a.b`; what has no port stays.
pub(super) fn strip_port(text: &str) -> &str {
    split(text).map_or(text, |(host, _)| host)
}

/// `a.b:80` as `a:80`; addresses stay.
pub(super) fn strip_domain(text: &str) -> String {
    let (host, port) = split(text).unwrap_or((text, ""));
    if host.parse::<IpAddr>().is_ok() {
        return text.to_owned();
    }
    let first = host.split('.').next().unwrap_or_default();
    match (port, first.contains(':')) {
        ("", _) => first.to_owned(),
        (port, true) => format!("[{first}]:{port}"),
        (port, false) => format!("{first}:{port}"),
    }
}

fn split(text: &str) -> Option<(&str, &str)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']')?;
            (host, behind.strip_prefix(':')?)
        }
        None => text.rsplit_once(':').filter(|(host, _)| !host.contains(':'))?,
    };
    let plain = |part: &str| !part.contains(['[', ']']);
    (plain(host) && plain(port) && !port.contains(':')).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_domains_are_taken_off() {
        for (text, without_port, without_domain) in [
            ("a.b.c:80", "a.b.c", "a:80"),
            ("a.b.c", "a.b.c", "a"),
            ("10.0.0.1:80", "10.0.0.1", "10.0.0.1:80"),
            ("[::1]:80", "::1", "[::1]:80"),
            ("::1", "::1", "::1"),
            ("a:b:c", "a:b:c", "a:b:c"),
            ("", "", ""),
        ] {
            assert_eq!((strip_port(text), &*strip_domain(text)), (without_port, without_domain), "{text}");
        }
    }
}
