//! The lines of exposition text: heads of families, samples, the end. Knows what may follow what.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::cursor::{Cursor, Fault};
use super::{Exposition, Family, Format, MetricKind, Sample};
use crate::model::Labels;

/// Reads `text`, or gives its first mistake.
pub(super) fn read(text: &str, format: Format, max_samples: usize) -> Result<Exposition, Fault> {
    let mut reader = Reader {
        cursor: Cursor::new(text, format),
        format,
        max_samples,
        exposition: Exposition::default(),
        heads: HashMap::new(),
        sampled: HashSet::new(),
        sample_starts: Vec::new(),
        ended: false,
    };
    while reader.cursor.peek().is_some() {
        reader.line()?;
    }
    if format == Format::OpenMetrics && !reader.ended {
        return reader.cursor.fail("the text ends without `# EOF`");
    }
    refuse_duplicates(&reader.exposition.samples, &reader.sample_starts)?;
    Ok(reader.exposition)
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    format: Format,
    max_samples: usize,
    exposition: Exposition,
    /// By name: which family, and which lines of its head were seen.
    heads: HashMap<String, Head>,
    /// Names that samples were seen of.
    sampled: HashSet<String>,
    /// Where each sample begins.
    sample_starts: Vec<usize>,
    ended: bool,
}

struct Head {
    family: usize,
    seen: [bool; 3],
}

/// The lines of a family's head.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HeadLine {
    Help,
    Type,
    Unit,
}

impl HeadLine {
    const fn keyword(self) -> &'static str {
        match self {
            Self::Help => "HELP",
            Self::Type => "TYPE",
            Self::Unit => "UNIT",
        }
    }
}

impl<'a> Reader<'a> {
    fn line(&mut self) -> Result<(), Fault> {
        if self.ended {
            return self.cursor.fail("content after `# EOF`");
        }
        self.cursor.blanks();
        if self.format == Format::Text && self.cursor.at_line_end() {
            return self.cursor.line_end();
        }
        let start = self.cursor.at();
        if self.cursor.eat(b'#') { self.comment(start) } else { self.sample() }
    }

    fn comment(&mut self, start: usize) -> Result<(), Fault> {
        match self.format {
            Format::Text => _ = self.cursor.blanks(),
            Format::OpenMetrics => self.cursor.separator()?,
        }
        let line = match (self.cursor.word(), self.format) {
            ("HELP", _) => HeadLine::Help,
            ("TYPE", _) => HeadLine::Type,
            ("UNIT", Format::OpenMetrics) => HeadLine::Unit,
            ("EOF", Format::OpenMetrics) => {
                self.ended = true;
                return self.cursor.line_end();
            }
            (_, Format::OpenMetrics) => {
                return Err(Fault::malformed(start, "expected `HELP`, `TYPE`, `UNIT` or `EOF` after `#`"));
            }
            (_, Format::Text) => {
                while !self.cursor.at_line_end() {
                    self.cursor.blanks();
                    self.cursor.word();
                }
                return self.cursor.line_end();
            }
        };
        self.head_line(line)
    }

    fn head_line(&mut self, line: HeadLine) -> Result<(), Fault> {
        self.cursor.separator()?;
        let name_at = self.cursor.at();
        let name = self.cursor.plain_or_quoted_metric_name()?;
        let family = self.open_family(line, &name, name_at)?;
        match line {
            HeadLine::Help => {
                if !self.cursor.at_line_end() {
                    self.cursor.separator()?;
                }
                self.exposition.families[family].help = self.cursor.help()?.into_owned();
            }
            HeadLine::Type => {
                self.cursor.separator()?;
                self.exposition.families[family].kind = self.kind()?;
                self.cursor.blanks();
            }
            HeadLine::Unit => {
                self.cursor.separator()?;
                let unit_at = self.cursor.at();
                let unit = self.cursor.word();
                if !unit.is_empty() && !name.strip_suffix(unit).is_some_and(|stem| stem.ends_with('_')) {
                    return Err(Fault::malformed(unit_at, "the family's name does not end with its unit"));
                }
            }
        }
        self.cursor.line_end()
    }

    /// The family called `name`, to which a line of its head is about to be added.
    fn open_family(&mut self, line: HeadLine, name: &str, at: usize) -> Result<usize, Fault> {
        if line == HeadLine::Type && self.sampled.contains(name) {
            return Err(Fault::malformed(at, "`# TYPE` after samples of the same name"));
        }
        let families = &mut self.exposition.families;
        let head = self.heads.entry(name.to_owned()).or_insert_with(|| {
            families.push(Family { name: name.to_owned(), kind: MetricKind::Untyped, help: String::new() });
            Head { family: families.len() - 1, seen: [false; 3] }
        });
        let seen = &mut head.seen[line as usize];
        if *seen {
            return Err(Fault::malformed(at, format!("second `# {}` for the same name", line.keyword())));
        }
        *seen = true;
        Ok(head.family)
    }

    fn kind(&mut self) -> Result<MetricKind, Fault> {
        let start = self.cursor.at();
        match (self.cursor.word(), self.format) {
            ("counter", _) => Ok(MetricKind::Counter),
            ("gauge", _) => Ok(MetricKind::Gauge),
            ("histogram", _) => Ok(MetricKind::Histogram),
            ("summary", _) => Ok(MetricKind::Summary),
            ("untyped", Format::Text) | ("unknown", Format::OpenMetrics) => Ok(MetricKind::Untyped),
            ("gaugehistogram" | "stateset" | "info", Format::OpenMetrics) => Ok(MetricKind::Other),
            _ => Err(Fault::malformed(start, "unknown metric type")),
        }
    }

