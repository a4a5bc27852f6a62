//! L1: Prometheus rules: files read as Prometheus reads them, templates, the states of alerts, unit tests of rules; how long a
//! run rules need, and rules in a faster time.
//!
//! How rules are used in a run, or over a recorded one:
//! 1. [`load_all`] reads files into [`Group`]s of [`Rule`]s, or gives every mistake with its place. [`run_lengths`] says how
//!    long a run each rule needs, [`scaled`] divides all their times by a factor.
//! 2. [`Evaluator::new`] takes the groups and [`Settings`] (engine, default interval, external labels). Once a second append
//!    what was scraped to a [`crate::promql::Storage`], then call [`Evaluator::evaluate_until`] with the time; over a recording, whose
//!    samples can all be there already, call it with its beginning and then with its end. It evaluates what is due, writes recorded series, `ALERTS` and
//!    `ALERTS_FOR_STATE` into the storage, and gives an [`Evaluation`]: [`Transition`]s of alerts (with labels, value,
//!    annotations) and [`Failure`]s. [`Evaluator::reach`] says what may be dropped from the storage.
//! 3. At the end [`Evaluator::statuses`] gives each rule's [`Reading`] *as written*, its [`Coverage`], and the selectors
//!    that no series was ever there for. [`projected`] guesses, apart from all that, what an alert would do if the steady
//!    phase went on.
//!
//! Time comes in as milliseconds since 1970, samples through the storage; nothing here reads a clock or a file. Texts of
//! alerts hold what the target said: whoever shows them cleans them.

mod alert;
mod costs;
mod duration;
mod evaluator;
mod fields;
mod file;
mod length;
mod names;
mod print;
mod projection;
mod rule;
mod scale;
mod source;
mod status;
mod template;
mod unit_test;

pub use alert::{Alert, AlertState, Change};
pub use costs::Allowance;
pub use evaluator::{Evaluation, Evaluator, FailedPart, Failure, RuleId, Settings, Transition};
pub use file::{load, load_all};
pub use length::{RunLength, run_lengths};
pub use print::to_yaml;
pub use projection::{Projection, SteadyPhase, projected};
pub use rule::{Alerting, Group, Rule, RuleKind};
pub use scale::{Scaled, TimeScale, scaled};
pub use status::{Coverage, Reading, RuleStatus};
pub use template::Template;
pub use unit_test::{Test, TestFailure, TestFile, TestOutcome, load_tests, run_tests};

pub(crate) use duration::format_duration;
pub(crate) use fields::place_in;
pub(crate) use file::alert_names;

#[cfg(test)]
mod tests;
