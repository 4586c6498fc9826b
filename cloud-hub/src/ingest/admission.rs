//! Opens a batch and hands it over; what answers it, answers after the commit. Knows no network: Zenoh, MQTT and tests
//! come in through the same door.
//!
//! A batch that does not open, or speaks for another box, is refused. A record that does not open is handed over as
//! unreadable, because its sequence number must be counted or its stream would never go on.

use super::LiveBoard;
use crate::{
    storage::records::{Delivery, Opened},
    trust::Roster,
};
use firmware_protocol::network::{self, Acknowledgement, Answer, Batch, Record, Stream, topic};
use tokio::sync::{mpsc, oneshot};

/// What a box is told to wait when the queue is full, milliseconds.
const RETRY_AFTER_MS: u32 = 250;
/// Beyond any journal: a higher number is nonsense and must not overflow the table.
const SEQUENCE_MAX: u64 = 1 << 62;

/// A batch on its way to the event store, and where its answer goes.
#[derive(Debug)]
pub struct Handover {
    /// What is to be kept.
    pub delivery: Delivery,
    /// Told after the commit.
    pub answer: oneshot::Sender<Answer>,
}

/// The door for batches. Clones lead into the same queue.
#[derive(Debug, Clone)]
pub struct Admission {
    queue: mpsc::Sender<Handover>,
    batch_bytes_max: usize,
    roster: Option<Roster>,
}

impl Admission {
    /// A door into a queue of `batches_max`, and the queue's other end for the event store.
    pub fn new(batches_max: usize, batch_bytes_max: usize) -> (Self, mpsc::Receiver<Handover>) {
        let (queue, handovers) = mpsc::channel(batches_max);
        (Self { queue, batch_bytes_max, roster: None }, handovers)
    }

    /// The same door, for boxes on `roster` only.
    #[must_use]
    pub fn guarded(self, roster: Roster) -> Self {
        Self { roster: Some(roster), ..self }
    }

    /// Whether what is said at `key` may be heard: without a roster, always.
    fn lets_in(&self, key: &str) -> bool {
        let known = |roster: &Roster| topic::speaker(key).is_some_and(|(venue, edge)| roster.knows(venue, edge));
        self.roster.as_ref().is_none_or(known)
    }

    /// Batches that wait to be committed, and how many have room.
    pub fn queue(&self) -> (usize, usize) {
        let room = self.queue.max_capacity();
        (room - self.queue.capacity(), room)
    }

    /// Puts the state said at `key` on `board`, if it may be heard; `traceparent` stood beside it.
    pub fn show(&self, board: &LiveBoard, key: &str, payload: &[u8], traceparent: Option<&str>) {
        if self.lets_in(key) {
            board.hear(key, payload, traceparent);
        } else {
            metrics::counter!("ingest_live_states_total", "fate" => "refused").increment(1);
        }
    }

    /// Takes the bytes said at `key` and gives the bytes of the acknowledgement, after the commit. `None` when nothing
    /// can be answered: the bytes are not even a batch, the box is not on the roster, or the hub is stopping; the box asks
    /// again. A box that is not let in gets no answer rather than a refusal: it keeps its records until it is enrolled.
    pub async fn admit(&self, key: &str, payload: &[u8]) -> Option<Vec<u8>> {
        self.enter(key, payload)?.acknowledged().await
    }

    /// Takes the bytes said at `key` without waiting for the commit. Batches entered one after the other are kept in
    /// that order, whoever waits for which first. `None` when the bytes are not even a batch, or not from the roster.
    pub fn enter(&self, key: &str, payload: &[u8]) -> Option<Entered> {
        if !self.lets_in(key) {
            refused(key, "its box is not on the roster (never enrolled, or revoked)".into());
            return None;
        }
        let batch = match self.unpack(payload) {
            Ok(batch) => batch,
            Err(reason) => {
                refused(key, reason);
                return None;
            }
        };
        let (epoch, stream) = (batch.epoch, batch.stream);
        metrics::counter!("ingest_batches_total", "stream" => stream.name()).increment(1);
        let answer = match open(key, batch) {
            Ok(delivery) => self.hand_over(delivery)?,
            Err(reason) => Promised::Now(refused(key, reason)),
        };
        Some(Entered { epoch, stream, answer })
    }

