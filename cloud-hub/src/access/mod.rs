//! Who is asking, what they may, and what was done: the one place that knows.
//!
//! ```text
//!  cookie, token, key ─► tokens ─► standing: session, account, roles, shares ─► Who
//!  Who, action, object with whose it is ─► policy (Cedar, policies/*.cedar) ─► yes or no ─► journal: the audit
//!  login: ladder ─► passwords (argon2id) ─► second_factor ─► session
//! ```
//!
//! Comes in: what a request shows, and changes of accounts. Goes out: a [`Who`], decisions, audit entries. Every process
//! holds the same [`Standing`] and looks four times a second whether it is still the newest, so what is revoked in one is
//! revoked in all within a moment, for open sockets too. Never: a decision from a standing that could not be looked at
//! for [`STALE`]; a path, a page or a table.

pub mod config;
pub mod roles;
pub mod action;
pub mod policy;
pub mod tokens;
pub mod standing;
pub mod passwords;
pub mod second_factor;
pub mod ladder;
pub mod merkle;
pub mod journal;
pub mod operations;
pub mod owners;
pub mod deciding;
pub mod login;
pub mod accounts;
pub mod credentials;

pub use action::{Action, Object};
pub use config::{AccessConfig, SecondFactor};
pub use operations::Operation;

use crate::{
    storage::{Database, StorageError},
    time,
    trust::secret_digest,
};
use journal::{Journal, Unwritten};
use passwords::Passwords;
use policy::Policies;
use standing::{Account, Session, SessionKind, SigningKey, Standing};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

/// How often is looked whether something changed: revocation is promised within a second.
const LOOK: Duration = Duration::from_millis(250);
/// A standing that could not be looked at for this long decides nothing.
const STALE: Duration = Duration::from_secs(10);
/// A session that is used says so to the others this often, microseconds.
const TOLD_US: i64 = 60_000_000;
/// A key that signs is followed by a new one after this long, microseconds.
const KEY_US: i64 = 30 * 24 * 3_600 * 1_000_000;
/// Somebody unknown makes this process look anew at most this often, microseconds.
const STRANGER_LOOK_US: u64 = 50_000;

/// What a request shows of who sends it.
#[derive(Clone, PartialEq, Eq)]
pub enum Shown {
    /// Nothing.
    Nothing,
    /// `Authorization: Bearer …`: an access token, or a program's key.
    Bearer(String),
    /// The cookie of a page.
    Cookie(String),
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Who {
    /// Nobody is asked who they are (`access.required = false`): everybody may do everything.
    Everybody,
    /// Nobody known.
    Nobody,
    /// Somebody known.
    Known(Arc<Known>),
}

/// Somebody known.
#[derive(Debug)]
pub struct Known {
    /// Whose session it is.
    pub account: Arc<Account>,
    /// By which session.
    pub session: Arc<Session>,
}

impl Who {
    /// The account, of somebody known.
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Known(known) => Some(&known.account.account),
            Self::Everybody | Self::Nobody => None,
        }
    }

    /// The session, of somebody known.
    pub fn session(&self) -> Option<&str> {
        match self {
            Self::Known(known) => Some(&known.session.session),
            Self::Everybody | Self::Nobody => None,
        }
    }
}

