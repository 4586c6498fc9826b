//! How many play against how many.
//!
//! Comes in: who is on the ice and who keeps goal. Goes out: a [`Situation`], when it can be told, and whether it is of a
//! [`Strength`] that was asked for. While lines change on the fly more are seen than play: six skaters beside a goalie
//! count as five. Without a known goalie of both teams nothing is said, for a pulled one cannot be told from an
//! unread one.

use super::Person;
use firmware_protocol::network::Side;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

/// Skaters and goalies on the ice, as NHL's `situationCode` counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// Home skaters, 3 to 6.
    pub home: u8,
    /// Away skaters, 3 to 6.
    pub away: u8,
    /// Whether home has its goalie on.
    pub home_goalie: bool,
    /// Whether away has its goalie on.
    pub away_goalie: bool,
}

/// Which part of a game is meant, seen from one's own team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strength {
    /// Everything.
    #[default]
    All,
    /// As many skaters as the others, both goalies on.
    Even,
    /// More skaters than the others, both goalies on.
    PowerPlay,
    /// Fewer skaters than the others, both goalies on.
    ShortHanded,
    /// A goalie is off.
    EmptyNet,
    /// So many skaters against so many, both goalies on unless one counts six.
    Skaters(u8, u8),
}

impl Situation {
    /// What is on, with `strangers` whose numbers are not known; `None` when it cannot be told.
    pub fn of(on: &[Person], strangers: &BTreeMap<Side, i32>, goalies: &BTreeSet<Person>) -> Option<Self> {
        let count = |side: Side| -> Option<(i32, bool)> {
            if !goalies.iter().any(|goalie| goalie.side == side) {
                return None;
            }
            let own = on.iter().filter(|person| person.side == side);
            let (keep, skate): (Vec<&Person>, Vec<&Person>) = own.partition(|person| goalies.contains(person));
            Some((skate.len() as i32 + strangers.get(&side).copied().unwrap_or(0).max(0), !keep.is_empty()))
        };
        Self::counted([count(Side::Home)?, count(Side::Away)?])
    }

    /// The same of home and of away: how many skate, and whether the goalie is on.
    pub fn counted([home, away]: [(i32, bool); 2]) -> Option<Self> {
        let count = |(skaters, goalie): (i32, bool)| {
            let most = if goalie { 5 } else { 6 };
            (skaters >= 3).then(|| skaters.min(most) as u8)
        };
        Some(Self { home: count(home)?, away: count(away)?, home_goalie: home.1, away_goalie: away.1 })
    }

    /// NHL's code: away goalie, away skaters, home skaters, home goalie; `1551` is five against five.
    pub fn code(self) -> String {
        format!("{}{}{}{}", u8::from(self.away_goalie), self.away, self.home, u8::from(self.home_goalie))
    }

    /// Whether this is of `strength`, seen from `side`.
    pub fn is(self, strength: Strength, side: Side) -> bool {
        let (own, other) = match side {
            Side::Home => (self.home, self.away),
            Side::Away => (self.away, self.home),
        };
        let both = self.home_goalie && self.away_goalie;
        match strength {
            Strength::All => true,
            Strength::Even => both && own == other,
            Strength::PowerPlay => both && own > other,
            Strength::ShortHanded => both && own < other,
            Strength::EmptyNet => !both,
            Strength::Skaters(ours, theirs) => (own, other) == (ours, theirs) && (both || ours.max(theirs) == 6),
        }
    }
}

impl FromStr for Strength {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "all" => return Ok(Self::All),
            "even" => return Ok(Self::Even),
            "power_play" => return Ok(Self::PowerPlay),
            "short_handed" => return Ok(Self::ShortHanded),
            "empty_net" => return Ok(Self::EmptyNet),
            _ => {}
        }
        match word.as_bytes() {
            [ours @ b'3'..=b'6', b'v', theirs @ b'3'..=b'6'] => Ok(Self::Skaters(ours - b'0', theirs - b'0')),
            _ => Err("strength (all, even, power_play, short_handed, empty_net, or as 5v5 from 3v3 to 6v6)".to_owned()),
        }
    }
}

impl fmt::Display for Strength {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.write_str("all"),
            Self::Even => formatter.write_str("even"),
            Self::PowerPlay => formatter.write_str("power_play"),
            Self::ShortHanded => formatter.write_str("short_handed"),
            Self::EmptyNet => formatter.write_str("empty_net"),
            Self::Skaters(ours, theirs) => write!(formatter, "{ours}v{theirs}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(home: u8, away: u8, strength: &str, expected: bool) {
        let situation = Situation { home, away, home_goalie: home < 6, away_goalie: away < 6 };
        let strength: Strength = strength.parse().unwrap();
        assert_eq!(situation.is(strength, Side::Home), expected, "{} {strength}", situation.code());
    }

    #[test]
    fn strengths_are_seen_from_ones_own_team() {
        check(5, 5, "5v5", true);
        check(5, 5, "even", true);
        check(4, 4, "5v5", false);
        check(5, 4, "power_play", true);
        check(4, 5, "4v5", true);
        check(4, 5, "short_handed", true);
        check(6, 5, "power_play", false);
        check(6, 5, "6v5", true);
        check(6, 5, "empty_net", true);
        assert!("7v5".parse::<Strength>().is_err() && "5v5 ".parse::<Strength>().is_err());
    }

    #[test]
    fn who_keeps_goal_must_be_known() {
        let person = |side, number| Person { side, number };
        let five = |side| (1..=5).map(move |number| person(side, number));
        let mut on: Vec<Person> = five(Side::Home).chain(five(Side::Away)).collect();
        on.push(person(Side::Home, 30));
        let strangers = BTreeMap::from([(Side::Away, 1)]);
        let home_only = BTreeSet::from([person(Side::Home, 30)]);
        assert_eq!(Situation::of(&on, &strangers, &home_only), None);
        let both = BTreeSet::from([person(Side::Home, 30), person(Side::Away, 31)]);
        assert_eq!(Situation::of(&on, &strangers, &both).map(Situation::code).as_deref(), Some("0651"));
        on.push(person(Side::Away, 31));
        assert_eq!(Situation::of(&on, &strangers, &both).map(Situation::code).as_deref(), Some("1551"));
    }
}
