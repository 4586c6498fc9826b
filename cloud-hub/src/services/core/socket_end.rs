//! Why a page is served no longer, and what it is told.

use axum::extract::ws::{CloseFrame, close_code};

/// Why a page is served no longer.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    /// It closed, or its connection broke.
    Left,
    /// It took nothing, or answered no ping.
    Stuck,
    /// The hub stops.
    Stopping,
    /// The event store cannot be read, or rights cannot be looked up.
    Failed,
    /// Whoever watches may not any more.
    Refused,
}

impl End {
    /// Its word in figures.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Stuck => "stuck",
            Self::Stopping => "stopping",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }

    /// What the page is told; nothing when nobody is there to hear it.
    pub(super) fn farewell(self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::Left | Self::Stuck => return None,
            Self::Stopping => (close_code::AWAY, "the hub is stopping"),
            Self::Failed => (close_code::ERROR, "events cannot be read"),
            Self::Refused => (close_code::POLICY, "log in again"),
        };
        Some(CloseFrame { code, reason: reason.into() })
    }
}
