//! What a season costs: games loaded by the road boxes use, and how long a coach waits for a part of it, from 10 games to
//! 1,312; a table, rows in `target/bench.json`, and a picture in `target/season.svg`.
//!
//! Comes in: nothing; `RINKSIDE_SEASON_GAMES` for fewer. The games are drawn ([`drawn`], simulated, seed 7), not played.
//! Questions are cold: each is the first that a new process of the hub is asked, with its files dropped from the
//! machine's memory before (`posix_fadvise`; what the disk itself keeps stays). Last the whole season is lost and brought
//! back ([`recovery`]).

#[path = "../../../edge-agent/benches/rows/mod.rs"]
mod rows;
#[path = "../load/mod.rs"]
mod load;
mod drawn;
mod plot;
mod recovery;

use cloud_hub::{config::HubConfig, pipeline::Hub};
use firmware_protocol::network::{self, Acknowledgement, Answer, Batch, Event, Record, Stream, topic};
use load::{Program, asked};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use reqwest::Client;
use rows::{Row, report};
use rustix::fs::{Advice, fadvise};
use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// Games at which is asked.
const MARKS: [usize; 5] = [10, 41, 164, 656, 1_312];
/// Questions at each.
const QUESTIONS: usize = 40;
const PART_BAR_MS: f64 = 50.0;
const EVENTS_IN_BATCH: usize = 500;

/// One mark's figures.
pub struct Mark {
    /// Games loaded.
    pub games: usize,
    /// To load one more, by the games since the mark before, milliseconds.
    pub game_ms: f64,
    /// A part of a player's season, cold, milliseconds: half, and 19 of 20, take less.
    pub part_ms: [f64; 2],
    /// Everybody's ranks, cold, milliseconds, the same.
    pub ranks_ms: [f64; 2],
    /// What the hub keeps.
    pub bytes: u64,
}

fn configuration(data: &Path) -> HubConfig {
    let mut config = HubConfig { data: data.to_owned(), ..HubConfig::default() };
    config.gateway.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let limits = &mut config.gateway.limits;
    (limits.reads_per_minute, limits.writes_per_minute) = (0, 0);
    config
}

async fn post(http: &Client, hub: &Hub, path: &str, body: &serde_json::Value) {
    let answer = http.post(format!("http://{}/api/core/{path}", hub.addresses[0])).json(body).send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
}

/// Hands `events` over as a box does; `sequence` is the number of the first.
async fn keep(hub: &Hub, events: &[Event], sequence: &mut u64) {
    for events in events.chunks(EVENTS_IN_BATCH) {
        let records = events.iter().map(|event| network::encode(&Record::Event(event.clone()))).collect();
        let batch =
            Batch { edge: "north".into(), epoch: 7, stream: Stream::Events, first_sequence: *sequence, records };
        let key = topic::records("arena", "north", Stream::Events);
        let answer = hub.admission.admit(&key, &network::encode(&batch)).await.unwrap();
        *sequence += events.len() as u64;
        let answer: Acknowledgement = network::decode(&answer).unwrap();
        assert_eq!(answer.answer, Answer::Kept { next_sequence: *sequence });
    }
}

