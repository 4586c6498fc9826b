//! What the box's store said is on disk, and the comparison with the hub's tables, read with plain SQL.

use firmware_protocol::network::{Column, Event, EventKind, GameClock, Record, Stream, Telemetry, TrackChunk};
use rand::{Rng as _, rngs::StdRng};
use sqlx::{AssertSqlSafe, Row as _, SqlitePool, sqlite::SqliteConnectOptions};
use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
    sync::{Mutex, PoisonError},
};

/// Why a number may be lost, when room or the disk was scarce.
const SHED: &str = "shed: the store was full";
const DROPPED: &str = "dropped: the disk took no writes";
/// Why a number may be unused that was never acknowledged: it stood in what a power cut tore off.
const TORN: [&str; 3] = [
    "not found in the journal",
    "unreadable in the journal",
    "the journal was corrupt: how many of these its torn end held is not known",
];

type Place = (i64, &'static str, i64);

/// Every record whose receipt said that it is on disk, while there was power: where, and its nonce.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<BTreeMap<Place, i64>>);

impl Ledger {
    pub(crate) fn note(&self, epoch: u64, stream: Stream, sequence: u64, nonce: i64) -> Result<(), String> {
        let place = (epoch as i64, stream.name(), sequence as i64);
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(place, nonce) {
            None => Ok(()),
            Some(_) => Err(format!("the store gave {} {sequence} to two records", stream.name())),
        }
    }
}

/// A record, told from all others by its nonce; `bytes_max` of states at most.
pub(crate) fn draw_record(random: &mut StdRng, bytes_max: usize) -> (i64, Record) {
    let nonce = random.random::<u64>() as i64;
    let record = match random.random_range(0..3) {
        0 => Record::Event(Event {
            game: 1,
            captured_us: nonce,
            uncertainty_us: 0,
            clock: GameClock::default(),
            side: None,
            number: None,
            position_m: Some([0.5, -0.25]),
            kind: EventKind::Goal,
        }),
        1 => {
            let steps = random.random_range(0..=bytes_max / 2);
            let mut draw = || (0..steps).map(|_| random.random_range(-60..60)).collect();
            let (dx_cm, dy_cm) = (draw(), draw());
            let column = Column { entity: 1, role: None, side: None, number: None, first_step: 0, dx_cm, dy_cm };
            Record::Tracks(TrackChunk { game: 1, start_us: nonce, step_us: 20_000, columns: vec![column] })
        }
        _ => {
            let (name, subject) = ("test".into(), String::new());
            Record::Telemetry(Telemetry { captured_us: nonce, name, subject, value: 1.0 })
        }
    };
    (nonce, record)
}

/// What an audit allows beyond what every game allows: nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scarce {
    /// The store was small: acknowledged records may be shed, and say so.
    pub(crate) room: bool,
    /// The disk was full at times: records that were never acknowledged may be dropped, and say so.
    pub(crate) disk: bool,
}

/// What an audit counted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) acknowledged: u64,
    pub(crate) held: u64,
    /// Numbers shed or dropped because room or the disk was scarce.
    pub(crate) lost: u64,
    /// Numbers never acknowledged, which a power cut tore off.
    pub(crate) torn: u64,
}

struct Span {
    last: i64,
    nonce: Option<i64>,
    reason: String,
}

type Spans = BTreeMap<Place, Span>;

