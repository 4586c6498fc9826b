//! Sessions as they begin, go on and end, and guesses that failed.
//!
//! Comes in: digests and times. Goes out: what stands after the commit. A refresh token is used up in the transaction that
//! makes the next one, so of two who show the same one at once one is late, and told apart by its number.

use super::{Database, StorageError, access::next_revision, engine::Row, storable};
use sqlx::Row as _;

/// One session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Its id.
    pub session: String,
    /// Whose.
    pub account: String,
    /// `browser`, `program` or `key`.
    pub kind: String,
    /// SHA-256, hex, of the secret it is shown by.
    pub digest: String,
    /// Number of the refresh token in force.
    pub refreshes: u64,
    /// When it began, microseconds UTC.
    pub made_us: i64,
    /// When it was used, to a minute.
    pub used_us: i64,
    /// When it ends at the latest.
    pub until_us: i64,
    /// When they last proved that it is them.
    pub proved_us: i64,
    /// In how many ways.
    pub factors: u32,
    /// When it was ended.
    pub ended_us: Option<i64>,
    /// Revision of its last change.
    pub revision: u64,
}

pub(super) const SESSION: &str = "SELECT session, account, kind, digest, refreshes, made_us, used_us, until_us, proved_us, factors, \
                       ended_us, revision FROM sessions";
pub(super) fn session(row: &Row) -> Result<SessionRow, sqlx::Error> {
    Ok(SessionRow {
        session: row.try_get("session")?,
        account: row.try_get("account")?,
        kind: row.try_get("kind")?,
        digest: row.try_get("digest")?,
        refreshes: row.try_get::<i64, _>("refreshes")? as u64,
        made_us: row.try_get("made_us")?,
        used_us: row.try_get("used_us")?,
        until_us: row.try_get("until_us")?,
        proved_us: row.try_get("proved_us")?,
        factors: row.try_get::<i64, _>("factors")? as u32,
        ended_us: row.try_get("ended_us")?,
        revision: row.try_get::<i64, _>("revision")? as u64,
    })
}

/// What a refresh token was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// The one in force: the next has this number.
    Next(u64),
    /// One used before: somebody holds a copy, and the session was ended.
    Reused,
    /// The session is over.
    Over,
}

