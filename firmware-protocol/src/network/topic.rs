//! Where messages are said: the only file that spells a topic or key expression.
//!
//! `rinkside/1/{venue}/{edge}/records/{stream}` · `…/live` · `…/answers` · `…/commands`. Venue and edge are lower-case
//! slugs; a slash, a star, a plus or a dollar in them would change the meaning of a key expression or of an MQTT filter,
//! so [`is_slug`] forbids them.

use alloc::{format, string::String};

use super::batch::Stream;

/// Whether `word` may stand in a topic: 1–63 of `a-z 0-9 -`, not starting or ending with a dash.
pub fn is_slug(word: &str) -> bool {
    (1..=63).contains(&word.len())
        && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !word.starts_with('-')
        && !word.ends_with('-')
}

/// Where a box's batches of `stream` are put as queries.
pub fn records(venue: &str, edge: &str, stream: Stream) -> String {
    format!("rinkside/1/{venue}/{edge}/records/{}", stream.name())
}

/// Where the hub takes batches of all boxes.
pub const RECORDS_OF_ALL: &str = "rinkside/1/*/*/records/*";

/// The same as an MQTT filter.
pub const RECORDS_OF_ALL_MQTT: &str = "rinkside/1/+/+/records/+";

/// Where a box says its newest state.
pub fn live(venue: &str, edge: &str) -> String {
    format!("rinkside/1/{venue}/{edge}/live")
}

/// Where the hub hears the newest state of all boxes.
pub const LIVE_OF_ALL: &str = "rinkside/1/*/*/live";

/// The same as an MQTT filter.
pub const LIVE_OF_ALL_MQTT: &str = "rinkside/1/+/+/live";

/// Where a box hears over MQTT what became of its batches; over Zenoh the reply needs no place.
pub fn answers(venue: &str, edge: &str) -> String {
    format!("rinkside/1/{venue}/{edge}/answers")
}

/// Where the hub answers all boxes, as an MQTT filter.
pub const ANSWERS_OF_ALL_MQTT: &str = "rinkside/1/+/+/answers";

/// Where a box asks for its commands.
pub fn commands(venue: &str, edge: &str) -> String {
    format!("rinkside/1/{venue}/{edge}/commands")
}

/// Where the hub is asked for commands by all boxes.
pub const COMMANDS_OF_ALL: &str = "rinkside/1/*/*/commands";

/// The same as an MQTT filter.
pub const COMMANDS_OF_ALL_MQTT: &str = "rinkside/1/+/+/commands";

/// Whether `key` is where a box asks for its commands.
pub fn is_commands(key: &str) -> bool {
    speaker(key).is_some_and(|(venue, edge)| key == commands(venue, edge))
}

/// Everything a box may say and hear, as a key expression.
pub fn own(venue: &str, edge: &str) -> String {
    format!("rinkside/1/{venue}/{edge}/**")
}

/// The same as an MQTT topic filter.
pub fn own_over_mqtt(venue: &str, edge: &str) -> String {
    format!("rinkside/1/{venue}/{edge}/#")
}

/// The `(venue, edge)` a key expression names, when it is one of ours.
pub fn speaker(key: &str) -> Option<(&str, &str)> {
    let mut parts = key.split('/');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("rinkside"), Some("1"), Some(venue), Some(edge)) if is_slug(venue) && is_slug(edge) => {
            Some((venue, edge))
        }
        _ => None,
    }
}

/// The stream of records a key expression names, when it is one of ours.
pub fn record_stream(key: &str) -> Option<Stream> {
    speaker(key)?;
    match key.splitn(6, '/').collect::<alloc::vec::Vec<_>>()[4..] {
        ["records", stream] => Stream::from_name(stream),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs() {
        let longest = "a".repeat(63);
        for word in ["a", "rink-1", "0", longest.as_str()] {
            assert!(is_slug(word), "{word}");
        }
        let too_long = "a".repeat(64);
        let bad =
            ["", "-a", "a-", "A", "a/b", "*", "**", "$*", "+", "a b", "é", "a_b", "a.b", "#", "?", too_long.as_str()];
        for word in bad {
            assert!(!is_slug(word), "{word}");
        }
    }

    #[test]
    fn who_speaks() {
        let keys = [
            records("oak", "box-1", Stream::Tracks),
            live("oak", "box-1"),
            answers("oak", "box-1"),
            commands("oak", "box-1"),
        ];
        for key in keys {
            assert_eq!(speaker(&key), Some(("oak", "box-1")), "{key}");
        }
        for key in ["", "rinkside", "rinkside/1/oak", "rinkside/2/oak/box/live", "other/1/oak/box/live"] {
            assert_eq!(speaker(key), None, "{key}");
        }
        assert_eq!(speaker("rinkside/1/*/box/live"), None);
        assert_eq!(speaker("rinkside/1/oak/**/live"), None);
    }

    #[test]
    fn which_stream() {
        for stream in Stream::ALL {
            assert_eq!(record_stream(&records("oak", "box-1", stream)), Some(stream));
        }
        for key in ["rinkside/1/oak/box/live", "rinkside/1/oak/box/records", "rinkside/1/oak/box/records/other"] {
            assert_eq!(record_stream(key), None, "{key}");
        }
        assert_eq!(record_stream("rinkside/1/oak/box/records/events/more"), None);
        assert_eq!(record_stream("rinkside/1/*/box/records/events"), None);
    }
}
