//! The sweep for canaries: what whoever watches gives it is looked through, and what was found is counted until it is taken. It knows nothing
//! of where texts come from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::{CanaryFinder, CanaryForm, Found, Leak, RunTag, Secrets, SweepPlace, Swept, clean_text};
use crate::plan::{PlacedCanary, StepId};

/// So many sources of leaks are told apart; the others are one.
pub const MOST_SOURCES: usize = 50;
/// So many characters are shown on either side of what was struck out.
const AROUND: usize = 80;
/// The longest name of a source, in characters.
const LONGEST_SOURCE: usize = 120;

/// Looks for the canaries of one run. Shared by all who watch.
#[derive(Debug)]
pub struct Sweep {
    finder: CanaryFinder,
    canaries: Vec<PlacedCanary>,
    places: BTreeSet<SweepPlace>,
    secrets: Secrets,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    new: Swept,
    leaks: BTreeMap<Key, (u64, String)>,
    told: BTreeSet<Key>,
}

/// Place, source, which canary, form.
type Key = (SweepPlace, String, usize, CanaryForm);

impl Sweep {
    /// Looks at these `places` for these `canaries`; `secrets` strikes them out, and what else is secret.
    pub fn new(
        run: RunTag,
        canaries: Vec<PlacedCanary>,
        places: impl IntoIterator<Item = SweepPlace>,
        secrets: Secrets,
    ) -> Self {
        let finder = CanaryFinder::new(run, canaries.iter().map(|placed| placed.name.as_str()));
        let places = places.into_iter().collect();
        Self { finder, canaries, places, secrets, books: Mutex::default() }
    }

    /// True when `place` is to be looked at.
    pub fn wants(&self, place: SweepPlace) -> bool {
        self.places.contains(&place)
    }

    /// Looks through a line of the target's log.
    pub fn line(&self, line: &[u8]) {
        self.look(SweepPlace::Logs, line, |_| true, |found| field_before(&found.text, found.at.start));
    }

    /// Looks through a scrape, line by line.
    pub fn scrape(&self, text: &[u8]) {
        if !self.wants(SweepPlace::Metrics) {
            return;
        }
        self.books().looked(SweepPlace::Metrics);
        if self.finder.find(text).is_empty() {
            return;
        }
        for line in text.split(|byte| *byte == b'\n') {
            let found = self.finder.find(line);
            self.note(
                SweepPlace::Metrics,
                found,
                |_| true,
                |found| label_before(&found.text, found.at.start),
            );
        }
    }

    /// Looks through the answer of the health endpoint at `path`.
    pub fn health(&self, path: &str, body: &[u8]) {
        self.look(SweepPlace::Health, body, |_| true, |_| path.to_owned());
    }

    /// Looks through an answer to a call of `step`, which is called `name`. What the call itself brought as an argument may come back, if it
    /// was not encoded.
    pub fn reply(&self, step: StepId, name: &str, text: &[u8]) {
        let counts = |found: &Found| {
            let placed = &self.canaries[found.canary];
            placed.is_header || !placed.steps.contains(&step) || !found.form.is_text()
        };
        self.look(SweepPlace::Replies, text, counts, |_| name.to_owned());
    }

    /// So many answers that were drawn found no room.
    pub fn missed(&self, answers: u64) {
        self.books().new.unswept += answers;
    }

    /// A place can't be looked at, or can be again.
    pub fn trouble(&self, words: Option<String>) {
        self.books().new.trouble = words;
    }

    /// What came since the last time; `None` where that was nothing. With `ended`, all was looked through.
    pub fn take(&self, ended: bool) -> Option<Swept> {
        let mut books = self.books();
        if books.leaks.is_empty() && !ended {
            return None;
        }
        let trouble = books.new.trouble.clone();
        let mut swept = std::mem::replace(&mut books.new, Swept { trouble, ..Swept::default() });
        let leaks = std::mem::take(&mut books.leaks);
        swept.leaks = leaks
            .into_iter()
            .map(|((place, source, canary, form), (count, example))| Leak {
                place,
                source,
                canary: self.canaries[canary].name.clone(),
                form,
                count,
                example,
            })
            .collect();
        swept.ended = ended;
        Some(swept)
    }

