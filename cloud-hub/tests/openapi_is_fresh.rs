//! Promise: `cloud-hub/openapi.json` is what the hub serves, so a client made from it fits.
//!
//! Shown by comparing the committed file with the document made from the handlers.

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
