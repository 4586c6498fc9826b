//! A hub and a box in this process, joined by what ships: Zenoh on QUIC through a relay, MQTT through a broker.

use crate::relay::{self, Relay};
use cloud_hub::{
    config::HubConfig,
    pipeline::{Ears, Hub},
};
use edge_agent::{
    store::{Receipt, Store, StoreConfig},
    uplink::{self, Transport, UplinkConfig, UplinkState, both::Both, mqtt::MqttLink, zenoh::ZenohLink},
};
use firmware_protocol::network::{Event, EventKind, GameClock, LiveState, Record, Stream, Telemetry, TrackChunk};
use sqlx::Row as _;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes: a promise that hangs must fail.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks at something that cannot be waited for.
const LOOK: Duration = Duration::from_millis(10);

/// Waits until `is_so`.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let reached = async {
        while !is_so() {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// The hub, and its tables.
pub(crate) struct HubRig {
    pub(crate) hub: Arc<Hub>,
    /// Between the box and the hub's Zenoh port.
    pub(crate) relay: Relay,
    deaf: CancellationToken,
    ear: JoinHandle<()>,
    data: PathBuf,
}

impl HubRig {
    pub(crate) async fn start(folder: &Path, mqtt: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = HubConfig { data: folder.to_owned(), ..HubConfig::default() };
        let port = relay::free_port();
        config.gateway.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.ingest.listen = vec![format!("quic/127.0.0.1:{port}")];
        config.ingest.certificates = folder.join("certificates");
        mqtt.clone_into(&mut config.ingest.mqtt);
        let hub = Arc::new(Hub::start(&config).await.unwrap());
        let deaf = CancellationToken::new();
        let ears = Box::pin(Ears::open(&config, &hub)).await.unwrap();
        let (heard, stop) = (hub.clone(), deaf.clone());
        let ear = tokio::spawn(async move { ears.run(&heard, stop).await.unwrap() });
        Self { hub, relay: Relay::start(port).await, deaf, ear, data: folder.to_owned() }
    }

    /// Code, status and reason of `/health`.
    pub(crate) async fn status(&self) -> (u16, String) {
        let answer = reqwest::get(format!("http://{}/health", self.hub.addresses[0])).await.unwrap();
        let code = answer.status().as_u16();
        let report: serde_json::Value = answer.json().await.unwrap();
        (code, format!("{} {}", report["status"].as_str().unwrap(), report["reason"].as_str().unwrap()))
    }

    /// Stops the hub; what its tables hold of each stream: the nonce under each sequence, in the order of arrival.
    /// Fails when anything is missing, twice, out of order, lost or set aside.
    pub(crate) async fn held(self) -> BTreeMap<(u8, u64), i64> {
        self.deaf.cancel();
        self.ear.await.unwrap();
        Arc::into_inner(self.hub).expect("nobody else holds the hub").stop().await;
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.data.join("hub.sqlite"));
        let tables = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let mut held = BTreeMap::new();
        for (stream, query) in [
            (Stream::Events, "SELECT sequence, captured_us FROM events ORDER BY offset"),
            (Stream::Tracks, "SELECT sequence, start_us FROM track_chunks ORDER BY offset"),
            (Stream::Telemetry, "SELECT sequence, captured_us FROM telemetry ORDER BY sequence"),
        ] {
            for (index, row) in sqlx::query(query).fetch_all(&tables).await.unwrap().iter().enumerate() {
                assert_eq!(row.get::<i64, _>(0), index as i64, "{stream:?}: missing, twice, or out of order");
                held.insert((stream as u8, index as u64), row.get(1));
            }
        }
        for table in ["losses", "quarantine"] {
            let query = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
            assert_eq!(sqlx::query(query).fetch_one(&tables).await.unwrap().get::<i64, _>(0), 0, "rows in {table}");
        }
        held
    }
}

/// The box: journal and uplink.
pub(crate) struct BoxRig {
    pub(crate) state: watch::Receiver<UplinkState>,
    pub(crate) newest: watch::Sender<Option<LiveState>>,
    store: Arc<Store>,
    kept: Vec<(Stream, i64, Receipt)>,
    stop: CancellationToken,
    lanes: JoinHandle<()>,
}

