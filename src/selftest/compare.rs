//! A claim, the truth and what gander reported: does it hold? Pure.
//!
//! No data is never a claim that holds. A claim that does not hold is a failure of gander's, unless this machine was too
//! noisy to tell: calls are woken up for twice, in the target when they come and in gander when they are answered.

use std::time::Duration;

use crate::model::{LatencyHistogram, format_count, format_duration, format_seconds};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A number of calls.
    Calls(u64),
    /// A time, in seconds.
    Time(f64),
}

/// How far the report may be from the truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Allowed {
    /// Not at all.
    Nothing,
    /// By this share of the truth, or by `least` where that is more.
    Share {
        /// From 0 to 1.
        share: f64,
        /// Always allowed.
        least: Duration,
    },
    /// It may be more, but not less by more than this share of the truth.
    LessByShare(f64),
}

/// What may excuse a claim that does not hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Excuse {
    /// Nothing: these are gander's own books.
    Nothing,
    /// That the load was not what it should have been.
    Load,
    /// That, or that this machine wakes its tasks too late to measure this quantile.
    Timing(f64),
}

/// What must hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Claim {
    /// In a few words.
    pub(super) what: String,
    /// By the target, or by arithmetic; `None` when there is none.
    pub(super) truth: Option<Value>,
    /// By the report; `None` when it is not in there.
    pub(super) reported: Option<Value>,
    pub(super) allowed: Allowed,
    pub(super) excuse: Excuse,
}

/// How fit the machine was while a drill ran.
#[derive(Debug, Clone, Default)]
pub(super) struct Noise {
    /// The names of gander's checks of itself that did not hold.
    pub(super) failing: Vec<String>,
    /// How late a task that wanted to run was run.
    pub(super) wake_ups: LatencyHistogram,
}

/// A claim, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The drill that it is about.
    pub drill: &'static str,
    /// What must hold.
    pub claim: String,
    /// What is true.
    pub truth: Option<Value>,
    /// What gander reported.
    pub reported: Option<Value>,
    /// How far the one may be from the other.
    pub allowed: Allowed,
    /// Does it hold?
    pub status: Status,
    /// Why not; empty when it does.
    pub why: String,
}

/// Whether a claim holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It does.
    Ok,
    /// It does not.
    Fail,
    /// It does not, and this machine was too noisy to say whose fault that is.
    Invalid,
}

/// What all claims come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// All hold.
    Holds,
    /// At least one does not.
    Fails,
    /// None fails, but not all could be judged.
    Invalid,
}

impl Value {
    /// As a number: calls, or seconds.
    pub fn number(self) -> f64 {
        match self {
            Self::Calls(calls) => calls as f64,
            Self::Time(seconds) => seconds,
        }
    }

    /// What [`Value::number`] counts.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Calls(_) => "calls",
            Self::Time(_) => "s",
        }
    }

    /// For people.
    pub fn text(self) -> String {
        match self {
            Self::Calls(calls) => format_count(calls),
            Self::Time(seconds) => format_seconds(seconds),
        }
    }
}

impl Allowed {
    /// True when `difference` (reported less truth) is allowed of `truth`.
    fn permits(self, truth: f64, difference: f64) -> bool {
        match self {
            Self::Nothing | Self::Share { .. } => difference.abs() <= self.most(truth),
            Self::LessByShare(_) => difference >= -self.most(truth),
        }
    }

    /// The largest difference that is allowed of `truth`, in the truth's unit.
    fn most(self, truth: f64) -> f64 {
        match self {
            Self::Nothing => 0.0,
            Self::Share { share, least } => (truth * share).max(least.as_secs_f64()),
            Self::LessByShare(share) => truth * share,
        }
    }
}

impl Row {
    /// What was reported less what is true, in the value's unit.
    pub fn difference(&self) -> Option<f64> {
        Some(self.reported?.number() - self.truth?.number())
    }
}

