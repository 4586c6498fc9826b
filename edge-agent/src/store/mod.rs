//! Keeps every record until the hub has it: a journal in sled, and in an outage sealed parts beside it.
//!
//! ```text
//!  append ─► queue (bounded, waits) ─► writer thread: one group, one fsync ─► receipts, committed()
//!                                        ▲       │ oldest, beyond head_bytes      │
//!  forget_below ─────────────────────────┘       ▼                                ▼
//!                                     <path>.parts: sealed files ─► read ◄── uplink
//! ```
//!
//! Comes in: [`Record`]s. Goes out: the same, encoded, in order, by `(stream, sequence)`, once their group is on disk.
//! Never: panics the box, shows a record that is not on disk, uses a sequence number twice.
//!
//! *Offline* the journal fills: what sled has no room for is sealed into files (`sealing.rs`, `parts.rs`), so that five
//! gigabytes open in a second and cost no memory. At `bytes_max` it sheds telemetry, then the oldest tracks, events
//! last; what is shed is replaced by one `Record::Lost` that stands at the first lost sequence and spans to the last, so
//! the hub can account for every number. *Disk full:* records wait in memory, then go by worth, and become a loss too
//! once the disk takes writes again; callers never wait for a sick disk. *Corrupt:* the folder is moved to
//! `<path>.broken-<n>`, what can be read is salvaged into a new one under the same epoch and the same sequence numbers,
//! holes become losses, and numbering goes on far beyond the last one known, because how many records the torn end held
//! cannot be known. *Torn unnoticed* (sled cuts off a torn end by itself): the uplink asks the hub first what it holds,
//! see [`Store::follow_hub`]. *Power cut:* a record is acknowledged once the disk itself has it (`durable.rs`: sled's own
//! flush does not wait for that); numbers that a cut tore off were never acknowledged and become losses.

mod config;
mod durable;
mod entry;
mod journal;
mod mending;
mod parts;
mod reading;
mod salvage;
mod sealing;
mod survey;
mod shedding;
mod writer;
#[cfg(test)]
mod tests;

pub use config::StoreConfig;
pub use salvage::holds_journal;
pub use writer::Receipt;

use crate::queue;
use firmware_protocol::network::{self, Record, Stream};
use journal::Journal;
use reading::Shared;
use std::{path::PathBuf, sync::Arc, thread::JoinHandle};
use tokio::sync::watch;
use writer::{Work, Writer};

/// What the store cannot do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be used at all.
    #[error("store {path}: {reason} (is another edge-agent running, and may this user write there?)")]
    Open {
        /// Which folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The disk takes no writes.
    #[error("store: disk full, {free_bytes} bytes free (needs {needed_bytes}): free some or lower store.bytes_max")]
    Full {
        /// Bytes free.
        free_bytes: u64,
        /// Bytes that must stay free.
        needed_bytes: u64,
    },
    /// The journal failed to read or write.
    #[error("store: {0}")]
    Engine(String),
    /// The record was dropped before it reached the disk, and is counted in a loss.
    #[error("store: dropped before it reached the disk, which takes no writes")]
    Dropped,
    /// The store is closed.
    #[error("store: closed")]
    Closed,
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        Self::Engine(error.to_string())
    }
}

impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        Self::Engine(error.to_string())
    }
}

/// What is held of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct StreamStats {
    /// First sequence the hub has not acknowledged.
    pub first_sequence: u64,
    /// Sequence of the next record.
    pub next_sequence: u64,
    /// Bytes kept.
    pub bytes: u64,
    /// Sequence numbers lost since the store was opened: shed, dropped or not salvaged.
    pub lost: u64,
}

/// What the store holds and how it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct StoreStats {
    /// The journal's epoch.
    pub epoch: u64,
    /// Events, tracks, telemetry.
    pub streams: [StreamStats; 3],
    /// Bytes of records that wait in memory because the disk takes none.
    pub pending_bytes: u64,
    /// Why nothing is written now, if so.
    pub fault: Option<String>,
}

