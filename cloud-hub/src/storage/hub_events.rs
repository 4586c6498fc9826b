//! Facts born at the hub: appended with the sequence the writer expects, read in order.
//!
//! Comes in: an [`Appending`]; what is about one person is sealed. Goes out: whether it stands, told after the commit. The event, the read rows it makes and
//! the answer to its idempotency key move in one transaction, so a writer that is told is never half heard. Never:
//! changes or removes an event. When another was first nothing is written and the writer is told where the stream stands.

use super::{
    Database, StorageError,
    engine::{Row, Transaction},
    keyring::{person, unless_erased},
    resources::{self, ResourceRow},
    wake::Newest,
};
use crate::ids::Offset;
use sqlx::{Any, Executor, Row as _};

/// Answers kept for writers that ask again: a day of a busy league; then the oldest go.
const KEYS_MAX: i64 = 100_000;

/// One event born at the hub, as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubEventRow {
    /// Its place among events born here.
    pub place: Offset,
    /// Whom it is about.
    pub stream: String,
    /// Its number there, from 1.
    pub sequence: u64,
    /// When it was taken, microseconds UTC.
    pub at_us: i64,
    /// Who did it.
    pub author: String,
    /// JSON, with its version; `None` when whom it is about was erased.
    pub payload: Option<String>,
}

/// What becomes of a read row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowChange {
    /// It is so now.
    Set(ResourceRow),
    /// It is gone: kind and id.
    Removed(String, String),
}

/// The answer that a key gets again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The key, as the writer chose it.
    pub name: String,
    /// What was asked with it.
    pub request: String,
    /// What was answered.
    pub answer: String,
}

/// One event to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appending {
    /// Whom it is about.
    pub stream: String,
    /// The stream's newest sequence as the writer saw it; 0 for one that is not there yet.
    pub expected: u64,
    /// When, microseconds UTC.
    pub at_us: i64,
    /// Who.
    pub author: String,
    /// JSON, with its version.
    pub payload: String,
    /// The read row it makes.
    pub row: Option<RowChange>,
    /// The key it came with.
    pub key: Option<KeptAnswer>,
}

/// What became of an [`Appending`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// It stands, here.
    At(Offset),
    /// Another was first: the stream's newest sequence.
    Conflict(u64),
    /// The key was used before: what was asked and answered then.
    Before(KeptAnswer),
}

/// Where a payload lies: what seals it holds it there.
fn place_of(stream: &str, sequence: i64) -> String {
    format!("hub_events/{stream}/{sequence}")
}

fn place_of_answer(name: &str) -> String {
    format!("idempotency_keys/{name}")
}

fn row_from(row: &Row) -> Result<HubEventRow, StorageError> {
    Ok(HubEventRow {
        place: Offset(row.try_get::<i64, _>("place")? as u64),
        stream: row.try_get("stream")?,
        sequence: row.try_get::<i64, _>("sequence")? as u64,
        at_us: row.try_get("at_us")?,
        author: row.try_get("author")?,
        payload: None,
    })
}

impl Database {
    /// Appends one event, or says why not.
    pub async fn append(&self, appending: &Appending) -> Result<Appended, StorageError> {
        let person = match person(&appending.stream) {
            Some(person) => Some(self.data_key(person).await?),
            None => None,
        };
        let sealed = |place: &str, text: &str| match &person {
            Some(key) => key.seal(place, text.as_bytes()),
            None => text.to_owned(),
        };
        let row = match &appending.row {
            Some(RowChange::Set(row)) => Some(self.sealed_row(row).await?),
            _ => None,
        };
        let mut transaction = self.begin().await?;
        if let Some(key) = &appending.key
            && let Some(before) = kept_answer(&mut *transaction, &key.name).await?
        {
            transaction.rollback().await?;
            return Ok(Appended::Before(self.answer_opened(before).await?));
        }
        let stands: i64 = sqlx::query("SELECT COALESCE(MAX(sequence), 0) FROM hub_events WHERE stream = $1")
            .bind(&appending.stream)
            .fetch_one(&mut *transaction)
            .await?
            .try_get(0)?;
        if stands != appending.expected as i64 {
            return Ok(Appended::Conflict(stands as u64));
        }
        let place: i64 = sqlx::query(
            "INSERT INTO hub_events (stream, sequence, at_us, author, payload) VALUES ($1, $2, $3, $4, $5)
             RETURNING place",
        )
        .bind(&appending.stream)
        .bind(stands + 1)
        .bind(appending.at_us)
        .bind(&appending.author)
        .bind(sealed(&place_of(&appending.stream, stands + 1), &appending.payload))
        .fetch_one(&mut *transaction)
        .await?
        .try_get(0)?;
        if let Some(row) = &row {
            resources::set(&mut transaction, row).await?;
        }
        if let Some(RowChange::Removed(kind, id)) = &appending.row {
            resources::remove(&mut transaction, kind, id).await?;
        }
        if let Some(key) = &appending.key {
            let answer = sealed(&place_of_answer(&key.name), &key.answer);
            keep_answer(&mut transaction, &KeptAnswer { answer, ..key.clone() }, appending.at_us).await?;
        }
        let newest = Newest { fact: Offset(place as u64), ..Newest::default() };
        self.engine().tell(&mut transaction, newest).await?;
        transaction.commit().await?;
        Ok(Appended::At(newest.fact))
    }

