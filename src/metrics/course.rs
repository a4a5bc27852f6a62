//! Some calls of a run, second by second, and when the bad ones among them ended. It does not know what is bad: who asks says so, cell by
//! cell.

use super::{Moments, Second};

/// What a second, or a cell of it, has of the calls that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CourseSecond {
    /// How many.
    pub calls: u64,
    /// How many of them are bad.
    pub bad: u64,
    /// When those ended. None where there are bad ones: it is not known.
    pub at: Moments,
}

/// Seconds that follow each other, from the first one with such calls to the last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Course {
    /// The number of the first of them, in the run.
    pub first: u32,
    /// In order, without gaps.
    pub seconds: Vec<CourseSecond>,
}

impl CourseSecond {
    /// Adds what `other` holds; where it is not known when bad calls of one of them ended, it is not known of both.
    pub fn add(&mut self, other: Self) {
        let is_known = self.knows_when() && other.knows_when();
        self.calls += other.calls;
        self.bad += other.bad;
        self.at.merge(other.at);
        if !is_known {
            self.at = Moments::default();
        }
    }

    fn knows_when(self) -> bool {
        self.bad == 0 || !self.at.is_none()
    }
}

impl Course {
    /// Of `seconds`, ascending, each of which has what `of` says.
    pub fn of(seconds: &[Second], of: impl Fn(&Second) -> CourseSecond) -> Self {
        let mut course = Self::default();
        let mut next = None;
        for second in seconds {
            let found = of(second);
            if found.calls == 0 {
                continue;
            }
            if next.is_none() {
                course.first = second.second;
            }
            let gap = next.map_or(0, |next| second.second.saturating_sub(next));
            course.seconds.extend((0..gap).map(|_| CourseSecond::default()));
            course.seconds.push(found);
            next = Some(second.second + 1);
        }
        course
    }

    /// How many clusters bad calls make, where each is nearer than `gap` parts of a second ([`Moments::PARTS`]) to the one before; `None`
    /// where it is not known when all of them ended.
    pub fn clusters(&self, gap: u64) -> Option<u64> {
        let mut clusters = 0;
        let mut last = None;
        for (number, second) in (0u64..).zip(&self.seconds) {
            if !second.knows_when() {
                return None;
            }
            for part in second.at.parts() {
                let now = number * u64::from(Moments::PARTS) + u64::from(part);
                if last.is_none_or(|last| now - last > gap) {
                    clusters += 1;
                }
                last = Some(now);
            }
        }
        Some(clusters)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn second(bad: &[u64]) -> CourseSecond {
        let mut at = Moments::default();
        for &ms in bad {
            at.mark(Duration::from_millis(ms));
        }
        CourseSecond { calls: 50, bad: bad.len() as u64, at }
    }

    #[test]
    fn clusters_go_over_the_ends_of_seconds() {
        let seconds = vec![second(&[100, 110, 300, 995]), second(&[3, 15, 90]), second(&[]), second(&[1])];
        let course = Course { first: 0, seconds };
        assert_eq!(course.clusters(2), Some(5));
        assert_eq!(course.clusters(0), Some(8));
        assert_eq!(course.clusters(1000), Some(1));
    }

    #[test]
    fn what_is_not_known_is_not_made_up() {
        let unknown = CourseSecond { at: Moments::default(), ..second(&[5]) };
        assert_eq!(Course { first: 0, seconds: vec![second(&[5]), unknown] }.clusters(2), None);
        let mut both = second(&[5]);
        both.add(unknown);
        assert_eq!((both.calls, both.bad, both.at.is_none()), (100, 2, true));
        let mut known = second(&[5]);
        known.add(second(&[]));
        assert!(!known.at.is_none());
    }
}
