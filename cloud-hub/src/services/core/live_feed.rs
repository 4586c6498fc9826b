//! The live lane of each watched game: every state encoded once, shared by all sockets.
//!
//! Comes in: states from the board. Goes out: [`Tick`]s in a ring of the last second. Never: a copy a socket, or more
//! than [`RATE_MAX`] ticks a second. A socket that falls behind loses the oldest ticks and goes on from a keyframe, so
//! what is held for slow pages is this ring and no more. A feed ends with its last socket.

use super::live_frame;
use crate::{
    ingest::{LiveBoard, Shown},
    projections::Freshness,
    time,
    traces::Journey,
};
use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio::sync::{broadcast, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Ticks a second; a box that says more is thinned.
pub const RATE_MAX: i64 = 50;
/// Ticks held for sockets that are behind: about a second.
pub const RING_TICKS: usize = 64;
/// Sockets of a tick whose part in a journey is told.
const FOLLOWED_MAX: u32 = 4;
/// Every so many frames everybody gets a keyframe.
pub const KEYFRAME_EVERY: u32 = 50;
/// States closer than this are skipped, microseconds: a little under the period, because capture times jitter.
const SPACING_US: i64 = 1_000_000 / RATE_MAX * 3 / 4;

/// One state, encoded.
#[derive(Debug)]
pub struct Tick {
    /// Sequence of its frames.
    pub sequence: u32,
    /// What changed since the tick before; `None` in the first.
    delta: Option<Bytes>,
    keyframe: OnceLock<Bytes>,
    state: Arc<Shown>,
    journey: Option<Journey>,
    followed: AtomicU32,
}

impl Tick {
    fn new(sequence: u32, delta: Option<Bytes>, state: Arc<Shown>, journey: Option<Journey>) -> Arc<Self> {
        Arc::new(Self { sequence, delta, keyframe: OnceLock::new(), state, journey, followed: AtomicU32::new(0) })
    }

    /// The journey of a frame that went into it, for a socket; for the first few.
    pub fn journey(&self) -> Option<Journey> {
        let journey = self.journey.as_ref()?;
        (self.followed.fetch_add(1, Ordering::Relaxed) < FOLLOWED_MAX).then(|| journey.clone())
    }

    /// The frame for a socket that was last sent `held`.
    pub fn frame(&self, held: Option<u32>) -> &Bytes {
        match &self.delta {
            Some(delta)
                if held == Some(self.sequence.wrapping_sub(1)) && !self.sequence.is_multiple_of(KEYFRAME_EVERY) =>
            {
                delta
            }
            _ => self.keyframe.get_or_init(|| live_frame::keyframe(&self.state, self.sequence)),
        }
    }
}

/// A socket's view of one game.
pub struct Watch {
    /// The newest tick when it began.
    pub newest: Arc<Tick>,
    /// Those that follow.
    pub ticks: broadcast::Receiver<Arc<Tick>>,
}

type Newest = Arc<Mutex<Arc<Tick>>>;
type Feed = (broadcast::Sender<Arc<Tick>>, Newest);

/// The feeds of all watched games. Clones share them.
#[derive(Clone)]
pub struct LiveFeeds {
    board: LiveBoard,
    freshness: Freshness,
    feeds: Arc<Mutex<HashMap<u64, Feed>>>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl LiveFeeds {
    /// No feeds yet.
    pub fn new(board: LiveBoard, freshness: Freshness, tracker: TaskTracker, stop: CancellationToken) -> Self {
        Self { board, freshness, feeds: Arc::default(), tracker, stop }
    }

    /// Watches `game`; `None` while no state of it has come, so that asking for games that are not costs nothing.
    pub fn watch(&self, game: u64) -> Option<Watch> {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((sender, newest)) = feeds.get(&game) {
            let newest = newest.lock().unwrap_or_else(PoisonError::into_inner);
            return Some(Watch { newest: newest.clone(), ticks: sender.subscribe() });
        }
        self.board.latest(game)?;
        let mut states = self.board.subscribe(game);
        let state = states.borrow_and_update().clone()?;
        let (sender, ticks) = broadcast::channel(RING_TICKS);
        // Not from zero: a page that reconnects must not take a delta of the new feed for the next of the old.
        let sequence = time::monotonic_us() as u32;
        let first = Tick::new(sequence, None, state, None);
        let newest = Arc::new(Mutex::new(first.clone()));
        feeds.insert(game, (sender.clone(), newest.clone()));
        self.tracker.spawn(self.clone().run(game, states, sender, newest));
        Some(Watch { newest: first, ticks })
    }

    async fn run(
        self,
        game: u64,
        mut states: watch::Receiver<Option<Arc<Shown>>>,
        sender: broadcast::Sender<Arc<Tick>>,
        newest: Newest,
    ) {
        loop {
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = sender.closed() => {
                    let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
                    if sender.receiver_count() == 0 {
                        feeds.remove(&game);
                        return;
                    }
                }
                changed = states.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let state = states.borrow_and_update().clone();
                    if let Some(state) = state {
                        self.publish(&state, &sender, &newest);
                    }
                }
            }
        }
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner).remove(&game);
    }

    fn publish(&self, state: &Arc<Shown>, sender: &broadcast::Sender<Arc<Tick>>, newest: &Newest) {
        self.freshness.heard(&state.edge, time::monotonic_us());
        let mut newest = newest.lock().unwrap_or_else(PoisonError::into_inner);
        let since_us = state.captured_us.saturating_sub(newest.state.captured_us);
        if (0..SPACING_US).contains(&since_us) {
            metrics::counter!("core_states_thinned_total").increment(1);
            return;
        }
        let sequence = newest.sequence.wrapping_add(1);
        let delta = Some(live_frame::delta(&newest.state, state, sequence));
        let mut journey = state.journey.clone();
        if let Some(journey) = &mut journey {
            journey.stage("encode", time::utc_us());
        }
        *newest = Tick::new(sequence, delta, state.clone(), journey);
        metrics::counter!("core_ticks_total").increment(1);
        // Nobody listening is no fault: the last socket may just have left.
        let _ = sender.send(newest.clone());
    }
}
