//! The ladder against guessing: each wrong guess makes the next one wait longer, and nobody can keep an owner out.
//!
//! ```text
//!  name from one network     3 guesses free, then 2 s, 4 s … 15 min    whoever guesses waits
//!  name from anywhere        20 guesses free, then the same            many who guess one name wait ...
//!                            but not networks where the owner has logged in the last 90 days
//!  one network, any name     50 guesses free, then the same            one who guesses many names waits
//! ```
//!
//! Comes in: who tries and from where. Goes out: how long they wait. Guesses are counted before the password is looked at,
//! so that a thousand at once are a thousand. Never: a name or an address as it is: digests lie in the table.

use crate::{
    storage::{Database, StorageError},
    trust::secret_digest,
};
use std::net::IpAddr;

/// Guesses are forgotten after this long without another.
const FORGOTTEN_US: i64 = 24 * 3_600 * 1_000_000;
/// A network where the owner was is known for this long.
const KNOWN_US: i64 = 90 * 24 * 3_600 * 1_000_000;
const WAIT_MAX_US: i64 = 15 * 60 * 1_000_000;

/// One who tries.
#[derive(Debug, Clone)]
pub struct Ladder {
    here: String,
    anywhere: String,
    network: String,
    known: String,
}

impl Ladder {
    /// Somebody who tries `name` from `network`.
    pub fn new(name: &str, network: IpAddr) -> Self {
        let digest = |what: &str| secret_digest(&format!("{what} {name} {network}"));
        Self {
            here: format!("here/{}", digest("here")),
            anywhere: format!("anywhere/{}", secret_digest(&format!("anywhere {name}"))),
            network: format!("network/{}", secret_digest(&format!("network {network}"))),
            known: format!("known/{}", digest("known")),
        }
    }

    /// Counts one more try; how long to wait instead, microseconds, when it may not be made now.
    pub async fn climb(&self, database: &Database, now_us: i64) -> Result<Option<i64>, StorageError> {
        let known = now_us - database.guesses(&self.known).await?.1 < KNOWN_US;
        let mut rungs = vec![(&self.here, 3), (&self.network, 50)];
        if !known {
            rungs.push((&self.anywhere, 20));
        }
        let mut wait_us = 0;
        for (subject, free) in &rungs {
            let (failures, newest_us) = database.guesses(subject).await?;
            // Who has guesses left does not wait, not even for a process whose clock is ahead.
            if failures >= *free && now_us - newest_us < FORGOTTEN_US {
                wait_us = wait_us.max(newest_us + wait_after(failures, *free) - now_us);
            }
        }
        if wait_us > 0 {
            return Ok(Some(wait_us));
        }
        let subjects: Vec<String> = rungs.into_iter().map(|(subject, _)| subject.clone()).collect();
        database.guessed(&subjects, now_us, now_us - KNOWN_US).await?;
        Ok(None)
    }

    /// Comes down: it was them.
    pub async fn down(&self, database: &Database, now_us: i64) -> Result<(), StorageError> {
        database.forgive(&self.here, &[&self.network, &self.anywhere]).await?;
        database.guessed(std::slice::from_ref(&self.known), now_us, now_us - KNOWN_US).await
    }
}

/// How long after the newest of so many guesses the next may be made, microseconds.
fn wait_after(failures: u32, free: u32) -> i64 {
    match failures.checked_sub(free) {
        None => 0,
        Some(beyond) => (2_000_000_i64 << beyond.min(12)).min(WAIT_MAX_US),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_US: i64 = 1_790_000_000_000_000;

    fn from(last: u8) -> IpAddr {
        [198, 51, 100, last].into()
    }

    #[tokio::test]
    async fn who_guesses_waits_and_the_owner_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("hub.db")).await.unwrap();
        let owner = Ladder::new("ann", from(1));
        assert_eq!(owner.climb(&database, NOW_US).await.unwrap(), None);
        owner.down(&database, NOW_US).await.unwrap();
        let guesser = Ladder::new("ann", from(2));
        let mut waits = Vec::new();
        for _ in 0..5 {
            waits.push(guesser.climb(&database, NOW_US).await.unwrap());
        }
        assert_eq!(waits, [None, None, None, Some(2_000_000), Some(2_000_000)]);
        assert_eq!(guesser.climb(&database, NOW_US + 2_000_000).await.unwrap(), None);
        assert_eq!(guesser.climb(&database, NOW_US + 2_000_000).await.unwrap(), Some(4_000_000));
        // Many, each from a network of its own.
        let mut refused = 0;
        for last in 10..60 {
            refused += usize::from(Ladder::new("ann", from(last)).climb(&database, NOW_US).await.unwrap().is_some());
        }
        assert!(refused >= 30, "{refused}");
        assert_eq!(owner.climb(&database, NOW_US + 1).await.unwrap(), None, "the owner is not kept out");
        let elsewhere = Ladder::new("bob", from(2));
        assert_eq!(elsewhere.climb(&database, NOW_US).await.unwrap(), None, "another name is not harmed");
        // A day later all is forgotten.
        assert_eq!(guesser.climb(&database, NOW_US + FORGOTTEN_US + 4_000_000).await.unwrap(), None);
    }

    #[test]
    fn waiting_grows_and_ends() {
        assert_eq!((wait_after(2, 3), wait_after(3, 3), wait_after(4, 3)), (0, 2_000_000, 4_000_000));
        assert_eq!(wait_after(u32::MAX, 3), WAIT_MAX_US);
    }
}
