//! L1: how sure a number is.
