//! Pictures to detections: one trait, ONNX Runtime and tract behind it.
//!
//! Comes in: a BGR picture. Goes out: [`Detection`]s in pixels of that picture. ONNX Runtime is used when its library
//! is found, tract otherwise. Never: time, tracks, the rink.

use crate::geometry::Rect;
use serde::{Deserialize, Serialize};

/// What a detection is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Forward or defender.
    Skater,
    /// Goaltender.
    Goalie,
    /// Referee or linesperson.
    Official,
    /// The puck.
    Puck,
}

/// One box in one frame.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// Where, pixels.
    #[serde(flatten)]
    pub rect: Rect,
    /// Of what.
    pub class: Class,
    /// How sure, 0 to 1.
    pub score: f32,
}
