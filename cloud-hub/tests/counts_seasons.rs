//! Promise: any part of a season of any player, with some team-mates and without others, at any strength, is the sum of what
//! each game's own statistics say; every player's percentile ranks are theirs among all; a roster that is corrected later
//! counts as it stands, and so does a corrected event.
//!
//! Shown on a small season worked out by hand, and on drawn games beside a count from scratch.

#[macro_use]
mod trial;

use firmware_protocol::network::{Event, EventKind, Side, Zone};
use rand::{Rng as _, SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use trial::{Shape, Trial, event};

in_both_shapes!(a_small_season_is_as_by_hand, parts_add_up_to_what_each_game_says);

const SECOND: i64 = 1_000_000;
const FIRST: u64 = 2_026_020_001;

fn told(game: u64, at_s: i64, side: Side, number: u8, kind: EventKind) -> Event {
    Event { game, ..event(at_s * SECOND, side, number, kind) }
}

/// A stay of `number` from `from_s` to `to_s`, as boxes tell it.
fn stay(game: u64, side: Side, number: u8, from_s: i64, to_s: i64) -> [Event; 2] {
    let length_ms = ((to_s - from_s) * 1_000) as u32;
    [
        told(game, from_s, side, number, EventKind::ShiftStart),
        told(game, to_s, side, number, EventKind::ShiftEnd { length_ms }),
    ]
}

fn shot(game: u64, at_s: i64, side: Side, number: u8) -> Event {
    told(game, at_s, side, number, EventKind::Shot { speed_mps: 30.0, distance_m: 9.0, on_goal: Some(true) })
}

fn face_off(game: u64, at_s: i64) -> Event {
    told(game, at_s, Side::Home, 9, EventKind::FaceOff { zone: Zone::Neutral })
}

/// Keeps `events` in the order in which a box would tell them.
async fn keep(trial: &Trial, mut events: Vec<Event>) {
    events.sort_by_key(|event| event.captured_us);
    trial.keep(events).await;
    trial.projected().await;
}

async fn post(trial: &Trial, path: &str, body: Value) {
    let answer = trial.post(&format!("/api/core/{path}"), &body).await;
    assert_eq!(answer.status(), 201, "{body}: {}", answer.text().await.unwrap());
}

/// The venue, two teams, and a player for each of `names`.
async fn league(trial: &Trial, names: &[String]) {
    post(trial, "venues", json!({"venue": "arena", "name": "Arena", "city": "Oakville"})).await;
    post(trial, "teams", json!({"team": "oaks", "name": "Oaks", "abbreviation": "OAK"})).await;
    post(trial, "teams", json!({"team": "elms", "name": "Elms", "abbreviation": "ELM"})).await;
    for name in names {
        post(trial, "players", json!({"player": name, "name": name, "position": "forward"})).await;
    }
}

fn schedule(game: u64, home: &[(u8, &str, bool)], away: &[(u8, &str, bool)]) -> Value {
    let roster = |places: &[(u8, &str, bool)]| -> Vec<Value> {
        places
            .iter()
            .map(|(number, player, goalie)| json!({"number": number, "player": player, "goalie": goalie}))
            .collect()
    };
    json!({"game": game, "venue": "arena", "starts_us": 1_700_000_000_000_000_i64,
        "home": {"team": "oaks", "roster": roster(home)}, "away": {"team": "elms", "roster": roster(away)}})
}

async fn a_small_season_is_as_by_hand(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    league(&trial, &["ann", "bo", "cy", "dag"].map(str::to_owned)).await;
    post(&trial, "games", schedule(FIRST, &[(9, "ann", false), (19, "bo", false)], &[(4, "dag", false)])).await;
    // In the second game ann wears another number, for the other bench.
    post(&trial, "games", schedule(FIRST + 1, &[(4, "dag", false)], &[(77, "ann", false), (19, "bo", false)])).await;
    let mut events = vec![face_off(FIRST, 10)];
    events.extend(stay(FIRST, Side::Home, 9, 10, 70));
    events.extend(stay(FIRST, Side::Home, 19, 40, 100));
    events.extend(stay(FIRST, Side::Away, 4, 10, 100));
    events.extend([
        shot(FIRST, 20, Side::Home, 9),
        shot(FIRST, 50, Side::Home, 19),
        told(FIRST, 51, Side::Home, 19, EventKind::Goal),
        shot(FIRST, 60, Side::Away, 4),
        shot(FIRST, 90, Side::Away, 4),
    ]);
    let second = FIRST + 1;
    events.push(face_off(second, 1_010));
    events.extend(stay(second, Side::Away, 77, 1_010, 1_040));
    events.extend(stay(second, Side::Away, 19, 1_010, 1_020));
    events.extend(stay(second, Side::Home, 4, 1_010, 1_040));
    events.push(shot(second, 1_030, Side::Home, 4));
    keep(&trial, events).await;

    let part = async |query: &str| trial.json(&format!("/api/core/players/ann/with-without?season=2026{query}")).await;
    let figures = |part: &Value| {
        let attempts = &part["attempts"];
        ["corsi_for", "corsi_against", "goals_for", "goals_against"]
            .map(|name| attempts[name].as_u64().unwrap())
            .into_iter()
            .chain([part["toi_ms"].as_u64().unwrap()])
            .collect::<Vec<_>>()
    };
    // Corsi for and against, goals for and against, milliseconds.
    let all = part("").await;
    assert_eq!((all["games"].as_u64(), figures(&all["on"])), (Some(2), vec![2, 2, 1, 0, 90_000]), "{all}");
    assert_eq!(figures(&all["off"]), [0, 1, 0, 0, 30_000]);
    let with = part("&with=bo").await;
    assert_eq!((figures(&with["on"]), figures(&with["off"])), (vec![1, 1, 1, 0, 40_000], vec![0, 1, 0, 0, 30_000]));
    let without = part("&without=bo").await;
    assert_eq!((figures(&without["on"]), figures(&without["off"])), (vec![1, 1, 0, 0, 50_000], vec![0; 5]));
    assert_eq!(with["on"]["goals_for_per_60"], 90.0);
    // Nobody of the others is a team-mate, and no roster names a goalie.
    assert_eq!((&part("&with=dag").await["games"], &part("&with=cy").await["games"]), (&json!(0), &json!(0)));
    assert_eq!(figures(&part("&strength=even").await["on"]), [0; 5]);

    // A roster that was wrong counts as it stands now; an event that was withdrawn does not count.
    let again = schedule(second, &[(4, "dag", false)], &[(77, "cy", false), (19, "bo", false)]);
    let path = format!("http://{}/api/core/games/{second}/schedule", trial.hub.address);
    let tag = trial.get(&format!("/api/core/games/{second}/schedule")).await.headers()["etag"].clone();
    let put = trial.http.put(&path).header("if-match", tag).json(&again).send().await.unwrap();
    assert!(put.status().is_success(), "{}", put.text().await.unwrap());
    assert_eq!(figures(&part("").await["on"]), [2, 1, 1, 0, 60_000]);
    let listed = trial.json(&format!("/api/events/live?game={FIRST}&limit=100")).await;
    let goal = listed["events"].as_array().unwrap().iter().find(|event| event["kind"] == "goal").unwrap();
    let withdrawn = json!({"event": goal["offset"], "action": "withdraw", "reason": "offside"});
    let answer = trial.post(&format!("/api/core/games/{FIRST}/corrections"), &withdrawn).await;
    assert_eq!(answer.status(), 201);
    trial
        .until("/api/core/players/ann/with-without?season=2026", |all| figures(&all["on"]) == [2, 1, 0, 0, 60_000])
        .await;

    // Ranks: dag has most attempts an hour of the four, and nobody has a goal.
    let season = trial.json("/api/core/seasons/2026/players").await;
    let of = |name: &str| season["items"].as_array().unwrap().iter().find(|line| line["player"] == name).unwrap();
    assert_eq!((&of("dag")["attempts"], &of("dag")["percentiles"]["attempts_per_60"]), (&json!(3), &json!(87.5)));
    assert_eq!((&of("ann")["goals"], &of("ann")["percentiles"]["goals_per_60"]), (&json!(0), &json!(50.0)));
    assert_eq!((&of("cy")["games"], &of("cy")["team"]), (&json!(1), &json!("elms")));
    let known = trial.json("/api/core/seasons/2026/players?toi_ms_min=50000&player=cy").await;
    assert_eq!(known["items"][0]["percentiles"]["attempts_per_60"], Value::Null);
    for (path, status) in [
        ("/api/core/players/nobody/with-without?season=2026", 404),
        ("/api/core/players/ann/with-without", 400),
        ("/api/core/players/ann/with-without?season=0", 400),
        ("/api/core/players/ann/with-without?season=2026&with=ann", 400),
        ("/api/core/players/ann/with-without?season=2026&with=bo&without=bo", 400),
        ("/api/core/players/ann/with-without?season=2026&with=a,b,c,d,e,f", 400),
        ("/api/core/players/ann/with-without?season=2026&strength=7v7", 400),
        ("/api/core/seasons/2026/players?player=nobody", 404),
        ("/api/core/seasons/9000001/players", 400),
    ] {
        assert_eq!(trial.get(path).await.status(), status, "{path}");
    }
    let long = format!("/api/core/players/ann/with-without?season=2026&with={}", "a".repeat(401));
    assert_eq!(trial.get(&long).await.status(), 400);
    trial.hub.stop().await;
}

/// One drawn game of six home and six away players, goalies 1 always on.
fn drawn(game: u64, random: &mut ChaCha8Rng) -> Vec<Event> {
    let begin = (game - FIRST) as i64 * 10_000;
    let mut events = vec![face_off(game, begin)];
    for side in [Side::Home, Side::Away] {
        events.extend(stay(game, side, 1, begin, begin + 600));
        let mut skaters: Vec<u8> = (2..10).collect();
        for shift in 0..12 {
            skaters.shuffle(random);
            let on = if random.random_bool(0.2) { 4 } else { 5 };
            for number in &skaters[..on] {
                events.extend(stay(game, side, *number, begin + shift * 50, begin + (shift + 1) * 50));
            }
        }
    }
    for _ in 0..80 {
        let side = if random.random_bool(0.5) { Side::Home } else { Side::Away };
        let at_s = begin + random.random_range(1..599);
        events.push(shot(game, at_s, side, random.random_range(2..10)));
        if random.random_bool(0.1) {
            events.push(told(game, at_s, side, random.random_range(2..10), EventKind::Goal));
        }
    }
    events
}

async fn parts_add_up_to_what_each_game_says(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let names: Vec<String> = (1..10).flat_map(|number| [format!("oak-{number}"), format!("elm-{number}")]).collect();
    league(&trial, &names).await;
    let games: Vec<u64> = (FIRST..FIRST + 6).collect();
    for game in &games {
        let places =
            |team: &str| (1..10).map(|number| (number, format!("{team}-{number}"), number == 1)).collect::<Vec<_>>();
        let (home, away) = (places("oak"), places("elm"));
        let home: Vec<(u8, &str, bool)> =
            home.iter().map(|(number, name, goalie)| (*number, name.as_str(), *goalie)).collect();
        let away: Vec<(u8, &str, bool)> =
            away.iter().map(|(number, name, goalie)| (*number, name.as_str(), *goalie)).collect();
        post(&trial, "games", schedule(*game, &home, &away)).await;
        keep(&trial, drawn(*game, &mut random)).await;
    }
    // Of everybody at every strength: what each game says, added up.
    let mut toi: BTreeMap<(String, &str), [u64; 5]> = BTreeMap::new();
    for strength in ["all", "5v5", "power_play", "even"] {
        for game in &games {
            let lines = trial.json(&format!("/api/core/games/{game}/statistics/players?strength={strength}")).await;
            for line in lines["players"].as_array().unwrap() {
                let Some(player) = line["player"].as_str() else { continue };
                let sums = toi.entry((player.to_owned(), strength)).or_default();
                sums[0] += line["toi_ms"].as_u64().unwrap();
                for (sum, name) in
                    sums[1..].iter_mut().zip(["corsi_for", "corsi_against", "goals_for", "goals_against"])
                {
                    *sum += line["on_ice"][name].as_u64().unwrap();
                }
            }
        }
    }
    let figures = |part: &Value| {
        let mut all = vec![part["toi_ms"].as_u64().unwrap()];
        all.extend(
            ["corsi_for", "corsi_against", "goals_for", "goals_against"]
                .map(|name| part["attempts"][name].as_u64().unwrap()),
        );
        all
    };
    for ((player, strength), sums) in &toi {
        let path = format!("/api/core/players/{player}/with-without?season=2026&strength={strength}");
        let all = trial.json(&path).await;
        assert_eq!(figures(&all["on"]), sums, "{player} {strength}");
        // With and without somebody are all there is, on and off the ice.
        let (team, number) = player.split_once('-').unwrap();
        let mate = format!("{team}-{}", if number == "5" { 6 } else { 5 });
        let with = trial.json(&format!("{path}&with={mate}")).await;
        let without = trial.json(&format!("{path}&without={mate}")).await;
        for part in ["on", "off"] {
            let both: Vec<u64> = figures(&with[part])
                .iter()
                .zip(figures(&without[part]))
                .map(|(with, without)| with + without)
                .collect();
            let whole = figures(&all[part]);
            // Milliseconds are cut off in each part.
            assert!(whole[0].abs_diff(both[0]) <= 1 && whole[1..] == both[1..], "{player} {strength} {part} {mate}");
        }
        // The same four the other way round.
        let mirrored = trial
            .json(&format!("/api/core/players/{mate}/with-without?season=2026&strength={strength}&with={player}"))
            .await;
        assert_eq!(mirrored["on"], with["on"], "{player} {mate}");
    }

    // Ranks from scratch.
    let season = trial.json("/api/core/seasons/2026/players?limit=200").await;
    let lines = season["items"].as_array().unwrap();
    assert_eq!(lines.len(), 18);
    for name in ["goals_per_60", "corsi_share", "toi_ms_per_game"] {
        for line in lines {
            let value = |line: &Value| line["rates"][name].as_f64();
            let Some(own) = value(line) else { continue };
            let peers: Vec<f64> =
                lines.iter().filter(|peer| peer["goalie"] == line["goalie"]).filter_map(value).collect();
            let below = peers.iter().filter(|peer| **peer < own).count() as f64;
            let equal = peers.iter().filter(|peer| **peer == own).count() as f64;
            let rank = 100.0 * (below + equal / 2.0) / peers.len() as f64;
            assert!((line["percentiles"][name].as_f64().unwrap() - rank).abs() < 1e-9, "{name} {line}");
        }
    }
    let first = trial.json("/api/core/seasons/2026/players?limit=7").await;
    let next = format!("/api/core/seasons/2026/players?limit=200&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(trial.json(&next).await["items"].as_array().unwrap().len(), 11);
    trial.hub.stop().await;
}