    fn look(
        &self,
        place: SweepPlace,
        text: &[u8],
        counts: impl Fn(&Found) -> bool,
        source: impl Fn(&Found) -> String,
    ) {
        if !self.wants(place) {
            return;
        }
        let found = self.finder.find(text);
        self.books().looked(place);
        self.note(place, found, counts, source);
    }

    fn note(
        &self,
        place: SweepPlace,
        found: Vec<Found>,
        counts: impl Fn(&Found) -> bool,
        source: impl Fn(&Found) -> String,
    ) {
        for found in found.into_iter().filter(counts) {
            let source = self.clean(&source(&found), LONGEST_SOURCE);
            let mut books = self.books();
            let mut key = (place, source, found.canary, found.form);
            if !books.told.contains(&key) && books.told.len() >= MOST_SOURCES {
                "elsewhere".clone_into(&mut key.1);
            }
            if books.told.insert(key.clone()) {
                books.leaks.insert(key, (1, self.example(&found)));
            } else {
                books.leaks.entry(key).or_default().0 += 1;
            }
        }
    }

    /// What stands around what was found, on one line, with nothing secret in it.
    fn example(&self, found: &Found) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        // Each side is cleaned as a whole, and cut afterwards: what is cut within a secret is not known any more.
        let before = self.secrets.redacted(&text(&found.text[..found.at.start]));
        let after = self.secrets.redacted(&text(&found.text[found.at.end..]));
        let kept = before.chars().count().saturating_sub(AROUND);
        let cut = if kept > 0 { "…" } else { "" };
        let before: String = before.chars().skip(kept).collect();
        let more = if after.chars().count() > AROUND { "…" } else { "" };
        let after: String = after.chars().take(AROUND).collect();
        clean_text(&format!("{cut}{before}***{after}{more}"))
    }

    fn clean(&self, text: &str, most: usize) -> String {
        clean_text(&self.secrets.redacted(text).chars().take(most).collect::<String>())
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // An entry is whole before anything can panic.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    fn looked(&mut self, place: SweepPlace) {
        *self.new.looked.entry(place).or_default() += 1;
    }
}

/// The name of the field of a JSON object in whose value `at` is, as far as that shows.
fn field_before(line: &[u8], at: usize) -> String {
    let text = String::from_utf8_lossy(&line[..at]);
    let name = text.rfind("\":").and_then(|end| Some(&text[text[..end].rfind('"')? + 1..end]));
    name.filter(|name| !name.is_empty()).map_or_else(|| "a line".to_owned(), |name| format!("field `{name}`"))
}

