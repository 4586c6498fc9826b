//! The thread that owns the journal: takes what is queued, writes it as one group, waits for the disk once.
//!
//! Whatever arrives while the disk works forms the next group, so a record waits for two flushes at most and nobody
//! sets a timer. When the disk fails, the writer keeps taking records into memory (callers must not wait for a sick
//! disk), drops by worth beyond `pending_bytes_max`, and tries again; what it dropped becomes a loss once it can write.

use super::{
    StoreConfig, StoreError,
    entry::{HEADER_BYTES, index},
    journal::{Journal, encoded_loss},
    sealing::Sealing,
    shedding,
};
use crate::{backoff::Backoff, queue, time};
use firmware_protocol::network::Stream;
use std::{collections::VecDeque, thread, time::Duration};
use tokio::sync::oneshot;

/// Between two looks at the queue while the disk is sick.
const LOOK_MS: u64 = 5;
/// First and longest wait between two tries to write, milliseconds: a disk that someone frees is used within a second.
const RETRY_MS: (u64, u64) = (50, 1_000);
/// Shedding frees a little more than it must, so that it is not done for every group.
const SHED_SHARE: u64 = 20;

type Told = oneshot::Sender<Result<u64, StoreError>>;

/// Tells when a record is on disk. Dropping it does not take the record back.
#[derive(Debug)]
pub struct Receipt(oneshot::Receiver<Result<u64, StoreError>>);

impl Receipt {
    /// Waits until the record is on disk: its sequence. Not for async code.
    pub fn wait(self) -> Result<u64, StoreError> {
        self.0.blocking_recv().unwrap_or(Err(StoreError::Closed))
    }

    /// The same for async code.
    pub async fn on_disk(self) -> Result<u64, StoreError> {
        self.0.await.unwrap_or(Err(StoreError::Closed))
    }
}

/// What the writer is asked to do.
pub(super) enum Work {
    Append { stream: Stream, payload: Vec<u8>, told: Told },
    Forget { stream: Stream, below: u64 },
    Follow { stream: Stream, hub_next: u64, told: Told },
}

impl Work {
    pub(super) fn append(stream: Stream, payload: Vec<u8>) -> (Self, Receipt) {
        let (told, receipt) = oneshot::channel();
        (Self::Append { stream, payload, told }, Receipt(receipt))
    }

    pub(super) fn follow(stream: Stream, hub_next: u64) -> (Self, Receipt) {
        let (told, receipt) = oneshot::channel();
        (Self::Follow { stream, hub_next, told }, Receipt(receipt))
    }
}

#[derive(Default)]
struct Group {
    records: [VecDeque<(Vec<u8>, Told)>; 3],
    /// Dropped before the first of `records`, while the disk took none.
    dropped: [u64; 3],
    forget_below: [u64; 3],
    follow: Vec<(Stream, u64, Told)>,
    bytes: u64,
    works: usize,
}

impl Group {
    fn add(&mut self, work: Work) {
        self.works += 1;
        match work {
            Work::Append { stream, payload, told } => {
                self.bytes += (payload.len() + HEADER_BYTES) as u64;
                self.records[index(stream)].push_back((payload, told));
            }
            Work::Forget { stream, below } => {
                let held = &mut self.forget_below[index(stream)];
                *held = below.max(*held);
            }
            Work::Follow { stream, hub_next, told } => self.follow.push((stream, hub_next, told)),
        }
    }

    /// Drops the oldest of the least worth until at most `bytes_max` are left.
    fn shrink(&mut self, bytes_max: u64) {
        for stream in [Stream::Telemetry, Stream::Tracks, Stream::Events] {
            while self.bytes > bytes_max
                && let Some((payload, told)) = self.records[index(stream)].pop_front()
            {
                self.bytes -= (payload.len() + HEADER_BYTES) as u64;
                self.dropped[index(stream)] += 1;
                metrics::counter!("store_dropped_records_total", "stream" => stream.name()).increment(1);
                let _ = told.send(Err(StoreError::Dropped));
            }
        }
    }
}

/// The journal's only writer.
pub(super) struct Writer {
    config: StoreConfig,
    journal: Journal,
    works: queue::Receiver<Work>,
    free_bytes: Box<dyn Fn() -> u64 + Send>,
    sealing: Sealing,
}

impl Writer {
    pub(super) fn new(
        config: StoreConfig,
        journal: Journal,
        works: queue::Receiver<Work>,
        free_bytes: Box<dyn Fn() -> u64 + Send>,
    ) -> Self {
        let sealing = Sealing::new(config.head_bytes);
        Self { config, journal, works, free_bytes, sealing }
    }

    /// Works until every sender is gone and the queue is empty.
    pub(super) fn run(mut self) {
        while let Some(first) = self.works.receive() {
            let mut group = Group::default();
            group.add(first);
            while group.works < self.config.group_records_max
                && let Some(work) = self.works.try_receive()
            {
                group.add(work);
            }
            if let Err(error) = self.commit(&mut group) {
                self.outlast(group, error);
            }
            self.sealing.go_on(&self.journal);
        }
    }