    /// At most `events_max` events after `place`, oldest first.
    pub async fn hub_events_after(&self, place: Offset, events_max: usize) -> Result<Vec<HubEventRow>, StorageError> {
        let rows = sqlx::query("SELECT * FROM hub_events WHERE place > $1 ORDER BY place LIMIT $2")
            .bind(place.0 as i64)
            .bind(events_max as i64)
            .fetch_all(self.readers())
            .await?;
        self.events_opened(&rows).await
    }

    /// At most `events_max` events of `stream` after its `sequence`, oldest first.
    pub async fn hub_events_of(
        &self,
        stream: &str,
        sequence: u64,
        events_max: usize,
    ) -> Result<Vec<HubEventRow>, StorageError> {
        let rows =
            sqlx::query("SELECT * FROM hub_events WHERE stream = $1 AND sequence > $2 ORDER BY sequence LIMIT $3")
                .bind(stream)
                .bind(sequence as i64)
                .bind(events_max as i64)
                .fetch_all(self.readers())
                .await?;
        self.events_opened(&rows).await
    }

    async fn events_opened(&self, rows: &[Row]) -> Result<Vec<HubEventRow>, StorageError> {
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let event = row_from(row)?;
            let place = place_of(&event.stream, event.sequence as i64);
            let payload = unless_erased(self.opened(&place, row.try_get("payload")?).await)?;
            events.push(HubEventRow { payload, ..event });
        }
        Ok(events)
    }

    /// The newest sequence of `stream`; 0 when there is none.
    pub async fn hub_stream_stands(&self, stream: &str) -> Result<u64, StorageError> {
        let row = sqlx::query("SELECT COALESCE(MAX(sequence), 0) FROM hub_events WHERE stream = $1")
            .bind(stream)
            .fetch_one(self.readers())
            .await?;
        Ok(row.try_get::<i64, _>(0)? as u64)
    }

    /// What was answered to the key `name`.
    pub async fn answer_kept(&self, name: &str) -> Result<Option<KeptAnswer>, StorageError> {
        match kept_answer(self.readers(), name).await? {
            Some(kept) => Ok(Some(self.answer_opened(kept).await?)),
            None => Ok(None),
        }
    }

    async fn answer_opened(&self, kept: KeptAnswer) -> Result<KeptAnswer, StorageError> {
        let answer = self.opened(&place_of_answer(&kept.name), kept.answer).await?;
        Ok(KeptAnswer { answer, ..kept })
    }
}

fn answer_from(row: &Row) -> Result<KeptAnswer, StorageError> {
    Ok(KeptAnswer { name: row.try_get("name")?, request: row.try_get("request")?, answer: row.try_get("answer")? })
}

async fn kept_answer<'c>(
    from: impl Executor<'c, Database = Any>,
    name: &str,
) -> Result<Option<KeptAnswer>, StorageError> {
    let row = sqlx::query("SELECT name, request, answer FROM idempotency_keys WHERE name = $1")
        .bind(name)
        .fetch_optional(from)
        .await?;
    row.as_ref().map(answer_from).transpose()
}

async fn keep_answer(transaction: &mut Transaction, key: &KeptAnswer, at_us: i64) -> Result<(), StorageError> {
    sqlx::query("INSERT INTO idempotency_keys (name, request, answer, at_us) VALUES ($1, $2, $3, $4)")
        .bind(&key.name)
        .bind(&key.request)
        .bind(&key.answer)
        .bind(at_us)
        .execute(&mut **transaction)
        .await?;
    sqlx::query(
        "DELETE FROM idempotency_keys WHERE at_us < (
             SELECT at_us FROM idempotency_keys ORDER BY at_us DESC LIMIT 1 OFFSET $1)",
    )
    .bind(KEYS_MAX)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
