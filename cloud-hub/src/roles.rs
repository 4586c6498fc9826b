//! What one process of the hub does. All roles in one process are a whole hub; several processes that share PostgreSQL
//! and Redis are the same hub, and which does what may change between two starts without moving anything.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One role. Others of the design (enterprise, visualization, ml) are refused until their services exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The door: pages, API and WebSocket, answered here or passed to whom it is for
    Gateway,
    /// Hears boxes and keeps what they say; makes the read tables and the lake
    Ingest,
    /// Games, teams, statistics, corrections, boxes
    Core,
    /// The WebSocket of live pages, and figures of a game
    Analytics,
    /// Who may come in, what they may, and what was done
    Security,
}

impl Role {
    /// Every role there is.
    pub const ALL: [Self; 5] = [Self::Gateway, Self::Ingest, Self::Core, Self::Analytics, Self::Security];
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Gateway => "gateway",
            Self::Ingest => "ingest",
            Self::Core => "core",
            Self::Analytics => "analytics",
            Self::Security => "security",
        })
    }
}
