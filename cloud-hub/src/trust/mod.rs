//! Whom the hub lets in, and how a box becomes one of them.
//!
//! ```text
//!  cloud-hub edges code ─► code ─► staff ─► edge-agent enrol ─► HTTPS enrolment ─► certificate ─► mutual TLS everywhere
//!  cloud-hub edges revoke ─► database ─► roster, within a second ─► ingest shuts the box out
//! ```
//!
//! The hub is its own certificate authority ([`certificates`]). A code, good once and for minutes, lets a box send a
//! signing request ([`requests`]) over HTTPS ([`enrolment`]); the private key stays on the box. The certificate's name
//! says venue, box and number of the enrolment; the [`Roster`] holds the enrolments in force, and whatever is not on
//! it is not heard. Everything that was tried is logged and kept in the audit. Never: trusts a certificate because it is
//! signed (it may be revoked), or a name because a box says it.

pub mod config;
pub mod requests;
pub mod certificates;
pub mod roster;
pub mod mosquitto;
pub mod encrypted;
pub mod enrolment;

pub use certificates::{Authority, Certificates};
pub use config::TrustConfig;
pub use roster::Roster;

use crate::storage::{Database, StorageError, enrolments::Audited};

/// What trust cannot do.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The certificates cannot be made, read or written.
    #[error("certificates in {folder}: {reason}")]
    Certificates {
        /// Where they should stand.
        folder: String,
        /// What is wrong.
        reason: String,
    },
    /// The port for enrolment cannot be opened.
    #[error("enrolment cannot listen on {address}: {reason} (is the port taken? see trust.listen)")]
    Listen {
        /// Where it should.
        address: String,
        /// What is wrong.
        reason: String,
    },
    /// The enrolments cannot be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Writes what was done or tried into the log and into the audit.
pub async fn audit(database: &Database, at_us: i64, what: &str, subject: &str, detail: &str) {
    tracing::warn!(what, subject, detail, "trust");
    metrics::counter!("trust_audit_total", "what" => what.to_owned()).increment(1);
    let entry = Audited { at_us, what: what.into(), subject: subject.into(), detail: detail.into() };
    if let Err(error) = database.audit(&entry).await {
        tracing::error!(%error, "trust: an entry of the audit was not kept");
    }
}

/// The digest under which the secret of a code is kept, hex.
pub fn secret_digest(secret: &str) -> String {
    data_encoding::HEXLOWER.encode(ring::digest::digest(&ring::digest::SHA256, secret.as_bytes()).as_ref())
}
