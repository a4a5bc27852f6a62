//! Header fields as they go over the wire: written once, copied for each request.

use std::fmt;

use http::{HeaderMap, HeaderValue};

use crate::model::Secret;

/// Header fields, each with its line's end. Its debug form shows no values: some are credentials.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    bytes: Vec<u8>,
}

impl Fields {
    /// All of `headers`.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut fields = Self::default();
        for (name, value) in headers {
            write_field(name.as_str(), value.as_bytes(), &mut fields.bytes);
        }
        fields
    }

    /// As they go over the wire.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The value of `name`, in lower case.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let line = self.lines().find(|line| is_named(line, name))?;
        std::str::from_utf8(&line[name.len() + 2..line.len() - 2]).ok()
    }

    /// True when `name`, in lower case, is among them.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.lines().any(|line| is_named(line, name))
    }

    /// Puts `name`, in lower case, to `value`.
    pub(crate) fn set(&mut self, name: &str, value: &HeaderValue) {
        self.remove(name);
        write_field(name, value.as_bytes(), &mut self.bytes);
    }

    /// Takes `name`, in lower case, out.
    pub(crate) fn remove(&mut self, name: &str) {
        if self.contains(name) {
            self.bytes = self.lines().filter(|line| !is_named(line, name)).flatten().copied().collect();
        }
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.split_inclusive(|&byte| byte == b'\n')
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.lines().map(|line| {
            String::from_utf8_lossy(line.split(|&byte| byte == b':').next().unwrap_or_default()).into_owned()
        });
        formatter.debug_list().entries(names).finish()
    }
}

/// Writes one header field.
pub(crate) fn write_field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

fn is_named(line: &[u8], name: &str) -> bool {
    line.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b": "))
}

/// `Bearer TOKEN` as a header; `None` when the token can't stand in one.
pub(crate) fn bearer(token: &Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_set_and_taken_out() {
        let mut fields = Fields::default();
        fields.set("authorization", &HeaderValue::from_static("Bearer one"));
        fields.set("mcp-session-id", &HeaderValue::from_static("abc"));
        fields.set("authorization", &HeaderValue::from_static("Bearer two"));
        assert_eq!(fields.as_bytes(), b"mcp-session-id: abc\r\nauthorization: Bearer two\r\n");
        assert_eq!(format!("{fields:?}"), r#"["mcp-session-id", "authorization"]"#);
        assert_eq!(fields.get("mcp-session-id"), Some("abc"));
        fields.remove("mcp-session-id");
        assert!(!fields.contains("mcp-session-id") && fields.contains("authorization"));
    }
}
