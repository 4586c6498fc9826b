//! Our store, as the pipeline uses it: records in, receipts out.

use crate::{engine::Engine, load};
use edge_agent::store::{Store, StoreConfig};
use firmware_protocol::network::{Record, Stream};
use std::path::Path;

pub struct Ours(Store);

impl Ours {
    pub fn open(folder: &Path) -> Self {
        let config = StoreConfig {
            path: folder.join("store"),
            bytes_max: 1 << 40,
            cache_bytes: load::CACHE_BYTES,
            ..StoreConfig::default()
        };
        Self(Store::open(&config).expect("the journal opens"))
    }
}

impl Engine for Ours {
    fn append(&mut self, group: &[Record]) {
        let receipts: Vec<_> = group.iter().map(|record| self.0.append(record).expect("the store is open")).collect();
        for receipt in receipts {
            receipt.wait().expect("the disk takes it");
        }
    }

    fn next(&self, stream: Stream) -> u64 {
        self.0.stats().streams[stream as usize].next_sequence
    }

    fn read(&self, stream: Stream, from: u64, records: usize) -> usize {
        let mut found = Vec::new();
        self.0.read(stream, from, records, usize::MAX, &mut found).expect("the journal reads");
        found.iter().map(Vec::len).sum()
    }
}
