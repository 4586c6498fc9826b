//! Takes what boxes send: batches to be kept, and the newest state to be shown.
//!
//! ```text
//!  Zenoh query (Batch) ─► admission ─► Handover ─► event_store ─► Answer ─► Zenoh reply, after the commit
//!  Zenoh put (LiveState) ─► LiveBoard ─► gateway
//! ```
//!
//! Comes in: bytes from strangers. Goes out: [`Handover`]s in a bounded queue, the [`LiveBoard`], and an answer for
//! each batch. Never: an acknowledgement before the commit, or, where certificates are required, anything from who is not
//! on the roster. When the queue is full the box is told to wait; bytes that
//! are no batch are refused with the reason.

pub mod admission;
pub mod config;
pub mod live_board;
pub mod zenoh;

pub use admission::{Admission, Handover};
pub use config::IngestConfig;
pub use live_board::LiveBoard;

use crate::trust::TrustError;
use tokio_util::sync::CancellationToken;

/// What ingest cannot do.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The listener cannot be opened.
    #[error("ingest cannot listen on {endpoint}: {reason} (is the port taken, the address of this machine?)")]
    Listen {
        /// Where it should.
        endpoint: String,
        /// What Zenoh says.
        reason: String,
    },
    /// The hub's certificates cannot be had.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// Listens to whoever comes until `stop`, without a roster. Returns once nothing more will be handed over.
pub async fn run(
    config: &IngestConfig,
    admission: Admission,
    live: LiveBoard,
    stop: CancellationToken,
) -> Result<(), IngestError> {
    let listener = zenoh::Listener::open(config, None).await?;
    listener.run(admission, live, stop).await
}
