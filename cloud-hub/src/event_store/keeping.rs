//! Group commit: everything that waits is kept in one transaction, so a hundred boxes wait for one disk.
//!
//! Batches that arrive while the disk works form the next group. A group that fails is tried one by one, so that a
//! batch no engine takes does not hold the others back.

use super::EventStore;
use crate::{
    ingest::Handover,
    storage::{
        StorageError,
        records::{Delivery, Kept},
    },
};
use firmware_protocol::network::Answer;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Batches in one commit: enough to spread the wait for the disk, few enough to answer within its time limit.
const GROUP_BATCHES_MAX: usize = 64;
/// What a box is told to wait when the disk failed.
const RETRY_AFTER_MS: u32 = 1_000;

pub(super) async fn run(store: &EventStore, mut handovers: mpsc::Receiver<Handover>, stop: CancellationToken) {
    let mut group = Vec::with_capacity(GROUP_BATCHES_MAX);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            count = handovers.recv_many(&mut group, GROUP_BATCHES_MAX) => if count == 0 { return },
        }
        let (deliveries, answers): (Vec<Delivery>, Vec<oneshot::Sender<Answer>>) =
            group.drain(..).map(|handover| (handover.delivery, handover.answer)).unzip();
        metrics::histogram!("event_store_group_batches").record(deliveries.len() as f64);
        match keep(store, &deliveries).await {
            Ok(kept) => kept.answers.into_iter().zip(answers).for_each(|(answer, to)| tell(to, answer)),
            Err(error) if deliveries.len() == 1 => answers.into_iter().for_each(|to| tell(to, failed(&error))),
            Err(error) => {
                tracing::warn!(batches = deliveries.len(), %error, "a group was not kept: trying its batches one by one");
                for (delivery, to) in deliveries.iter().zip(answers) {
                    let answer = match keep(store, std::slice::from_ref(delivery)).await {
                        Ok(mut kept) => kept.answers.pop().unwrap_or_else(|| failed(&"no answer")),
                        Err(error) => failed(&error),
                    };
                    tell(to, answer);
                }
            }
        }
    }
}

async fn keep(store: &EventStore, deliveries: &[Delivery]) -> Result<Kept, StorageError> {
    let began_us = crate::time::monotonic_us();
    let kept = store.database.keep(deliveries).await?;
    metrics::histogram!("event_store_commit_seconds")
        .record(crate::time::monotonic_us().saturating_sub(began_us) as f64 / 1e6);
    metrics::counter!("event_store_records_total").increment(kept.records);
    metrics::counter!("event_store_duplicates_total").increment(kept.duplicates);
    if kept.quarantined > 0 {
        metrics::counter!("event_store_quarantined_total").increment(kept.quarantined);
        tracing::warn!(records = kept.quarantined, "records could not be opened: set aside in table quarantine");
    }
    if let Some(offset) = kept.event {
        EventStore::advance(&store.event, offset);
    }
    if let Some(offset) = kept.tracks {
        EventStore::advance(&store.tracks, offset);
    }
    Ok(kept)
}

fn failed(error: &dyn std::fmt::Display) -> Answer {
    tracing::error!(%error, "a batch was not kept: its box will send it again");
    metrics::counter!("event_store_commit_failures_total").increment(1);
    Answer::Busy { retry_after_ms: RETRY_AFTER_MS }
}

fn tell(to: oneshot::Sender<Answer>, answer: Answer) {
    // A box that went away meanwhile asks again and is told then.
    let _ = to.send(answer);
}
