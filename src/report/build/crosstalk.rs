//! Did every answer come to the call that it was meant for? What nonces and ids told over the whole run, and the verdict on it.

use super::findings::OWN_ORIGIN;
use crate::metrics::Aggregates;
use crate::model::{Outcome, ProtocolFault, Verdict, counted, format_count};
use crate::report::{CrossTalk, Finding, RunLog};

pub(super) const NAME: &str = "cross-talk";

/// What the calls of `log` told.
pub(super) fn cross_talk(log: &RunLog, all: &Aggregates) -> CrossTalk {
    let tally = all.sum(&log.plan, None, |_| true);
    let crossed = tally.outcomes.get(&Outcome::Protocol(ProtocolFault::CrossTalk)).copied().unwrap_or(0);
    CrossTalk { echoed: log.seconds.iter().map(|second| second.echoed).sum(), crossed }
}

/// One answer to the wrong call is too many, whatever the objectives say; where no call could tell there is no finding.
pub(super) fn finding(CrossTalk { echoed, crossed }: CrossTalk) -> Option<Finding> {
    let told = echoed + crossed;
    let verdict = match (told, crossed) {
        (0, _) => return None,
        (_, 0) => Verdict::Pass,
        (_, _) => Verdict::Fail,
    };
    let because = if crossed == 0 {
        format!("{} held the nonces of their own calls", counted(echoed, "answer"))
    } else {
        format!(
            "{} got answers that were meant for other calls; {} held the nonces of their own",
            counted(crossed, "call"),
            counted(echoed, "answer")
        )
    };
    Some(Finding {
        name: NAME.to_owned(),
        scope: Finding::WHOLE_RUN.to_owned(),
        indicator: "answers that were meant for other calls".to_owned(),
        verdict,
        value: format_count(crossed),
        value_number: Some(crossed as f64),
        limit: "0".to_owned(),
        samples: told,
        bad: Some(crossed),
        within_limit: None,
        budget: None,
        because,
        origin: OWN_ORIGIN.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_data_is_no_pass_and_one_is_too_many() {
        let verdict = |echoed, crossed| finding(CrossTalk { echoed, crossed }).map(|finding| finding.verdict);
        assert_eq!(verdict(0, 0), None);
        assert_eq!(verdict(5, 0), Some(Verdict::Pass));
        assert_eq!(verdict(5_000, 1), Some(Verdict::Fail));
    }
}
