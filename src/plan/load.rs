//! The load over time: how many users, or how many arrivals, and how long it all lasts.

use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::OpenLoad;
use crate::model::CounterRng;

/// What makes calls begin, and which of them count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// What makes calls begin.
    #[serde(flatten)]
    pub model: LoadModel,
    /// From the start of the load; calls due before its end are measured, reported and left out of the verdict.
    pub warm_up: Duration,
    /// Streams that are held open beside the load, each by a client of its own that makes no calls.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub idle_streams: u32,
    /// The stages that have a name; objectives ask for them by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stage_names: Vec<StageName>,
}

/// The name of a stage, of whichever model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageName {
    /// The place of the stage among all, from 0.
    pub stage: usize,
    /// Unique among the stages.
    pub name: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// What makes calls begin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LoadModel {
    /// The schedule: the target can't slow it down.
    Open(OpenLoad),
    /// The end of the call before: a target that stands still also stops the load.
    Closed(ClosedLoad),
}

/// A closed load: a number of users over time, each doing one thing after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClosedLoad {
    /// The number of users as straight lines: within a stage it goes from the previous stage's users (0 at the
    /// start) to its own.
    pub stages: Vec<Stage>,
    /// The pause after each iteration.
    pub think_time: ThinkTime,
}

/// One straight line of the number of users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// How long it takes. Zero is a jump.
    pub duration: Duration,
    /// The number of users at its end.
    pub users: u32,
}

/// The pause of a user, mostly after each iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThinkTime {
    /// Always the same.
    Constant(Duration),
    /// Evenly spread between the two, both included.
    Uniform {
        /// The shortest pause.
        min: Duration,
        /// The longest pause.
        max: Duration,
    },
    /// Exponential: mostly short, seldom long, as of somebody whose next call does not depend on the last one.
    Exponential {
        /// The mean, before pauses are cut.
        mean: Duration,
        /// The longest pause: longer ones are cut to it.
        max: Duration,
    },
    /// Lognormal: what people who read and type take.
    Lognormal {
        /// Half of the pauses are shorter.
        median: Duration,
        /// So many of 100 are shorter: 95. Not less than `median`.
        p95: Duration,
        /// The longest pause: longer ones are cut to it.
        max: Duration,
    },
}

/// The 95th percentile of the standard normal distribution.
const Z95: f64 = 1.644_853_626_951_472_7;

/// The deviation of the logarithm of a pause.
fn sigma(median: Duration, p95: Duration) -> f64 {
    (p95.as_secs_f64() / median.as_secs_f64()).ln() / Z95
}

/// `factor` times `pause`, but no longer than `max`.
fn cut(pause: Duration, factor: f64, max: Duration) -> Duration {
    Duration::try_from_secs_f64(pause.as_secs_f64() * factor).map_or(max, |pause| pause.min(max))
}

impl ThinkTime {
    /// One pause.
    pub fn draw(&self, rng: &mut CounterRng) -> Duration {
        match self {
            Self::Constant(pause) => *pause,
            Self::Uniform { min, max } => *min + max.saturating_sub(*min).mul_f64(rng.unit()),
            Self::Exponential { mean, max } => cut(*mean, rng.exponential(), *max),
            Self::Lognormal { median, p95, max } => {
                cut(*median, (sigma(*median, *p95) * rng.normal()).exp(), *max)
            }
        }
    }

    /// The mean pause; of a lognormal one before it is cut.
    pub fn mean(&self) -> Duration {
        match self {
            Self::Constant(pause) => *pause,
            Self::Uniform { min, max } => (*min + *max) / 2,
            Self::Exponential { mean, max } => {
                cut(*mean, 1.0 - (-max.as_secs_f64() / mean.as_secs_f64()).exp(), *max)
            }
            Self::Lognormal { median, p95, max } => {
                cut(*median, (sigma(*median, *p95).powi(2) / 2.0).exp(), *max)
            }
        }
    }
}

