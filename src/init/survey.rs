//! Asks a server for its lists, page by page, within limits.

use serde_json::Value;

use super::asker::Asker;
use super::inventory::Inventory;
use crate::mcp::WireError;
use crate::model::{TargetInfo, clean_text};

/// Pages of one list that are asked for.
const MOST_PAGES: usize = 50;

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
    let mut found = 0;
    for page in 0..MOST_PAGES {
        let Some(text) = asker.list(list.method, cursor.as_deref()).await? else { break };
        let Ok(mut result) = serde_json::from_str::<Value>(&text) else { break };
        let Some(Value::Array(items)) = result.get_mut(list.key).map(Value::take) else { break };
        if page == 0 {
            inventory.lists.push((list.call, 0));
        }
        for item in items {
            found += 1;
            if found <= list.most {
                inventory.take(list.key, &item, asker.secrets());
            }
        }
        let next = result.get("nextCursor").and_then(Value::as_str).map(str::to_owned);
        if next.is_none() || next == cursor {
            break;
        }
        cursor = next;
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
