//! What will keep a plan from working, before anything is sent: descriptors, ports, memory, too few users for the rate.

use std::time::Duration;

use procfs::process::{LimitValue, Process};
use procfs::{Current as _, Meminfo};

use crate::model::{format_count, format_duration, format_rate};
use crate::plan::{Load, LoadModel, Plan};

/// Descriptors that are open beside those of the users: files, scrapes, probes, the runtime's own.
const OTHER_DESCRIPTORS: u64 = 100;
/// What a user takes with its connection while it waits, in bytes; measured, with some air.
const BYTES_PER_USER: u64 = 16 * 1024;
/// Where the kernel keeps the range of ports that connections leave from.
const PORTS: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// An iteration of a healthy server may well take this long.
const SOON: Duration = Duration::from_millis(20);

/// What this machine has.
#[derive(Debug, Clone, Copy, Default)]
struct Machine {
    descriptors: Option<u64>,
    ports: Option<u64>,
    free_bytes: Option<u64>,
}

/// Warnings about `plan` on this machine; empty when nothing speaks against it.
pub fn forecast(plan: &Plan) -> Vec<String> {
    warnings(&plan.load, Machine::look())
}

fn warnings(load: &Load, machine: Machine) -> Vec<String> {
    let users = u64::from(load.clients());
    let count = format_count(users);
    let needs = users + OTHER_DESCRIPTORS;
    let descriptors = machine.descriptors.filter(|limit| *limit < needs).map(|limit| {
        format!(
            "{count} users need about {} descriptors, and this process may open {}: raise `ulimit -n`",
            format_count(needs),
            format_count(limit)
        )
    });
    let ports = machine.ports.filter(|ports| *ports < users).map(|ports| {
        format!(
            "{count} users need as many ports, and this machine has {} for connections to one address: widen \
             `net.ipv4.ip_local_port_range`",
            format_count(ports)
        )
    });
    let memory = machine.free_bytes.filter(|free| *free < users * BYTES_PER_USER).map(|free| {
        format!(
            "{count} users need about {} MiB of memory, and {} MiB are free",
            format_count(users * BYTES_PER_USER / (1 << 20)),
            format_count(free / (1 << 20))
        )
    });
    let too_few = match &load.model {
        LoadModel::Closed(_) => None,
        LoadModel::Open(open) => {
            let busy = Duration::from_secs_f64(f64::from(open.max_users) / open.peak_rate());
            (busy < SOON).then(|| {
                format!(
                    "at {} with at most {count} users an iteration may take {} on average; where it takes longer, \
                     iterations wait for a user: raise `max_users`",
                    format_rate(open.peak_rate()),
                    format_duration(busy)
                )
            })
        }
    };
    [descriptors, ports, memory, too_few].into_iter().flatten().collect()
}

impl Machine {
    fn look() -> Self {
        let limits = Process::myself().and_then(|process| process.limits()).ok();
        Self {
            descriptors: limits.and_then(|limits| match limits.max_open_files.soft_limit {
                LimitValue::Unlimited => None,
                LimitValue::Value(limit) => Some(limit),
            }),
            ports: ports(),
            free_bytes: Meminfo::current().ok().and_then(|memory| memory.mem_available),
        }
    }
}

fn ports() -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a setting of the kernel's, no file of anybody's")]
    let text = std::fs::read_to_string(PORTS).ok()?;
    let mut bounds = text.split_ascii_whitespace().map(str::parse::<u64>);
    let (first, last) = (bounds.next()?.ok()?, bounds.next()?.ok()?);
    Some((last + 1).saturating_sub(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{ClosedLoad, OpenLoad, RateStage, Spacing, Stage, ThinkTime};

    fn closed(users: u32) -> Load {
        let stages = vec![Stage { duration: Duration::from_secs(1), users }];
        let model = LoadModel::Closed(ClosedLoad { stages, think_time: ThinkTime::Constant(Duration::ZERO) });
        Load { model, warm_up: Duration::ZERO, idle_streams: 0, stage_names: Vec::new() }
    }

    fn open(rate: f64, max_users: u32) -> Load {
        let stages = vec![RateStage { duration: Duration::from_secs(1), rate }];
        let open = OpenLoad { stages, spacing: Spacing::Poisson, burst: 1, users: 1, max_users };
        Load {
            model: LoadModel::Open(open),
            warm_up: Duration::ZERO,
            idle_streams: 0,
            stage_names: Vec::new(),
        }
    }

    #[track_caller]
    fn check(load: &Load, machine: Machine, expected: &[&str]) {
        let found = warnings(load, machine);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn what_is_too_small_is_told_with_the_way_out() {
        let small = Machine { descriptors: Some(1024), ports: Some(900), free_bytes: Some(1 << 20) };
        check(&closed(1000), small, &["1,100 descriptors", "ip_local_port_range", "15 MiB"]);
        check(&closed(10), small, &[]);
        check(&closed(1_000_000), Machine::default(), &[]);
        check(
            &open(2_000.0, 20),
            Machine::default(),
            &["at 2000/s with at most 20 users an iteration may take 10.0 ms"],
        );
        check(&open(2_000.0, 100), Machine::default(), &[]);
    }

    #[test]
    fn this_machine_can_be_looked_at() {
        let machine = Machine::look();
        assert!(machine.ports.is_some_and(|ports| ports > 0), "{machine:?}");
        assert!(machine.free_bytes.is_some_and(|free| free > 0), "{machine:?}");
    }
}
