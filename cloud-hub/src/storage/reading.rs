//! Reads back what the boxes have sent, in the order the hub took it.

use super::{Database, StorageError, engine::Row, keyring::unless_erased, records::place_of_reading, wake::Newest};
use crate::ids::Offset;
use firmware_protocol::network::{self, Event, Record, Stream, Telemetry, TrackChunk};
use sqlx::{AssertSqlSafe, Row as _};
use std::num::ParseFloatError;

/// One hockey event as the event store keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Its place in the event store.
    pub offset: Offset,
    /// The arena it came from.
    pub venue: String,
    /// The box it came from.
    pub edge: String,
    /// That box's journal.
    pub epoch: u64,
    /// Its number there.
    pub sequence: u64,
    /// What happened.
    pub event: Event,
}

/// One chunk of player states.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTracks {
    /// Its place among chunks (counted apart from events).
    pub offset: Offset,
    /// The arena it came from.
    pub venue: String,
    /// The box it came from.
    pub edge: String,
    /// The states.
    pub chunk: TrackChunk,
}

/// One reading of a box's health.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTelemetry {
    /// The arena it came from.
    pub venue: String,
    /// The box it came from.
    pub edge: String,
    /// The reading.
    pub telemetry: Telemetry,
}

/// What is held of one stream of one journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The box.
    pub edge: String,
    /// Its journal.
    pub epoch: u64,
    /// The stream.
    pub stream: Stream,
    /// First sequence the hub does not hold.
    pub next_sequence: u64,
    /// Records kept, quarantined ones included.
    pub records: u64,
    /// Sequence numbers the box says will never come.
    pub lost: u64,
}

const EVENT: &str = "SELECT \"offset\", venue, edge, epoch, sequence, payload FROM events";

fn event_from(row: &Row) -> Result<StoredEvent, StorageError> {
    let offset: i64 = row.try_get("offset")?;
    let payload: &str = row.try_get("payload")?;
    let event = serde_json::from_str(payload).map_err(|error| StorageError::Row {
        table: "events",
        row: offset,
        reason: error.to_string(),
    })?;
    Ok(StoredEvent {
        offset: Offset(offset as u64),
        venue: row.try_get("venue")?,
        edge: row.try_get("edge")?,
        epoch: row.try_get::<i64, _>("epoch")? as u64,
        sequence: row.try_get::<i64, _>("sequence")? as u64,
        event,
    })
}

pub(super) fn tracks_from(row: &Row) -> Result<StoredTracks, StorageError> {
    let offset: i64 = row.try_get("offset")?;
    let fault = |reason: String| StorageError::Row { table: "track_chunks", row: offset, reason };
    let chunk = match network::decode(row.try_get("payload")?) {
        Ok(Record::Tracks(chunk)) => chunk,
        Ok(other) => return Err(fault(format!("a record of stream {}", other.stream().name()))),
        Err(error) => return Err(fault(error.to_string())),
    };
    Ok(StoredTracks { offset: Offset(offset as u64), venue: row.try_get("venue")?, edge: row.try_get("edge")?, chunk })
}

impl Database {
    /// At most `events_max` events after `offset`, oldest first.
    pub async fn events_after(&self, offset: Offset, events_max: usize) -> Result<Vec<StoredEvent>, StorageError> {
        sqlx::query(AssertSqlSafe(format!("{EVENT} WHERE \"offset\" > $1 ORDER BY \"offset\" LIMIT $2")))
            .bind(offset.0 as i64)
            .bind(events_max as i64)
            .fetch_all(self.readers())
            .await?
            .iter()
            .map(event_from)
            .collect()
    }

    /// At most `events_max` events of `game` after `offset`, oldest first.
    pub async fn events_of_game(
        &self,
        game: u64,
        offset: Offset,
        events_max: usize,
    ) -> Result<Vec<StoredEvent>, StorageError> {
        let after = "WHERE game = $1 AND \"offset\" > $2 ORDER BY \"offset\" LIMIT $3";
        sqlx::query(AssertSqlSafe(format!("{EVENT} {after}")))
            .bind(game as i64)
            .bind(offset.0 as i64)
            .bind(events_max as i64)
            .fetch_all(self.readers())
            .await?
            .iter()
            .map(event_from)
            .collect()
    }

    /// The newest events of `game`, at most `events_max`, oldest first.
    pub async fn events_of_game_newest(&self, game: u64, events_max: usize) -> Result<Vec<StoredEvent>, StorageError> {
        sqlx::query(AssertSqlSafe(format!("{EVENT} WHERE game = $1 ORDER BY \"offset\" DESC LIMIT $2")))
            .bind(game as i64)
            .bind(events_max as i64)
            .fetch_all(self.readers())
            .await?
            .iter()
            .rev()
            .map(event_from)
            .collect()
    }