/// The journal. Share it in an `Arc`; dropping it commits what is queued.
pub struct Store {
    shared: Arc<Shared>,
    queue: Option<queue::Sender<Work>>,
    writer: Option<JoinHandle<()>>,
}

impl Store {
    /// Opens the journal, making or salvaging it where that is needed.
    pub fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        let path = config.path.clone();
        Self::open_measuring(config, move || journal::free_bytes(&path))
    }

    /// The same, asking `free_bytes` how much room the disk has.
    pub(crate) fn open_measuring(
        config: &StoreConfig,
        free_bytes: impl Fn() -> u64 + Send + 'static,
    ) -> Result<Self, StoreError> {
        let journal = Journal::open(config)?;
        let shared = journal.shared().clone();
        let (queue, works) = queue::bounded("store", config.queue_records_max, queue::Overflow::Wait);
        let writer = Writer::new(config.clone(), journal, works, Box::new(free_bytes));
        let writer = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run())
            .map_err(|error| StoreError::Open { path: config.path.clone(), reason: error.to_string() })?;
        Ok(Self { shared, queue: Some(queue), writer: Some(writer) })
    }

    /// Queues a record; waits only when the queue is full. The receipt tells when it is on disk, and its sequence.
    pub fn append(&self, record: &Record) -> Result<Receipt, StoreError> {
        let (work, receipt) = Work::append(record.stream(), network::encode(record));
        self.send(work)?;
        Ok(receipt)
    }

    /// Queues a record and waits until it is on disk: its sequence. Not for async code.
    pub fn append_and_wait(&self, record: &Record) -> Result<u64, StoreError> {
        self.append(record)?.wait()
    }

    /// Puts consecutive records of `stream` into `records`, beginning at `from_sequence` or at the first one kept, and
    /// gives the sequence of the first. Ends before `records_max`, before `bytes_max` (but gives one at least), and
    /// after a loss that spans several numbers. Gives only what is on disk.
    pub fn read(
        &self,
        stream: Stream,
        from_sequence: u64,
        records_max: usize,
        bytes_max: usize,
        records: &mut Vec<Vec<u8>>,
    ) -> Result<u64, StoreError> {
        self.shared.read(stream, from_sequence, records_max, bytes_max, records)
    }

    /// The hub holds everything of `stream` below `sequence`: it may be forgotten here. Takes effect soon.
    pub fn forget_below(&self, stream: Stream, sequence: u64) -> Result<(), StoreError> {
        self.send(Work::Forget { stream, below: sequence })
    }

    /// The hub holds everything of `stream` below `hub_next`, which is more than this journal held when it was opened:
    /// its end was torn off unnoticed. What was appended since is moved behind `hub_next`, because the hub would take
    /// it for duplicates. Once a start, before anything of the stream is shipped.
    pub fn follow_hub(&self, stream: Stream, hub_next: u64) -> Result<Receipt, StoreError> {
        let (work, receipt) = Work::follow(stream, hub_next);
        self.send(work)?;
        Ok(receipt)
    }

    /// Next sequence of `stream` when the journal was opened.
    pub fn opened_at(&self, stream: Stream) -> u64 {
        self.shared.opened_at(stream)
    }

    /// The journal's epoch: drawn when it was made.
    pub fn epoch(&self) -> u64 {
        self.shared.epoch()
    }

    /// Next sequence of each stream (events, tracks, telemetry), moving as groups reach the disk.
    pub fn committed(&self) -> watch::Receiver<[u64; 3]> {
        self.shared.committed()
    }

    /// What it holds and how it is. Cheap.
    pub fn stats(&self) -> StoreStats {
        self.shared.stats()
    }

    fn send(&self, work: Work) -> Result<(), StoreError> {
        self.queue.as_ref().ok_or(StoreError::Closed)?.send(work).map_err(|_| StoreError::Closed)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the store's writer had panicked: what was queued is lost");
        }
    }
}
