//! `report.json`: the report as it is. Its JSON Schema lies beside this file and is tested against it.

use super::RunReport;

/// The JSON Schema (draft 2020-12) of `report.json`.
pub const REPORT_SCHEMA: &str = include_str!("report.schema.json");

pub(super) fn render(report: &RunReport) -> Vec<u8> {
    let mut bytes =
        serde_json::to_vec_pretty(report).expect("a report holds strings, numbers and lists of them");
    bytes.push(b'\n');
    bytes
}
