//! What boxes are asked to do, and what became of it.
//!
//! An order waits until its box reports on it or its time is over; its outcome is kept once and stays what it was.
//! `cloud-hub command` writes here from another process: nothing is cached.

use super::{Database, StorageError, engine::Row, storable};
use sqlx::Row as _;

/// An order that waits for its box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its number.
    pub number: u64,
    /// The encoded command.
    pub command: Vec<u8>,
}

/// One order and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commanded {
    /// Its number.
    pub number: u64,
    /// The box.
    pub edge: String,
    /// What it says, for people.
    pub words: String,
    /// When it was made, microseconds UTC.
    pub made_us: i64,
    /// `waiting`, `done`, `refused`, `failed`, `expired`.
    pub state: String,
    /// What the box answered.
    pub answer: String,
}

fn commanded(row: &Row) -> Result<Commanded, sqlx::Error> {
    Ok(Commanded {
        number: row.try_get::<i64, _>("number")? as u64,
        edge: row.try_get("edge")?,
        words: row.try_get("words")?,
        made_us: row.try_get("made_us")?,
        state: row.try_get("state")?,
        answer: row.try_get("answer")?,
    })
}

const COMMANDED: &str = "SELECT number, edge, words, made_us, state, answer FROM commands";

impl Database {
    /// Keeps an order for `edge`: its number. It is handed over until `until_us`, microseconds UTC.
    pub async fn give_command(
        &self,
        edge: &str,
        command: &[u8],
        words: &str,
        now_us: i64,
        until_us: i64,
    ) -> Result<u64, StorageError> {
        let query = "INSERT INTO commands (edge, command, words, made_us, until_us) VALUES ($1, $2, $3, $4, $5)
                     RETURNING number";
        let query = sqlx::query(query).bind(edge).bind(command).bind(words).bind(now_us).bind(until_us);
        Ok(query.fetch_one(self.writer()).await?.try_get::<i64, _>(0)? as u64)
    }

    /// The orders that wait for `edge`, oldest first, `orders_max` at most; those whose time is over expire.
    pub async fn waiting_commands(
        &self,
        edge: &str,
        now_us: i64,
        orders_max: u32,
    ) -> Result<Vec<Waiting>, StorageError> {
        let query = "SELECT number, command, until_us FROM commands
                     WHERE edge = $1 AND state = 'waiting' ORDER BY number LIMIT $2";
        let rows = sqlx::query(query).bind(edge).bind(i64::from(orders_max)).fetch_all(self.readers()).await?;
        let mut waiting = Vec::with_capacity(rows.len());
        for row in rows {
            let number = row.try_get::<i64, _>("number")? as u64;
            if row.try_get::<i64, _>("until_us")? > now_us {
                waiting.push(Waiting { number, command: row.try_get("command")? });
            } else {
                let answer = "the box did not ask for it in time";
                self.settle_command(edge, number, "expired", answer, now_us).await?;
            }
        }
        Ok(waiting)
    }

    /// Keeps what became of an order; `false` when that is known already, or there is no such order for `edge`.
    pub async fn settle_command(
        &self,
        edge: &str,
        number: u64,
        state: &str,
        answer: &str,
        now_us: i64,
    ) -> Result<bool, StorageError> {
        let query = "UPDATE commands SET state = $1, answer = $2, settled_us = $3
                     WHERE number = $4 AND edge = $5 AND state = 'waiting'";
        let query = sqlx::query(query).bind(state).bind(storable(answer)).bind(now_us).bind(number as i64).bind(edge);
        Ok(query.execute(self.writer()).await?.rows_affected() == 1)
    }

    /// The order with `number`.
    pub async fn command(&self, number: u64) -> Result<Option<Commanded>, StorageError> {
        let query = sqlx::AssertSqlSafe(format!("{COMMANDED} WHERE number = $1"));
        let row = sqlx::query(query).bind(number as i64).fetch_optional(self.readers()).await?;
        Ok(row.as_ref().map(commanded).transpose()?)
    }

    /// The newest `orders_max` orders of `edge`, newest first.
    pub async fn commands(&self, edge: &str, orders_max: u32) -> Result<Vec<Commanded>, StorageError> {
        let query = sqlx::AssertSqlSafe(format!("{COMMANDED} WHERE edge = $1 ORDER BY number DESC LIMIT $2"));
        let rows = sqlx::query(query).bind(edge).bind(i64::from(orders_max)).fetch_all(self.readers()).await?;
        Ok(rows.iter().map(commanded).collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::shapes;

    #[tokio::test]
    async fn an_order_waits_for_its_box_until_it_is_settled_once_or_its_time_is_over() {
        for shape in shapes::each().await {
            keeps_orders(shape.open().await).await;
        }
    }

    async fn keeps_orders(database: Database) {
        let first = database.give_command("box-1", &[1], "first", 0, 100).await.unwrap();
        let second = database.give_command("box-1", &[2], "second", 0, 50).await.unwrap();
        assert!(second > first);
        let numbers = async |edge: &str, now_us| {
            let waiting = database.waiting_commands(edge, now_us, 8).await.unwrap();
            waiting.into_iter().map(|order| order.number).collect::<Vec<_>>()
        };
        assert_eq!(numbers("box-1", 10).await, [first, second]);
        assert_eq!(numbers("box-2", 10).await, [0; 0]);
        assert!(!database.settle_command("box-2", first, "done", "", 11).await.unwrap(), "another's");
        assert!(database.settle_command("box-1", first, "done", "yes", 11).await.unwrap());
        assert!(!database.settle_command("box-1", first, "failed", "no", 12).await.unwrap(), "twice");
        assert_eq!(database.command(first).await.unwrap().unwrap().answer, "yes");
        assert_eq!(numbers("box-1", 50).await, [0; 0]);
        let states: Vec<String> =
            database.commands("box-1", 8).await.unwrap().into_iter().map(|order| order.state).collect();
        assert_eq!(states, ["expired", "done"]);
    }
}
