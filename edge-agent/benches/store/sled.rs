//! Bare sled: a batch, then a flush. No checksums, no counts, no salvage.

use crate::{
    engine::Engine,
    load::{self, Numbering},
};
use firmware_protocol::network::{Record, Stream};
use std::path::Path;

pub struct Sled {
    sled: sled::Db,
    numbering: Numbering,
}

impl Sled {
    pub fn open(folder: &Path) -> Self {
        let config =
            sled::Config::new().path(folder.join("sled")).cache_capacity(load::CACHE_BYTES).flush_every_ms(None);
        let mut opened = Self { sled: config.open().expect("sled opens"), numbering: Numbering::default() };
        opened.numbering.next = Stream::ALL.map(|stream| opened.next(stream));
        opened
    }
}

impl Engine for Sled {
    fn append(&mut self, group: &[Record]) {
        let mut batch = sled::Batch::default();
        for (key, bytes) in self.numbering.keyed(group) {
            batch.insert(&key, bytes);
        }
        self.sled.apply_batch(batch).expect("sled takes a batch");
        self.sled.flush().expect("sled flushes");
    }

    fn next(&self, stream: Stream) -> u64 {
        let last = self.sled.scan_prefix([stream as u8]).next_back();
        last.map_or(0, |item| load::sequence(&item.expect("sled reads").0) + 1)
    }

    fn read(&self, stream: Stream, from: u64, records: usize) -> usize {
        let items = self.sled.range(load::key(stream, from)..).take(records);
        items.map(|item| item.expect("sled reads").1.to_vec().len()).sum()
    }
}
