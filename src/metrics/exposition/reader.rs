//! The lines of exposition text: heads of families, samples, the end. Knows what may follow what.

use std::borrow::Cow;
use std::collections::HashMap;

use super::cursor::{Cursor, Fault};
use super::{ExpositionError, Family, Format, MetricKind};
use crate::model::Labels;

/// A whole text, checked. Series are kept as they are written: who has seen one before need not read it again.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    text: &'a str,
    format: Format,
    pub(crate) families: Vec<Family>,
    pub(crate) samples: Vec<RawSample<'a>>,
}

/// One line of samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawSample<'a> {
    /// Name and labels, as written.
    pub(crate) series: &'a str,
    pub(crate) value: f64,
    /// Its own time, in milliseconds since 1970.
    pub(crate) stamp_ms: Option<i64>,
    at: usize,
}

impl<'a> Scan<'a> {
    /// Reads `text`, or gives its first mistake. A series may come more than once.
    pub(crate) fn of(text: &'a str, format: Format, max_samples: usize) -> Result<Self, ExpositionError> {
        read(text, format, max_samples).map_err(|fault| fault.located_in(text))
    }

    /// As [`Self::of`], of bytes that may not be UTF-8.
    pub(crate) fn of_bytes(
        bytes: &'a [u8],
        format: Format,
        max_samples: usize,
    ) -> Result<Self, ExpositionError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::of(text, format, max_samples),
            Err(error) => {
                let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
                Err(Fault::malformed(valid.len(), "not UTF-8").located_in(&valid))
            }
        }
    }

    /// The name and labels of a sample of this text.
    pub(crate) fn series(&self, sample: &RawSample<'_>) -> (String, Labels) {
        let mut reader = Reader::new(sample.series, self.format, 1);
        let name = reader.series().expect("a series that was read once reads again");
        (
            name.into_owned(),
            reader.labels.iter().filter(|label| !label.value.is_empty()).map(Label::pair).collect(),
        )
    }

    pub(crate) fn too_many_series(&self, sample: &RawSample<'_>, limit: usize) -> ExpositionError {
        Fault::too_many("series", limit, sample.at).located_in(self.text)
    }
}

fn read(text: &str, format: Format, max_samples: usize) -> Result<Scan<'_>, Fault> {
    let mut reader = Reader::new(text, format, max_samples);
    while reader.cursor.peek().is_some() {
        reader.line()?;
    }
    if format == Format::OpenMetrics && !reader.ended {
        return reader.cursor.fail("the text ends without `# EOF`");
    }
    Ok(reader.scan)
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    format: Format,
    max_samples: usize,
    scan: Scan<'a>,
    /// By name: which family.
    heads: HashMap<String, usize>,
    /// The labels of the series that was read last, sorted by name.
    labels: Vec<Label<'a>>,
    ended: bool,
}

struct Label<'a> {
    name: Cow<'a, str>,
    value: Cow<'a, str>,
    at: usize,
}

impl Label<'_> {
    fn pair(&self) -> (&str, &str) {
        (&self.name, &self.value)
    }
}

