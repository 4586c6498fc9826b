//! Accounts, sessions, and what teams share: rows, and a revision that counts up with each change of them.
//!
//! Comes in: changes. Goes out: rows, and all that changed since a revision, so that every process holds the same and
//! knows within a moment when it does not. What is personal or secret is sealed by a key of that account's own. Never: a
//! password, a code or a token as it is typed; what reaches this file are digests.

use super::{
    Database, StorageError,
    engine::{Row, Transaction},
    storable,
};
use sqlx::Row as _;

/// One account, as every process holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Its id.
    pub account: String,
    /// What is typed at the login.
    pub name: String,
    /// JSON of its roles.
    pub roles: String,
    /// When it was made, microseconds UTC.
    pub made_us: i64,
    /// Since when it is shut out.
    pub ended_us: Option<i64>,
    /// Revision of its last change.
    pub revision: u64,
}

/// What only whoever needs it reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confidences {
    /// JSON of what is personal.
    pub personal: String,
    /// JSON of what is secret.
    pub secrets: String,
}

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

/// What becomes of one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It stands, with this revision.
    At(u64),
    /// What was to be changed is not as it was seen, or the name is another's.
    Conflict,
}

const ACCOUNT: &str = "SELECT account, name, roles, made_us, ended_us, revision FROM accounts";
const SESSION: &str = "SELECT session, account, kind, digest, refreshes, made_us, used_us, until_us, proved_us, factors, \
                       ended_us, revision FROM sessions";
const SHARE: &str = "SELECT share, team, with_team, what, made_us, until_us, ended_us, revision FROM shares";

fn account(row: &Row) -> Result<AccountRow, sqlx::Error> {
    Ok(AccountRow {
        account: row.try_get("account")?,
        name: row.try_get("name")?,
        roles: row.try_get("roles")?,
        made_us: row.try_get("made_us")?,
        ended_us: row.try_get("ended_us")?,
        revision: row.try_get::<i64, _>("revision")? as u64,
    })
}

fn session(row: &Row) -> Result<SessionRow, sqlx::Error> {
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

/// Whom the keys that seal an account's columns are about.
pub(super) fn holder(account: &str) -> String {
    format!("account/{account}")
}

fn place(account: &str, column: &str) -> String {
    format!("accounts/{account}/{column}")
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

    /// The account called `name`.
    pub async fn account_named(&self, name: &str) -> Result<Option<AccountRow>, StorageError> {
        let query = sqlx::AssertSqlSafe(format!("{ACCOUNT} WHERE name = $1"));
        let row = sqlx::query(query).bind(storable(name)).fetch_optional(self.readers()).await?;
        Ok(row.map(|row| account(&row)).transpose()?)
    }

    /// What is personal and secret of `account`.
    pub async fn confidences(&self, account: &str) -> Result<Option<Confidences>, StorageError> {
        let row = sqlx::query("SELECT personal, secrets FROM accounts WHERE account = $1")
            .bind(storable(account))
            .fetch_optional(self.readers())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let personal = self.opened(&place(account, "personal"), row.try_get("personal")?).await?;
        let secrets = self.opened(&place(account, "secrets"), row.try_get("secrets")?).await?;
        Ok(Some(Confidences { personal, secrets }))
    }

    /// A new account. With `first`, only where there is none yet.
    pub async fn add_account(
        &self,
        row: &AccountRow,
        confidences: &Confidences,
        first: bool,
    ) -> Result<Written, StorageError> {
        let key = self.data_key(&holder(&row.account)).await?;
        let sealed = |column: &str, text: &str| key.seal(&place(&row.account, column), text.as_bytes());
        let mut transaction = self.begin().await?;
        let there = "SELECT COUNT(*) FROM accounts WHERE name = $1 OR $2 = 1";
        let there = sqlx::query(there).bind(&row.name).bind(i64::from(first)).fetch_one(&mut *transaction).await?;
        if there.try_get::<i64, _>(0)? > 0 {
            return Ok(Written::Conflict);
        }
        let revision = next_revision(&mut transaction).await?;
        sqlx::query(
            "INSERT INTO accounts (account, name, roles, personal, secrets, made_us, revision)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&row.account)
        .bind(&row.name)
        .bind(&row.roles)
        .bind(sealed("personal", &confidences.personal))
        .bind(sealed("secrets", &confidences.secrets))
        .bind(row.made_us)
        .bind(revision as i64)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Written::At(revision))
    }

    /// Changes an account that stands at `row.revision`, and ends all of its sessions but `keep` when `end` says why.
    pub async fn change_account(
        &self,
        row: &AccountRow,
        confidences: Option<&Confidences>,
        end: Option<(&str, i64, &str)>,
    ) -> Result<Written, StorageError> {
        let key = self.data_key(&holder(&row.account)).await?;
        let mut transaction = self.begin().await?;
        let revision = next_revision(&mut transaction).await?;
        let changed = sqlx::query(
            "UPDATE accounts SET name = $1, roles = $2, ended_us = $3, revision = $4 WHERE account = $5 AND revision = $6",
        )
        .bind(&row.name)
        .bind(&row.roles)
        .bind(row.ended_us)
        .bind(revision as i64)
        .bind(&row.account)
        .bind(row.revision as i64)
        .execute(&mut *transaction)
        .await?;
        if changed.rows_affected() == 0 {
            return Ok(Written::Conflict);
        }
        if let Some(confidences) = confidences {
            let sealed = |column: &str, text: &str| key.seal(&place(&row.account, column), text.as_bytes());
            sqlx::query("UPDATE accounts SET personal = $1, secrets = $2 WHERE account = $3")
                .bind(sealed("personal", &confidences.personal))
                .bind(sealed("secrets", &confidences.secrets))
                .bind(&row.account)
                .execute(&mut *transaction)
                .await?;
        }
        if let Some((keep, ended_us, why)) = end {
            sqlx::query(
                "UPDATE sessions SET ended_us = $1, ended_why = $2, revision = $3
                 WHERE account = $4 AND session <> $5 AND ended_us IS NULL",
            )
            .bind(ended_us)
            .bind(why)
            .bind(revision as i64)
            .bind(&row.account)
            .bind(keep)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(Written::At(revision))
    }

    /// `text` about `account`, or about nobody, sealed for `place`: it is gone with the account's key.
    pub async fn seal_about(&self, account: Option<&str>, place: &str, text: &str) -> Result<String, StorageError> {
        let subject = account.map_or_else(|| super::keyring::HUB.to_owned(), holder);
        Ok(self.data_key(&subject).await?.seal(place, text.as_bytes()))
    }

    /// What [`Database::seal_about`] sealed for `place`.
    pub async fn opened_at(&self, place: &str, text: String) -> Result<String, StorageError> {
        self.opened(place, text).await
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
