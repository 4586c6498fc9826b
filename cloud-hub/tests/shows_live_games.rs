//! Promise: a page on `/ws/analytics` sees every player as the box last said, and every event once and in order; when it
//! was away it gets what it missed or is told; when it is slow it costs the hub nothing.
//!
//! Shown with real sockets on loopback, decoded by the reference decoder.

#[macro_use]
mod trial;

use cloud_hub::services::core::{live_frame, live_picture::Picture};
use firmware_protocol::network::{EventKind, Side};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{
    self, Message, client::IntoClientRequest as _, protocol::frame::coding::CloseCode,
};
use trial::{GAME, PATIENCE, Shape, Socket, Trial, event, seen, state};

in_both_shapes!(
    every_state_arrives_as_it_was_said,
    events_arrive_once_and_in_order_and_again_after_an_absence,
    what_cannot_be_replayed_is_said,
    a_page_that_saw_more_elsewhere_goes_on_from_there,
    a_page_may_follow_a_team_or_a_player,
    a_correction_is_told_to_who_watches_the_event,
    too_much_of_a_team_is_said_not_replayed_in_part,
    a_page_of_a_stranger_does_not_watch,
    a_page_without_a_game_follows_the_newest,
    a_slow_page_skips_and_costs_no_memory,
    stopping_tells_every_page,
);

async fn next(socket: &mut Socket) -> Message {
    timeout(PATIENCE, socket.next())
        .await
        .expect("a message in time")
        .expect("an open socket")
        .expect("a whole message")
}

async fn next_text(socket: &mut Socket) -> Value {
    let text = async {
        loop {
            if let Message::Text(text) = next(socket).await {
                return serde_json::from_str(&text).unwrap();
            }
        }
    };
    // Pings come all the time.
    timeout(PATIENCE, text).await.expect("a text in time")
}

async fn next_frame(socket: &mut Socket) -> Vec<u8> {
    loop {
        if let Message::Binary(frame) = next(socket).await {
            return frame.to_vec();
        }
    }
}

async fn every_state_arrives_as_it_was_said(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    trial.hub.board.put(state(GAME, 0, 14));
    let mut socket = trial.connect(&format!("?game={GAME}")).await;
    let hello = next_text(&mut socket).await;
    assert_eq!((&hello["type"], &hello["protocol"], &hello["game"]), (&"hello".into(), &1.into(), &GAME.into()));
    assert_eq!(hello["rink"]["length_m"], 60.96);
    let mut picture = Picture::default();
    let (mut keyframes, mut deltas) = (0, 0);
    let mut began_us = 0;
    for tick in 0..120 {
        // The first waits until the page has found its game.
        if tick == 20 {
            began_us = cloud_hub::time::monotonic_us();
        }
        // In the middle somebody leaves and two come on.
        let said = state(GAME, tick, if tick < 60 { 14 } else { 16 } - u16::from(tick == 70));
        trial.hub.board.put(said.clone());
        let frame = next_frame(&mut socket).await;
        if frame[1] == live_frame::KEYFRAME {
            keyframes += 1;
        } else {
            deltas += 1;
        }
        picture.apply(&frame).unwrap();
        assert_eq!(picture.state(), Some(&seen(said)), "tick {tick}");
    }
    let took_us = cloud_hub::time::monotonic_us() - began_us;
    println!("{shape:?}: {} us from a state put up to the page that shows it", took_us / 100);
    assert!((2..=5).contains(&keyframes) && deltas > 100, "{keyframes} keyframes, {deltas} deltas");
    trial.hub.stop().await;
}

