//! What is run: for each drill the scenario, written as a user would write it, and what the demo target is told. Pure.

use std::path::Path;

/// How long the drills are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// About a minute in all.
    Full,
    /// About twenty seconds in all.
    Quick,
}

/// One run, and what it is about.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Drill {
    /// Also the name of its folder.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// How long its load is, in seconds.
    pub(super) seconds: u32,
    /// The revision that is spoken, and where.
    wire: Wire,
    /// What the target is told.
    arguments: Vec<String>,
    /// The load of the scenario, without its duration.
    load: String,
    timeout: &'static str,
    /// An objective on latency; of the tail, the one that is held against the truth.
    objective: &'static str,
}

/// What a drill is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Latency,
    Tail,
    Freeze,
    /// Fewer users than the rate keeps busy.
    Queue,
    Errors,
    Lost,
    Duplicated,
    /// As many calls as there can be.
    Ceiling,
    /// At so many calls a second.
    SendLag(u32),
}

/// An era and the form of its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    /// The modern era, in JSON.
    Modern,
    /// Sessions, answers as event streams.
    Sessions,
    /// The null server: the legacy era, in JSON.
    Null,
}

/// The limit that the tail is counted over, in the objective and in the truth.
pub(super) const LATE_MS: u64 = 250;
/// The name of the drills' objective.
pub(super) const OBJECTIVE: &str = "known";
/// When the target stands still, in milliseconds since its start, and for how long: users are launched before that.
pub(super) const FREEZE_AT_MS: u64 = 2_500;
/// See [`FREEZE_AT_MS`].
pub(super) const FREEZE_FOR_MS: u64 = 1_400;
/// Users of the closed load.
pub(super) const CEILING_USERS: u32 = 32;
/// What the SLO file is called in a scenario.
const SLO_FILE: &str = "selftest.slo.yaml";

impl Kind {
    /// True when the truth is worked out from when calls were due.
    #[cfg(test)]
    pub(super) fn is_by_schedule(self) -> bool {
        matches!(self, Self::Freeze | Self::Queue)
    }

    /// True when the target is the null server.
    pub(super) fn is_against_null(self) -> bool {
        match self {
            Self::Ceiling | Self::SendLag(_) => true,
            Self::Latency
            | Self::Tail
            | Self::Freeze
            | Self::Queue
            | Self::Errors
            | Self::Lost
            | Self::Duplicated => false,
        }
    }
}

/// All drills, in order, for a machine where a process may open so many files.
pub(super) fn drills(pace: Pace, open_files: u64) -> Vec<Drill> {
    let seconds = |full, quick| match pace {
        Pace::Full => full,
        Pace::Quick => quick,
    };
    vec![
        Drill {
            name: "latency",
            kind: Kind::Latency,
            seconds: seconds(10, 2),
            wire: Wire::Modern,
            arguments: words("--latency-lognormal 20ms,0.5"),
            load: "rate: 200/s, users: 20, max_users: 200".to_owned(),
            timeout: "5s",
            objective: "p99: 1s",
        },
        Drill {
            name: "tail",
            kind: Kind::Tail,
            seconds: seconds(10, 2),
            wire: Wire::Sessions,
            arguments: words("--latency 5ms --latency-share 0.01 --latency-extra 500ms"),
            load: "rate: 200/s, users: 50, max_users: 200".to_owned(),
            timeout: "5s",
            objective: "share: 90%, within: 250ms",
        },
        freeze(seconds(6, 4), open_files),
        Drill {
            name: "queue",
            kind: Kind::Queue,
            seconds: seconds(4, 1),
            wire: Wire::Modern,
            arguments: words("--latency 50ms"),
            // Five users do 100 calls a second: after 4 s the 600th call has waited for 2 s.
            load: "rate: 150/s, spacing: constant, users: 5, max_users: 5".to_owned(),
            timeout: "10s",
            objective: "p50: 10s",
        },
        Drill {
            name: "errors",
            kind: Kind::Errors,
            seconds: seconds(5, 1),
            wire: Wire::Sessions,
            arguments: words("--tool-error-share 0.1"),
            load: "rate: 200/s, users: 20, max_users: 100".to_owned(),
            timeout: "5s",
            objective: "p50: 1s",
        },
        Drill {
            name: "lost",
            kind: Kind::Lost,
            seconds: seconds(5, 1),
            wire: Wire::Modern,
            arguments: words("--lose-share 0.05"),
            load: "rate: 200/s, users: 50, max_users: 200".to_owned(),
            timeout: "1s",
            objective: "p50: 500ms",
        },
        Drill {
            name: "duplicated",
            kind: Kind::Duplicated,
            seconds: seconds(5, 1),
            wire: Wire::Sessions,
            arguments: words("--duplicate-share 0.05"),
            load: "rate: 200/s, users: 20, max_users: 100".to_owned(),
            timeout: "5s",
            objective: "p50: 1s",
        },
        Drill {
            name: "ceiling",
            kind: Kind::Ceiling,
            seconds: seconds(5, 2),
            wire: Wire::Null,
            arguments: words("--null"),
            load: format!("users: {CEILING_USERS}"),
            timeout: "5s",
            objective: "p50: 1s",
        },
        send_lag("send-lag-500", 500, seconds(3, 1)),
        send_lag("send-lag-2000", 2_000, seconds(3, 1)),
    ]
}

