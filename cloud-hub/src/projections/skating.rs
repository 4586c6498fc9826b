//! One row a game: how everybody skated and who had the puck, from track chunks.
//!
//! Comes in: chunks in the order the hub took them. Goes out: distance, speeds, bursts, possession, and who keeps goal.
//! All of it is over the time somebody was seen on the ice, stoppages too. Whole numbers only, so that a rebuilt row
//! equals the live one to the last digit. Of two boxes at one game the one that is ahead counts: a chunk that begins
//! before the newest end is left out, and counted. Never: more than a line a jersey number.
//!
//! Speeds are chords over about 0.4 s: between fixes of a few centimetres' error 20 ms apart there is no speed, and half
//! a second is what a player needs to change it. Distance is the sum of chords of 0.2 s.

use super::statistics::Person;
use firmware_protocol::network::{Column, Role, Side, TrackChunk};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Raised when the fold changes.
pub const VERSION: u32 = 1;
/// Time between fixes that are joined, microseconds.
const CHORD_US: i64 = 200_000;
/// After a longer gap somebody is somewhere else, and how they got there was not seen, microseconds.
const GAP_US: i64 = 600_000;
/// Faster is another person with the same number, mm/s: no skater has been measured at 12 m/s.
const PLAUSIBLE_MM_S: u64 = 12_500;
/// Where bursts begin, mm/s: 18, 20 and 22 mph, the bands in which NHL EDGE counts speed bursts.
pub const BURSTS_MM_S: [u64; 3] = [8_047, 8_941, 9_835];
/// How often it is asked who has the puck, microseconds.
const LOOK_US: u32 = 100_000;
/// As near as a stick is long, centimetres: 63 inches at most (NHL rule 10.1).
const STICK_CM: i64 = 160;
/// Seconds a chunk may span: boxes send one; more is no chunk.
const CHUNK_US_MAX: i64 = 600_000_000;

/// How a game was skated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skating {
    /// End of the newest chunk counted, microseconds UTC.
    pub until_us: i64,
    /// Chunks counted.
    pub chunks: u64,
    /// Chunks left out: of a second box, or late.
    pub late: u64,
    /// Time home and away had the puck, microseconds.
    pub possession_us: [u64; 2],
    /// By number: home, then away.
    pub players: [BTreeMap<u8, Skater>; 2],
}

/// How one player skated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skater {
    /// Time that was measured, microseconds.
    pub measured_us: u64,
    /// Way in that time, millimetres.
    pub distance_mm: u64,
    /// Greatest speed, mm/s.
    pub speed_max_mm_s: u64,
    /// Bursts by the highest band they reached: from 18, 20 and 22 mph.
    pub bursts: [u32; 3],
    /// Time with the puck, microseconds.
    pub possession_us: u64,
    /// Places in goal.
    pub as_goalie: u64,
    /// Places as a skater.
    pub as_skater: u64,
    /// Where they were last.
    last: Option<Fix>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Fix {
    at_us: i64,
    place_cm: [i16; 2],
    /// The chord that led here: microseconds and millimetres.
    chord: Option<(u64, u64)>,
    /// Peak of the burst under way, mm/s.
    peak: Option<u64>,
}

impl Skater {
    /// Mean speed, m/s.
    pub fn speed_mean_mps(&self) -> Option<f64> {
        (self.measured_us > 0).then(|| self.distance_mm as f64 * 1e3 / self.measured_us as f64)
    }

    /// Whether they were seen in goal more than elsewhere.
    pub fn keeps_goal(&self) -> bool {
        self.as_goalie > self.as_skater
    }

