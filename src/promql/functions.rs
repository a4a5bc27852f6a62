//! The functions of PromQL.

/// What computes a function.
pub(crate) enum Body {}
