//! A team's figures in one game.

use super::{Attempts, Balance, Counted, Strength};
use crate::projections::games::Crossings;
use firmware_protocol::network::{Side, Zone};

/// What a team has done.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TeamFigures {
    /// Time of play, milliseconds; `None` when no face-off was told.
    pub play_ms: Option<u64>,
    /// Attempts of both.
    pub balance: Balance,
    /// Face-offs won, by zone seen from this team: defensive, neutral, offensive.
    pub face_offs_won: [u32; 3],
    /// Face-offs lost, the same.
    pub face_offs_lost: [u32; 3],
    /// Face-offs of which nobody saw who won.
    pub face_offs_unseen: u32,
    /// Entries into the offensive zone.
    pub entries: Crossings,
    /// Exits from the defensive zone.
    pub exits: Crossings,
    /// Passes that reached a stick.
    pub passes: u32,
    /// Penalties.
    pub penalties: u32,
    /// Seconds of them.
    pub penalty_s: u32,
    /// Metres skated by all whose number was read; `None` at a strength, and without track chunks.
    pub distance_m: Option<f64>,
    /// Time with the puck, milliseconds; the same.
    pub possession_ms: Option<u64>,
}

/// Where `zone` of one team stands in a row of three, seen from that team or from the other.
pub(super) fn zone_index(zone: Zone, own: bool) -> usize {
    match (zone, own) {
        (Zone::Defensive, true) | (Zone::Offensive, false) => 0,
        (Zone::Neutral, _) => 1,
        (Zone::Offensive, true) | (Zone::Defensive, false) => 2,
    }
}

pub(super) fn count(game: &Counted<'_>, side: Side, strength: Strength) -> TeamFigures {
    let mut figures = TeamFigures::default();
    let of = |at_us: i64| game.of_strength(at_us, strength, side);
    if !game.ice.plays.is_empty() {
        let played_us: i64 = if strength == Strength::All {
            game.ice.plays.iter().map(|play| play.to_us - play.from_us).sum()
        } else {
            let slices = game.ice.slices.iter().filter(|slice| slice.playing);
            let slices = slices.filter(|slice| slice.situation.is_some_and(|now| now.is(strength, side)));
            slices.map(|slice| slice.stay.to_us - slice.stay.from_us).sum()
        };
        figures.play_ms = Some((played_us / 1_000) as u64);
    }
    for one in game.tries.iter().filter(|one| of(one.deed.at_us)) {
        figures.balance.add(one.deed.side == side, one);
    }
    for face_off in game.ledger.face_offs.iter().filter(|face_off| of(face_off.at_us)) {
        match face_off.winner {
            Some((winner, zone)) if winner == side => figures.face_offs_won[zone_index(zone, true)] += 1,
            Some((_, zone)) => figures.face_offs_lost[zone_index(zone, false)] += 1,
            None => figures.face_offs_unseen += 1,
        }
    }
    let own = game.ledger.crossings.iter().filter(|crossed| crossed.deed.side == side && of(crossed.deed.at_us));
    for crossed in own {
        let of_kind = if crossed.entry { &mut figures.entries } else { &mut figures.exits };
        of_kind.add(crossed.crossing);
    }
    let passes = game.ledger.passes.iter().filter(|pass| pass.deed.side == side && of(pass.deed.at_us));
    figures.passes = passes.count() as u32;
    for (deed, length_s) in game.ledger.penalties.iter().filter(|(deed, _)| deed.side == side && of(deed.at_us)) {
        let _ = deed;
        figures.penalties += 1;
        figures.penalty_s += u32::from(*length_s);
    }
    if strength == Strength::All && game.skating.seen() {
        let skated = game.skating.of_side(side);
        figures.distance_m = Some(skated.map(|skater| skater.distance_mm).sum::<u64>() as f64 / 1e3);
        figures.possession_ms = Some(game.skating.possession_us(side) / 1_000);
    }
    figures
}

/// The two teams' attempts, for the row of the game.
pub fn attempts(ledger: &crate::projections::ledger::Ledger) -> [Attempts; 2] {
    let mut both = [Attempts::default(); 2];
    for one in super::attempts::tries(ledger) {
        both[one.deed.side as usize].add(&one);
    }
    both
}