    fn sample(&mut self) -> Result<(), Fault> {
        let start = self.cursor.at();
        if self.exposition.samples.len() == self.max_samples {
            return Err(Fault::too_many_samples(start, self.max_samples));
        }
        let mut name = None;
        if self.cursor.peek() != Some(b'{') {
            name = Some(Cow::Borrowed(self.cursor.metric_name()?));
        }
        let spaced = self.cursor.blanks();
        let mut labels = Labels::new();
        if self.cursor.peek() == Some(b'{') {
            labels = self.labels(&mut name)?;
            self.space_after_labels()?;
        } else if !spaced {
            self.cursor.separator()?;
        }
        let Some(name) = name else { return Err(Fault::malformed(start, "the metric name is missing")) };
        let value = self.cursor.value()?;
        self.rest_of_sample()?;
        if self.exposition.samples.last().is_none_or(|last| last.name != name) {
            self.sampled.insert(name.clone().into_owned());
        }
        self.sample_starts.push(start);
        self.exposition.samples.push(Sample { name: name.into_owned(), labels, value });
        Ok(())
    }

    fn space_after_labels(&mut self) -> Result<(), Fault> {
        match self.format {
            Format::Text => {
                self.cursor.blanks();
                Ok(())
            }
            Format::OpenMetrics => self.cursor.separator(),
        }
    }

    /// `{name="value", ...}`; a quoted text without a value is the metric's name.
    fn labels(&mut self, metric: &mut Option<Cow<'a, str>>) -> Result<Labels, Fault> {
        let mut labels = Labels::new();
        let mut any_empty = false;
        self.cursor.eat(b'{');
        self.cursor.blanks();
        while !self.cursor.eat(b'}') {
            let start = self.cursor.at();
            let is_quoted = self.cursor.peek() == Some(b'"');
            let name =
                if is_quoted { self.cursor.quoted()? } else { Cow::Borrowed(self.cursor.label_name()?) };
            self.cursor.blanks();
            if self.cursor.eat(b'=') {
                any_empty |= self.label_value(start, name, &mut labels)?;
            } else if !is_quoted {
                return self.cursor.fail("expected `=`");
            } else if name.is_empty() {
                return Err(Fault::malformed(start, "the metric name is empty"));
            } else if metric.replace(name).is_some() {
                return Err(Fault::malformed(start, "second metric name"));
            }
            self.cursor.blanks();
            if self.cursor.eat(b',') {
                self.cursor.blanks();
            } else if self.cursor.peek() != Some(b'}') {
                return self.cursor.fail("expected `,` or `}`");
            }
        }
        Ok(if any_empty { labels.iter().filter(|(_, value)| !value.is_empty()).collect() } else { labels })
    }

    /// Adds one label; true when its value is empty.
    fn label_value(&mut self, at: usize, name: Cow<'a, str>, labels: &mut Labels) -> Result<bool, Fault> {
        if name.is_empty() || name == "__name__" {
            return Err(Fault::malformed(at, "a label cannot have this name"));
        }
        self.cursor.blanks();
        let value = self.cursor.quoted()?;
        let is_empty = value.is_empty();
        match labels.insert(name, value) {
            None => Ok(is_empty),
            Some(_) => Err(Fault::malformed(at, "second label of this name")),
        }
    }

    /// What may follow a value: a timestamp and, in OpenMetrics, an exemplar.
    fn rest_of_sample(&mut self) -> Result<(), Fault> {
        match self.format {
            Format::Text => {
                self.cursor.blanks();
                if !self.cursor.at_line_end() {
                    self.cursor.timestamp()?;
                    self.cursor.blanks();
                }
            }
            Format::OpenMetrics => {
                let mut spaced = self.cursor.eat(b' ');
                if spaced && self.cursor.peek() != Some(b'#') {
                    self.cursor.timestamp()?;
                    spaced = self.cursor.eat(b' ');
                }
                if spaced {
                    self.exemplar()?;
                }
            }
        }
        self.cursor.line_end()
    }

    /// `# {labels} value [timestamp]`
    fn exemplar(&mut self) -> Result<(), Fault> {
        let start = self.cursor.at();
        if !self.cursor.eat(b'#') {
            return self.cursor.fail("expected an exemplar");
        }
        self.cursor.separator()?;
        if self.cursor.peek() != Some(b'{') {
            return self.cursor.fail("expected the exemplar's labels");
        }
        let mut name = None;
        self.labels(&mut name)?;
        if name.is_some() {
            return Err(Fault::malformed(start, "an exemplar has no metric name"));
        }
        self.cursor.separator()?;
        self.cursor.value()?;
        if self.cursor.eat(b' ') { self.cursor.timestamp() } else { Ok(()) }
    }
}

fn refuse_duplicates(samples: &[Sample], starts: &[usize]) -> Result<(), Fault> {
    let mut seen = HashSet::with_capacity(samples.len());
    let second = samples.iter().position(|sample| !seen.insert((sample.name.as_str(), &sample.labels)));
    match second {
        None => Ok(()),
        Some(index) => Err(Fault::malformed(starts[index], "second sample of the same name and labels")),
    }
}
