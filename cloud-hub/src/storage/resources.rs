//! The newest state of what people keep at the hub: one row a thing, and the links it is found by.
//!
//! Comes in: rows with the event that made them, or all rows anew. Goes out: one row, or a page of rows in order of id.
//! Never: what a row means.

use super::{
    Database, StorageError,
    engine::{Row, Transaction},
    keyring::{person, unless_erased},
    side_by_side::{places, side_by_side},
    storable,
};
use crate::ids::Offset;
use sqlx::{AssertSqlSafe, Row as _};

/// One thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceRow {
    /// What kind of thing.
    pub kind: String,
    /// Its name among them.
    pub id: String,
    /// Of its stream.
    pub sequence: u64,
    /// When it became so, microseconds UTC.
    pub updated_us: i64,
    /// JSON.
    pub payload: String,
    /// By what it is found: name and value.
    pub links: Vec<(String, String)>,
}

/// Where a payload lies: what seals it holds it there.
fn place_of(kind: &str, id: &str) -> String {
    format!("resources/{kind}/{id}")
}

fn row_from(row: &Row) -> Result<ResourceRow, StorageError> {
    Ok(ResourceRow {
        kind: row.try_get("kind")?,
        id: row.try_get("id")?,
        sequence: row.try_get::<i64, _>("sequence")? as u64,
        updated_us: row.try_get("updated_us")?,
        payload: row.try_get("payload")?,
        links: Vec::new(),
    })
}

pub(in crate::storage) async fn set(transaction: &mut Transaction, row: &ResourceRow) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO resources (kind, id, sequence, updated_us, payload) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (kind, id) DO UPDATE SET sequence = excluded.sequence, updated_us = excluded.updated_us,
             payload = excluded.payload",
    )
    .bind(&row.kind)
    .bind(&row.id)
    .bind(row.sequence as i64)
    .bind(row.updated_us)
    .bind(&row.payload)
    .execute(&mut **transaction)
    .await?;
    unlink(transaction, &row.kind, &row.id).await?;
    for (name, value) in &row.links {
        sqlx::query(
            "INSERT INTO resource_links (kind, name, value, id) VALUES ($1, $2, $3, $4)
             ON CONFLICT (kind, name, value, id) DO NOTHING",
        )
        .bind(&row.kind)
        .bind(name)
        .bind(value)
        .bind(&row.id)
        .execute(&mut **transaction)
        .await?;
    }
    Ok(())
}

pub(in crate::storage) async fn remove(
    transaction: &mut Transaction,
    kind: &str,
    id: &str,
) -> Result<(), StorageError> {
    sqlx::query("DELETE FROM resources WHERE kind = $1 AND id = $2")
        .bind(kind)
        .bind(id)
        .execute(&mut **transaction)
        .await?;
    unlink(transaction, kind, id).await
}

