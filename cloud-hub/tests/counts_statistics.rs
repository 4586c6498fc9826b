//! Promise: statistics are counted from what boxes sent, late or early, and from what staff corrected; they are the same
//! whichever way they came.
//!
//! Shown by a hub on loopback that is sent a game worked by hand, with track chunks; then by correcting it.

#[macro_use]
mod trial;

use firmware_protocol::network::{
    Event, EventKind, Side, Zone,
    event::{Crossing, StoppageReason},
};
use serde_json::{Value, json};
use trial::{GAME, Shape, Trial, event, skate};

in_both_shapes!(
    a_game_is_counted_and_counted_anew_when_it_is_corrected,
    corrections_that_cannot_be_are_refused,
    a_player_is_counted_over_the_games_of_their_rosters,
);

const S: i64 = 1_000_000;

fn nobody(at_s: i64, kind: EventKind) -> Event {
    Event { side: None, number: None, ..event(at_s * S, Side::Home, 0, kind) }
}

fn shot(at_s: i64, side: Side, number: u8, on_goal: bool) -> Event {
    event(at_s * S, side, number, EventKind::Shot { speed_mps: 30.0, distance_m: 12.0, on_goal: Some(on_goal) })
}

/// A minute of play from 0 and another from 90, in the order a box would tell it: shifts end late.
fn game() -> Vec<Event> {
    let end = |at_s: i64, side, number, length_s: u32| {
        event(at_s * S, side, number, EventKind::ShiftEnd { length_ms: length_s * 1_000 })
    };
    let mut events =
        vec![event(0, Side::Home, 9, EventKind::ShiftStart), event(0, Side::Away, 4, EventKind::ShiftStart)];
    events.push(Event { number: None, ..event(0, Side::Home, 0, EventKind::FaceOff { zone: Zone::Offensive }) });
    events.extend([
        event(5 * S, Side::Home, 9, EventKind::ZoneEntry { crossing: Crossing::Carry }),
        event(8 * S, Side::Home, 11, EventKind::Pass { receiver: Some(9), length_m: 8.0 }),
        shot(10, Side::Home, 9, true),
        event(11 * S, Side::Home, 9, EventKind::Goal),
        shot(40, Side::Away, 4, true),
        nobody(60, EventKind::Stoppage { reason: StoppageReason::Icing }),
        // Told after the goal that it was on for.
        end(30, Side::Home, 9, 30),
        end(60, Side::Away, 4, 60),
    ]);
    events.push(Event { number: None, ..event(90 * S, Side::Away, 0, EventKind::FaceOff { zone: Zone::Defensive }) });
    events.extend([
        shot(100, Side::Home, 11, false),
        nobody(150, EventKind::Stoppage { reason: StoppageReason::Frozen }),
        end(150, Side::Home, 11, 120),
    ]);
    events
}

fn line(players: &Value, side: &str, number: u64) -> Value {
    let lines = players["players"].as_array().unwrap();
    lines
        .iter()
        .find(|line| line["side"] == side && line["number"] == number)
        .unwrap_or_else(|| panic!("{players}"))
        .clone()
}

async fn a_game_is_counted_and_counted_anew_when_it_is_corrected(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    trial.keep(game()).await;
    // Nine skates ten seconds at 5 m/s with the puck; 30 keeps goal.
    trial.keep_tracks((0..10).map(|second| skate(second, 500)).collect()).await;
    trial.projected().await;

    let path = format!("/api/core/games/{GAME}/statistics");
    trial.until(&format!("{path}/teams"), |teams| teams["home"]["distance_m"] == 49.0).await;
    let players = trial.json(&format!("{path}/players")).await;
    let nine = line(&players, "home", 9);
    assert_eq!((&nine["toi_ms"], &nine["goals"], &nine["attempts"]), (&30_000.into(), &1.into(), &1.into()), "{nine}");
    assert_eq!(nine["shifts"]["mean_ms"], 30_000.0);
    assert_eq!((&nine["on_ice"]["corsi_for"], &nine["on_ice"]["corsi_against"]), (&1.into(), &0.into()));
    assert_eq!(nine["zone_starts"]["offensive"], 1);
    assert_eq!((&nine["skating"]["distance_m"], &nine["skating"]["speed_max_mps"]), (&json!(49.0), &json!(5.0)));
    let eleven = line(&players, "home", 11);
    assert_eq!((&eleven["toi_ms"], &eleven["assists"]), (&90_000.into(), &1.into()), "30 to 60 and 90 to 150");
    assert_eq!((&eleven["on_ice"]["corsi_for"], &eleven["on_ice"]["corsi_against"]), (&1.into(), &1.into()));
    assert_eq!(eleven["on_ice"]["fenwick_for"], Value::Null);
    assert_eq!((&line(&players, "home", 30)["goalie"], &nine["goalie"]), (&true.into(), &false.into()));

    let teams = trial.json(&format!("{path}/teams")).await;
    let (home, away) = (&teams["home"], &teams["away"]);
    assert_eq!((&home["play_ms"], &home["attempts"]["corsi_for"]), (&120_000.into(), &2.into()));
    assert_eq!(home["attempts"]["corsi_against"], away["attempts"]["corsi_for"]);
    assert_eq!(
        home["attempts"]["pdo"].as_f64().unwrap() + away["attempts"]["pdo"].as_f64().unwrap(),
        2.0,
        "{home} {away}"
    );
    assert_eq!((&home["face_offs_won"]["offensive"], &home["face_offs_lost"]["offensive"]), (&1.into(), &1.into()));

    // The last shot was blocked, the goal was none, and eleven's pass was thirteen's.
    let corrections = format!("/api/core/games/{GAME}/corrections");
    for (kind, body) in [
        ("shot", json!({"action": "change", "changes": {"outcome": "blocked"}, "reason": "the defender's stick"})),
        ("goal", json!({"action": "withdraw", "reason": "net off its moorings"})),
        ("pass", json!({"action": "change", "changes": {"number": 13}, "reason": "misread"})),
    ] {
        let events = trial.json(&format!("/api/events/live?game={GAME}&limit=100")).await;
        let of_kind = events["events"].as_array().unwrap().iter().rev().find(|event| event["kind"] == kind).unwrap();
        let mut body = body.clone();
        body["event"] = of_kind["offset"].clone();
        let answer = trial.post(&corrections, &body).await;
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    }
    let thirteen = |players: &Value| players["players"].as_array().unwrap().iter().any(|line| line["number"] == 13);
    trial.until(&format!("{path}/players"), thirteen).await;
    let teams = trial.json(&format!("{path}/teams")).await;
    assert_eq!(teams["home"]["attempts"]["fenwick_for"], 1);
    assert_eq!(
        (&teams["home"]["attempts"]["goals_for"], &teams["home"]["attempts"]["shots_for"]),
        (&0.into(), &1.into())
    );
    let players = trial.json(&format!("{path}/players")).await;
    assert_eq!(line(&players, "home", 9)["goals"], 0);
    assert_eq!((&line(&players, "home", 13)["passes"], &line(&players, "home", 11)["passes"]), (&1.into(), &0.into()));
    assert_eq!(trial.json(&format!("/api/game/state?game={GAME}")).await["home"]["goals"], 0);

    // The events stay, and are shown as corrected.
    let events = trial.json(&format!("/api/events/live?game={GAME}&limit=100")).await;
    let goal = events["events"].as_array().unwrap().iter().find(|event| event["kind"] == "goal").unwrap().clone();
    assert_eq!((&goal["correction"]["action"], &goal["number"]), (&"withdraw".into(), &9.into()), "{goal}");
    assert_eq!(trial.json(&corrections).await["items"].as_array().unwrap().len(), 3);

    // Restored, it counts again.
    let body = json!({"event": goal["offset"], "action": "restore", "reason": "video"});
    assert_eq!(trial.post(&corrections, &body).await.status(), 201);
    trial.until(&format!("{path}/teams"), |teams| teams["home"]["attempts"]["goals_for"] == 1).await;
    trial.hub.stop().await;
}

