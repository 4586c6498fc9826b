//! What a viewer of `/ws/analytics` holds: the reference decoder of [`live_frame`](super::live_frame).
//!
//! Comes in: binary frames in the order received. Goes out: the newest [`LiveState`] (without box and tick, which do
//! not travel). Never: a panic on any bytes, or a state that mixes two frames which do not follow one another. The
//! promise tests and the bench look through this; the dashboard's worker is its sibling in TypeScript.

use firmware_protocol::network::{GameClock, LivePlayer, LivePuck, LiveState, Role, Side};

use super::live_frame::{DELTA, GONE_BYTES, HEADER_BYTES, KEYFRAME, MOVED_BYTES, NUMBER_UNKNOWN, VERSION, WHOLE_BYTES};

/// Why a frame was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// The bytes are not a frame of this version.
    #[error("{bytes} bytes are not a live frame of version {VERSION}")]
    Malformed {
        /// How many bytes came.
        bytes: usize,
    },
    /// A delta upon a frame this viewer does not hold: wait for a keyframe.
    #[error("delta {sequence} does not follow what is held")]
    NotNext {
        /// Sequence of the delta.
        sequence: u32,
    },
}

/// The newest state a viewer holds.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    held: Option<(u32, LiveState)>,
}

impl Picture {
    /// The newest state, once a keyframe came.
    pub fn state(&self) -> Option<&LiveState> {
        self.held.as_ref().map(|(_, state)| state)
    }

    /// Sequence of the frame that made it.
    pub fn sequence(&self) -> Option<u32> {
        self.held.as_ref().map(|(sequence, _)| *sequence)
    }

    /// Takes one frame. On an error what was held stays.
    pub fn apply(&mut self, frame: &[u8]) -> Result<(), PictureError> {
        let malformed = PictureError::Malformed { bytes: frame.len() };
        let counts = match frame {
            [VERSION, KEYFRAME | DELTA, ..] if frame.len() >= HEADER_BYTES => {
                [6, 8, 10].map(|at| usize::from(u16_at(frame, at)))
            }
            _ => return Err(malformed),
        };
        let [wholes, moves, gone] = counts;
        if frame.len() != HEADER_BYTES + wholes * WHOLE_BYTES + moves * MOVED_BYTES + gone * GONE_BYTES {
            return Err(malformed);
        }
        let sequence = u32::from_le_bytes(bytes_at(frame, 12));
        let mut players = match (&self.held, frame[1]) {
            (_, KEYFRAME) => Vec::with_capacity(wholes),
            (Some((last, state)), _) if last.wrapping_add(1) == sequence => state.players.clone(),
            _ => return Err(PictureError::NotNext { sequence }),
        };
        let (whole_entries, rest) = frame[HEADER_BYTES..].split_at(wholes * WHOLE_BYTES);
        let (moved_entries, gone_entries) = rest.split_at(moves * MOVED_BYTES);
        for entry in gone_entries.chunks_exact(GONE_BYTES) {
            players.retain(|player: &LivePlayer| player.entity != u16_at(entry, 0));
        }
        for entry in moved_entries.chunks_exact(MOVED_BYTES) {
            let entity = u16_at(entry, 0);
            let player = players.iter_mut().find(|player| player.entity == entity).ok_or(malformed.clone())?;
            player.x_cm = player.x_cm.wrapping_add(i16::from(entry[2] as i8));
            player.y_cm = player.y_cm.wrapping_add(i16::from(entry[3] as i8));
            player.vx_cms = player.vx_cms.wrapping_add(i16::from(entry[4] as i8));
            player.vy_cms = player.vy_cms.wrapping_add(i16::from(entry[5] as i8));
            player.sigma_cm = entry[6];
        }
        for entry in whole_entries.chunks_exact(WHOLE_BYTES) {
            let player = player(entry).ok_or(malformed.clone())?;
            match players.iter_mut().find(|held| held.entity == player.entity) {
                Some(held) => *held = player,
                None => players.push(player),
            }
        }
        players.sort_unstable_by_key(|player| player.entity);
        self.held = Some((sequence, state(frame, players)));
        Ok(())
    }
}

fn state(frame: &[u8], players: Vec<LivePlayer>) -> LiveState {
    LiveState {
        edge: String::new(),
        game: u64::from_le_bytes(bytes_at(frame, 16)),
        tick: 0,
        captured_us: i64::from_le_bytes(bytes_at(frame, 24)),
        clock: GameClock {
            period: frame[3],
            remaining_ms: u32::from_le_bytes(bytes_at(frame, 32)),
            running: frame[2] & 1 != 0,
            home_score: frame[4],
            away_score: frame[5],
        },
        puck: (frame[2] & 2 != 0).then(|| LivePuck {
            x_cm: i16_at(frame, 36),
            y_cm: i16_at(frame, 38),
            z_cm: i16_at(frame, 40),
            vx_cms: i16_at(frame, 42),
            vy_cms: i16_at(frame, 44),
        }),
        players,
    }
}

