//! Keeps what the boxes send, exactly once: the records and the journal's high water move in one transaction.
//!
//! Comes in: [`Delivery`]s, already opened. Goes out, after the commit: an [`Answer`] for each. A delivery that begins
//! at or below the high water is kept from there on (what lies below is held already); one that begins above it is a
//! gap and leaves nothing. Several deliveries share one commit, because waiting for the disk is what it costs. On
//! failure nothing of the group is kept.

use super::{Database, StorageError, engine::Transaction, keyring::wearer, sealing::DataKey, storable, wake::Newest};
use crate::ids::Offset;
use firmware_protocol::network::{Answer, Event, Stream, Telemetry};
use sqlx::Row as _;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// A batch from a known box, its records opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The arena.
    pub venue: String,
    /// The box.
    pub edge: String,
    /// Which journal of that box.
    pub epoch: u64,
    /// Which stream of that journal.
    pub stream: Stream,
    /// Sequence number of the first record; the others follow without a gap, and only the last may span several.
    pub first_sequence: u64,
    /// The records.
    pub records: Vec<Opened>,
}

/// One record, as the tables take it.
#[derive(Debug, Clone, PartialEq)]
pub enum Opened {
    /// An event of hockey.
    Event {
        /// What happened.
        event: Box<Event>,
        /// The same as JSON.
        json: String,
    },
    /// Player states.
    Tracks {
        /// The game.
        game: u64,
        /// First instant, microseconds UTC.
        start_us: i64,
        /// End of the last step, microseconds UTC.
        end_us: i64,
        /// As they came.
        bytes: Vec<u8>,
    },
    /// A reading.
    Telemetry(Telemetry),
    /// Sequence numbers up to `last_sequence` that will never come.
    Lost {
        /// The last of them.
        last_sequence: u64,
        /// Why.
        reason: String,
    },
    /// Bytes that are no record of this stream.
    Unreadable {
        /// What is wrong with them.
        reason: String,
        /// As they came.
        bytes: Vec<u8>,
    },
}

/// What became of a group of deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// One for each delivery, in order.
    pub answers: Vec<Answer>,
    /// Place of the newest event, when there was one.
    pub event: Option<Offset>,
    /// Place of the newest chunk of player states, when there was one.
    pub tracks: Option<Offset>,
    /// Records that were new.
    pub records: u64,
    /// Of those, how many were set aside unread.
    pub quarantined: u64,
    /// Records that were held already.
    pub duplicates: u64,
}

type Journal<'a> = (&'a str, u64, Stream);
/// The keys for readings of what people wear, by [`wearer`].
type Worn = HashMap<String, Arc<DataKey>>;

/// Where a reading lies: what seals it holds it there.
pub(super) fn place_of_reading(edge: &str, epoch: i64, sequence: i64) -> String {
    format!("telemetry/{edge}/{epoch}/{sequence}")
}

impl Database {
    /// Keeps a group of deliveries in one transaction and waits for the disk.
    pub async fn keep(&self, deliveries: &[Delivery]) -> Result<Kept, StorageError> {
        let worn = self.keys_of_worn(deliveries).await?;
        let mut transaction = self.begin().await?;
        let mut kept = Kept::default();
        let mut waters: HashMap<Journal<'_>, u64> = HashMap::new();
        for delivery in deliveries {
            let journal = (delivery.edge.as_str(), delivery.epoch, delivery.stream);
            let held = match waters.get(&journal) {
                Some(held) => *held,
                None => high_water(&mut transaction, journal).await?,
            };
            if delivery.first_sequence > held {
                kept.answers.push(Answer::Gap { next_sequence: held });
                continue;
            }
            let next_sequence = keep_new(&mut transaction, delivery, held, &worn, &mut kept).await?;
            if next_sequence > held {
                set_high_water(&mut transaction, journal, next_sequence).await?;
            }
            waters.insert(journal, next_sequence);
            kept.answers.push(Answer::Kept { next_sequence });
        }
        if kept.event.is_some() || kept.tracks.is_some() {
            let (event, tracks) = (kept.event.unwrap_or_default(), kept.tracks.unwrap_or_default());
            let newest = Newest { event, tracks, ..Newest::default() };
            self.engine().tell(&mut transaction, newest).await?;
        }
        transaction.commit().await?;
        Ok(kept)
    }