/// Every number that the hub at `file` accounts for, each once, in order, without a hole up to its high water.
async fn spans(file: &Path, scarce: Scarce) -> Result<Spans, String> {
    let options = SqliteConnectOptions::new().filename(file);
    let tables = SqlitePool::connect_with(options).await.map_err(|error| error.to_string())?;
    // One transaction: the hub may be at work.
    let mut reading = tables.begin().await.map_err(|error| error.to_string())?;
    let mut rows = async |query: String| {
        sqlx::query(AssertSqlSafe(query)).fetch_all(&mut *reading).await.map_err(|error| error.to_string())
    };
    let (mut spans, mut nonces) = (Spans::new(), HashSet::new());
    for (stream, table, nonce, order) in [
        ("events", "events", "captured_us", "offset"),
        ("tracks", "track_chunks", "start_us", "offset"),
        ("telemetry", "telemetry", "captured_us", "epoch, sequence"),
    ] {
        let mut before: BTreeMap<i64, i64> = BTreeMap::new();
        for row in rows(format!("SELECT epoch, sequence, {nonce} FROM {table} ORDER BY {order}")).await? {
            let (epoch, sequence, nonce): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
            if before.insert(epoch, sequence).is_some_and(|before| before >= sequence) {
                return Err(format!("{stream} {sequence} is out of order"));
            }
            if !nonces.insert(nonce) {
                return Err(format!("{stream} {sequence} came twice"));
            }
            spans.insert((epoch, stream, sequence), Span { last: sequence, nonce: Some(nonce), reason: String::new() });
        }
        let query = "SELECT epoch, first_sequence, last_sequence, reason FROM losses WHERE stream =";
        for row in rows(format!("{query} '{stream}'")).await? {
            let (epoch, first, last, reason): (i64, i64, i64, String) =
                (row.get(0), row.get(1), row.get(2), row.get(3));
            let scarce = (scarce.room && reason == SHED) || (scarce.disk && reason == DROPPED);
            let explained = scarce || TORN.contains(&reason.as_str());
            if !explained {
                return Err(format!("{stream} {first} to {last} are lost: {reason}"));
            }
            if spans.insert((epoch, stream, first), Span { last, nonce: None, reason }).is_some() {
                return Err(format!("{stream} {first} is both kept and lost"));
            }
        }
    }
    if let Some(row) = rows("SELECT reason FROM quarantine".into()).await?.first() {
        return Err(format!("a record could not be read: {}", row.get::<String, _>(0)));
    }
    let mut next: BTreeMap<(i64, String), i64> = BTreeMap::new();
    for ((epoch, stream, first), span) in &spans {
        let next = next.entry((*epoch, (*stream).to_owned())).or_default();
        if first != next {
            return Err(format!("{stream}: {first} where {next} should be"));
        }
        *next = span.last + 1;
    }
    let mut waters = BTreeMap::new();
    for row in rows("SELECT epoch, stream, next_sequence FROM high_water WHERE next_sequence > 0".into()).await? {
        waters.insert((row.get(0), row.get(1)), row.get(2));
    }
    drop(reading);
    tables.close().await;
    if waters != next {
        return Err(format!("the high water is {waters:?}, the tables hold up to {next:?}"));
    }
    Ok(spans)
}

/// Whether the hub's tables are whole by themselves.
pub(crate) async fn look(file: &Path, scarce: Scarce) -> Result<(), String> {
    spans(file, scarce).await.map(|_| ())
}

impl Ledger {
    /// Compares with the hub's tables, after everything was shipped.
    pub(crate) async fn audit(&self, file: &Path, scarce: Scarce) -> Result<Counts, String> {
        let spans = spans(file, scarce).await?;
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for ((epoch, stream, sequence), nonce) in &*kept {
            let found = spans.range(..=(*epoch, *stream, *sequence)).next_back();
            let found = found.filter(|((e, s, _), span)| (e, s) == (epoch, stream) && span.last >= *sequence);
            match found {
                Some((_, span)) if span.nonce == Some(*nonce) => {}
                Some((_, span)) if span.nonce.is_none() && span.reason == SHED => {}
                Some((_, Span { nonce: None, reason, .. })) => {
                    return Err(format!("{stream} {sequence} was acknowledged and is lost: {reason}"));
                }
                Some(_) => return Err(format!("the hub holds another record as {stream} {sequence}")),
                None => return Err(format!("{stream} {sequence} was acknowledged and never came")),
            }
        }
        let mut counts = Counts { acknowledged: kept.len() as u64, ..Counts::default() };
        for ((.., first), span) in &spans {
            let numbers = (span.last - first + 1) as u64;
            match &span.reason {
                _ if span.nonce.is_some() => counts.held += 1,
                reason if TORN.contains(&reason.as_str()) => counts.torn += numbers,
                _ => counts.lost += numbers,
            }
        }
        Ok(counts)
    }
}
