//! Passwords: argon2id, a few at once, and as long for somebody unknown as for somebody known.
//!
//! Comes in: a password as it was typed, and the digest that is kept, if any. Goes out: whether it is that one; a digest
//! to keep. Parameters are OWASP's (19 MiB, two passes, one lane); a digest says its own, so they may grow later. Never: a
//! password in an error or a log; more than [`Passwords::new`]'s count in memory at once.

use super::tokens;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _, password_hash::phc::PasswordHash};
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;

/// Characters of a password, at most: long sentences fit, and nobody has megabytes hashed.
pub const CHARACTERS_MAX: usize = 256;
const SALT_BYTES: usize = 16;

/// The pool.
#[derive(Debug, Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
}

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Too short or too long.
    #[error("password (at least {0} characters, at most {CHARACTERS_MAX}; a few words are easier to keep than signs)")]
    Length(usize),
    /// Among the first that are tried, or made of the account's own name.
    #[error("password (this one is among the first that are tried: take some words that do not belong together)")]
    Guessable,
}

/// Whether `password` may be taken by the account `name`.
pub fn sound(password: &str, name: &str, characters_min: usize) -> Result<(), PasswordFault> {
    if !(characters_min..=CHARACTERS_MAX).contains(&password.chars().count()) {
        return Err(PasswordFault::Length(characters_min));
    }
    // The estimate looks at the first hundred characters itself.
    let inputs = [name, "rinkside", "jarvis", "hockey", "hub"];
    if zxcvbn::zxcvbn(password, &inputs).score() < zxcvbn::Score::Three {
        return Err(PasswordFault::Guessable);
    }
    Ok(())
}

impl Passwords {
    /// A pool that checks so many at once.
    pub fn new(at_once: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(at_once)) }
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let turn = self.turns.clone().acquire_owned().await.expect("the pool is never closed");
        let working = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        working.await.expect("hashing does not panic")
    }

    /// The digest of `password`, to be kept.
    pub async fn digest(&self, password: String) -> String {
        self.in_turn(move || digest(&password)).await
    }

    /// Whether `kept` is the digest of `password`; of nobody's, after the same time, not.
    pub async fn is(&self, password: String, kept: Option<String>) -> bool {
        metrics::counter!("access_passwords_checked_total").increment(1);
        self.in_turn(move || {
            static NOBODYS: OnceLock<String> = OnceLock::new();
            let known = kept.is_some();
            let kept = kept.unwrap_or_else(|| NOBODYS.get_or_init(|| digest("nobody's")).clone());
            // Longer ones were never taken.
            let short = password.chars().count() <= CHARACTERS_MAX;
            let parsed = PasswordHash::new(&kept);
            parsed.is_ok_and(|kept| {
                Argon2::default().verify_password(if short { password.as_bytes() } else { b"" }, &kept).is_ok()
            }) && known
                && short
        })
        .await
    }
}

fn digest(password: &str) -> String {
    let digest = Argon2::default().hash_password_with_salt(password.as_bytes(), &tokens::random::<SALT_BYTES>());
    digest.expect("argon2's own parameters are sound").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_digest() {
        let passwords = Passwords::new(1);
        let kept = passwords.digest("trees grow by rivers".into()).await;
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_ne!(kept, passwords.digest("trees grow by rivers".into()).await, "salted");
        assert!(passwords.is("trees grow by rivers".into(), Some(kept.clone())).await);
        for wrong in ["trees grow by river", "", &"a".repeat(10_000)] {
            assert!(!passwords.is(wrong.into(), Some(kept.clone())).await, "{wrong}");
        }
        assert!(!passwords.is("nobody's".into(), None).await, "nobody has this one");
    }

    #[test]
    fn what_is_tried_first_is_not_taken() {
        for wrong in ["password1234", "qwertyuiop12", "annannannann", "rinkside2026", "aaaaaaaaaaaa"] {
            assert_eq!(sound(wrong, "ann", 12), Err(PasswordFault::Guessable), "{wrong}");
        }
        assert_eq!(sound("short", "ann", 12), Err(PasswordFault::Length(12)));
        assert_eq!(sound(&"trees ".repeat(50), "ann", 12), Err(PasswordFault::Length(12)));
        assert_eq!(sound("trees grow by rivers", "ann", 12), Ok(()));
        let long = "violet lanterns melt under seven oceans while nobody counts the quiet herons";
        assert!(long.len() > 64 && sound(long, "ann", 12).is_ok());
        assert_eq!(sound("ベランダ 夕焼け 鉛筆 灯台守り 🦉", "ann", 12), Ok(()), "of any kind");
    }
}
