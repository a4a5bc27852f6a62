//! Writes metric families as Prometheus text 0.0.4 or as OpenMetrics 1.0. The two differ in the names of counters
//! and info metrics, in their types, and in the last line.
//!
//! `prometheus-client` writes OpenMetrics only, has no summary, and takes a lock for each observation.

use std::fmt::Write as _;

/// Which of the two text formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::demo) enum Format {
    Text,
    OpenMetrics,
}

/// What a family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
    Info,
}

/// A scrape's answer in the making.
pub(super) struct Exposition {
    format: Format,
    out: String,
    /// The family under way, as its samples are named (without a suffix that the format adds).
    name: &'static str,
    /// The family that is left out.
    without: Option<String>,
}

impl Format {
    /// What an `Accept` header asks for; text when it asks for neither.
    pub(in crate::demo) fn asked_for(accept: Option<&str>) -> Self {
        let open_metrics = accept.is_some_and(|accept| {
            accept.split(',').any(|entry| entry.trim_start().starts_with("application/openmetrics-text"))
        });
        if open_metrics { Self::OpenMetrics } else { Self::Text }
    }

    /// The answer's `Content-Type`.
    pub(in crate::demo) const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl Exposition {
    pub(super) fn new(format: Format) -> Self {
        Self { format, out: String::with_capacity(32 * 1024), name: "", without: None }
    }

    /// The same without the family whose samples are called so.
    pub(super) fn without(self, name: Option<&str>) -> Self {
        Self { without: name.map(str::to_owned), ..self }
    }

    fn is_left_out(&self) -> bool {
        self.without.as_deref() == Some(self.name)
    }

    /// Opens a family. `name` is as its samples carry it: with `_total` or `_info`.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        self.name = name;
        if self.is_left_out() {
            return;
        }
        let (family, kind) = match (self.format, kind) {
            (Format::OpenMetrics, Kind::Counter) => (name.strip_suffix("_total").unwrap_or(name), "counter"),
            (Format::OpenMetrics, Kind::Info) => (name.strip_suffix("_info").unwrap_or(name), "info"),
            (Format::Text, Kind::Info) | (_, Kind::Gauge) => (name, "gauge"),
            (Format::Text, Kind::Counter) => (name, "counter"),
            (_, Kind::Histogram) => (name, "histogram"),
            (_, Kind::Summary) => (name, "summary"),
        };
        let _ = writeln!(self.out, "# HELP {family} {help}\n# TYPE {family} {kind}");
    }

    /// One sample of the open family.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        self.suffixed("", labels, value);
    }

    /// One sample of the open family, its name followed by `suffix`.
    pub(super) fn suffixed(&mut self, suffix: &str, labels: &[(&str, &str)], value: f64) {
        if self.is_left_out() {
            return;
        }
        let _ = write!(self.out, "{}{suffix}", self.name);
        for (i, (name, text)) in labels.iter().enumerate() {
            self.out.push(if i == 0 { '{' } else { ',' });
            let _ = write!(self.out, "{name}=\"");
            self.escaped(text);
            self.out.push('"');
        }
        if !labels.is_empty() {
            self.out.push('}');
        }
        let _ = writeln!(self.out, " {}", Number(value));
    }

    /// The whole text.
    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
        self.out
    }

    fn escaped(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '\\' => self.out.push_str("\\\\"),
                '"' => self.out.push_str("\\\""),
                '\n' => self.out.push_str("\\n"),
                c => self.out.push(c),
            }
        }
    }
}

/// A sample's value as both formats write it.
struct Number(f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == f64::INFINITY { f.write_str("+Inf") } else { write!(f, "{}", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exposition(format: Format) -> String {
        let mut out = Exposition::new(format);
        out.family("calls_total", Kind::Counter, "Calls.");
        out.sample(&[("tool", "a\"b\\c\nd"), ("status", "ok")], 3.0);
        out.family("build_info", Kind::Info, "Build.");
        out.sample(&[("version", "1")], 1.0);
        out.family("seconds", Kind::Histogram, "Seconds.");
        out.suffixed("_bucket", &[("le", "+Inf")], 2.0);
        out.suffixed("_sum", &[], 0.25);
        out.finish()
    }

    #[test]
    fn text_keeps_the_full_names() {
        assert_eq!(
            exposition(Format::Text),
            "# HELP calls_total Calls.\n# TYPE calls_total counter\n\
             calls_total{tool=\"a\\\"b\\\\c\\nd\",status=\"ok\"} 3\n\
             # HELP build_info Build.\n# TYPE build_info gauge\nbuild_info{version=\"1\"} 1\n\
             # HELP seconds Seconds.\n# TYPE seconds histogram\nseconds_bucket{le=\"+Inf\"} 2\nseconds_sum 0.25\n"
        );
    }

    #[test]
    fn open_metrics_names_the_family_without_its_suffix_and_ends() {
        let text = exposition(Format::OpenMetrics);
        assert!(text.contains("# TYPE calls counter\ncalls_total{"), "{text}");
        assert!(text.contains("# TYPE build info\nbuild_info{"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn the_format_follows_the_accept_header() {
        let prometheus =
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::asked_for(Some(prometheus)), Format::OpenMetrics);
        assert_eq!(Format::asked_for(Some("text/plain")), Format::Text);
        assert_eq!(Format::asked_for(None), Format::Text);
    }
}
