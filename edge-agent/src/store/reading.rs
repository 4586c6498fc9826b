//! What readers and the writer share of the journal: what is committed, from sealed parts and from sled alike.
//!
//! Comes in: a stream and a sequence. Goes out: records from there on. Never: shows what is not on disk; passes over a
//! number that nothing accounts for.

use super::{
    StoreError, StoreStats, StreamStats,
    entry::{self, Entry, index},
    journal::{encoded_loss, key, last_sequence, locked, loss_in, sequence_of},
    parts::{Draft, Parts},
};
use firmware_protocol::network::{Loss, Stream};
use std::sync::{
    Mutex, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};
use tokio::sync::watch;

/// Looks for a record that is just moving from sled into a part, or out of one.
const LOOKS_MAX: usize = 8;

/// What readers and the writer share.
pub(super) struct Shared {
    pub(super) epoch: u64,
    pub(super) opened_at: [u64; 3],
    pub(super) sled: RwLock<Option<sled::Db>>,
    pub(super) parts: Parts,
    pub(super) streams: Mutex<[StreamStats; 3]>,
    pub(super) pending_bytes: AtomicU64,
    pub(super) fault: Mutex<Option<String>>,
    pub(super) committed: watch::Sender<[u64; 3]>,
}

impl Shared {
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn opened_at(&self, stream: Stream) -> u64 {
        self.opened_at[index(stream)]
    }

    pub(super) fn committed(&self) -> watch::Receiver<[u64; 3]> {
        self.committed.subscribe()
    }

    pub(super) fn stats(&self) -> StoreStats {
        StoreStats {
            epoch: self.epoch,
            streams: *locked(&self.streams),
            pending_bytes: self.pending_bytes.load(Ordering::Relaxed),
            fault: locked(&self.fault).clone(),
        }
    }

    pub(super) fn set_pending_bytes(&self, bytes: u64) {
        self.pending_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn set_fault(&self, fault: Option<String>) {
        *locked(&self.fault) = fault;
    }

    pub(super) fn with_sled<T>(&self, work: impl FnOnce(&sled::Db) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let sled = self.sled.read().unwrap_or_else(PoisonError::into_inner);
        work(sled.as_ref().ok_or_else(|| StoreError::Engine("not open, because of an earlier failure".into()))?)
    }

    /// Bytes of the records of each stream that stand in sled.
    pub(super) fn head_bytes(&self) -> [u64; 3] {
        let sealed = self.parts.bytes();
        let streams = *locked(&self.streams);
        [0, 1, 2].map(|at: usize| streams[at].bytes.saturating_sub(sealed[at]))
    }

    pub(super) fn read(
        &self,
        stream: Stream,
        from_sequence: u64,
        records_max: usize,
        bytes_max: usize,
        records: &mut Vec<Vec<u8>>,
    ) -> Result<u64, StoreError> {
        records.clear();
        let mut from = from_sequence;
        for _ in 0..LOOKS_MAX {
            let StreamStats { first_sequence, next_sequence, .. } = locked(&self.streams)[index(stream)];
            from = from_sequence.max(first_sequence);
            if from >= next_sequence {
                return Ok(from);
            }
            if let Some(part) = self.parts.holding(stream, from) {
                let read = self.parts.read(&part, from, records_max, bytes_max, records);
                read.map_err(|error| StoreError::Engine(format!("a sealed part: {error}")))?;
            } else {
                self.read_sled(stream, (from, next_sequence), records_max, bytes_max, records)?;
            }
            if !records.is_empty() {
                break;
            }
        }
        Ok(from)
    }

    /// Writes the oldest records of `stream` that stand in sled, up to about `bytes_max` bytes or the next loss, as a
    /// part that nobody knows yet.
    pub(super) fn draft(&self, stream: Stream, bytes_max: u64) -> Result<Option<Draft>, StoreError> {
        let StreamStats { first_sequence, next_sequence, .. } = locked(&self.streams)[index(stream)];
        let from = self.parts.end(stream).max(first_sequence);
        let mut bytes = Vec::with_capacity(bytes_max as usize + entry::HEADER_BYTES);
        let mut sequences: Option<(u64, u64)> = None;
        self.with_sled(|sled| {
            for item in sled.range(key(stream, from)..key(stream, next_sequence)) {
                let (found_key, value) = item?;
                let sequence = sequence_of(&found_key);
                let record = Entry::exactly(&value).filter(|entry| {
                    (entry.sequence, entry.epoch) == (sequence, self.epoch) && loss_in(entry.payload).is_none()
                });
                match (record, sequences) {
                    (Some(_), None) => sequences = Some((sequence, sequence)),
                    (Some(_), Some((first, last))) if last + 1 == sequence => sequences = Some((first, sequence)),
                    // Losses stay in sled, where they may grow.
                    (None, None) => continue,
                    _ => break,
                }
                bytes.extend_from_slice(&value);
                if bytes.len() as u64 >= bytes_max {
                    break;
                }
            }
            Ok(())
        })?;
        let draft = sequences.map(|(first, last)| self.parts.write(stream, first, last, &bytes));
        draft.transpose().map_err(|error| StoreError::Engine(format!("a sealed part: {error}")))
    }

    fn read_sled(
        &self,
        stream: Stream,
        (from, before): (u64, u64),
        records_max: usize,
        bytes_max: usize,
        records: &mut Vec<Vec<u8>>,
    ) -> Result<(), StoreError> {
        self.with_sled(|sled| {
            let mut bytes_left = bytes_max;
            let mut expected = from;
            // A loss that began earlier may span `from`: what is left of it comes first.
            if let Some(loss) = spanning_loss(sled, stream, expected)? {
                records.push(encoded_loss(stream, expected, loss.to, loss.reason));
                return Ok(());
            }
            for item in sled.range(key(stream, from)..key(stream, before)) {
                let (found_key, value) = item?;
                let sequence = sequence_of(&found_key);
                if sequence != expected {
                    break;
                }
                let payload = match Entry::exactly(&value).filter(|entry| entry.sequence == sequence) {
                    Some(entry) => entry.payload.to_vec(),
                    // It was whole when the journal was opened: the disk lies. Its number is still accounted for.
                    None => encoded_loss(stream, sequence, sequence, "unreadable on disk".into()),
                };
                if !records.is_empty() && (records.len() >= records_max || payload.len() > bytes_left) {
                    break;
                }
                let last = last_sequence(sequence, &payload);
                bytes_left = bytes_left.saturating_sub(payload.len());
                records.push(payload);
                if last > sequence {
                    break;
                }
                expected = sequence + 1;
            }
            Ok(())
        })
    }
}

/// The loss that began below `from` and spans it, if there is one.
fn spanning_loss(sled: &sled::Db, stream: Stream, from: u64) -> Result<Option<Loss>, StoreError> {
    let Some(before) = sled.range(key(stream, 0)..key(stream, from)).next_back() else { return Ok(None) };
    let (_, value) = before?;
    Ok(Entry::exactly(&value).and_then(|entry| loss_in(entry.payload)).filter(|loss| loss.to >= from))
}