    fn unpack(&self, payload: &[u8]) -> Result<Batch, String> {
        let too_large = |bytes: usize| format!("batch of {bytes} bytes (limit {})", self.batch_bytes_max);
        if payload.len() > self.batch_bytes_max {
            return Err(too_large(payload.len()));
        }
        let opened = match payload.split_first() {
            Some((&network::COMPRESSED, packed)) => {
                let (bytes, block) = lz4_flex::block::uncompressed_size(packed).map_err(|error| error.to_string())?;
                if bytes > self.batch_bytes_max {
                    return Err(too_large(bytes));
                }
                Some(lz4_flex::block::decompress(block, bytes).map_err(|error| error.to_string())?)
            }
            _ => None,
        };
        network::decode(opened.as_deref().unwrap_or(payload)).map_err(|error| error.to_string())
    }

    fn hand_over(&self, delivery: Delivery) -> Option<Promised> {
        let (answer, answered) = oneshot::channel();
        match self.queue.try_send(Handover { delivery, answer }) {
            Ok(()) => Some(Promised::Later(answered)),
            Err(mpsc::error::TrySendError::Full(_)) => {
                metrics::counter!("ingest_busy_total").increment(1);
                Some(Promised::Now(Answer::Busy { retry_after_ms: RETRY_AFTER_MS }))
            }
            Err(mpsc::error::TrySendError::Closed(_)) => None,
        }
    }
}

/// A batch that was taken and is not answered yet.
#[derive(Debug)]
pub struct Entered {
    epoch: u64,
    stream: Stream,
    answer: Promised,
}

#[derive(Debug)]
enum Promised {
    Now(Answer),
    Later(oneshot::Receiver<Answer>),
}

impl Entered {
    /// The bytes of the acknowledgement, after the commit; `None` when the hub is stopping.
    pub async fn acknowledged(self) -> Option<Vec<u8>> {
        let Self { epoch, stream, answer } = self;
        let answer = match answer {
            Promised::Now(answer) => answer,
            Promised::Later(answered) => answered.await.ok()?,
        };
        Some(network::encode(&Acknowledgement { epoch, stream, answer }))
    }
}

fn refused(key: &str, reason: String) -> Answer {
    tracing::warn!(key, reason, "a batch was refused");
    metrics::counter!("ingest_refused_total").increment(1);
    Answer::Refused { reason }
}

/// The delivery that `batch`, said at `key`, amounts to; or why it can never be taken.
pub fn open(key: &str, batch: Batch) -> Result<Delivery, String> {
    let (venue, edge) = topic::speaker(key).ok_or_else(|| format!("{key} is no key of a box"))?;
    if batch.edge != edge {
        return Err(format!("box {edge} may not speak for box {:?}", batch.edge));
    }
    if key != topic::records(venue, edge, batch.stream) {
        return Err(format!("a batch of stream {} was said at {key}", batch.stream.name()));
    }
    if batch.first_sequence.saturating_add(batch.records.len() as u64) > SEQUENCE_MAX {
        return Err(format!("sequence {} (limit {SEQUENCE_MAX})", batch.first_sequence));
    }
    let last = batch.records.len().saturating_sub(1);
    let mut records = Vec::with_capacity(batch.records.len());
    for (index, bytes) in batch.records.into_iter().enumerate() {
        let sequence = batch.first_sequence + index as u64;
        let record = open_record(batch.stream, sequence, bytes);
        if let Opened::Lost { last_sequence, .. } = &record
            && *last_sequence > sequence
            && index < last
        {
            return Err(format!("the loss at sequence {sequence} spans others and is not the last of its batch"));
        }
        records.push(record);
    }
    Ok(Delivery {
        venue: venue.into(),
        edge: edge.into(),
        epoch: batch.epoch,
        stream: batch.stream,
        first_sequence: batch.first_sequence,
        records,
    })
}

