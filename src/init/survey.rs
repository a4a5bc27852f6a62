//! Asks a server for its lists, page by page, within limits.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::asker::Asker;
use super::inventory::Inventory;
use crate::mcp::WireError;
use crate::model::{TargetInfo, clean_text};

/// Pages of one list that are asked for.
const MOST_PAGES: usize = 50;
/// After this long no further page of a list is asked for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A list that a server may give.
struct List {
    /// As a scenario calls it.
    call: &'static str,
    method: &'static str,
    /// Where the things are in the result.
    key: &'static str,
    /// So many of them are taken.
    most: usize,
}

const LISTS: [List; 4] = [
    List { call: "list_tools", method: "tools/list", key: "tools", most: 200 },
    List { call: "list_resources", method: "resources/list", key: "resources", most: 10 },
    List {
        call: "list_resource_templates",
        method: "resources/templates/list",
        key: "resourceTemplates",
        most: 10,
    },
    List { call: "list_prompts", method: "prompts/list", key: "prompts", most: 50 },
];

/// Everything that the server of `asker` says it has.
pub(super) async fn survey(asker: &mut Asker, info: &TargetInfo) -> Result<Inventory, WireError> {
    let mut inventory = Inventory {
        server: info.server.clone().unwrap_or_default(),
        revision: clean_text(&info.revision),
        ..Inventory::default()
    };
    for list in &LISTS {
        read_list(asker, list, &mut inventory).await?;
    }
    Ok(inventory)
}

async fn read_list(asker: &mut Asker, list: &List, inventory: &mut Inventory) -> Result<(), WireError> {
    let mut cursor: Option<String> = None;
    let (mut cursors, mut items_seen) = (BTreeSet::new(), BTreeSet::new());
    let mut found = 0;
    let give_up = asker.now() + PATIENCE;
    for page in 0.. {
        if page == MOST_PAGES || (page > 0 && asker.now() >= give_up) {
            let call = list.call.replace('_', " ");
            inventory.left_out.push(format!("`{call}` has more pages than the {page} that were read"));
            break;
        }
        let text = asker.list(list.method, cursor.as_deref()).await?.unwrap_or_default();
        let mut result = serde_json::from_str::<Value>(&text).unwrap_or_default();
        let Some(Value::Array(items)) = result.get_mut(list.key).map(Value::take) else {
            if page > 0 {
                let call = list.call.replace('_', " ");
                inventory.left_out.push(format!("page {} of `{call}` was not given", page + 1));
            }
            break;
        };
        if page == 0 {
            inventory.lists.push((list.call, 0));
        }
        // A page that comes again has nothing new.
        for item in items.into_iter().filter(|item| items_seen.insert(item.to_string())) {
            found += 1;
            if found <= list.most {
                inventory.take(list.key, &item, asker.secrets());
            }
        }
        let next = result.get("nextCursor").and_then(Value::as_str).map(str::to_owned);
        // Who gives a cursor a second time has given all that there is.
        let Some(next) = next.filter(|next| cursors.insert(next.clone())) else { break };
        cursor = Some(next);
    }
    if let Some((_, count)) = inventory.lists.last_mut().filter(|(call, _)| *call == list.call) {
        *count = found;
    }
    if let Some(more) = found.checked_sub(list.most).filter(|more| *more > 0) {
        let (call, most) = (list.call.replace('_', " "), list.most);
        inventory
            .left_out
            .push(format!("{more} more of `{call}`: the first {most} are enough to begin with"));
    }
    Ok(())
}
