//! How fast the hub answers and fans out, and what it costs at rest: a table, and rows in `target/bench.json`.
//!
//! Comes in: nothing. Goes out: latest state and a player's game at 1,000 requests a second, open loop, timed from when
//! each request was due so that a stall is not hidden; live frames to 2,000 sockets, timed from the state's arrival to each
//! socket's frame, with the hub in a process of its own so that its processor time is its own, beside a process that does
//! nothing but send the same bytes; memory of 20,000 sockets on which nothing is said; start and memory at rest of the
//! program that ships.
//!
//! ```text
//! cargo bench --workspace --bench hub          RINKSIDE_LOAD_SECONDS=10 RINKSIDE_LOAD_SOCKETS=2000 RINKSIDE_LOAD_IDLE=20000
//! ```

#[path = "peers/bare_send.rs"]
mod bare_send;
mod load;
#[path = "../../edge-agent/benches/rows/mod.rs"]
mod rows;
#[path = "../tests/trial/mod.rs"]
mod trial;

use firmware_protocol::network::{Event, EventKind, Side, TrackChunk};
use futures_util::future::join_all;
use hdrhistogram::Histogram;
use load::{Load, Page, Program, asked, drive, now_us};
use rows::{Row, report};
use std::{
    io::BufRead as _,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use trial::{GAME, Trial, event, skate, state};

const RATE_HZ: u64 = 1_000;
const PLAYERS: u16 = 14;
/// Set for a process that is only a part of the bench: `hub` or `bare`.
const PART: &str = "RINKSIDE_BENCH_PART";
/// Files a process may have open beside its sockets.
const FILES: u64 = 500;
/// An address has some 28,000 ports of its own: sockets are spread over these.
const ADDRESSES: u8 = 8;
const STARTS: usize = 5;

/// A figure beside the bar it has to pass.
fn row(name: &str, value: f64, unit: &'static str, bar: f64, conditions: &str) {
    report(&[Row { peer: Some(("bar", bar)), ..Row::new(name, value, unit, conditions) }]);
}

fn answers(name: &str, load: &Load, bar: f64, conditions: &str) {
    assert_eq!(load.share(200), 1.0, "{name}: {:?}", load.answers);
    row(&format!("hub {name} p50"), load.milliseconds(0.5), "ms", bar, conditions);
    row(&format!("hub {name} p99"), load.milliseconds(0.99), "ms", bar, conditions);
}

/// A whole game's worth of events of twenty a side: what boxes tell of sixty minutes.
fn game() -> Vec<Event> {
    let told = |index: i64| {
        let (side, number) = (if index % 2 == 0 { Side::Home } else { Side::Away }, (index % 20) as u8 + 1);
        let kind = match index % 5 {
            0 => EventKind::Shot { speed_mps: 30.0, distance_m: 9.0, on_goal: None },
            1 => EventKind::ShiftStart,
            2 => EventKind::ShiftEnd { length_ms: 2_000 },
            _ => EventKind::Pass { receiver: Some(9), length_m: 8.0 },
        };
        event(index * 2_000_000, side, number, kind)
    };
    (0..1_800).map(told).collect()
}

/// `chunk` as it would have been in `second`.
fn later(chunk: TrackChunk, second: i64) -> TrackChunk {
    TrackChunk { start_us: second * 1_000_000, ..chunk }
}

async fn reads(seconds: u64) {
    let trial = Trial::start().await;
    // A hub whose read tables are further behind calls itself not ready.
    for part in game().chunks(600) {
        trial.keep(part.to_vec()).await;
        trial.projected().await;
    }
    for minute in 0..60 {
        trial
            .keep_tracks((minute * 60..minute * 60 + 60).map(|second| later(skate(second % 60, 50), second)).collect())
            .await;
    }
    trial.hub.board.put(state(GAME, 1, PLAYERS));
    for (path, body) in [
        ("players", serde_json::json!({"player": "ann-lee", "name": "Ann Lee", "position": "forward"})),
        ("teams", serde_json::json!({"team": "oaks", "name": "Oaks", "abbreviation": "OAK"})),
        ("teams", serde_json::json!({"team": "elms", "name": "Elms", "abbreviation": "ELM"})),
        ("venues", serde_json::json!({"venue": "arena", "name": "Arena", "city": "Oakville"})),
        (
            "games",
            serde_json::json!({"game": GAME, "venue": "arena", "starts_us": 1,
            "home": {"team": "oaks", "roster": [{"number": 9, "player": "ann-lee"}]}, "away": {"team": "elms"}}),
        ),
    ] {
        let answer = trial.post(&format!("/api/core/{path}"), &body).await;
        assert_eq!(answer.status(), 201, "{path}: {}", answer.text().await.unwrap());
    }
    let conditions = format!("{RATE_HZ} requests/s open loop, {seconds} s, client in the same process");
    for (name, path, bar) in [
        ("latest state", "/api/game/state".to_owned(), 5.0),
        ("player's game", "/api/core/players/ann-lee/statistics?limit=1".to_owned(), 10.0),
        (
            "player's ten seconds, 500 positions of an hour's",
            format!("/api/core/games/{GAME}/positions?player=ann-lee&from_us=2400000000&to_us=2410000000"),
            10.0,
        ),
    ] {
        let url = format!("http://{}{path}", trial.hub.address);
        answers(name, &drive(&trial.http, &url, RATE_HZ, seconds).await, bar, &conditions);
    }
    trial.hub.stop().await;
}

/// The process that is only the hub: plays so many seconds of live states when told to.
async fn only_the_hub() {
    // Pages here say nothing, not even that they live.
    let trial = Trial::start_with(|config| config.core.ping_interval_ms = 600_000).await;
    println!("hub ready: http://{} ", trial.hub.address);
    let (tell, mut told) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let seconds: u64 = line.parse().expect("seconds");
            tell.blocking_send(seconds).expect("it plays");
        }
        std::process::exit(0);
    });
    let mut tick = 0;
    while let Some(seconds) = told.recv().await {
        let mut due = tokio::time::interval(Duration::from_millis(20));
        for _ in 0..seconds * 50 {
            due.tick().await;
            tick += 1;
            let mut state = state(GAME, tick, PLAYERS);
            state.captured_us = now_us();
            trial.hub.board.put(state);
        }
        println!("played");
    }
}

