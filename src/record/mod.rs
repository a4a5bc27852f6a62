//! L2: writes and reads the run directory.