    fn skate(&mut self, at_us: i64, place_cm: [i16; 2]) {
        let fresh = Fix { at_us, place_cm, chord: None, peak: None };
        let Some(last) = self.last else {
            self.last = Some(fresh);
            return;
        };
        let gap_us = at_us.saturating_sub(last.at_us);
        if gap_us < CHORD_US {
            return;
        }
        let [dx, dy] = [0, 1].map(|axis| i64::from(place_cm[axis]) - i64::from(last.place_cm[axis]));
        let chord_mm = ((dx * dx + dy * dy) as f64).sqrt().mul_add(10.0, 0.5) as u64;
        if gap_us > GAP_US || chord_mm * 1_000_000 / gap_us as u64 > PLAUSIBLE_MM_S {
            self.end_burst(last.peak);
            self.last = Some(fresh);
            return;
        }
        let chord = (gap_us as u64, chord_mm);
        self.measured_us += chord.0;
        self.distance_mm += chord.1;
        let mut peak = last.peak;
        if let Some(before) = last.chord {
            let speed = (before.1 + chord.1) * 1_000_000 / (before.0 + chord.0);
            self.speed_max_mm_s = self.speed_max_mm_s.max(speed);
            if speed >= BURSTS_MM_S[0] {
                peak = Some(peak.map_or(speed, |peak| peak.max(speed)));
            } else {
                self.end_burst(peak.take());
            }
        }
        self.last = Some(Fix { at_us, place_cm, chord: Some(chord), peak });
    }

    fn end_burst(&mut self, peak: Option<u64>) {
        if let Some(band) = peak.and_then(|peak| BURSTS_MM_S.iter().rposition(|from| peak >= *from)) {
            self.bursts[band] += 1;
        }
    }
}

impl Skating {
    /// Counts one chunk.
    pub fn fold(&mut self, chunk: &TrackChunk) {
        let steps = chunk.columns.iter().map(|column| usize::from(column.first_step) + column.places_count()).max();
        let length_us = steps.unwrap_or(0) as i64 * i64::from(chunk.step_us);
        let sound = chunk.step_us > 0 && length_us <= CHUNK_US_MAX;
        if !sound || (self.chunks > 0 && chunk.start_us < self.until_us - i64::from(chunk.step_us)) {
            self.late += 1;
            return;
        }
        self.chunks += 1;
        self.until_us = chunk.start_us.saturating_add(length_us);
        let mut columns: Vec<&Column> = chunk.columns.iter().collect();
        columns.sort_by_key(|column| (column.first_step, column.entity));
        for column in &columns {
            let (Some(side), Some(number)) = (column.side, column.number) else { continue };
            let skater = self.players[side as usize].entry(number).or_default();
            match column.role {
                Some(Role::Goalie) => skater.as_goalie += column.places_count() as u64,
                Some(Role::Skater) => skater.as_skater += column.places_count() as u64,
                Some(Role::Official) | None => {}
            }
            for (step, place_cm) in column.places() {
                skater.skate(chunk.captured_us(step), place_cm);
            }
        }
        self.possess(chunk, &columns);
    }

    /// Gives the puck to whoever is nearest, and near enough.
    fn possess(&mut self, chunk: &TrackChunk, columns: &[&Column]) {
        let stride = (LOOK_US / chunk.step_us).max(1);
        let looked = |(step, _): &(u32, [i16; 2])| step % stride == 0;
        let puck: HashMap<u32, [i16; 2]> = columns
            .iter()
            .filter(|column| column.role.is_none())
            .flat_map(|column| column.places())
            .filter(looked)
            .collect();
        let mut nearest: BTreeMap<u32, (i64, &Column)> = BTreeMap::new();
        for column in columns.iter().filter(|column| column.role.is_some()) {
            for (step, place) in column.places().filter(looked) {
                let Some(puck) = puck.get(&step) else { continue };
                let [dx, dy] = [0, 1].map(|axis| i64::from(place[axis]) - i64::from(puck[axis]));
                let square = dx * dx + dy * dy;
                let held = nearest.entry(step).or_insert((square, column));
                if square < held.0 {
                    *held = (square, column);
                }
            }
        }
        let look_us = u64::from(stride) * u64::from(chunk.step_us);
        for (square, column) in nearest.into_values() {
            let Some(side) = column.side.filter(|_| square <= STICK_CM * STICK_CM) else { continue };
            if column.role == Some(Role::Official) {
                continue;
            }
            self.possession_us[side as usize] += look_us;
            if let Some(number) = column.number {
                self.players[side as usize].entry(number).or_default().possession_us += look_us;
            }
        }
    }

    /// Whether anything was seen.
    pub fn seen(&self) -> bool {
        self.chunks > 0
    }

