//! Accounts: a row each, and what is personal or secret of it, sealed by a key of its own.
//!
//! Comes in: an account as it is to be, and as its changer saw it. Goes out: rows. Never: a password, a code or a token as
//! it is typed; what reaches this file are digests.

use super::{
    Database, StorageError,
    access::next_revision,
    engine::{Row, Transaction},
    keyring::unless_erased,
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

/// What becomes of one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It stands, with this revision.
    At(u64),
    /// What was to be changed is not as it was seen, or the name is another's.
    Conflict,
}

pub(super) const ACCOUNT: &str = "SELECT account, name, roles, made_us, ended_us, revision FROM accounts";
pub(super) fn account(row: &Row) -> Result<AccountRow, sqlx::Error> {
    Ok(AccountRow {
        account: row.try_get("account")?,
        name: row.try_get("name")?,
        roles: row.try_get("roles")?,
        made_us: row.try_get("made_us")?,
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

impl Database {
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
        let personal = self.opened(&place(account, "personal"), row.try_get("personal")?).await;
        let Some(personal) = unless_erased(personal)? else { return Ok(None) };
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
}

/// Takes away what names whoever had `account`.
pub(super) async fn forget(transaction: &mut Transaction, account: &str) -> Result<(), StorageError> {
    let revision = next_revision(transaction).await?;
    sqlx::query("UPDATE accounts SET name = account, personal = '', secrets = '', revision = $1 WHERE account = $2")
        .bind(revision as i64)
        .bind(account)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
