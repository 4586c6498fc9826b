//! One process at a time: whose turn it is to do what several could, but need not.
//!
//! Goes out: a [`Turn`], held until it is dropped or its connection breaks. Of a file there is one hub, whose turn it
//! always is. Never: what a promise hangs on; a process that lost its turn may go on for a moment, so what is done by turns
//! must be right when two do it.

use super::{Database, StorageError, engine::Engine};
use sqlx::{AnyConnection, Connection as _};
use std::time::Duration;

/// PostgreSQL's advisory lock of whose turn it is: any number that nobody else of the database takes.
const TURN: &str = "SELECT pg_try_advisory_lock(7447002)";
/// How often is looked whether the turn is still held.
const LOOK: Duration = Duration::from_secs(1);

/// The turn. Dropped, another may have it.
#[derive(Debug)]
pub struct Turn {
    connection: Option<AnyConnection>,
}

impl Database {
    /// The turn, unless another process has it.
    pub async fn turn(&self) -> Result<Option<Turn>, StorageError> {
        if self.engine() == Engine::Sqlite {
            return Ok(Some(Turn { connection: None }));
        }
        let mut connection = AnyConnection::connect_with(&self.options).await?;
        let mine: bool = sqlx::query_scalar(TURN).fetch_one(&mut connection).await?;
        Ok(mine.then_some(Turn { connection: Some(connection) }))
    }
}

impl Turn {
    /// Waits until the turn is lost, which it may never be.
    pub async fn lost(&mut self) -> StorageError {
        let Some(connection) = &mut self.connection else { return std::future::pending().await };
        loop {
            tokio::time::sleep(LOOK).await;
            if let Err(error) = connection.ping().await {
                return error.into();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::shapes;

    #[tokio::test]
    async fn only_one_process_has_the_turn() {
        let [_, shape] = shapes::each().await;
        let (one, other) = (shape.open().await, shape.open().await);
        let turn = one.turn().await.unwrap();
        assert!(turn.is_some() && other.turn().await.unwrap().is_none());
        drop(turn);
        // The server notices a moment later.
        while other.turn().await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    }
}
