//! The page's section on error budgets.

use maud::{Markup, html};

use crate::report::{RunReport, budget_words};

/// Nothing where no objective has a budget.
pub(super) fn budgets(report: &RunReport) -> Markup {
    let [objective, burn, gone, scale, alerts] = budget_words::HEADS;
    html! {
        @if budget_words::budgets(report).next().is_some() {
            section {
                h2 { "Error budgets" }
                p { (budget_words::TERMS) "." }
                div.card.scroll tabindex="0" role="region" aria-label="Error budgets" {
                    table.objectives {
                        thead { tr {
                            th scope="col" { (objective) } th.number scope="col" { (burn) }
                            th.number scope="col" { (gone) } th.number scope="col" { (scale) }
                            th scope="col" { (alerts) }
                        } }
                        tbody { @for (finding, budget) in budget_words::budgets(report) {
                            @let [burn, gone, scale, alerts] = budget_words::cells(budget);
                            tr {
                                th scope="row" { (finding.name) small { (finding.origin) } }
                                td.number { (burn) } td.number { (gone) } td.number { (scale) }
                                td.why { (alerts) }
                            }
                        } }
                    }
                }
            }
        }
    }
}
