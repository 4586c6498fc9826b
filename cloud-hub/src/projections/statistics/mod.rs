//! A game's figures, counted from its ledger when somebody asks: by player, by team, at any strength.
//!
//! ```text
//!  ledger ─► ice (who was on, was play on) ─┐
//!     └────► attempts (shots, goals, assists) ┴─► players, teams
//!  skating ──────────────────────────────────────► beside them
//! ```
//!
//! Comes in: one game's [`Ledger`] and [`Skating`]. Goes out: [`Counted`] figures. Definitions are the field's; each
//! stands at its field. Never: a figure that was not seen: what cannot be told is `None`. The same rows give the same
//! figures.

pub mod attempts;
pub mod ice;
pub mod players;
pub mod strength;
pub mod teams;
#[cfg(test)]
mod tests;

pub use players::PlayerFigures;
pub use strength::Strength;
pub use teams::TeamFigures;

use super::{ledger::Ledger, skating::Skating};
use attempts::Try;
use firmware_protocol::network::Side;
use ice::Ice;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A player of one game.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Person {
    /// The team.
    pub side: Side,
    /// Jersey number.
    pub number: u8,
}

/// One game, ready to be counted.
#[derive(Debug)]
pub struct Counted<'a> {
    ledger: &'a Ledger,
    skating: &'a Skating,
    goalies: BTreeSet<Person>,
    ice: Ice,
    tries: Vec<Try>,
}

/// Attempts for and against: of a team, or of a player's team while they were on the ice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "AttemptsRow", into = "AttemptsRow")]
pub struct Attempts {
    /// All attempts: Corsi.
    pub corsi: u32,
    /// Attempts known to be blocked.
    pub blocked: u32,
    /// Attempts of which nobody told whether they missed or were blocked.
    pub unsettled: u32,
    /// Those a goalie or the net stopped, goals among them.
    pub on_goal: u32,
    /// Goals.
    pub goals: u32,
}

/// Corsi, blocked, unsettled, on goal, goals: rows stand without names.
type AttemptsRow = [u32; 5];

impl From<AttemptsRow> for Attempts {
    fn from([corsi, blocked, unsettled, on_goal, goals]: AttemptsRow) -> Self {
        Self { corsi, blocked, unsettled, on_goal, goals }
    }
}

impl From<Attempts> for AttemptsRow {
    fn from(attempts: Attempts) -> Self {
        [attempts.corsi, attempts.blocked, attempts.unsettled, attempts.on_goal, attempts.goals]
    }
}

impl Attempts {
    /// Counts one more.
    pub fn add(&mut self, one: &Try) {
        use crate::event_store::correction::Outcome;
        self.corsi += 1;
        self.goals += u32::from(one.goal_us.is_some());
        match one.outcome {
            Some(Outcome::OnGoal) => self.on_goal += 1,
            Some(Outcome::Blocked) => self.blocked += 1,
            Some(Outcome::Missed) => {}
            None => self.unsettled += 1,
        }
    }

    /// Counts others' attempts in.
    pub fn join(&mut self, other: &Self) {
        self.corsi += other.corsi;
        self.blocked += other.blocked;
        self.unsettled += other.unsettled;
        self.on_goal += other.on_goal;
        self.goals += other.goals;
    }

    /// Attempts that were not blocked: Fenwick. `None` while the fate of one is not known.
    pub fn fenwick(&self) -> Option<u32> {
        (self.unsettled == 0).then(|| self.corsi - self.blocked)
    }
}

/// Both sides of [`Attempts`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// One's own team's.
    pub own: Attempts,
    /// The others'.
    pub other: Attempts,
}

impl Balance {
    /// Counts others' in.
    pub fn join(&mut self, other: &Self) {
        self.own.join(&other.own);
        self.other.join(&other.other);
    }

    fn add(&mut self, own: bool, one: &Try) {
        if own { self.own.add(one) } else { self.other.add(one) }
    }

    /// Goals of one's own shots on goal, 0 to 1; `None` without a shot.
    pub fn shooting(&self) -> Option<f64> {
        share(self.own.goals, self.own.on_goal)
    }

    /// Shots on one's own goal that were saved, 0 to 1; `None` without a shot.
    pub fn saving(&self) -> Option<f64> {
        share(self.other.goals, self.other.on_goal).map(|scored| 1.0 - scored)
    }

    /// Shooting plus saving: 1 is even luck; both teams' add up to 2.
    pub fn pdo(&self) -> Option<f64> {
        Some(self.shooting()? + self.saving()?)
    }
}

/// `part` of `all`, 0 to 1.
pub fn share(part: u32, all: u32) -> Option<f64> {
    (all > 0).then(|| f64::from(part) / f64::from(all))
}

impl<'a> Counted<'a> {
    /// The game of `ledger` and `skating`. `named` are known to keep goal, beside those seen to.
    pub fn new(ledger: &'a Ledger, skating: &'a Skating, named: impl IntoIterator<Item = Person>) -> Self {
        let mut goalies: BTreeSet<Person> = named.into_iter().collect();
        goalies.extend(skating.goalies());
        let ice = Ice::new(ledger, &goalies);
        let tries = attempts::tries(ledger);
        Self { ledger, skating, goalies, ice, tries }
    }

    /// Attempts at goal, oldest first.
    pub fn tries(&self) -> &[Try] {
        &self.tries
    }

    /// Who was on the ice when.
    pub fn ice(&self) -> &Ice {
        &self.ice
    }

    /// The figures of everybody whose number was read, home before away, by number.
    pub fn players(&self, strength: Strength) -> Vec<PlayerFigures> {
        players::count(self, strength)
    }

    /// The figures of a team.
    pub fn team(&self, side: Side, strength: Strength) -> TeamFigures {
        teams::count(self, side, strength)
    }

    /// Whether what happened at `at_us` is of `strength`, seen from `side`.
    fn of_strength(&self, at_us: i64, strength: Strength, side: Side) -> bool {
        if strength == Strength::All {
            return true;
        }
        let situation = self.ice.at(at_us).and_then(|slice| slice.situation);
        situation.is_some_and(|situation| situation.is(strength, side))
    }
}
