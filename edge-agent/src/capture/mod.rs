//! Pictures in: from a file, a network camera, a device, or the simulation.
//!
//! Comes in: a [`config::Source`]. Goes out: [`Frame`]s in capture order. When a source fails it is opened again with
//! backoff and the failure is said in health; a missing camera never stops the box.

use crate::{ids::CameraId, time::Stamp};
use opencv::core::Mat;

/// One picture.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Which camera.
    pub camera: CameraId,
    /// Counts up by one a picture from 0 since the source was opened.
    pub sequence: u64,
    /// When the shutter closed.
    pub stamp: Stamp,
    /// Rows × columns × 3, 8 bit, BGR.
    pub image: Mat,
}
