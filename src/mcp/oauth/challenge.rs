//! What `WWW-Authenticate` says about bearer tokens (RFC 9110 section 11.6.1, RFC 6750 section 3, RFC 9728 section 5.1).

/// The parameters of a `Bearer` challenge that say how to get in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct BearerChallenge {
    pub(crate) error: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) resource_metadata: Option<String>,
}

impl BearerChallenge {
    /// The first of each parameter among the `Bearer` challenges of a list; nothing is an error: servers write what they
    /// like.
    pub(crate) fn read(list: &str) -> Self {
        let mut found = Self::default();
        let mut bearer = false;
        let mut rest = list;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            let end = rest.find([' ', '\t', ',', '=', '"']).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let Some(value) = after.trim_start_matches([' ', '\t']).strip_prefix('=') else {
                if rest.is_empty() {
                    return found;
                }
                bearer = word.eq_ignore_ascii_case("bearer");
                // A stray mark must not stop the reader.
                rest = after.strip_prefix('"').unwrap_or(after);
                continue;
            };
            let (value, after) = read_value(value.trim_start_matches([' ', '\t']));
            rest = after;
            let place = match word.to_ascii_lowercase().as_str() {
                "error" => &mut found.error,
                "scope" => &mut found.scope,
                "resource_metadata" => &mut found.resource_metadata,
                _ => continue,
            };
            if bearer && place.is_none() {
                *place = Some(value);
            }
        }
    }
}

/// The scope that a refusal asks for with `insufficient_scope`, in its own words; may be empty.
pub(crate) fn insufficient_scope(list: &str) -> Option<String> {
    let challenge = BearerChallenge::read(list);
    (challenge.error.as_deref() == Some("insufficient_scope")).then(|| challenge.scope.unwrap_or_default())
}

/// A quoted text or a word, and what is behind it.
fn read_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(list: &str, error: Option<&str>, scope: Option<&str>, metadata: Option<&str>) {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let expected =
            BearerChallenge { error: own(error), scope: own(scope), resource_metadata: own(metadata) };
        assert_eq!(BearerChallenge::read(list), expected, "{list}");
    }

    #[test]
    fn the_parameters_of_bearer_are_found_among_others() {
        let url = "https://mcp.example/.well-known/oauth-protected-resource";
        check(&format!("Bearer resource_metadata=\"{url}\""), None, None, Some(url));
        check(
            &format!(
                "Basic realm=\"a, Bearer scope=x\", bearer ERROR = invalid_token , scope=\"a b\",resource_metadata={url}"
            ),
            Some("invalid_token"),
            Some("a b"),
            Some(url),
        );
        check(
            "Negotiate abc==, Bearer realm=\"say \\\"hi\\\"\", scope=\"one\", scope=two",
            None,
            Some("one"),
            None,
        );
        check("DPoP scope=\"x\", Basic scope=y", None, None, None);
        check("Bearer", None, None, None);
        check("Bearer scope=\"no end", None, Some("no end"), None);
        check("", None, None, None);
    }

    #[test]
    fn a_scope_that_is_missing_is_told() {
        let refused = "Bearer error=\"insufficient_scope\", scope=\"files:read files:write\"";
        assert_eq!(insufficient_scope(refused).as_deref(), Some("files:read files:write"));
        assert_eq!(insufficient_scope("Bearer error=insufficient_scope").as_deref(), Some(""));
        assert_eq!(insufficient_scope("Bearer error=invalid_token, scope=x"), None);
    }

    proptest! {
        #[test]
        fn no_text_brings_the_reader_down(text in "(Bearer|scope|=|\"|\\\\|,| |x|é){0,24}") {
            let _ = BearerChallenge::read(&text);
        }
    }
}