/// Judges a claim of `drill`, made on a machine with this `noise`.
pub(super) fn judge(drill: &'static str, claim: Claim, noise: &Noise) -> Row {
    let Claim { what, truth, reported, allowed, excuse } = claim;
    let fault = match (truth, reported) {
        (None, _) => Some("there is no truth to compare with"),
        // An empty account agrees with everything.
        (Some(Value::Calls(0)), _) => Some("the target saw no such call"),
        (Some(_), None) => Some("the report has no data"),
        (Some(truth), Some(reported)) => {
            let (truth, reported) = (truth.number(), reported.number());
            let holds = allowed.permits(truth, reported - truth);
            (!holds).then_some("the report is wrong")
        }
    };
    // A call can't come back sooner than it was answered: noise makes times longer, and never shorter.
    let excuse = match (excuse, truth, reported) {
        (Excuse::Timing(_), Some(truth), Some(reported)) if reported.number() < truth.number() => {
            Excuse::Nothing
        }
        (Excuse::Nothing | Excuse::Load | Excuse::Timing(_), ..) => excuse,
    };
    let (status, why) = match fault {
        None => (Status::Ok, String::new()),
        Some(fault) => {
            let most = truth.map_or(0.0, |truth| allowed.most(truth.number()));
            match noise.excuse(excuse, most) {
                None => (Status::Fail, fault.to_owned()),
                Some(noise) => (Status::Invalid, format!("{fault}, but {noise}")),
            }
        }
    };
    Row { drill, claim: what, truth, reported, allowed, status, why }
}

impl Noise {
    /// Why a difference of more than `allowed` seconds (or calls) need not be gander's fault.
    fn excuse(&self, excuse: Excuse, allowed: f64) -> Option<String> {
        let failing = (!self.failing.is_empty())
            .then(|| format!("gander's own check does not hold: {}", self.failing.join(", ")));
        match excuse {
            Excuse::Nothing => None,
            Excuse::Load => failing,
            Excuse::Timing(quantile) => failing.or_else(|| self.late(quantile, allowed / 2.0)),
        }
    }

    /// That tasks were run later than `limit`, at the quantile that shows it.
    ///
    /// A tenth of the calls beyond a quantile move it by as many ranks, which are far apart in a tail.
    fn late(&self, quantile: f64, limit: f64) -> Option<String> {
        let late = self.wake_ups.quantile((1.0 - (1.0 - quantile) / 10.0).max(0.99))?;
        (late.as_secs_f64() > limit)
            .then(|| format!("this machine runs a task {} late that should run now", format_duration(late)))
    }
}