async fn corrections_that_cannot_be_are_refused(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    trial.keep(game()).await;
    let path = format!("/api/core/games/{GAME}/corrections");
    let change = |changes: Value| json!({"event": 6, "action": "change", "changes": changes, "reason": "x"});
    for (body, status) in [
        (json!({"event": 600, "action": "withdraw", "reason": "x"}), 404),
        (json!({"event": u64::MAX, "action": "withdraw", "reason": "x"}), 404),
        (json!({"event": 6, "action": "withdraw", "reason": " "}), 422),
        (json!({"event": 6, "action": "withdraw", "changes": {"number": 3}, "reason": "x"}), 422),
        (change(json!({})), 422),
        (change(json!({"zone": "neutral"})), 422),
        (change(json!({"number": 100})), 422),
        (change(json!({"colour": "red"})), 422),
        (change(json!({"number": 10})), 201),
    ] {
        assert_eq!(trial.post(&path, &body).await.status(), status, "{body}");
    }
    assert_eq!(
        trial.post(&format!("/api/core/games/{}/corrections", GAME + 1), &change(json!({"number": 3}))).await.status(),
        404
    );
    trial.hub.stop().await;
}

async fn a_player_is_counted_over_the_games_of_their_rosters(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    trial.keep(game()).await;
    trial.projected().await;
    for (path, body) in [
        ("venues", json!({"venue": "arena", "name": "Arena", "city": "Oakville"})),
        ("teams", json!({"team": "oaks", "name": "Oaks", "abbreviation": "OAK"})),
        ("teams", json!({"team": "elms", "name": "Elms", "abbreviation": "ELM"})),
        ("players", json!({"player": "ann-lee", "name": "Ann Lee", "position": "forward"})),
        ("players", json!({"player": "bo-ek", "name": "Bo Ek", "position": "goalie"})),
    ] {
        let answer = trial.post(&format!("/api/core/{path}"), &body).await;
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    }
    let roster = json!([{"number": 9, "player": "ann-lee"}, {"number": 30, "player": "bo-ek", "goalie": true}]);
    for game in [GAME, GAME + 1] {
        let schedule = json!({"game": game, "venue": "arena", "starts_us": 1_700_000_000_000_000_i64,
            "home": {"team": "oaks", "roster": roster}, "away": {"team": "elms"}});
        assert_eq!(trial.post("/api/core/games", &schedule).await.status(), 201);
    }
    let games = trial.json("/api/core/players/ann-lee/statistics").await;
    let items = games["items"].as_array().unwrap();
    assert_eq!(
        (items.len(), &items[0]["statistics"]["goals"], &items[0]["number"]),
        (2, &1.into(), &9.into()),
        "{games}"
    );
    assert_eq!(items[1]["statistics"], Value::Null, "the second was not seen");
    assert_eq!(items[0]["statistics"]["player"], "ann-lee");
    let first = trial.json("/api/core/players/ann-lee/statistics?limit=1").await;
    let next =
        format!("/api/core/players/ann-lee/statistics?limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(trial.json(&next).await["items"][0]["game"], GAME + 1);
    assert_eq!(trial.get("/api/core/players/nobody/statistics").await.status(), 404);
    let teams = trial.json(&format!("/api/core/games/{GAME}/statistics/teams")).await;
    assert_eq!((&teams["home"]["team"], &teams["away"]["team"]), (&"oaks".into(), &"elms".into()));
    trial.hub.stop().await;
}
