//! What every bench ends with: a table on the terminal and rows in `target/bench.json`.
//!
//! The file is a list of `{name, value, unit, peer, ratio, conditions}`; a bench replaces the rows of its own names
//! and leaves the others, so several benches share one file.

use serde_json::{Value, json};
use std::{fs, path::PathBuf};

/// One measured figure.
pub struct Row {
    /// What was measured.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
    /// Who it is compared with, and their figure in the same unit.
    pub peer: Option<(&'static str, f64)>,
    /// On what, and how: what one needs to measure it again.
    pub conditions: String,
}

impl Row {
    /// A figure without a peer.
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str, conditions: impl Into<String>) -> Self {
        Self { name: name.into(), value, unit, peer: None, conditions: conditions.into() }
    }
}

/// Prints `rows` and keeps them.
pub fn report(rows: &[Row]) {
    println!("\n{:<58} {:>14} {:<9} {:>8}  conditions", "what", "value", "unit", "ratio");
    for row in rows {
        let ratio = row.peer.map_or(String::new(), |(_, peer)| format!("{:.2}", row.value / peer));
        println!("{:<58} {:>14.2} {:<9} {ratio:>8}  {}", row.name, row.value, row.unit, row.conditions);
    }
    let path = target().join("bench.json");
    let mut kept: Vec<Value> =
        fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    kept.retain(|old| rows.iter().all(|row| old["name"] != row.name.as_str()));
    kept.extend(rows.iter().map(|row| {
        json!({
            "name": row.name, "value": row.value, "unit": row.unit,
            "peer": row.peer.map(|(name, _)| name), "ratio": row.peer.map(|(_, peer)| row.value / peer),
            "conditions": row.conditions,
        })
    }));
    let text = serde_json::to_string_pretty(&kept).expect("rows are plain JSON");
    fs::create_dir_all(target()).and_then(|()| fs::write(&path, text)).expect("target/ can be written");
    println!("\nrows kept in {}", path.display());
}

/// The repository's `target/`, wherever cargo builds.
fn target() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target")
}
