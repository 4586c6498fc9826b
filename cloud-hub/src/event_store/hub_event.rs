//! What is born at the hub: somebody set or removed a thing, or corrected an event.
//!
//! Comes in: a [`Fact`]. Goes out: JSON with its version, and the fact again, whichever hub wrote it. Facts about things
//! carry their whole state, so the newest says all; what a state means is its service's business.

use super::{
    correction::Correction,
    upcasting::{self, VERSION},
};
use crate::{
    ids::Offset,
    storage::{StorageError, hub_events::HubEventRow},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// The thing is so now.
    Set {
        /// What kind of thing.
        kind: String,
        /// Its name among them.
        id: String,
        /// All of it.
        state: Value,
    },
    /// The thing is no more.
    Removed {
        /// What kind of thing.
        kind: String,
        /// Its name among them.
        id: String,
    },
    /// An event was otherwise.
    Corrected(Correction),
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    version: u64,
    #[serde(flatten)]
    fact: Fact,
}

/// One event born at the hub.
#[derive(Debug, Clone, PartialEq)]
pub struct HubEvent {
    /// Its place among them.
    pub place: Offset,
    /// Whom it is about.
    pub stream: String,
    /// Its number there, from 1.
    pub sequence: u64,
    /// When it was taken, microseconds UTC.
    pub at_us: i64,
    /// Who did it.
    pub author: String,
    /// What.
    pub fact: Fact,
}

impl Fact {
    /// The stream it belongs to.
    pub fn stream(&self) -> String {
        match self {
            Self::Set { kind, id, .. } | Self::Removed { kind, id } => format!("{kind}/{id}"),
            Self::Corrected(correction) => corrections_of(correction.game),
        }
    }

    /// As it is stored.
    pub fn payload(&self) -> String {
        let envelope = Envelope { version: VERSION, fact: self.clone() };
        serde_json::to_string(&envelope).expect("a fact is made of words and numbers")
    }
}

/// The stream of corrections of `game`.
pub fn corrections_of(game: u64) -> String {
    format!("corrections/{game}")
}

impl HubEvent {
    /// The event in `row`, made today's.
    pub fn read(row: HubEventRow) -> Result<Self, StorageError> {
        let fault = |reason: String| StorageError::Row { table: "hub_events", row: row.place.0 as i64, reason };
        let Some(payload) = &row.payload else { return Ok(Self::erased(row)) };
        let stored: Value = serde_json::from_str(payload).map_err(|error| fault(error.to_string()))?;
        let todays = upcasting::upcast(stored).map_err(|error| fault(error.to_string()))?;
        let Envelope { fact, .. } = serde_json::from_value(todays).map_err(|error| fault(error.to_string()))?;
        Ok(Self::with(row, fact))
    }

    /// Whom it is about is not there any more.
    fn erased(row: HubEventRow) -> Self {
        let (kind, id) = row.stream.split_once('/').unwrap_or((&row.stream, ""));
        let fact = Fact::Removed { kind: kind.to_owned(), id: id.to_owned() };
        Self::with(row, fact)
    }

    fn with(row: HubEventRow, fact: Fact) -> Self {
        let HubEventRow { place, stream, sequence, at_us, author, .. } = row;
        Self { place, stream, sequence, at_us, author, fact }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_fact_comes_back() {
        let facts = [
            Fact::Set { kind: "team".into(), id: "oaks".into(), state: json!({"name": "Oaks"}) },
            Fact::Removed { kind: "team".into(), id: "oaks".into() },
            Fact::Corrected(Correction {
                game: 7,
                event: 41,
                action: super::super::correction::Action::Withdraw,
                changes: super::super::correction::Changes::default(),
                reason: "a stick broke".into(),
            }),
        ];
        for fact in facts {
            let row = HubEventRow {
                place: Offset(1),
                stream: fact.stream(),
                sequence: 1,
                at_us: 5,
                author: String::new(),
                payload: Some(fact.payload()),
            };
            assert_eq!(HubEvent::read(row).unwrap().fact, fact);
        }
    }

    #[test]
    fn a_golden_event_of_the_first_version_is_read() {
        let payload = r#"{"version":1,"fact":"set","kind":"game","id":"7","state":{"home":"oaks","away":"elms"}}"#;
        let row = HubEventRow {
            place: Offset(9),
            stream: "game/7".into(),
            sequence: 1,
            at_us: 0,
            author: String::new(),
            payload: Some(payload.into()),
        };
        let Fact::Set { state, .. } = HubEvent::read(row).unwrap().fact else { panic!("not set") };
        assert_eq!(state["away"], json!({"team": "elms", "roster": []}));
    }
}