/// Loads `games` of the season; answers how long it took until everything is counted.
async fn load_games(data: &Path, games: std::ops::Range<usize>, sequence: &mut u64) -> Duration {
    let http = Client::new();
    let began = Instant::now();
    let hub = Hub::start(&configuration(data)).await.unwrap();
    if games.start == 0 {
        for (path, body) in drawn::resources() {
            post(&http, &hub, path, &body).await;
        }
    }
    let all = games.len().max(1);
    for (done, game) in games.enumerate() {
        post(&http, &hub, "games", &drawn::schedule(game)).await;
        keep(&hub, &drawn::play(game), sequence).await;
        if (done + 1).is_multiple_of(50) || done + 1 == all {
            let left_s = began.elapsed().as_secs_f64() / (done + 1) as f64 * (all - done - 1) as f64;
            eprintln!("  {} of {all} games, {left_s:.0} s left", done + 1);
        }
    }
    let newest = hub.store.follow().borrow().0;
    loop {
        let health = http.get(format!("http://{}/health", hub.addresses[0])).send().await.unwrap();
        let health: serde_json::Value = health.json().await.unwrap();
        if health["projections_offset"] == newest {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = began.elapsed();
    hub.stop().await;
    took
}

/// Files of `data`, and their bytes.
fn files(data: &Path) -> Vec<(PathBuf, u64)> {
    let entries = std::fs::read_dir(data).unwrap().flatten().filter(|entry| entry.path().is_file());
    entries.map(|entry| (entry.path(), entry.metadata().unwrap().len())).collect()
}

/// How long a new process of the hub takes for its first question, milliseconds.
async fn cold(data: &Path, path: &str) -> f64 {
    for (file, _) in files(data) {
        let file = File::open(file).unwrap();
        // What is not on disk yet cannot be dropped.
        file.sync_all().unwrap();
        fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    }
    let own = std::env::current_exe().unwrap();
    let program = own.parent().and_then(Path::parent).unwrap().join("cloud-hub");
    let mut command = Command::new(program);
    command.args(["serve", "--listen", "127.0.0.1:0", "--ingest", "127.0.0.1:0", "--data"]).arg(data);
    let hub = Program::start(&mut command);
    let (http, url) = (Client::new(), format!("http://{}{path}", hub.address));
    // The connection is not the hub's: opened by a question that reads nothing.
    http.get(format!("http://{}/health/live", hub.address)).send().await.unwrap().bytes().await.unwrap();
    let began = Instant::now();
    let answer = http.get(url).send().await.unwrap();
    let (status, body) = (answer.status(), answer.bytes().await.unwrap());
    let took_ms = began.elapsed().as_secs_f64() * 1e3;
    assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
    took_ms
}

fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}

#[tokio::main]
async fn main() {
    // Test runners only ask what there is to run; `cargo bench` says so.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    drawn::check();
    let games_max = asked("RINKSIDE_SEASON_GAMES", 1_312) as usize;
    let (folder, mut random) = (tempfile::tempdir().unwrap(), ChaCha8Rng::seed_from_u64(7));
    let data = folder.path().join("hub");
    let (mut sequence, mut loaded, mut marks) = (0, 0, Vec::new());
    for games in MARKS.into_iter().filter(|games| *games <= games_max) {
        eprintln!("{games} games:");
        let took = load_games(&data, loaded..games, &mut sequence).await;
        let game_ms = took.as_secs_f64() * 1e3 / (games - loaded) as f64;
        loaded = games;
        let (mut parts, mut ranks) = (Vec::new(), Vec::new());
        for question in 0..QUESTIONS {
            let [player, with, without] = drawn::three(random.random_range(0..32.min(games * 2)), &mut random);
            let strength = ["all", "5v5", "even", "power_play"][question % 4];
            let path = format!(
                "/api/core/players/{player}/with-without?season=2026&with={with}&without={without}&strength={strength}"
            );
            parts.push(cold(&data, &path).await);
            if question.is_multiple_of(8) {
                ranks.push(cold(&data, "/api/core/seasons/2026/players?limit=200").await);
            }
        }
        let both = |values: &mut [f64]| [quantile(values, 0.5), quantile(values, 0.95)];
        let bytes = files(&data).iter().map(|(_, bytes)| bytes).sum();
        let mark = Mark { games, game_ms, part_ms: both(&mut parts), ranks_ms: both(&mut ranks), bytes };
        let conditions = format!(
            "{games} simulated games, {sequence} events, {:.0} MB; first question of a new process, files dropped",
            bytes as f64 / 1e6
        );
        let row = |what: &str, value: f64| Row::new(format!("season of {games}: {what}"), value, "ms", &conditions);
        report(&[
            row("to load a game", mark.game_ms),
            row("with and without, p50", mark.part_ms[0]),
            Row { peer: Some(("bar", PART_BAR_MS)), ..row("with and without, p95", mark.part_ms[1]) },
            row("everybody's ranks, p50", mark.ranks_ms[0]),
        ]);
        marks.push(mark);
    }
    report(&recovery::recover(&data, loaded, &mut sequence).await);
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/season.svg");
    std::fs::write(&picture, plot::svg(&marks)).unwrap();
    println!("\npicture in {}", picture.display());
}
