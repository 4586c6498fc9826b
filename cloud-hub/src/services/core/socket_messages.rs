//! The text frames of `/ws/analytics`: JSON, each with its `type`.
//!
//! ```text
//! {"type":"hello","protocol":1,"epoch":"9f3c…","offset":41,"fact":6,"game":2024020001,"rink":{…}}   once, first
//! {"type":"event","event":{"offset":42,"game":2024020001,"kind":"shot",…}}                 as each is kept
//! {"type":"correction","game":2024020001,"fact":7,"correction":{"event":42,"action":"withdraw",…}}
//! {"type":"game","game":2024020002}     only without ?game=: from now on the frames are of this newer game
//! {"type":"reset","epoch":"9f3c…","offset":900,"reason":"…"}    what was missed cannot be replayed: fetch by REST
//! ```
//!
//! `event` is the object of `GET /api/events/live`. A page that comes back connects with the last `epoch` and `offset`
//! it holds (`/ws/analytics?game=…&epoch=…&offset=…`): after `hello` it gets every event since, in order, or one
//! `reset`; never a part. `hello.offset` is the newest event there is, or where a resumed page stands. Corrections
//! are not replayed: a page that held an older `fact` than `hello.fact` fetches its events and figures again. Binary frames
//! are [`live_frame`](super::live_frame)s. The hub pings an idle socket; browsers answer by themselves.

use axum::extract::ws::Utf8Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use super::{corrections::CorrectionView, event_view::EventView, rink::Rink};

/// Version of the conversation: `hello.protocol`.
pub const PROTOCOL: u8 = 1;

/// One text frame.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SocketMessage {
    /// The first frame.
    Hello {
        /// Version of the conversation.
        protocol: u8,
        /// Which event store: offsets of another epoch mean nothing here.
        epoch: String,
        /// The page holds, or needs not hold, every event up to here.
        offset: u64,
        /// The newest fact born at the hub: what a page held of corrected events and schedules before it may be otherwise.
        fact: u64,
        /// The game that is shown; `null` while there is none.
        game: Option<u64>,
        /// The ice it is played on.
        rink: Rink,
    },
    /// Something happened.
    Event {
        /// What.
        event: EventView,
    },
    /// An event was otherwise than its box told, or was not.
    Correction {
        /// The game.
        game: u64,
        /// The place of this fact; later ones have greater ones.
        fact: u64,
        /// What was.
        correction: CorrectionView,
    },
    /// The newest game is another one now.
    Game {
        /// Which.
        game: u64,
    },
    /// Events since the page's offset cannot be replayed: fetch them by REST.
    Reset {
        /// Which event store.
        epoch: String,
        /// Events after this one will be sent.
        offset: u64,
        /// Why.
        reason: String,
    },
}

impl SocketMessage {
    /// The text frame.
    pub fn text(&self) -> Utf8Bytes {
        serde_json::to_string(self).expect("numbers and words are JSON").into()
    }
}