/// The lines of a family's head.
#[derive(Clone, Copy)]
enum HeadLine {
    Help,
    Type,
    Unit,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, format: Format, max_samples: usize) -> Self {
        Self {
            cursor: Cursor::new(text, format),
            format,
            max_samples,
            scan: Scan { text, format, families: Vec::new(), samples: Vec::new() },
            heads: HashMap::new(),
            labels: Vec::new(),
            ended: false,
        }
    }

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
        let word = match self.format {
            // To Prometheus, what has no blanks on both sides is a comment like any other.
            Format::Text if !self.cursor.blanks() => "",
            Format::Text => Some(self.cursor.word()).filter(|_| self.cursor.at_blank()).unwrap_or_default(),
            Format::OpenMetrics => {
                self.cursor.separator()?;
                self.cursor.word()
            }
        };
        let line = match (word, self.format) {
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
        let family = self.family(&name, name_at)?;
        match line {
            HeadLine::Help => {
                if !self.cursor.at_line_end() {
                    self.cursor.separator()?;
                }
                self.scan.families[family].help = self.cursor.help()?.into_owned();
            }
            HeadLine::Type => {
                self.cursor.separator()?;
                self.scan.families[family].kind = self.kind()?;
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

    /// The family called `name`. Its head may come in parts, again, and after its samples; the last line of a kind counts.
    fn family(&mut self, name: &str, at: usize) -> Result<usize, Fault> {
        if let Some(&family) = self.heads.get(name) {
            return Ok(family);
        }
        let families = &mut self.scan.families;
        if families.len() >= self.max_samples {
            return Err(Fault::too_many("families", self.max_samples, at));
        }
        families.push(Family { name: name.to_owned(), kind: MetricKind::Untyped, help: String::new() });
        self.heads.insert(name.to_owned(), families.len() - 1);
        Ok(families.len() - 1)
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
        let at = self.cursor.at();
        if self.scan.samples.len() == self.max_samples {
            return Err(Fault::too_many("samples", self.max_samples, at));
        }
        self.series()?;
        let series = &self.scan.text[at..self.cursor.at()];
        if series.ends_with('}') {
            self.space_after_labels()?;
        } else {
            self.cursor.separator()?;
        }
        let value = self.cursor.value()?;
        let stamp_ms = self.rest_of_sample()?;
        self.scan.samples.push(RawSample { series, value, stamp_ms, at });
        Ok(())
    }

    /// A name and its labels, which stay in `self.labels`; gives the name.
    fn series(&mut self) -> Result<Cow<'a, str>, Fault> {
        let start = self.cursor.at();
        let mut name = None;
        if self.cursor.peek() != Some(b'{') {
            name = Some(Cow::Borrowed(self.cursor.metric_name()?));
        }
        self.labels.clear();
        if self.cursor.eat_after_blanks(b'{') {
            self.labels(&mut name)?;
        }
        name.ok_or_else(|| Fault::malformed(start, "the metric name is missing"))
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

    /// `name="value", ...}`; a quoted text without a value is the metric's name.
    fn labels(&mut self, metric: &mut Option<Cow<'a, str>>) -> Result<(), Fault> {
        self.cursor.blanks();
        while !self.cursor.eat(b'}') {
            self.label(metric)?;
            self.cursor.blanks();
            if self.cursor.eat(b',') {
                self.cursor.blanks();
            } else if self.cursor.peek() != Some(b'}') {
                return self.cursor.fail("expected `,` or `}`");
            }
        }
        self.labels.sort_unstable_by(|a, b| (&a.name, a.at).cmp(&(&b.name, b.at)));
        match self.labels.windows(2).find(|pair| pair[0].name == pair[1].name) {
            None => Ok(()),
            Some(pair) => Err(Fault::malformed(pair[1].at, "second label of this name")),
        }
    }

    fn label(&mut self, metric: &mut Option<Cow<'a, str>>) -> Result<(), Fault> {
        let at = self.cursor.at();
        let is_quoted = self.cursor.peek() == Some(b'"');
        let name = if is_quoted { self.cursor.quoted()? } else { Cow::Borrowed(self.cursor.label_name()?) };
        self.cursor.blanks();
        if self.cursor.eat(b'=') {
            if name.is_empty() || name == "__name__" {
                return Err(Fault::malformed(at, "a label cannot have this name"));
            }
            self.cursor.blanks();
            let value = self.cursor.quoted()?;
            self.labels.push(Label { name, value, at });
            Ok(())
        } else if !is_quoted {
            self.cursor.fail("expected `=`")
        } else if name.is_empty() {
            Err(Fault::malformed(at, "the metric name is empty"))
        } else if metric.replace(name).is_some() {
            Err(Fault::malformed(at, "second metric name"))
        } else {
            Ok(())
        }
    }

    /// What may follow a value: a timestamp, which is given, and, in OpenMetrics, an exemplar.
    fn rest_of_sample(&mut self) -> Result<Option<i64>, Fault> {
        let mut stamp_ms = None;
        match self.format {
            Format::Text => {
                self.cursor.blanks();
                if !self.cursor.at_line_end() {
                    stamp_ms = Some(self.cursor.timestamp()?);
                    self.cursor.blanks();
                }
            }
            Format::OpenMetrics => {
                let mut spaced = self.cursor.eat(b' ');
                if spaced && self.cursor.peek() != Some(b'#') {
                    stamp_ms = Some(self.cursor.timestamp()?);
                    spaced = self.cursor.eat(b' ');
                }
                if spaced {
                    self.exemplar()?;
                }
            }
        }
        self.cursor.line_end()?;
        Ok(stamp_ms)
    }

    /// `# {labels} value [timestamp]`
    fn exemplar(&mut self) -> Result<(), Fault> {
        let start = self.cursor.at();
        if !self.cursor.eat(b'#') {
            return self.cursor.fail("expected an exemplar");
        }
        self.cursor.separator()?;
        if !self.cursor.eat(b'{') {
            return self.cursor.fail("expected the exemplar's labels");
        }
        let mut name = None;
        self.labels.clear();
        self.labels(&mut name)?;
        if name.is_some() {
            return Err(Fault::malformed(start, "an exemplar has no metric name"));
        }
        self.cursor.separator()?;
        self.cursor.value()?;
        if self.cursor.eat(b' ') {
            self.cursor.timestamp()?;
        }
        Ok(())
    }
}