/// What `rows`, and whether all figures beside them could be measured, come to.
pub(super) fn verdict(rows: &[Row], measured: bool) -> Verdict {
    let any = |status| rows.iter().any(|row| row.status == status);
    if any(Status::Fail) {
        Verdict::Fails
    } else if any(Status::Invalid) || rows.is_empty() || !measured {
        Verdict::Invalid
    } else {
        Verdict::Holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEAR: Allowed = Allowed::Share { share: 0.02, least: Duration::from_millis(1) };

    fn claim(truth: Value, reported: Value, allowed: Allowed, excuse: Excuse) -> Claim {
        let (truth, reported) = (Some(truth), Some(reported));
        Claim { what: "it".to_owned(), truth, reported, allowed, excuse }
    }

    fn late(by: Duration) -> Noise {
        let mut noise = Noise::default();
        noise.wake_ups.record_n(by, 100);
        noise
    }

    #[track_caller]
    fn check(claim: Claim, noise: &Noise, expected: Status) {
        let row = judge("drill", claim, noise);
        assert_eq!(row.status, expected, "{row:?}");
        assert_eq!(row.why.is_empty(), expected == Status::Ok, "{row:?}");
    }

    #[track_caller]
    fn check_time(truth: f64, reported: f64, expected: Status) {
        let claim = claim(Value::Time(truth), Value::Time(reported), NEAR, Excuse::Timing(0.99));
        check(claim, &late(Duration::from_micros(80)), expected);
    }

    #[test]
    fn a_p99_that_is_off_by_3_percent_is_caught() {
        check_time(0.100, 0.1019, Status::Ok);
        check_time(0.100, 0.0981, Status::Ok);
        check_time(0.100, 0.103, Status::Fail);
        check_time(0.100, 0.097, Status::Fail);
        // Below 50 ms a millisecond is allowed.
        check_time(0.010, 0.0109, Status::Ok);
        check_time(0.010, 0.0111, Status::Fail);
    }

    #[test]
    fn a_count_that_is_off_by_one_is_caught() {
        for excuse in [Excuse::Nothing, Excuse::Load] {
            let counted = |truth, reported| {
                claim(Value::Calls(truth), Value::Calls(reported), Allowed::Nothing, excuse)
            };
            check(counted(2000, 2000), &Noise::default(), Status::Ok);
            check(counted(2000, 1999), &Noise::default(), Status::Fail);
            check(counted(2000, 2001), &Noise::default(), Status::Fail);
        }
    }

    #[test]
    fn what_may_be_more_may_not_be_less() {
        let at_least = |reported| {
            claim(Value::Time(1.36), Value::Time(reported), Allowed::LessByShare(0.05), Excuse::Timing(0.99))
        };
        check(at_least(1.30), &Noise::default(), Status::Ok);
        check(at_least(1.90), &Noise::default(), Status::Ok);
        // What a generator reports that waits for its answers before it goes on.
        check(at_least(0.002), &Noise::default(), Status::Fail);
    }

    #[test]
    fn no_data_does_not_hold() {
        let good = claim(Value::Time(1.0), Value::Time(1.0), NEAR, Excuse::Load);
        check(Claim { truth: None, ..good.clone() }, &Noise::default(), Status::Fail);
        check(Claim { reported: None, ..good }, &Noise::default(), Status::Fail);
        let nothing = claim(Value::Calls(0), Value::Calls(0), Allowed::Nothing, Excuse::Load);
        check(nothing, &Noise::default(), Status::Fail);
        assert_eq!(verdict(&[], true), Verdict::Invalid);
    }

    #[test]
    fn noise_excuses_what_it_can_explain_and_nothing_else() {
        let failing = Noise { failing: vec!["own CPU".to_owned()], ..Noise::default() };
        let wrong = |excuse| claim(Value::Calls(10), Value::Calls(9), Allowed::Nothing, excuse);
        check(wrong(Excuse::Nothing), &failing, Status::Fail);
        check(wrong(Excuse::Load), &failing, Status::Invalid);
        check(wrong(Excuse::Load), &late(Duration::from_secs(1)), Status::Fail);
        let slow = || claim(Value::Time(0.1), Value::Time(0.2), NEAR, Excuse::Timing(0.5));
        check(slow(), &failing, Status::Invalid);
        check(slow(), &late(Duration::from_micros(1100)), Status::Invalid);
        check(slow(), &late(Duration::from_micros(900)), Status::Fail);
        // One task in a hundred that ran late says nothing about a median, and much about a tail.
        let mut once = late(Duration::from_micros(50));
        once.wake_ups.record(Duration::from_millis(5));
        check(slow(), &once, Status::Fail);
        check(Claim { excuse: Excuse::Timing(0.99), ..slow() }, &once, Status::Invalid);
        // Nothing makes a call come back sooner than it was answered.
        let fast = claim(Value::Time(0.1), Value::Time(0.097), NEAR, Excuse::Timing(0.5));
        check(fast.clone(), &late(Duration::from_millis(50)), Status::Fail);
        check(fast, &failing, Status::Fail);
        // A claim that holds does so on a noisy machine, too.
        check(claim(Value::Time(0.1), Value::Time(0.1), NEAR, Excuse::Timing(0.5)), &failing, Status::Ok);
    }

    #[test]
    fn one_claim_that_fails_is_worse_than_many_that_can_not_be_judged() {
        let row = |status| Row {
            drill: "drill",
            claim: String::new(),
            truth: None,
            reported: None,
            allowed: NEAR,
            status,
            why: String::new(),
        };
        let rows = |statuses: &[Status]| statuses.iter().map(|status| row(*status)).collect::<Vec<_>>();
        let of = |statuses: &[Status]| verdict(&rows(statuses), true);
        assert_eq!(of(&[Status::Ok, Status::Ok]), Verdict::Holds);
        assert_eq!(of(&[Status::Ok, Status::Invalid]), Verdict::Invalid);
        assert_eq!(of(&[Status::Invalid, Status::Fail, Status::Invalid]), Verdict::Fails);
        assert_eq!(verdict(&rows(&[Status::Ok]), false), Verdict::Invalid);
    }
}