    /// At most `chunks_max` chunks of player states after `offset`, oldest first.
    pub async fn tracks_after(&self, offset: Offset, chunks_max: usize) -> Result<Vec<StoredTracks>, StorageError> {
        let query = "SELECT \"offset\", venue, edge, payload FROM track_chunks
                     WHERE \"offset\" > $1 ORDER BY \"offset\" LIMIT $2";
        sqlx::query(query)
            .bind(offset.0 as i64)
            .bind(chunks_max as i64)
            .fetch_all(self.readers())
            .await?
            .iter()
            .map(tracks_from)
            .collect()
    }

    /// The newest reading of each name and subject of each box.
    pub async fn telemetry_newest(&self) -> Result<Vec<StoredTelemetry>, StorageError> {
        let rows = sqlx::query(
            "SELECT venue, edge, epoch, sequence, name, subject, value, sealed, captured_us FROM (
                SELECT venue, edge, epoch, sequence, name, subject, value, sealed, captured_us, ROW_NUMBER() OVER (
                    PARTITION BY edge, name, subject ORDER BY captured_us DESC, epoch DESC, sequence DESC) AS place
                FROM telemetry
             ) AS newest WHERE place = 1 ORDER BY edge, name, subject",
        )
        .fetch_all(self.readers())
        .await?;
        let mut newest = Vec::with_capacity(rows.len());
        for row in &rows {
            let (edge, sequence): (String, i64) = (row.try_get("edge")?, row.try_get("sequence")?);
            let value = match row.try_get::<Option<String>, _>("sealed")? {
                None => row.try_get("value")?,
                Some(sealed) => {
                    let place = place_of_reading(&edge, row.try_get("epoch")?, sequence);
                    let fault = |reason: ParseFloatError| StorageError::Row {
                        table: "telemetry",
                        row: sequence,
                        reason: reason.to_string(),
                    };
                    let Some(text) = unless_erased(self.opened(&place, sealed).await)? else { continue };
                    text.parse().map_err(fault)?
                }
            };
            let (captured_us, name) = (row.try_get("captured_us")?, row.try_get("name")?);
            let telemetry = Telemetry { captured_us, name, subject: row.try_get("subject")?, value };
            newest.push(StoredTelemetry { venue: row.try_get("venue")?, edge, telemetry });
        }
        Ok(newest)
    }

    /// What is newest of all that is appended.
    pub async fn newest(&self) -> Result<Newest, StorageError> {
        let row = sqlx::query(
            "SELECT COALESCE((SELECT MAX(\"offset\") FROM events), 0) AS events,
                    COALESCE((SELECT MAX(\"offset\") FROM track_chunks), 0) AS tracks,
                    COALESCE((SELECT MAX(place) FROM hub_events), 0) AS facts",
        )
        .fetch_one(self.readers())
        .await?;
        let newest = |column| row.try_get::<i64, _>(column).map(|place| Offset(place as u64));
        Ok(Newest { event: newest("events")?, tracks: newest("tracks")?, fact: newest("facts")? })
    }

    /// What is held of every journal. Counts rows: for audits and tests, not for every request.
    pub async fn holdings(&self) -> Result<Vec<Holding>, StorageError> {
        let rows = sqlx::query(
            "SELECT edge, epoch, stream, next_sequence,
                CASE stream
                    WHEN 'events' THEN (SELECT COUNT(*) FROM events e WHERE e.edge = h.edge AND e.epoch = h.epoch)
                    WHEN 'tracks' THEN (SELECT COUNT(*) FROM track_chunks t WHERE t.edge = h.edge AND t.epoch = h.epoch)
                    ELSE (SELECT COUNT(*) FROM telemetry t WHERE t.edge = h.edge AND t.epoch = h.epoch)
                END + (SELECT COUNT(*) FROM quarantine q
                       WHERE q.edge = h.edge AND q.epoch = h.epoch AND q.stream = h.stream) AS records,
                (SELECT CAST(COALESCE(SUM(last_sequence - first_sequence + 1), 0) AS BIGINT) FROM losses l
                 WHERE l.edge = h.edge AND l.epoch = h.epoch AND l.stream = h.stream) AS lost
             FROM high_water h ORDER BY edge, epoch, stream",
        )
        .fetch_all(self.readers())
        .await?;
        rows.iter()
            .map(|row| {
                let stream: &str = row.try_get("stream")?;
                Ok(Holding {
                    edge: row.try_get("edge")?,
                    epoch: row.try_get::<i64, _>("epoch")? as u64,
                    stream: Stream::from_name(stream).ok_or_else(|| StorageError::Row {
                        table: "high_water",
                        row: 0,
                        reason: format!("stream {stream}"),
                    })?,
                    next_sequence: row.try_get::<i64, _>("next_sequence")? as u64,
                    records: row.try_get::<i64, _>("records")? as u64,
                    lost: row.try_get::<i64, _>("lost")? as u64,
                })
            })
            .collect()
    }
}
