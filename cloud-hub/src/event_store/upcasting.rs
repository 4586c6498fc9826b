//! Old events as today's: each step makes version `n + 1` of version `n`, so an event is written once and read forever.
//!
//! Comes in: the JSON of an event born at the hub, with its `version`. Goes out: the same in [`VERSION`]. Never: changes
//! what is stored. An event of a later hub is refused by its number.

use serde_json::{Value, json};

/// Version of events written today.
pub const VERSION: u64 = 2;

/// Why an event cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpcastError {
    /// A later hub wrote it.
    #[error("version {0} (this hub reads up to {VERSION}; is it older than its database?)")]
    Later(u64),
    /// It says no version.
    #[error("no version")]
    Unversioned,
}

/// `event` in today's version.
pub fn upcast(mut event: Value) -> Result<Value, UpcastError> {
    let mut version = event.get("version").and_then(Value::as_u64).ok_or(UpcastError::Unversioned)?;
    if version > VERSION {
        return Err(UpcastError::Later(version));
    }
    while version < VERSION {
        if version < 2 {
            sides_with_rosters(&mut event);
        }
        version += 1;
        event["version"] = json!(version);
    }
    Ok(event)
}

/// 1 to 2: a scheduled game named its teams only; now each side has its roster too.
fn sides_with_rosters(event: &mut Value) {
    if event["kind"] != "game" {
        return;
    }
    for side in ["home", "away"] {
        if let Some(team) = event["state"].get(side).filter(|side| side.is_string()).cloned() {
            event["state"][side] = json!({"team": team, "roster": []});
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that a hub of version 1 wrote: never change these.
    const GOLDEN_1: &str = r#"{"version":1,"fact":"set","kind":"game","id":"2024020001","state":{"venue":"oak-arena","starts_us":1728576000000000,"home":"oaks","away":"elms"}}"#;

    #[test]
    fn an_old_game_has_sides_with_rosters() {
        let event = upcast(serde_json::from_str(GOLDEN_1).unwrap()).unwrap();
        assert_eq!(
            event,
            json!({
                "version": 2, "fact": "set", "kind": "game", "id": "2024020001",
                "state": {
                    "venue": "oak-arena",
                    "starts_us": 1_728_576_000_000_000_u64,
                    "home": {"team": "oaks", "roster": []},
                    "away": {"team": "elms", "roster": []},
                },
            })
        );
        assert_eq!(upcast(event.clone()), Ok(event), "what is new stays");
    }

    #[test]
    fn other_old_events_only_change_their_version() {
        let event = json!({"version": 1, "fact": "removed", "kind": "team", "id": "oaks"});
        let mut expected = event.clone();
        expected["version"] = json!(2);
        assert_eq!(upcast(event), Ok(expected));
    }

    #[test]
    fn what_a_later_hub_wrote_is_refused() {
        assert_eq!(upcast(json!({"version": 3})), Err(UpcastError::Later(3)));
        assert_eq!(upcast(json!({"fact": "set"})), Err(UpcastError::Unversioned));
    }
}
