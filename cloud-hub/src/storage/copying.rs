//! Copies every row of every table into another database, whichever engines keep the two.
//!
//! Comes in: the tables as a file describes them, a transaction that reads, one that writes. Goes out: the same rows, and
//! the numbers that are never given twice go on where they stood. Never: more than a few rows in memory; a table or a
//! column that is named here.

use super::{
    engine::{Engine, Row, Transaction},
    side_by_side::places,
    storable,
};
use futures_util::TryStreamExt as _;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

/// Rows in one statement, and about how many bytes: fewer trips to a server, little memory.
const ROWS_MAX: usize = 64;
const BYTES_MAX: usize = 1 << 20;

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    columns: Vec<(String, Kind)>,
    /// The column that counts up and never gives a number twice.
    counting: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Whole,
    Real,
    Text,
    Bytes,
}

/// How much of a work is done, in parts of `total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Done.
    pub done: u64,
    /// All of it.
    pub total: u64,
}

/// Told now and then how far a work is.
pub type Watcher<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// The tables of the SQLite file at `connection`, those of the engines and of migrations left out.
pub(super) async fn tables(connection: &mut AnyConnection) -> Result<Vec<Table>, sqlx::Error> {
    let query = "SELECT t.name, t.sql LIKE '%PRIMARY KEY AUTOINCREMENT%', c.name, c.type, c.pk
                 FROM sqlite_master t, pragma_table_info(t.name) c
                 WHERE t.type = 'table' AND substr(t.name, 1, 7) <> 'sqlite_' AND t.name <> '_sqlx_migrations'
                 AND t.name <> 'backup_files' ORDER BY t.name, c.cid";
    let mut tables: Vec<Table> = Vec::new();
    for row in sqlx::query(query).fetch_all(connection).await? {
        let (name, column): (String, String) = (row.try_get(0)?, row.try_get(2)?);
        let kind = match row.try_get::<&str, _>(3)? {
            "INTEGER" => Kind::Whole,
            "REAL" => Kind::Real,
            "BLOB" => Kind::Bytes,
            _ => Kind::Text,
        };
        if tables.last().is_none_or(|table| table.name != name) {
            tables.push(Table { name, columns: Vec::new(), counting: None });
        }
        let table = tables.last_mut().expect("one was pushed");
        if row.try_get::<i64, _>(1)? == 1 && row.try_get::<i64, _>(4)? == 1 {
            table.counting = Some(column.clone());
        }
        table.columns.push((column, kind));
    }
    Ok(tables)
}

/// Rows of `tables`, all together.
pub(super) async fn rows(tables: &[Table], from: &mut AnyConnection) -> Result<u64, sqlx::Error> {
    let mut rows = 0;
    for Table { name, .. } in tables {
        let query = AssertSqlSafe(format!("SELECT COUNT(*) FROM \"{name}\""));
        rows += sqlx::query(query).fetch_one(&mut *from).await?.try_get::<i64, _>(0)? as u64;
    }
    Ok(rows)
}

/// Puts the rows that `tables` have at `from` in place of those at `into`: how many.
pub(super) async fn copy(
    tables: &[Table],
    (from_engine, from): (Engine, &mut Transaction),
    (into_engine, into): (Engine, &mut Transaction),
    watcher: Watcher<'_>,
) -> Result<u64, sqlx::Error> {
    let total = rows(tables, from).await?;
    let mut done = 0;
    for table in tables {
        sqlx::query(AssertSqlSafe(format!("DELETE FROM \"{}\"", table.name))).execute(&mut **into).await?;
        let query = format!("SELECT {} FROM \"{}\"", table.names(), table.name);
        let mut rows = sqlx::query(AssertSqlSafe(query)).fetch(&mut **from);
        let (mut batch, mut bytes) = (Vec::with_capacity(ROWS_MAX), 0);
        loop {
            let row = rows.try_next().await?;
            let last = row.is_none();
            if let Some(row) = row {
                bytes += table.bytes(&row)?;
                batch.push(row);
            }
            if !batch.is_empty() && (last || batch.len() == ROWS_MAX || bytes > BYTES_MAX) {
                table.insert(&batch, into).await?;
                done += batch.len() as u64;
                watcher(Progress { done, total });
                batch.clear();
                bytes = 0;
            }
            if last {
                break;
            }
        }
        drop(rows);
        if let Some(column) = &table.counting {
            let last = table.last_given(column, from_engine, from).await?;
            table.give_after(column, last, into_engine, into).await?;
        }
    }
    Ok(done)
}