impl Load {
    /// How long the load lasts, warm-up included.
    pub fn duration(&self) -> Duration {
        match &self.model {
            LoadModel::Open(open) => open.duration(),
            LoadModel::Closed(closed) => closed.duration(),
        }
    }

    /// From when to when the stage called `name` is, from the start of the load; `None` where none is called so.
    pub fn stage(&self, name: &str) -> Option<Range<Duration>> {
        let StageName { stage, .. } = self.stage_names.iter().find(|stage| stage.name == name)?;
        let lengths: Vec<Duration> = match &self.model {
            LoadModel::Open(open) => open.stages.iter().map(|stage| stage.duration).collect(),
            LoadModel::Closed(closed) => closed.stages.iter().map(|stage| stage.duration).collect(),
        };
        let from = lengths.iter().take(*stage).sum();
        Some(from..from + *lengths.get(*stage)?)
    }

    /// The name of the stage at this place among all.
    pub fn stage_name(&self, stage: usize) -> Option<&str> {
        self.stage_names.iter().find(|named| named.stage == stage).map(|named| named.name.as_str())
    }

    /// The largest number of users that there may be at any moment.
    pub fn peak_users(&self) -> u32 {
        match &self.model {
            LoadModel::Open(open) => open.max_users,
            LoadModel::Closed(closed) => closed.peak_users(),
        }
    }

    /// The users, and those who hold streams open.
    pub fn clients(&self) -> u32 {
        self.peak_users().saturating_add(self.idle_streams)
    }

    /// The open load, if it is one.
    pub fn open(&self) -> Option<&OpenLoad> {
        match &self.model {
            LoadModel::Open(open) => Some(open),
            LoadModel::Closed(_) => None,
        }
    }
}

impl ClosedLoad {
    /// How long the load lasts.
    pub fn duration(&self) -> Duration {
        self.stages.iter().map(|stage| stage.duration).sum()
    }

    /// The largest number of users at any moment.
    pub fn peak_users(&self) -> u32 {
        self.stages.iter().map(|stage| stage.users).max().unwrap_or(0)
    }

    /// How many users are to be active at `t` after the start; 0 after the end. A user is active when its number
    /// (from 0) is below this.
    pub fn users_at(&self, t: Duration) -> u32 {
        let mut began = Duration::ZERO;
        let mut before = 0u32;
        for stage in &self.stages {
            let ends = began + stage.duration;
            if t < ends {
                let share = t.saturating_sub(began).as_secs_f64() / stage.duration.as_secs_f64();
                let users = f64::from(before) + (f64::from(stage.users) - f64::from(before)) * share;
                // Rising: user k starts when the line has passed k, so the first starts at once.
                let rounded = if stage.users > before { users.floor() + 1.0 } else { users.ceil() };
                return clamp_users(rounded, before.max(stage.users));
            }
            began = ends;
            before = stage.users;
        }
        0
    }

    /// The next moment after `t` at which [`Self::users_at`] may exceed `user`; `None` when it never will again.
    pub fn next_start(&self, user: u32, t: Duration) -> Option<Duration> {
        let mut began = Duration::ZERO;
        let mut before = 0u32;
        for stage in &self.stages {
            let ends = began + stage.duration;
            if stage.users > user && ends > t {
                let crossing = if before > user {
                    began
                } else {
                    let share = f64::from(user - before) / f64::from(stage.users - before);
                    began + stage.duration.mul_f64(share)
                };
                return Some(crossing.max(t));
            }
            began = ends;
            before = stage.users;
        }
        None
    }

