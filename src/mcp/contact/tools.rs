//! The target's list of tools, read page by page to its end, or as far as is sensible: how many pages there are, and how long
//! each takes, is the target's to say.

use super::Visit;
use crate::mcp::catalog::{Catalog, Cut};
use crate::mcp::client::Client;
use crate::model::Outcome;
use crate::plan::Operation;

/// More text of pages than this is not read, in bytes.
const MOST_TEXT: usize = 32 << 20;

impl Visit<'_> {
    /// The tools that the target lists; `None` where it gives no list. So many pages are asked for as the plan's step says, and
    /// none later than its `timeout` after the first.
    pub(super) async fn list_tools(&mut self, client: &mut Client) -> Option<Catalog> {
        let operation = Operation::list_tools();
        let step = self.step_of(&operation);
        let give_up = self.clock.now() + step.deadline;
        let most = step.conduct.pages.unwrap_or(1);
        let (mut pages, mut room) = (0, MOST_TEXT);
        let mut catalog: Option<Catalog> = None;
        client.first_page();
        loop {
            let (exchange, answer) = self.call(client, &operation).await;
            let text = answer.filter(|_| exchange.outcome == Outcome::Ok).map_or(String::new(), |it| it.text);
            let Some(page) = Catalog::of(&text) else {
                client.first_page();
                return catalog.map(|known| known.cut(Cut::Failed));
            };
            pages += 1;
            room = room.saturating_sub(text.len());
            let more = page.has_more();
            let known = match catalog {
                None => page,
                Some(known) => known.and(page),
            };
            let cut = match (more, client.has_next_page(step.id)) {
                (true, _) if pages >= most => Some(Cut::Pages(most)),
                (true, true) if room == 0 => Some(Cut::Large),
                (true, true) if self.clock.now() >= give_up => Some(Cut::Slow),
                // Or its cursor came before: all pages that there are to see were seen.
                (_, false) | (false, true) => None,
                (true, true) => {
                    catalog = Some(known);
                    continue;
                }
            };
            client.first_page();
            return Some(match cut {
                None => known.whole(),
                Some(cut) => known.cut(cut),
            });
        }
    }
}
