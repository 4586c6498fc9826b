//! fjall: one batch a group, its journal synced with it.

use crate::{
    engine::Engine,
    load::{self, Numbering},
};
use firmware_protocol::network::{Record, Stream};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use std::path::Path;

pub struct Fjall {
    database: Database,
    records: Keyspace,
    numbering: Numbering,
}

impl Fjall {
    pub fn open(folder: &Path) -> Self {
        let fjall = Database::builder(folder.join("fjall")).cache_size(load::CACHE_BYTES).open().expect("fjall opens");
        let records = fjall.keyspace("records", KeyspaceCreateOptions::default).expect("fjall makes its keyspace");
        let mut opened = Self { database: fjall, records, numbering: Numbering::default() };
        opened.numbering.next = Stream::ALL.map(|stream| opened.next(stream));
        opened
    }
}

impl Engine for Fjall {
    fn append(&mut self, group: &[Record]) {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for (key, bytes) in self.numbering.keyed(group) {
            batch.insert(&self.records, key, bytes);
        }
        batch.commit().expect("fjall commits");
    }

    fn next(&self, stream: Stream) -> u64 {
        let last = self.records.prefix([stream as u8]).next_back();
        last.map_or(0, |item| load::sequence(&item.key().expect("fjall reads")) + 1)
    }

    fn read(&self, stream: Stream, from: u64, records: usize) -> usize {
        let items = self.records.range(load::key(stream, from)..).take(records);
        items.map(|item| item.value().expect("fjall reads").to_vec().len()).sum()
    }
}