/// Each call that is due while the target stands still needs a connection, and a file for it. Where there are not as many,
/// fewer calls are due.
fn freeze(seconds: u32, open_files: u64) -> Drill {
    let (rate, users) = if open_files >= 2_200 { (1_000, 2_000) } else { (400, 800) };
    Drill {
        name: "freeze",
        kind: Kind::Freeze,
        seconds,
        wire: Wire::Modern,
        arguments: words(&format!("--freeze-at {FREEZE_AT_MS}ms --freeze-for {FREEZE_FOR_MS}ms")),
        load: format!("rate: {rate}/s, spacing: constant, users: {users}, max_users: {users}"),
        timeout: "10s",
        objective: "p50: 2s",
    }
}

fn send_lag(name: &'static str, rate: u32, seconds: u32) -> Drill {
    Drill {
        name,
        kind: Kind::SendLag(rate),
        seconds,
        wire: Wire::Null,
        arguments: words("--null"),
        load: format!("rate: {rate}/s, users: 100, max_users: 500, warm_up: 300ms"),
        timeout: "5s",
        objective: "p50: 1s",
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

impl Drill {
    /// The scenario, whose target writes its truth to this file.
    pub(super) fn scenario(&self, truth: &str) -> String {
        let (path, protocol) = match self.wire {
            Wire::Modern => ("/mcp/stateless", "2026-07-28"),
            Wire::Sessions => ("/mcp", "2025-11-25"),
            Wire::Null => ("/mcp", "auto"),
        };
        let Self { name, seconds, load, timeout, .. } = self;
        let arguments = self.arguments.iter().map(String::as_str).chain(["--truth", truth]);
        // A JSON string is a YAML string, whatever is in it.
        let arguments: Vec<String> =
            arguments.map(|argument| serde_json::Value::from(argument).to_string()).collect();
        let arguments = arguments.join(", ");
        format!(
            "version: 1
name: selftest {name}
target: {{demo: {{path: {path}, arguments: [{arguments}]}}}}
protocol: \"{protocol}\"
timeout: {timeout}
load: {{{load}, duration: {seconds}s}}
transactions:
  - name: echo
    call_tool: {{tool: echo, arguments: {{text: known}}}}
observe: {{health: {{ready: /ready}}}}
slo: [{SLO_FILE}]
"
        )
    }

    /// The SLO file that the scenario names.
    pub(super) fn slo(&self) -> String {
        format!("version: 1\nobjectives: [{{name: {OBJECTIVE}, latency: {{{}}}}}]\n", self.objective)
    }

    /// What a reader of files finds at `path`, of the two that a drill has.
    pub(super) fn file(&self, path: &Path, truth: &str) -> Option<String> {
        match path.file_name()?.to_str()? {
            SLO_FILE => Some(self.slo()),
            name if name == self.scenario_file() => Some(self.scenario(truth)),
            _ => None,
        }
    }

    /// What the scenario is called as a file.
    pub(super) fn scenario_file(&self) -> String {
        format!("selftest-{}.yaml", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_drills_are_the_same_and_shorter() {
        let (full, quick) = (drills(Pace::Full, 20_000), drills(Pace::Quick, 20_000));
        let total = |drills: &[Drill]| drills.iter().map(|drill| drill.seconds).sum::<u32>();
        assert!(total(&full) <= 60 && total(&quick) <= 16, "{} {}", total(&full), total(&quick));
        for (full, quick) in full.into_iter().zip(quick) {
            assert!(quick.seconds < full.seconds);
            assert_eq!(Drill { seconds: full.seconds, ..quick }, full);
        }
    }

    #[test]
    fn the_freeze_fits_into_the_files_that_may_be_open() {
        for (open_files, users) in [(1_024, 800), (2_200, 2_000)] {
            assert!(freeze(5, open_files).load.contains(&format!("max_users: {users}")));
            assert!(users + 150 < open_files);
        }
    }
}
