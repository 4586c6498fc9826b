//! Figures as HTTP shows them.
//!
//! Comes in: what [`statistics`](crate::projections::statistics) counted. Goes out: flat JSON in hockey's words, units in
//! names. What was not seen, or cannot be told, is `null`.

use super::event_view::Side;
use crate::projections::{
    games::Crossings,
    skating::Skater,
    statistics::{
        Attempts, Balance, PlayerFigures, TeamFigures,
        players::{Shifts, ZoneStarts},
        share,
    },
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Attempts of both teams: in the whole game, or while a player was on the ice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AttemptBalance {
    /// Goals of the own team.
    pub goals_for: u32,
    /// Goals of the others.
    pub goals_against: u32,
    /// Shots on goal of the own team, goals among them.
    pub shots_for: u32,
    /// Shots on goal of the others.
    pub shots_against: u32,
    /// All attempts of the own team.
    pub corsi_for: u32,
    /// All attempts of the others.
    pub corsi_against: u32,
    /// Own share of all attempts, 0 to 1; `null` without any.
    pub corsi_share: Option<f64>,
    /// Unblocked attempts of the own team; `null` while it is not known of each whether it was blocked.
    pub fenwick_for: Option<u32>,
    /// Unblocked attempts of the others; the same.
    pub fenwick_against: Option<u32>,
    /// Own share of unblocked attempts, 0 to 1; the same.
    pub fenwick_share: Option<f64>,
    /// Goals of own shots on goal, 0 to 1; `null` without one.
    pub shooting_share: Option<f64>,
    /// Shots against that were saved, 0 to 1; `null` without one.
    pub saving_share: Option<f64>,
    /// Shooting plus saving: 1 is even luck, and both teams' add up to 2.
    pub pdo: Option<f64>,
}

/// A player's shifts, stoppages included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShiftFigures {
    /// How many, the one under way among them.
    pub count: u32,
    /// Time on the ice, milliseconds.
    pub on_ice_ms: u64,
    /// Mean length, milliseconds; `null` without a shift.
    pub mean_ms: Option<f64>,
    /// Longest, milliseconds.
    pub longest_ms: u64,
    /// Begun, and their end was never told: not among the others.
    pub unended: u32,
}

/// Where a player's shifts began, seen from their team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ZoneStartFigures {
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

/// How a player skated, over the time they were seen on the ice, stoppages included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SkatingFigures {
    /// Time that was measured, milliseconds.
    pub measured_ms: u64,
    /// Way, metres.
    pub distance_m: f64,
    /// Greatest speed over 0.4 s, m/s.
    pub speed_max_mps: f64,
    /// Mean speed, m/s; `null` before anything was measured.
    pub speed_mean_mps: Option<f64>,
    /// Bursts that peaked between 18 and 20 mph (8.05 and 8.94 m/s), the bands of NHL EDGE.
    pub bursts_18_mph: u32,
    /// Between 20 and 22 mph (8.94 and 9.83 m/s).
    pub bursts_20_mph: u32,
    /// Above 22 mph (9.83 m/s).
    pub bursts_22_mph: u32,
    /// Time as the nearest to the puck and within a stick's length (1.6 m) of it, milliseconds.
    pub possession_ms: u64,
}

