//! The durable lane: the oldest unacknowledged records of the worthiest stream, batch after batch.
//!
//! Each answer of the hub names the first sequence it does not hold, and that is where the lane goes on: forward after
//! `Kept`, back (or forward) after `Gap`. A gap that this box cannot fill any more, because the hub had acknowledged
//! the records and lost them since, or refused them, is closed by a loss that says so.

use super::{Link, LinkError, UplinkConfig, UplinkState, refused};
use crate::{
    backoff::Backoff,
    store::{Store, StoreError},
    time,
};
use firmware_protocol::network::{self, Acknowledgement, Answer, Batch, Loss, Record, Stream, topic};
use std::time::Duration;
use tokio::sync::watch;

/// First wait after a failure, milliseconds.
const RETRY_FIRST_MS: u64 = 50;
/// How often a batch is refused before it is set aside: a hub that was configured wrong for a minute must not cost it.
const REFUSALS_MAX: u32 = 5;
/// Longest wait after a refusal, milliseconds.
const REFUSAL_WAIT_MAX_MS: u64 = 60_000;
/// The longest a hub may tell the box to wait, milliseconds.
const BUSY_MAX_MS: u32 = 30_000;

/// What to do next.
enum Next {
    GoOn,
    WaitMs(u64),
}

pub(super) struct Lane<'a, L> {
    config: &'a UplinkConfig,
    link: &'a L,
    store: &'a Store,
    state: &'a watch::Sender<UplinkState>,
    backoff: Backoff,
    refusals: Backoff,
    /// First sequence of each stream the hub is known not to hold.
    next_sequences: [u64; 3],
    /// Whether the hub has said, since the start, what it holds of each stream.
    greeted: [bool; 3],
    records: Vec<Vec<u8>>,
}

impl<'a, L: Link> Lane<'a, L> {
    pub(super) fn new(
        config: &'a UplinkConfig,
        link: &'a L,
        store: &'a Store,
        state: &'a watch::Sender<UplinkState>,
    ) -> Self {
        Self {
            config,
            link,
            store,
            state,
            backoff: Backoff::new(RETRY_FIRST_MS, config.retry_max_ms, store.epoch()),
            refusals: Backoff::new(1_000, REFUSAL_WAIT_MAX_MS, store.epoch()),
            next_sequences: store.stats().streams.map(|stream| stream.first_sequence),
            greeted: [false; 3],
            records: Vec::new(),
        }
    }

    /// Ships for ever.
    pub(super) async fn run(mut self) {
        let mut committed = self.store.committed();
        loop {
            let next_sequences = *committed.borrow_and_update();
            let waiting = Stream::ALL
                .into_iter()
                .find(|stream| self.next_sequences[*stream as usize] < next_sequences[*stream as usize]);
            let Some(stream) = waiting else {
                if committed.changed().await.is_err() {
                    return std::future::pending().await;
                }
                continue;
            };
            match self.ship(stream).await {
                Ok(Next::GoOn) => {}
                Ok(Next::WaitMs(wait_ms)) => wait(wait_ms).await,
                Err(error) => {
                    let wait_ms = self.backoff.next_ms();
                    // Once an outage, not once a try.
                    if self.backoff.tries() == 1 {
                        tracing::warn!(%error, "uplink: trying again until the hub answers");
                    }
                    self.state.send_modify(|state| {
                        state.connected = Some(false);
                        state.error = Some(error.to_string());
                    });
                    metrics::counter!("uplink_failures_total").increment(1);
                    wait(wait_ms).await;
                }
            }
        }
    }

    /// Ships one batch of `stream`.
    async fn ship(&mut self, stream: Stream) -> Result<Next, ShipError> {
        if !self.greeted[stream as usize] {
            return self.greet(stream).await;
        }
        let batch = self.batch(stream)?;
        if batch.records.is_empty() {
            // Shed or forgotten between the look and the read.
            self.next_sequences[stream as usize] = batch.first_sequence;
            return Ok(Next::GoOn);
        }
        let answer = self.ask(&batch).await?;
        self.settle(&batch, answer)
    }

    /// Asks, once a start, what the hub holds of `stream`: an empty batch is kept at once. A hub that holds more than
    /// was in the journal at its opening shows that the journal lost its end.
    async fn greet(&mut self, stream: Stream) -> Result<Next, ShipError> {
        let (edge, epoch) = (self.config.edge.clone(), self.store.epoch());
        let batch = Batch { edge, epoch, stream, first_sequence: 0, records: Vec::new() };
        let answer = self.ask(&batch).await?;
        if let Answer::Kept { next_sequence } = answer {
            self.greeted[stream as usize] = true;
            if next_sequence > self.store.opened_at(stream) {
                self.store.follow_hub(stream, next_sequence)?.on_disk().await?;
            }
        }
        self.settle(&batch, answer)
    }