fn player(entry: &[u8]) -> Option<LivePlayer> {
    Some(LivePlayer {
        entity: u16_at(entry, 0),
        role: match entry[2] & 3 {
            0 => Role::Skater,
            1 => Role::Goalie,
            2 => Role::Official,
            _ => return None,
        },
        side: match entry[2] >> 2 {
            0 => None,
            1 => Some(Side::Home),
            2 => Some(Side::Away),
            _ => return None,
        },
        number: (entry[3] != NUMBER_UNKNOWN).then_some(entry[3]),
        x_cm: i16_at(entry, 4),
        y_cm: i16_at(entry, 6),
        vx_cms: i16_at(entry, 8),
        vy_cms: i16_at(entry, 10),
        sigma_cm: entry[12],
    })
}

/// The bytes at `at`; the caller has checked the length.
fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("a slice of N bytes is an array of N")
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes_at(bytes, at))
}

fn i16_at(bytes: &[u8], at: usize) -> i16 {
    i16::from_le_bytes(bytes_at(bytes, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::core::live_frame::{delta, keyframe};
    use proptest::prelude::*;

    fn person() -> impl Strategy<Value = LivePlayer> {
        let who = (0..12_u16, 0..3_u8, 0..3_u8, prop::option::of(0..100_u8));
        let place = (any::<i16>(), -3000..3000_i16, -1200..1200_i16, any::<i16>(), any::<u8>());
        (who, place).prop_map(|((entity, role, side, number), (x_cm, y_cm, vx_cms, vy_cms, sigma_cm))| LivePlayer {
            entity,
            role: [Role::Skater, Role::Goalie, Role::Official][usize::from(role)],
            side: [None, Some(Side::Home), Some(Side::Away)][usize::from(side)],
            number,
            x_cm,
            y_cm,
            vx_cms,
            vy_cms,
            sigma_cm,
        })
    }

    fn any_state() -> impl Strategy<Value = LiveState> {
        let clock = (0..9_u8, any::<u32>(), any::<bool>(), any::<u8>(), any::<u8>());
        let puck = prop::option::of((any::<i16>(), any::<i16>(), any::<i16>()));
        (any::<u64>(), any::<i64>(), clock, puck, prop::collection::vec(person(), 0..12)).prop_map(
            |(game, captured_us, (period, remaining_ms, running, home_score, away_score), puck, mut players)| {
                players.sort_by_key(|player| player.entity);
                players.dedup_by_key(|player| player.entity);
                LiveState {
                    edge: String::new(),
                    game,
                    tick: 0,
                    captured_us,
                    clock: GameClock { period, remaining_ms, running, home_score, away_score },
                    puck: puck.map(|(x_cm, y_cm, z_cm)| LivePuck { x_cm, y_cm, z_cm, vx_cms: -7, vy_cms: 3210 }),
                    players,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn a_keyframe_and_deltas_show_every_state(states in prop::collection::vec(any_state(), 1..12), nudge in any::<i8>()) {
            let mut picture = Picture::default();
            let mut sequence = u32::MAX - 3;
            picture.apply(&keyframe(&states[0], sequence)).unwrap();
            let mut last = states[0].clone();
            for state in &states {
                let mut near = last.clone();
                for player in &mut near.players {
                    player.x_cm = player.x_cm.saturating_add(i16::from(nudge));
                }
                for next in [&near, state] {
                    sequence = sequence.wrapping_add(1);
                    picture.apply(&delta(&last, next, sequence)).unwrap();
                    prop_assert_eq!(picture.state(), Some(next));
                    last = next.clone();
                }
            }
        }

        #[test]
        fn any_bytes_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 1..3_u8) {
            let mut picture = Picture::default();
            let _ = picture.apply(&bytes);
            let mut framed = bytes;
            framed.splice(0..0, [VERSION, kind]);
            let _ = picture.apply(&framed);
        }
    }

    #[test]
    fn a_missed_delta_is_not_papered_over() {
        let state = LiveState {
            edge: String::new(),
            game: 7,
            tick: 0,
            captured_us: 0,
            clock: GameClock::default(),
            puck: None,
            players: Vec::new(),
        };
        let mut picture = Picture::default();
        assert_eq!(picture.apply(&delta(&state, &state, 5)), Err(PictureError::NotNext { sequence: 5 }));
        picture.apply(&keyframe(&state, 5)).unwrap();
        assert_eq!(picture.apply(&delta(&state, &state, 7)), Err(PictureError::NotNext { sequence: 7 }));
        picture.apply(&delta(&state, &state, 6)).unwrap();
    }

    #[test]
    fn golden_bytes_never_change() {
        let player = LivePlayer {
            entity: 0x0102,
            role: Role::Goalie,
            side: Some(Side::Away),
            number: Some(31),
            x_cm: -2,
            y_cm: 300,
            vx_cms: 5,
            vy_cms: -5,
            sigma_cm: 9,
        };
        let state = LiveState {
            edge: String::new(),
            game: 2_024_020_001,
            tick: 0,
            captured_us: 1,
            clock: GameClock { period: 2, remaining_ms: 1_200_000, running: true, home_score: 3, away_score: 1 },
            puck: Some(LivePuck { x_cm: 1, y_cm: 2, z_cm: 3, vx_cms: 4, vy_cms: 5 }),
            players: vec![player],
        };
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        assert_eq!(
            hex(&keyframe(&state, 1)),
            "010103020301010000000000010000002118a47800000000010000000000000080 4f120001000200030004000500 0000\
             0201091ffeff2c010500fbff0900"
                .replace(' ', "")
        );
    }
}
