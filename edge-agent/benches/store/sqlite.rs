//! SQLite with a write-ahead log and `synchronous=FULL`: one transaction a group, keyed by one integer, which it likes
//! best.

use crate::{
    engine::Engine,
    load::{self, Numbering},
};
use firmware_protocol::network::{Record, Stream};
use rusqlite::{Connection, params};
use std::path::Path;

pub struct Sqlite {
    sqlite: Connection,
    numbering: Numbering,
}

/// Stream in the highest byte, sequence below it.
fn key(stream: Stream, sequence: u64) -> i64 {
    ((stream as i64) << 56) | sequence as i64
}

impl Sqlite {
    pub fn open(folder: &Path) -> Self {
        let sqlite = Connection::open(folder.join("sqlite.db")).expect("SQLite opens");
        let settings = format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -{};
             CREATE TABLE IF NOT EXISTS records (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL);",
            load::CACHE_BYTES / 1024
        );
        sqlite.execute_batch(&settings).expect("SQLite takes its settings");
        let mut opened = Self { sqlite, numbering: Numbering::default() };
        opened.numbering.next = Stream::ALL.map(|stream| opened.next(stream));
        opened
    }
}

impl Engine for Sqlite {
    fn append(&mut self, group: &[Record]) {
        let transaction = self.sqlite.transaction().expect("a transaction begins");
        let mut insert =
            transaction.prepare_cached("INSERT INTO records VALUES (?1, ?2)").expect("the statement is right");
        for (stream, sequence, bytes) in self.numbering.numbered(group) {
            insert.execute(params![key(stream, sequence), bytes]).expect("SQLite takes a row");
        }
        drop(insert);
        transaction.commit().expect("SQLite commits");
    }

    fn next(&self, stream: Stream) -> u64 {
        let query = "SELECT max(key) FROM records WHERE key BETWEEN ?1 AND ?2";
        let (first, last) = (key(stream, 0), key(stream, (1 << 56) - 1));
        let found: Option<i64> =
            self.sqlite.query_row(query, params![first, last], |row| row.get(0)).expect("SQLite answers");
        found.map_or(0, |key| (key - first) as u64 + 1)
    }

    fn read(&self, stream: Stream, from: u64, records: usize) -> usize {
        let query = "SELECT bytes FROM records WHERE key >= ?1 ORDER BY key LIMIT ?2";
        let mut select = self.sqlite.prepare_cached(query).expect("the statement is right");
        let rows = select.query_map(params![key(stream, from), records as i64], |row| row.get::<_, Vec<u8>>(0));
        rows.expect("SQLite answers").map(|bytes| bytes.expect("a blob").len()).sum()
    }
}
