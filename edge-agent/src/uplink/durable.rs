//! The durable lane: the oldest unacknowledged records of the worthiest stream, a window of batches at a time.
//!
//! The batches of a window are asked side by side and settled in order, up to the first that was not kept. Each answer of the hub names the first sequence it does not hold, and that is where the lane goes on: forward after
//! `Kept`, back (or forward) after `Gap`. A gap that this box cannot fill any more, because the hub had acknowledged
//! the records and lost them since, or refused them, is closed by a loss that says so.

use super::{
    Link, LinkError, UplinkConfig, UplinkState,
    budget::{Budget, PACED_BATCH_BYTES},
    refused,
};
use crate::{
    backoff::Backoff,
    store::{Store, StoreError},
    time,
};
use firmware_protocol::network::{self, Acknowledgement, Answer, Batch, Loss, Record, Stream, topic};
use futures_util::future::join_all;
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
    budget: &'a Budget,
    backoff: Backoff,
    refusals: Backoff,
    /// First sequence of each stream the hub is known not to hold.
    next_sequences: [u64; 3],
    /// Whether the hub has said, since the start, what it holds of each stream.
    greeted: [bool; 3],
    /// Over a metered link, when what is not an event goes next, microseconds of the monotonic clock; 0 while it goes.
    rest_us: u64,
}

impl<'a, L: Link> Lane<'a, L> {
    pub(super) fn new(
        config: &'a UplinkConfig,
        link: &'a L,
        store: &'a Store,
        state: &'a watch::Sender<UplinkState>,
        budget: &'a Budget,
    ) -> Self {
        Self {
            config,
            link,
            store,
            state,
            budget,
            backoff: Backoff::new(RETRY_FIRST_MS, config.retry_max_ms, store.epoch()),
            refusals: Backoff::new(1_000, REFUSAL_WAIT_MAX_MS, store.epoch()),
            next_sequences: store.stats().streams.map(|stream| stream.first_sequence),
            greeted: [false; 3],
            rest_us: 0,
        }
    }