async fn events_arrive_once_and_in_order_and_again_after_an_absence(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    let shot =
        |at| event(at, Side::Home, 9, EventKind::Shot { speed_mps: 30.0, distance_m: 10.0, on_goal: Some(true) });
    let mut socket = trial.connect(&format!("?game={GAME}")).await;
    let hello = next_text(&mut socket).await;
    assert_eq!(hello["offset"], 0);
    trial.keep((0..3).map(shot).collect()).await;
    let mut other = shot(3);
    other.game += 1;
    trial.keep(vec![other]).await;
    trial.keep(vec![shot(4)]).await;
    let mut held = 0;
    for captured_us in [0, 1, 2, 4] {
        let message = next_text(&mut socket).await;
        assert_eq!((&message["type"], &message["event"]["captured_us"]), (&"event".into(), &captured_us.into()));
        assert_eq!(message["event"]["detail"]["speed_mps"], 30.0);
        held = message["event"]["offset"].as_u64().unwrap();
    }
    drop(socket);
    trial.keep((5..8).map(shot).collect()).await;

    let epoch = hello["epoch"].as_str().unwrap();
    let mut socket = trial.connect(&format!("?game={GAME}&epoch={epoch}&offset={held}")).await;
    assert_eq!(next_text(&mut socket).await["offset"], held);
    trial.keep(vec![shot(8)]).await;
    for captured_us in 5..9 {
        assert_eq!(next_text(&mut socket).await["event"]["captured_us"], captured_us);
    }
    trial.hub.stop().await;
}

async fn what_cannot_be_replayed_is_said(shape: Shape) {
    let trial = Trial::start_as(shape, |config| config.core.replay_events_max = 5).await;
    trial.keep((0..6).map(|at| event(at, Side::Away, 4, EventKind::Goal)).collect()).await;
    trial.heard().await;
    let mut fresh = trial.connect(&format!("?game={GAME}")).await;
    let hello = next_text(&mut fresh).await;
    let epoch = hello["epoch"].as_str().unwrap();
    assert_eq!(hello["offset"], 6);
    for (query, offset) in [
        (format!("epoch={epoch}&offset=0"), 6),
        (format!("epoch={epoch}&offset=7"), 6),
        ("epoch=another&offset=3".to_owned(), 6),
    ] {
        let mut socket = trial.connect(&format!("?game={GAME}&{query}")).await;
        assert_eq!(next_text(&mut socket).await["type"], "hello");
        let reset = next_text(&mut socket).await;
        assert_eq!((&reset["type"], &reset["offset"]), (&"reset".into(), &offset.into()), "{query}");
    }
    let mut socket = trial.connect(&format!("?game={GAME}&epoch={epoch}&offset=1")).await;
    next_text(&mut socket).await;
    assert_eq!(next_text(&mut socket).await["event"]["offset"], 2, "five missed events fit");
    trial.hub.stop().await;
}

async fn a_page_that_saw_more_elsewhere_goes_on_from_there(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    let epoch = next_text(&mut trial.connect("").await).await["epoch"].as_str().unwrap().to_owned();
    for offset in 1..=20 {
        trial.keep(vec![event(offset, Side::Away, 4, EventKind::Goal)]).await;
        // Committed, and perhaps not heard yet where the page asks.
        let mut socket = trial.connect(&format!("?game={GAME}&epoch={epoch}&offset={offset}")).await;
        assert_eq!(next_text(&mut socket).await["offset"], offset);
    }
    trial.hub.stop().await;
}

