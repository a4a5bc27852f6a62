//! On which part of a run an objective is judged, and in which pieces. It does not know what is measured.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::During;
use super::evidence::exact_percent;
use crate::model::format_duration;

/// What an objective says beside its limit. Without any of it, it is judged once, over the whole steady phase.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Terms {
    /// In pieces of the run instead of the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_every: Option<InEvery>,
    /// In one part of the load alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub during: Option<During>,
    /// Whether the load is stopped as soon as the evidence against it is enough.
    #[serde(default, skip_serializing_if = "is_false")]
    pub abort: bool,
    /// A PASS is given only by a run that bursts of bad calls up to this long would hardly have missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bursts_up_to: Option<Duration>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Each window of so many whole seconds, sliding by one second, is to keep the limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct InEvery {
    /// How long a window is.
    pub seconds: u32,
    /// How many of them may break it.
    #[serde(default)]
    pub tolerance: Tolerance,
}

/// How many windows may break the limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tolerance {
    /// This share (0 to 1) of them, rounded down.
    Share(f64),
    /// So many.
    Windows(u32),
}

impl Default for Tolerance {
    fn default() -> Self {
        Self::Windows(0)
    }
}

impl Tolerance {
    /// How many of `windows` may break the limit.
    pub fn of(self, windows: usize) -> usize {
        match self {
            // 29 of 100 are 29 %, though 0.29 times 100 is less in binary.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share of the windows"
            )]
            Self::Share(share) => (windows as f64 * share * (1.0 + 1e-12)).floor() as usize,
            Self::Windows(count) => usize::try_from(count).unwrap_or(usize::MAX),
        }
    }

    /// True where none may.
    pub fn is_none(self) -> bool {
        match self {
            Self::Share(share) => share <= 0.0,
            Self::Windows(count) => count == 0,
        }
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(share) => write!(f, "{} of the windows", exact_percent(*share)),
            Self::Windows(1) => f.write_str("1 window"),
            Self::Windows(count) => write!(f, "{count} windows"),
        }
    }
}

impl fmt::Display for InEvery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in every {} s", self.seconds)?;
        if self.tolerance.is_none() { Ok(()) } else { write!(f, " but {}", self.tolerance) }
    }
}

impl Terms {
    /// True where the objective is judged otherwise than once over the whole steady phase.
    pub fn narrow(&self) -> bool {
        self.in_every.is_some() || self.during.is_some()
    }

    /// In words, each with what divides it from the one before; empty without any.
    pub fn in_words(&self) -> String {
        let Self { in_every, during, abort, bursts_up_to } = self;
        let during = during.as_ref().map(|during| format!(", {during}"));
        let in_every = in_every.map(|in_every| format!(", {in_every}"));
        let bursts = bursts_up_to
            .map(|length| format!("; a PASS must rule out bursts of up to {}", format_duration(length)));
        let abort = abort.then(|| "; the load is stopped once this is proven broken".to_owned());
        during.into_iter().chain(in_every).chain(bursts).chain(abort).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_windows_is_rounded_down() {
        assert_eq!(Tolerance::Share(0.29).of(100), 29);
        assert_eq!(Tolerance::Share(0.05).of(51), 2);
        assert_eq!((Tolerance::Share(0.05).of(19), Tolerance::Windows(3).of(2)), (0, 3));
    }

    #[test]
    fn objectives_of_old_have_no_terms() {
        let plain = Terms::default();
        assert_eq!(serde_json::to_string(&plain).unwrap(), "{}");
        assert_eq!(serde_json::from_str::<Terms>("{}").unwrap(), plain);
        let in_every = InEvery { seconds: 10, tolerance: Tolerance::Share(0.05) };
        let during = Some(During::Stage("peak".to_owned()));
        let bursts_up_to = Some(Duration::from_secs(1));
        let terms = Terms { in_every: Some(in_every), during, abort: true, bursts_up_to };
        let text = serde_json::to_string(&terms).unwrap();
        assert_eq!(serde_json::from_str::<Terms>(&text).unwrap(), terms);
        assert_eq!(
            terms.in_words(),
            ", during peak, in every 10 s but 5 % of the windows; a PASS must rule out bursts of up to 1.00 s; the load is \
             stopped once this is proven broken"
        );
    }
}