    async fn ask(&mut self, batch: &Batch) -> Result<Answer, ShipError> {
        let key = topic::records(&self.config.venue, &self.config.edge, batch.stream);
        let timeout = Duration::from_millis(self.config.timeout_ms);
        let began_us = time::monotonic_us();
        let bytes = self.link.ask(&key, network::encode(batch), timeout).await?;
        let acknowledgement: Acknowledgement = network::decode(&bytes).map_err(|_| ShipError::Nonsense)?;
        if (acknowledgement.epoch, acknowledgement.stream) != (batch.epoch, batch.stream) {
            return Err(ShipError::Nonsense);
        }
        metrics::histogram!("uplink_round_trip_seconds").record((time::monotonic_us() - began_us) as f64 / 1e6);
        if self.backoff.tries() > 0 {
            tracing::info!(tries = self.backoff.tries(), "uplink: the hub answers again");
        }
        self.backoff.succeeded();
        Ok(acknowledgement.answer)
    }

    /// The records to send next. Where the hub wants older ones than are kept, a loss in their place.
    fn batch(&mut self, stream: Stream) -> Result<Batch, StoreError> {
        let wanted = self.next_sequences[stream as usize];
        let UplinkConfig { batch_records_max, batch_bytes_max, .. } = *self.config;
        let mut records = std::mem::take(&mut self.records);
        let mut first_sequence = self.store.read(stream, wanted, batch_records_max, batch_bytes_max, &mut records)?;
        if first_sequence > wanted {
            let reason = "the hub had acknowledged or refused these and does not hold them".into();
            tracing::error!(stream = stream.name(), from = wanted, to = first_sequence - 1, reason, "uplink: a gap");
            let loss = Loss { stream, from: wanted, to: first_sequence - 1, reason };
            records = vec![network::encode(&Record::Lost(loss))];
            first_sequence = wanted;
        }
        Ok(Batch { edge: self.config.edge.clone(), epoch: self.store.epoch(), stream, first_sequence, records })
    }

    fn settle(&mut self, batch: &Batch, answer: Answer) -> Result<Next, ShipError> {
        let stream = batch.stream;
        let position = &mut self.next_sequences[stream as usize];
        let (next, refused) = match answer {
            Answer::Kept { next_sequence } => {
                self.store.forget_below(stream, next_sequence)?;
                let kept = next_sequence.saturating_sub(batch.first_sequence).min(batch.records.len() as u64);
                metrics::counter!("uplink_records_total", "stream" => stream.name()).increment(kept);
                self.state.send_modify(|state| {
                    state.acknowledged_us = Some(time::utc_us());
                    state.records += kept;
                });
                *position = next_sequence;
                self.refusals.succeeded();
                (Next::GoOn, None)
            }
            Answer::Gap { next_sequence } => {
                tracing::warn!(
                    stream = stream.name(),
                    sent = batch.first_sequence,
                    next_sequence,
                    "uplink: the hub wants others"
                );
                metrics::counter!("uplink_gaps_total").increment(1);
                *position = next_sequence;
                // A hub that answers nonsense must not make the box spin.
                (Next::WaitMs(RETRY_FIRST_MS), None)
            }
            Answer::Busy { retry_after_ms } => {
                metrics::counter!("uplink_busy_total").increment(1);
                (Next::WaitMs(u64::from(retry_after_ms.clamp(1, BUSY_MAX_MS))), None)
            }
            Answer::Refused { reason } => {
                metrics::counter!("uplink_refused_total").increment(1);
                tracing::error!(
                    stream = stream.name(),
                    first = batch.first_sequence,
                    reason,
                    "uplink: the hub refuses a batch"
                );
                let wait_ms = self.refusals.next_ms();
                if self.refusals.tries() >= REFUSALS_MAX {
                    refused::set_aside(&self.config.refused, batch).map_err(ShipError::SetAside)?;
                    let after = batch.first_sequence + batch.records.len() as u64;
                    self.store.forget_below(stream, after)?;
                    *position = after;
                    self.refusals.succeeded();
                    self.state.send_modify(|state| state.refused += 1);
                }
                (Next::WaitMs(wait_ms), Some(reason))
            }
        };
        self.state.send_modify(|state| {
            state.connected = Some(true);
            state.error = refused;
        });
        Ok(next)
    }
}

async fn wait(wait_ms: u64) {
    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
}

#[derive(Debug, thiserror::Error)]
enum ShipError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the hub's answer does not decode, or answers something else")]
    Nonsense,
    #[error("a refused batch cannot be set aside: {0}")]
    SetAside(std::io::Error),
}
