//! Mosquitto's rules, made from the roster: each box at its own topics, the hub at everybody's, nobody else anywhere.
//!
//! Comes in: the roster. Goes out: an `acl_file` for a broker that takes a certificate's common name as user, written
//! whole whenever the roster changes. The broker reads it again on SIGHUP, which the hub may not send: see `deploy/`.
//! A file that cannot be written is said and tried again with the next change; the hub's own roster holds meanwhile.

use super::{
    certificates::HUB_NAME,
    roster::{Members, name_of},
};
use firmware_protocol::network::topic;
use std::{fmt::Write as _, fs, io, path::Path};
use tokio::sync::watch;

/// The rules for `members`.
pub fn rules(members: &Members) -> String {
    let mut text = String::from("# Made by the hub from its roster: do not edit.\n");
    let _ = writeln!(text, "\nuser {HUB_NAME}");
    for heard in [topic::RECORDS_OF_ALL_MQTT, topic::COMMANDS_OF_ALL_MQTT, topic::LIVE_OF_ALL_MQTT] {
        let _ = writeln!(text, "topic read {heard}");
    }
    let _ = writeln!(text, "topic write {}", topic::ANSWERS_OF_ALL_MQTT);
    for (edge, member) in members.iter() {
        let (name, own) = (name_of(edge, member), topic::own_over_mqtt(&member.venue, edge));
        let _ = write!(text, "\nuser {name}\ntopic readwrite {own}\n");
    }
    text
}

/// Writes the rules to `path` now and whenever `members` change. Ends with the roster.
pub async fn keep_written(path: &Path, mut members: watch::Receiver<Members>) {
    loop {
        let text = rules(&members.borrow_and_update().clone());
        match write(path, &text) {
            Ok(()) => tracing::info!(path = %path.display(), "trust: rules for the broker written"),
            Err(error) => tracing::error!(path = %path.display(), %error, "trust: rules for the broker not written"),
        }
        if members.changed().await.is_err() {
            return;
        }
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::roster::Member;
    use std::{collections::BTreeMap, sync::Arc};

    #[test]
    fn hold_each_box_to_its_own_topics() {
        let member = Member { venue: "oak".into(), enrolment: 7 };
        let rules = rules(&Arc::new(BTreeMap::from([("box-1".into(), member)])));
        assert!(rules.ends_with("\nuser oak.box-1.7\ntopic readwrite rinkside/1/oak/box-1/#\n"), "{rules}");
        assert!(rules.contains("\nuser Rinkside hub\ntopic read rinkside/1/+/+/records/+\n"), "{rules}");
    }
}
