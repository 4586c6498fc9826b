//! `[access]`: whether and how people prove who they are.

use serde::{Deserialize, Serialize};

/// `[access]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessConfig {
    /// Whether who asks must say who they are. `false`: everybody may do everything.
    pub required: bool,
    /// Who has to show more than a password: `everybody`, `administrators` for what administers, or `nobody`.
    pub second_factor: SecondFactor,
    /// A token of a program ends after this long, seconds; it is then refreshed.
    pub token_s: u32,
    /// A session ends when it was not used for this long, minutes.
    pub idle_min: u32,
    /// A session ends at the latest after this long, hours.
    pub session_h: u32,
    /// Sessions of one account at once; a further one ends the oldest.
    pub sessions_max: usize,
    /// Characters of a password, at least.
    pub password_characters_min: usize,
    /// Passwords that are checked at once; others wait.
    pub passwords_at_once: usize,
}

/// Who needs a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactor {
    /// Whoever wants more than to keep their own account.
    Everybody,
    /// Whoever administers accounts, shares, or reads the audit.
    Administrators,
    /// Nobody.
    Nobody,
}

impl Default for AccessConfig {
    fn default() -> Self {
        Self {
            required: false,
            second_factor: SecondFactor::Administrators,
            token_s: 300,
            idle_min: 60,
            session_h: 12,
            sessions_max: 20,
            password_characters_min: 12,
            passwords_at_once: 2,
        }
    }
}

impl AccessConfig {
    /// Whether administering asks for a second factor.
    pub fn asks_for_second(&self) -> bool {
        self.second_factor != SecondFactor::Nobody
    }

    /// What is wrong with these values, each with the values allowed.
    pub fn faults(&self) -> Vec<String> {
        let range = |key: &str, value: usize, min: usize, max: usize| {
            (!(min..=max).contains(&value)).then(|| format!("access.{key} {value} ({min} to {max})"))
        };
        [
            range("token_s", self.token_s as usize, 30, 3_600),
            range("idle_min", self.idle_min as usize, 5, 1_440),
            range("session_h", self.session_h as usize, 1, 720),
            range("sessions_max", self.sessions_max, 1, 1_000),
            range("password_characters_min", self.password_characters_min, 8, 64),
            range("passwords_at_once", self.passwords_at_once, 1, 64),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
