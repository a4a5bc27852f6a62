//! The page's section on what the run cost.

use maud::{Markup, html};

use crate::report::cost_words;
use crate::verify::Cost;

pub(super) fn section(cost: &Cost) -> Markup {
    let [name, calls, amount, per_thousand] = cost_words::HEADS;
    let [part, of_part, basis] = cost_words::PART_HEADS;
    html! {
        section {
            h2 { "Cost (estimated)" }
            p { (cost_words::headline(cost)) "." }
            p { small { (cost_words::TERMS) "." } }
            div.card.scroll tabindex="0" role="region" aria-label="Cost by tool" {
                table {
                    thead { tr {
                        th scope="col" { (name) } th.number scope="col" { (calls) }
                        th.number scope="col" { (amount) } th.number scope="col" { (per_thousand) }
                    } }
                    tbody { @for row in &cost.rows {
                        @let [name, calls, amount, per_thousand] = cost_words::row(cost, row);
                        tr {
                            th scope="row" { (name) } td.number { (calls) }
                            td.number { (amount) } td.number { (per_thousand) }
                        }
                    } }
                }
            }
            div.card.scroll tabindex="0" role="region" aria-label="Cost by part" {
                table {
                    thead { tr {
                        th scope="col" { (part) } th.number scope="col" { (of_part) } th scope="col" { (basis) }
                    } }
                    tbody { @for part in &cost.parts {
                        @let [name, amount, basis] = cost_words::part(cost, part);
                        tr { th scope="row" { (name) } td.number { (amount) } td.why { (basis) } }
                    } }
                }
            }
        }
    }
}
