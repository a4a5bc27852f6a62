//! A series' identity: its name and labels, shared and cheap to clone.
//!
//! Knows how Prometheus prints a metric; knows nothing of samples or queries.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// Label names with their values, `__name__` among them, sorted by name, each name once. An empty value is a
/// missing label, as in Prometheus. A clone is a pointer.
#[derive(Clone)]
pub struct Labels(Arc<Set>);

struct Set {
    pairs: Box<[Pair]>,
    hash: u64,
    /// The same without the name, where there is one: what most functions leave of a series.
    nameless: Option<Labels>,
}

/// One label. Its hash is kept, so that grouping by some labels adds up numbers in place of hashing text again.
#[derive(Clone)]
struct Pair {
    name: Arc<str>,
    value: Arc<str>,
    hash: u64,
}

impl Labels {
    /// No labels, as in the result of `sum(up)`.
    pub fn empty() -> Self {
        Self::of(Vec::new())
    }

    /// The labels of `pairs`; of a name that is given twice the last value counts, an empty value takes a label away.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<Arc<str>>,
        V: Into<Arc<str>>,
    {
        let sorted: BTreeMap<Arc<str>, Arc<str>> =
            pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let filled = sorted.into_iter().filter(|(_, value)| !value.is_empty());
        Self::of(filled.map(|(name, value)| Pair::new(name, value)).collect())
    }

    /// The value of the label `name`; "" when it is missing.
    pub fn get(&self, name: &str) -> &str {
        self.position(name).map_or("", |at| &self.0.pairs[at].value)
    }

    /// The metric's name; "" when it has none.
    pub fn name(&self) -> &str {
        self.get(METRIC_NAME)
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.pairs.iter().map(|pair| (&*pair.name, &*pair.value))
    }

    /// How many labels there are, the name included.
    pub fn len(&self) -> usize {
        self.0.pairs.len()
    }

    /// True when there is not even a name.
    pub fn is_empty(&self) -> bool {
        self.0.pairs.is_empty()
    }

    /// These labels but for `names`.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        self.filtered(|name| !names.contains(&name))
    }

    /// These labels but for the metric's name; a pointer, too.
    #[must_use]
    pub fn without_name(&self) -> Self {
        self.0.nameless.as_ref().unwrap_or(self).clone()
    }

    /// Of these labels, `names` alone.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Self {
        self.filtered(|name| names.contains(&name))
    }

    /// These labels with `name` set to `value`; an empty value takes the label away.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        if value.is_empty() {
            return self.without(&[name]);
        }
        let mut pairs = self.0.pairs.to_vec();
        match self.0.pairs.binary_search_by(|pair| (*pair.name).cmp(name)) {
            Ok(at) => pairs[at] = Pair::new(Arc::clone(&pairs[at].name), value.into()),
            Err(at) => pairs.insert(at, Pair::new(name.into(), value.into())),
        }
        Self::of(pairs)
    }

    /// A hash of the labels that `keep` wants: the same for label sets in which these have the same values.
    pub(crate) fn hash_of(&self, keep: impl Fn(&str) -> bool) -> u64 {
        combined(self.0.pairs.iter().filter(|pair| keep(&pair.name)))
    }

    /// True when both have the same values in all labels that `keep` wants.
    pub(crate) fn same_in(&self, other: &Self, keep: impl Fn(&str) -> bool) -> bool {
        let mine = self.0.pairs.iter().filter(|pair| keep(&pair.name));
        mine.eq(other.0.pairs.iter().filter(|pair| keep(&pair.name)))
    }

    /// The labels that `keep` wants.
    pub(crate) fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        let kept: Vec<Pair> = self.0.pairs.iter().filter(|pair| keep(&pair.name)).cloned().collect();
        if kept.len() == self.len() { self.clone() } else { Self::of(kept) }
    }

    /// The same labels, whose texts come from `intern`.
    pub(crate) fn interned(&self, mut intern: impl FnMut(&Arc<str>) -> Arc<str>) -> Self {
        let pairs = self.0.pairs.iter().map(|pair| Pair {
            name: intern(&pair.name),
            value: intern(&pair.value),
            hash: pair.hash,
        });
        Self::of(pairs.collect())
    }

    /// Names and values as they are shared.
    pub(crate) fn shared(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.0.pairs.iter().map(|pair| (&pair.name, &pair.value))
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.0.pairs.iter().position(|pair| &*pair.name == name)
    }

    fn of(pairs: Vec<Pair>) -> Self {
        let hash = combined(pairs.iter());
        let named = pairs.iter().any(|pair| &*pair.name == METRIC_NAME);
        let nameless = named
            .then(|| Self::of(pairs.iter().filter(|pair| &*pair.name != METRIC_NAME).cloned().collect()));
        Self(Arc::new(Set { pairs: pairs.into_boxed_slice(), hash, nameless }))
    }
}

impl Pair {
    fn new(name: Arc<str>, value: Arc<str>) -> Self {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        value.hash(&mut hasher);
        Self { name, value, hash: hasher.finish() }
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.name == other.name && self.value == other.value
    }
}

/// One hash of many: order does not matter, as label sets are sorted anyway.
fn combined<'a>(pairs: impl Iterator<Item = &'a Pair>) -> u64 {
    pairs.fold(0, |sum, pair| sum.wrapping_add(pair.hash))
}

impl Default for Labels {
    fn default() -> Self {
        Self::empty()
    }
}

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.hash == other.0.hash && self.0.pairs == other.0.pairs)
    }
}

impl Eq for Labels {}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.iter().cmp(other.iter())
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As Prometheus prints a metric: `up{job="x"}`, `{a="b"}`, `{"a name", "a label"="b"}`, `{}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        let plain = is_metric_name(name);
        let mut parts = Vec::new();
        if !name.is_empty() && !plain {
            parts.push(quoted(name));
        }
        for (label, value) in self.iter().filter(|(label, _)| *label != METRIC_NAME) {
            parts.push(format!("{}={}", label_text(label), quoted(value)));
        }
        if plain {
            f.write_str(name)?;
        }
        if parts.is_empty() && plain { Ok(()) } else { write!(f, "{{{}}}", parts.join(", ")) }
    }
}

/// A label's name as a query has it: as it is, or in quotes where its letters need them.
pub(crate) fn label_text(name: &str) -> String {
    if is_label_name(name) { name.to_owned() } else { quoted(name) }
}

/// True for a name that needs no quotes as a label's name.
pub(crate) fn is_label_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// True for a name that needs no quotes as a metric's name.
pub(crate) fn is_metric_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// A text in double quotes, escaped so that PromQL reads it back.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => {
                write!(out, "\\u{:04x}", u32::from(c)).expect("a string takes any text");
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
