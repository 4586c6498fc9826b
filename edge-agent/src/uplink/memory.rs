//! A link inside one process, as faulty as wanted: for tests, and for a hub in the same process.
//!
//! Questions and answers get lost, come twice, come late (an old question is put again after newer ones) and out of
//! order (one waits while others pass), drawn from a seed, and counted.

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
    /// The question waits while others pass.
    pub held_back: f64,
}

/// What befell questions so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Questions that never arrived.
    pub lost_questions: u64,
    /// Answers that never arrived.
    pub lost_answers: u64,
    /// Questions that arrived twice.
    pub twice: u64,
    /// Earlier questions that arrived again.
    pub late: u64,
    /// Questions that waited while others passed.
    pub held_back: u64,
}

/// Questions remembered, to be put again late.
const REMEMBERED: usize = 16;
/// The longest a question is held back, milliseconds: the others of its window have passed by then.
const HELD_BACK_MS_MAX: u64 = 15;

struct Chance {
    random: StdRng,
    earlier: VecDeque<(String, Vec<u8>)>,
    tally: Tally,
}

struct Drawn {
    lost: bool,
    answer_lost: bool,
    twice: bool,
    late: Option<(String, Vec<u8>)>,
    held_back_ms: Option<u64>,
}

/// The link.
pub struct MemoryLink {
    answerer: Answerer,
    faults: Faults,
    chance: Arc<Mutex<Chance>>,
}

impl MemoryLink {
    /// A link to `answerer`, with `faults` drawn from `seed`.
    pub fn new(answerer: Answerer, faults: Faults, seed: u64) -> Self {
        let random = StdRng::seed_from_u64(seed);
        let chance = Chance { random, earlier: VecDeque::new(), tally: Tally::default() };
        Self { answerer, faults, chance: Arc::new(Mutex::new(chance)) }
    }

    /// The same link, its memory and its tally, with another who answers.
    #[must_use]
    pub fn answered_by(&self, answerer: Answerer) -> Self {
        Self { answerer, faults: self.faults, chance: self.chance.clone() }
    }

    /// What befell questions so far.
    pub fn tally(&self) -> Tally {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner).tally
    }

    /// Which faults befall this question.
    fn draw(&self) -> Drawn {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        let Chance { random, earlier, tally } = &mut *chance;
        let mut happens = |share: f64, count: &mut u64| {
            let so = random.random_bool(share.clamp(0.0, 1.0));
            *count += u64::from(so);
            so
        };
        let lost = happens(self.faults.lost_question, &mut tally.lost_questions);
        let answer_lost = !lost && happens(self.faults.lost_answer, &mut tally.lost_answers);
        let twice = !lost && happens(self.faults.twice, &mut tally.twice);
        let late = !earlier.is_empty() && happens(self.faults.late, &mut tally.late);
        let held_back = happens(self.faults.held_back, &mut tally.held_back);
        let late = if late { earlier.get(random.random_range(0..earlier.len())).cloned() } else { None };
        let held_back_ms = held_back.then(|| random.random_range(1..=HELD_BACK_MS_MAX));
        Drawn { lost, answer_lost, twice, late, held_back_ms }
    }
}

impl Link for MemoryLink {
    async fn ask(&self, key: &str, payload: Vec<u8>, timeout: Duration) -> Result<Vec<u8>, LinkError> {
        let silent = || LinkError::Timeout { hub: "memory".into(), timeout_ms: timeout.as_millis() as u64 };
        let Drawn { lost, answer_lost, twice, late, held_back_ms } = self.draw();
        if let Some(held_back_ms) = held_back_ms {
            tokio::time::sleep(Duration::from_millis(held_back_ms)).await;
        }
        if let Some((key, payload)) = late {
            let _ = (self.answerer)(key, payload).await;
        }
        if lost {
            return Err(silent());
        }
        if twice {
            let _ = (self.answerer)(key.to_owned(), payload.clone()).await;
        }
        let answer = (self.answerer)(key.to_owned(), payload.clone()).await;
        // Only what was sent can come again: who is cut off has sent nothing.
        if answer.is_some() {
            let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
            chance.earlier.push_back((key.to_owned(), payload));
            if chance.earlier.len() > REMEMBERED {
                chance.earlier.pop_front();
            }
        }
        if answer_lost {
            return Err(silent());
        }
        answer.ok_or_else(|| LinkError::Away { hub: "memory".into(), reason: "nobody answers".into() })
    }

    async fn say(&self, key: &str, payload: Vec<u8>, _: Option<&str>) -> Result<(), LinkError> {
        let _ = (self.answerer)(key.to_owned(), payload).await;
        Ok(())
    }

    async fn close(&self) {}

    fn reopen(&self) {}

    fn carrier(&self) -> &'static str {
        "memory"
    }
}
