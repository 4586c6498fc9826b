//! The audit: who did what to whom, from where, with what outcome.
//!
//! ```text
//!  decisions, logins ─► queue ─► group, one transaction ─► answered ─► the caller is answered
//!                                      └─► every so often: the tree's head, signed
//! ```
//!
//! Comes in: what was permitted or refused. Goes out: entries in the table, after the commit. What changes or reveals
//! something is not answered before its entry stands; when it cannot be written the request is refused. The same look by
//! the same session at the same thing is told once a minute. Where somebody came from is sealed by their own key, so that
//! it goes when they do and the tree stays. Never: a name, a password, a token, a body.

use super::{
    merkle::{self, Head, Line},
    standing::Standing,
};
use crate::{
    storage::{Database, StorageError},
    time,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use moka::sync::Cache;
use serde::Serialize;
use std::{fmt::Write as _, net::IpAddr, sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// Entries that wait: whoever has one more waits for room.
const QUEUE: usize = 1_024;
/// Entries in one transaction.
const GROUP_MAX: usize = 256;
/// How often the head is signed while entries come.
const SIGN: Duration = Duration::from_mins(1);
/// The same look is told once in this time.
const SAME_LOOK: Duration = Duration::from_mins(1);
/// Entries read at once for an export.
const PAGE_ENTRIES: usize = 1_000;

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Told {
    /// Whose account; `None` for nobody known.
    pub account: Option<String>,
    /// Which session.
    pub session: Option<String>,
    /// From where.
    pub from: Option<IpAddr>,
    /// What: an action of the policies, or what happened at the login.
    pub what: &'static str,
    /// The operation of the API, as OpenAPI names it.
    pub operation: &'static str,
    /// On whom or what.
    pub on: String,
    /// `permitted`, `refused`, or what came of it.
    pub outcome: &'static str,
}

/// An entry as it lies. Fields are only added.
#[derive(Serialize)]
struct Entry<'a> {
    number: u64,
    at_us: i64,
    account: Option<&'a str>,
    session: Option<&'a str>,
    from: Option<&'a str>,
    what: &'a str,
    operation: &'a str,
    on: &'a str,
    outcome: &'a str,
}

type Waiting = (Told, oneshot::Sender<()>);

/// Where entries are put. Clones share it.
#[derive(Debug, Clone)]
pub struct Journal {
    entries: mpsc::Sender<Waiting>,
    looks: Cache<Told, ()>,
}

/// An entry could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit cannot be written")]
pub struct Unwritten;

impl Journal {
    /// A journal, and what it is written from.
    pub fn new() -> (Self, Writing) {
        let (entries, waiting) = mpsc::channel(QUEUE);
        let looks = Cache::builder().max_capacity(100_000).time_to_live(SAME_LOOK).build();
        (Self { entries, looks }, Writing(waiting))
    }

    /// Writes `told` down, and returns when it stands.
    pub async fn tell(&self, told: Told) -> Result<(), Unwritten> {
        let (stands, standing) = oneshot::channel();
        self.entries.send((told, stands)).await.map_err(|_| Unwritten)?;
        standing.await.map_err(|_| Unwritten)
    }

    /// The same for a look, unless it was told within the minute.
    pub async fn tell_look(&self, told: Told) -> Result<(), Unwritten> {
        if self.looks.contains_key(&told) {
            return Ok(());
        }
        self.tell(told.clone()).await?;
        self.looks.insert(told, ());
        Ok(())
    }
}

/// The other end of a [`Journal`].
#[derive(Debug)]
pub struct Writing(mpsc::Receiver<Waiting>);

impl Writing {
    /// Writes until the journal is closed or `stop`, and signs heads with the newest key of `standing`.
    pub async fn run(mut self, database: Database, standing: watch::Receiver<Arc<Standing>>, stop: CancellationToken) {
        let mut group = Vec::with_capacity(GROUP_MAX);
        let mut sign = tokio::time::interval(SIGN);
        sign.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        sign.reset();
        let mut unsigned = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = sign.tick() => {
                    if std::mem::take(&mut unsigned) {
                        let key = standing.borrow().clone();
                        if let Err(error) = sign_head(&database, &key).await {
                            tracing::error!(%error, "the audit's head is not signed");
                        }
                    }
                }
                count = self.0.recv_many(&mut group, GROUP_MAX) => {
                    if count == 0 {
                        break;
                    }
                    unsigned = true;
                    write(&database, &mut group).await;
                }
            }
        }
        // What came before the end is written too.
        while let Ok(waiting) = self.0.try_recv() {
            group.push(waiting);
        }
        write(&database, &mut group).await;
        let key = standing.borrow().clone();
        if let Err(error) = sign_head(&database, &key).await {
            tracing::warn!(%error, "the audit's last head is not signed; the next start signs it");
        }
    }
}

