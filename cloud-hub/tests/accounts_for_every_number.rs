//! Promise: of each game the hub accounts for every number a box gave a record: kept, set aside, lost and why, never
//! made; and a number it should hold and does not is found and named.
//!
//! Shown with two boxes' batches through the door that ships: losses inside a game and at its end, a record that does
//! not open, the jump of a salvaged journal, batches that come twice, other games before and after. Then rows are
//! deleted by hand, and the report, the HTTP answer and `cloud-hub reconcile` must all say which.

mod trial;

use cloud_hub::services::core::reconciliation::{Hole, JournalAccount, Reconciliation};
use firmware_protocol::network::{
    self, Acknowledgement, Answer, Batch, EventKind, Loss, Record, Side, Stream, Telemetry, TrackChunk, topic,
};
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use trial::{Trial, event};

const GAME: u64 = 2;
const SHED: &str = "shed: the store was full";
const DROPPED: &str = "dropped: the disk took no writes";
/// What a salvaged journal skips.
const JUMP: u64 = 1 << 20;

/// A box's journal, as it comes in.
struct Journal<'a> {
    trial: &'a Trial,
    edge: &'a str,
    next: [u64; 3],
}

impl Journal<'_> {
    async fn say(&mut self, stream: Stream, records: Vec<Record>) {
        let spanned = records.iter().map(|record| match record {
            Record::Lost(loss) => loss.to - loss.from + 1,
            _ => 1,
        });
        let next_sequence = self.next[stream as usize] + spanned.sum::<u64>();
        self.say_bytes(stream, records.iter().map(network::encode).collect(), next_sequence).await;
    }

    /// Twice, as after a lost answer.
    async fn say_bytes(&mut self, stream: Stream, records: Vec<Vec<u8>>, next_sequence: u64) {
        let first_sequence = std::mem::replace(&mut self.next[stream as usize], next_sequence);
        let batch = Batch { edge: self.edge.into(), epoch: 7, stream, first_sequence, records };
        for _ in 0..2 {
            let key = topic::records("arena", self.edge, stream);
            let answer = self.trial.hub.admission.admit(&key, &network::encode(&batch)).await.unwrap();
            let answer: Acknowledgement = network::decode(&answer).unwrap();
            assert_eq!(answer.answer, Answer::Kept { next_sequence });
        }
    }

    async fn events(&mut self, game: u64, count: i64) {
        let at = |index| 1_000_000 * game as i64 + index;
        let goal = |index| network::Event { game, ..event(at(index), Side::Home, 9, EventKind::Goal) };
        self.say(Stream::Events, (0..count).map(|index| Record::Event(goal(index))).collect()).await;
    }

    async fn tracks(&mut self, game: u64, count: i64) {
        let at = |index| 1_000_000 * game as i64 + index;
        let chunk = |index| TrackChunk { game, start_us: at(index), step_us: 20_000, columns: Vec::new() };
        self.say(Stream::Tracks, (0..count).map(|index| Record::Tracks(chunk(index))).collect()).await;
    }

    async fn telemetry(&mut self, game: u64, count: i64) {
        let reading = |index| {
            let (name, subject) = ("temperature".into(), String::new());
            Telemetry { captured_us: 1_000_000 * game as i64 + index, name, subject, value: 40.0 }
        };
        self.say(Stream::Telemetry, (0..count).map(|index| Record::Telemetry(reading(index))).collect()).await;
    }

    async fn lost(&mut self, stream: Stream, count: u64, reason: &str) {
        let from = self.next[stream as usize];
        self.say(stream, vec![Record::Lost(Loss { stream, from, to: from + count - 1, reason: reason.into() })]).await;
    }
}

/// Three games at two boxes, and where their hub keeps them.
async fn played() -> (Trial, PathBuf) {
    let mut data = PathBuf::new();
    let trial = Trial::start_with(|config| data.clone_from(&config.data)).await;
    let mut north = Journal { trial: &trial, edge: "north", next: [0; 3] };
    for game in 1..=3 {
        north.events(game, 10).await;
        if game == GAME {
            north.lost(Stream::Events, 3, SHED).await;
            let next = north.next[Stream::Events as usize] + 1;
            north.say_bytes(Stream::Events, vec![vec![9, 9, 9]], next).await;
            north.events(game, 5).await;
            north.lost(Stream::Events, JUMP, Loss::SKIPPED).await;
            north.events(game, 2).await;
        }
        north.tracks(game, 50).await;
        north.telemetry(game, 50).await;
        if game == GAME {
            // At the game's end, where its own records do not reach.
            north.lost(Stream::Tracks, 4, DROPPED).await;
        }
    }
    let mut south = Journal { trial: &trial, edge: "south", next: [0; 3] };
    south.tracks(1, 1).await;
    south.events(GAME, 5).await;
    // All its player states of this game were shed.
    south.lost(Stream::Tracks, 50, SHED).await;
    south.tracks(3, 1).await;
    (trial, data)
}

fn account<'a>(report: &'a Reconciliation, edge: &str, stream: &str) -> &'a JournalAccount {
    report.journals.iter().find(|account| account.edge == edge && account.stream == stream).unwrap()
}

async fn report(trial: &Trial) -> Reconciliation {
    let told = trial.json(&format!("/api/core/games/{GAME}/reconciliation")).await;
    let told: Reconciliation = serde_json::from_value(told).unwrap();
    let accounts = trial.hub.store.accounts(GAME).await.unwrap();
    assert_eq!(Some(&told), Reconciliation::new(GAME, accounts).as_ref());
    told
}