/// What one player has done in one game. Of shifts, zone starts and skating only the whole game is known: `null` when a
/// strength is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlayerStatistics {
    /// The team.
    pub side: Side,
    /// Jersey number.
    pub number: u8,
    /// Who wears it, as the game's roster has it.
    pub player: Option<String>,
    /// Whether they keep goal, as far as was seen.
    pub goalie: bool,
    /// Time on the ice while play was on, milliseconds; `null` when no face-off was seen.
    pub toi_ms: Option<u64>,
    /// The same by NHL's situation code (away goalie, away skaters, home skaters, home goalie), without the time of
    /// which it could not be told.
    pub toi_ms_by_situation: BTreeMap<String, u64>,
    /// Shifts.
    pub shifts: Option<ShiftFigures>,
    /// Goals.
    pub goals: u32,
    /// Assists, by the passes that were seen; an official scorer may say otherwise.
    pub assists: u32,
    /// Attempts at goal: individual Corsi.
    pub attempts: u32,
    /// Of those, the ones goalie or net stopped, goals among them.
    pub shots_on_goal: u32,
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
    /// Face-offs won, where somebody said who took them.
    pub face_offs_won: u32,
    /// Face-offs the own team won while on the ice.
    pub on_ice_face_offs_won: u32,
    /// Face-offs the own team lost while on the ice.
    pub on_ice_face_offs_lost: u32,
    /// Penalties.
    pub penalties: u32,
    /// Minutes of them.
    pub penalty_minutes: f64,
    /// Both teams' attempts while on the ice.
    pub on_ice: AttemptBalance,
    /// Where shifts began; `null` when no face-off was seen.
    pub zone_starts: Option<ZoneStartFigures>,
    /// How they skated; `null` when no track chunk has come.
    pub skating: Option<SkatingFigures>,
}

/// Line crossings by the way the puck went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CrossingFigures {
    /// All.
    pub total: u32,
    /// On a stick.
    pub carry: u32,
    /// From stick to stick.
    pub pass: u32,
    /// Dumped in or out.
    pub dump: u32,
}

/// Face-offs by zone, seen from the team.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FaceOffFigures {
    /// In the own end.
    pub defensive: u32,
    /// Between the blue lines.
    pub neutral: u32,
    /// In the others' end.
    pub offensive: u32,
}

/// What one team has done in one game.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TeamStatistics {
    /// The team.
    pub side: Side,
    /// Which team, when the game was scheduled here.
    pub team: Option<String>,
    /// Time of play, milliseconds; `null` when no face-off was seen.
    pub play_ms: Option<u64>,
    /// Both teams' attempts.
    pub attempts: AttemptBalance,
    /// Face-offs won.
    pub face_offs_won: FaceOffFigures,
    /// Face-offs lost.
    pub face_offs_lost: FaceOffFigures,
    /// Share of face-offs won, 0 to 1, of those of which it was seen; `null` without any.
    pub face_off_share: Option<f64>,
    /// Face-offs of which nobody saw who won.
    pub face_offs_unseen: u32,
    /// Entries into the offensive zone.
    pub entries: CrossingFigures,
    /// Exits from the defensive zone.
    pub exits: CrossingFigures,
    /// Passes that reached a stick.
    pub passes: u32,
    /// Penalties.
    pub penalties: u32,
    /// Minutes of them.
    pub penalty_minutes: f64,
    /// Way of all whose number was read, metres; `null` when a strength is asked for or no track chunk has come.
    pub distance_m: Option<f64>,
    /// Time with the puck, milliseconds; the same.
    pub possession_ms: Option<u64>,
}

impl From<Balance> for AttemptBalance {
    fn from(balance: Balance) -> Self {
        let Balance { own, other } = balance;
        let (ours, theirs): (Option<u32>, Option<u32>) = (own.fenwick(), other.fenwick());
        let Attempts { corsi, on_goal, goals, .. } = own;
        Self {
            goals_for: goals,
            goals_against: other.goals,
            shots_for: on_goal,
            shots_against: other.on_goal,
            corsi_for: corsi,
            corsi_against: other.corsi,
            corsi_share: share(corsi, corsi + other.corsi),
            fenwick_for: ours,
            fenwick_against: theirs,
            fenwick_share: ours.zip(theirs).and_then(|(ours, theirs)| share(ours, ours + theirs)),
            shooting_share: balance.shooting(),
            saving_share: balance.saving(),
            pdo: balance.pdo(),
        }
    }
}

