//! The newest state of each game, for whoever watches.
//!
//! Comes in: [`LiveState`]s, perhaps twice or out of order. Goes out: the newest, to any number of watchers; a slow
//! watcher skips states and never holds anyone back. Never: keeps an old state. A box that restarts counts its ticks
//! from zero again, so of two states of one box the later captured is also newer.

use crate::{time, traces::Journey};
use firmware_protocol::network::{self, LiveState, topic};
use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::{broadcast, watch};

/// States held for who follows all games, and is behind: of these the oldest are dropped.
const FOLLOWED: usize = 256;
/// Games on the board: a league plays fewer at a time; a stranger who invents games pushes out the oldest only.
const GAMES_MAX: usize = 256;

/// A state, and beside it the journey of a frame that went into it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The state.
    pub state: LiveState,
    /// The journey, of one state in fifty or so.
    pub journey: Option<Journey>,
}

impl Deref for Shown {
    type Target = LiveState;

    fn deref(&self) -> &LiveState {
        &self.state
    }
}

type Newest = Option<Arc<Shown>>;

/// The newest state of each game. Clones share the board.
#[derive(Debug, Clone)]
pub struct LiveBoard {
    games: Arc<RwLock<BTreeMap<u64, watch::Sender<Newest>>>>,
    told: broadcast::Sender<Arc<Shown>>,
}

impl Default for LiveBoard {
    fn default() -> Self {
        Self { games: Arc::default(), told: broadcast::Sender::new(FOLLOWED) }
    }
}

impl LiveBoard {
    /// Puts up the state that was said at `key`. One that does not decode, or speaks for another box, is only counted.
    pub fn hear(&self, key: &str, payload: &[u8], traceparent: Option<&str>) {
        let mut journey = traceparent.and_then(|text| Journey::heard(text, time::utc_us()));
        let fate = match network::decode::<LiveState>(payload) {
            Ok(state) if topic::speaker(key).is_some_and(|(_, edge)| edge == state.edge) => {
                if let Some(journey) = &mut journey {
                    journey.stage("ingest", time::utc_us());
                }
                if self.put_followed(state, journey) { "shown" } else { "late" }
            }
            Ok(_) | Err(_) => {
                tracing::debug!(key, "a live state that does not decode or speaks for another box");
                "refused"
            }
        };
        metrics::counter!("ingest_live_states_total", "fate" => fate).increment(1);
    }

    /// Puts a state up; answers whether it was newer than what stood there.
    pub fn put(&self, state: LiveState) -> bool {
        self.put_followed(state, None)
    }

    fn put_followed(&self, state: LiveState, journey: Option<Journey>) -> bool {
        let state = Arc::new(Shown { state, journey });
        let newer = self.put_up(&state);
        if newer {
            // Nobody following is no fault.
            let _ = self.told.send(state);
        }
        newer
    }

    /// The same for a state that another process of this hub has put up: who follows is not told.
    pub fn put_heard(&self, state: LiveState, journey: Option<Journey>) -> bool {
        self.put_up(&Arc::new(Shown { state, journey }))
    }

    fn put_up(&self, state: &Arc<Shown>) -> bool {
        let game = state.game;
        let newer = |sender: &watch::Sender<Newest>| {
            sender.send_if_modified(|newest| {
                let newer = newest.as_ref().is_none_or(|held| is_newer(state, held));
                if newer {
                    *newest = Some(state.clone());
                }
                newer
            })
        };
        if let Some(sender) = self.games.read().unwrap_or_else(PoisonError::into_inner).get(&game) {
            return newer(sender);
        }
        newer(self.games.write().unwrap_or_else(PoisonError::into_inner).entry(game).or_insert_with(|| {
            metrics::counter!("ingest_live_games_total").increment(1);
            watch::Sender::new(None)
        })) && {
            self.forget_oldest();
            true
        }
    }

    /// The states of `game` as they come, beginning with the newest; `None` until the first.
    pub fn subscribe(&self, game: u64) -> watch::Receiver<Newest> {
        if let Some(sender) = self.games.read().unwrap_or_else(PoisonError::into_inner).get(&game) {
            return sender.subscribe();
        }
        let mut games = self.games.write().unwrap_or_else(PoisonError::into_inner);
        games.entry(game).or_insert_with(|| watch::Sender::new(None)).subscribe()
    }

    /// The states of all games that are put up here, as they come; who is behind loses the oldest.
    pub fn follow(&self) -> broadcast::Receiver<Arc<Shown>> {
        self.told.subscribe()
    }

    /// The newest state of `game`.
    pub fn latest(&self, game: u64) -> Newest {
        self.games.read().unwrap_or_else(PoisonError::into_inner).get(&game)?.borrow().clone()
    }

    /// The games that have a state, in order of number.
    pub fn games(&self) -> Vec<u64> {
        let games = self.games.read().unwrap_or_else(PoisonError::into_inner);
        games.iter().filter(|(_, sender)| sender.borrow().is_some()).map(|(game, _)| *game).collect()
    }

    fn forget_oldest(&self) {
        let mut games = self.games.write().unwrap_or_else(PoisonError::into_inner);
        while games.len() > GAMES_MAX {
            let captured_us = |sender: &watch::Sender<Newest>| sender.borrow().as_ref().map(|state| state.captured_us);
            let Some(oldest) = games.iter().min_by_key(|(_, sender)| captured_us(sender)).map(|(game, _)| *game) else {
                return;
            };
            games.remove(&oldest);
        }
    }
}

fn is_newer(state: &LiveState, held: &LiveState) -> bool {
    if state.edge == held.edge {
        state.tick > held.tick || state.captured_us > held.captured_us
    } else {
        state.captured_us > held.captured_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firmware_protocol::network::GameClock;

    fn state(edge: &str, tick: u64, captured_us: i64) -> LiveState {
        let (edge, clock) = (edge.into(), GameClock::default());
        LiveState { edge, game: 1, tick, captured_us, clock, puck: None, players: Vec::new() }
    }

    #[test]
    fn shows_the_newest_only_and_knows_a_restarted_box() {
        let board = LiveBoard::default();
        let watcher = board.subscribe(1);
        assert!(board.games().is_empty());
        assert!(board.put(state("a", 5, 100)));
        assert!(!board.put(state("a", 5, 100)), "twice");
        assert!(!board.put(state("a", 4, 90)), "late");
        assert!(board.put(state("a", 6, 110)));
        assert!(board.put(state("a", 0, 500)), "the box was restarted");
        assert!(!board.put(state("b", 9, 400)), "another box, older");
        assert_eq!(watcher.borrow().as_ref().unwrap().captured_us, 500);
        assert_eq!(board.games(), [1]);
    }

    #[test]
    fn what_another_process_said_is_shown_and_not_told_again() {
        let board = LiveBoard::default();
        let mut told = board.follow();
        assert!(board.put_heard(state("a", 1, 100), None) && board.put(state("a", 2, 120)));
        assert!(!board.put_heard(state("a", 1, 100), None), "older");
        assert_eq!(told.try_recv().unwrap().tick, 2);
        assert!(told.try_recv().is_err());
    }

    #[test]
    fn invented_games_push_out_the_oldest_only() {
        let board = LiveBoard::default();
        for game in 0..2 * GAMES_MAX as u64 {
            board.put(LiveState { game, ..state("a", 0, game as i64) });
        }
        assert_eq!(board.games().len(), GAMES_MAX);
        assert!(board.latest(0).is_none() && board.latest(2 * GAMES_MAX as u64 - 1).is_some());
    }
}
