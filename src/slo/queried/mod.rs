//! Objectives that ask the scraped series by PromQL: values that keep a limit, and events that the target counts itself.
//!
//! They look at what was scraped in the steady phase, and at nothing before it.

mod counting;
mod events;
mod file;
mod indicator;
mod reliance;
mod scrapes;
mod slices;
mod template;
#[cfg(test)]
mod tests;
mod values;

pub(super) use self::counting::counts;
pub(super) use self::events::judge as judge_events;
pub(super) use self::file::{read_events, read_promql, read_query};
pub use self::indicator::{
    Comparison, Counted, EventsIndicator, Holding, QueryIndicator, QueryLimit, Slices,
};
pub(super) use self::reliance::relied_on_by;
pub(super) use self::scrapes::SteadyScrapes;
pub(super) use self::template::stand_in;
pub(super) use self::values::{COUNTING, judge as judge_values};
