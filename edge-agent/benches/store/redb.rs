//! redb: one write transaction a group, durable at once, which is its default.

use crate::{
    engine::Engine,
    load::{self, Numbering},
};
use firmware_protocol::network::{Record, Stream};
use redb::{Database, ReadableDatabase as _, TableDefinition};
use std::path::Path;

const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");

pub struct Redb {
    redb: Database,
    numbering: Numbering,
}

impl Redb {
    pub fn open(folder: &Path) -> Self {
        let redb = Database::builder()
            .set_cache_size(load::CACHE_BYTES as usize)
            .create(folder.join("redb"))
            .expect("redb opens");
        let begin = redb.begin_write().expect("a transaction begins");
        begin.open_table(RECORDS).expect("redb makes its table");
        begin.commit().expect("redb commits");
        let mut opened = Self { redb, numbering: Numbering::default() };
        opened.numbering.next = Stream::ALL.map(|stream| opened.next(stream));
        opened
    }
}

impl Engine for Redb {
    fn append(&mut self, group: &[Record]) {
        let transaction = self.redb.begin_write().expect("a transaction begins");
        let mut table = transaction.open_table(RECORDS).expect("the table is there");
        for (key, bytes) in self.numbering.keyed(group) {
            table.insert(key.as_slice(), bytes.as_slice()).expect("redb takes a row");
        }
        drop(table);
        transaction.commit().expect("redb commits");
    }

    fn next(&self, stream: Stream) -> u64 {
        let table = self.redb.begin_read().map(|begun| begun.open_table(RECORDS)).expect("redb reads");
        let table = table.expect("the table is there");
        let (first, last) = (load::key(stream, 0), load::key(stream, u64::MAX));
        let found = table.range(first.as_slice()..=last.as_slice()).expect("redb reads").next_back();
        found.map_or(0, |item| load::sequence(item.expect("redb reads").0.value()) + 1)
    }

    fn read(&self, stream: Stream, from: u64, records: usize) -> usize {
        let table = self.redb.begin_read().map(|begun| begun.open_table(RECORDS)).expect("redb reads");
        let table = table.expect("the table is there");
        let first = load::key(stream, from);
        let items = table.range(first.as_slice()..).expect("redb reads").take(records);
        items.map(|item| item.expect("redb reads").1.value().to_vec().len()).sum()
    }
}
