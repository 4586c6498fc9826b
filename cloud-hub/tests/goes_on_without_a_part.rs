//! Promise: of a hub in several processes each part may go and come back. What needs it says so at once, in a problem that
//! says when to ask again; everything else goes on; and all is normal by itself once it is back.
//!
//! Shown with a gateway, an ingest, an analytics and a core process over PostgreSQL and Redis: core is a program of its
//! own, killed and started anew; Redis is stopped and started anew.

mod trial;

use cloud_hub::{config::HubConfig, pipeline::Hub, roles, services::core::live_picture::Picture, time};
use firmware_protocol::network::{EventKind, Side};
use futures_util::StreamExt as _;
use std::{fs, net::SocketAddr, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};
use tokio_tungstenite::tungstenite::Message;
use trial::{GAME, PATIENCE, Shape, Socket, Trial, event, seen, state};

/// `cloud-hub serve --role core` at `listen`, and where it is.
async fn core(trial: &Trial, listen: SocketAddr) -> (Child, SocketAddr) {
    let file = trial.config.data.join("core.toml");
    let config = toml::to_string(&trial.config).unwrap();
    fs::write(&file, config).unwrap();
    let mut core = Command::new(env!("CARGO_BIN_EXE_cloud-hub"))
        .args(["serve", "--role", "core", "--listen", &listen.to_string(), "--config"])
        .arg(&file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(core.stdout.take().unwrap()).lines();
    let ready = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().expect("core says it is ready");
    let address = ready.split("http://").nth(1).and_then(|rest| rest.split(' ').next()).expect("an address");
    (core, address.parse().unwrap())
}

async fn health(trial: &Trial, address: SocketAddr) -> serde_json::Value {
    trial.http.get(format!("http://{address}/health")).send().await.unwrap().json().await.unwrap()
}

async fn becomes(trial: &Trial, address: SocketAddr, status: &str) -> serde_json::Value {
    let reached = async {
        loop {
            let health = health(trial, address).await;
            if health["status"] == status {
                return health;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("{address} never is {status}"))
}

/// The newest state the page is shown, once `wanted` came.
async fn sees(socket: &mut Socket, picture: &mut Picture, wanted: u64) {
    let wanted = seen(state(GAME, wanted, 3));
    let sees = async {
        while picture.state() != Some(&wanted) {
            if let Message::Binary(frame) = socket.next().await.unwrap().unwrap() {
                // A new feed begins with a keyframe.
                let _ = picture.apply(&frame);
            }
        }
    };
    timeout(PATIENCE, sees).await.expect("the page sees it");
}

#[tokio::test]
async fn core_is_killed_and_comes_back() {
    let trial = Trial::start_as(Shape::Split, |_| {}).await;
    let (mut killed, address) = core(&trial, SocketAddr::from(([127, 0, 0, 1], 0))).await;
    let mut config = HubConfig { roles: vec![roles::Role::Gateway], ..trial.config.clone() };
    config.gateway.upstreams.core = vec![address.to_string()];
    config.gateway.upstreams.analytics = vec![trial.hub.hubs[0].addresses[0].to_string()];
    config.gateway.upstreams.security = vec![trial.hub.hubs[3].addresses[0].to_string()];
    config.gateway.upstreams.pause_ms = 200;
    let gateway = Hub::start(&config).await.unwrap();
    let door = gateway.addresses[0];
    let ask = async |path: &str| trial.http.get(format!("http://{door}{path}")).send().await.unwrap();
    trial.keep(vec![event(1, Side::Home, 9, EventKind::Goal)]).await;
    trial.projected().await;
    assert_eq!(ask("/api/game/state").await.status(), 200);
    assert_eq!(health(&trial, door).await["status"], "ready");

    killed.kill().await.unwrap();
    let began_us = time::monotonic_us();
    let mut refused = 0;
    while health(&trial, door).await["status"] == "ready" || refused < 20 {
        let answer = ask("/api/game/state").await;
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(answer.headers()["retry-after"], "1");
        let problem: serde_json::Value = answer.json().await.unwrap();
        assert!(problem["detail"].as_str().unwrap().contains("core does not answer"), "{problem}");
        refused += 1;
        assert_eq!(ask("/api/analytics/metrics").await.status(), 200, "analytics goes on");
    }
    println!("{refused} refusals in {} ms", (time::monotonic_us() - began_us) / 1_000);
    let told = health(&trial, door).await;
    assert!(told["status"] == "degraded" && told["reason"].as_str().unwrap().contains(&address.to_string()), "{told}");

    let (_core, again) = core(&trial, address).await;
    assert_eq!(again, address);
    let back = async {
        while ask("/api/game/state").await.status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, back).await.expect("core is asked again");
    assert_eq!(health(&trial, door).await["status"], "ready");
    for _ in 0..20 {
        assert_eq!(ask("/api/game/state").await.status(), 200);
    }
    gateway.stop().await;
    trial.hub.stop().await;
}

#[tokio::test]
async fn redis_goes_and_comes_back() {
    let mut trial = Trial::start_as(Shape::Split, |_| {}).await;
    let mut socket = trial.connect(&format!("?game={GAME}")).await;
    let mut picture = Picture::default();
    trial.hub.board.put(state(GAME, 1, 3));
    sees(&mut socket, &mut picture, 1).await;
    let [analytics, ingest] = [0, 2].map(|at| trial.hub.hubs[at].addresses[0]);

    trial.redis.as_mut().unwrap().stop().await;
    for address in [analytics, ingest] {
        let health = becomes(&trial, address, "degraded").await;
        assert!(health["reason"].as_str().unwrap().contains("redis.sock"), "{health}");
    }
    trial.hub.board.put(state(GAME, 2, 3));
    trial.keep(vec![event(1, Side::Home, 9, EventKind::Goal)]).await;
    let told =
        async { while !matches!(socket.next().await, Some(Ok(Message::Text(text))) if text.contains("\"goal\"")) {} };
    timeout(PATIENCE, told).await.expect("events do not need Redis");
    assert_eq!(picture.state(), Some(&seen(state(GAME, 1, 3))));

    trial.redis.as_mut().unwrap().start_again().await;
    // What was said meanwhile is said again, before anything new is.
    sees(&mut socket, &mut picture, 2).await;
    trial.hub.board.put(state(GAME, 3, 3));
    sees(&mut socket, &mut picture, 3).await;
    for address in [analytics, ingest] {
        becomes(&trial, address, "ready").await;
    }
    trial.hub.stop().await;
}

#[tokio::test]
async fn who_starts_late_sees_what_is_live() {
    let trial = Trial::start_as(Shape::Split, |_| {}).await;
    trial.hub.board.put(state(GAME, 1, 3));
    trial.until("/api/analytics/metrics", |metrics| metrics["hub"]["games_live"] == 1).await;
    let late = Hub::start(&HubConfig { roles: vec![roles::Role::Core], ..trial.config.clone() }).await.unwrap();
    let shown = async {
        while late.board.latest(GAME).is_none() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, shown).await.expect("the late one is told");
    late.stop().await;
    trial.hub.stop().await;
}

#[tokio::test]
async fn two_that_hear_boxes_take_turns_at_the_read_tables() {
    let mut trial = Trial::start_as(Shape::Split, |_| {}).await;
    let second = HubConfig { roles: vec![roles::Role::Ingest], ..trial.config.clone() };
    let second = Hub::start(&second).await.unwrap();
    trial.keep(vec![event(1, Side::Home, 9, EventKind::Goal)]).await;
    trial.projected().await;
    // Whoever had the turn has gone; the other takes it and goes on where the tables stand.
    let first = trial.hub.hubs.remove(2);
    trial.hub.turn_to(&second);
    first.stop().await;
    trial.keep(vec![event(2, Side::Home, 9, EventKind::Goal)]).await;
    trial.projected().await;
    assert_eq!(trial.json("/api/game/state").await["home"]["goals"], 2);
    second.stop().await;
    trial.hub.stop().await;
}