impl Table {
    fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
    }

    /// About how much memory `row` takes.
    fn bytes(&self, row: &Row) -> Result<usize, sqlx::Error> {
        let mut bytes = 0;
        for (index, (_, kind)) in self.columns.iter().enumerate() {
            bytes += match kind {
                Kind::Text => row.try_get::<Option<&str>, _>(index)?.map_or(0, str::len),
                Kind::Bytes => row.try_get::<Option<&[u8]>, _>(index)?.map_or(0, <[u8]>::len),
                Kind::Whole | Kind::Real => size_of::<u64>(),
            };
        }
        Ok(bytes)
    }

    async fn insert(&self, rows: &[Row], into: &mut Transaction) -> Result<(), sqlx::Error> {
        let width = self.columns.len();
        let values: Vec<String> = (0..rows.len()).map(|row| format!("({})", places(row * width + 1, width))).collect();
        let statement = format!("INSERT INTO \"{}\" ({}) VALUES {}", self.name, self.names(), values.join(", "));
        let mut query = sqlx::query(AssertSqlSafe(statement)).persistent(rows.len() == ROWS_MAX);
        for row in rows {
            for (index, (_, kind)) in self.columns.iter().enumerate() {
                query = match kind {
                    Kind::Whole => query.bind(row.try_get::<Option<i64>, _>(index)?),
                    Kind::Real => query.bind(row.try_get::<Option<f64>, _>(index)?),
                    Kind::Text => query.bind(row.try_get::<Option<&str>, _>(index)?.map(storable)),
                    Kind::Bytes => query.bind(row.try_get::<Option<Vec<u8>>, _>(index)?),
                };
            }
        }
        query.execute(&mut **into).await?;
        Ok(())
    }

    /// The last number that `column` has given, rows that are gone included.
    async fn last_given(&self, column: &str, engine: Engine, from: &mut Transaction) -> Result<i64, sqlx::Error> {
        let query = match engine {
            Engine::Sqlite => sqlx::query("SELECT seq FROM sqlite_sequence WHERE name = $1").bind(&self.name),
            Engine::Postgresql => {
                let query = "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence($1, $2)::regclass), 0)";
                sqlx::query(query).bind(&self.name).bind(column)
            }
        };
        query.fetch_optional(&mut **from).await?.map_or(Ok(0), |row| row.try_get(0))
    }

    /// Lets `column` give numbers after `last`.
    async fn give_after(
        &self,
        column: &str,
        last: i64,
        engine: Engine,
        into: &mut Transaction,
    ) -> Result<(), sqlx::Error> {
        match engine {
            Engine::Sqlite => {
                let forget = sqlx::query("DELETE FROM sqlite_sequence WHERE name = $1").bind(&self.name);
                forget.execute(&mut **into).await?;
                let set = sqlx::query("INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)");
                set.bind(&self.name).bind(last).execute(&mut **into).await?;
            }
            Engine::Postgresql => {
                let set = sqlx::query("SELECT setval(pg_get_serial_sequence($1, $2), $3, $4 = 1)");
                let set = set.bind(&self.name).bind(column).bind(last.max(1)).bind(i64::from(last > 0));
                set.execute(&mut **into).await?;
            }
        }
        Ok(())
    }
}