/// Whether `cloud-hub reconcile` is content, and what it prints.
fn reconcile(data: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloud-hub"));
    let output = command.args(["reconcile", "--data"]).arg(data).args(arguments).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

async fn by_hand(data: &Path, statements: &[&'static str]) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(data.join("hub.sqlite"));
    let tables = sqlx::SqlitePool::connect_with(options).await.unwrap();
    for statement in statements {
        let done = sqlx::query(*statement).execute(&tables).await.unwrap();
        assert!(done.rows_affected() > 0, "{statement}");
    }
    tables.close().await;
}

#[tokio::test]
async fn every_number_of_a_game_is_accounted_for() {
    let (trial, data) = played().await;
    let report = report(&trial).await;
    assert!(report.complete, "{}", report.sentence);
    let events = account(&report, "north", "events");
    assert_eq!((events.first_sequence, events.last_sequence), (10, 10 + 10 + 3 + 1 + 5 + JUMP + 2 - 1));
    let counts = &events.counts;
    assert_eq!((counts.numbers, counts.kept, counts.quarantined, counts.never_made), (21 + JUMP, 17, 1, JUMP));
    assert_eq!(counts.lost, [(SHED.to_owned(), 3)].into());
    let tracks = account(&report, "north", "tracks");
    assert_eq!((tracks.first_sequence, tracks.last_sequence, tracks.counts.kept), (50, 103, 50));
    assert_eq!(tracks.counts.lost, [(DROPPED.to_owned(), 4)].into(), "a loss at the end may be the game's");
    let telemetry = account(&report, "north", "telemetry");
    assert_eq!((telemetry.first_sequence, telemetry.last_sequence, telemetry.counts.kept), (50, 99, 50));
    let shed = account(&report, "south", "tracks");
    assert_eq!((shed.first_sequence, shed.last_sequence, shed.counts.kept), (1, 50, 0), "by the game's time");
    assert_eq!(report.journals.len(), 5, "a box without telemetry has none to account for");
    assert_eq!(
        report.sentence,
        "game 2: complete: 1,048,756 numbers, 122 kept, 4 lost (dropped: the disk took no writes), 53 lost (shed: the \
         store was full), 1 set aside unread, 1,048,576 never made (skipped after a corrupt journal)"
    );

    let (content, text) = reconcile(&data, &["2"]);
    assert!(content && text.ends_with(&format!("{}\n", report.sentence)), "{text}");
    let (content, text) = reconcile(&data, &["2", "--json"]);
    assert!(content);
    assert_eq!(serde_json::from_str::<Reconciliation>(&text).unwrap(), report);
    assert_eq!(trial.get("/api/core/games/77/reconciliation").await.status(), 404);
    assert_eq!(trial.get("/api/core/games/last/reconciliation").await.status(), 400);
    assert!(!reconcile(&data, &["77"]).0);
    assert!(!reconcile(&data.join("elsewhere"), &["2"]).0);
    assert!(!data.join("elsewhere").exists(), "a wrong folder is not made");
    trial.hub.stop().await;
}

#[tokio::test]
async fn a_number_that_is_gone_is_found_and_named() {
    let (trial, data) = played().await;
    by_hand(
        &data,
        &[
            "DELETE FROM events WHERE edge = 'north' AND sequence IN (12, 13, 15)",
            // The last of the game, before a loss.
            "DELETE FROM track_chunks WHERE edge = 'north' AND sequence = 99",
            "DELETE FROM telemetry WHERE edge = 'north' AND sequence = 60",
            "DELETE FROM quarantine",
            "DELETE FROM losses WHERE edge = 'south'",
        ],
    )
    .await;
    let found = report(&trial).await;
    let hole = |first_sequence, last_sequence| Hole { first_sequence, last_sequence };
    assert_eq!(account(&found, "north", "events").holes, [hole(12, 13), hole(15, 15), hole(23, 23)]);
    assert_eq!(account(&found, "north", "tracks").holes, [hole(99, 99)]);
    assert_eq!(account(&found, "north", "telemetry").holes, [hole(60, 60)]);
    assert_eq!(account(&found, "south", "tracks").holes, [hole(1, 50)]);
    assert_eq!((found.complete, found.total.missing), (false, 3 + 1 + 1 + 1 + 50));
    let (content, text) = reconcile(&data, &["2"]);
    assert!(!content, "a script must notice");
    for words in ["MISSING 12 to 13", "MISSING 23 to 23", "56 MISSING, the first 12 to 13 of events of box north"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    trial.hub.stop().await;
}

#[tokio::test]
async fn a_number_that_stands_twice_is_found() {
    let (trial, data) = played().await;
    by_hand(
        &data,
        &["INSERT INTO losses SELECT edge, epoch, 'events', 11, 12, 'shed' FROM losses WHERE edge = 'south'"],
    )
    .await;
    let found = report(&trial).await;
    // The box is south; the numbers 11 and 12 are beyond its high water and count for nothing.
    assert!(found.complete, "{}", found.sentence);
    by_hand(&data, &["UPDATE losses SET edge = 'north' WHERE first_sequence = 11"]).await;
    let found = report(&trial).await;
    assert_eq!((found.complete, found.total.twice, found.total.missing), (false, 2, 0), "{}", found.sentence);
    trial.hub.stop().await;
}
