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
use std::time::Duration;

/// How often is looked when nothing is told: SQLite tells nobody, and what PostgreSQL tells is lost with a connection.
const LOOK: Duration = Duration::from_secs(1);

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
    /// Waits for a commit, at most a second: the newest offsets of events and of track chunks, 0 for one of which nothing
    /// was told. After a failure, open another ear.
    pub async fn hear(&mut self) -> Result<(Offset, Offset), StorageError> {
        let told = async {
            let Some(listener) = &mut self.listener else { return std::future::pending().await };
            listener.recv().await
        };
        match tokio::time::timeout(LOOK, told).await {
            Ok(Ok(told)) => {
                let mut offsets = told.payload().split(' ').map(|number| Offset(number.parse().unwrap_or_default()));
                Ok((offsets.next().unwrap_or_default(), offsets.next().unwrap_or_default()))
            }
            Ok(Err(error)) => Err(error.into()),
            Err(_) => self.database.newest_offsets().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        ids::Offset,
        storage::{
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

    #[tokio::test]
    async fn another_process_is_heard() {
        for shape in shapes::each().await {
            let (one, other) = (shape.open().await, shape.open().await);
            let mut ear = other.ear().await.unwrap();
            one.keep(&chunk(0)).await.unwrap();
            assert_eq!(ear.hear().await.unwrap(), (Offset(0), Offset(1)));
            one.keep(&chunk(1)).await.unwrap();
            assert_eq!(ear.hear().await.unwrap(), (Offset(0), Offset(2)));
        }
    }
}
