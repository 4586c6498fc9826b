//! Who may come in, as this process holds it: accounts, sessions, shares and keys, the newest the database told.
//!
//! Comes in: rows that changed. Goes out: a [`Standing`], whole and of one moment. All of a league are a few thousand small
//! rows, so nothing is asked of the database to know who asks, and a change reaches REST and open sockets the same way:
//! by the next standing. Never: a secret; sessions are known by digests.

use super::{
    roles::{Membership, Scope},
    tokens,
};
use crate::storage::{
    access::{AccessChanges, SigningKeyRow},
    accounts::AccountRow,
    sessions::SessionRow,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub account: String,
    /// What is typed at the login.
    pub name: String,
    /// Its roles, also those that are over.
    pub roles: Vec<Membership>,
    /// When it was made, microseconds UTC.
    pub made_us: i64,
    /// Since when it is shut out.
    pub ended_us: Option<i64>,
    /// Revision of its last change.
    pub revision: u64,
}

/// How a session is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// By a cookie.
    Browser,
    /// By tokens.
    Program,
    /// By a key that lasts.
    Key,
}

impl SessionKind {
    /// Its word in tables and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Program => "program",
            Self::Key => "key",
        }
    }

    fn of(word: &str) -> Self {
        match word {
            "browser" => Self::Browser,
            "key" => Self::Key,
            _ => Self::Program,
        }
    }
}

/// A session that was not ended.
#[derive(Debug)]
pub struct Session {
    /// Its id.
    pub session: String,
    /// Whose.
    pub account: String,
    /// How it is shown.
    pub kind: SessionKind,
    /// SHA-256, hex, of the secret it is shown by.
    pub digest: String,
    /// When it began, microseconds UTC.
    pub made_us: i64,
    /// When it ends at the latest.
    pub until_us: i64,
    /// When they last proved that it is them.
    pub proved_us: i64,
    /// In how many ways.
    pub factors: u32,
    used_us: AtomicI64,
}

impl Session {
    /// When it was used last, as far as this process knows.
    pub fn used_us(&self) -> i64 {
        self.used_us.load(Ordering::Relaxed)
    }

    /// Says that it is used; whether the last time was told more than `told_us` ago.
    pub fn touch(&self, now_us: i64, told_us: i64) -> bool {
        let used_us = self.used_us();
        now_us - used_us > told_us
            && self.used_us.compare_exchange(used_us, now_us, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Learns that another process saw it used.
    pub fn was_used(&self, used_us: i64) {
        self.used_us.fetch_max(used_us, Ordering::Relaxed);
    }
}

/// What a team lets another see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Its id.
    pub share: String,
    /// Whose it is.
    pub team: String,
    /// Who sees it.
    pub with_team: String,
    /// Whether it is hearts, not tracking.
    pub biometrics: bool,
    /// Until when, microseconds UTC.
    pub until_us: i64,
}

/// A key that signs tokens and the audit's heads.
#[derive(Clone)]
pub struct SigningKey {
    /// Its name in tokens.
    pub kid: String,
    /// PKCS #8. Never printed.
    pub private: Vec<u8>,
    /// Its public half, 32 bytes.
    pub public: Vec<u8>,
    /// When it was made, microseconds UTC.
    pub made_us: i64,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.kid)
    }
}

impl SigningKey {
    /// A new one, and as it is kept.
    pub fn make(now_us: i64) -> (Self, SigningKeyRow) {
        let private = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("the system gives random bytes");
        let pair = Ed25519KeyPair::from_pkcs8(private.as_ref()).expect("a key just made is one");
        let public = pair.public_key().as_ref().to_vec();
        let key = Self { kid: tokens::name("k"), private: private.as_ref().to_vec(), public, made_us: now_us };
        let row = SigningKeyRow {
            kid: key.kid.clone(),
            private: STANDARD.encode(&key.private),
            public_key: STANDARD.encode(&key.public),
            made_us: now_us,
        };
        (key, row)
    }