    /// User-seconds of the whole load: the area under the line.
    pub fn user_seconds(&self) -> f64 {
        let mut before = 0u32;
        let mut area = 0.0;
        for stage in &self.stages {
            area += f64::midpoint(f64::from(before), f64::from(stage.users)) * stage.duration.as_secs_f64();
            before = stage.users;
        }
        area
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value lies between 0 and `most`, which is a u32"
)]
fn clamp_users(users: f64, most: u32) -> u32 {
    users.clamp(0.0, f64::from(most)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(stages: &[(u64, u32)]) -> ClosedLoad {
        ClosedLoad {
            stages: stages
                .iter()
                .map(|&(seconds, users)| Stage { duration: Duration::from_secs(seconds), users })
                .collect(),
            think_time: ThinkTime::Constant(Duration::ZERO),
        }
    }

    #[track_caller]
    fn check(stages: &[(u64, u32)], at: f64, expected: u32) {
        assert_eq!(load(stages).users_at(Duration::from_secs_f64(at)), expected, "at {at} s");
    }

    /// 100,000 pauses, in seconds, from the shortest to the longest.
    fn pauses(think_time: &ThinkTime) -> Vec<f64> {
        let mut rng = CounterRng::new(7, 1);
        let mut pauses: Vec<f64> = (0..100_000).map(|_| think_time.draw(&mut rng).as_secs_f64()).collect();
        pauses.sort_by(f64::total_cmp);
        pauses
    }

    #[track_caller]
    fn check_near(found: f64, wanted: f64) {
        assert!((found / wanted - 1.0).abs() < 0.02, "{found} for {wanted}");
    }

    #[test]
    fn pauses_have_the_distribution_that_is_asked_for() {
        let second = Duration::from_secs(1);
        let mean = |pauses: &[f64]| pauses.iter().sum::<f64>() / pauses.len() as f64;
        for max in [10 * second, second] {
            let think_time = ThinkTime::Exponential { mean: second, max };
            let drawn = pauses(&think_time);
            check_near(mean(&drawn), think_time.mean().as_secs_f64());
            check_near(drawn[50_000], 2f64.ln());
            assert!(drawn[99_999] <= max.as_secs_f64());
        }
        let think_time = ThinkTime::Lognormal { median: second, p95: 4 * second, max: 100 * second };
        let drawn = pauses(&think_time);
        check_near(mean(&drawn), think_time.mean().as_secs_f64());
        check_near(drawn[50_000], 1.0);
        check_near(drawn[95_000], 4.0);
        let same = ThinkTime::Lognormal { median: second, p95: second, max: second };
        assert_eq!((pauses(&same)[0], same.mean()), (1.0, second));
    }

    #[test]
    fn users_follow_the_stages() {
        let stages = [(10, 10), (10, 10), (10, 0)];
        check(&stages, 0.0, 1);
        check(&stages, 4.5, 5);
        check(&stages, 9.99, 10);
        check(&stages, 15.0, 10);
        check(&stages, 20.0, 10);
        check(&stages, 25.5, 5);
        check(&stages, 29.95, 1);
        check(&stages, 30.0, 0);
    }

    #[test]
    fn a_stage_without_length_is_a_jump() {
        check(&[(0, 7), (5, 7)], 0.0, 7);
        check(&[(0, 7), (5, 7)], 4.9, 7);
        check(&[(0, 7), (5, 7)], 5.0, 0);
    }

    #[test]
    fn each_user_starts_when_the_line_reaches_it() {
        let ramp = load(&[(10, 10), (10, 10)]);
        for user in 0..10 {
            let start = ramp.next_start(user, Duration::ZERO).unwrap();
            assert_eq!(start, Duration::from_secs(u64::from(user)));
            assert!(ramp.users_at(start + Duration::from_millis(1)) > user);
        }
        assert_eq!(ramp.next_start(10, Duration::ZERO), None);
        assert_eq!(ramp.next_start(3, Duration::from_secs(20)), None);
        let gap = load(&[(0, 2), (5, 2), (0, 0), (5, 0), (0, 2), (5, 2)]);
        assert_eq!(gap.next_start(1, Duration::from_secs(6)), Some(Duration::from_secs(10)));
    }

    #[test]
    fn user_seconds_are_the_area_under_the_line() {
        assert!((load(&[(10, 10), (10, 10), (10, 0)]).user_seconds() - 200.0).abs() < 1e-9);
    }
}