/// What cannot be decided or changed now.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The tables cannot be reached.
    #[error("access: {0}")]
    Storage(#[from] StorageError),
    /// The audit cannot be written, so nothing that it tells of is done.
    #[error(transparent)]
    Unwritten(#[from] Unwritten),
    /// What is held is too old to decide by.
    #[error("who may come in was not looked at for {} s", STALE.as_secs())]
    Stale,
}

/// Access. Clones share it.
#[derive(Debug, Clone)]
pub struct Access {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: AccessConfig,
    database: Database,
    policies: Policies,
    passwords: Passwords,
    journal: Journal,
    standing: watch::Sender<Arc<Standing>>,
    looking: Mutex<()>,
    /// When the standing was last known to be the newest, monotonic microseconds.
    looked_us: AtomicU64,
}

impl Access {
    /// Reads who may come in, makes the first key that signs, and follows changes until `stop`; the tasks to be run are
    /// handed over.
    pub async fn open(
        database: Database,
        config: AccessConfig,
        stop: CancellationToken,
    ) -> Result<(Self, impl Future<Output = ()> + Send + 'static), StorageError> {
        let (journal, writing) = Journal::new();
        let passwords = Passwords::new(config.passwords_at_once);
        let shared = Shared {
            config,
            database: database.clone(),
            policies: Policies::new(),
            passwords,
            journal,
            standing: watch::Sender::new(Arc::default()),
            looking: Mutex::new(()),
            looked_us: AtomicU64::new(0),
        };
        let access = Self { shared: Arc::new(shared) };
        access.look().await?;
        if access.shared.config.required {
            access.keep_key().await?;
            if access.standing().accounts.is_empty() {
                tracing::warn!("nobody may come in yet: `cloud-hub access first NAME` makes the first league admin");
            }
        } else {
            tracing::warn!("access.required = false: everybody who reaches this hub may do everything");
        }
        let standing = access.shared.standing.subscribe();
        let (following, stopping) = (access.clone(), stop.clone());
        let work = async move {
            tokio::join!(writing.run(database, standing, stopping), following.follow(stop));
        };
        Ok((access, work))
    }

    /// Looks until `stop` whether anything changed.
    async fn follow(&self, stop: CancellationToken) {
        if !self.shared.config.required {
            return;
        }
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failing = false;
        while stop.run_until_cancelled(look.tick()).await.is_some() {
            let looked = async {
                self.look().await?;
                self.keep_key().await
            };
            match looked.await {
                Ok(()) => failing = false,
                Err(error) if !failing => {
                    failing = true;
                    tracing::warn!(%error, "who may come in cannot be looked at");
                }
                Err(_) => {}
            }
        }
    }

    /// Takes in what changed.
    pub async fn look(&self) -> Result<(), StorageError> {
        let asked_us = time::monotonic_us();
        let _turn = self.shared.looking.lock().await;
        // One that began since is as good.
        if self.shared.looked_us.load(Ordering::Relaxed) > asked_us {
            return Ok(());
        }
        let began_us = time::monotonic_us();
        let held = self.standing();
        if self.shared.database.access_revision().await? != held.revision || held.revision == 0 {
            let changes = self.shared.database.access_changes(held.revision).await?;
            let mut next = held.with(changes);
            next.forget_over(time::utc_us());
            self.shared.standing.send_replace(Arc::new(next));
        }
        self.shared.looked_us.store(began_us, Ordering::Relaxed);
        Ok(())
    }

    fn looked_ago_us(&self) -> u64 {
        time::monotonic_us().saturating_sub(self.shared.looked_us.load(Ordering::Relaxed))
    }

    /// Makes a key that signs when there is none, or when the newest is old.
    async fn keep_key(&self) -> Result<(), StorageError> {
        let now_us = time::utc_us();
        if self.standing().key().is_some_and(|key| now_us - key.made_us < KEY_US) {
            return Ok(());
        }
        // Two processes may each make one: both verify.
        let (_, row) = SigningKey::make(now_us);
        self.shared.database.add_signing_key(&row).await?;
        self.look().await
    }

    /// Makes a new key that signs; tokens signed by those before hold until they end.
    pub async fn rotate_key(&self) -> Result<(), StorageError> {
        let (_, row) = SigningKey::make(time::utc_us());
        self.shared.database.add_signing_key(&row).await?;
        self.look().await
    }

    /// Who may come in, the newest this process holds.
    pub fn standing(&self) -> Arc<Standing> {
        self.shared.standing.borrow().clone()
    }

    /// Told whenever that changes.
    pub fn changes(&self) -> watch::Receiver<Arc<Standing>> {
        self.shared.standing.subscribe()
    }

    /// How people prove who they are.
    pub fn config(&self) -> &AccessConfig {
        &self.shared.config
    }

    /// Who shows this at `now_us`. Somebody this process does not know yet may have come in at another: it looks.
    pub async fn known(&self, shown: &Shown, now_us: i64) -> Result<Who, AccessError> {
        if !self.shared.config.required {
            return Ok(Who::Everybody);
        }
        if self.looked_ago_us() > STALE.as_micros() as u64 {
            return Err(AccessError::Stale);
        }
        if *shown == Shown::Nothing {
            return Ok(Who::Nobody);
        }
        if let Some(known) = self.find(shown, now_us) {
            return Ok(self.used(known, now_us));
        }
        // Strangers wait for each other, so that a thousand of them are twenty looks a second.
        let soon_us = STRANGER_LOOK_US.saturating_sub(self.looked_ago_us());
        tokio::time::sleep(Duration::from_micros(soon_us)).await;
        self.look().await?;
        // Another process may have seen it used.
        if let Some(session) = Self::session(&self.standing(), shown, now_us)
            && let Some(used_us) = self.shared.database.session_used_us(&session.session).await?
        {
            session.was_used(used_us);
        }
        Ok(self.find(shown, now_us).map_or(Who::Nobody, |known| self.used(known, now_us)))
    }

    fn find(&self, shown: &Shown, now_us: i64) -> Option<Known> {
        let standing = self.standing();
        let session = Self::session(&standing, shown, now_us)?;
        self.holds(&standing, session, now_us)
    }

    /// The session that `shown` shows.
    fn session(standing: &Standing, shown: &Shown, now_us: i64) -> Option<Arc<Session>> {
        let by_secret = |session: &str, secret: &str, kind: SessionKind| {
            let session = standing.sessions.get(session).filter(|session| session.kind == kind)?;
            tokens::same(&session.digest, &secret_digest(secret)).then(|| session.clone())
        };
        match shown {
            Shown::Nothing => None,
            Shown::Cookie(text) => {
                let (session, secret) = text.split_once('.')?;
                by_secret(session, secret, SessionKind::Browser)
            }
            Shown::Bearer(text) => {
                if let Some((session, secret)) = text.strip_prefix("rkk_").and_then(|rest| rest.split_once('_')) {
                    return by_secret(session, secret, SessionKind::Key);
                }
                let claims = tokens::verify(&standing.keys, text, now_us)?;
                let session = standing.sessions.get(&claims.sid)?;
                let own = session.account == claims.sub && session.kind == SessionKind::Program;
                own.then(|| session.clone())
            }
        }
    }

    /// Somebody by `session`, if it and its account hold.
    fn holds(&self, standing: &Standing, session: Arc<Session>, now_us: i64) -> Option<Known> {
        let idle_us = i64::from(self.shared.config.idle_min) * 60_000_000;
        let idle = session.kind != SessionKind::Key && now_us - session.used_us() > idle_us + TOLD_US;
        let account = standing.accounts.get(&session.account)?.clone();
        (now_us < session.until_us && !idle && account.ended_us.is_none()).then_some(Known { account, session })
    }

    fn used(&self, known: Known, now_us: i64) -> Who {
        self.touch(&known.session, now_us);
        Who::Known(Arc::new(known))
    }

    /// Says that a session is used, to the other processes once a minute.
    fn touch(&self, session: &Session, now_us: i64) {
        if session.touch(now_us, TOLD_US) {
            let (database, used) = (self.shared.database.clone(), [(session.session.clone(), now_us)]);
            tokio::spawn(async move {
                if let Err(error) = database.touch_sessions(&used).await {
                    tracing::warn!(%error, "that a session is used is not told");
                }
            });
        }
    }

    /// Whether `who` is still who they were, at `now_us`: for what stays open, which counts as use.
    pub fn still(&self, who: &Who, now_us: i64) -> bool {
        let Who::Known(known) = who else { return true };
        let standing = self.standing();
        let session = standing.sessions.get(&known.session.session).cloned();
        session.and_then(|session| self.holds(&standing, session, now_us)).is_some_and(|known| {
            self.touch(&known.session, now_us);
            true
        })
    }

    /// The tables; for the files of this folder and the service that shows them.
    pub fn database(&self) -> &Database {
        &self.shared.database
    }
}