    /// Time `side` had the puck, microseconds.
    pub fn possession_us(&self, side: Side) -> u64 {
        self.possession_us[side as usize]
    }

    /// Everybody of `side`.
    pub fn of_side(&self, side: Side) -> impl Iterator<Item = &Skater> {
        self.players[side as usize].values()
    }

    /// Everybody with how they skated.
    pub fn skaters(&self) -> impl Iterator<Item = (Person, &Skater)> {
        [Side::Home, Side::Away].into_iter().flat_map(move |side| {
            self.players[side as usize].iter().map(move |(number, skater)| (Person { side, number: *number }, skater))
        })
    }

    /// Everybody.
    pub fn people(&self) -> impl Iterator<Item = Person> {
        self.skaters().map(|(person, _)| person)
    }

    /// Who keeps goal.
    pub fn goalies(&self) -> impl Iterator<Item = Person> {
        self.skaters().filter(|(_, skater)| skater.keeps_goal()).map(|(person, _)| person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firmware_protocol::network::{ChunkBuilder, Who};

    const NINE: Who = Who { entity: 4, role: Some(Role::Skater), side: Some(Side::Home), number: Some(9) };

    /// One second from `second` on, in which nine skates at `cm_s` along x from `from_cm` and the puck is `ahead_cm` ahead.
    fn chunk(second: i64, from_cm: i16, cm_s: i16, ahead_cm: i16) -> TrackChunk {
        let mut builder = ChunkBuilder::new(7, second * 1_000_000, 20_000);
        for step in 0..50u16 {
            let x = from_cm + (i32::from(cm_s) * i32::from(step) / 50) as i16;
            builder.place(NINE, step, [x, 0]);
            builder.place(Who::PUCK, step, [x + ahead_cm, 0]);
        }
        builder.finish()
    }

    #[test]
    fn ten_seconds_at_five_metres_a_second() {
        let mut skating = Skating::default();
        for second in 0..10 {
            skating.fold(&chunk(second, (second * 500) as i16 - 2_500, 500, if second < 4 { 100 } else { 200 }));
        }
        let nine = &skating.players[0][&9];
        // Fixes at 0.0, 0.2 … 9.8 s: 49 chords of a metre.
        assert_eq!((nine.measured_us, nine.distance_mm, nine.speed_max_mm_s), (9_800_000, 49_000, 5_000));
        assert_eq!(nine.speed_mean_mps(), Some(5.0));
        assert_eq!((nine.bursts, nine.possession_us), ([0; 3], 4_000_000), "a metre ahead is held, two are not");
        assert_eq!(skating.possession_us, [4_000_000, 0]);
    }

    #[test]
    fn bursts_count_once_in_their_highest_band() {
        let mut skating = Skating::default();
        let mut from_cm = -3_000;
        for (second, cm_s) in [500, 850, 950, 850, 500, 990, 500].into_iter().enumerate() {
            skating.fold(&chunk(second as i64, from_cm, cm_s, 500));
            from_cm += cm_s;
        }
        assert_eq!(skating.players[0][&9].bursts, [0, 1, 1]);
    }

    #[test]
    fn a_jump_a_gap_and_a_second_box_add_nothing() {
        let mut skating = Skating::default();
        skating.fold(&chunk(0, 0, 0, 500));
        skating.fold(&chunk(1, 2_000, 0, 500));
        skating.fold(&chunk(9, -2_000, 0, 500));
        let before = skating.clone();
        assert_eq!((skating.players[0][&9].distance_mm, skating.players[0][&9].speed_max_mm_s), (0, 0));
        skating.fold(&chunk(9, 1_000, 500, 500));
        assert_eq!(skating, Skating { late: 1, ..before });
    }

    #[test]
    fn chunks_that_make_no_sense_are_left_out() {
        let mut skating = Skating::default();
        skating.fold(&TrackChunk { step_us: 0, ..chunk(0, 0, 0, 0) });
        skating.fold(&TrackChunk { step_us: u32::MAX, ..chunk(0, 0, 0, 0) });
        assert_eq!((skating.late, skating.seen()), (2, false));
    }
}
