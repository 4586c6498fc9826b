//! Section `[lake]`.

use serde::{Deserialize, Serialize};

/// How player states go into the lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LakeConfig {
    /// First folder of every file: whose games these are.
    pub league: String,
    /// A game of which nothing came for so long is over, minutes; 0 keeps everything out of the lake.
    pub quiet_minutes: u32,
}

impl Default for LakeConfig {
    fn default() -> Self {
        Self { league: "local".to_owned(), quiet_minutes: 30 }
    }
}

impl LakeConfig {
    /// What is wrong with it, each with what is allowed.
    pub fn faults(&self) -> Vec<String> {
        let slug = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
        let mut faults = Vec::new();
        if self.league.is_empty() || self.league.len() > 63 || !self.league.chars().all(slug) {
            faults.push(format!("lake.league {:?} (1 to 63 of a-z 0-9 and dashes)", self.league));
        }
        if self.quiet_minutes > 10_080 {
            faults.push(format!("lake.quiet_minutes {} (0 to 10080)", self.quiet_minutes));
        }
        faults
    }
}
