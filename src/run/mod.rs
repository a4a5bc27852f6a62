//! L3: one run from plan to log.
