//! Detections of one camera to tracks. Pure: no IO, no clock; time is an argument.
//!
//! Comes in: the [`Detection`](crate::inference::Detection)s of one frame, its capture time and, where it is known, what
//! the camera did since the frame before. Goes out: the [`Track`]s alive then, in order of id. Allocates nothing per
//! frame in the steady state. Never fails: detections beyond `detections_max`, or that are not numbers, are left out.
//! [`evaluation`] measures how good it is.

pub mod config;
pub mod motion;
pub mod camera;
pub mod assignment;
pub mod association;
pub mod lifecycle;
pub mod evaluation;
mod tracker;
pub mod ballot;
pub mod palette;
mod memory;
pub mod teams;
pub mod numbers;

pub use config::Config;
use memory::Memory;
pub use numbers::Numbers;
pub use teams::Teams;
pub use tracker::Tracker;

use crate::{geometry::Rect, ids::TrackId, inference::Class};
use firmware_protocol::network::Side;
use serde::Serialize;

/// Where in its life a track is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Life {
    /// Seen too few times to be believed.
    Tentative,
    /// Believed, and seen in this frame.
    Confirmed,
    /// Believed, not seen for a moment; where it should be is still worth showing.
    Coasting,
    /// Believed, not seen for longer, still looked for.
    Lost,
}

/// One object over time in one camera.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Track {
    /// Never used twice.
    pub id: TrackId,
    /// Where, pixels.
    #[serde(flatten)]
    pub rect: Rect,
    /// Velocity of the box's centre, pixels per second.
    pub velocity_px: [f32; 2],
    /// One standard deviation of the foot point, pixels, across and down.
    pub sigma_px: [f32; 2],
    /// Of what, by vote over its life.
    pub class: Class,
    /// Score of the last detection joined to it.
    pub score: f32,
    /// Where in its life it is.
    pub life: Life,
    /// Which of the frame's detections it is, when it was seen.
    #[serde(skip)]
    pub joined: Option<u16>,
    /// Whose jersey it wears, by vote; `None` for officials and while unsure.
    pub side: Option<Side>,
    /// Jersey number, by vote; `None` while unread.
    pub number: Option<u8>,
}

#[cfg(test)]
mod tests;