/// The metric of a line of exposition text, and the label in whose value `at` is.
fn label_before(line: &[u8], at: usize) -> String {
    let text = String::from_utf8_lossy(&line[..at]);
    if let Some(comment) = text.strip_prefix("# ") {
        let family = comment.split(' ').nth(1).unwrap_or_default();
        return format!("help of `{family}`");
    }
    let Some((metric, labels)) = text.split_once('{') else { return "the name of a metric".to_owned() };
    let label = labels.rfind("=\"").map(|end| {
        let start = labels[..end].rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
        &labels[start..end]
    });
    match label {
        Some(label) => format!("`{metric}`, label `{label}`"),
        None => format!("`{metric}`, the name of a label"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::model::canary;

    fn run() -> RunTag {
        RunTag::of(UNIX_EPOCH)
    }

    fn sweep() -> Sweep {
        let header =
            PlacedCanary { name: "header authorization".to_owned(), is_header: true, steps: Vec::new() };
        let argument = PlacedCanary { name: "canary".to_owned(), is_header: false, steps: vec![StepId(3)] };
        let secrets = Secrets::default();
        let canaries = vec![header, argument];
        let names = canaries.iter().map(|placed| placed.name.as_str());
        CanaryFinder::new(run(), names).texts().iter().for_each(|text| secrets.learn(text));
        secrets.learn("hunter2");
        Sweep::new(run(), canaries, SweepPlace::ALL, secrets)
    }

    fn told(sweep: &Sweep) -> Vec<(String, CanaryForm, u64, String)> {
        let swept = sweep.take(false).unwrap_or_default();
        let shown = serde_json::to_vec(&swept).unwrap();
        assert!(sweep.finder.find(&shown).is_empty(), "{}", String::from_utf8_lossy(&shown));
        swept.leaks.into_iter().map(|leak| (leak.source, leak.form, leak.count, leak.example)).collect()
    }

    #[test]
    fn a_leak_is_told_by_its_place_with_the_canary_struck_out() {
        let sweep = sweep();
        let secret = canary(run(), "canary");
        sweep.line(format!(r#"{{"level":"INFO","args":{{"query":"{secret}"}},"p":"hunter2"}}"#).as_bytes());
        sweep.line(format!(r#"{{"args":{{"query":"{secret}"}}}}"#).as_bytes());
        sweep.line(b"nothing");
        let example = r#"{"level":"INFO","args":{"query":"gander-canary-***"},"p":"***"}"#;
        let source = "field `query`".to_owned();
        assert_eq!(told(&sweep), [(source, CanaryForm::Plain, 2, example.to_owned())]);
        assert_eq!(sweep.take(false), None);
        let swept = sweep.take(true).unwrap();
        assert_eq!((swept.looked.len(), swept.ended), (0, true));
    }

    #[test]
    fn a_leak_in_a_scrape_names_metric_and_label() {
        let sweep = sweep();
        let secret = canary(run(), "header authorization");
        let text = format!(
            "# HELP a_total of {secret}\n# TYPE a_total counter\na_total{{x=\"1\",who=\"Bearer {secret}\"}} 1\nb_{0} 1\n",
            secret.replace('-', "_")
        );
        sweep.scrape(text.as_bytes());
        let sources: Vec<String> = told(&sweep).into_iter().map(|(source, ..)| source).collect();
        assert_eq!(sources, ["`a_total`, label `who`", "help of `a_total`", "the name of a metric"]);
    }

    #[test]
    fn an_argument_may_come_back_in_the_answer_to_its_own_call_if_it_was_not_encoded() {
        let (echo, other) = (StepId(3), StepId(4));
        let argument = canary(run(), "canary");
        let header = canary(run(), "header authorization");
        for (step, text, is_leak) in [
            (echo, argument.clone(), false),
            (echo, argument.replace('-', "%2d").replace('0', "%30"), false),
            (echo, STANDARD.encode(&argument), true),
            (other, argument, true),
            (echo, header.clone(), true),
            (other, STANDARD.encode(header), true),
        ] {
            let sweep = sweep();
            sweep.reply(step, "echo", text.as_bytes());
            assert_eq!(told(&sweep).len(), usize::from(is_leak), "{text}");
        }
    }

    #[test]
    fn sources_beyond_the_most_are_one() {
        let sweep = sweep();
        let secret = canary(run(), "canary");
        for number in 0..2 * MOST_SOURCES {
            sweep.line(format!("{{\"f{number}\":\"{secret}\"}}").as_bytes());
        }
        let told = told(&sweep);
        assert_eq!(told.len(), MOST_SOURCES + 1);
        assert_eq!(told.iter().map(|(_, _, count, _)| count).sum::<u64>(), 2 * MOST_SOURCES as u64);
    }

    #[test]
    fn places_that_are_not_wanted_are_not_looked_at() {
        let sweep = sweep();
        let only = Sweep::new(run(), sweep.canaries.clone(), [SweepPlace::Health], Secrets::default());
        let secret = canary(run(), "canary");
        only.line(secret.as_bytes());
        only.scrape(secret.as_bytes());
        assert_eq!(only.take(false), None);
        only.health("/health", secret.as_bytes());
        assert_eq!(only.take(false).unwrap().leaks[0].source, "/health");
    }
}
