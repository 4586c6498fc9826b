//! Places to a [`TrackChunk`] and back.
//!
//! Comes in: absolute centimetres, step by step. Goes out: columns of differences, and from them the same centimetres
//! again. Differences wrap at 16 bits, so any place may follow any other. Never: fails; a column whose two halves
//! differ in length ends with the shorter.

use alloc::vec::Vec;

use super::{
    event::{Role, Side},
    record::{Column, TrackChunk},
};

/// Metres to the nearest centimetre; beyond ±327 m the last that fits, not a number to 0.
pub fn centimetres(metres: f64) -> i16 {
    (metres * 100.0 + 0.5f64.copysign(metres)) as i16
}

/// Whose places a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who {
    /// The entity of [`LivePlayer`](super::LivePlayer); 0 is the puck.
    pub entity: u16,
    /// What they are there for; `None` for the puck.
    pub role: Option<Role>,
    /// Team, when known.
    pub side: Option<Side>,
    /// Jersey number, when known.
    pub number: Option<u8>,
}

impl Who {
    /// The puck.
    pub const PUCK: Self = Self { entity: 0, role: None, side: None, number: None };
}

impl Column {
    /// Whose places these are.
    pub fn who(&self) -> Who {
        Who { entity: self.entity, role: self.role, side: self.side, number: self.number }
    }

    /// Each step with its place, `[x, y]` in centimetres.
    pub fn places(&self) -> impl Iterator<Item = (u32, [i16; 2])> + '_ {
        let differences = self.dx_cm.iter().zip(&self.dy_cm);
        differences.zip(u32::from(self.first_step)..).scan([0i16; 2], |place, ((dx, dy), step)| {
            *place = [place[0].wrapping_add(*dx), place[1].wrapping_add(*dy)];
            Some((step, *place))
        })
    }

    /// How many places it holds.
    pub fn places_count(&self) -> usize {
        self.dx_cm.len().min(self.dy_cm.len())
    }
}

impl TrackChunk {
    /// Capture time of `step`, microseconds UTC.
    pub fn captured_us(&self, step: u32) -> i64 {
        self.start_us.saturating_add(i64::from(step) * i64::from(self.step_us))
    }

    /// How many places it holds in all columns.
    pub fn places_count(&self) -> usize {
        self.columns.iter().map(Column::places_count).sum()
    }
}

/// Gathers one chunk.
#[derive(Debug, Clone)]
pub struct ChunkBuilder {
    chunk: TrackChunk,
    /// For each column the step its next place must have, and its last place.
    ends: Vec<(u32, [i16; 2])>,
}

impl ChunkBuilder {
    /// An empty chunk of `game` whose step 0 was captured at `start_us`, microseconds UTC.
    pub fn new(game: u64, start_us: i64, step_us: u32) -> Self {
        Self { chunk: TrackChunk { game, start_us, step_us, columns: Vec::new() }, ends: Vec::new() }
    }

    /// Adds a place, `[x, y]` in centimetres. A gap, or anything of `who` that changed, begins another column.
    ///
    /// Steps of one entity must rise; one that does not is left out, and the answer is false.
    pub fn place(&mut self, who: Who, step: u16, place_cm: [i16; 2]) -> bool {
        let latest = self.chunk.columns.iter().rposition(|column| column.entity == who.entity);
        let step = u32::from(step);
        if let Some(at) = latest {
            let (next_step, last_cm) = self.ends[at];
            if step < next_step {
                return false;
            }
            if step == next_step && self.chunk.columns[at].who() == who {
                self.append(at, last_cm, place_cm);
                return true;
            }
        }
        let Who { entity, role, side, number } = who;
        let (dx_cm, dy_cm) = (Vec::with_capacity(64), Vec::with_capacity(64));
        self.chunk.columns.push(Column { entity, role, side, number, first_step: step as u16, dx_cm, dy_cm });
        self.ends.push((step, [0, 0]));
        self.append(self.ends.len() - 1, [0, 0], place_cm);
        true
    }

    /// Whether nothing was added yet.
    pub fn is_empty(&self) -> bool {
        self.chunk.columns.is_empty()
    }

    /// The chunk.
    pub fn finish(self) -> TrackChunk {
        self.chunk
    }

