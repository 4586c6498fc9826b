//! How fast a box's journal drains into a hub, over Zenoh and MQTT, plain and with mutual TLS: a table, and rows in
//! `target/bench.json`.
//!
//! Comes in: nothing. Goes out, for each way: records a second and round trips of a full journal through the uplink
//! that ships, once into a hub that answers without a commit (what making, packing and opening batches costs) and once
//! into the whole hub (what its disk costs beside); and the same bytes, in the same order and as many unanswered at a
//! time, through the bare library and through our link alone, to somebody who answers each with a few bytes. MQTT goes through a real Mosquitto. Connecting is not counted.
//!
//! ```text
//! cargo bench -p cloud-hub --bench uplink        UPLINK_RECORDS=100000, at most ten seconds a leg
//! ```

#[path = "../../../edge-agent/benches/rows/mod.rs"]
mod rows;
#[path = "../../tests/trial/mosquitto.rs"]
mod mosquitto;
mod bare;
mod rig;

use edge_agent::{
    store::{Store, StoreConfig},
    uplink::{self, Link, LinkError, Transport, UplinkConfig, UplinkState, mqtt::MqttLink, zenoh::ZenohLink},
};
use firmware_protocol::network::{Event, EventKind, GameClock, Record, Telemetry};
use hdrhistogram::Histogram;
use rig::Rig;
use rows::{Row, report};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Records in the journal.
const RECORDS: u64 = 100_000;
/// Longest time of one leg; the rate is then of what came by.
const LEG: Duration = Duration::from_secs(10);
/// Longer than any connecting takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What one leg showed.
pub(crate) struct Found {
    pub(crate) records_per_s: f64,
    /// Microseconds.
    pub(crate) round_trips: Histogram<u64>,
}

/// A batch as it went: key, bytes, records.
pub(crate) type Sent = (String, Vec<u8>);

/// Notes what goes over a link, and how long each answer takes.
struct Timed<L> {
    link: L,
    noted: Arc<Mutex<(Histogram<u64>, Vec<Sent>)>>,
}

impl<L: Link> Link for Timed<L> {
    async fn ask(&self, key: &str, payload: Vec<u8>, timeout: Duration) -> Result<Vec<u8>, LinkError> {
        let (sent, asked) = ((key.to_owned(), payload.clone()), Instant::now());
        let answer = self.link.ask(key, payload, timeout).await?;
        let mut noted = self.noted.lock().unwrap();
        noted.0.saturating_record(asked.elapsed().as_micros() as u64);
        noted.1.push(sent);
        Ok(answer)
    }

    async fn say(&self, key: &str, payload: Vec<u8>, traceparent: Option<&str>) -> Result<(), LinkError> {
        self.link.say(key, payload, traceparent).await
    }

    async fn close(&self) {
        self.link.close().await;
    }

    fn reopen(&self) {
        self.link.reopen();
    }

    fn carrier(&self) -> &'static str {
        self.link.carrier()
    }
}

pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("fixed bounds")
}

/// A journal with `count` records on disk: of ten, nine readings and one event.
fn filled(folder: &std::path::Path, count: u64) -> Arc<Store> {
    let store = Store::open(&StoreConfig { path: folder.join("store"), ..StoreConfig::default() }).unwrap();
    let mut last = None;
    for number in 0..count {
        let captured_us = 1_700_000_000_000_000 + number as i64 * 1_000;
        let record = if number % 10 == 0 {
            Record::Event(Event {
                game: 1,
                captured_us,
                uncertainty_us: 500,
                clock: GameClock::default(),
                side: None,
                number: None,
                position_m: Some([20.5, -3.25]),
                kind: EventKind::Goal,
            })
        } else {
            let (name, subject) = ("temperature".into(), format!("camera-{}", number % 4));
            Record::Telemetry(Telemetry { captured_us, name, subject, value: 40.0 + number as f64 / 1e4 })
        };
        last = Some(store.append(&record).unwrap());
    }
    // Groups reach the disk in order.
    last.expect("some records").wait().unwrap();
    Arc::new(store)
}

