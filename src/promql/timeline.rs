//! The times of samples, shared by all series that were sampled at them.
//!
//! Knows nothing of values and labels.

/// Which timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TimelineId(u32);

/// Times in order. A time's place stays the same when those before it are dropped.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    first: u32,
    times: Vec<i64>,
    users: usize,
    /// The timeline that this was a part of, and the place up to which they are the same.
    parted: Option<(TimelineId, u32)>,
}

/// All timelines.
#[derive(Debug, Default)]
pub(crate) struct Timelines {
    all: Vec<Timeline>,
    /// The one that was last written to: most likely that of the next sample.
    recent: TimelineId,
}

impl Timeline {
    /// The place of the first time that is kept.
    pub(crate) fn first(&self) -> u32 {
        self.first
    }

    /// The time at a place.
    pub(crate) fn time(&self, place: u32) -> i64 {
        self.times[(place - self.first) as usize]
    }

    /// The times of the places from `from` up to, but not including, `to`.
    pub(crate) fn times(&self, from: u32, to: u32) -> &[i64] {
        &self.times[(from - self.first) as usize..(to - self.first) as usize]
    }

    /// The places of the times after `after_ms` and up to `until_ms`.
    pub(crate) fn places(&self, after_ms: i64, until_ms: i64) -> (u32, u32) {
        let from = self.times.partition_point(|time| *time <= after_ms);
        let to = self.times.partition_point(|time| *time <= until_ms);
        (self.first + small(from), self.first + small(to.max(from)))
    }

    fn end(&self) -> u32 {
        self.first + small(self.times.len())
    }
}

impl Timelines {
    pub(crate) fn get(&self, id: TimelineId) -> &Timeline {
        &self.all[id.0 as usize]
    }

    /// The timeline for a series whose first sample is at `at_ms`: one that others have just come to, or a new one.
    pub(crate) fn for_new_series(&mut self, at_ms: i64) -> TimelineId {
        let ends_there = |timeline: &Timeline| timeline.times.last() == Some(&at_ms);
        let id = if self.all.get(self.recent.0 as usize).is_some_and(ends_there) {
            self.recent
        } else if let Some(found) = self.all.iter().position(ends_there) {
            TimelineId(small(found))
        } else {
            self.unused()
        };
        let timeline = &mut self.all[id.0 as usize];
        timeline.users += 1;
        if timeline.times.is_empty() {
            timeline.times.push(at_ms);
        }
        self.recent = id;
        id
    }

    /// The place of `at_ms`, which is added at the end; `None` when the timeline has gone past it without it.
    pub(crate) fn place(&mut self, id: TimelineId, at_ms: i64) -> Option<u32> {
        self.recent = id;
        let timeline = &mut self.all[id.0 as usize];
        match timeline.times.last() {
            Some(last) if *last == at_ms => Some(timeline.end() - 1),
            Some(last) if *last > at_ms => {
                timeline.times.binary_search(&at_ms).ok().map(|at| timeline.first + small(at))
            }
            _ => {
                timeline.times.push(at_ms);
                Some(timeline.end() - 1)
            }
        }
    }

    /// A timeline of its own for a series that leaves `id`, with the times up to the place `end`.
    pub(crate) fn fork(&mut self, id: TimelineId, end: u32) -> TimelineId {
        let old = &mut self.all[id.0 as usize];
        old.users -= 1;
        let (first, times) = (old.first, old.times[..(end - old.first) as usize].to_vec());
        let new = self.unused();
        self.all[new.0 as usize] = Timeline { first, times, users: 1, parted: Some((id, end)) };
        new
    }

    /// True when `at_ms` would not come right behind the place before `end`.
    pub(crate) fn leaves_gap(&self, id: TimelineId, end: u32, at_ms: i64) -> bool {
        let timeline = self.get(id);
        timeline.end() > end && timeline.time(end) < at_ms
    }

    /// The timeline for a series that keeps missing times of `id`: the one on which others that left at the same place have
    /// just come to `at_ms`, or one of its own.
    pub(crate) fn part(&mut self, id: TimelineId, end: u32, at_ms: i64) -> TimelineId {
        let fits = |timeline: &Timeline| {
            timeline.users > 0
                && timeline.parted == Some((id, end))
                && timeline.end() == end + 1
                && timeline.times.last() == Some(&at_ms)
        };
        let Some(found) = self.all.iter().position(fits) else { return self.fork(id, end) };
        self.all[found].users += 1;
        self.release(id);
        TimelineId(small(found))
    }

    /// Says that one series less is on the timeline.
    pub(crate) fn release(&mut self, id: TimelineId) {
        let timeline = &mut self.all[id.0 as usize];
        timeline.users -= 1;
        if timeline.users == 0 {
            timeline.first = timeline.end();
            timeline.times = Vec::new();
        }
    }

    /// Drops times before `at_ms` where they are a quarter of what is kept, at least; true when any were.
    pub(crate) fn drop_before(&mut self, at_ms: i64) -> bool {
        let mut dropped = false;
        for timeline in &mut self.all {
            let over = timeline.times.partition_point(|time| *time < at_ms);
            if over > 0 && over >= timeline.times.len() / 4 {
                timeline.times.drain(..over);
                timeline.first += small(over);
                dropped = true;
            }
        }
        dropped
    }

    /// The first and the last of all times.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        let first = self.all.iter().filter_map(|timeline| timeline.times.first()).min()?;
        let last = self.all.iter().filter_map(|timeline| timeline.times.last()).max()?;
        Some((*first, *last))
    }

    fn unused(&mut self) -> TimelineId {
        let free = self.all.iter().position(|timeline| timeline.users == 0);
        let at = free.unwrap_or_else(|| {
            self.all.push(Timeline::default());
            self.all.len() - 1
        });
        let timeline = &mut self.all[at];
        *timeline = Timeline { first: timeline.end(), ..Timeline::default() };
        TimelineId(small(at))
    }
}

fn small(count: usize) -> u32 {
    u32::try_from(count).expect("a timeline has fewer than 4 billion times")
}
