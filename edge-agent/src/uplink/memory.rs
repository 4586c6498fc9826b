//! A link inside one process, as faulty as wanted: for tests, and for a hub in the same process.
//!
//! Questions and answers get lost, come twice, and come late (an old question is put again after newer ones), drawn
//! from a seed.

use super::{Link, LinkError};
use futures_util::future::BoxFuture;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Who answers questions: key and payload in, answer out, or nothing.
pub type Answerer = Arc<dyn Fn(String, Vec<u8>) -> BoxFuture<'static, Option<Vec<u8>>> + Send + Sync>;

/// How faulty the link is: the share of questions each fault befalls, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Faults {
    /// The question never arrives.
    pub lost_question: f64,
    /// The answer never arrives.
    pub lost_answer: f64,
    /// The question arrives twice.
    pub twice: f64,
    /// An earlier question arrives again, before this one.
    pub late: f64,
}

/// Questions remembered, to be put again late.
const REMEMBERED: usize = 16;

struct Chance {
    random: StdRng,
    earlier: VecDeque<(String, Vec<u8>)>,
}

/// The link.
pub struct MemoryLink {
    answerer: Answerer,
    faults: Faults,
    chance: Mutex<Chance>,
}

impl MemoryLink {
    /// A link to `answerer`, with `faults` drawn from `seed`.
    pub fn new(answerer: Answerer, faults: Faults, seed: u64) -> Self {
        let chance = Chance { random: StdRng::seed_from_u64(seed), earlier: VecDeque::new() };
        Self { answerer, faults, chance: Mutex::new(chance) }
    }

    /// Which faults befall this question: lost, answer lost, twice, and the earlier one that comes late.
    fn draw(&self, key: &str, payload: &[u8]) -> (bool, bool, bool, Option<(String, Vec<u8>)>) {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        let mut happens = |share: f64| chance.random.random_bool(share.clamp(0.0, 1.0));
        let (lost, answer_lost) = (happens(self.faults.lost_question), happens(self.faults.lost_answer));
        let (twice, late) = (happens(self.faults.twice), happens(self.faults.late));
        let late = if late && !chance.earlier.is_empty() {
            let length = chance.earlier.len();
            let at = chance.random.random_range(0..length);
            chance.earlier.get(at).cloned()
        } else {
            None
        };
        chance.earlier.push_back((key.to_owned(), payload.to_owned()));
        if chance.earlier.len() > REMEMBERED {
            chance.earlier.pop_front();
        }
        (lost, answer_lost, twice, late)
    }
}

impl Link for MemoryLink {
    async fn ask(&self, key: &str, payload: Vec<u8>, timeout: Duration) -> Result<Vec<u8>, LinkError> {
        let silent = || LinkError::Timeout { hub: "memory".into(), timeout_ms: timeout.as_millis() as u64 };
        let (lost, answer_lost, twice, late) = self.draw(key, &payload);
        if let Some((key, payload)) = late {
            let _ = (self.answerer)(key, payload).await;
        }
        if lost {
            return Err(silent());
        }
        if twice {
            let _ = (self.answerer)(key.to_owned(), payload.clone()).await;
        }
        let answer = (self.answerer)(key.to_owned(), payload).await;
        if answer_lost {
            return Err(silent());
        }
        answer.ok_or_else(|| LinkError::Away { hub: "memory".into(), reason: "nobody answers".into() })
    }

    async fn say(&self, key: &str, payload: Vec<u8>) -> Result<(), LinkError> {
        let _ = (self.answerer)(key.to_owned(), payload).await;
        Ok(())
    }

    async fn close(&self) {}

    fn reopen(&self) {}

    fn carrier(&self) -> &'static str {
        "memory"
    }
}
