//! Promise: every request gets an answer in the documented shape: figures that add up, or a problem that says what is
//! wrong; always with a request id and the security headers.
//!
//! Shown by asking a hub on loopback.

#[macro_use]
mod trial;

use firmware_protocol::network::{EventKind, Side, event::Crossing};
use serde_json::json;
use trial::{GAME, Shape, Trial, event, state};

in_both_shapes!(figures_add_up, what_is_wrong_is_a_problem, every_answer_is_marked_and_guarded,);

async fn figures_add_up(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    let shot = |on_goal| EventKind::Shot { speed_mps: 25.0, distance_m: 9.0, on_goal };
    trial
        .keep(vec![
            event(1_000_000, Side::Home, 9, EventKind::ShiftStart),
            event(2_000_000, Side::Home, 9, EventKind::ZoneEntry { crossing: Crossing::Carry }),
            event(3_000_000, Side::Home, 9, EventKind::Pass { receiver: Some(11), length_m: 7.5 }),
            event(4_000_000, Side::Home, 11, shot(Some(true))),
            event(4_100_000, Side::Home, 11, EventKind::Goal),
            event(5_000_000, Side::Home, 9, EventKind::ShiftEnd { length_ms: 41_000 }),
            event(6_000_000, Side::Away, 4, shot(None)),
            event(7_000_000, Side::Home, 9, shot(Some(false))),
        ])
        .await;
    trial.projected().await;

    let game = trial.json("/api/game/state").await;
    assert_eq!((&game["game"], &game["venue"], &game["live"]), (&GAME.into(), &"arena".into(), &false.into()));
    assert_eq!(game["home"], json!({"attempts": 2, "on_goal": 1, "goals": 1}));
    assert_eq!(game["away"], json!({"attempts": 1, "on_goal": 0, "goals": 0}));
    assert_eq!(game["clock"]["remaining_ms"], 600_000);
    assert_eq!(game["last_events"].as_array().unwrap().len(), 8);

    let players = trial.json(&format!("/api/players/stats?game={GAME}")).await;
    let nine = &players["players"][0];
    assert_eq!((&nine["side"], &nine["number"]), (&"home".into(), &9.into()));
    assert_eq!(
        (&nine["toi_ms"], &nine["shifts"], &nine["shift_started_us"]),
        (&41_000.into(), &1.into(), &json!(null))
    );
    assert_eq!((&nine["passes"], &nine["entries_controlled"], &nine["attempts"]), (&1.into(), &1.into(), &1.into()));
    let eleven = &players["players"][1];
    assert_eq!((&eleven["goals"], &eleven["on_goal"], &eleven["passes_received"]), (&1.into(), &1.into(), &1.into()));

    let metrics = trial.json("/api/analytics/metrics").await;
    assert_eq!((&metrics["home"]["corsi_for"], &metrics["away"]["corsi_for"]), (&2.into(), &1.into()));
    assert_eq!(metrics["home"]["entries"], json!({"total": 1, "carry": 1, "pass": 0, "dump": 0}));
    trial.until("/api/analytics/metrics", |metrics| metrics["hub"]["edges_active"] == 1).await;

    let all = trial.json("/api/events/live").await;
    assert_eq!(all["events"].as_array().unwrap().len(), 8);
    let after = trial.json("/api/events/live?after=3&limit=2").await;
    assert_eq!((&after["events"][0]["offset"], &after["next_after"]), (&4.into(), &5.into()));
    assert_eq!(after["events"][0]["kind"], "shot");

    // A live state is newer than the newest event.
    trial.hub.board.put(state(GAME, 5, 2));
    trial.until("/api/game/state", |game| game["live"] == true).await;
    let game = trial.json("/api/game/state").await;
    assert_eq!((&game["clock"]["home_score"], &game["clock"]["period"]), (&2.into(), &2.into()));
    trial.hub.stop().await;
}

async fn what_is_wrong_is_a_problem(shape: Shape) {
    let trial = Trial::start_as(shape, |config| config.gateway.body_bytes_max = 1_024).await;
    for (path, status, word) in [
        ("/api/game/state", 404, "no game"),
        ("/api/game/state?game=5", 404, "game 5"),
        ("/api/game/state?game=five", 400, "query"),
        ("/api/game/state?colour=red", 400, "colour"),
        ("/api/events/live?limit=0", 400, "1 to 1000"),
        ("/api/nowhere", 404, "/api/openapi.json"),
        ("/ws/analytics?epoch=x", 400, "offset"),
        ("/assets/gone-12345678.js", 404, "reload"),
    ] {
        let answer = trial.get(path).await;
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
        let problem: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(problem["status"], status, "{path}");
        assert!(problem["detail"].as_str().unwrap().contains(word), "{path}: {problem}");
    }
    let base = format!("http://{}", trial.hub.address);
    let posted = trial.http.post(format!("{base}/api/game/state")).send().await.unwrap();
    assert_eq!(
        (posted.status().as_u16(), &posted.headers()["content-type"]),
        (405, &"application/problem+json".parse().unwrap())
    );
    let large = trial.http.post(format!("{base}/api/game/state")).body(vec![0; 2_000]).send().await.unwrap();
    assert_eq!(large.status(), 413);
    trial.hub.stop().await;
}

async fn every_answer_is_marked_and_guarded(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    for path in ["/", "/games/7", "/api/openapi.json", "/api/nowhere", "/health", "/health/live", "/metrics"] {
        let answer = trial.get(path).await;
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer", "{path}");
        assert!(answer.headers().contains_key("content-type"), "{path}");
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        for rule in ["default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert_eq!(answer.headers()["x-request-id"].len(), 36, "{path}");
    }
    let ask = |id: &'static str| {
        trial.http.get(format!("http://{}/health", trial.hub.address)).header("x-request-id", id).send()
    };
    assert_eq!(ask("abc-1").await.unwrap().headers()["x-request-id"], "abc-1");
    assert_eq!(ask("\"forged\": 1").await.unwrap().headers()["x-request-id"].len(), 36);

    assert_eq!(trial.get("/health/ready").await.json::<serde_json::Value>().await.unwrap()["status"], "ready");
    let figures = trial.get("/metrics").await.text().await.unwrap();
    assert!(figures.contains("gateway_requests_total{route=\"/health\""), "{figures}");
    assert!(figures.contains("gateway_request_seconds_bucket"), "{figures}");
    let document = trial.json("/api/openapi.json").await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    trial.hub.stop().await;
}
