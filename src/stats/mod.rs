//! L1: how sure a number is.

pub mod binomial;
pub mod e_process;
pub mod holm;
pub mod inflation;
