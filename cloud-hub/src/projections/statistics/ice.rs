//! Who was on the ice at each moment, and whether play was on.
//!
//! Comes in: a [`Ledger`] and who keeps goal. Goes out: [`Ice`], slices of time in each of which nobody comes or goes.
//! A shift is [from, to): who leaves at the instant of a goal was not on for it. A shift whose end was never told is
//! open when it is its player's newest, else it counts as begun and of no length.

use super::{Person, strength::Situation};
use crate::projections::ledger::{Ledger, Start};
use firmware_protocol::network::Side;
use std::collections::{BTreeMap, BTreeSet};

/// A start this near a told shift's beginning is the same, microseconds: the end says its length in whole milliseconds,
/// and a number may be read only after the start was told.
const SAME_START_US: i64 = 500_000;

/// Time on the ice, [from, to).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stay {
    /// From, microseconds UTC.
    pub from_us: i64,
    /// To, microseconds UTC.
    pub to_us: i64,
}

/// A stretch in which nobody comes or goes and play neither begins nor stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// When.
    pub stay: Stay,
    /// Whether play was on.
    pub playing: bool,
    /// Whose numbers are known.
    pub on: Vec<Person>,
    /// How many others there were, of home and of away.
    pub strangers: [u8; 2],
    /// How many of each.
    pub situation: Option<Situation>,
}

/// All of a game.
#[derive(Debug, Clone, Default)]
pub struct Ice {
    /// In order of time, without gaps from the first to the last.
    pub slices: Vec<Slice>,
    /// Each player's shifts in order of time, not overlapping.
    pub stays: BTreeMap<Person, Vec<Stay>>,
    /// Beginnings whose end was never told.
    pub unended: BTreeMap<Person, u32>,
    /// When play was on.
    pub plays: Vec<Stay>,
}

impl Ice {
    /// The ice of `ledger`, on which `goalies` keep goal.
    pub fn new(ledger: &Ledger, goalies: &BTreeSet<Person>) -> Self {
        let mut stays: BTreeMap<Person, Vec<Stay>> = BTreeMap::new();
        // Nobody's number: still somebody on the ice.
        let mut strangers: Vec<(Side, Stay)> = Vec::new();
        let mut put = |side: Side, number: Option<u8>, stay: Stay| match number {
            Some(number) => stays.entry(Person { side, number }).or_default().push(stay),
            None => strangers.push((side, stay)),
        };
        for shift in &ledger.shifts {
            put(shift.side, shift.number, Stay { from_us: shift.from_us, to_us: shift.to_us });
        }
        let (open, unended) = unended(ledger);
        for start in open {
            put(start.side, start.number, Stay { from_us: start.at_us, to_us: ledger.newest_us.max(start.at_us) });
        }
        stays.values_mut().for_each(join);
        let plays = plays(ledger);
        let slices = slices(&stays, &strangers, &plays, goalies);
        Self { slices, stays, unended, plays }
    }

    /// The slice at `at_us`; `None` before anybody came and after everybody left.
    pub fn at(&self, at_us: i64) -> Option<&Slice> {
        let after = self.slices.partition_point(|slice| slice.stay.from_us <= at_us);
        self.slices[..after].last().filter(|slice| at_us < slice.stay.to_us)
    }
}

/// Makes overlapping stays one.
fn join(stays: &mut Vec<Stay>) {
    stays.sort_unstable();
    let mut joined: Vec<Stay> = Vec::with_capacity(stays.len());
    for stay in stays.iter() {
        match joined.last_mut() {
            Some(last) if stay.from_us < last.to_us => last.to_us = last.to_us.max(stay.to_us),
            _ => joined.push(*stay),
        }
    }
    *stays = joined;
}