    fn of(row: SigningKeyRow) -> Option<Self> {
        let (private, public) = (STANDARD.decode(row.private).ok()?, STANDARD.decode(row.public_key).ok()?);
        Some(Self { kid: row.kid, private, public, made_us: row.made_us })
    }

    /// The signature of `bytes`, base64.
    pub fn sign(&self, bytes: &[u8]) -> String {
        let pair = Ed25519KeyPair::from_pkcs8(&self.private).expect("a key that was kept is one");
        STANDARD.encode(pair.sign(bytes).as_ref())
    }
}

/// All of it, as of one revision.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Which revision.
    pub revision: u64,
    /// Accounts by id.
    pub accounts: HashMap<String, Arc<Account>>,
    /// Sessions by id, those that were not ended.
    pub sessions: HashMap<String, Arc<Session>>,
    /// Shares that were not ended.
    pub shares: Vec<Share>,
    /// Keys, oldest first.
    pub keys: Vec<SigningKey>,
}

impl Standing {
    /// This with `changes` taken in. A row that cannot be read shuts its account out: it is told.
    #[must_use]
    pub fn with(&self, changes: AccessChanges) -> Self {
        let mut next = self.clone();
        next.revision = changes.revision;
        for row in changes.accounts {
            let AccountRow { account, name, roles, made_us, ended_us, revision } = row;
            let roles = serde_json::from_str(&roles).unwrap_or_else(|error| {
                tracing::error!(account, %error, "roles that cannot be read are none");
                Vec::new()
            });
            let read = Account { account: account.clone(), name, roles, made_us, ended_us, revision };
            next.accounts.insert(account, Arc::new(read));
        }
        for row in changes.sessions {
            let SessionRow {
                session,
                account,
                kind,
                digest,
                made_us,
                used_us,
                until_us,
                proved_us,
                factors,
                ended_us,
                ..
            } = row;
            let held = next.sessions.remove(&session);
            if ended_us.is_some() {
                continue;
            }
            let used_us = AtomicI64::new(held.map_or(used_us, |held| held.used_us().max(used_us)));
            let kind = SessionKind::of(&kind);
            let read = Session {
                session: session.clone(),
                account,
                kind,
                digest,
                made_us,
                until_us,
                proved_us,
                factors,
                used_us,
            };
            next.sessions.insert(session, Arc::new(read));
        }
        for row in changes.shares {
            next.shares.retain(|held| held.share != row.share);
            if row.ended_us.is_none() {
                let (biometrics, until_us) = (row.what == "biometrics", row.until_us);
                next.shares.push(Share {
                    share: row.share,
                    team: row.team,
                    with_team: row.with_team,
                    biometrics,
                    until_us,
                });
            }
        }
        next.keys.extend(changes.signing_keys.into_iter().filter_map(SigningKey::of));
        next
    }

    /// Forgets sessions that are over by time.
    pub fn forget_over(&mut self, now_us: i64) {
        self.sessions.retain(|_, session| now_us < session.until_us);
    }

    /// The newest key.
    pub fn key(&self) -> Option<&SigningKey> {
        self.keys.last()
    }

    /// The account called `name`.
    pub fn named(&self, name: &str) -> Option<&Arc<Account>> {
        self.accounts.values().find(|account| account.name == name)
    }

    /// Teams that share tracking, or biometrics, with one of the teams of `roles` at `now_us`.
    pub fn shared_with<'a>(&'a self, roles: &[&Membership], biometrics: bool, now_us: i64) -> Vec<&'a str> {
        let of = |team: &str| roles.iter().any(|held| matches!(&held.scope, Scope::Team(own) if own == team));
        let shares = self.shares.iter().filter(|share| share.biometrics == biometrics && now_us < share.until_us);
        shares.filter(|share| of(&share.with_team)).map(|share| share.team.as_str()).collect()
    }
}
