//! Which boxes the hub knows: codes that were given out, enrolments in force, and the audit of what was tried.
//!
//! A code is used up in the transaction that makes its enrolment, so of two boxes with one code one gets in. A box that
//! is enrolled again replaces its own older enrolment. The audit keeps the newest entries only, because strangers can
//! make entries. Other processes (`cloud-hub edges`) write here too: nothing is cached.

use super::{Database, StorageError, engine::Row, storable};
use sqlx::Row as _;

/// Audit entries kept: a stranger may fill these, never the disk.
const AUDIT_MAX: i64 = 10_000;

/// One enrolment of a box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The hub's number of it, never used again.
    pub enrolment: i64,
    /// The arena it may speak for.
    pub venue: String,
    /// The box.
    pub edge: String,
    /// Since when, microseconds UTC.
    pub enrolled_us: i64,
    /// End of its newest certificate, microseconds UTC.
    pub until_us: i64,
    /// Since when it is not let in any more.
    pub revoked_us: Option<i64>,
}

/// A code that is given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenCode {
    /// SHA-256 of its secret, hex.
    pub digest: String,
    /// The arena it is for.
    pub venue: String,
    /// The box it is for; `None` lets the hub choose a name.
    pub edge: Option<String>,
    /// When it was made, microseconds UTC.
    pub made_us: i64,
    /// When it ends, microseconds UTC.
    pub expires_us: i64,
}

/// Why a code lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeFault {
    /// No such code was given out.
    Unknown,
    /// It was used before.
    Used,
    /// It has ended.
    Expired,
}

/// One entry of the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// When, microseconds UTC.
    pub at_us: i64,
    /// What was done or tried.
    pub what: String,
    /// Whom it is about.
    pub subject: String,
    /// More of it.
    pub detail: String,
}

const ENROLMENT: &str = "SELECT enrolment, venue, edge, enrolled_us, until_us, revoked_us FROM enrolments";

fn enrolment(row: &Row) -> Result<Enrolment, sqlx::Error> {
    Ok(Enrolment {
        enrolment: row.try_get("enrolment")?,
        venue: row.try_get("venue")?,
        edge: row.try_get("edge")?,
        enrolled_us: row.try_get("enrolled_us")?,
        until_us: row.try_get("until_us")?,
        revoked_us: row.try_get("revoked_us")?,
    })
}

