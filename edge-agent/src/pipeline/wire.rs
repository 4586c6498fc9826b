//! The fused state as the network says it: one [`LiveState`] a tick, one [`TrackChunk`] a second.
//!
//! Conversions stand here, at the border: metres become centimetres, covariance one number. Values beyond what the
//! wire holds are clamped, never wrapped.

use crate::fusion::{PlayerState, Snapshot};
use firmware_protocol::network::{ChunkBuilder, LivePlayer, LivePuck, LiveState, TrackChunk, Who, centimetres};

/// Steps in a chunk: one second at 50 Hz.
pub const CHUNK_STEPS: u16 = 50;

/// Overwrites `live` with `snapshot`; keeps its buffers.
pub fn fill_live(snapshot: &Snapshot, tick: u64, live: &mut LiveState) {
    live.tick = tick;
    live.captured_us = snapshot.captured_us;
    live.clock = snapshot.clock;
    live.puck = snapshot.puck.map(|puck| LivePuck {
        x_cm: centimetres(puck.position_m[0]),
        y_cm: centimetres(puck.position_m[1]),
        z_cm: centimetres(puck.position_m[2]),
        vx_cms: centimetres(puck.velocity_mps[0]),
        vy_cms: centimetres(puck.velocity_mps[1]),
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
        x_cm: centimetres(player.position_m[0]),
        y_cm: centimetres(player.position_m[1]),
        vx_cms: centimetres(player.velocity_mps[0]),
        vy_cms: centimetres(player.velocity_mps[1]),
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
    chunk: Option<ChunkBuilder>,
}

impl Chunker {
    /// Chunks of game `game` in steps of `step_us`.
    pub fn new(game: u64, step_us: u32) -> Self {
        Self { game, step_us, steps: 0, chunk: None }
    }

    /// Takes a snapshot; gives the chunk that it completes.
    pub fn push(&mut self, snapshot: &Snapshot) -> Option<TrackChunk> {
        let (game, step_us, step) = (self.game, self.step_us, self.steps);
        let chunk = self.chunk.get_or_insert_with(|| ChunkBuilder::new(game, snapshot.captured_us, step_us));
        for player in &snapshot.players {
            let PlayerState { entity, role, side, number, position_m, .. } = *player;
            chunk.place(Who { entity: entity.0, role: Some(role), side, number }, step, position_m.map(centimetres));
        }
        if let Some(puck) = snapshot.puck {
            chunk.place(Who::PUCK, step, [puck.position_m[0], puck.position_m[1]].map(centimetres));
        }
        self.steps += 1;
        (self.steps == CHUNK_STEPS).then(|| self.take()).flatten()
    }

    /// What was gathered since the last chunk, if anything.
    pub fn take(&mut self) -> Option<TrackChunk> {
        self.steps = 0;
        self.chunk.take().filter(|chunk| !chunk.is_empty()).map(ChunkBuilder::finish)
    }
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
