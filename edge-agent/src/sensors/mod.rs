//! Serial lines in: tags, puck, scoreboard.
//!
//! Comes in: bytes of a serial line, fed to `firmware_protocol::packet`. Goes out: [`Reading`]s stamped in UTC.
//! Noise is counted and skipped; a line that vanishes is opened again with backoff.

use crate::time::Stamp;
use firmware_protocol::serial::{Message, TagId};

/// One sensor value with its place in time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Who measured.
    pub tag: TagId,
    /// When, by the box's clock, after the device's offset.
    pub stamp: Stamp,
    /// What.
    pub message: Message,
}