    fn append(&mut self, at: usize, last_cm: [i16; 2], place_cm: [i16; 2]) {
        self.chunk.columns[at].dx_cm.push(place_cm[0].wrapping_sub(last_cm[0]));
        self.chunk.columns[at].dy_cm.push(place_cm[1].wrapping_sub(last_cm[1]));
        self.ends[at] = (self.ends[at].0 + 1, place_cm);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Record, encode};
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const WINGER: Who = Who { entity: 4, role: Some(Role::Skater), side: Some(Side::Home), number: Some(19) };

    #[test]
    fn centimetres_round_and_saturate() {
        for (metres, expected) in [(0.0, 0), (1.004, 100), (1.006, 101), (-1.006, -101), (400.0, i16::MAX)] {
            assert_eq!(centimetres(metres), expected, "{metres}");
        }
        assert_eq!(centimetres(f64::NAN), 0);
    }

    #[test]
    fn a_gap_or_a_number_learned_begins_a_column() {
        let mut builder = ChunkBuilder::new(7, 1_000_000, 20_000);
        assert!(builder.is_empty());
        assert!(builder.place(Who { number: None, ..WINGER }, 0, [100, -50]));
        assert!(builder.place(WINGER, 1, [120, -50]));
        assert!(builder.place(WINGER, 2, [140, -51]));
        assert!(!builder.place(WINGER, 2, [0, 0]), "a step that does not rise");
        assert!(builder.place(WINGER, 9, [200, -60]));
        let chunk = builder.finish();
        assert_eq!(chunk.columns.iter().map(Column::places_count).collect::<Vec<_>>(), [1, 2, 1]);
        assert_eq!(chunk.columns[1].places().collect::<Vec<_>>(), [(1, [120, -50]), (2, [140, -51])]);
        assert_eq!(chunk.columns[1].dx_cm, [120, 20]);
        assert_eq!(chunk.captured_us(9), 1_180_000);
    }

    #[test]
    fn twelve_bytes_a_position_are_more_than_skating_needs() {
        // Twelve skaters on circles of 3 to 9 m at 4 to 11 m/s and a puck at 30 m/s, one second at 50 Hz.
        let mut builder = ChunkBuilder::new(2_025_020_001, 1_790_000_000_000_000, 20_000);
        for step in 0..50u16 {
            let seconds = f64::from(step) * 0.02;
            builder.place(Who::PUCK, step, [centimetres(-15.0 + 30.0 * seconds), centimetres(3.0 * seconds)]);
            for person in 1..=12u16 {
                let (radius, speed) = (3.0 + f64::from(person) * 0.5, 4.0 + f64::from(person) * 0.58);
                let (sin, cos) = (speed / radius * seconds).sin_cos();
                let place = [centimetres(radius * cos - 20.0), centimetres(radius * sin + 5.0)];
                builder.place(Who { entity: person, ..WINGER }, step, place);
            }
        }
        let chunk = builder.finish();
        let positions = chunk.places_count();
        let bytes = encode(&Record::Tracks(chunk)).len();
        assert_eq!(positions, 13 * 50);
        let each = bytes as f64 / positions as f64;
        assert!(each <= 3.0, "{each} bytes a position: promised 12, seen 2.3");
    }

    proptest! {
        #[test]
        fn places_come_back(
            steps in proptest::collection::vec((0u16..4, any::<bool>(), 0u16..3, any::<[i16; 2]>()), 0..300),
        ) {
            let mut builder = ChunkBuilder::new(1, 0, 20_000);
            let mut truth = BTreeMap::new();
            let mut now = 0;
            for (ahead, named, entity, place) in steps {
                now += ahead;
                let who = Who { entity, number: named.then_some(9), ..WINGER };
                if builder.place(who, now, place) {
                    truth.insert((entity, u32::from(now)), (who, place));
                } else {
                    prop_assert!(truth.contains_key(&(entity, u32::from(now))));
                }
            }
            let chunk = builder.finish();
            let mut back = BTreeMap::new();
            for column in &chunk.columns {
                for (step, place) in column.places() {
                    back.insert((column.entity, step), (column.who(), place));
                }
            }
            prop_assert_eq!(back, truth);
        }

        #[test]
        fn any_column_can_be_walked(first_step: u16, dx_cm: Vec<i16>, dy_cm: Vec<i16>) {
            let Who { entity, role, side, number } = WINGER;
            let column = Column { entity, role, side, number, first_step, dx_cm, dy_cm };
            prop_assert_eq!(column.places().count(), column.places_count());
        }
    }
}
