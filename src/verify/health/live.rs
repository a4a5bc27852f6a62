//! `/live` never fails under load alone: where it does, an orchestrator ends a server that still answers.

use super::calls::Around;
use super::looks::{Look, Mood};
use super::{Found, Watch, verdict_on};
use crate::model::{Endpoint, Verdict, counted, format_duration};
use crate::verify::Evidence;

const COLUMNS: [&str; 5] = ["at", "/live said", "status", "took", "calls then"];

pub(super) fn check(watch: &Watch<'_>) -> Result<Found, String> {
    let looks = watch.during_load(Endpoint::Live)?;
    let failed = looks.iter().filter(|look| look.mood() != Mood::Well);
    let failed: Vec<(&Look<'_>, Around)> =
        failed.map(|look| (look, watch.calls.around(look.at, look.at + look.latency))).collect();
    let count = |wanted: Around| failed.iter().filter(|(_, around)| *around == wanted).count() as u64;
    let (bad, unknown) = (count(Around::Answered), count(Around::Nothing));
    let rows = failed.iter().map(|(look, around)| {
        let calls = match around {
            Around::Answered => "were answered",
            Around::NotAnswered => "were not answered",
            Around::Nothing => "there were none",
        };
        let row = vec![
            format_duration(look.at),
            look.state(),
            look.status(),
            format_duration(look.latency),
            calls.to_owned(),
        ];
        (*around != Around::Answered, row)
    });
    let evidence = Evidence::of(&COLUMNS, rows);
    let probes = counted(looks.len() as u64, "probe");
    let (verdict, because) = match failed.iter().find(|(_, around)| *around == Around::Answered) {
        Some((first, _)) => {
            let (said, at) = (first.state(), format_duration(first.at));
            let because = format!(
                "{bad} of {probes} failed, the first at {at} ({said}), while calls were answered: an orchestrator would have restarted a server that answers"
            );
            (verdict_on(bad), because)
        }
        None if failed.is_empty() => (Verdict::Pass, format!("said yes to all {probes}")),
        None if unknown == 0 => {
            let because = format!("{} of {probes} failed, when calls got no answer either", failed.len());
            (Verdict::Pass, because)
        }
        None => {
            let because = format!(
                "{unknown} of {probes} failed when no call ended: nobody knows whether the server answered"
            );
            (Verdict::Inconclusive, because)
        }
    };
    let value = if failed.is_empty() {
        "yes".to_owned()
    } else {
        format!("failed {}", counted(failed.len() as u64, "time"))
    };
    Ok(Found { verdict, value, because, samples: looks.len() as u64, bad, evidence })
}
