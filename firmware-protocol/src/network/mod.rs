//! What a box and the hub say to each other.
//!
//! *Durable lane*: [`Batch`] up, [`Acknowledgement`] back after the hub's commit. *Live lane*: [`LiveState`], newest
//! only, may drop. *Down*: [`Command`]s, which the box asks for. Names of the places they are said at: [`topic`]. What a record holds:
//! [`record`]; how places are packed: [`chunk`]. How a box becomes known, over HTTPS: [`enrolment`].

pub mod batch;
pub mod broker;
pub mod chunk;
pub mod command;
pub mod enrolment;
pub mod event;
pub mod live;
pub mod record;
pub mod topic;

use alloc::vec::Vec;
use serde::{Serialize, de::DeserializeOwned};

pub use batch::{Acknowledgement, Answer, Batch, Stream};
pub use chunk::{ChunkBuilder, Who, centimetres};
pub use command::{Command, Order, Orders, Outcome, Report, Reported, SignedOrder, Tagged};
pub use event::{Event, EventKind, GameClock, Role, Side, Zone};
pub use live::{LivePlayer, LivePuck, LiveState};
pub use record::{Column, Loss, Record, Telemetry, TrackChunk};

/// Version of every message between box and hub.
pub const VERSION: u8 = 1;

/// First byte of a message that is compressed; then its length in bytes (four, lowest first), then one LZ4 block, which
/// opens to a whole message. Batches only: the rest is small.
pub const COMPRESSED: u8 = 128 | VERSION;

/// Why bytes from the network are not a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The first byte names another version.
    #[error("message version {found} (this side speaks {VERSION})")]
    Version {
        /// What the bytes say.
        found: u8,
    },
    /// The bytes stop early, go on after the end, or hold a value out of range.
    #[error("message of {bytes} bytes does not decode")]
    Malformed {
        /// How many bytes came.
        bytes: usize,
    },
}

/// A message's bytes: one version byte, then postcard.
pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(VERSION);
    postcard::to_extend(message, bytes).expect("postcard into a growing vector cannot run out of room")
}

/// The message in `bytes`, refused when another version or malformed.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, NetworkError> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => match postcard::take_from_bytes(rest) {
            Ok((message, [])) => Ok(message),
            _ => Err(NetworkError::Malformed { bytes: bytes.len() }),
        },
        Some((&found, _)) => Err(NetworkError::Version { found }),
        None => Err(NetworkError::Malformed { bytes: 0 }),
    }
}
