//! What the hub asks of a box.
//!
//! The box asks for it: with a [`Report`] of what became of earlier orders, at [`commands`](super::topic::commands); the
//! answer is [`Orders`]. So commands come down on every road that batches go up, through any firewall. Each order is
//! signed by the authority of the hub the box was enrolled with, names the box's enrolment, and has a number that only
//! grows: one that was tampered with, is another's or comes again is refused.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use super::{Role, Side};

/// What is signed is this and then the order's bytes: a signature for anything else the authority signs is none here.
pub const SIGNED: &[u8] = b"rinkside order 1\n";

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
    /// Who wears which tag, in place of what was said before.
    Roster {
        /// Everybody.
        people: Vec<Tagged>,
    },
    /// Settings laid over the box's own file, in place of those laid over it before; empty for none.
    Configure {
        /// As in the file: TOML.
        settings: String,
    },
    /// Tell the newest lines of the log.
    Log {
        /// At most this many.
        lines: u32,
    },
    /// Tell how the box is, as JSON.
    Diagnostics,
}

/// Who wears a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tagged {
    /// Number printed on the tag.
    pub tag: u32,
    /// What the person is.
    pub role: Role,
    /// The team; `None` for officials.
    pub side: Option<Side>,
    /// Jersey number; `None` for officials.
    pub number: Option<u8>,
    /// Name, for the box's own page.
    pub name: String,
}

/// One command to one box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The box, as its certificate names it (enrolment 0 for one that was never enrolled).
    pub name: String,
    /// Grows from order to order.
    pub number: u64,
    /// What to do: an encoded [`Command`], in bytes, so that a box can name an order it is too old for.
    pub command: Vec<u8>,
}

/// An order and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOrder {
    /// An encoded [`Order`].
    pub order: Vec<u8>,
    /// ECDSA on P-256 with SHA-256 over [`SIGNED`] and `order`, ASN.1.
    pub signature: Vec<u8>,
}

/// What the box says when it asks for orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The box that asks.
    pub edge: String,
    /// What became of orders, until the hub has it.
    pub outcomes: Vec<Reported>,
}

/// What became of one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// Which one; 0 when the order could not be believed.
    pub number: u64,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of an order. Order of variants is the wire format: append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Carried out.
    Done {
        /// What was asked for, or a sentence.
        answer: String,
    },
    /// Not carried out, and nothing was changed.
    Refused {
        /// Why, and what to do.
        reason: String,
    },
    /// Tried and taken back.
    Failed {
        /// Why.
        reason: String,
    },
}

/// The hub's answer to a [`Report`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// What to do, oldest first; what was not reported on yet comes again.
    pub orders: Vec<SignedOrder>,
    /// The outcomes the hub has kept: the box need not report them again.
    pub settled: Vec<u64>,
}
