//! The terminal's parts on the target's own telemetry and on what the run cost.

use unicode_width::UnicodeWidthStr as _;

use super::{MOST_ROWS, Screen, WIDEST_FIGURE};
use crate::model::Verdict;
use crate::report::{Align, Table, TelemetryCheck, cost_words};
use crate::verify::Cost;

impl Screen {
    /// What the checks of the target's telemetry rest on that are not as they should be; the others are told by their rows above.
    pub(super) fn telemetry(&mut self, checks: &[TelemetryCheck]) {
        let told = checks.iter().filter(|check| check.finding.verdict != Verdict::Pass);
        let told: Vec<&TelemetryCheck> = told.filter(|check| !check.evidence.rows.is_empty()).collect();
        if told.is_empty() {
            return;
        }
        self.title("TELEMETRY");
        for check in told {
            let TelemetryCheck { finding, evidence, .. } = check;
            self.hanging("  ", &format!("{} ({})", finding.name, finding.scope));
            let shown = || evidence.rows.iter().take(MOST_ROWS);
            let is_text = |place: usize| shown().any(|row| row[place].width() > WIDEST_FIGURE);
            let aligns = (0..evidence.columns.len()).map(|place| match place {
                0 => Align::Name,
                place if is_text(place) => Align::Text,
                _ => Align::Right,
            });
            let mut table = Table::new(&aligns.collect::<Vec<_>>());
            table.row(evidence.columns.clone());
            shown().for_each(|row| table.row(row.clone()));
            for lines in self.headed(&table) {
                self.row(&lines);
            }
            if let Some(more) = check.more_rows(MOST_ROWS) {
                self.quiet(&format!("  and {more}"));
            }
        }
    }

    /// What the run cost: in one sentence, and whose it is.
    pub(super) fn cost(&mut self, cost: &Cost) {
        self.title("COST (ESTIMATED)");
        self.hanging("  ", &cost_words::headline(cost));
        let mut table = Table::new(&[Align::Name, Align::Right, Align::Right, Align::Right]);
        table.row(cost_words::HEADS.map(str::to_owned));
        cost.rows.iter().take(MOST_ROWS).for_each(|row| table.row(cost_words::row(cost, row)));
        for lines in self.headed(&table) {
            self.row(&lines);
        }
        self.and_more(cost.rows.len());
    }
}
