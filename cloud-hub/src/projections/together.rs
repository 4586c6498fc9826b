//! Two rows a game for whoever counts a season: who was on the ice together, and a line for each player.
//!
//! Comes in: a game's [`Ledger`]. Goes out: [`Together`], the time and the attempts of every set of players who were on at
//! once, so that any part of a season with or without anybody is a sum over some rows; and [`Lines`]. Numbers, not
//! players: who wore them says the schedule, as it stands when somebody asks. Never: anything the ledger does not say, so
//! these are made again with it.

use super::{
    Skating,
    ledger::Ledger,
    statistics::{Attempts, Balance, Counted, Person, Strength},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use firmware_protocol::network::Side;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Name of the rows of sets of players.
pub const PROJECTION: &str = "together";
/// Name of the rows of lines.
pub const LINES: &str = "lines";

/// Players who were on the ice at once, all the times they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// Who of home and of away: the [`bit`](Together::bit) of each.
    pub on: [u128; 2],
    /// How many others there were whose numbers were not read, of home and of away.
    pub strangers: [u8; 2],
    /// For how long while play was on, microseconds.
    pub played_us: u64,
    /// Attempts of home and of away; `None` for none.
    pub attempts: Option<[Attempts; 2]>,
}

/// All sets of a game.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Together {
    /// Numbers of home and of away that were on, in order: a thousand sets are of these.
    numbers: [Vec<u8>; 2],
    /// Each once, in order of who is in them.
    pub sets: Vec<Set>,
}

impl Together {
    /// Of `person` in the sets; none when nobody was on with that number. A game has a hundred numbers at most.
    pub fn bit(&self, person: Person) -> Option<u128> {
        let at = self.numbers[person.side as usize].binary_search(&person.number).ok()?;
        1_u128.checked_shl(at as u32)
    }

    /// As a row: columns, compressed, as text. A game has a thousand sets of few lines, and a season's question reads
    /// eighty games.
    pub(super) fn packed(&self) -> String {
        let bytes = postcard::to_allocvec(&Columns::of(self)).expect("numbers fit into a growing vector");
        STANDARD.encode(lz4_flex::compress_prepend_size(&bytes))
    }

    /// Of such a row; `None` when it is none.
    pub(super) fn unpacked(row: &str) -> Option<Self> {
        let bytes = lz4_flex::decompress_size_prepended(&STANDARD.decode(row).ok()?).ok()?;
        postcard::from_bytes::<Columns>(&bytes).ok()?.sets()
    }
}

/// The sets of a game, a column for each of their parts: two thirds of the bytes of a row for each.
#[derive(Serialize, Deserialize)]
struct Columns {
    numbers: [Vec<u8>; 2],
    /// Who of home, and in how many sets from there on; sets are in order of it.
    home: Vec<(u128, u32)>,
    /// Who of away, each once, and which of them by set.
    away: (Vec<u128>, Vec<u32>),
    /// Sets with strangers.
    strangers: Vec<(u32, [u8; 2])>,
    /// By set.
    played_us: Vec<u64>,
    /// Sets with attempts.
    attempts: Vec<(u32, [Attempts; 2])>,
}

impl Columns {
    fn of(together: &Together) -> Self {
        let (mut home, mut places): (Vec<(u128, u32)>, BTreeMap<u128, u32>) = (Vec::new(), BTreeMap::new());
        let sets = &together.sets;
        for Set { on: [set, _], .. } in sets {
            match home.last_mut() {
                Some((last, count)) if last == set => *count += 1,
                _ => home.push((*set, 1)),
            }
        }
        places.extend(sets.iter().map(|set| (set.on[1], 0)));
        (0..).zip(places.values_mut()).for_each(|(at, place)| *place = at);
        let rows = || (0..).zip(sets);
        Self {
            numbers: together.numbers.clone(),
            home,
            away: (places.keys().copied().collect(), sets.iter().map(|set| places[&set.on[1]]).collect()),
            strangers: rows().filter(|(_, set)| set.strangers != [0; 2]).map(|(at, set)| (at, set.strangers)).collect(),
            played_us: sets.iter().map(|set| set.played_us).collect(),
            attempts: rows().filter_map(|(at, set)| Some((at, set.attempts?))).collect(),
        }
    }