/// This program again, as only the `part`.
fn apart(part: &str) -> Program {
    Program::start(Command::new(std::env::current_exe().expect("this program")).arg("--bench").env(PART, part))
}

/// `count` pages, in order of a hundred at once.
async fn open(hub: &Program, count: u64) -> Vec<Page> {
    let mut pages = Vec::with_capacity(count as usize);
    while (pages.len() as u64) < count {
        let more = (count - pages.len() as u64).min(100);
        let opening = (0..more).map(|index| Page::open(hub.address, 2 + index as u8 % ADDRESSES));
        pages.extend(join_all(opening).await.into_iter().map(|page| page.expect("the hub lets it in")));
    }
    pages
}

/// What became of live frames.
struct Fanned {
    received: f64,
    bytes: u64,
    own_s: f64,
    system_s: f64,
    taken_us: Histogram<u64>,
}

impl Fanned {
    fn per_core(&self) -> f64 {
        self.received / (self.own_s + self.system_s)
    }

    fn milliseconds(&self, quantile: f64) -> f64 {
        self.taken_us.value_at_quantile(quantile) as f64 / 1e3
    }
}

/// Has `hub` play to `sockets` as it is told by `words`.
async fn fan(mut hub: Program, sockets: u64, words: String) -> Fanned {
    const SHARDS: usize = 64;
    let (received, bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let empty = || Mutex::new(Histogram::<u64>::new(3).expect("three digits"));
    let taken_us: Arc<Vec<_>> = Arc::new((0..SHARDS).map(|_| empty()).collect());
    for (index, mut page) in open(&hub, sockets).await.into_iter().enumerate() {
        let (received, bytes, taken_us) = (received.clone(), bytes.clone(), taken_us.clone());
        tokio::spawn(async move {
            // The first is the picture as it was before.
            let mut joined = false;
            while let Ok((code, head)) = page.next().await {
                if code != 2 || !std::mem::replace(&mut joined, true) {
                    continue;
                }
                let captured_us = i64::from_le_bytes(head[24..32].try_into().expect("eight bytes"));
                let taken = (now_us() - captured_us).max(1) as u64;
                taken_us[index % SHARDS].lock().expect("no task died").record(taken).expect("it resizes");
                received.fetch_add(1, Ordering::Relaxed);
                bytes.fetch_add(page.message_bytes as u64, Ordering::Relaxed);
            }
        });
    }
    let before_s = hub.processor_s();
    hub.tell(&words);
    let mut hub = tokio::task::spawn_blocking(move || {
        assert_eq!(hub.line(), "played\n");
        hub
    })
    .await
    .expect("it plays");
    let after_s = hub.processor_s();
    let [own_s, system_s] = [0, 1].map(|part| (after_s[part] - before_s[part]).max(0.01));
    let mut all = Histogram::<u64>::new(3).expect("three digits");
    taken_us.iter().for_each(|shard| all.add(&*shard.lock().expect("no task died")).expect("it resizes"));
    hub.tell("0");
    let [received, bytes] = [received, bytes].map(|count| count.load(Ordering::Relaxed));
    Fanned { received: received as f64, bytes, own_s, system_s, taken_us: all }
}

async fn fan_out(sockets: u64, seconds: u64) {
    let mut hub = apart("hub");
    hub.tell("1");
    assert_eq!(hub.line(), "played\n");
    let ours = fan(hub, sockets, seconds.to_string()).await;
    let frame_bytes = ours.bytes / ours.received.max(1.0) as u64;
    let bare = fan(apart("bare"), sockets, format!("{seconds} {frame_bytes}")).await;
    let conditions = format!(
        "{sockets} sockets, 50 Hz, {PLAYERS} players, {frame_bytes} bytes, {seconds} s; hub in a process of its own, \
         readers beside it"
    );
    let offered = sockets as f64 * 50.0;
    row("hub live frames delivered", ours.received / seconds as f64, "messages/s", offered, &conditions);
    row("hub live frames per core", ours.per_core(), "messages/s", 200_000.0, &conditions);
    // On loopback the sender's system time holds the receiver's side of TCP too: a loop of nothing but `send` shows it.
    let beside = |what: &str, value, unit, bare| {
        let name = format!("hub live frame{what} beside a loop of send");
        report(&[Row { peer: Some(("bare send", bare)), ..Row::new(name, value, unit, &conditions) }]);
    };
    beside("s per core", ours.per_core(), "messages/s", bare.per_core());
    row("hub live frames per core, own time", ours.received / ours.own_s, "messages/s", 200_000.0, &conditions);
    for (name, quantile) in [("p50", 0.5), ("p99", 0.99)] {
        row(&format!("hub live frame {name}"), ours.milliseconds(quantile), "ms", 10.0, &conditions);
        beside(&format!(" {name}"), ours.milliseconds(quantile), "ms", bare.milliseconds(quantile));
    }
}

async fn idle(sockets: u64) {
    // The hub's process inherits it; both ends need one file a socket.
    let files = rlimit::increase_nofile_limit(sockets + FILES).expect("the limit can be read");
    let sockets = sockets.min(files.saturating_sub(FILES));
    let hub = apart("hub");
    // What it needs once is not the sockets'.
    drop(open(&hub, 100.min(sockets)).await);
    let before = hub.resident_bytes();
    let pages = open(&hub, sockets).await;
    let each = hub.resident_bytes().saturating_sub(before) as f64 / sockets as f64;
    let conditions = format!("{} sockets from {ADDRESSES} addresses, no game", pages.len());
    row("hub memory per idle socket", each, "bytes", 8_192.0, &conditions);
}

fn at_rest() {
    let mut seen: Vec<(f64, f64)> = (0..STARTS)
        .map(|_| {
            let folder = tempfile::tempdir().expect("a folder");
            let hub = Program::start(
                Command::new(env!("CARGO_BIN_EXE_cloud-hub"))
                    .args(["serve", "--listen", "127.0.0.1:0", "--ingest", "127.0.0.1:0", "--data"])
                    .arg(folder.path().join("kept")),
            );
            (hub.started.as_secs_f64() * 1e3, hub.resident_bytes() as f64 / 1e6)
        })
        .collect();
    let mut middle = |of: fn(&(f64, f64)) -> f64| {
        seen.sort_by(|one, other| of(one).total_cmp(&of(other)));
        of(&seen[STARTS / 2])
    };
    let conditions = format!("an empty folder, median of {STARTS} starts of the program that ships");
    row("hub start to ready", middle(|seen| seen.0), "ms", 1_000.0, &conditions);
    row("hub memory at rest", middle(|seen| seen.1), "MB", 50.0, &conditions);
}

#[tokio::main]
async fn main() {
    // Test runners only ask what there is to run; `cargo bench` says so.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    match std::env::var(PART).as_deref() {
        Ok("hub") => return only_the_hub().await,
        Ok("bare") => return bare_send::run(),
        _ => {}
    }
    let seconds = asked("RINKSIDE_LOAD_SECONDS", 10);
    at_rest();
    reads(seconds).await;
    fan_out(asked("RINKSIDE_LOAD_SOCKETS", 2_000), seconds).await;
    idle(asked("RINKSIDE_LOAD_IDLE", 20_000)).await;
}
