//! How scraping the target's metrics went, and what was odd in what it gave.

use std::collections::BTreeMap;

use crate::model::{Event, SampleFault, ScrapeFault, format_count};
use crate::report::RunLog;

/// How scraping went.
pub(super) struct Scrapes {
    pub(super) tried: u64,
    pub(super) failed: u64,
    faults: BTreeMap<&'static str, u64>,
    odd: BTreeMap<SampleFault, Odd>,
}

/// Samples that were odd in the same way.
struct Odd {
    scrapes: u64,
    samples: u64,
    /// The series of the first of them.
    series: String,
}

impl Scrapes {
    pub(super) fn of(log: &RunLog) -> Self {
        let mut scrapes = Self { tried: 0, failed: 0, faults: BTreeMap::new(), odd: BTreeMap::new() };
        for stamped in &log.events {
            let Event::Scrape(stat) = &stamped.what else { continue };
            scrapes.tried += 1;
            if let Some(fault) = &stat.fault {
                scrapes.failed += 1;
                *scrapes.faults.entry(fault_name(fault)).or_default() += 1;
            }
            for trouble in &stat.troubles {
                let first = || Odd { scrapes: 0, samples: 0, series: trouble.series.clone() };
                let odd = scrapes.odd.entry(trouble.fault).or_insert_with(first);
                odd.scrapes += 1;
                odd.samples += trouble.samples;
            }
        }
        scrapes
    }

    pub(super) fn notes(&self) -> impl Iterator<Item = String> + '_ {
        self.failures().into_iter().chain(self.odd.iter().map(|(fault, odd)| self.odd_note(*fault, odd)))
    }

    fn failures(&self) -> Option<String> {
        let faults: Vec<String> =
            self.faults.iter().map(|(fault, count)| format!("{fault}: {}", format_count(*count))).collect();
        (self.failed > 0).then(|| {
            format!(
                "{} of {} scrapes of the target's metrics failed ({}): series have gaps there",
                format_count(self.failed),
                format_count(self.tried),
                faults.join(", ")
            )
        })
    }

    fn odd_note(&self, fault: SampleFault, odd: &Odd) -> String {
        let (what, so) = match fault {
            SampleFault::Duplicate => {
                ("samples of series that had one of the same time", "the first one counts, as in Prometheus")
            }
            SampleFault::OutOfOrder => (
                "samples older than what their series had already",
                "they are left out, as Prometheus leaves them out",
            ),
            SampleFault::TooOld => (
                "samples stamped five minutes ago or earlier",
                "timestamps count, as in Prometheus, so nothing sees these as of now",
            ),
            SampleFault::Ahead => (
                "samples stamped ahead of the time",
                "timestamps count, as in Prometheus, so nothing sees these before then: does the target's clock run ahead?",
            ),
        };
        format!(
            "warning: {} of {} scrapes of the target's metrics had {what} ({} in all, first `{}`): {so}",
            format_count(odd.scrapes),
            format_count(self.tried),
            format_count(odd.samples),
            odd.series
        )
    }
}

fn fault_name(fault: &ScrapeFault) -> &'static str {
    match fault {
        ScrapeFault::NoAnswer(_) => "no answer",
        ScrapeFault::Timeout => "timeout",
        ScrapeFault::Status(300..=399) => "a redirect, which is not followed",
        ScrapeFault::Status(_) => "not HTTP 200",
        ScrapeFault::TooLarge => "too large",
        ScrapeFault::TooManySeries => "too many series",
        ScrapeFault::Malformed(_) => "malformed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_oddity_is_told_once_with_its_first_series() {
        let odd = |scrapes, samples| Odd { scrapes, samples, series: "a{x=\"1\"}".to_owned() };
        let all = [SampleFault::Duplicate, SampleFault::OutOfOrder, SampleFault::TooOld, SampleFault::Ahead];
        let scrapes = Scrapes {
            tried: 12,
            failed: 0,
            faults: BTreeMap::new(),
            odd: (2..).zip(all).map(|(count, fault)| (fault, odd(count, 1000 * count))).collect(),
        };
        let told: Vec<String> = scrapes.notes().collect();
        let expected = [
            "warning: 2 of 12 scrapes of the target's metrics had samples of series that had one of the same time (2,000 in all, first \
             `a{x=\"1\"}`): the first one counts, as in Prometheus",
            "warning: 3 of 12 scrapes of the target's metrics had samples older than what their series had already (3,000 in all, first \
             `a{x=\"1\"}`): they are left out, as Prometheus leaves them out",
            "warning: 4 of 12 scrapes of the target's metrics had samples stamped five minutes ago or earlier (4,000 in all, first \
             `a{x=\"1\"}`): timestamps count, as in Prometheus, so nothing sees these as of now",
            "warning: 5 of 12 scrapes of the target's metrics had samples stamped ahead of the time (5,000 in all, first `a{x=\"1\"}`): \
             timestamps count, as in Prometheus, so nothing sees these before then: does the target's clock run ahead?",
        ];
        assert_eq!(told, expected);
    }
}