async fn a_page_may_follow_a_team_or_a_player(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    for (path, body) in [
        ("venues", json!({"venue": "arena", "name": "Arena", "city": "Oakville"})),
        ("teams", json!({"team": "oaks", "name": "Oaks", "abbreviation": "OAK"})),
        ("teams", json!({"team": "elms", "name": "Elms", "abbreviation": "ELM"})),
        ("players", json!({"player": "ann-lee", "name": "Ann Lee", "position": "forward"})),
        (
            "games",
            json!({"game": GAME, "venue": "arena", "starts_us": 1, "away": {"team": "elms"},
            "home": {"team": "oaks", "roster": [{"number": 9, "player": "ann-lee"}]}}),
        ),
    ] {
        assert_eq!(trial.post(&format!("/api/core/{path}"), &body).await.status(), 201, "{path}");
    }
    let mut team = trial.connect("?team=oaks").await;
    let mut player = trial.connect("?player=ann-lee").await;
    let hello = next_text(&mut team).await;
    next_text(&mut player).await;
    let goal = |at, number| event(at, Side::Home, number, EventKind::Goal);
    let pass = event(3, Side::Home, 4, EventKind::Pass { receiver: Some(9), length_m: 5.0 });
    let away = event(5, Side::Away, 9, EventKind::Goal);
    let mut elsewhere = goal(4, 9);
    elsewhere.game += 1;
    trial.keep(vec![goal(1, 9), goal(2, 4), pass, elsewhere, away]).await;
    for captured_us in [1, 2, 3, 5] {
        assert_eq!(next_text(&mut team).await["event"]["captured_us"], captured_us, "both teams of its game");
    }
    for captured_us in [1, 3] {
        assert_eq!(next_text(&mut player).await["event"]["captured_us"], captured_us, "what nine of home did or took");
    }
    // Another game goes live, which is not the team's; then its own.
    trial.hub.board.put(state(GAME + 1, 1, 3));
    trial.hub.board.put(state(GAME, 2, 3));
    for socket in [&mut team, &mut player] {
        assert_eq!(next_text(socket).await, json!({"type": "game", "game": GAME}));
        let mut picture = Picture::default();
        picture.apply(&next_frame(socket).await).unwrap();
        assert_eq!(picture.state().map(|state| state.game), Some(GAME));
    }
    // Back after an absence.
    let epoch = hello["epoch"].as_str().unwrap();
    let mut again = trial.connect(&format!("?player=ann-lee&epoch={epoch}&offset=1")).await;
    assert_eq!(next_text(&mut again).await["offset"], 1);
    assert_eq!(next_text(&mut again).await["event"]["captured_us"], 3);
    assert_eq!(trial.get("/ws/analytics?team=oaks&player=ann-lee").await.status(), 400);
    trial.hub.stop().await;
}

async fn a_correction_is_told_to_who_watches_the_event(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    let mut other = event(3, Side::Home, 9, EventKind::Goal);
    other.game += 1;
    trial.keep(vec![event(1, Side::Home, 9, EventKind::Goal), other, event(5, Side::Home, 9, EventKind::Goal)]).await;
    trial.heard().await;
    let mut socket = trial.connect(&format!("?game={GAME}")).await;
    assert_eq!(next_text(&mut socket).await["fact"], 0);
    for (game, event) in [(GAME + 1, 2), (GAME, 1)] {
        let body = json!({"event": event, "action": "withdraw", "reason": "offside"});
        assert_eq!(trial.post(&format!("/api/core/games/{game}/corrections"), &body).await.status(), 201);
    }
    let told = next_text(&mut socket).await;
    assert_eq!(
        (&told["type"], &told["fact"], &told["correction"]["event"]),
        (&"correction".into(), &2.into(), &1.into())
    );
    // Who comes back sees that there were facts meanwhile, and missed events as they are now.
    let mut fresh = trial.connect("").await;
    let hello = next_text(&mut fresh).await;
    assert_eq!(hello["fact"], 2);
    let epoch = hello["epoch"].as_str().unwrap();
    let mut again = trial.connect(&format!("?game={GAME}&epoch={epoch}&offset=0")).await;
    next_text(&mut again).await;
    assert_eq!(next_text(&mut again).await["event"]["correction"]["action"], "withdraw");
    assert_eq!(next_text(&mut again).await["event"]["correction"], Value::Null);
    trial.hub.stop().await;
}

async fn too_much_of_a_team_is_said_not_replayed_in_part(shape: Shape) {
    let trial = Trial::start_as(shape, |config| config.core.replay_events_max = 5).await;
    trial.keep((0..600).map(|at| event(at, Side::Away, 4, EventKind::Goal)).collect()).await;
    let epoch = next_text(&mut trial.connect("").await).await["epoch"].as_str().unwrap().to_owned();
    // Nothing of it is the team's, and finding that out would take reading all.
    let mut socket = trial.connect(&format!("?team=oaks&epoch={epoch}&offset=0")).await;
    assert_eq!(next_text(&mut socket).await["type"], "hello");
    assert_eq!(next_text(&mut socket).await["type"], "reset");
    trial.hub.stop().await;
}

