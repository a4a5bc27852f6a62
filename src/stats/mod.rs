//! L1: how sure a number is.

pub mod binomial;
