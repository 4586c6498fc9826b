//! Players' figures in one game.

use super::{Balance, Counted, Person, Strength, teams::zone_index};
use crate::projections::{ledger::Deed, skating::Skater};
use firmware_protocol::network::event::Crossing;
use std::collections::BTreeMap;

/// What one player has done. Figures of shifts and skating are of the whole game only: `None` at a strength.
#[derive(Debug, Clone, PartialEq)]
pub struct PlayerFigures {
    /// Who.
    pub person: Person,
    /// Whether they keep goal, as far as was seen or is named in a roster.
    pub goalie: bool,
    /// Time on the ice while play was on, milliseconds; `None` when no face-off was told.
    pub toi_ms: Option<u64>,
    /// The same by NHL's situation code; without those that could not be told.
    pub toi_ms_by_situation: BTreeMap<String, u64>,
    /// Shifts.
    pub shifts: Option<Shifts>,
    /// Goals.
    pub goals: u32,
    /// Assists, by the passes that were seen.
    pub assists: u32,
    /// Attempts at goal: individual Corsi.
    pub attempts: u32,
    /// Of those, the ones goalie or net stopped.
    pub on_goal: u32,
    /// Passes that reached a stick.
    pub passes: u32,
    /// Passes taken.
    pub passes_received: u32,
    /// Entries into the offensive zone.
    pub entries: u32,
    /// Of those, with the puck on a stick or passed.
    pub entries_controlled: u32,
    /// Exits from the defensive zone.
    pub exits: u32,
    /// Of those, with the puck on a stick or passed.
    pub exits_controlled: u32,
    /// Face-offs won, where somebody told who took them.
    pub face_offs_won: u32,
    /// Penalties.
    pub penalties: u32,
    /// Seconds of them.
    pub penalty_s: u32,
    /// Both teams' attempts while on the ice.
    pub on_ice: Balance,
    /// Face-offs while on the ice that the own team won, and lost.
    pub on_ice_face_offs: [u32; 2],
    /// Where shifts began.
    pub zone_starts: Option<ZoneStarts>,
    /// How they skated.
    pub skating: Option<Skater>,
}

/// A player's shifts, whole: stoppages count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shifts {
    /// How many.
    pub count: u32,
    /// Time on the ice in all, milliseconds.
    pub on_ice_ms: u64,
    /// The longest, milliseconds.
    pub longest_ms: u64,
    /// Begun, and their end was never told: not among the others.
    pub unended: u32,
}

/// Where shifts began: at a face-off in a zone seen from the own team, or while play was on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ZoneStarts {
    /// At a face-off in the own end.
    pub defensive: u32,
    /// At one between the blue lines.
    pub neutral: u32,
    /// At one in the others' end.
    pub offensive: u32,
    /// At one of which nobody saw who won.
    pub unseen: u32,
    /// While play was on.
    pub on_the_fly: u32,
}

impl PlayerFigures {
    fn new(person: Person, goalie: bool) -> Self {
        Self {
            person,
            goalie,
            toi_ms: None,
            toi_ms_by_situation: BTreeMap::new(),
            shifts: None,
            goals: 0,
            assists: 0,
            attempts: 0,
            on_goal: 0,
            passes: 0,
            passes_received: 0,
            entries: 0,
            entries_controlled: 0,
            exits: 0,
            exits_controlled: 0,
            face_offs_won: 0,
            penalties: 0,
            penalty_s: 0,
            on_ice: Balance::default(),
            on_ice_face_offs: [0; 2],
            zone_starts: None,
            skating: None,
        }
    }
}

struct Lines<'a> {
    game: &'a Counted<'a>,
    strength: Strength,
    of: BTreeMap<Person, PlayerFigures>,
}

impl Lines<'_> {
    fn line(&mut self, person: Person) -> &mut PlayerFigures {
        let goalie = self.game.goalies.contains(&person);
        self.of.entry(person).or_insert_with(|| PlayerFigures::new(person, goalie))
    }

    /// The line of who did it, when it is of the strength and the number was read.
    fn by(&mut self, deed: &Deed) -> Option<&mut PlayerFigures> {
        let number = deed.number?;
        let asked = self.game.of_strength(deed.at_us, self.strength, deed.side);
        asked.then(|| self.line(Person { side: deed.side, number }))
    }
}

pub(super) fn count(game: &Counted<'_>, strength: Strength) -> Vec<PlayerFigures> {
    let mut lines = Lines { game, strength, of: BTreeMap::new() };
    let everybody = game.ice.stays.keys().copied().chain(game.skating.people()).chain(game.ice.unended.keys().copied());
    for person in everybody {
        lines.line(person);
    }
    time(&mut lines);
    attempts(&mut lines);
    with_the_puck(&mut lines);
    face_offs(&mut lines);
    if strength == Strength::All {
        shifts(&mut lines);
        for (person, skater) in game.skating.skaters() {
            lines.line(person).skating = Some(skater.clone());
        }
    }
    lines.of.into_values().collect()
}

