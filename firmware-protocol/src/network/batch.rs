//! The durable lane: consecutive records of one stream, and the hub's answer.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Records by worth. Order of variants is the wire format: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stream {
    /// Goals, whistles, penalties, game control: shed last.
    Events,
    /// Player states in one-second chunks.
    Tracks,
    /// Health and device readings: shed first.
    Telemetry,
}

impl Stream {
    /// All streams, worth most first.
    pub const ALL: [Self; 3] = [Self::Events, Self::Tracks, Self::Telemetry];

    /// The word for this stream in topics, metrics and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Tracks => "tracks",
            Self::Telemetry => "telemetry",
        }
    }

    /// The stream called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.name() == name)
    }
}

/// Consecutive records of one stream: record `i` has sequence `first_sequence + i`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The box that speaks.
    pub edge: String,
    /// Which journal of that box: a new journal draws a new epoch and counts from zero again.
    pub epoch: u64,
    /// The stream the sequence numbers belong to.
    pub stream: Stream,
    /// Sequence number of the first record.
    pub first_sequence: u64,
    /// Encoded [`Record`](super::Record)s, opened by the hub only.
    pub records: Vec<Vec<u8>>,
}

/// The hub's answer to a [`Batch`], sent after its commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Which journal this answers.
    pub epoch: u64,
    /// Which stream this answers.
    pub stream: Stream,
    /// What became of the batch.
    pub answer: Answer,
}

/// What became of a batch. `next_sequence` is the first the hub does not hold yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Committed, or all of it was already: the box may forget everything below `next_sequence`.
    Kept {
        /// First sequence the hub does not hold.
        next_sequence: u64,
    },
    /// It starts beyond what the hub holds: send again from `next_sequence`.
    Gap {
        /// First sequence the hub does not hold.
        next_sequence: u64,
    },
    /// The hub cannot take more now; nothing was committed.
    Busy {
        /// Try again after this long, milliseconds.
        retry_after_ms: u32,
    },
    /// The hub will never take this batch; it was set aside there for a person to look at.
    Refused {
        /// Why, for the log.
        reason: String,
    },
}
