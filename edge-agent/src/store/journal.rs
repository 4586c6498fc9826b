//! The journal on disk: sled, keyed `(stream, sequence)`, and before it the sealed parts (`parts.rs`) of what no longer
//! fits. Only `writer.rs` changes it; readers see what is committed (`reading.rs`).
//!
//! sled 0.34 counts its keys by walking them and never shrinks its file, so lengths and bytes are counted here, once at
//! opening and then in step. After a failed write sled refuses everything until it is opened anew: [`Journal::reopen`].

use super::{
    StoreConfig, StoreError, StreamStats,
    durable::SledFiles,
    entry::{self, Entry, Kind, index},
    parts::{Part, Parts},
    reading::Shared,
    salvage,
};
use firmware_protocol::network::{self, Loss, Record, Stream};
use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, atomic::AtomicU64, mpsc},
    thread,
    time::Duration,
};
use tokio::sync::watch;

/// How long sled may take to close after a failed write: its own threads end what they write.
const CLOSING: Duration = Duration::from_secs(5);

const EPOCH_KEY: [u8; 2] = [0xFF, 0xFF];

pub(super) fn key(stream: Stream, sequence: u64) -> [u8; 9] {
    let mut key = [stream as u8; 9];
    key[1..].copy_from_slice(&sequence.to_be_bytes());
    key
}

fn void_key(stream: Stream) -> [u8; 2] {
    [0xFE, stream as u8]
}

/// Removes the parts of `stream` that a renumbering left void, for good, and the word that says so.
pub(super) fn drop_void(sled: &sled::Db, parts: &Parts, stream: Stream) -> Result<(), StoreError> {
    let Some(value) = sled.get(void_key(stream))? else { return Ok(()) };
    let below = value.as_ref().try_into().map_or(0, u64::from_be_bytes);
    parts.below(stream, below).iter().for_each(|part| parts.remove(part));
    parts.sync().map_err(|error| StoreError::Engine(format!("a sealed part: {error}")))?;
    sled.remove(void_key(stream))?;
    sled.flush()?;
    Ok(())
}

fn acknowledged_key(stream: Stream) -> [u8; 2] {
    [0xFF, stream as u8]
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn sequence_of(key: &[u8]) -> u64 {
    key.get(1..9).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes)
}

/// The loss that `payload` is, if it is one.
pub(super) fn loss_in(payload: &[u8]) -> Option<Loss> {
    // The variant stands right behind the version byte: other records are told apart without being decoded.
    if payload.get(1) != Some(&3) {
        return None;
    }
    match network::decode(payload) {
        Ok(Record::Lost(loss)) => Some(loss),
        _ => None,
    }
}

/// The last sequence number that the record at `sequence` accounts for.
pub(super) fn last_sequence(sequence: u64, payload: &[u8]) -> u64 {
    loss_in(payload).map_or(sequence, |loss| loss.to.max(sequence))
}

pub(super) fn encoded_loss(stream: Stream, from: u64, to: u64, reason: String) -> Vec<u8> {
    network::encode(&Record::Lost(Loss { stream, from, to, reason }))
}