impl Database {
    /// Keeps a code; those that ended a day ago are forgotten.
    pub async fn give_code(&self, code: &GivenCode) -> Result<(), StorageError> {
        let day_us = 86_400 * 1_000_000;
        sqlx::query("DELETE FROM enrolment_codes WHERE expires_us < $1")
            .bind(code.made_us - day_us)
            .execute(self.writer())
            .await?;
        sqlx::query(
            "INSERT INTO enrolment_codes (digest, venue, edge, made_us, expires_us) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(&code.digest)
        .bind(&code.venue)
        .bind(&code.edge)
        .bind(code.made_us)
        .bind(code.expires_us)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// Uses up the code with `digest` and enrols its box until `until_us`; an older enrolment of that box ends.
    pub async fn enrol(
        &self,
        digest: &str,
        now_us: i64,
        until_us: i64,
    ) -> Result<Result<Enrolment, CodeFault>, StorageError> {
        let mut transaction = self.begin().await?;
        let found = sqlx::query("SELECT venue, edge, expires_us, used_us FROM enrolment_codes WHERE digest = $1")
            .bind(digest)
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(code) = found else { return Ok(Err(CodeFault::Unknown)) };
        if code.try_get::<Option<i64>, _>("used_us")?.is_some() {
            return Ok(Err(CodeFault::Used));
        }
        if code.try_get::<i64, _>("expires_us")? <= now_us {
            return Ok(Err(CodeFault::Expired));
        }
        sqlx::query("UPDATE enrolment_codes SET used_us = $1 WHERE digest = $2")
            .bind(now_us)
            .bind(digest)
            .execute(&mut *transaction)
            .await?;
        let venue: String = code.try_get("venue")?;
        let edge = if let Some(edge) = code.try_get::<Option<String>, _>("edge")? {
            edge
        } else {
            let taken = sqlx::query("SELECT edge FROM enrolments").fetch_all(&mut *transaction).await?;
            let taken: Vec<String> = taken.iter().map(|row| row.try_get("edge")).collect::<Result<_, _>>()?;
            free_name(&venue, &taken)
        };
        sqlx::query("UPDATE enrolments SET revoked_us = $1 WHERE edge = $2 AND revoked_us IS NULL")
            .bind(now_us)
            .bind(&edge)
            .execute(&mut *transaction)
            .await?;
        let query = "INSERT INTO enrolments (venue, edge, enrolled_us, until_us) VALUES ($1, $2, $3, $4)
                     RETURNING enrolment";
        let made = sqlx::query(query)
            .bind(&venue)
            .bind(&edge)
            .bind(now_us)
            .bind(until_us)
            .fetch_one(&mut *transaction)
            .await?;
        let enrolment = made.try_get(0)?;
        transaction.commit().await?;
        Ok(Ok(Enrolment { enrolment, venue, edge, enrolled_us: now_us, until_us, revoked_us: None }))
    }

    /// Notes that the box of `enrolment` has a certificate until `until_us`; `false` when it is not in force.
    pub async fn renew(&self, enrolment: i64, until_us: i64) -> Result<bool, StorageError> {
        let renewed = sqlx::query("UPDATE enrolments SET until_us = $1 WHERE enrolment = $2 AND revoked_us IS NULL")
            .bind(until_us)
            .bind(enrolment)
            .execute(self.writer())
            .await?;
        Ok(renewed.rows_affected() == 1)
    }

    /// Ends the enrolment of `edge`, and codes given out for it; `false` when none is in force.
    pub async fn revoke(&self, edge: &str, now_us: i64) -> Result<bool, StorageError> {
        sqlx::query("UPDATE enrolment_codes SET used_us = $1 WHERE edge = $2 AND used_us IS NULL")
            .bind(now_us)
            .bind(edge)
            .execute(self.writer())
            .await?;
        let revoked = sqlx::query("UPDATE enrolments SET revoked_us = $1 WHERE edge = $2 AND revoked_us IS NULL")
            .bind(now_us)
            .bind(edge)
            .execute(self.writer())
            .await?;
        Ok(revoked.rows_affected() == 1)
    }

    /// All enrolments, oldest first.
    pub async fn enrolments(&self) -> Result<Vec<Enrolment>, StorageError> {
        let query = sqlx::AssertSqlSafe(format!("{ENROLMENT} ORDER BY enrolment"));
        let rows = sqlx::query(query).fetch_all(self.readers()).await?;
        Ok(rows.iter().map(enrolment).collect::<Result<_, _>>()?)
    }

    /// The enrolments in force, oldest first.
    pub async fn enrolments_in_force(&self) -> Result<Vec<Enrolment>, StorageError> {
        let query = sqlx::AssertSqlSafe(format!("{ENROLMENT} WHERE revoked_us IS NULL ORDER BY enrolment"));
        let rows = sqlx::query(query).fetch_all(self.readers()).await?;
        Ok(rows.iter().map(enrolment).collect::<Result<_, _>>()?)
    }

    /// Writes an entry into the audit.
    pub async fn audit(&self, entry: &Audited) -> Result<(), StorageError> {
        let query = "INSERT INTO trust_audit (at_us, what, subject, detail) VALUES ($1, $2, $3, $4) RETURNING number";
        let made = sqlx::query(query)
            .bind(entry.at_us)
            .bind(&entry.what)
            .bind(storable(&entry.subject))
            .bind(storable(&entry.detail))
            .fetch_one(self.writer())
            .await?;
        sqlx::query("DELETE FROM trust_audit WHERE number <= $1")
            .bind(made.try_get::<i64, _>(0)? - AUDIT_MAX)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// The newest `entries_max` entries of the audit, newest first.
    pub async fn audited(&self, entries_max: u32) -> Result<Vec<Audited>, StorageError> {
        let rows = sqlx::query("SELECT at_us, what, subject, detail FROM trust_audit ORDER BY number DESC LIMIT $1")
            .bind(i64::from(entries_max))
            .fetch_all(self.readers())
            .await?;
        let entry = |row: &Row| {
            Ok(Audited {
                at_us: row.try_get("at_us")?,
                what: row.try_get("what")?,
                subject: row.try_get("subject")?,
                detail: row.try_get("detail")?,
            })
        };
        Ok(rows.iter().map(entry).collect::<Result<_, sqlx::Error>>()?)
    }
}

/// A name no box of the hub has or had: `oak-box-1`, `oak-box-2`, …
fn free_name(venue: &str, taken: &[String]) -> String {
    // A slug holds 63 characters; the number needs room.
    let stem = venue.get(..venue.len().min(50)).unwrap_or(venue).trim_end_matches('-');
    // One more than are taken: one of them is free.
    (1..=taken.len() + 1)
        .map(|number| format!("{stem}-box-{number}"))
        .find(|name| !taken.contains(name))
        .expect("more names than boxes were tried")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::shapes;

    fn code(digest: &str, edge: Option<&str>) -> GivenCode {
        let edge = edge.map(str::to_owned);
        GivenCode { digest: digest.into(), venue: "oak".into(), edge, made_us: 0, expires_us: 100 }
    }

    #[tokio::test]
    async fn a_code_lets_one_box_in_once_and_in_time() {
        for shape in shapes::each().await {
            enrols(shape.open().await).await;
        }
    }

    async fn enrols(database: Database) {
        for (digest, edge) in [("a", None), ("b", None), ("c", Some("oak-box-1")), ("d", Some("oak-box-1"))] {
            database.give_code(&code(digest, edge)).await.unwrap();
        }
        let enrol = async |digest: &str, now_us| database.enrol(digest, now_us, 900).await.unwrap();
        assert_eq!(enrol("z", 1).await, Err(CodeFault::Unknown));
        let first = enrol("a", 1).await.unwrap();
        assert_eq!((first.edge.as_str(), first.venue.as_str()), ("oak-box-1", "oak"));
        assert_eq!(enrol("a", 2).await, Err(CodeFault::Used));
        assert_eq!(enrol("b", 100).await, Err(CodeFault::Expired));
        assert_eq!(enrol("b", 99).await.unwrap().edge, "oak-box-2");
        let again = enrol("c", 50).await.unwrap();
        assert!(again.enrolment > first.enrolment);
        assert!(!database.renew(first.enrolment, 950).await.unwrap(), "replaced");
        assert!(database.renew(again.enrolment, 950).await.unwrap());
        let in_force: Vec<i64> =
            database.enrolments_in_force().await.unwrap().iter().map(|enrolment| enrolment.enrolment).collect();
        assert_eq!(in_force, [again.enrolment - 1, again.enrolment]);
        assert!(database.revoke("oak-box-1", 60).await.unwrap());
        assert!(!database.revoke("oak-box-1", 61).await.unwrap());
        assert_eq!(enrol("d", 62).await, Err(CodeFault::Used), "a code for a revoked box ends with it");
        assert_eq!(database.enrolments().await.unwrap().len(), 3);
    }

    #[test]
    fn names_are_new_and_fit() {
        let taken = ["oak-box-1".to_owned(), "oak-box-3".to_owned()];
        assert_eq!(free_name("oak", &taken), "oak-box-2");
        let long = format!("{}-{}", "a".repeat(49), "b".repeat(13));
        assert_eq!(free_name(&long, &[]), format!("{}-box-1", "a".repeat(49)));
    }
}