async fn a_page_of_a_stranger_does_not_watch(shape: Shape) {
    let trial = Trial::start_as(shape, |config| config.core.origins = vec!["https://league.example".into()]).await;
    let open = async |origin: &str| {
        let mut request = format!("ws://{}/ws/analytics", trial.hub.address).into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        match tokio_tungstenite::connect_async(request).await {
            Ok((_, answer)) => answer.status().as_u16(),
            Err(tungstenite::Error::Http(answer)) => answer.status().as_u16(),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(open(&format!("http://{}", trial.hub.address)).await, 101);
    assert_eq!(open("https://league.example").await, 101);
    assert_eq!(open("https://evil.example").await, 403);
    assert_eq!(open("null").await, 403);
    trial.hub.stop().await;
}

async fn a_page_without_a_game_follows_the_newest(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    let mut socket = trial.connect("").await;
    assert_eq!(next_text(&mut socket).await["game"], Value::Null);
    for (game, tick) in [(GAME, 1), (GAME + 1, 2)] {
        trial.hub.board.put(state(game, tick, 3));
        assert_eq!(next_text(&mut socket).await, serde_json::json!({"type": "game", "game": game}));
        let mut picture = Picture::default();
        picture.apply(&next_frame(&mut socket).await).unwrap();
        assert_eq!(picture.state().map(|state| state.game), Some(game));
    }
    trial.hub.stop().await;
}

/// Resident memory of this process, bytes.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

async fn a_slow_page_skips_and_costs_no_memory(shape: Shape) {
    const TICKS: u64 = 10_000;
    let trial = Trial::start_as(shape, |config| {
        // However slow this machine is, the page is slower.
        (config.core.send_timeout_ms, config.core.ping_interval_ms) = (600_000, 600_000);
    })
    .await;
    // Everybody jumps a metre and a half each tick, so that every entry is whole: 2.8 KB a frame, 28 MB in all.
    let said = |tick: u64| {
        let mut said = state(GAME, tick, 200);
        said.players.iter_mut().for_each(|player| player.x_cm += 150 * (tick % 2) as i16);
        said
    };
    trial.hub.board.put(said(0));
    let (mut fast, mut slow) = (trial.connect("").await, trial.connect("").await);
    next_frame(&mut fast).await;
    let before = resident_bytes();
    let mut picture = Picture::default();
    for tick in 1..=TICKS {
        trial.hub.board.put(said(tick));
        let frame = next_frame(&mut fast).await;
        if picture.apply(&frame).is_ok() {
            assert_eq!(picture.state().unwrap().captured_us, said(tick).captured_us, "the fast page sees every tick");
        }
    }
    let grown = resident_bytes().saturating_sub(before);
    let (mut frames, mut picture) = (0, Picture::default());
    let last = seen(said(TICKS));
    while picture.state() != Some(&last) {
        picture.apply(&next_frame(&mut slow).await).expect("what is skipped is skipped up to a keyframe");
        frames += 1;
    }
    println!("slow page: {frames} of {TICKS} frames, memory grew by {} KiB", grown >> 10);
    assert!(frames < TICKS / 2, "{frames} frames were held for a page that did not read");
    assert!(grown < 8 << 20, "memory grew by {grown} bytes");
    trial.hub.stop().await;
}

async fn stopping_tells_every_page(shape: Shape) {
    let trial = Trial::start_as(shape, |_| {}).await;
    trial.hub.board.put(state(GAME, 1, 3));
    let (mut first, mut second) = (trial.connect("").await, trial.connect("").await);
    next_frame(&mut first).await;
    next_frame(&mut second).await;
    tokio::join!(trial.hub.stop(), async {
        for socket in [&mut first, &mut second] {
            loop {
                if let Message::Close(farewell) = next(socket).await {
                    assert_eq!(farewell.map(|frame| frame.code), Some(CloseCode::Away));
                    break;
                }
            }
        }
    });
}