fn open_record(stream: Stream, sequence: u64, bytes: Vec<u8>) -> Opened {
    let record = match network::decode::<Record>(&bytes) {
        Ok(record) => record,
        Err(error) => return Opened::Unreadable { reason: error.to_string(), bytes },
    };
    if record.stream() != stream {
        let reason = format!("a record of stream {} in stream {}", record.stream().name(), stream.name());
        return Opened::Unreadable { reason, bytes };
    }
    match record {
        Record::Event(event) => match serde_json::to_string(&event) {
            // JSON has no NaN: written as null it could never be read back.
            Ok(json) if serde_json::from_str::<network::Event>(&json).is_ok() => {
                Opened::Event { event: Box::new(event), json }
            }
            _ => Opened::Unreadable { reason: "the event holds a number that is none".into(), bytes },
        },
        Record::Tracks(chunk) => {
            let steps = chunk.columns.iter().map(|column| column.first_step as i64 + column.dx_cm.len() as i64).max();
            let length_us = steps.unwrap_or(0).saturating_mul(chunk.step_us as i64);
            Opened::Tracks {
                game: chunk.game,
                start_us: chunk.start_us,
                end_us: chunk.start_us.saturating_add(length_us),
                bytes,
            }
        }
        Record::Telemetry(telemetry) if telemetry.value.is_nan() => {
            Opened::Unreadable { reason: format!("{} is not a number", telemetry.name), bytes }
        }
        Record::Telemetry(telemetry) => Opened::Telemetry(telemetry),
        Record::Lost(loss) if loss.from != sequence || loss.to < sequence || loss.to > SEQUENCE_MAX => {
            let reason = format!("a loss of {}..={} at sequence {sequence}", loss.from, loss.to);
            Opened::Unreadable { reason, bytes }
        }
        Record::Lost(loss) => Opened::Lost { last_sequence: loss.to, reason: loss.reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firmware_protocol::network::{Loss, Telemetry};

    const KEY: &str = "rinkside/1/arena/box-1/records/telemetry";

    fn telemetry(value: f64) -> Vec<u8> {
        let (name, subject) = ("name".into(), String::new());
        network::encode(&Record::Telemetry(Telemetry { captured_us: 1, name, subject, value }))
    }

    fn loss(from: u64, to: u64) -> Vec<u8> {
        network::encode(&Record::Lost(Loss { stream: Stream::Telemetry, from, to, reason: "shed".into() }))
    }

    fn batch(edge: &str, first_sequence: u64, records: Vec<Vec<u8>>) -> Batch {
        Batch { edge: edge.into(), epoch: 1, stream: Stream::Telemetry, first_sequence, records }
    }

    fn refuses(key: &str, batch: Batch, words: &str) {
        let reason = open(key, batch).expect_err("must be refused");
        assert!(reason.contains(words), "{reason}");
    }

    #[test]
    fn a_box_speaks_for_itself_at_its_own_key() {
        assert!(open(KEY, batch("box-1", 0, vec![telemetry(1.0)])).is_ok());
        refuses(KEY, batch("box-2", 0, vec![]), "may not speak");
        refuses("rinkside/1/arena/box-1/records/events", batch("box-1", 0, vec![]), "was said at");
        refuses("rinkside/1/*/box-1/records/telemetry", batch("box-1", 0, vec![]), "no key of a box");
        refuses(KEY, batch("box-1", u64::MAX, vec![telemetry(1.0)]), "limit");
        refuses(KEY, batch("box-1", 0, vec![loss(0, 5), telemetry(1.0)]), "not the last");
    }

    #[test]
    fn a_compressed_batch_opens_and_a_bomb_does_not() {
        let (admission, mut handovers) = Admission::new(4, 64 << 10);
        let pack = |plain: &[u8]| [&[network::COMPRESSED][..], &lz4_flex::block::compress_prepend_size(plain)].concat();
        let records = vec![telemetry(1.0); 100];
        let plain = network::encode(&batch("box-1", 0, records));
        assert!(admission.enter(KEY, &pack(&plain)).is_some());
        let packed = handovers.try_recv().unwrap().delivery;
        assert!(admission.enter(KEY, &plain).is_some());
        assert_eq!(packed, handovers.try_recv().unwrap().delivery);
        for nonsense in [
            pack(&vec![0; 1 << 20]),
            pack(&[]),
            vec![network::COMPRESSED],
            vec![network::COMPRESSED, 255, 255, 255, 255, 1],
            [&[network::COMPRESSED, 9, 0, 0, 0][..], &[7; 64]].concat(),
        ] {
            assert!(admission.enter(KEY, &nonsense).is_none(), "{nonsense:?}");
        }
        assert!(handovers.try_recv().is_err());
    }

    #[test]
    fn what_is_no_record_is_counted_and_set_aside() {
        let nonsense = [
            telemetry(f64::NAN),
            vec![],
            vec![9, 9, 9],
            network::encode(&Record::Lost(Loss { stream: Stream::Events, from: 3, to: 3, reason: String::new() })),
            loss(7, 9),
            loss(5, u64::MAX),
        ];
        let delivery = open(KEY, batch("box-1", 0, nonsense.to_vec())).unwrap();
        for record in &delivery.records {
            assert!(matches!(record, Opened::Unreadable { .. }), "{record:?}");
        }
    }
}
