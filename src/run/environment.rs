//! The machine that makes the load, as far as it may explain a difference between two runs.

use procfs::{CpuInfo, Current as _, Meminfo};

use crate::report::Environment;

/// This machine. What can't be found out is left empty.
pub(super) fn this_machine() -> Environment {
    let kernel = procfs::sys::kernel::Version::current()
        .map(|version| format!(" {}.{}.{}", version.major, version.minor, version.patch))
        .unwrap_or_default();
    let cpu = CpuInfo::current()
        .ok()
        .and_then(|info| info.model_name(0).map(crate::model::clean_text))
        .unwrap_or_default();
    Environment {
        os: format!("{}{kernel} ({})", std::env::consts::OS, std::env::consts::ARCH),
        cpu,
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_bytes: Meminfo::current().map_or(0, |memory| memory.mem_total),
        profile: if cfg!(debug_assertions) { "dev" } else { "release" }.to_owned(),
    }
}
