//! Who may come in, as every process holds it: a revision that counts up with each change, and all that changed since one.
//!
//! Comes in: what teams share, keys that sign, and the changes that `accounts` and `sessions` make. Goes out: rows as of one
//! moment, so that a process knows within a moment when it holds something old. Never: a change without a revision.

use super::{
    Database, StorageError,
    accounts::{ACCOUNT, AccountRow, account},
    engine::{Row, Transaction},
    sessions::{SESSION, SessionRow, session},
    storable,
};
use sqlx::Row as _;

/// What a team lets another see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareRow {
    /// Its id.
    pub share: String,
    /// Whose it is.
    pub team: String,
    /// Who sees it.
    pub with_team: String,
    /// `tracking` or `biometrics`.
    pub what: String,
    /// Since when, microseconds UTC.
    pub made_us: i64,
    /// Until when.
    pub until_us: i64,
    /// Since when no more.
    pub ended_us: Option<i64>,
    /// Revision of its last change.
    pub revision: u64,
}

/// A key that signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeyRow {
    /// Its name in tokens.
    pub kid: String,
    /// PKCS #8, base64. Sealed on its way into the table.
    pub private: String,
    /// Its public half, base64.
    pub public_key: String,
    /// When it was made, microseconds UTC.
    pub made_us: i64,
}

/// All that changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessChanges {
    /// Up to which revision.
    pub revision: u64,
    /// Accounts.
    pub accounts: Vec<AccountRow>,
    /// Sessions.
    pub sessions: Vec<SessionRow>,
    /// Shares.
    pub shares: Vec<ShareRow>,
    /// Keys, oldest first.
    pub signing_keys: Vec<SigningKeyRow>,
}

const SHARE: &str = "SELECT share, team, with_team, what, made_us, until_us, ended_us, revision FROM shares";

fn share(row: &Row) -> Result<ShareRow, sqlx::Error> {
    Ok(ShareRow {
        share: row.try_get("share")?,
        team: row.try_get("team")?,
        with_team: row.try_get("with_team")?,
        what: row.try_get("what")?,
        made_us: row.try_get("made_us")?,
        until_us: row.try_get("until_us")?,
        ended_us: row.try_get("ended_us")?,
        revision: row.try_get::<i64, _>("revision")? as u64,
    })
}

/// The next revision. Within a transaction that writes: nobody else takes it.
pub(super) async fn next_revision(transaction: &mut Transaction) -> Result<u64, sqlx::Error> {
    let query = "UPDATE access_revision SET revision = revision + 1 WHERE one = 1 RETURNING revision";
    Ok(sqlx::query(query).fetch_one(&mut **transaction).await?.try_get::<i64, _>(0)? as u64)
}

impl Database {
    /// The newest revision.
    pub async fn access_revision(&self) -> Result<u64, StorageError> {
        let row = sqlx::query("SELECT revision FROM access_revision WHERE one = 1").fetch_one(self.readers()).await?;
        Ok(row.try_get::<i64, _>(0)? as u64)
    }

    /// All that changed after `revision`, as of one moment.
    pub async fn access_changes(&self, revision: u64) -> Result<AccessChanges, StorageError> {
        let mut reading = self.begin_reading().await?;
        let newest = sqlx::query("SELECT revision FROM access_revision WHERE one = 1").fetch_one(&mut *reading).await?;
        let mut changes = AccessChanges { revision: newest.try_get::<i64, _>(0)? as u64, ..AccessChanges::default() };
        let after = |query: &str| sqlx::AssertSqlSafe(format!("{query} WHERE revision > $1 ORDER BY revision"));
        for row in sqlx::query(after(ACCOUNT)).bind(revision as i64).fetch_all(&mut *reading).await? {
            changes.accounts.push(account(&row)?);
        }
        for row in sqlx::query(after(SESSION)).bind(revision as i64).fetch_all(&mut *reading).await? {
            changes.sessions.push(session(&row)?);
        }
        for row in sqlx::query(after(SHARE)).bind(revision as i64).fetch_all(&mut *reading).await? {
            changes.shares.push(share(&row)?);
        }
        let keys = sqlx::query(
            "SELECT kid, sealed, public_key, made_us FROM signing_keys WHERE revision > $1 ORDER BY made_us, kid",
        )
        .bind(revision as i64)
        .fetch_all(&mut *reading)
        .await?;
        reading.commit().await?;
        for row in keys {
            let (kid, sealed): (String, String) = (row.try_get("kid")?, row.try_get("sealed")?);
            let private = self.opened(&format!("signing_keys/{kid}"), sealed).await?;
            let (public_key, made_us) = (row.try_get("public_key")?, row.try_get("made_us")?);
            changes.signing_keys.push(SigningKeyRow { kid, private, public_key, made_us });
        }
        Ok(changes)
    }

    /// Keeps a key that signs.
    pub async fn add_signing_key(&self, row: &SigningKeyRow) -> Result<u64, StorageError> {
        let key = self.data_key(super::keyring::HUB).await?;
        let sealed = key.seal(&format!("signing_keys/{}", row.kid), row.private.as_bytes());
        let mut transaction = self.begin().await?;
        let revision = next_revision(&mut transaction).await?;
        sqlx::query(
            "INSERT INTO signing_keys (kid, sealed, public_key, made_us, revision) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(&row.kid)
        .bind(sealed)
        .bind(&row.public_key)
        .bind(row.made_us)
        .bind(revision as i64)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(revision)
    }

    /// Keeps what a team shares.
    pub async fn add_share(&self, row: &ShareRow) -> Result<u64, StorageError> {
        let mut transaction = self.begin().await?;
        let revision = next_revision(&mut transaction).await?;
        sqlx::query(
            "INSERT INTO shares (share, team, with_team, what, made_us, until_us, revision)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&row.share)
        .bind(&row.team)
        .bind(&row.with_team)
        .bind(&row.what)
        .bind(row.made_us)
        .bind(row.until_us)
        .bind(revision as i64)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(revision)
    }

    /// Ends a share; whether it was in force.
    pub async fn end_share(&self, share: &str, ended_us: i64) -> Result<bool, StorageError> {
        let mut transaction = self.begin().await?;
        let revision = next_revision(&mut transaction).await?;
        let ended = sqlx::query("UPDATE shares SET ended_us = $1, revision = $2 WHERE share = $3 AND ended_us IS NULL")
            .bind(ended_us)
            .bind(revision as i64)
            .bind(storable(share))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(ended.rows_affected() > 0)
    }
}