    /// `None` when the columns do not fit together.
    fn sets(self) -> Option<Together> {
        let sets = self.played_us.len();
        if self.away.1.len() != sets || self.home.iter().map(|(_, count)| *count as usize).sum::<usize>() != sets {
            return None;
        }
        let home = self.home.iter().flat_map(|(on, count)| std::iter::repeat_n(*on, *count as usize));
        let mut sets = Vec::with_capacity(sets);
        for ((home, away), played_us) in home.zip(&self.away.1).zip(self.played_us) {
            let away = *self.away.0.get(*away as usize)?;
            sets.push(Set { on: [home, away], strangers: [0; 2], played_us, attempts: None });
        }
        for (at, strangers) in self.strangers {
            sets.get_mut(at as usize)?.strangers = strangers;
        }
        for (at, attempts) in self.attempts {
            sets.get_mut(at as usize)?.attempts = Some(attempts);
        }
        Some(Together { numbers: self.numbers, sets })
    }
}

/// What one player has done in a game.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Who.
    pub person: Person,
    /// Time on the ice while play was on, milliseconds.
    pub toi_ms: u64,
    /// Goals.
    pub goals: u32,
    /// Assists, by the passes that were seen.
    pub assists: u32,
    /// Attempts at goal: individual Corsi.
    pub attempts: u32,
    /// Of those, the ones goalie or net stopped.
    pub on_goal: u32,
    /// Both teams' attempts while on the ice.
    pub on_ice: Balance,
}

/// A line for each player whose number was read, home before away, by number.
pub type Lines = Vec<Line>;

/// The rows of the game of `ledger`.
pub(super) fn rows(ledger: &Ledger) -> (Together, Lines) {
    let skating = Skating::default();
    let game = Counted::new(ledger, &skating, []);
    let line = |figures: super::statistics::PlayerFigures| Line {
        person: figures.person,
        toi_ms: figures.toi_ms.unwrap_or(0),
        goals: figures.goals,
        assists: figures.assists,
        attempts: figures.attempts,
        on_goal: figures.on_goal,
        on_ice: figures.on_ice,
    };
    (together(&game), game.players(Strength::All).into_iter().map(line).collect())
}

fn together(game: &Counted<'_>) -> Together {
    let slices = &game.ice().slices;
    // Of all slices: an attempt at the whistle lies in one that is not played.
    let numbers = [Side::Home, Side::Away].map(|side| {
        let own = slices.iter().flat_map(|slice| &slice.on).filter(|person| person.side == side);
        own.map(|person| person.number).collect::<BTreeSet<u8>>().into_iter().collect()
    });
    let mut together = Together { numbers, sets: Vec::new() };
    let key = |on: &[Person], strangers: [u8; 2]| {
        let mut bits = [0; 2];
        for person in on {
            bits[person.side as usize] |= together.bit(*person).unwrap_or(0);
        }
        (bits, strangers)
    };
    let mut sets: BTreeMap<_, (i64, [Attempts; 2])> = BTreeMap::new();
    for slice in slices.iter().filter(|slice| slice.playing) {
        sets.entry(key(&slice.on, slice.strangers)).or_default().0 += slice.stay.to_us - slice.stay.from_us;
    }
    for one in game.tries() {
        let Some(slice) = game.ice().at(one.deed.at_us) else { continue };
        let (_, attempts) = sets.entry(key(&slice.on, slice.strangers)).or_default();
        attempts[one.deed.side as usize].add(one);
    }
    let set = |((on, strangers), (played_us, attempts)): (_, (i64, _))| Set {
        on,
        strangers,
        played_us: played_us as u64,
        attempts: Some(attempts).filter(|attempts| *attempts != <[Attempts; 2]>::default()),
    };
    together.sets = sets.into_iter().map(set).collect();
    together
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_what_was_packed_and_half_a_row_is_none() {
        let attempts = [Attempts { corsi: 2, goals: 1, ..Attempts::default() }, Attempts::default()];
        let set = |on, strangers, played_us, attempts| Set { on, strangers, played_us, attempts };
        let sets = vec![
            set([1, 6], [0; 2], 7_000_000, None),
            set([1, 9], [0, 2], 1, Some(attempts)),
            set([1 << 127, 6], [1, 0], 0, Some(attempts)),
        ];
        let together = Together { numbers: [vec![4, 87], vec![9]], sets };
        assert_eq!(Together::unpacked(&together.packed()), Some(together.clone()));
        assert_eq!(Together::unpacked(&Together::default().packed()), Some(Together::default()));
        for (what, spoil) in [
            ("an attempt in no set", (|columns| columns.attempts[0].0 = 3) as fn(&mut Columns)),
            ("nobody of away", |columns| columns.away.1[0] = 2),
            ("a set without home", |columns| columns.home.truncate(1)),
        ] {
            let mut columns = Columns::of(&together);
            spoil(&mut columns);
            assert_eq!(columns.sets(), None, "{what}");
        }
    }
}