    /// The keys for readings of what people wear.
    async fn keys_of_worn(&self, deliveries: &[Delivery]) -> Result<Worn, StorageError> {
        let mut subjects = HashSet::new();
        for Delivery { edge, records, .. } in deliveries {
            for record in records {
                let Opened::Telemetry(Telemetry { captured_us, subject, .. }) = record else { continue };
                if !subject.is_empty() {
                    subjects.insert(wearer(edge, subject, *captured_us));
                }
            }
        }
        self.data_keys(subjects).await
    }

    /// First sequence the hub does not hold.
    pub async fn next_sequence(&self, edge: &str, epoch: u64, stream: Stream) -> Result<u64, StorageError> {
        let row = sqlx::query("SELECT next_sequence FROM high_water WHERE edge = $1 AND epoch = $2 AND stream = $3")
            .bind(edge)
            .bind(epoch as i64)
            .bind(stream.name())
            .fetch_optional(self.readers())
            .await?;
        Ok(row.map_or(Ok(0), |row| row.try_get::<i64, _>(0))? as u64)
    }
}

async fn high_water(transaction: &mut Transaction, (edge, epoch, stream): Journal<'_>) -> Result<u64, StorageError> {
    let row = sqlx::query("SELECT next_sequence FROM high_water WHERE edge = $1 AND epoch = $2 AND stream = $3")
        .bind(edge)
        .bind(epoch as i64)
        .bind(stream.name())
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(row.map_or(Ok(0), |row| row.try_get::<i64, _>(0))? as u64)
}

async fn set_high_water(
    transaction: &mut Transaction,
    (edge, epoch, stream): Journal<'_>,
    next_sequence: u64,
) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO high_water (edge, epoch, stream, next_sequence) VALUES ($1, $2, $3, $4)
         ON CONFLICT (edge, epoch, stream) DO UPDATE SET next_sequence = excluded.next_sequence",
    )
    .bind(edge)
    .bind(epoch as i64)
    .bind(stream.name())
    .bind(next_sequence as i64)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Keeps the records of `delivery` from sequence `held` on; answers the first sequence not held afterwards.
async fn keep_new(
    transaction: &mut Transaction,
    delivery: &Delivery,
    held: u64,
    worn: &Worn,
    kept: &mut Kept,
) -> Result<u64, StorageError> {
    let mut next_sequence = held;
    for (sequence, record) in (delivery.first_sequence..).zip(&delivery.records) {
        let last_sequence = match record {
            Opened::Lost { last_sequence, .. } => *last_sequence,
            _ => sequence,
        };
        if last_sequence < held {
            kept.duplicates += 1;
            continue;
        }
        // Of a loss, the hub may hold the first part: only the rest was lost to it.
        keep_one(transaction, delivery, sequence.max(held), record, worn, kept).await?;
        kept.records += 1;
        next_sequence = last_sequence + 1;
    }
    Ok(next_sequence)
}

