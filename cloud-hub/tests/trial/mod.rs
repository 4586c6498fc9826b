//! A hub on a free port with an empty folder, and a box that speaks to it. The hub is one process
//! of all roles on SQLite, or one of each role on PostgreSQL and Redis that the test starts, and then the box speaks to it
//! through a Mosquitto, as the promise asks.

#![allow(dead_code, reason = "each promise uses its own part of this")]

pub mod accounts;
pub mod mosquitto;
pub mod postgresql;
pub mod redis;

use cloud_hub::{
    config::HubConfig,
    event_store::EventStore,
    ingest::{Admission, BrokerFault, LiveBoard, mqtt},
    pipeline::Hub,
    roles,
    storage::config::StorageConfig,
    trust::Certificates,
};
use edge_agent::uplink::{Link as _, Transport, UplinkConfig, mqtt::MqttLink};
use firmware_protocol::network::{
    self, Acknowledgement, Answer, Batch, ChunkBuilder, Event, EventKind, GameClock, LivePlayer, LiveState, Record,
    Role, Side, Stream, Telemetry, TrackChunk, Who, topic,
};
use std::{
    net::SocketAddr,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::{CancellationToken, DropGuard};

pub const GAME: u64 = 2_024_020_001;
/// Longer than anything here takes: a promise that hangs must fail.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// How a hub stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One process of all roles, on SQLite.
    Whole,
    /// One of each role, on PostgreSQL and Redis, boxes behind Mosquitto.
    Split,
}

