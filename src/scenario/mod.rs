//! L1: the scenario file: as written, checked with all mistakes at once, then a plan.