async fn keep_one(
    transaction: &mut Transaction,
    delivery: &Delivery,
    sequence: u64,
    record: &Opened,
    worn: &Worn,
    kept: &mut Kept,
) -> Result<(), StorageError> {
    let Delivery { venue, edge, stream, .. } = delivery;
    let (epoch, sequence) = (delivery.epoch as i64, sequence as i64);
    match record {
        Opened::Event { event, json } => {
            let done = sqlx::query(
                "INSERT INTO events (venue, edge, epoch, sequence, game, captured_us, kind, payload)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING \"offset\"",
            )
            .bind(venue)
            .bind(edge)
            .bind(epoch)
            .bind(sequence)
            .bind(event.game as i64)
            .bind(event.captured_us)
            .bind(event.kind.name())
            .bind(json)
            .fetch_one(&mut **transaction)
            .await?;
            kept.event = Some(Offset(done.try_get::<i64, _>(0)? as u64));
        }
        Opened::Tracks { game, start_us, end_us, bytes } => {
            let done = sqlx::query(
                "INSERT INTO track_chunks (venue, edge, epoch, sequence, game, start_us, end_us, payload)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING \"offset\"",
            )
            .bind(venue)
            .bind(edge)
            .bind(epoch)
            .bind(sequence)
            .bind(*game as i64)
            .bind(start_us)
            .bind(end_us)
            .bind(bytes)
            .fetch_one(&mut **transaction)
            .await?;
            kept.tracks = Some(Offset(done.try_get::<i64, _>(0)? as u64));
        }
        Opened::Telemetry(telemetry) => {
            let Telemetry { captured_us, subject, value, .. } = telemetry;
            let sealed = worn
                .get(&wearer(edge, subject, *captured_us))
                .map(|key| key.seal(&place_of_reading(edge, epoch, sequence), value.to_string().as_bytes()));
            sqlx::query(
                "INSERT INTO telemetry (edge, epoch, sequence, venue, captured_us, name, subject, value, sealed)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(edge)
            .bind(epoch)
            .bind(sequence)
            .bind(venue)
            .bind(captured_us)
            .bind(storable(&telemetry.name))
            .bind(storable(subject))
            .bind(if sealed.is_some() { 0.0 } else { *value })
            .bind(sealed)
            .execute(&mut **transaction)
            .await?;
        }
        Opened::Lost { last_sequence, reason } => {
            sqlx::query(
                "INSERT INTO losses (edge, epoch, stream, first_sequence, last_sequence, reason)
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(edge)
            .bind(epoch)
            .bind(stream.name())
            .bind(sequence)
            .bind(*last_sequence as i64)
            .bind(storable(reason))
            .execute(&mut **transaction)
            .await?;
        }
        Opened::Unreadable { reason, bytes } => {
            sqlx::query(
                "INSERT INTO quarantine (edge, epoch, stream, sequence, venue, reason, payload)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(edge)
            .bind(epoch)
            .bind(stream.name())
            .bind(sequence)
            .bind(venue)
            .bind(storable(reason))
            .bind(bytes)
            .execute(&mut **transaction)
            .await?;
            kept.quarantined += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::shapes::{self, Shape};

    fn readings(count: u64) -> Vec<Opened> {
        (0..count)
            .map(|number| {
                let (name, subject) = ("name".into(), String::new());
                Opened::Telemetry(Telemetry { captured_us: number as i64, name, subject, value: 0.0 })
            })
            .collect()
    }

    fn delivery(edge: &str, first_sequence: u64, records: Vec<Opened>) -> Delivery {
        let (venue, edge) = ("arena".into(), edge.into());
        Delivery { venue, edge, epoch: u64::MAX, stream: Stream::Telemetry, first_sequence, records }
    }

    fn lost(last_sequence: u64) -> Vec<Opened> {
        vec![Opened::Lost { last_sequence, reason: "shed".into() }]
    }

    fn kept(next_sequence: u64) -> Answer {
        Answer::Kept { next_sequence }
    }

    #[tokio::test]
    async fn takes_each_number_once_whatever_comes_how_often() {
        for shape in shapes::each().await {
            takes_each_number_once(shape).await;
        }
    }

    async fn takes_each_number_once(shape: Shape) {
        let database = shape.open().await;
        let group = [
            delivery("a", 0, readings(10)),
            delivery("a", 5, readings(10)),
            delivery("b", 1, readings(1)),
            delivery("a", 16, readings(1)),
            delivery("a", 0, readings(3)),
            delivery("a", 15, vec![Opened::Unreadable { reason: "torn".into(), bytes: vec![1] }]),
            delivery("a", 0, readings(0)),
        ];
        let answers = database.keep(&group).await.unwrap().answers;
        let gap = |next_sequence| Answer::Gap { next_sequence };
        assert_eq!(answers, [kept(10), kept(15), gap(0), gap(15), kept(15), kept(16), kept(16)]);
        // A loss of which the first part is held, then the same loss grown, then what follows.
        let group = [
            delivery("a", 10, lost(99)),
            delivery("a", 10, lost(149)),
            delivery("a", 120, lost(130)),
            delivery("a", 150, readings(5)),
        ];
        let answers = database.keep(&group).await.unwrap().answers;
        assert_eq!(answers, [kept(100), kept(150), kept(150), kept(155)]);
        let holdings = database.holdings().await.unwrap();
        assert_eq!(holdings.len(), 1, "a gap leaves nothing: {holdings:?}");
        let held = &holdings[0];
        assert_eq!((held.epoch, held.next_sequence), (u64::MAX, 155));
        assert_eq!((held.records, held.lost), (21, 134), "16 + 5 records and 16..=149");
        database.close().await;
        let database = shape.open().await;
        assert_eq!(database.next_sequence("a", u64::MAX, Stream::Telemetry).await.unwrap(), 155);
    }
}
