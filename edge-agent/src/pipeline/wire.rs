//! The fused state as the network says it: one [`LiveState`] a tick, one [`TrackChunk`] a second.
//!
//! Conversions stand here, at the border: metres become centimetres, covariance one number. Values beyond what the
//! wire holds are clamped, never wrapped.

use crate::fusion::{PlayerState, Snapshot};
use firmware_protocol::network::{Column, LivePlayer, LivePuck, LiveState, TrackChunk};

/// Steps in a chunk: one second at 50 Hz.
pub const CHUNK_STEPS: u16 = 50;

/// Centimetres of metres, clamped to what the wire holds.
fn cm(metres: f64) -> i16 {
    (metres * 100.0).round().clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16
}

/// Overwrites `live` with `snapshot`; keeps its buffers.
pub fn fill_live(snapshot: &Snapshot, tick: u64, live: &mut LiveState) {
    live.tick = tick;
    live.captured_us = snapshot.captured_us;
    live.clock = snapshot.clock;
    live.puck = snapshot.puck.map(|puck| LivePuck {
        x_cm: cm(puck.position_m[0]),
        y_cm: cm(puck.position_m[1]),
        z_cm: cm(puck.position_m[2]),
        vx_cms: cm(puck.velocity_mps[0]),
        vy_cms: cm(puck.velocity_mps[1]),
    });
    live.players.clear();
    live.players.extend(snapshot.players.iter().map(live_player));
}

fn live_player(player: &PlayerState) -> LivePlayer {
    let [xx, _, yy] = player.covariance_m2;
    LivePlayer {
        entity: player.entity.0,
        role: player.role,
        side: player.side,
        number: player.number,
        x_cm: cm(player.position_m[0]),
        y_cm: cm(player.position_m[1]),
        vx_cms: cm(player.velocity_mps[0]),
        vy_cms: cm(player.velocity_mps[1]),
        // The larger of the two axes' deviations; a full ellipse is for the store, not for the wire.
        sigma_cm: (xx.max(yy).max(0.0).sqrt() * 100.0).round().min(255.0) as u8,
    }
}

/// Gathers snapshots into chunks of [`CHUNK_STEPS`].
#[derive(Debug)]
pub struct Chunker {
    game: u64,
    step_us: u32,
    steps: u16,
    start_us: i64,
    columns: Vec<Growing>,
}

/// A column still being written, and where its person was last, centimetres.
#[derive(Debug)]
struct Growing {
    column: Column,
    last_cm: [i16; 2],
    next_step: u16,
}

impl Chunker {
    /// Chunks of game `game` in steps of `step_us`.
    pub fn new(game: u64, step_us: u32) -> Self {
        Self { game, step_us, steps: 0, start_us: 0, columns: Vec::with_capacity(64) }
    }

    /// Takes a snapshot; gives the chunk that it completes.
    pub fn push(&mut self, snapshot: &Snapshot) -> Option<TrackChunk> {
        if self.steps == 0 {
            self.start_us = snapshot.captured_us;
        }
        for player in &snapshot.players {
            let blank = Column {
                entity: player.entity.0,
                role: Some(player.role),
                side: player.side,
                number: player.number,
                ..puck_column()
            };
            self.place(blank, player.position_m);
        }
        if let Some(puck) = snapshot.puck {
            self.place(puck_column(), [puck.position_m[0], puck.position_m[1]]);
        }
        self.steps += 1;
        (self.steps == CHUNK_STEPS).then(|| self.take()).flatten()
    }

    /// What was gathered since the last chunk, if anything.
    pub fn take(&mut self) -> Option<TrackChunk> {
        self.steps = 0;
        let columns: Vec<Column> = self.columns.drain(..).map(|growing| growing.column).collect();
        (!columns.is_empty()).then_some(TrackChunk {
            game: self.game,
            start_us: self.start_us,
            step_us: self.step_us,
            columns,
        })
    }

    fn place(&mut self, blank: Column, position_m: [f64; 2]) {
        let step = self.steps;
        let at_cm = position_m.map(cm);
        // A gap, or another identity, begins another column.
        let found = self.columns.iter_mut().find(|growing| {
            let column = &growing.column;
            growing.next_step == step
                && (column.entity, column.role, column.side, column.number)
                    == (blank.entity, blank.role, blank.side, blank.number)
        });
        let growing = if let Some(growing) = found {
            growing
        } else {
            self.columns.push(Growing {
                column: Column { first_step: step, ..blank },
                last_cm: [0, 0],
                next_step: step,
            });
            self.columns.last_mut().expect("one was pushed just now")
        };
        growing.column.dx_cm.push(at_cm[0].wrapping_sub(growing.last_cm[0]));
        growing.column.dy_cm.push(at_cm[1].wrapping_sub(growing.last_cm[1]));
        growing.last_cm = at_cm;
        growing.next_step = step + 1;
    }
}

fn puck_column() -> Column {
    Column { entity: 0, role: None, side: None, number: None, first_step: 0, dx_cm: Vec::new(), dy_cm: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fusion::PuckState, ids::EntityId};
    use firmware_protocol::network::{Role, Side};

    fn snapshot(step: i64, x_m: f64, players: bool) -> Snapshot {
        let player = PlayerState {
            entity: EntityId(3),
            role: Role::Skater,
            side: Some(Side::Home),
            number: Some(9),
            position_m: [x_m, -1.0],
            velocity_mps: [5.0, 0.0],
            covariance_m2: [0.01, 0.0, 0.04],
        };
        Snapshot {
            captured_us: 1_000_000 + step * 20_000,
            puck: Some(PuckState { position_m: [0.5, 0.25, 0.0], velocity_mps: [0.0; 2], sigma_m: 0.1 }),
            players: if players { vec![player] } else { Vec::new() },
            ..Snapshot::default()
        }
    }

    #[test]
    fn a_second_of_snapshots_is_a_chunk() {
        let mut chunker = Chunker::new(7, 20_000);
        let chunks: Vec<_> =
            (0..50).filter_map(|step| chunker.push(&snapshot(step, step as f64 * 0.1, step != 20))).collect();
        let [chunk] = chunks.as_slice() else { panic!("{} chunks", chunks.len()) };
        assert_eq!((chunk.game, chunk.start_us, chunk.step_us), (7, 1_000_000, 20_000));
        let steps: Vec<_> =
            chunk.columns.iter().map(|column| (column.entity, column.first_step, column.dx_cm.len())).collect();
        assert_eq!(steps, [(3, 0, 20), (0, 0, 50), (3, 21, 29)], "a gap begins another column");
        assert_eq!(chunk.columns[2].dx_cm[..2], [210, 10]);
        assert!(chunker.take().is_none());
    }

    #[test]
    fn live_says_centimetres() {
        let mut live = LiveState {
            edge: "box".into(),
            game: 7,
            tick: 0,
            captured_us: 0,
            clock: firmware_protocol::network::GameClock::default(),
            puck: None,
            players: Vec::new(),
        };
        fill_live(&snapshot(0, 400.0, true), 5, &mut live);
        assert_eq!(
            (live.tick, live.players[0].x_cm, live.players[0].y_cm),
            (5, i16::MAX, -100),
            "clamped, not wrapped"
        );
        assert_eq!(live.players[0].sigma_cm, 20);
        assert_eq!(live.puck.map(|puck| (puck.x_cm, puck.y_cm)), Some((50, 25)));
    }
}
