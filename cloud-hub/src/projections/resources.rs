//! Teams, players, venues, rosters and scheduled games: the newest fact of each, and by what it is found.
//!
//! Comes in: facts. Goes out: rows, written with the fact in one transaction, so a writer reads what was written.
//! [`rebuild`] makes all of them again from the facts. Never: what a state means beyond the links in it.

use super::ProjectionError;
use crate::{
    event_store::{EventStore, Fact},
    ids::Offset,
    storage::{Database, hub_events::RowChange, resources::ResourceRow},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Facts read at once.
const PAGE_FACTS: usize = 500;

/// What `fact` makes of the rows; nothing for a correction.
pub fn change(fact: &Fact, sequence: u64, at_us: i64) -> Option<RowChange> {
    match fact {
        Fact::Set { kind, id, state } => Some(RowChange::Set(ResourceRow {
            kind: kind.clone(),
            id: id.clone(),
            sequence,
            updated_us: at_us,
            payload: state.to_string(),
            links: links(kind, state),
        })),
        Fact::Removed { kind, id } => Some(RowChange::Removed(kind.clone(), id.clone())),
        Fact::Corrected(_) => None,
    }
}

/// By what a thing is found: name and value, each once, in order.
fn links(kind: &str, state: &Value) -> Vec<(String, String)> {
    let mut links = Vec::new();
    let mut put = |name: &str, value: &Value| {
        if let Some(value) = value.as_str() {
            links.push((name.to_owned(), value.to_owned()));
        }
    };
    let roster = |roster: &Value| roster.as_array().cloned().unwrap_or_default();
    match kind {
        "game" => {
            put("venue", &state["venue"]);
            for side in ["home", "away"] {
                put("team", &state[side]["team"]);
                for place in roster(&state[side]["roster"]) {
                    put("player", &place["player"]);
                }
            }
        }
        "roster" => {
            put("team", &state["team"]);
            for place in roster(&state["players"]) {
                put("player", &place["player"]);
            }
        }
        _ => {}
    }
    links.sort();
    links.dedup();
    links
}

/// Makes all rows again; answers how many there are.
pub async fn rebuild(store: &EventStore, database: &Database) -> Result<usize, ProjectionError> {
    loop {
        let (mut rows, mut at) = (BTreeMap::new(), Offset(0));
        loop {
            let facts = store.read_hub_after(at, PAGE_FACTS).await?;
            let Some(last) = facts.last().map(|fact| fact.place) else { break };
            at = last;
            for event in facts {
                match change(&event.fact, event.sequence, event.at_us) {
                    Some(RowChange::Set(row)) => drop(rows.insert((row.kind.clone(), row.id.clone()), row)),
                    Some(RowChange::Removed(kind, id)) => drop(rows.remove(&(kind, id))),
                    None => {}
                }
            }
        }
        let rows: Vec<ResourceRow> = rows.into_values().collect();
        // A fact that came meanwhile wrote its own row: begin again with it.
        if database.replace_resources(at, &rows).await? {
            return Ok(rows.len());
        }
    }
}