impl From<Shifts> for ShiftFigures {
    fn from(shifts: Shifts) -> Self {
        let Shifts { count, on_ice_ms, longest_ms, unended } = shifts;
        let mean_ms = (count > 0).then(|| on_ice_ms as f64 / f64::from(count));
        Self { count, on_ice_ms, mean_ms, longest_ms, unended }
    }
}

impl From<ZoneStarts> for ZoneStartFigures {
    fn from(starts: ZoneStarts) -> Self {
        let ZoneStarts { defensive, neutral, offensive, unseen, on_the_fly } = starts;
        Self { defensive, neutral, offensive, unseen, on_the_fly }
    }
}

impl From<&Skater> for SkatingFigures {
    fn from(skater: &Skater) -> Self {
        let [bursts_18_mph, bursts_20_mph, bursts_22_mph] = skater.bursts;
        Self {
            measured_ms: skater.measured_us / 1_000,
            distance_m: skater.distance_mm as f64 / 1e3,
            speed_max_mps: skater.speed_max_mm_s as f64 / 1e3,
            speed_mean_mps: skater.speed_mean_mps(),
            bursts_18_mph,
            bursts_20_mph,
            bursts_22_mph,
            possession_ms: skater.possession_us / 1_000,
        }
    }
}

impl From<Crossings> for CrossingFigures {
    fn from(crossings: Crossings) -> Self {
        let Crossings { carry, pass, dump } = crossings;
        Self { total: crossings.total(), carry, pass, dump }
    }
}

impl From<[u32; 3]> for FaceOffFigures {
    fn from([defensive, neutral, offensive]: [u32; 3]) -> Self {
        Self { defensive, neutral, offensive }
    }
}

impl PlayerStatistics {
    /// `figures` of who `player` is.
    pub fn new(figures: PlayerFigures, player: Option<String>) -> Self {
        let [on_ice_face_offs_won, on_ice_face_offs_lost] = figures.on_ice_face_offs;
        Self {
            side: figures.person.side.into(),
            number: figures.person.number,
            player,
            goalie: figures.goalie,
            toi_ms: figures.toi_ms,
            toi_ms_by_situation: figures.toi_ms_by_situation,
            shifts: figures.shifts.map(Into::into),
            goals: figures.goals,
            assists: figures.assists,
            attempts: figures.attempts,
            shots_on_goal: figures.on_goal,
            passes: figures.passes,
            passes_received: figures.passes_received,
            entries: figures.entries,
            entries_controlled: figures.entries_controlled,
            exits: figures.exits,
            exits_controlled: figures.exits_controlled,
            face_offs_won: figures.face_offs_won,
            on_ice_face_offs_won,
            on_ice_face_offs_lost,
            penalties: figures.penalties,
            penalty_minutes: f64::from(figures.penalty_s) / 60.0,
            on_ice: figures.on_ice.into(),
            zone_starts: figures.zone_starts.map(Into::into),
            skating: figures.skating.as_ref().map(Into::into),
        }
    }
}

impl TeamStatistics {
    /// `figures` of `side`, which is `team`.
    pub fn new(side: Side, team: Option<String>, figures: &TeamFigures) -> Self {
        let (won, lost): (u32, u32) = (figures.face_offs_won.iter().sum(), figures.face_offs_lost.iter().sum());
        Self {
            side,
            team,
            play_ms: figures.play_ms,
            attempts: figures.balance.into(),
            face_offs_won: figures.face_offs_won.into(),
            face_offs_lost: figures.face_offs_lost.into(),
            face_off_share: share(won, won + lost),
            face_offs_unseen: figures.face_offs_unseen,
            entries: figures.entries.into(),
            exits: figures.exits.into(),
            passes: figures.passes,
            penalties: figures.penalties,
            penalty_minutes: f64::from(figures.penalty_s) / 60.0,
            distance_m: figures.distance_m,
            possession_ms: figures.possession_ms,
        }
    }
}
