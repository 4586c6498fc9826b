//! Moves what is oldest in sled into sealed parts, a little with every group, so that sled stays small.
//!
//! sled 0.34 opens slower and takes more memory the more it holds, and its file never shrinks. A box that reaches its
//! hub never seals anything: what is acknowledged is gone long before. In an outage one part after another is written
//! and synced on a thread of its own, then cleared out of sled. One step a group, so no group waits long; only when sled
//! holds twice its share, a few more are made. When a step fails, the records stay in sled, as they would
//! without parts.

use super::{
    StoreError,
    entry::index,
    journal::Journal,
    parts::{Draft, Part},
    reading::Shared,
};
use firmware_protocol::network::Stream;
use std::{
    io, mem,
    thread::{self, JoinHandle},
};

/// Longest part: little to sync at once, and 5 GB are five thousand files.
const PART_BYTES_MAX: u64 = 1 << 20;
/// Parts to sled's share: what waits to be sealed is little beside it.
const PARTS_PER_HEAD: u64 = 6;
/// Records cleared out of sled in one step.
const CLEARED_RECORDS: u64 = 1_024;
/// Steps with one group when sled holds twice its share: two parts or so, more than any group brings. A journal that an
/// earlier version left whole in sled is sealed over many groups.
const STEPS_MAX: usize = 8;

enum Step {
    Idle,
    /// It is being copied out of sled and on its way to the disk.
    Sealing(JoinHandle<Result<Option<Draft>, StoreError>>),
    /// The part is on disk; what stands in sled from this sequence on up to its last is there twice.
    Clearing(Part, u64),
}

/// Where the next step begins.
pub(super) struct Sealing {
    head_bytes: u64,
    part_bytes: u64,
    /// After a failure: bytes in sled at which it is tried again.
    rests_below: u64,
    step: Step,
}

impl Sealing {
    /// `head_bytes` is sled's share.
    pub(super) fn new(head_bytes: u64) -> Self {
        let part_bytes = (head_bytes / PARTS_PER_HEAD).clamp(1, PART_BYTES_MAX);
        Self { head_bytes, part_bytes, rests_below: 0, step: Step::Idle }
    }

    /// Makes a step, or more when sled holds far more than its share.
    pub(super) fn go_on(&mut self, journal: &Journal) {
        for _ in 0..STEPS_MAX {
            let held_bytes = journal.shared().head_bytes().iter().sum::<u64>();
            let is_much = held_bytes > 2 * self.head_bytes;
            match &self.step {
                Step::Idle if held_bytes <= self.head_bytes.max(self.rests_below) => return,
                Step::Sealing(sealing) if !is_much && !sealing.is_finished() => return,
                _ => {}
            }
            if let Err(error) = self.step(journal) {
                self.rests_below = held_bytes + self.part_bytes;
                metrics::counter!("store_seal_failures_total").increment(1);
                tracing::warn!(%error, "the oldest records stay in sled: no part could be written");
                return;
            }
            if !is_much {
                return;
            }
        }
    }

    /// Before what is sealed may be shed or renumbered: clears what is in a part out of sled, and forgets a draft.
    pub(super) fn settle(&mut self, journal: &Journal) -> Result<(), StoreError> {
        while let Step::Clearing(..) = self.step {
            self.step(journal)?;
        }
        self.abandon();
        Ok(())
    }

    fn abandon(&mut self) {
        if let Step::Sealing(sealing) = mem::replace(&mut self.step, Step::Idle)
            && let Ok(Ok(Some(draft))) = sealing.join()
        {
            draft.abandon();
        }
    }

    fn step(&mut self, journal: &Journal) -> Result<(), StoreError> {
        match mem::replace(&mut self.step, Step::Idle) {
            Step::Idle => {
                let (shared, part_bytes) = (journal.shared().clone(), self.part_bytes);
                let seal = move || {
                    let Some(draft) = fullest(&shared).map_or(Ok(None), |stream| shared.draft(stream, part_bytes))?
                    else {
                        return Ok(None);
                    };
                    let sealed = draft.seal();
                    sealed.inspect_err(|_| draft.abandon()).map(|()| Some(draft)).map_err(fault)
                };
                let thread = thread::Builder::new().name("store-sealing".into()).spawn(seal);
                self.step = Step::Sealing(thread.map_err(fault)?);
            }
            Step::Sealing(sealing) => {
                let sealed = sealing.join().map_err(|_| StoreError::Engine("sealing panicked".into()))??;
                let Some(draft) = sealed else {
                    // Nothing to seal now is no reason to look again at once.
                    self.rests_below = journal.shared().head_bytes().iter().sum::<u64>() + self.part_bytes;
                    return Ok(());
                };
                self.rests_below = 0;
                // Acknowledged meanwhile, it is not worth its file.
                if journal.streams()[index(draft.part.stream)].first_sequence > draft.part.first {
                    draft.abandon();
                    return Ok(());
                }
                journal.parts().hold(&draft.part);
                metrics::counter!("store_sealed_bytes_total").increment(draft.part.bytes);
                let first = draft.part.first;
                self.step = Step::Clearing(draft.part, first);
            }
            Step::Clearing(part, from) => {
                let to = part.last.min(from + CLEARED_RECORDS - 1);
                let cleared = journal.clear(part.stream, from, to);
                let next = if cleared.is_ok() { to + 1 } else { from };
                if next <= part.last {
                    self.step = Step::Clearing(part, next);
                }
                cleared?;
            }
        }
        Ok(())
    }
}

impl Drop for Sealing {
    fn drop(&mut self) {
        self.abandon();
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
fn fault(error: io::Error) -> StoreError {
    StoreError::Engine(format!("a sealed part: {error}"))
}

/// The stream of which sled holds most.
fn fullest(shared: &Shared) -> Option<Stream> {
    let held_bytes = shared.head_bytes();
    Stream::ALL.into_iter().max_by_key(|stream| held_bytes[index(*stream)])
}