async fn unlink(transaction: &mut Transaction, kind: &str, id: &str) -> Result<(), StorageError> {
    sqlx::query("DELETE FROM resource_links WHERE kind = $1 AND id = $2")
        .bind(kind)
        .bind(id)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

impl Database {
    /// `row` as it lies there.
    pub(in crate::storage) async fn sealed_row(&self, row: &ResourceRow) -> Result<ResourceRow, StorageError> {
        let mut sealed = row.clone();
        if let Some(person) = person(&format!("{}/{}", row.kind, row.id)) {
            sealed.payload = self.data_key(person).await?.seal(&place_of(&row.kind, &row.id), row.payload.as_bytes());
        }
        Ok(sealed)
    }

    async fn rows_opened(&self, rows: &[Row]) -> Result<Vec<ResourceRow>, StorageError> {
        let mut things = Vec::with_capacity(rows.len());
        for row in rows {
            let thing = row_from(row)?;
            let opened = self.opened(&place_of(&thing.kind, &thing.id), thing.payload).await;
            // One without was sealed by a process that had not heard yet that its key was destroyed.
            if let Some(payload) = unless_erased(opened)? {
                things.push(ResourceRow { payload, ..thing });
            }
        }
        Ok(things)
    }

    /// One thing.
    pub async fn resource(&self, kind: &str, id: &str) -> Result<Option<ResourceRow>, StorageError> {
        let row = sqlx::query("SELECT * FROM resources WHERE kind = $1 AND id = $2")
            .bind(kind)
            .bind(storable(id))
            .fetch_all(self.readers())
            .await?;
        Ok(self.rows_opened(&row).await?.pop())
    }

    /// At most `rows_max` things of `kind` after `id`, in order of id; with `link`, only those it finds.
    pub async fn resources_after(
        &self,
        kind: &str,
        link: Option<(&str, &str)>,
        id: &str,
        rows_max: usize,
    ) -> Result<Vec<ResourceRow>, StorageError> {
        let rows = match link {
            None => {
                sqlx::query("SELECT * FROM resources WHERE kind = $1 AND id > $2 ORDER BY id LIMIT $3")
                    .bind(kind)
                    .bind(storable(id))
                    .bind(rows_max as i64)
                    .fetch_all(self.readers())
                    .await?
            }
            Some((name, value)) => {
                sqlx::query(
                    "SELECT r.* FROM resource_links l JOIN resources r ON r.kind = l.kind AND r.id = l.id
                     WHERE l.kind = $1 AND l.name = $2 AND l.value = $3 AND l.id > $4 ORDER BY l.id LIMIT $5",
                )
                .bind(kind)
                .bind(name)
                .bind(storable(value))
                .bind(storable(id))
                .bind(rows_max as i64)
                .fetch_all(self.readers())
                .await?
            }
        };
        self.rows_opened(&rows).await
    }

    /// At most `rows_max` things of `kind` that `link` finds, in `from..to` by id, wherever they lie: what is deleted
    /// meanwhile may be missing or not, so this is for sums and not for pages.
    pub async fn resources_between(
        &self,
        kind: &str,
        (name, value): (&str, &str),
        (from, to): (&str, &str),
        rows_max: usize,
    ) -> Result<Vec<ResourceRow>, StorageError> {
        let found = sqlx::query(
            "SELECT id FROM resource_links
             WHERE kind = $1 AND name = $2 AND value = $3 AND id >= $4 AND id < $5 ORDER BY id LIMIT $6",
        )
        .bind(kind)
        .bind(name)
        .bind(storable(value))
        .bind(storable(from))
        .bind(storable(to))
        .bind(rows_max as i64)
        .fetch_all(self.readers())
        .await?;
        let ids = found.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
        side_by_side(&ids, |ids| async move {
            let query = format!("SELECT * FROM resources WHERE kind = $1 AND id IN ({})", places(2, ids.len()));
            let mut query = sqlx::query(AssertSqlSafe(query)).bind(kind);
            for id in ids {
                query = query.bind(id);
            }
            self.rows_opened(&query.fetch_all(self.readers()).await?).await
        })
        .await
    }

    /// Every thing and every link, to compare.
    pub async fn resources_all(&self) -> Result<Vec<ResourceRow>, StorageError> {
        let rows = sqlx::query("SELECT * FROM resources ORDER BY kind, id").fetch_all(self.readers()).await?;
        let mut things = self.rows_opened(&rows).await?;
        for thing in &mut things {
            let links =
                sqlx::query("SELECT name, value FROM resource_links WHERE kind = $1 AND id = $2 ORDER BY name, value")
                    .bind(&thing.kind)
                    .bind(&thing.id)
                    .fetch_all(self.readers())
                    .await?;
            thing.links =
                links.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, sqlx::Error>>()?;
        }
        Ok(things)
    }

    /// Puts `rows`, made from the events up to `place`, in place of all there are; answers `false`, and changes nothing,
    /// when there are newer events by now.
    pub async fn replace_resources(&self, place: Offset, rows: &[ResourceRow]) -> Result<bool, StorageError> {
        let mut sealed = Vec::with_capacity(rows.len());
        for row in rows {
            sealed.push(self.sealed_row(row).await?);
        }
        let mut transaction = self.begin().await?;
        let newest: i64 = sqlx::query("SELECT COALESCE(MAX(place), 0) FROM hub_events")
            .fetch_one(&mut *transaction)
            .await?
            .try_get(0)?;
        if newest != place.0 as i64 {
            return Ok(false);
        }
        sqlx::query("DELETE FROM resources").execute(&mut *transaction).await?;
        sqlx::query("DELETE FROM resource_links").execute(&mut *transaction).await?;
        for row in &sealed {
            set(&mut transaction, row).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}
