//! Numbers and names that tell things apart. No behaviour: only what keeps a camera's number from being used as a
//! track's.

use serde::{Deserialize, Serialize};

/// A camera of this box, counted in the order of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CameraId(pub u8);

/// A track in one camera; never used twice while the box runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrackId(pub u32);

/// A person in the fused state; 0 is the puck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EntityId(pub u16);

impl EntityId {
    /// The puck.
    pub const PUCK: Self = Self(0);
}

pub use firmware_protocol::serial::TagId;