/// The starts that are open now, and how many others had no end.
fn unended(ledger: &Ledger) -> (Vec<Start>, BTreeMap<Person, u32>) {
    let mut told: BTreeMap<Side, Vec<(i64, Option<u8>)>> = BTreeMap::new();
    let mut newest: BTreeMap<(Side, Option<u8>), i64> = BTreeMap::new();
    for shift in &ledger.shifts {
        told.entry(shift.side).or_default().push((shift.from_us, shift.number));
        let newest = newest.entry((shift.side, shift.number)).or_insert(i64::MIN);
        *newest = shift.from_us.max(*newest);
    }
    for told in told.values_mut() {
        told.sort_unstable();
    }
    let mut alone: Vec<Start> = Vec::new();
    for start in &ledger.starts {
        let near = told.get(&start.side).map_or(&[][..], Vec::as_slice);
        let first = near.partition_point(|(from_us, _)| *from_us < start.at_us.saturating_sub(SAME_START_US));
        let ended = near[first..]
            .iter()
            .take_while(|(from_us, _)| *from_us <= start.at_us.saturating_add(SAME_START_US))
            .any(|(_, number)| *number == start.number || number.is_none() || start.number.is_none());
        if !ended {
            alone.push(*start);
            let newest = newest.entry((start.side, start.number)).or_insert(i64::MIN);
            *newest = start.at_us.max(*newest);
        }
    }
    let (mut open, mut lost) = (Vec::new(), BTreeMap::new());
    for start in alone {
        // Strangers cannot be told apart: a lost end would leave one on the ice for ever.
        if start.number.is_some() && newest.get(&(start.side, start.number)) == Some(&start.at_us) {
            open.push(start);
        } else if let Some(number) = start.number {
            *lost.entry(Person { side: start.side, number }).or_insert(0) += 1;
        }
    }
    (open, lost)
}

/// When play was on: from each face-off to the stoppage after it; at last to the newest event.
fn plays(ledger: &Ledger) -> Vec<Stay> {
    let mut marks = ledger.plays.clone();
    marks.sort_unstable();
    let (mut plays, mut since) = (Vec::new(), None);
    for (at_us, begins) in marks {
        match (since, begins) {
            (None, true) => since = Some(at_us),
            (Some(from_us), false) => {
                plays.push(Stay { from_us, to_us: at_us });
                since = None;
            }
            _ => {}
        }
    }
    plays.extend(since.map(|from_us| Stay { from_us, to_us: ledger.newest_us.max(from_us) }));
    plays
}

#[derive(Clone, Copy)]
enum Change {
    Person(Person, i32),
    Stranger(Side, i32),
    Play(bool),
}

fn slices(
    stays: &BTreeMap<Person, Vec<Stay>>,
    strangers: &[(Side, Stay)],
    plays: &[Stay],
    goalies: &BTreeSet<Person>,
) -> Vec<Slice> {
    let mut changes: Vec<(i64, Change)> = Vec::new();
    for (person, stays) in stays {
        for stay in stays {
            changes.push((stay.from_us, Change::Person(*person, 1)));
            changes.push((stay.to_us, Change::Person(*person, -1)));
        }
    }
    for (side, stay) in strangers {
        changes.push((stay.from_us, Change::Stranger(*side, 1)));
        changes.push((stay.to_us, Change::Stranger(*side, -1)));
    }
    for play in plays {
        changes.push((play.from_us, Change::Play(true)));
        changes.push((play.to_us, Change::Play(false)));
    }
    // An end before a beginning at the same instant; play's own order is that of `plays`.
    changes.sort_by_key(|(at_us, _)| *at_us);
    let mut on: BTreeMap<Person, i32> = BTreeMap::new();
    let mut unknown: BTreeMap<Side, i32> = BTreeMap::new();
    let mut playing = false;
    let mut slices = Vec::new();
    let mut at = 0;
    while at < changes.len() {
        let from_us = changes[at].0;
        while at < changes.len() && changes[at].0 == from_us {
            match changes[at].1 {
                Change::Person(person, step) => *on.entry(person).or_insert(0) += step,
                Change::Stranger(side, step) => *unknown.entry(side).or_insert(0) += step,
                Change::Play(begins) => playing = begins,
            }
            at += 1;
        }
        on.retain(|_, count| *count > 0);
        let Some((to_us, _)) = changes.get(at) else { break };
        let on: Vec<Person> = on.keys().copied().collect();
        let situation = Situation::of(&on, &unknown, goalies);
        let strangers =
            [Side::Home, Side::Away].map(|side| unknown.get(&side).map_or(0, |count| (*count).clamp(0, 255) as u8));
        slices.push(Slice { stay: Stay { from_us, to_us: *to_us }, playing, on, strangers, situation });
    }
    slices
}