/// Bytes free on the disk that holds `path`; everything when it cannot be told.
pub(super) fn free_bytes(path: &Path) -> u64 {
    rustix::fs::statvfs(path).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Changes to be made at once, and what they do to the counts.
pub(super) struct Change {
    epoch: u64,
    batch: sled::Batch,
    pub(super) streams: [StreamStats; 3],
    appends: bool,
    /// Parts nobody needs once this is made.
    retired: Vec<Part>,
    /// Streams whose parts are in old numbers once this is made.
    renumbered: Vec<Stream>,
}

impl Change {
    /// Puts a record at the end of `stream`: its sequence.
    pub(super) fn append(&mut self, stream: Stream, payload: &[u8]) -> u64 {
        let sequence = self.streams[index(stream)].next_sequence;
        self.put(stream, sequence, payload);
        self.streams[index(stream)].next_sequence = last_sequence(sequence, payload) + 1;
        self.appends = true;
        sequence
    }

    /// Puts a record at `sequence`, where there is none.
    pub(super) fn put(&mut self, stream: Stream, sequence: u64, payload: &[u8]) {
        let value = Entry { kind: Kind::Record, stream, epoch: self.epoch, sequence, payload }.to_bytes();
        self.streams[index(stream)].bytes += value.len() as u64;
        self.batch.insert(&key(stream, sequence), value);
    }

    /// Removes the record at `sequence`, whose value is `bytes` long.
    pub(super) fn remove(&mut self, stream: Stream, sequence: u64, bytes: usize) {
        self.batch.remove(&key(stream, sequence));
        let held = &mut self.streams[index(stream)].bytes;
        *held = held.saturating_sub(bytes as u64);
    }

    /// Removes a record that a sealed part holds as well: there it counts.
    pub(super) fn clear(&mut self, stream: Stream, sequence: u64) {
        self.batch.remove(&key(stream, sequence));
    }

    /// Removes all that is in `part`.
    pub(super) fn retire(&mut self, part: Part) {
        let held = &mut self.streams[index(part.stream)].bytes;
        *held = held.saturating_sub(part.bytes);
        self.retired.push(part);
    }

    /// Says with this change that parts of `stream` below its next sequence are void: a power cut may bring one back.
    fn void_parts(&mut self, stream: Stream) {
        self.batch.insert(&void_key(stream), &self.streams[index(stream)].next_sequence.to_be_bytes());
        self.renumbered.push(stream);
    }

    /// The hub holds everything below `sequence`.
    pub(super) fn acknowledge(&mut self, stream: Stream, sequence: u64) {
        let value = Entry { kind: Kind::Acknowledged, stream, epoch: self.epoch, sequence, payload: &[] }.to_bytes();
        self.batch.insert(&acknowledged_key(stream), value);
        self.streams[index(stream)].first_sequence = sequence;
    }
}

/// The journal, as its only writer holds it.
pub(super) struct Journal {
    config: StoreConfig,
    shared: Arc<Shared>,
    files: Mutex<SledFiles>,
}

impl Journal {
    pub(super) fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        let salvage::Opened { sled, epoch, streams, parts } = salvage::open(config)?;
        let files = Mutex::new(SledFiles::open(&config.path)?);
        let shared = Shared {
            epoch,
            opened_at: streams.map(|stream| stream.next_sequence),
            sled: RwLock::new(Some(sled)),
            parts,
            streams: Mutex::new(streams),
            pending_bytes: AtomicU64::new(0),
            fault: Mutex::new(None),
            committed: watch::Sender::new(streams.map(|stream| stream.next_sequence)),
        };
        Ok(Self { config: config.clone(), shared: Arc::new(shared), files })
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) fn streams(&self) -> [StreamStats; 3] {
        *locked(&self.shared.streams)
    }

    /// Begins a change of what is committed now.
    pub(super) fn change(&self) -> Change {
        let (batch, streams) = (sled::Batch::default(), self.streams());
        Change { epoch: self.shared.epoch, batch, streams, appends: false, retired: Vec::new(), renumbered: Vec::new() }
    }

    /// Makes a change, and waits for the disk when it adds records or does without a part. When it fails, nothing of it
    /// is shown; made again, it writes the same keys.
    pub(super) fn commit(&self, change: Change) -> Result<(), StoreError> {
        let Change { batch, streams, appends, retired, renumbered, .. } = change;
        self.shared.with_sled(|sled| {
            sled.apply_batch(batch)?;
            if appends || !retired.is_empty() {
                sled.flush()?;
                locked(&self.files).sync()?;
            }
            Ok(())
        })?;
        *locked(&self.shared.streams) = streams;
        for part in &retired {
            self.shared.parts.remove(part);
        }
        for stream in renumbered {
            self.shared.with_sled(|sled| drop_void(sled, &self.shared.parts, stream))?;
        }
        self.shared.committed.send_if_modified(|committed| {
            let next = streams.map(|stream| stream.next_sequence);
            std::mem::replace(committed, next) != next
        });
        Ok(())
    }

    /// Adds to `change` that everything of `stream` below `below` goes, because the hub holds it.
    pub(super) fn forget_below(&self, change: &mut Change, stream: Stream, below: u64) -> Result<(), StoreError> {
        let StreamStats { first_sequence, next_sequence, .. } = change.streams[index(stream)];
        if below > next_sequence {
            tracing::error!(
                stream = stream.name(),
                below,
                next_sequence,
                "the hub holds more than this journal ever wrote: is this an old copy of the store?"
            );
        }
        let below = below.min(next_sequence);
        if below <= first_sequence {
            return Ok(());
        }
        self.shared.parts.below(stream, below).into_iter().for_each(|part| change.retire(part));
        self.shared.with_sled(|sled| {
            for item in sled.range(key(stream, first_sequence)..key(stream, below)) {
                let (found_key, value) = item?;
                let sequence = sequence_of(&found_key);
                if self.shared.parts.holding(stream, sequence).is_some() {
                    change.clear(stream, sequence);
                    continue;
                }
                change.remove(stream, sequence, value.len());
                let payload = value.get(entry::HEADER_BYTES..).unwrap_or_default();
                // The hub has the first part of a loss: the rest is still to be told.
                if let Some(loss) = loss_in(payload).filter(|loss| loss.to >= below) {
                    change.put(stream, below, &encoded_loss(stream, below, loss.to, loss.reason));
                }
            }
            change.acknowledge(stream, below);
            Ok(())
        })
    }

    /// Adds to `change` that what was appended to `stream` since the opening moves behind `hub_next`.
    pub(super) fn follow_hub(&self, change: &mut Change, stream: Stream, hub_next: u64) -> Result<(), StoreError> {
        let opened_at = self.shared.opened_at(stream);
        let mut moving = Vec::new();
        for part in self.shared.parts.of(stream) {
            let mut next = part.first.max(opened_at);
            while next <= part.last {
                let mut records = Vec::new();
                let read = self.shared.parts.read(&part, next, usize::MAX, usize::MAX, &mut records);
                read.map_err(|error| StoreError::Engine(format!("a sealed part: {error}")))?;
                let spanned = records.last().map_or(next, |last| last_sequence(next, last));
                next = spanned.max(next + records.len() as u64 - 1) + 1;
                moving.append(&mut records);
            }
            change.retire(part);
        }
        if !change.retired.is_empty() {
            change.void_parts(stream);
        }
        self.walk(stream, |sequence, value| {
            change.remove(stream, sequence, value.len());
            if sequence >= opened_at {
                moving.push(value.get(entry::HEADER_BYTES..).unwrap_or_default().to_vec());
            }
            std::ops::ControlFlow::Continue(())
        })?;
        tracing::error!(
            stream = stream.name(),
            opened_at,
            hub_next,
            moved = moving.len(),
            "the end of the journal was torn off: the hub holds more than was found here"
        );
        change.acknowledge(stream, hub_next);
        change.streams[index(stream)].next_sequence = hub_next;
        // What a loss among them says is in old numbers; its records never were the hub's, so it goes unsaid.
        moving.iter().filter(|payload| loss_in(payload).is_none()).for_each(|payload| {
            change.append(stream, payload);
        });
        Ok(())
    }

    /// Walks the records of `stream` from the oldest on, until `visit` has seen enough.
    pub(super) fn walk(
        &self,
        stream: Stream,
        mut visit: impl FnMut(u64, &[u8]) -> std::ops::ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.shared.with_sled(|sled| {
            for item in sled.scan_prefix([stream as u8]) {
                let (found_key, value) = item?;
                if visit(sequence_of(&found_key), &value).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// The sealed parts.
    pub(super) fn parts(&self) -> &Parts {
        &self.shared.parts
    }

    /// What stands in sled last before `sequence` of `stream`.
    pub(super) fn before(&self, stream: Stream, sequence: u64) -> Result<Option<(u64, sled::IVec)>, StoreError> {
        self.shared.with_sled(|sled| {
            let before = sled.range(key(stream, 0)..key(stream, sequence)).next_back().transpose()?;
            Ok(before.map(|(found_key, value)| (sequence_of(&found_key), value)))
        })
    }

    /// Takes the records `from..=to` of `stream` out of sled, because a part holds them.
    pub(super) fn clear(&self, stream: Stream, from: u64, to: u64) -> Result<(), StoreError> {
        self.shared.with_sled(|sled| {
            let mut batch = sled::Batch::default();
            for item in sled.range(key(stream, from)..=key(stream, to)).keys() {
                batch.remove(item?);
            }
            Ok(sled.apply_batch(batch)?)
        })
    }

    /// Closes sled and opens it anew, after a failure. What is committed stays what it was.
    ///
    /// When the failed write was one into `blobs/`, sled never closes: then it is left alone, and nothing is written
    /// until this program starts again.
    pub(super) fn reopen(&self) -> Result<(), StoreError> {
        let failed = self.shared.sled.write().unwrap_or_else(PoisonError::into_inner).take();
        let (done, closed) = mpsc::channel();
        thread::spawn(move || {
            drop(failed);
            let _ = done.send(());
        });
        if closed.recv_timeout(CLOSING).is_err() {
            return Err(StoreError::Engine("sled does not close after a failed write: restart edge-agent".into()));
        }
        let sled = salvage::open_sled(&self.config)?;
        *self.shared.sled.write().unwrap_or_else(PoisonError::into_inner) = Some(sled);
        Ok(())
    }
}

/// Writes the marks of a new journal.
pub(super) fn mark_new(sled: &sled::Db, epoch: u64) -> Result<(), StoreError> {
    let value = Entry { kind: Kind::Epoch, stream: Stream::Events, epoch, sequence: 0, payload: &[] }.to_bytes();
    sled.insert(EPOCH_KEY, value)?;
    sled.flush()?;
    Ok(())
}
