//! Arguments that are made of a tool's input schema instead of being written out: how many, and which of them.
//!
//! The schema is the target's, so they are made at first contact. This knows nothing of schemas.

use serde::{Deserialize, Serialize};

use super::Template;

/// What is generated for a step. All draws come from the plan's seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GeneratedArguments {
    /// How many values are made before the load; each call is given one of them, drawn evenly.
    pub values: u32,
    /// The share of them that is at the edges of what the schema allows, from 0 to 1.
    pub edges: f64,
    /// True when a free text of each value that is not at the edges gives way to the nonce of its call.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nonce: bool,
    /// The arguments that the scenario gives by hand: names, and JSON text. The operation's `arguments` has them, too.
    #[serde(skip)]
    pub given: Vec<(String, Template)>,
    /// Where the step is written: file, line and column.
    #[serde(skip)]
    pub origin: String,
}

impl GeneratedArguments {
    /// More values than this are not made for a step.
    pub const MOST_VALUES: u32 = 4_096;
    /// So many are made where the scenario does not say.
    pub const USUAL_VALUES: u32 = 256;
    /// The share of the edges where the scenario does not say.
    pub const USUAL_EDGES: f64 = 0.2;

    /// How many of the values are at the edges: the share, rounded; but where there is room, some are, and some are not.
    pub fn edge_values(&self) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a number of values is a number of values"
        )]
        let rounded = (f64::from(self.values) * self.edges).round() as u32;
        if self.edges <= 0.0 || self.edges >= 1.0 || self.values < 2 {
            return rounded.min(self.values);
        }
        rounded.clamp(1, self.values - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_values_is_at_the_edges() {
        let edges = |values, edges| {
            let origin = String::new();
            GeneratedArguments { values, edges, nonce: false, given: Vec::new(), origin }.edge_values()
        };
        assert_eq!([edges(256, 0.2), edges(256, 0.0), edges(256, 1.0)], [51, 0, 256]);
        assert_eq!([edges(4, 0.01), edges(4, 0.99), edges(1, 0.2), edges(1, 0.6)], [1, 3, 0, 1]);
    }
}
