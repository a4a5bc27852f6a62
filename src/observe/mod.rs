//! L2: what is watched beside the load: metrics, health, the process.
