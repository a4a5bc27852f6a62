//! What a rule would have done if the load had gone on, in the words of a history.

use super::{AlertProjection, ProjectedReading};
use crate::model::{format_duration, format_ratio};
use crate::rules::Projection;

/// More series than this are counted, not named.
const MOST_SERIES: usize = 3;

pub(super) fn projection(projection: &Projection) -> AlertProjection {
    let (reading, because) = match projection {
        Projection::WouldFire { series, after, clipped } => {
            let named: Vec<String> = series.iter().take(MOST_SERIES).map(ToString::to_string).collect();
            let more = match series.len().saturating_sub(MOST_SERIES) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let (of, after) = (named.join(", "), format_duration(*after));
            // What has no labels is the only one.
            let of = if of == "{}" { String::new() } else { format!(" for {of}{more}") };
            let because = format!("the condition held throughout{of}, `for` is {after}");
            (ProjectedReading::WouldFire, because + of_clipped(*clipped))
        }
        Projection::WouldNotFire { held, clipped } => {
            let because = match *held {
                0.0 => "the condition never held".to_owned(),
                held => format!("the condition held at {} of the times looked at", format_ratio(held)),
            };
            (ProjectedReading::WouldNotFire, because + of_clipped(*clipped))
        }
        Projection::Unknown { why } => (ProjectedReading::Unknown, why.clone()),
    };
    AlertProjection { reading, because }
}

fn of_clipped(is_clipped: bool) -> &'static str {
    if is_clipped { "; its ranges were cut to the data" } else { "" }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::promql::Labels;

    #[track_caller]
    fn check(made: &Projection, reading: ProjectedReading, because: &str) {
        assert_eq!(projection(made), AlertProjection { reading, because: because.to_owned() });
    }

    #[test]
    fn a_guess_says_what_it_rests_on() {
        let series = ["a", "b", "c", "d"].map(|value| Labels::from_pairs([("s", value)]));
        let after = Duration::from_secs(300);
        let fires = Projection::WouldFire { series: series[..1].to_vec(), after, clipped: true };
        let told =
            "the condition held throughout for {s=\"a\"}, `for` is 5m 00s; its ranges were cut to the data";
        check(&fires, ProjectedReading::WouldFire, told);
        let fires = Projection::WouldFire { series: series.to_vec(), after, clipped: false };
        let told =
            "the condition held throughout for {s=\"a\"}, {s=\"b\"}, {s=\"c\"} and 1 more, `for` is 5m 00s";
        check(&fires, ProjectedReading::WouldFire, told);
        let only = Projection::WouldFire { series: vec![Labels::empty()], after, clipped: false };
        check(&only, ProjectedReading::WouldFire, "the condition held throughout, `for` is 5m 00s");
        let never = Projection::WouldNotFire { held: 0.0, clipped: false };
        check(&never, ProjectedReading::WouldNotFire, "the condition never held");
        let half = Projection::WouldNotFire { held: 0.5, clipped: false };
        let told = "the condition held at 50 % of the times looked at";
        check(&half, ProjectedReading::WouldNotFire, told);
        let unknown = Projection::Unknown { why: "`@` names a time".to_owned() };
        check(&unknown, ProjectedReading::Unknown, "`@` names a time");
    }
}
