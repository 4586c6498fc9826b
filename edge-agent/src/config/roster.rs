//! Who wears which tag: the `[[roster]]` entries of the configuration.

use crate::{fusion::Binding, ids::TagId};
use firmware_protocol::network::{Role, Side};
use serde::Deserialize;

/// One person and the tag they wear.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RosterEntry {
    /// Number printed on the tag.
    pub tag: u32,
    /// `skater`, `goalie` or `official`.
    #[serde(default = "skater")]
    pub role: Role,
    /// `home` or `away`; left out for officials.
    #[serde(default)]
    pub side: Option<Side>,
    /// Jersey number; left out for officials.
    #[serde(default)]
    pub number: Option<u8>,
    /// Name, for the box's own page.
    #[serde(default)]
    pub name: String,
}

fn skater() -> Role {
    Role::Skater
}

impl RosterEntry {
    /// What fusion needs to know of it.
    pub fn binding(&self) -> Binding {
        Binding { tag: TagId(self.tag), role: self.role, side: self.side, number: self.number }
    }
}

/// What is wrong with a roster: each message names the tag.
pub fn faults(roster: &[RosterEntry]) -> Vec<String> {
    let mut list = Vec::new();
    for (index, entry) in roster.iter().enumerate() {
        let before = &roster[..index];
        if before.iter().any(|other| other.tag == entry.tag) {
            list.push(format!("roster: tag {} is given to two people; give each their own", entry.tag));
        }
        if entry.role != Role::Official && entry.side.is_none() {
            list.push(format!("roster: tag {} has no side; write side = \"home\" or \"away\"", entry.tag));
        }
        let twin = |other: &&RosterEntry| other.side == entry.side && other.number == entry.number;
        if entry.number.is_some() && before.iter().any(|other| twin(&other)) {
            let number = entry.number.unwrap_or_default();
            list.push(format!("roster: tag {}: number {number} stands twice on one side", entry.tag));
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(tag: u32, side: Option<Side>, number: u8) -> RosterEntry {
        RosterEntry { tag, role: Role::Skater, side, number: Some(number), name: String::new() }
    }

    #[test]
    fn the_same_number_on_both_sides_is_fine() {
        assert!(faults(&[entry(1, Some(Side::Home), 9), entry(2, Some(Side::Away), 9)]).is_empty());
    }

    #[test]
    fn each_fault_names_its_tag() {
        let list = faults(&[entry(1, Some(Side::Home), 9), entry(1, Some(Side::Home), 9), entry(3, None, 4)]);
        assert_eq!(list.len(), 3, "{list:?}");
        assert!(list[2].contains("tag 3"));
    }
}
