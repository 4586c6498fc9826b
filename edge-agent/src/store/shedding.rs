//! Makes room: telemetry first, then the oldest tracks, events last. What goes is replaced by one loss that stands at
//! its first sequence number and spans to its last.

use super::{
    StoreError, StreamStats,
    entry::{HEADER_BYTES, index},
    journal::{Change, Journal, encoded_loss, loss_in},
};
use firmware_protocol::network::Stream;
use std::ops::ControlFlow;

const REASON: &str = "shed: the store was full";

/// Adds to `change` that about `bytes` of the least worth go. Gives the bytes that went.
pub(super) fn shed(journal: &Journal, change: &mut Change, bytes: u64) -> Result<u64, StoreError> {
    let mut shed = 0;
    for stream in [Stream::Telemetry, Stream::Tracks, Stream::Events] {
        if shed < bytes {
            shed += shed_stream(journal, change, stream, bytes - shed)?;
        }
    }
    Ok(shed)
}

fn shed_stream(journal: &Journal, change: &mut Change, stream: Stream, bytes: u64) -> Result<u64, StoreError> {
    let parts = journal.parts().oldest(stream, bytes);
    if let (Some(first), Some(last)) = (parts.first(), parts.last()) {
        let freed = parts.iter().map(|part| part.bytes).sum();
        let before = journal.before(stream, first.first)?.and_then(|(sequence, value)| {
            let loss = loss_in(value.get(HEADER_BYTES..).unwrap_or_default())?;
            (loss.reason == REASON).then_some((sequence, loss.to, value.len()))
        });
        let span = (first.first, last.last);
        for part in parts {
            change.retire(part);
        }
        tell(change, stream, before, span, freed);
        // Losses stand between the other parts; with the next group, they are the oldest.
        return Ok(freed.max(bytes));
    }
    // Losses that stand before the oldest record: the last of them grows when it says the same.
    let mut before: Option<(u64, u64, usize)> = None;
    let mut going: Vec<(u64, usize)> = Vec::new();
    let mut freed = 0u64;
    journal.walk(stream, |sequence, value| {
        match loss_in(value.get(HEADER_BYTES..).unwrap_or_default()) {
            Some(loss) if going.is_empty() => {
                before = (loss.reason == REASON).then_some((sequence, loss.to, value.len()));
                return ControlFlow::Continue(());
            }
            // A loss in between has its own reason and stays.
            Some(_) => return ControlFlow::Break(()),
            None => {}
        }
        if freed >= bytes {
            return ControlFlow::Break(());
        }
        going.push((sequence, value.len()));
        freed += value.len() as u64;
        ControlFlow::Continue(())
    })?;
    let (Some((first, _)), Some((last, _))) = (going.first().copied(), going.last().copied()) else { return Ok(0) };
    for (sequence, length) in &going {
        change.remove(stream, *sequence, *length);
    }
    tell(change, stream, before, (first, last), freed);
    Ok(freed)
}

/// Puts the loss of `first..=last` in their place; `before` is one that says the same, its last number, and its length.
fn tell(change: &mut Change, stream: Stream, before: Option<(u64, u64, usize)>, (first, last): (u64, u64), bytes: u64) {
    let from = match before.filter(|(_, to, _)| to + 1 == first) {
        Some((from, _, length)) => {
            change.remove(stream, from, length);
            from
        }
        None => first,
    };
    change.put(stream, from, &encoded_loss(stream, from, last, REASON.into()));
    let StreamStats { lost, .. } = &mut change.streams[index(stream)];
    *lost += last - first + 1;
    metrics::counter!("store_shed_records_total", "stream" => stream.name()).increment(last - first + 1);
    tracing::warn!(stream = stream.name(), from = first, to = last, bytes, "the store is full: records were shed");
}
