//! Hears what other processes commit into the same database.
//!
//! Goes out: the newest offsets, told by PostgreSQL with the commit, or looked up once a second. Never: a promise that
//! each commit is heard by itself; who hears reads all there is. A lost connection is told.

use super::{
    Database, StorageError,
    engine::{CHANNEL, Engine},
};
use crate::ids::Offset;
use sqlx::{ConnectOptions as _, postgres::PgListener};
use std::{fmt, time::Duration};

/// How often is looked when nothing is told: SQLite tells nobody, and what PostgreSQL tells is lost with a connection.
const LOOK: Duration = Duration::from_secs(1);

/// What is newest of all that is appended; 0 for what there is none of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Newest {
    /// The newest event of a box.
    pub event: Offset,
    /// The newest chunk of player states.
    pub tracks: Offset,
    /// The newest fact born at the hub.
    pub fact: Offset,
}

impl fmt::Display for Newest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.event.0, self.tracks.0, self.fact.0)
    }
}

impl Newest {
    /// What another process said; what it does not say is 0.
    fn heard(said: &str) -> Self {
        let mut places = said.split(' ').map(|place| Offset(place.parse().unwrap_or_default()));
        let mut next = || places.next().unwrap_or_default();
        Self { event: next(), tracks: next(), fact: next() }
    }
}

/// An ear for other processes.
#[derive(Debug)]
pub struct Ear {
    database: Database,
    listener: Option<PgListener>,
}

impl Database {
    /// An ear for what other processes commit.
    pub async fn ear(&self) -> Result<Ear, StorageError> {
        let listener = match self.engine() {
            Engine::Sqlite => None,
            Engine::Postgresql => {
                let mut listener = PgListener::connect(self.options.to_url_lossy().as_str()).await?;
                listener.listen(CHANNEL).await?;
                Some(listener)
            }
        };
        Ok(Ear { database: self.clone(), listener })
    }
}

impl Ear {
    /// Waits for a commit, at most a second: what is newest, 0 for what nothing was told of. After a failure, open
    /// another ear.
    pub async fn hear(&mut self) -> Result<Newest, StorageError> {
        let told = async {
            let Some(listener) = &mut self.listener else { return std::future::pending().await };
            listener.recv().await
        };
        match tokio::time::timeout(LOOK, told).await {
            Ok(Ok(told)) => Ok(Newest::heard(told.payload())),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => self.database.newest().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Newest;
    use crate::{
        ids::Offset,
        storage::{
            hub_events::Appending,
            records::{Delivery, Opened},
            shapes,
        },
    };
    use firmware_protocol::network::Stream;

    fn chunk(first_sequence: u64) -> [Delivery; 1] {
        let records = vec![Opened::Tracks { game: 1, start_us: 0, end_us: 1, bytes: vec![] }];
        let (venue, edge) = ("arena".into(), "a".into());
        [Delivery { venue, edge, epoch: 1, stream: Stream::Tracks, first_sequence, records }]
    }

    fn fact() -> Appending {
        let (stream, author, payload) = ("team/oaks".into(), "staff".into(), "{}".into());
        Appending { stream, expected: 0, at_us: 0, author, payload, row: None, key: None }
    }

    #[tokio::test]
    async fn another_process_is_heard() {
        for shape in shapes::each().await {
            let (one, other) = (shape.open().await, shape.open().await);
            let mut ear = other.ear().await.unwrap();
            one.keep(&chunk(0)).await.unwrap();
            let heard = |tracks, fact| Newest { event: Offset(0), tracks: Offset(tracks), fact: Offset(fact) };
            assert_eq!(ear.hear().await.unwrap(), heard(1, 0));
            one.keep(&chunk(1)).await.unwrap();
            assert_eq!(ear.hear().await.unwrap(), heard(2, 0));
            one.append(&fact()).await.unwrap();
            assert_eq!(ear.hear().await.unwrap().fact, Offset(1));
        }
    }
}
