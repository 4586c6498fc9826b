//! Makes a stream whole again: every number from the first kept on is a record, in sled or in a sealed part, or a loss.

use super::{
    StreamStats,
    entry::{Entry, Kind},
    journal::{encoded_loss, key, last_sequence},
    parts::Parts,
};
use firmware_protocol::network::{Loss, Stream};
use std::cell::Cell;

/// Why a number is lost that no file holds.
pub(super) const NOT_FOUND: &str = "not found in the journal";
/// Why a number is lost whose record does not open.
pub(super) const UNREADABLE: &str = "unreadable in the journal";

/// Checks every value of `stream` in sled, fills holes with losses (with what `told` says of them, if it does), lets go of
/// what a sealed part holds as well and of parts that are done with, and skips `skipped` numbers at the end.
pub(super) fn mend_stream(
    sled: &sled::Db,
    parts: &Parts,
    epoch: u64,
    stream: Stream,
    told: &[Loss],
    skipped: u64,
) -> sled::Result<StreamStats> {
    let acknowledged = sled.get([0xFF, stream as u8])?;
    let acknowledged = match acknowledged.as_deref().map(Entry::exactly) {
        Some(Some(Entry { kind: Kind::Acknowledged, sequence, .. })) => sequence,
        // Unreadable: everything below the oldest record was acknowledged.
        Some(_) => {
            let oldest = sled.scan_prefix([stream as u8]).keys().next().transpose()?.map(|key| number(&key));
            let sealed = parts.of(stream).first().map(|part| part.first);
            oldest.into_iter().chain(sealed).min().unwrap_or(0)
        }
        None => 0,
    };
    let mut stats = StreamStats { first_sequence: acknowledged, next_sequence: acknowledged, bytes: 0, lost: 0 };
    let mut changes = sled::Batch::default();
    let mended = Cell::new(0u64);
    let lose = |stats: &mut StreamStats, from: u64, to: u64, reason: &str| {
        let payload = encoded_loss(stream, from, to, reason.into());
        let value = Entry { kind: Kind::Record, stream, epoch, sequence: from, payload: &payload }.to_bytes();
        stats.bytes += value.len() as u64;
        stats.lost += to - from + 1;
        mended.set(mended.get() + 1);
        tracing::error!(stream = stream.name(), from, to, reason, "records are lost");
        (key(stream, from), value)
    };
    // Up to what is there; what is said of a hole elsewhere is no new loss.
    let fill = |stats: &mut StreamStats, changes: &mut sled::Batch, next: u64| {
        let mut from = stats.next_sequence;
        while from < next {
            let (to, reason) = why(told, from, next - 1);
            let (key, value) = lose(stats, from, to, reason.unwrap_or(NOT_FOUND));
            stats.lost -= if reason.is_some() { to - from + 1 } else { 0 };
            changes.insert(&key, value);
            from = to + 1;
        }
    };
    let mut sealed = parts.of(stream).into_iter().peekable();
    for item in sled.scan_prefix([stream as u8]).map(Some).chain([None]) {
        let (found_key, value) = item.transpose()?.unzip();
        let sequence = found_key.as_deref().map_or(u64::MAX, number);
        while let Some(part) = sealed.next_if(|part| part.first <= sequence) {
            if part.last < stats.next_sequence {
                parts.remove(&part);
                continue;
            }
            fill(&mut stats, &mut changes, part.first);
            stats.bytes += part.bytes;
            stats.next_sequence = part.last + 1;
        }
        let Some((found_key, value)) = found_key.zip(value) else { break };
        if sequence < stats.next_sequence || found_key.len() != 9 {
            changes.remove(found_key);
            continue;
        }
        fill(&mut stats, &mut changes, sequence);
        let whole = Entry::exactly(&value).filter(|entry| {
            (entry.kind, entry.epoch, entry.stream, entry.sequence) == (Kind::Record, epoch, stream, sequence)
        });
        if let Some(entry) = whole {
            stats.bytes += value.len() as u64;
            stats.next_sequence = last_sequence(sequence, entry.payload) + 1;
        } else {
            let (key, value) = lose(&mut stats, sequence, sequence, UNREADABLE);
            changes.insert(&key, value);
            stats.next_sequence = sequence + 1;
        }
    }
    if skipped > 0 {
        let from = stats.next_sequence;
        let (key, value) = lose(&mut stats, from, from + skipped - 1, Loss::SKIPPED);
        changes.insert(&key, value);
        stats.next_sequence = from + skipped;
    }
    sled.apply_batch(changes)?;
    if mended.get() > 0 {
        sled.flush()?;
    }
    Ok(stats)
}

/// What `told` says of `from`, and how far that goes, at most to `to`.
fn why(told: &[Loss], from: u64, to: u64) -> (u64, Option<&str>) {
    match told.iter().filter(|loss| loss.from <= from && from <= loss.to).max_by_key(|loss| loss.to) {
        Some(loss) => (to.min(loss.to), Some(&loss.reason)),
        None => {
            (told.iter().filter(|loss| loss.from > from).map(|loss| loss.from - 1).min().unwrap_or(to).min(to), None)
        }
    }
}

fn number(key: &[u8]) -> u64 {
    key.get(1..9).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes)
}