async fn write(database: &Database, group: &mut Vec<Waiting>) {
    if group.is_empty() {
        return;
    }
    let written = async {
        let mut sealed = Vec::with_capacity(group.len());
        for (told, _) in group.iter() {
            sealed.push(match told.from {
                Some(from) => {
                    Some(database.seal_about(told.account.as_deref(), "audit/from", &from.to_string()).await?)
                }
                None => None,
            });
        }
        let at_us = time::utc_us();
        let told: Vec<&Told> = group.iter().map(|(told, _)| told).collect();
        let entry = |index: usize, number: u64| {
            let Told { account, session, what, operation, on, outcome, .. } = told[index];
            let (account, session) = (account.as_deref(), session.as_deref());
            let from = sealed[index].as_deref();
            let entry = Entry { number, at_us, account, session, from, what, operation, on, outcome };
            serde_json::to_string(&entry).expect("an entry is words and numbers")
        };
        database.append_audit(told.len(), entry, merkle::HASHING).await
    };
    match written.await {
        Ok(_) => {
            metrics::counter!("access_audit_entries_total").increment(group.len() as u64);
            for (_, stands) in group.drain(..) {
                let _ = stands.send(());
            }
        }
        Err(error) => {
            tracing::error!(%error, entries = group.len(), "the audit cannot be written: requests are refused");
            group.clear();
        }
    }
}

/// Signs the tree's head as it is now.
pub async fn sign_head(database: &Database, standing: &Standing) -> Result<Option<Head>, StorageError> {
    let Some(key) = standing.key() else { return Ok(None) };
    let (size, subtrees) = database.audit_subtrees().await?;
    if size == 0 {
        return Ok(None);
    }
    let (root, at_us) = (merkle::root(&subtrees), time::utc_us());
    let signature = key.sign(&merkle::signed_bytes(size, &root, at_us));
    let public_key = STANDARD.encode(&key.public);
    let head = Head { size, root, at_us, kid: key.kid.clone(), public_key, signature };
    let signed = serde_json::to_string(&head).expect("a head is words and numbers");
    database.keep_checkpoint(size, &signed).await?;
    Ok(Some(head))
}

/// The whole audit as lines to verify, some at a time.
#[derive(Debug)]
pub struct Export {
    database: Database,
    heads: std::iter::Peekable<std::vec::IntoIter<(u64, String)>>,
    next: u64,
}

impl Export {
    /// From the first entry on.
    pub async fn open(database: Database) -> Result<Self, StorageError> {
        let heads = database.checkpoints(0).await?.into_iter().peekable();
        Ok(Self { database, heads, next: 0 })
    }

    /// The next lines, each ended; `None` after the last.
    pub async fn lines(&mut self) -> Result<Option<String>, StorageError> {
        let page = self.database.audit_entries(self.next, u64::MAX, PAGE_ENTRIES).await?;
        let mut text = String::new();
        for (number, entry) in page {
            text += &serde_json::to_string(&Line::Entry(entry)).expect("text is JSON");
            text.push('\n');
            self.next = number + 1;
            while let Some((_, signed)) = self.heads.next_if(|(size, _)| *size <= self.next) {
                let _ = writeln!(text, "{{\"head\":{signed}}}");
            }
        }
        Ok((!text.is_empty()).then_some(text))
    }
}
