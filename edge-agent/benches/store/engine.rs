//! What is asked of an engine; one file for each beside this.

use crate::{fjall::Fjall, ours::Ours, plain::Plain, redb::Redb, sled::Sled, sqlite::Sqlite};
use firmware_protocol::network::{Record, Stream};
use std::path::Path;

/// A journal of records by stream and sequence.
pub trait Engine {
    /// Appends `group` behind what is there; on disk when it returns.
    fn append(&mut self, group: &[Record]);
    /// Sequence of the next record of `stream`, as the journal itself says.
    fn next(&self, stream: Stream) -> u64;
    /// Reads `records` records of `stream` from `from` on: their bytes.
    fn read(&self, stream: Stream, from: u64, records: usize) -> usize;
}

/// The engine called `name`, in `folder`.
pub fn open(name: &str, folder: &Path) -> Box<dyn Engine> {
    match name {
        "ours" => Box::new(Ours::open(folder)),
        "sled" => Box::new(Sled::open(folder)),
        "sqlite" => Box::new(Sqlite::open(folder)),
        "redb" => Box::new(Redb::open(folder)),
        "fjall" => Box::new(Fjall::open(folder)),
        "plain" => Box::new(Plain::open(folder)),
        _ => panic!("no engine {name}: see ENGINES"),
    }
}