    /// Ships for ever.
    pub(super) async fn run(mut self) {
        let mut committed = self.store.committed();
        loop {
            let next_sequences = *committed.borrow_and_update();
            let waits = |stream: &Stream| self.next_sequences[*stream as usize] < next_sequences[*stream as usize];
            let (events, rest) = (waits(&Stream::Events), Stream::ALL.into_iter().skip(1).find(waits));
            let rest_wait_us = self.rest_us.saturating_sub(time::monotonic_us());
            let stream = match rest {
                _ if events => Stream::Events,
                Some(stream) if rest_wait_us == 0 => {
                    self.rest_us = 0;
                    stream
                }
                _ => {
                    if self.config.metered && self.rest_us == 0 {
                        // All of it went: the link may rest.
                        self.rest_us = time::monotonic_us() + self.config.metered_every_ms * 1_000;
                        continue;
                    }
                    let due = async {
                        match rest {
                            Some(_) => wait(rest_wait_us.div_ceil(1_000)).await,
                            None => std::future::pending().await,
                        }
                    };
                    tokio::select! {
                        alive = committed.changed() => if alive.is_err() { return std::future::pending().await },
                        () = due => {}
                    }
                    continue;
                }
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

    /// Ships a window of `stream`.
    async fn ship(&mut self, stream: Stream) -> Result<Next, ShipError> {
        if !self.greeted[stream as usize] {
            return self.greet(stream).await;
        }
        let batches = self.window(stream)?;
        let answers = join_all(batches.iter().map(|batch| self.ask(batch))).await;
        for (batch, answer) in batches.iter().zip(answers) {
            let next = self.settle(batch, answer?)?;
            let after = batch.first_sequence + batch.records.len() as u64;
            if !matches!(next, Next::GoOn) || self.next_sequences[stream as usize] != after {
                // The rest was sent in vain, or the hub holds more than was known.
                return Ok(next);
            }
        }
        Ok(Next::GoOn)
    }

    /// Asks, once a start, what the hub holds of `stream`: an empty batch is kept at once. A hub that holds more than
    /// was in the journal at its opening shows that the journal lost its end.
    async fn greet(&mut self, stream: Stream) -> Result<Next, ShipError> {
        let batch = self.batch(stream, 0, Vec::new());
        let answer = self.ask(&batch).await?;
        if let Answer::Kept { next_sequence } = answer {
            self.greeted[stream as usize] = true;
            if next_sequence > self.store.opened_at(stream) {
                self.store.follow_hub(stream, next_sequence)?.on_disk().await?;
            }
        }
        self.settle(&batch, answer)
    }

    async fn ask(&self, batch: &Batch) -> Result<Answer, ShipError> {
        let key = topic::records(&self.config.venue, &self.config.edge, batch.stream);
        let timeout = Duration::from_millis(self.config.timeout_ms);
        let message = self.packed(network::encode(batch));
        loop {
            let now_us = time::monotonic_us();
            let wait_us = self.budget.wait_us(batch.stream, now_us);
            if wait_us == 0 {
                self.budget.ship(batch.stream, message.len(), now_us);
                break;
            }
            wait(wait_us.div_ceil(1_000)).await;
        }
        metrics::counter!("uplink_bytes_total").increment(message.len() as u64);
        let began_us = time::monotonic_us();
        let bytes = self.link.ask(&key, message, timeout).await?;
        let acknowledgement: Acknowledgement = network::decode(&bytes).map_err(|_| ShipError::Nonsense)?;
        if (acknowledgement.epoch, acknowledgement.stream) != (batch.epoch, batch.stream) {
            return Err(ShipError::Nonsense);
        }
        metrics::histogram!("uplink_round_trip_seconds").record((time::monotonic_us() - began_us) as f64 / 1e6);
        Ok(acknowledgement.answer)
    }

    /// The message as it travels.
    fn packed(&self, message: Vec<u8>) -> Vec<u8> {
        if !self.config.compress {
            return message;
        }
        let mut packed = vec![network::COMPRESSED];
        packed.extend(lz4_flex::block::compress_prepend_size(&message));
        if packed.len() < message.len() { packed } else { message }
    }

    /// The batches to send next, one after the other without a hole.
    fn window(&mut self, stream: Stream) -> Result<Vec<Batch>, StoreError> {
        let wanted = self.next_sequences[stream as usize];
        let (mut first_sequence, mut records) = self.read(stream, wanted)?;
        if first_sequence > wanted {
            // The hub wants older ones than are kept: a loss in their place, and nothing beside it.
            let reason = "the hub had acknowledged or refused these and does not hold them".into();
            tracing::error!(stream = stream.name(), from = wanted, to = first_sequence - 1, reason, "uplink: a gap");
            let loss = Loss { stream, from: wanted, to: first_sequence - 1, reason };
            return Ok(vec![self.batch(stream, wanted, vec![network::encode(&Record::Lost(loss))])]);
        }
        let mut batches = Vec::new();
        while !records.is_empty() {
            let after = first_sequence + records.len() as u64;
            batches.push(self.batch(stream, first_sequence, records));
            if batches.len() >= self.config.window_batches || self.is_paced(stream) {
                break;
            }
            (first_sequence, records) = self.read(stream, after)?;
            if first_sequence != after {
                // Shed meanwhile: the hub's answer says where to go on.
                break;
            }
        }
        Ok(batches)
    }

    fn read(&self, stream: Stream, from: u64) -> Result<(u64, Vec<Vec<u8>>), StoreError> {
        let (mut records, config) = (Vec::new(), self.config);
        let paced_bytes_max = if self.is_paced(stream) { PACED_BATCH_BYTES } else { usize::MAX };
        let bytes_max = config.batch_bytes_max.min(paced_bytes_max);
        let first = self.store.read(stream, from, config.batch_records_max, bytes_max, &mut records)?;
        Ok((first, records))
    }

    fn is_paced(&self, stream: Stream) -> bool {
        self.budget.is_paced(stream, time::monotonic_us())
    }

    fn batch(&self, stream: Stream, first_sequence: u64, records: Vec<Vec<u8>>) -> Batch {
        Batch { edge: self.config.edge.clone(), epoch: self.store.epoch(), stream, first_sequence, records }
    }

    fn settle(&mut self, batch: &Batch, answer: Answer) -> Result<Next, ShipError> {
        if self.backoff.tries() > 0 {
            tracing::info!(tries = self.backoff.tries(), "uplink: the hub answers again");
        }
        self.backoff.succeeded();
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
            state.carrier = self.link.carrier();
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
