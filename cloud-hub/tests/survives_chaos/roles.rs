//! The box and the hub, as they ship but for the link between them: each on a disk of its own, each until its power is
//! cut.

use crate::{
    disk::{Disk, Image},
    ledger::Ledger,
};
use cloud_hub::{event_store::EventStore, ingest::Admission, storage::Database};
use edge_agent::{
    store::{Store, StoreConfig},
    uplink::{
        self, UplinkConfig, UplinkState,
        memory::{Answerer, MemoryLink},
    },
};
use firmware_protocol::network::Record;
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_blocking},
};
use tokio_util::sync::CancellationToken;

/// Who answers at the far end of the link now, and whether the link is cut.
#[derive(Default)]
pub(crate) struct FarEnd {
    hub: Mutex<Option<(Admission, Arc<Disk>)>>,
    is_cut: AtomicBool,
}

impl FarEnd {
    pub(crate) fn cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::Relaxed);
    }

    /// Answers what the box on `disk` asks. Once a disk is frozen, nothing comes from who is on it: a question may
    /// still be under way, and an answer means that what was committed before it is on the hub's image.
    fn answer_to(self: &Arc<Self>, disk: Arc<Disk>) -> Answerer {
        let far_end = self.clone();
        Arc::new(move |key, payload| {
            let (far_end, disk) = (far_end.clone(), disk.clone());
            Box::pin(async move {
                if disk.is_frozen() || far_end.is_cut.load(Ordering::Relaxed) {
                    return None;
                }
                let (admission, hub) = far_end.hub.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
                let answer = admission.admit(&key, &payload).await?;
                (!hub.is_frozen() && !far_end.is_cut.load(Ordering::Relaxed)).then_some(answer)
            })
        })
    }
}

/// What is the same in all lives of a world's box and hub.
#[derive(Clone)]
pub(crate) struct Nature {
    pub(crate) store: StoreConfig,
    pub(crate) uplink: UplinkConfig,
    pub(crate) link: Arc<MemoryLink>,
    pub(crate) far_end: Arc<FarEnd>,
    /// Share of syncs that do nothing, on the box's disk and on the hub's.
    pub(crate) lies: [f64; 2],
}

/// How a start went: a power cut may come before its end.
pub(crate) enum Start<T> {
    Up(T),
    Cut(Image),
}

pub(crate) struct Appliance {
    pub(crate) disk: Arc<Disk>,
    pub(crate) store: Arc<Store>,
    lanes: JoinHandle<()>,
}

impl Appliance {
    pub(crate) async fn start(
        nature: &Nature,
        image: &Image,
        seed: u64,
        calls: Option<u32>,
    ) -> Result<Start<Self>, String> {
        let disk = Disk::with(image, nature.lies[0], seed);
        if let Some(calls) = calls {
            disk.arm(calls);
        }
        let config = StoreConfig { path: disk.root().join("store"), ..nature.store.clone() };
        let store = spawn_blocking(move || Store::open(&config)).await.map_err(|error| error.to_string())?;
        if disk.is_frozen() {
            let image = disk.cut();
            spawn_blocking(move || drop(store)).await.map_err(|error| error.to_string())?;
            return Ok(Start::Cut(image));
        }
        disk.arm(u32::MAX);
        let store = Arc::new(store.map_err(|error| error.to_string())?);
        let config = UplinkConfig { refused: disk.root().join("refused"), ..nature.uplink.clone() };
        let link = nature.link.answered_by(nature.far_end.answer_to(disk.clone()));
        let (newest, live) = watch::channel(None);
        let state = watch::Sender::new(UplinkState::default());
        let shared = store.clone();
        let lanes = tokio::spawn(async move {
            uplink::run(config, link, shared, live, state, CancellationToken::new()).await;
            drop(newest);
        });
        Ok(Start::Up(Self { disk, store, lanes }))
    }

    /// Appends `records`, and notes each in `ledger` once its receipt says that it is on disk.
    pub(crate) fn append(&self, records: Vec<(i64, Record)>, ledger: &Arc<Ledger>) -> JoinHandle<Result<(), String>> {
        let (store, disk, ledger) = (self.store.clone(), self.disk.clone(), ledger.clone());
        tokio::spawn(async move {
            let epoch = store.epoch();
            let append = move || {
                let append =
                    |(nonce, record): (i64, Record)| Some((record.stream(), nonce, store.append(&record).ok()?));
                records.into_iter().filter_map(append).collect::<Vec<_>>()
            };
            for (stream, nonce, receipt) in spawn_blocking(append).await.map_err(|error| error.to_string())? {
                if let Ok(sequence) = receipt.on_disk().await
                    && !disk.is_frozen()
                {
                    ledger.note(epoch, stream, sequence, nonce)?;
                }
            }
            Ok(())
        })
    }

    /// Whether the hub has acknowledged everything.
    pub(crate) fn is_drained(&self) -> bool {
        self.store.stats().streams.iter().all(|stream| stream.first_sequence == stream.next_sequence)
    }

    /// Cuts the power: what is left.
    pub(crate) async fn cut(self) -> Image {
        let image = self.disk.cut();
        self.lanes.abort();
        let _ = self.lanes.await;
        let store = self.store;
        let _ = spawn_blocking(move || drop(store)).await;
        image
    }
}

pub(crate) struct Hub {
    pub(crate) disk: Arc<Disk>,
    database: Database,
    stop: CancellationToken,
    keeping: JoinHandle<()>,
}

impl Hub {
    pub(crate) async fn start(
        nature: &Nature,
        image: &Image,
        seed: u64,
        calls: Option<u32>,
    ) -> Result<Start<Self>, String> {
        let disk = Disk::with(image, nature.lies[1], seed);
        if let Some(calls) = calls {
            disk.arm(calls);
        }
        let database = Database::open(&Self::file(&disk)).await;
        if disk.is_frozen() {
            let image = disk.cut();
            if let Ok(database) = database {
                database.close().await;
            }
            return Ok(Start::Cut(image));
        }
        disk.arm(u32::MAX);
        let database = database.map_err(|error| error.to_string())?;
        let events = EventStore::new(database.clone()).await.map_err(|error| error.to_string())?;
        let (admission, handovers) = Admission::new(256, 4 << 20);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let keeping = tokio::spawn(async move { events.run(handovers, stopped).await });
        *nature.far_end.hub.lock().unwrap_or_else(PoisonError::into_inner) = Some((admission, disk.clone()));
        Ok(Start::Up(Self { disk, database, stop, keeping }))
    }

    pub(crate) fn file(disk: &Disk) -> PathBuf {
        disk.root().join("hub.sqlite")
    }

    /// Cuts the power: what is left.
    pub(crate) async fn cut(self, nature: &Nature) -> Image {
        let image = self.disk.cut();
        nature.far_end.hub.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.end().await;
        image
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        let _ = self.keeping.await;
        self.database.close().await;
    }
}
