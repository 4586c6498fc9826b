//! The enrolments in force, in memory, for whoever decides about a message.
//!
//! Comes in: the database, looked at each second because `cloud-hub edges` is another process. Goes out: who may speak,
//! and word to watchers when that changed. A database that cannot be read leaves the roster as it was.

use crate::storage::{Database, StorageError};
use firmware_protocol::network::enrolment::certificate_name;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Between two looks. A revocation must bite within five seconds.
const LOOK: Duration = Duration::from_secs(1);

/// A box that may speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The arena it speaks for.
    pub venue: String,
    /// Number of its enrolment.
    pub enrolment: i64,
}

/// Boxes that may speak, by name.
pub type Members = Arc<BTreeMap<String, Member>>;

/// The enrolments in force. Clones share them.
#[derive(Debug, Clone)]
pub struct Roster {
    database: Database,
    members: watch::Sender<Members>,
}

impl Roster {
    /// The roster as the database has it now.
    pub async fn open(database: Database) -> Result<Self, StorageError> {
        let roster = Self { database, members: watch::Sender::default() };
        roster.look().await?;
        Ok(roster)
    }

    /// Looks into the database and tells watchers when something changed.
    pub async fn look(&self) -> Result<(), StorageError> {
        let in_force = self.database.enrolments_in_force().await?;
        let members: BTreeMap<String, Member> = in_force
            .into_iter()
            .map(|enrolment| (enrolment.edge, Member { venue: enrolment.venue, enrolment: enrolment.enrolment }))
            .collect();
        self.members.send_if_modified(|held| {
            let changed = **held != members;
            if changed {
                tracing::info!(boxes = members.len(), "trust: the roster changed");
                *held = Arc::new(members);
            }
            changed
        });
        Ok(())
    }

    /// Looks each second until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = looks.tick() => {}
            }
            if let Err(error) = self.look().await {
                tracing::error!(%error, "trust: the roster cannot be read; it stays as it was");
            }
        }
    }

    /// Whether `edge` may speak for `venue`.
    pub fn knows(&self, venue: &str, edge: &str) -> bool {
        self.members.borrow().get(edge).is_some_and(|member| member.venue == venue)
    }

    /// The members, now and as they change.
    pub fn follow(&self) -> watch::Receiver<Members> {
        self.members.subscribe()
    }
}

/// The name in the certificate of `edge`.
pub fn name_of(edge: &str, member: &Member) -> String {
    certificate_name(&member.venue, edge, member.enrolment)
}