/// Shows each promise, an `async fn` of a [`Shape`], of a hub in either shape.
#[allow(unused_macros, reason = "some promises are of one shape")]
macro_rules! in_both_shapes {
    ($($promise:ident),+ $(,)?) => {
        mod whole { $(#[tokio::test] async fn $promise() { super::$promise(super::trial::Shape::Whole).await; })+ }
        mod split { $(#[tokio::test] async fn $promise() { super::$promise(super::trial::Shape::Split).await; })+ }
    };
}

/// The processes of one hub.
pub struct Processes {
    /// Where the gateway answers.
    pub address: SocketAddr,
    /// Where a box's live states are put up.
    pub board: LiveBoard,
    /// The door for its batches.
    pub admission: Admission,
    pub store: EventStore,
    /// In the order in which they stop: who serves pages first, so that each of these is told.
    pub hubs: Vec<Hub>,
    broker: Option<Broker>,
}

/// What stands between the box and a hub of many processes.
struct Broker {
    link: MqttLink,
    config: HubConfig,
    deaf: DropGuard,
    _server: mosquitto::Mosquitto,
    _folder: tempfile::TempDir,
}

impl Processes {
    async fn start(config: &HubConfig, shape: Shape) -> Self {
        let mut hubs = Vec::new();
        if shape == Shape::Whole {
            hubs.push(Hub::start(config).await.unwrap());
        } else {
            let start = async |role| Hub::start(&HubConfig { roles: vec![role], ..config.clone() }).await.unwrap();
            for role in [roles::Role::Analytics, roles::Role::Core, roles::Role::Ingest, roles::Role::Security] {
                hubs.push(start(role).await);
            }
            let mut gateway = HubConfig { roles: vec![roles::Role::Gateway], ..config.clone() };
            gateway.gateway.upstreams.analytics = vec![hubs[0].addresses[0].to_string()];
            gateway.gateway.upstreams.core = vec![hubs[1].addresses[0].to_string()];
            gateway.gateway.upstreams.security = vec![hubs[3].addresses[0].to_string()];
            hubs.push(Hub::start(&gateway).await.unwrap());
        }
        let ingest = if shape == Shape::Whole { &hubs[0] } else { &hubs[2] };
        let (board, admission, store) = (ingest.board.clone(), ingest.admission.clone(), ingest.store.clone());
        let broker = (shape == Shape::Split).then(|| Broker::start(config, ingest));
        Self { address: hubs.last().unwrap().addresses[0], board, admission, store, hubs, broker }
    }

    /// Has boxes speak to `hub` from now on.
    pub fn turn_to(&mut self, hub: &Hub) {
        (self.admission, self.store) = (hub.admission.clone(), hub.store.clone());
        if let Some(broker) = &mut self.broker {
            broker.deaf = hears(&broker.config, hub);
        }
    }

    /// Hands over `batch` as a box does, said at `key`.
    async fn admit(&self, key: &str, batch: Vec<u8>) -> Vec<u8> {
        let Some(broker) = &self.broker else { return self.admission.admit(key, &batch).await.unwrap() };
        let asked = async {
            loop {
                // Away until both are connected; a box asks again too.
                match broker.link.ask(key, batch.clone(), PATIENCE).await {
                    Ok(answer) => return answer,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.expect("the hub answers over MQTT")
    }

    pub async fn stop(self) {
        drop(self.broker);
        for hub in self.hubs {
            hub.stop().await;
        }
    }
}

impl Broker {
    fn start(config: &HubConfig, hub: &Hub) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = mosquitto::Mosquitto::start(folder.path());
        let mut config = config.clone();
        config.ingest.mqtt = format!("mqtt://127.0.0.1:{}", server.port);
        let (venue, edge) = ("arena".to_owned(), "north".to_owned());
        let mqtt = config.ingest.mqtt.clone();
        let link =
            MqttLink::open(&UplinkConfig { venue, edge, mqtt, transport: Transport::Mqtt, ..UplinkConfig::default() });
        let deaf = hears(&config, hub);
        Self { link, config, deaf, _server: server, _folder: folder }
    }
}

/// Has `hub` hear boxes at the broker, until the guard is dropped.
fn hears(config: &HubConfig, hub: &Hub) -> DropGuard {
    let certificates = Certificates::ensure(&config.data.join("certificates"), &[]).unwrap();
    let (ear, stop) = (mqtt::Listener::new(&config.ingest, &certificates), CancellationToken::new());
    let hearing = ear.run(hub.admission.clone(), hub.board.clone(), None, BrokerFault::default(), stop.clone());
    tokio::spawn(hearing);
    stop.drop_guard()
}

pub struct Trial {
    pub hub: Processes,
    /// Of all its processes, roles apart.
    pub config: HubConfig,
    pub redis: Option<redis::Server>,
    pub http: reqwest::Client,
    next_sequence: AtomicU64,
    next_tracks: AtomicU64,
    folder: tempfile::TempDir,
}

impl Trial {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut HubConfig)) -> Self {
        Self::start_as(Shape::Whole, change).await
    }

    pub async fn start_as(shape: Shape, change: impl FnOnce(&mut HubConfig)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let mut config = HubConfig { data: folder.path().to_owned(), ..HubConfig::default() };
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        (config.gateway.listen, config.core.listen, config.analytics.listen) = (free, free, free);
        (config.ingest.probes, config.security.listen) = (free, free);
        // Tests ask as fast as they can.
        let limits = &mut config.gateway.limits;
        (limits.reads_per_minute, limits.writes_per_minute, limits.sockets_per_minute) = (0, 0, 0);
        config.gateway.connections_per_address_max = config.gateway.connections_max;
        let mut redis = None;
        if shape == Shape::Split {
            let server = redis::Server::start().await;
            config.storage.redis = server.address().as_str().into();
            config.storage.database = postgresql::database().await.as_str().into();
            redis = Some(server);
        }
        change(&mut config);
        let hub = Processes::start(&config, shape).await;
        let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        let (next_sequence, next_tracks) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { hub, config, redis, http, next_sequence, next_tracks, folder }
    }

    /// The hub's data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the hub keeps its tables.
    pub fn storage(&self) -> StorageConfig {
        self.config.storage.clone()
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(format!("http://{}{path}", self.hub.address)).send().await.unwrap()
    }

    pub async fn json(&self, path: &str) -> serde_json::Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: &serde_json::Value) -> reqwest::Response {
        self.http.post(format!("http://{}{path}", self.hub.address)).json(body).send().await.unwrap()
    }

    /// Asks until the answer is as it should be.
    pub async fn until(&self, path: &str, reached: impl Fn(&serde_json::Value) -> bool) {
        let reached = async {
            while !reached(&self.json(path).await) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("{path} gets there"));
    }

    pub async fn connect(&self, query: &str) -> Socket {
        connect_async(format!("ws://{}/ws/analytics{query}", self.hub.address)).await.unwrap().0
    }

    /// Ships `events` as a box does; answers when the hub has them on disk.
    pub async fn keep(&self, events: Vec<Event>) {
        self.ship(Stream::Events, &self.next_sequence, events.into_iter().map(Record::Event).collect()).await;
    }

    /// Ships `chunks` likewise.
    pub async fn keep_tracks(&self, chunks: Vec<TrackChunk>) {
        self.ship(Stream::Tracks, &self.next_tracks, chunks.into_iter().map(Record::Tracks).collect()).await;
    }

    /// Ships readings (name, subject, value) likewise; once a trial.
    pub async fn keep_readings(&self, readings: &[(&str, &str, f64)]) {
        let record = |&(name, subject, value): &(&str, &str, f64)| {
            Record::Telemetry(Telemetry { captured_us: 1, name: name.into(), subject: subject.into(), value })
        };
        self.ship(Stream::Telemetry, &AtomicU64::new(0), readings.iter().map(record).collect()).await;
    }

    async fn ship(&self, stream: Stream, next_sequence: &AtomicU64, records: Vec<Record>) {
        let count = records.len() as u64;
        let first_sequence = next_sequence.fetch_add(count, Ordering::SeqCst);
        let records = records.iter().map(network::encode).collect();
        let batch = Batch { edge: "north".into(), epoch: 7, stream, first_sequence, records };
        let key = topic::records("arena", "north", stream);
        let answer = self.hub.admit(&key, network::encode(&batch)).await;
        let answer: Acknowledgement = network::decode(&answer).unwrap();
        assert_eq!(answer.answer, Answer::Kept { next_sequence: first_sequence + count });
    }

    /// Waits until every process knows of everything that was kept.
    pub async fn heard(&self) {
        let newest = *self.hub.store.follow().borrow();
        for hub in &self.hub.hubs {
            let mut heard = hub.store.follow();
            let hears = heard.wait_for(|offset| *offset >= newest);
            tokio::time::timeout(PATIENCE, hears).await.expect("it is heard").unwrap();
        }
    }

    /// Waits until the read tables hold everything that was kept.
    pub async fn projected(&self) {
        let newest = self.hub.store.follow().borrow().0;
        let reached = async {
            while self.json("/health").await["projections_offset"] != newest {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.expect("the projector catches up");
    }
}

pub fn event(captured_us: i64, side: Side, number: u8, kind: EventKind) -> Event {
    Event {
        game: GAME,
        captured_us,
        uncertainty_us: 500,
        clock: GameClock { period: 1, remaining_ms: 600_000, running: true, home_score: 1, away_score: 0 },
        side: Some(side),
        number: Some(number),
        position_m: Some([20.5, -3.25]),
        kind,
    }
}

pub fn state(game: u64, tick: u64, players: u16) -> LiveState {
    let step = tick as i16 % 100;
    LiveState {
        edge: "north".into(),
        game,
        tick,
        captured_us: 1_700_000_000_000_000 + tick as i64 * 20_000,
        clock: GameClock { period: 2, remaining_ms: 1_000_000, running: true, home_score: 2, away_score: 3 },
        puck: Some(network::LivePuck { x_cm: step, y_cm: 1, z_cm: 2, vx_cms: 3, vy_cms: 4 }),
        players: (1..=players)
            .map(|entity| LivePlayer {
                entity,
                role: Role::Skater,
                side: Some(if entity % 2 == 0 { Side::Home } else { Side::Away }),
                number: Some((entity % 99) as u8),
                x_cm: (entity * 10) as i16 + step * (entity % 3) as i16,
                y_cm: -(entity as i16) - step,
                vx_cms: step,
                vy_cms: -step,
                sigma_cm: 12,
            })
            .collect(),
    }
}

/// Second `second` of `GAME`: home 9 skates at `cm_s` along x with the puck, home 30 keeps goal.
pub fn skate(second: i64, cm_s: i16) -> TrackChunk {
    let nine = Who { entity: 4, role: Some(Role::Skater), side: Some(Side::Home), number: Some(9) };
    let goalie = Who { entity: 5, role: Some(Role::Goalie), side: Some(Side::Home), number: Some(30) };
    let mut chunk = ChunkBuilder::new(GAME, second * 1_000_000, 20_000);
    for step in 0..50u16 {
        let x = (second * i64::from(cm_s) + i64::from(cm_s) * i64::from(step) / 50) as i16 - 2_500;
        chunk.place(nine, step, [x, 0]);
        chunk.place(goalie, step, [-2_600, 500]);
        chunk.place(Who::PUCK, step, [x + 50, 0]);
    }
    chunk.finish()
}

/// `state` as it travels: without box and tick.
pub fn seen(mut state: LiveState) -> LiveState {
    state.edge.clear();
    state.tick = 0;
    state
}
