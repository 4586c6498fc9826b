//! Promise: `cloud-hub/openapi.json` is what the hub serves, so a client made from it fits.
//!
//! Shown by comparing the committed file with the document made from the handlers, and by reading their sources: of two
//! types with one name only one would stand in the document.

use std::{collections::BTreeMap, fs, path::Path};

#[test]
fn the_committed_document_is_the_one_served() {
    let committed = include_str!("../openapi.json");
    assert!(
        committed == cloud_hub::gateway::document(),
        "openapi.json is stale: cargo run -p cloud-hub -- openapi > cloud-hub/openapi.json, then npm run client in cloud-hub/dashboard"
    );
}

#[test]
fn every_core_path_is_described() {
    let document: serde_json::Value = serde_json::from_str(&cloud_hub::gateway::document()).unwrap();
    for path in [
        "/api/game/state",
        "/api/players/stats",
        "/api/events/live",
        "/api/analytics/metrics",
        "/api/core/games/{game}/reconciliation",
        "/api/core/games/{game}/statistics/players",
        "/api/core/games/{game}/statistics/teams",
        "/api/core/games/{game}/positions",
        "/api/core/games/{game}/positions/export",
        "/api/core/players/{player}/with-without",
        "/api/core/seasons/{season}/players",
        "/api/core/games/{game}/corrections",
        "/api/core/games/{game}/schedule",
        "/api/core/players/{player}/statistics",
        "/api/core/teams/{team}/roster",
        "/api/core/venues/{venue}",
        "/api/core/edges/{edge}",
        "/ws/analytics",
    ] {
        assert!(document["paths"][path]["get"]["responses"].is_object(), "{path}");
    }
    let paths = document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let mut names: Vec<&str> = paths.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "a client is made from names of operations: each once");
    for schema in ["GameState", "PlayerStats", "LiveEvents", "AnalyticsMetrics", "SocketMessage", "Problem"] {
        assert!(document["components"]["schemas"][schema].is_object(), "{schema}");
    }
}

/// The names of the types below `folder` that describe themselves, with the files that have them.
fn schemas(folder: &Path, found: &mut BTreeMap<String, Vec<String>>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            schemas(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for derived in
            text.split("#[derive(").skip(1).filter(|rest| rest.split(')').next().unwrap().contains("ToSchema"))
        {
            let declared = derived.lines().find_map(|line| line.split_once("struct ").or(line.split_once("enum ")));
            let name: String = declared.unwrap().1.chars().take_while(|letter| letter.is_alphanumeric()).collect();
            found.entry(name).or_default().push(path.display().to_string());
        }
    }
}

#[test]
fn every_schema_has_a_name_of_its_own() {
    let mut found = BTreeMap::new();
    schemas(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 40, "{found:?}");
    let twice: Vec<_> = found.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}