    fn commit(&mut self, group: &mut Group) -> Result<(), StoreError> {
        self.forget(group)?;
        self.follow(group)?;
        let records: usize = group.records.iter().map(VecDeque::len).sum();
        if records == 0 && group.dropped == [0; 3] {
            return Ok(());
        }
        let began_us = time::monotonic_us();
        let free_bytes = (self.free_bytes)();
        let needed_bytes = self.config.disk_reserve_bytes / 4;
        if free_bytes < needed_bytes {
            return Err(StoreError::Full { free_bytes, needed_bytes });
        }
        let mut change = self.journal.change();
        let kept_bytes: u64 = change.streams.iter().map(|stream| stream.bytes).sum();
        let over_bytes = (kept_bytes + group.bytes).saturating_sub(self.config.bytes_max);
        if over_bytes > 0 || free_bytes < self.config.disk_reserve_bytes {
            self.sealing.settle(&self.journal)?;
        }
        if over_bytes > 0 {
            shedding::shed(&self.journal, &mut change, over_bytes + self.config.bytes_max / SHED_SHARE)?;
        } else if free_bytes < self.config.disk_reserve_bytes {
            // sled uses again what is freed inside its file, and a part's room is the disk's: as much goes as comes.
            shedding::shed(&self.journal, &mut change, group.bytes * 2)?;
        }
        let mut sequences: [u64; 3] = [0; 3];
        for stream in Stream::ALL {
            let at = index(stream);
            if group.dropped[at] > 0 {
                let from = change.streams[at].next_sequence;
                let to = from + group.dropped[at] - 1;
                change.append(stream, &encoded_loss(stream, from, to, "dropped: the disk took no writes".into()));
                change.streams[at].lost += group.dropped[at];
            }
            sequences[at] = change.streams[at].next_sequence;
            for (payload, _) in &group.records[at] {
                change.append(stream, payload);
            }
        }
        self.journal.commit(change)?;
        for (records, first_sequence) in group.records.iter_mut().zip(sequences) {
            for ((_, told), sequence) in records.drain(..).zip(first_sequence..) {
                let _ = told.send(Ok(sequence));
            }
        }
        (group.dropped, group.bytes, group.works) = ([0; 3], 0, 0);
        metrics::counter!("store_records_total").increment(records as u64);
        metrics::histogram!("store_group_records").record(records as f64);
        metrics::histogram!("store_commit_seconds").record((time::monotonic_us() - began_us) as f64 / 1e6);
        Ok(())
    }

    /// Forgetting is a change of its own: what the next one sheds must not be what the hub has just taken.
    fn forget(&self, group: &mut Group) -> Result<(), StoreError> {
        if group.forget_below == [0; 3] {
            return Ok(());
        }
        let mut change = self.journal.change();
        for stream in Stream::ALL {
            self.journal.forget_below(&mut change, stream, group.forget_below[index(stream)])?;
        }
        self.journal.commit(change)?;
        group.forget_below = [0; 3];
        Ok(())
    }

    fn follow(&mut self, group: &mut Group) -> Result<(), StoreError> {
        while let Some((stream, hub_next, _)) = group.follow.first() {
            self.sealing.settle(&self.journal)?;
            let mut change = self.journal.change();
            self.journal.follow_hub(&mut change, *stream, *hub_next)?;
            self.journal.commit(change)?;
            let (_, hub_next, told) = group.follow.remove(0);
            let _ = told.send(Ok(hub_next));
        }
        Ok(())
    }

    /// Tries again and again, taking what arrives meanwhile into memory; gives up only when the store is dropped.
    fn outlast(&mut self, mut group: Group, mut error: StoreError) {
        let mut backoff = Backoff::new(RETRY_MS.0, RETRY_MS.1, self.journal.shared().epoch());
        tracing::error!(%error, "nothing is written; records wait in memory");
        loop {
            metrics::counter!("store_commit_failures_total").increment(1);
            self.journal.shared().set_fault(Some(error.to_string()));
            let until_us = time::monotonic_us() + backoff.next_ms() * 1_000;
            while time::monotonic_us() < until_us {
                match self.works.try_receive() {
                    Some(work) => group.add(work),
                    None if self.works.is_closed() => break,
                    None => thread::sleep(Duration::from_millis(LOOK_MS)),
                }
                group.shrink(self.config.pending_bytes_max);
                self.journal.shared().set_pending_bytes(group.bytes);
            }
            let tried = match error {
                StoreError::Full { .. } => Ok(()),
                _ => self.journal.reopen(),
            };
            match tried.and_then(|()| self.commit(&mut group)) {
                Ok(()) => {
                    self.journal.shared().set_pending_bytes(0);
                    self.journal.shared().set_fault(None);
                    tracing::warn!(tries = backoff.tries(), "the disk takes writes again");
                    return;
                }
                Err(_) if self.works.is_closed() => {
                    let records: usize = group.records.iter().map(VecDeque::len).sum();
                    tracing::error!(records, "closed with records that never reached the disk");
                    return;
                }
                Err(again) => error = again,
            }
        }
    }
}