/// How the box is told to reach `hub`: quick to give up, so that tests are quick.
pub(crate) fn towards(hub: &HubRig, transport: Transport, mqtt: &str) -> UplinkConfig {
    UplinkConfig {
        hub: format!("quic/127.0.0.1:{}", hub.relay.port),
        transport,
        mqtt: mqtt.into(),
        authority: hub.data.join("certificates/ca.pem"),
        refused: hub.data.join("refused"),
        batch_records_max: 32,
        timeout_ms: 400,
        retry_max_ms: 200,
        ..UplinkConfig::default()
    }
}

impl BoxRig {
    pub(crate) fn start(folder: &Path, config: UplinkConfig) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let path = folder.join("store");
        let store = Arc::new(Store::open(&StoreConfig { path, ..StoreConfig::default() }).unwrap());
        let (newest, live) = watch::channel(None);
        let (told, state) = watch::channel(UplinkState::default());
        let stop = CancellationToken::new();
        let lanes = tokio::spawn({
            let (store, stop) = (store.clone(), stop.clone());
            async move {
                match config.transport {
                    Transport::Zenoh => {
                        let link = ZenohLink::open(&config);
                        uplink::run(config, link, store, live, told, stop).await;
                    }
                    Transport::Mqtt => {
                        let link = MqttLink::open(&config);
                        uplink::run(config, link, store, live, told, stop).await;
                    }
                    Transport::Both => {
                        let link = Both::new(ZenohLink::open(&config), MqttLink::open(&config), config.retry_max_ms);
                        uplink::run(config, link, store, live, told, stop).await;
                    }
                }
            }
        });
        Self { state, newest, store, kept: Vec::new(), stop, lanes }
    }

    /// Appends `count` records to the streams in turn, each with a number of its own.
    pub(crate) fn append(&mut self, count: usize) {
        for _ in 0..count {
            let nonce = self.kept.len() as i64;
            let record = match nonce % 3 {
                0 => Record::Event(Event {
                    game: 1,
                    captured_us: nonce,
                    uncertainty_us: 0,
                    clock: GameClock::default(),
                    side: None,
                    number: None,
                    position_m: None,
                    kind: EventKind::Goal,
                }),
                1 => Record::Tracks(TrackChunk { game: 1, start_us: nonce, step_us: 20_000, columns: Vec::new() }),
                _ => {
                    let (name, subject) = ("test".into(), String::new());
                    Record::Telemetry(Telemetry { captured_us: nonce, name, subject, value: 1.0 })
                }
            };
            self.kept.push((record.stream(), nonce, self.store.append(&record).unwrap()));
        }
    }

    /// Waits until `carrier` has brought an answer.
    pub(crate) async fn carried_by(&mut self, carrier: &str) {
        let so = self.state.wait_for(|state| state.carrier == carrier && state.connected == Some(true));
        tokio::time::timeout(PATIENCE, so).await.unwrap_or_else(|_| panic!("{carrier} never carries")).unwrap();
    }

    /// Waits until the hub has acknowledged everything.
    pub(crate) async fn drained(&self) {
        let is_drained =
            || self.store.stats().streams.iter().all(|stream| stream.first_sequence == stream.next_sequence);
        until("the hub has everything", || self.is_on_disk() && is_drained()).await;
    }

    fn is_on_disk(&self) -> bool {
        let counts = Stream::ALL.map(|stream| self.kept.iter().filter(|(kept, ..)| *kept == stream).count() as u64);
        *self.store.committed().borrow() == counts
    }

    /// Ends the box; what its store said is on disk: the nonce under each sequence.
    pub(crate) async fn kept(self) -> BTreeMap<(u8, u64), i64> {
        self.stop.cancel();
        self.lanes.await.unwrap();
        let mut on_disk = BTreeMap::new();
        for (stream, nonce, kept) in self.kept {
            on_disk.insert((stream as u8, kept.on_disk().await.unwrap()), nonce);
        }
        on_disk
    }
}