impl Database {
    /// Begins a session; those of the account beyond `sessions_max` end, oldest first, and rows that ended before
    /// `forget_us` are forgotten.
    pub async fn begin_session(
        &self,
        row: &SessionRow,
        sessions_max: usize,
        forget_us: i64,
    ) -> Result<u64, StorageError> {
        let mut transaction = self.begin().await?;
        let revision = next_revision(&mut transaction).await?;
        sqlx::query("DELETE FROM sessions WHERE ended_us < $1 OR until_us < $1")
            .bind(forget_us)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "INSERT INTO sessions (session, account, kind, digest, refreshes, made_us, used_us, until_us, proved_us,
             factors, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(&row.session)
        .bind(&row.account)
        .bind(&row.kind)
        .bind(&row.digest)
        .bind(row.refreshes as i64)
        .bind(row.made_us)
        .bind(row.used_us)
        .bind(row.until_us)
        .bind(row.proved_us)
        .bind(i64::from(row.factors))
        .bind(revision as i64)
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "UPDATE sessions SET ended_us = $1, ended_why = 'too many', revision = $2
             WHERE account = $3 AND ended_us IS NULL AND session NOT IN (
                 SELECT session FROM sessions WHERE account = $3 AND ended_us IS NULL
                 ORDER BY made_us DESC, session LIMIT $4)",
        )
        .bind(row.made_us)
        .bind(revision as i64)
        .bind(&row.account)
        .bind(sessions_max as i64)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(revision)
    }

    /// Ends a session; whether it was on. With `account`, only if it is theirs.
    pub async fn end_session(
        &self,
        session: &str,
        account: Option<&str>,
        ended_us: i64,
        why: &str,
    ) -> Result<bool, StorageError> {
        let mut transaction = self.begin().await?;
        let revision = next_revision(&mut transaction).await?;
        let ended = sqlx::query(
            "UPDATE sessions SET ended_us = $1, ended_why = $2, revision = $3
             WHERE session = $4 AND ended_us IS NULL AND (account = $5 OR $6 = 0)",
        )
        .bind(ended_us)
        .bind(why)
        .bind(revision as i64)
        .bind(storable(session))
        .bind(storable(account.unwrap_or_default()))
        .bind(i64::from(account.is_some()))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(ended.rows_affected() > 0)
    }

    /// Uses up the refresh token `number` of a session; an older one ends the session.
    pub async fn refresh_session(&self, session: &str, number: u64, now_us: i64) -> Result<Refreshed, StorageError> {
        let mut transaction = self.begin().await?;
        let row = sqlx::query("SELECT refreshes, until_us, ended_us FROM sessions WHERE session = $1")
            .bind(storable(session))
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(row) = row else { return Ok(Refreshed::Over) };
        let over = row.try_get::<Option<i64>, _>("ended_us")?.is_some() || row.try_get::<i64, _>("until_us")? <= now_us;
        let held = row.try_get::<i64, _>("refreshes")? as u64;
        let revision = next_revision(&mut transaction).await?;
        let (refreshed, query) = match () {
            () if over => return Ok(Refreshed::Over),
            () if held == number => (
                Refreshed::Next(number + 1),
                "UPDATE sessions SET refreshes = refreshes + 1, used_us = $1, revision = $2 WHERE session = $3",
            ),
            () => (
                Refreshed::Reused,
                "UPDATE sessions SET ended_us = $1, ended_why = 'refresh token used twice', revision = $2
                 WHERE session = $3",
            ),
        };
        sqlx::query(query)
            .bind(now_us)
            .bind(revision as i64)
            .bind(storable(session))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(refreshed)
    }

    /// Says that they proved once more that it is them.
    pub async fn prove_session(&self, session: &str, factors: u32, now_us: i64) -> Result<(), StorageError> {
        let mut transaction = self.begin().await?;
        let revision = next_revision(&mut transaction).await?;
        sqlx::query("UPDATE sessions SET proved_us = $1, factors = $2, revision = $3 WHERE session = $4")
            .bind(now_us)
            .bind(i64::from(factors))
            .bind(revision as i64)
            .bind(session)
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Says that sessions were used. No change of rights: the revision stays.
    pub async fn touch_sessions(&self, used: &[(String, i64)]) -> Result<(), StorageError> {
        let mut transaction = self.begin().await?;
        for (session, used_us) in used {
            sqlx::query("UPDATE sessions SET used_us = $1 WHERE session = $2 AND used_us < $1")
                .bind(used_us)
                .bind(session)
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// When a session was used, as every process says.
    pub async fn session_used_us(&self, session: &str) -> Result<Option<i64>, StorageError> {
        let query = "SELECT used_us FROM sessions WHERE session = $1";
        let row = sqlx::query(query).bind(session).fetch_optional(self.readers()).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// Failed guesses of `subject` that count still, and when the newest was.
    pub async fn guesses(&self, subject: &str) -> Result<(u32, i64), StorageError> {
        let query = "SELECT failures, newest_us FROM guesses WHERE subject = $1";
        let row = sqlx::query(query).bind(storable(subject)).fetch_optional(self.readers()).await?;
        let Some(row) = row else { return Ok((0, 0)) };
        Ok((row.try_get::<i64, _>(0)? as u32, row.try_get(1)?))
    }

    /// One more failed guess of each of `subjects`; what is older than `forget_us` is forgotten.
    pub async fn guessed(&self, subjects: &[String], now_us: i64, forget_us: i64) -> Result<(), StorageError> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM guesses WHERE newest_us < $1").bind(forget_us).execute(&mut *transaction).await?;
        for subject in subjects {
            sqlx::query(
                "INSERT INTO guesses (subject, failures, newest_us) VALUES ($1, 1, $2)
                 ON CONFLICT (subject) DO UPDATE SET failures = guesses.failures + 1, newest_us = excluded.newest_us",
            )
            .bind(storable(subject))
            .bind(now_us)
            .execute(&mut *transaction)
            .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Takes back one guess of each of `counted`, and all of `subject`: it was them.
    pub async fn forgive(&self, subject: &str, counted: &[&str]) -> Result<(), StorageError> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM guesses WHERE subject = $1").bind(subject).execute(&mut *transaction).await?;
        for counted in counted {
            sqlx::query("UPDATE guesses SET failures = failures - 1 WHERE subject = $1 AND failures > 0")
                .bind(*counted)
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }
}