fn time(lines: &mut Lines<'_>) {
    if lines.game.ice.plays.is_empty() {
        return;
    }
    let (game, strength) = (lines.game, lines.strength);
    let mut played_us: BTreeMap<Person, (i64, BTreeMap<String, i64>)> = BTreeMap::new();
    for slice in game.ice.slices.iter().filter(|slice| slice.playing) {
        let length_us = slice.stay.to_us - slice.stay.from_us;
        for person in &slice.on {
            let asked = strength == Strength::All || slice.situation.is_some_and(|now| now.is(strength, person.side));
            if !asked {
                continue;
            }
            let (all, by_situation) = played_us.entry(*person).or_default();
            *all += length_us;
            if let Some(situation) = slice.situation {
                *by_situation.entry(situation.code()).or_insert(0) += length_us;
            }
        }
    }
    for line in lines.of.values_mut() {
        let (all, by_situation) = played_us.remove(&line.person).unwrap_or_default();
        line.toi_ms = Some((all / 1_000) as u64);
        line.toi_ms_by_situation = by_situation.into_iter().map(|(code, us)| (code, (us / 1_000) as u64)).collect();
    }
}

fn attempts(lines: &mut Lines<'_>) {
    let game = lines.game;
    for one in &game.tries {
        if let Some(line) = lines.by(&one.deed) {
            line.attempts += 1;
            line.on_goal += u32::from(one.on_goal());
            line.goals += u32::from(one.goal_us.is_some());
        }
        for number in one.assists.into_iter().flatten() {
            if let Some(line) = lines.by(&Deed { number: Some(number), ..one.deed }) {
                line.assists += 1;
            }
        }
        let on = game.ice.at(one.deed.at_us).map_or(&[][..], |slice| slice.on.as_slice());
        for person in on {
            if game.of_strength(one.deed.at_us, lines.strength, person.side) {
                lines.line(*person).on_ice.add(person.side == one.deed.side, one);
            }
        }
    }
}

fn with_the_puck(lines: &mut Lines<'_>) {
    let ledger = lines.game.ledger;
    for pass in &ledger.passes {
        if let Some(line) = lines.by(&pass.deed) {
            line.passes += 1;
        }
        if pass.receiver != pass.deed.number
            && let Some(line) = lines.by(&Deed { number: pass.receiver, ..pass.deed })
        {
            line.passes_received += 1;
        }
    }
    for crossed in &ledger.crossings {
        if let Some(line) = lines.by(&crossed.deed) {
            let controlled = u32::from(crossed.crossing != Crossing::Dump);
            let (all, of_those) = if crossed.entry {
                (&mut line.entries, &mut line.entries_controlled)
            } else {
                (&mut line.exits, &mut line.exits_controlled)
            };
            *all += 1;
            *of_those += controlled;
        }
    }
    for (deed, length_s) in &ledger.penalties {
        if let Some(line) = lines.by(deed) {
            line.penalties += 1;
            line.penalty_s += u32::from(*length_s);
        }
    }
}

fn face_offs(lines: &mut Lines<'_>) {
    let game = lines.game;
    for face_off in &game.ledger.face_offs {
        let Some((winner, _)) = face_off.winner else { continue };
        if let Some(line) = lines.by(&Deed { at_us: face_off.at_us, side: winner, number: face_off.number }) {
            line.face_offs_won += 1;
        }
        let on = game.ice.at(face_off.at_us).map_or(&[][..], |slice| slice.on.as_slice());
        for person in on {
            if game.of_strength(face_off.at_us, lines.strength, person.side) {
                lines.line(*person).on_ice_face_offs[usize::from(person.side != winner)] += 1;
            }
        }
    }
}

/// A shift that began while play was off starts at the face-off that began play again while it lasted.
fn shifts(lines: &mut Lines<'_>) {
    let game = lines.game;
    let playing = !game.ice.plays.is_empty();
    for (person, stays) in &game.ice.stays {
        let mut shifts = Shifts::default();
        let mut starts = ZoneStarts::default();
        for stay in stays {
            let length_ms = ((stay.to_us - stay.from_us) / 1_000).max(0) as u64;
            shifts.count += 1;
            shifts.on_ice_ms += length_ms;
            shifts.longest_ms = shifts.longest_ms.max(length_ms);
            // The first play that ends after the shift begins.
            let next = game.ice.plays.partition_point(|play| play.to_us <= stay.from_us);
            let Some(play) = game.ice.plays.get(next).filter(|play| play.from_us < stay.to_us) else { continue };
            if play.from_us < stay.from_us {
                starts.on_the_fly += 1;
                continue;
            }
            let face_off = game.ledger.face_offs.iter().find(|face_off| face_off.at_us == play.from_us);
            match face_off.and_then(|face_off| face_off.winner) {
                None => starts.unseen += 1,
                Some((winner, zone)) => match zone_index(zone, winner == person.side) {
                    0 => starts.defensive += 1,
                    1 => starts.neutral += 1,
                    _ => starts.offensive += 1,
                },
            }
        }
        let line = lines.line(*person);
        line.shifts = Some(shifts);
        line.zone_starts = playing.then_some(starts);
    }
    for (person, unended) in &game.ice.unended {
        lines.line(*person).shifts.get_or_insert_default().unended = *unended;
    }
}
