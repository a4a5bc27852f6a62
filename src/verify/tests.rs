//! What the tests of several checks share.

use std::io;
use std::path::Path;

use crate::input::Files;
use crate::plan::Plan;
use crate::scenario::{Overrides, Sources, load};

/// The plan of a scenario that names the SLO file `slo.yaml`, and reads no other.
pub(super) fn plan(text: &str) -> Plan {
    let read = |path: &Path| match path.to_str() {
        Some("scenario.yaml") => Ok(format!("{text}slo: [slo.yaml]\n")),
        Some("slo.yaml") => Ok("version: 1\nobjectives: [{name: errors, error_ratio: 5%}]\n".to_owned()),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    let files = Files { read: &read, names: &|_| Vec::new() };
    let sources = Sources { files, env: &|_| None, formats: &["json"] };
    load(Path::new("scenario.yaml"), &Overrides::default(), &sources).unwrap().plan
}
