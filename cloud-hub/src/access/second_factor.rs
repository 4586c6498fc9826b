//! Second factors: codes of an authenticator (TOTP, RFC 6238), and codes on paper for when it is lost.
//!
//! Comes in: what is kept of an account, a code as it was typed, the time. Goes out: whether it is right, and what is kept
//! from then on: a code is used up, so the same one is wrong the second time. Never: a code on paper as it is; digests.

use super::tokens;
use crate::trust::secret_digest;
use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use totp_rs::{Builder, Totp};

/// Codes on paper.
const PAPER_CODES: usize = 10;
/// RFC 4226 asks for 128 bits at least and recommends 160.
const SECRET_BYTES: usize = 20;
/// Seconds a code is shown; clocks may be off by one of these, both ways.
const STEP_S: u64 = 30;

/// What an account keeps secret. All of it lies sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Secrets {
    /// argon2id of the password.
    pub password: Option<String>,
    /// The authenticator's secret, base32.
    pub totp: Option<String>,
    /// One that was not confirmed by a code yet.
    pub totp_offered: Option<String>,
    /// The newest step of which a code was used.
    pub totp_step: u64,
    /// Digests of the codes on paper that were not used.
    pub paper: Vec<String>,
    /// Digest of the code that sets a password, and until when, microseconds UTC.
    pub reset: Option<(String, i64)>,
    /// Whether that code makes the second factor forgotten too.
    pub reset_all: bool,
}

/// A new authenticator's secret, base32.
pub fn new_secret() -> String {
    BASE32_NOPAD.encode(&tokens::random::<SECRET_BYTES>())
}

/// What an authenticator reads, as a picture or a link.
pub fn link(secret: &str, name: &str) -> String {
    format!("otpauth://totp/Rinkside:{name}?secret={secret}&issuer=Rinkside&algorithm=SHA1&digits=6&period={STEP_S}")
}

fn totp(secret: &str) -> Option<Totp> {
    let bytes = BASE32_NOPAD.decode(secret.as_bytes()).ok()?;
    Builder::new().with_secret(bytes).with_skew(1).with_step_duration(STEP_S).build().ok()
}

/// The step of which `code` is, when it is one of `secret` at `now_us`.
pub fn step_of(secret: &str, code: &str, now_us: i64) -> Option<u64> {
    let six = code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit());
    totp(secret).filter(|_| six)?.check(code, now_us.max(0) as u64 / 1_000_000)
}

impl Secrets {
    /// Whether a second factor is asked for.
    pub fn has_second(&self) -> bool {
        self.totp.is_some()
    }

    /// Uses up `code`, of the authenticator or on paper; whether it was right.
    pub fn use_up(&mut self, code: &str, now_us: i64) -> bool {
        if let Some(step) = self.totp.as_deref().and_then(|secret| step_of(secret, code, now_us)) {
            let fresh = step > self.totp_step;
            self.totp_step = self.totp_step.max(step);
            return fresh;
        }
        let digest = secret_digest(&plain(code));
        let found = self.paper.iter().position(|kept| tokens::same(kept, &digest));
        found.map(|at| self.paper.swap_remove(at)).is_some()
    }

    /// New codes on paper in place of the old ones.
    pub fn new_paper(&mut self) -> Vec<String> {
        let codes: Vec<String> = (0..PAPER_CODES).map(|_| paper_code()).collect();
        self.paper = codes.iter().map(|code| secret_digest(&plain(code))).collect();
        codes
    }
}

/// 120 bits, in six parts: `abcd-efgh-ijkl-mnop-qrst-uvwx`. So many need no slow digest (ASVS 6.5.2 asks for 112).
fn paper_code() -> String {
    let text = BASE32_NOPAD.encode(&tokens::random::<15>()).to_lowercase();
    [0, 4, 8, 12, 16, 20].map(|at| &text[at..at + 4]).join("-")
}

/// A code on paper as people type it: with dashes or blanks, in capitals or not.
fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).take(64).collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_US: i64 = 1_790_000_010_000_000;

    fn code(secret: &str, at_us: i64) -> String {
        totp(secret).unwrap().generate(at_us as u64 / 1_000_000).to_string()
    }

    #[test]
    fn a_code_of_the_authenticator_works_once() {
        let secret = new_secret();
        let mut secrets = Secrets { totp: Some(secret.clone()), ..Secrets::default() };
        let shown = code(&secret, NOW_US);
        assert!(secrets.use_up(&shown, NOW_US));
        assert!(!secrets.use_up(&shown, NOW_US), "the same again");
        assert!(!secrets.use_up(&code(&secret, NOW_US - 30_000_000), NOW_US), "the one before it");
        assert!(secrets.use_up(&code(&secret, NOW_US + 30_000_000), NOW_US + 30_000_000));
        assert!(!secrets.use_up(&code(&secret, NOW_US + 300_000_000), NOW_US + 60_000_000), "of a later time");
        for wrong in ["", "12345", "1234567", "abcdef", "12345６"] {
            assert!(!secrets.use_up(wrong, NOW_US + 90_000_000), "{wrong}");
        }
    }

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        // Appendix B, SHA-1, its last six digits.
        let secret = BASE32_NOPAD.encode(b"12345678901234567890");
        for (at_s, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(step_of(&secret, code, at_s * 1_000_000), Some(at_s as u64 / 30));
        }
    }

    #[test]
    fn a_code_on_paper_works_once_however_it_is_typed() {
        let mut secrets = Secrets::default();
        let codes = secrets.new_paper();
        assert_eq!((codes.len(), secrets.paper.len()), (10, 10));
        assert!(codes.iter().all(|code| plain(code).len() * 5 >= 112), "{codes:?}");
        assert!(!secrets.paper.contains(&codes[0]));
        assert!(secrets.use_up(&codes[3].to_uppercase().replace('-', " "), NOW_US));
        assert!(!secrets.use_up(&codes[3], NOW_US), "the same again");
        assert!(secrets.use_up(&codes[4], NOW_US));
        assert_eq!(secrets.paper.len(), 8);
        let old = codes[5].clone();
        secrets.new_paper();
        assert!(!secrets.use_up(&old, NOW_US), "those before");
    }
}