/// Drains a full journal over `link`.
async fn drain<L: Link>(config: UplinkConfig, link: L, count: u64) -> (Found, Vec<Sent>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let store = tokio::task::spawn_blocking(move || filled(&path, count)).await.unwrap();
    let noted = Arc::new(Mutex::new((histogram(), Vec::new())));
    let link = Timed { link, noted: noted.clone() };
    let (_newest, live) = watch::channel(None);
    let (told, mut state) = watch::channel(UplinkState::default());
    let stop = CancellationToken::new();
    let lanes = tokio::spawn(uplink::run(config, link, store, live, told, stop.clone()));
    let first = tokio::time::timeout(PATIENCE, state.wait_for(|state| state.records > 0)).await;
    let before = first.unwrap_or_else(|_| panic!("no record was ever taken")).expect("the uplink runs").records;
    let began = Instant::now();
    let _ = tokio::time::timeout(LEG, state.wait_for(|state| state.records >= count)).await;
    let records = state.borrow().records - before;
    let records_per_s = records as f64 / began.elapsed().as_secs_f64();
    stop.cancel();
    lanes.await.unwrap();
    let (round_trips, sent) = std::mem::replace(&mut *noted.lock().unwrap(), (histogram(), Vec::new()));
    (Found { records_per_s, round_trips }, sent)
}

async fn over(config: UplinkConfig, count: u64) -> (Found, Vec<Sent>) {
    if config.transport == Transport::Mqtt {
        let link = MqttLink::open(&config);
        drain(config, link, count).await
    } else {
        let link = ZenohLink::open(&config);
        drain(config, link, count).await
    }
}

/// One way: into the hub without a commit, the bare library, our link alone, the whole hub.
async fn measure(rig: &mut Rig, transport: Transport, count: u64) -> Vec<Row> {
    let way = format!("{} {}", if transport == Transport::Mqtt { "mqtt" } else { "zenoh" }, rig.security());
    let memory = rig.memory(transport).await;
    let (uncommitted, sent) = over(rig.towards(transport, &memory.place), count).await;
    memory.stop().await;
    let (bare, link) = match transport {
        Transport::Mqtt => bare::mqtt(rig, &memory.place, &sent, count).await,
        _ => bare::zenoh(rig, &sent, count).await,
    };
    let (whole, _) = over(rig.towards(transport, &rig.hub_place(transport)), count).await;
    let conditions = format!(
        "{count} records, 9 readings to 1 event, {} batches, 4 unanswered at a time, loopback, both ends in one process{}",
        sent.len(),
        if transport == Transport::Mqtt { ", real Mosquitto" } else { "" }
    );
    let peer = |value| Some(("the bare library", value));
    let mut table = Vec::new();
    for (into, found) in [("link alone", &link), ("no commit", &uncommitted), ("whole hub", &whole)] {
        let name = format!("uplink {way}, {into}");
        let rate = Row::new(&name, found.records_per_s, "records/s", &conditions);
        table.push(Row { peer: peer(bare.records_per_s), ..rate });
        for (percentile, quantile) in [("p50", 0.5), ("p99", 0.99)] {
            let ms = |histogram: &Histogram<u64>| histogram.value_at_quantile(quantile) as f64 / 1e3;
            let row = Row::new(format!("{name}, {percentile}"), ms(&found.round_trips), "ms", &conditions);
            table.push(Row { peer: peer(ms(&bare.round_trips)), ..row });
        }
    }
    table
}

#[tokio::main]
async fn main() {
    // Test runners only ask what there is to run; `cargo bench` says so.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let count = std::env::var("UPLINK_RECORDS").ok().and_then(|text| text.parse().ok()).unwrap_or(RECORDS);
    let mut table = Vec::new();
    for is_secure in [false, true] {
        let mut rig = Box::pin(Rig::start(is_secure)).await;
        for transport in [Transport::Zenoh, Transport::Mqtt] {
            table.extend(Box::pin(measure(&mut rig, transport, count)).await);
        }
        rig.stop().await;
    }
    report(&table);
}
