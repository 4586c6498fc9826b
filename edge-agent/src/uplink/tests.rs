//! The durable lane over a link in this process, to a hub that keeps whatever comes.

use super::{UplinkConfig, UplinkState, memory::Answerer, memory::Faults, memory::MemoryLink};
use crate::store::{Store, StoreConfig};
use firmware_protocol::network::{
    self, Acknowledgement, Answer, Batch, Event, EventKind, GameClock, Record, Stream, TrackChunk,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::{Barrier, watch};
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes: a promise that hangs must fail.
const PATIENCE: Duration = Duration::from_secs(30);

fn opened(payload: &[u8]) -> Batch {
    let plain = match payload.split_first() {
        Some((&network::COMPRESSED, packed)) => lz4_flex::block::decompress_size_prepended(packed).unwrap(),
        _ => payload.to_vec(),
    };
    network::decode(&plain).unwrap()
}

fn kept(batch: &Batch) -> Vec<u8> {
    let next_sequence = batch.first_sequence + batch.records.len() as u64;
    let answer = Answer::Kept { next_sequence };
    network::encode(&Acknowledgement { epoch: batch.epoch, stream: batch.stream, answer })
}

fn event() -> Record {
    Record::Event(Event {
        game: 1,
        captured_us: 1,
        uncertainty_us: 0,
        clock: GameClock::default(),
        side: None,
        number: None,
        position_m: None,
        kind: EventKind::Goal,
    })
}

fn tracks() -> Record {
    Record::Tracks(TrackChunk { game: 1, start_us: 1, step_us: 20_000, columns: Vec::new() })
}

struct Lanes {
    store: Arc<Store>,
    state: watch::Receiver<UplinkState>,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

async fn start(config: UplinkConfig, records: &[Record], answerer: Answerer) -> Lanes {
    let folder = tempfile::tempdir().unwrap();
    let store = StoreConfig { path: folder.path().join("store"), ..StoreConfig::default() };
    let store = Arc::new(Store::open(&store).unwrap());
    for record in records {
        store.append(record).unwrap().on_disk().await.unwrap();
    }
    let (told, state) = watch::channel(UplinkState::default());
    let stop = CancellationToken::new();
    let link = MemoryLink::new(answerer, Faults::default(), 1);
    let live = watch::channel(None).1;
    tokio::spawn(super::run(config, link, store.clone(), live, told, stop.clone()));
    Lanes { store, state, stop, _folder: folder }
}

impl Lanes {
    async fn acknowledged(&mut self, records: u64) {
        let so = self.state.wait_for(|state| state.records >= records);
        tokio::time::timeout(PATIENCE, so).await.expect("they are acknowledged").unwrap();
    }
}

#[tokio::test]
async fn a_window_of_batches_is_unanswered_at_a_time() {
    // Nobody is answered before all four have asked.
    let four = Arc::new(Barrier::new(4));
    let answerer: Answerer = Arc::new(move |_, payload| {
        let four = four.clone();
        Box::pin(async move {
            let batch = opened(&payload);
            if !batch.records.is_empty() {
                four.wait().await;
            }
            Some(kept(&batch))
        })
    });
    let config = UplinkConfig { batch_records_max: 1, window_batches: 4, ..UplinkConfig::default() };
    let mut lanes = start(config, &vec![event(); 8], answerer).await;
    lanes.acknowledged(8).await;
    lanes.stop.cancel();
}

#[tokio::test]
async fn over_a_metered_link_only_events_go_at_once() {
    let answerer: Answerer = Arc::new(|_, payload| Box::pin(async move { Some(kept(&opened(&payload))) }));
    let config = UplinkConfig { metered: true, metered_every_ms: 3_600_000, ..UplinkConfig::default() };
    let mut lanes = start(config, &[tracks(), event()], answerer).await;
    lanes.acknowledged(2).await;
    // What waited at the start went; the next is due in an hour.
    for _ in 0..20 {
        lanes.store.append(&tracks()).unwrap().on_disk().await.unwrap();
    }
    lanes.store.append(&event()).unwrap();
    lanes.acknowledged(3).await;
    let waiting = lanes.store.stats().streams[Stream::Tracks as usize];
    assert!(waiting.next_sequence - waiting.first_sequence >= 20, "{waiting:?}");
    assert_eq!(lanes.state.borrow().records, 3);
    lanes.stop.cancel();
}
