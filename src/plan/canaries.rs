//! Which canaries a run's requests carry, and where.

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use super::{Operation, Step, StepId, Template};
use crate::model::{RunTag, canary};

/// A canary that requests carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedCanary {
    /// As expressions have it (`canary.token`), or `header NAME`.
    pub name: String,
    /// True for the one that stands in a header of every request.
    pub is_header: bool,
    /// The steps whose arguments hold it; none for a header.
    pub steps: Vec<StepId>,
}

impl PlacedCanary {
    /// Those in the arguments of `steps`, each once.
    pub fn in_arguments(steps: &[Step]) -> Vec<Self> {
        let mut placed: Vec<Self> = Vec::new();
        for step in steps {
            let given = if let Operation::CallTool { generated: Some(generated), .. } = &step.operation {
                &generated.given[..]
            } else {
                &[]
            };
            let templates = step.operation.templates().into_iter().chain(given.iter().map(|(_, text)| text));
            for name in templates.flat_map(Template::canaries) {
                match placed.iter_mut().find(|placed| placed.name == name) {
                    Some(known) if known.steps.contains(&step.id) => {}
                    Some(known) => known.steps.push(step.id),
                    None => {
                        placed.push(Self { name: name.to_owned(), is_header: false, steps: vec![step.id] });
                    }
                }
            }
        }
        placed
    }

    /// That of the header `name`.
    pub fn header(name: &str) -> Self {
        Self { name: format!("header {}", name.to_ascii_lowercase()), is_header: true, steps: Vec::new() }
    }

    /// The header of every request in the run `run`; `None` for a canary in arguments. What proves who calls is a bearer token.
    pub fn as_header(&self, run: RunTag) -> Option<(HeaderName, HeaderValue)> {
        let name = self.name.strip_prefix("header ").filter(|_| self.is_header)?;
        let value = canary(run, &self.name);
        let value = if name == "authorization" { format!("Bearer {value}") } else { value };
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
    }
}
