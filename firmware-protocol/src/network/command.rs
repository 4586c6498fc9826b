//! What the hub asks of a box.

use alloc::string::String;
use serde::{Deserialize, Serialize};

/// One request to a box. Order of variants is the wire format: append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// A game begins: records belong to it from now on.
    GameStart {
        /// The game, as the league numbers it.
        game: u64,
    },
    /// The game is over.
    GameStop {
        /// The game, as the league numbers it.
        game: u64,
    },
    /// Put a word into the log: shows the road down is open.
    Note {
        /// The word.
        text: String,
    },
}
