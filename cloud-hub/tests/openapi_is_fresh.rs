//! Promise: `cloud-hub/openapi.json` is what the hub serves, so a client made from it fits.
//!
//! Shown by comparing the committed file with the document made from the handlers.

#[test]
fn the_committed_document_is_the_one_served() {
    let committed = include_str!("../openapi.json");
    assert!(
        committed == cloud_hub::gateway::document(),
        "openapi.json is stale: cargo run -p cloud-hub -- openapi > cloud-hub/openapi.json"
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
        "/ws/analytics",
    ] {
        assert!(document["paths"][path]["get"]["responses"].is_object(), "{path}");
    }
    for schema in ["GameState", "PlayerStats", "LiveEvents", "AnalyticsMetrics", "SocketMessage", "Problem"] {
        assert!(document["components"]["schemas"][schema].is_object(), "{schema}");
    }
}
