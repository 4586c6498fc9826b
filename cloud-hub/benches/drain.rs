//! How fast an outage is made good, and what that costs the picture on the page: a table, and rows in
//! `target/bench.json`.
//!
//! A real hub with its file, and a box's real store and uplink over QUIC on loopback. The store is filled with hours of
//! a game as they lie there after an outage: every second a chunk of thirteen people's places, an event every other
//! second and five readings. Then the uplink finds the hub, and everything goes in order, while the game goes on: fifty
//! live states and one second's records a second. How old a live state is at a viewer's WebSocket is noted meanwhile and,
//! by turns, with nothing to drain: what else the machine does is in both.
//!
//! ```text
//! cargo bench --workspace --bench drain        RINKSIDE_DRAIN_HOURS=30 for the whole of it (2 by default)
//! ```

#[path = "../../edge-agent/benches/rows/mod.rs"]
mod rows;

use cloud_hub::services::core::live_picture::Picture;
use edge_agent::{
    store::{Store, StoreConfig},
    uplink::{self, UplinkConfig, UplinkState, zenoh::ZenohLink},
};
use firmware_protocol::network::{
    ChunkBuilder, Event, EventKind, GameClock, LivePlayer, LivePuck, LiveState, Record, Role, Side, Telemetry, Who,
};
use futures_util::StreamExt as _;
use hdrhistogram::Histogram;
use rows::{Row, report};
use std::{
    io::{BufRead as _, BufReader},
    net::UdpSocket,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::sync::watch;
use tokio_tungstenite::{connect_async, tungstenite::Message};
use tokio_util::sync::CancellationToken;

const GAME: u64 = 2_025_020_001;
/// How long live is watched with nothing to drain, after a moment for joining.
const IDLE: Duration = Duration::from_secs(10);
const JOINING: Duration = Duration::from_secs(3);
/// An outage is drained in so many parts; before each, live is watched with nothing to drain.
const TURNS: u64 = 8;
/// Nothing here takes longer, even 30 hours on a slow machine.
const DRAINED: Duration = Duration::from_hours(2);
const LIVE_HZ: u64 = 50;
const PEOPLE: u16 = 12;
/// Seconds that wait for the disk together while the store is filled.
const FILLED_TOGETHER: u64 = 100;

/// Ages of live states at the viewer, microseconds, since they were last taken.
type Ages = Arc<Mutex<Histogram<u64>>>;

fn main() {
    // Test runners only ask what there is to run; `cargo bench` says so.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let hours: f64 = std::env::var("RINKSIDE_DRAIN_HOURS").ok().and_then(|text| text.parse().ok()).unwrap_or(2.0);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().expect("tokio starts");
    runtime.block_on(measure((hours * 3_600.0) as u64));
}

async fn measure(seconds: u64) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder below target/");
    let ingest = format!("127.0.0.1:{}", free_udp_port());
    let data = folder.path().join("hub");
    let (hub, page) = start_hub(&data, &ingest);
    let config = UplinkConfig {
        venue: "bench".into(),
        edge: "bench".into(),
        hub: format!("quic/{ingest}"),
        authority: data.join("certificates/ca.pem"),
        refused: folder.path().join("refused"),
        ..UplinkConfig::default()
    };
    let ages: Ages = Arc::new(Mutex::new(new_histogram()));
    let viewer = std::thread::spawn({
        let (ages, url) = (ages.clone(), format!("ws://{page}/ws/analytics"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio starts");
        move || runtime.block_on(view(&url, &ages))
    });
    let (live, newest) = watch::channel(None);
    let playing = tokio::spawn(play(live));

    let mut rows = Vec::new();
    let unpaced = UplinkConfig { backlog_bytes_per_second: 0, ..config.clone() };
    for (how, config) in [("as fast as it goes", unpaced), ("as it ships: paced while live goes", config)] {
        let path = folder.path().join(format!("outage-{}", config.backlog_bytes_per_second));
        let filling = path.clone();
        let store = tokio::task::spawn_blocking(move || fill(filling, seconds)).await.expect("it fills");
        let outage = store.stats().streams.map(|stream| stream.next_sequence);
        let waiting: u64 = outage.iter().sum();
        drop(store);
        let (mut before, mut meanwhile, mut took) = (new_histogram(), new_histogram(), Duration::ZERO);
        for turn in 1..=TURNS {
            // The same uplink on a store that only gets what the game gives now: a journal the hub counts by itself.
            let idle = Appliance::open(folder.path().join("idle"), 0, &config, &newest);
            tokio::time::sleep(JOINING).await;
            taken(&ages);
            tokio::time::sleep(IDLE).await;
            before.add(taken(&ages)).expect("the same bounds");
            idle.close().await;

            let draining = Appliance::open(path.clone(), seconds, &config, &newest);
            // Finding the hub is not draining.
            draining.until(|state, _| state.records > 0).await;
            taken(&ages);
            let began = Instant::now();
            let drained = |store: &Store| -> u64 {
                store.stats().streams.iter().zip(outage).map(|(stream, end)| stream.first_sequence.min(end)).sum()
            };
            draining.until(|_, store| drained(store) >= waiting * turn / TURNS).await;
            took += began.elapsed();
            meanwhile.add(taken(&ages)).expect("the same bounds");
            draining.close().await;
            println!("{how}: {turn} of {TURNS} parts after {:.0} s of draining", took.as_secs_f64());
        }
        let took = took.as_secs_f64();
        let conditions = format!("{waiting} records, {}", conditions(seconds, &meanwhile));
        rows.push(Row {
            peer: Some(("bar", 20.0)),
            ..Row::new(format!("outage drained, {how}"), seconds as f64 / took, "x", &conditions)
        });
        rows.push(Row::new(format!("outage drained, {how}, records"), waiting as f64 / took, "1/s", &conditions));
        for (percentile, quantile) in [("p50", 0.5), ("p99", 0.99)] {
            rows.push(Row {
                peer: Some(("nothing to drain", age(&before, quantile))),
                ..Row::new(
                    format!("live state at a viewer, {how}, {percentile}"),
                    age(&meanwhile, quantile),
                    "ms",
                    &conditions,
                )
            });
        }
    }
    playing.abort();
    drop(hub);
    viewer.join().expect("the viewer saw it to its end");
    report(&rows);
}

/// Milliseconds.
fn age(ages: &Histogram<u64>, quantile: f64) -> f64 {
    ages.value_at_quantile(quantile) as f64 / 1e3
}

fn conditions(seconds: u64, ages: &Histogram<u64>) -> String {
    format!(
        "{:.1} h of a game, QUIC on loopback, real hub on SQLite, {LIVE_HZ} live states a second, box, hub and viewer \
         on the same cores; {} states seen",
        seconds as f64 / 3_600.0,
        ages.len()
    )
}

/// A box at work: its store, its uplink, and a game that goes on.
struct Appliance {
    store: Arc<Store>,
    state: watch::Receiver<UplinkState>,
    stop: CancellationToken,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Appliance {
    fn open(
        path: PathBuf,
        from_second: u64,
        config: &UplinkConfig,
        newest: &watch::Receiver<Option<LiveState>>,
    ) -> Self {
        let store = Arc::new(Store::open(&StoreConfig { path, ..StoreConfig::default() }).expect("the journal opens"));
        let (state, seen) = watch::channel(UplinkState::default());
        let stop = CancellationToken::new();
        let link = ZenohLink::open(config);
        let shipping = uplink::run(config.clone(), link, store.clone(), newest.clone(), state, stop.clone());
        let going_on = {
            let store = store.clone();
            async move {
                let mut tick = tokio::time::interval(Duration::from_secs(1));
                for second in from_second.. {
                    tick.tick().await;
                    for record in &records(second) {
                        drop(store.append(record).expect("the store is open"));
                    }
                }
            }
        };
        let ended = stop.clone();
        let going_on = async move {
            tokio::select! { () = ended.cancelled() => {}, () = going_on => {} }
        };
        Self { store, state: seen, stop, tasks: vec![tokio::spawn(shipping), tokio::spawn(going_on)] }
    }

    /// Waits until `is_so`, looking whenever the hub has acknowledged something.
    async fn until(&self, is_so: impl Fn(&UplinkState, &Store) -> bool) {
        let mut state = self.state.clone();
        let done = tokio::time::timeout(DRAINED, state.wait_for(|state| is_so(state, &self.store)));
        let state = done.await.expect("it is drained in time").expect("the uplink runs");
        assert_eq!(state.refused, 0, "the hub refused something: {:?}", state.error);
    }

    async fn close(self) {
        self.stop.cancel();
        for task in self.tasks {
            task.await.expect("it ends in order");
        }
        let lost: u64 = self.store.stats().streams.iter().map(|stream| stream.lost).sum();
        assert_eq!(lost, 0, "something was lost");
    }
}

/// A store with so many seconds of a game in it.
fn fill(path: PathBuf, seconds: u64) -> Store {
    let store = Store::open(&StoreConfig { path, ..StoreConfig::default() }).expect("the journal opens");
    let mut receipts = Vec::new();
    for second in 0..seconds {
        receipts.extend(records(second).iter().map(|record| store.append(record).expect("the store is open")));
        if second % FILLED_TOGETHER == 0 || second + 1 == seconds {
            for receipt in receipts.drain(..) {
                receipt.wait().expect("the disk takes it");
            }
        }
    }
    store
}

/// What a game gives in one second.
fn records(second: u64) -> Vec<Record> {
    let captured_us = now_us();
    let mut chunk = ChunkBuilder::new(GAME, captured_us, 20_000);
    for step in 0..50u16 {
        let seconds = second as f64 + f64::from(step) * 0.02;
        for entity in 0..=PEOPLE {
            let (radius, speed) = (3.0 + f64::from(entity) * 0.5, 4.0 + f64::from(entity) * 0.58);
            let (sin, cos) = (speed / radius * seconds).sin_cos();
            let place = [cos, sin].map(|value| (value * radius * 100.0) as i16);
            let role = (entity > 0).then_some(Role::Skater);
            chunk.place(Who { entity, role, side: None, number: None }, step, place);
        }
    }
    let mut records = vec![Record::Tracks(chunk.finish())];
    if second.is_multiple_of(2) {
        let kind = EventKind::Shot { speed_mps: 30.0, distance_m: 9.0, on_goal: None };
        let (side, number) = (Some(Side::Home), Some(9));
        let (clock, position_m) = (GameClock::default(), Some([20.5, -3.25]));
        records.push(Record::Event(Event {
            game: GAME,
            captured_us,
            uncertainty_us: 500,
            clock,
            side,
            number,
            position_m,
            kind,
        }));
    }
    records.extend((0..5).map(|tag| {
        let (name, subject) = ("tag_battery_volts".to_owned(), format!("tag {tag}"));
        Record::Telemetry(Telemetry { captured_us, name, subject, value: 3.7 })
    }));
    records
}

/// The game's live states, from now on.
async fn play(live: watch::Sender<Option<LiveState>>) {
    let mut tick = tokio::time::interval(Duration::from_micros(1_000_000 / LIVE_HZ));
    for number in 0u64.. {
        tick.tick().await;
        let step = (number % 500) as i16;
        let player = |entity| LivePlayer {
            entity,
            role: Role::Skater,
            side: Some(Side::Home),
            number: Some(entity as u8),
            x_cm: step + 10 * entity as i16,
            y_cm: step - 10 * entity as i16,
            vx_cms: step,
            vy_cms: -step,
            sigma_cm: 12,
        };
        live.send_replace(Some(LiveState {
            edge: "bench".into(),
            game: GAME,
            tick: number,
            captured_us: now_us(),
            clock: GameClock::default(),
            puck: Some(LivePuck { x_cm: step, y_cm: 1, z_cm: 2, vx_cms: 3, vy_cms: 4 }),
            players: (1..=PEOPLE).map(player).collect(),
        }));
    }
}

/// Notes each state's age until the hub is gone.
async fn view(url: &str, ages: &Mutex<Histogram<u64>>) {
    let (mut socket, _) = connect_async(url).await.expect("the hub takes sockets");
    let mut picture = Picture::default();
    while let Some(Ok(message)) = socket.next().await {
        let now_us = now_us();
        if let Message::Binary(frame) = message
            && picture.apply(&frame).is_ok()
            && let Some(state) = picture.state()
        {
            let age_us = (now_us - state.captured_us).max(1) as u64;
            ages.lock().expect("nobody panics with it").saturating_record(age_us);
        }
    }
}

fn taken(ages: &Ages) -> Histogram<u64> {
    std::mem::replace(&mut ages.lock().expect("nobody panics with it"), new_histogram())
}

fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("fixed bounds")
}

fn now_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a set clock").as_micros() as i64
}

/// A hub that ends with this.
struct Hub(Child);

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The hub that ships, and where its pages are.
fn start_hub(data: &Path, ingest: &str) -> (Hub, String) {
    // Benches stand in `<profile>/deps`, binaries one folder up.
    let own = std::env::current_exe().expect("a running program has a path");
    let program = own.parent().and_then(Path::parent).expect("it stands in <profile>/deps").join("cloud-hub");
    let mut hub = Command::new(program)
        .args(["serve", "--listen", "127.0.0.1:0", "--ingest", ingest, "--data"])
        .arg(data)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the hub starts: build it first with `make release`");
    let mut lines = BufReader::new(hub.stderr.take().expect("it was piped")).lines().map_while(Result::ok);
    let ready = lines.by_ref().find_map(|line| {
        let said: serde_json::Value = serde_json::from_str(&line).ok()?;
        (said["message"] == "the hub is ready").then(|| said["address"].as_str().map(str::to_owned))?
    });
    // Its log has to be read on, or the pipe fills and it stops.
    std::thread::spawn(move || lines.for_each(drop));
    (Hub(hub), ready.expect("the hub says its address"))
}

fn free_udp_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("loopback has ports").port()
}
