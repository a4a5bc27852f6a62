//! The `process_*` metrics as Prometheus client libraries give them, from `/proc/self`. What can't be read is left
//! out.

use procfs::process::{LimitValue, Process};

use super::exposition::{Exposition, Kind};

/// Bytes of memory that are really there; `None` where `/proc` does not say.
pub(in crate::demo) fn resident_bytes() -> Option<u64> {
    let stat = Process::myself().ok()?.stat().ok()?;
    Some(stat.rss * procfs::page_size())
}

/// The container that the server would be in: what an exporter on its machine would tell of it.
pub(super) fn write_container(out: &mut Exposition, limit: u64) {
    const LABELS: [(&str, &str); 2] = [("container", "mcp-server"), ("pod", "mcp-server-demo")];
    if let Some(resident) = resident_bytes() {
        out.family("container_memory_usage_bytes", Kind::Gauge, "Memory that a container uses, in bytes.");
        out.sample(&LABELS, resident as f64);
    }
    out.family(
        "container_spec_memory_limit_bytes",
        Kind::Gauge,
        "Memory that a container may use, in bytes.",
    );
    out.sample(&LABELS, limit as f64);
}

/// Writes the families. The process began with the server, `started` seconds after the epoch.
pub(super) fn write(out: &mut Exposition, started: f64) {
    let mut gauge = |name, kind, help, value: Option<f64>| {
        if let Some(value) = value {
            out.family(name, kind, help);
            out.sample(&[], value);
        }
    };
    let process = Process::myself().ok();
    let stat = process.as_ref().and_then(|process| process.stat().ok());
    let stat = stat.as_ref();
    let cpu = stat.map(|stat| (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64);
    gauge("process_cpu_seconds_total", Kind::Counter, "User and system CPU time spent in seconds.", cpu);
    let resident = stat.map(|stat| (stat.rss * procfs::page_size()) as f64);
    gauge("process_resident_memory_bytes", Kind::Gauge, "Resident memory size in bytes.", resident);
    let virtual_size = stat.map(|stat| stat.vsize as f64);
    gauge("process_virtual_memory_bytes", Kind::Gauge, "Virtual memory size in bytes.", virtual_size);
    let threads = stat.map(|stat| stat.num_threads as f64);
    gauge("process_threads", Kind::Gauge, "Number of OS threads in the process.", threads);
    let open = process.as_ref().and_then(|process| process.fd_count().ok()).map(|count| count as f64);
    gauge("process_open_fds", Kind::Gauge, "Number of open file descriptors.", open);
    let most = process.as_ref().and_then(|process| process.limits().ok()).map(|limits| {
        match limits.max_open_files.soft_limit {
            LimitValue::Value(value) => value as f64,
            LimitValue::Unlimited => f64::INFINITY,
        }
    });
    gauge("process_max_fds", Kind::Gauge, "Maximum number of open file descriptors.", most);
    let help = "Start time of the process since unix epoch in seconds.";
    gauge("process_start_time_seconds", Kind::Gauge, help, Some(started));
}
