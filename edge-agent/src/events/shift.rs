//! Shifts: a player comes on, a player goes off.
//!
//! Somebody unseen near the boards has gone off; somebody unseen in the open is probably only unseen, and gets
//! longer. Players are told apart by team and number where known, so that a new track of the same player goes on.

use super::{Report, Witness, scene::Scene};
use crate::{
    fusion::{PlayerState, Snapshot},
    ids::EntityId,
};
use firmware_protocol::network::{EventKind, Role, Side};

/// How long somebody must be seen before it counts, microseconds.
const SEEN_US: i64 = 200_000;
/// This near the boards one may have left by a gate, metres.
const NEAR_BOARDS_M: f64 = 3.0;

#[derive(Debug, Clone, Copy)]
struct Shift {
    entity: EntityId,
    side: Side,
    number: Option<u8>,
    first_us: i64,
    first_m: [f64; 2],
    last_us: i64,
    last_m: [f64; 2],
    told: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Rule {
    shifts: Vec<Shift>,
}

impl Rule {
    pub(super) fn observe(&mut self, scene: &Scene, snapshot: &Snapshot, report: &mut Report) {
        for player in &snapshot.players {
            if player.role != Role::Official && scene.rink.contains(player.position_m, 0.3) {
                self.see(player, scene.now_us, report);
            }
        }
        let (gone_us, lost_us) = (i64::from(scene.config.gone_ms) * 1000, i64::from(scene.config.lost_ms) * 1000);
        self.shifts.retain(|shift| {
            let near = scene.rink.boards_distance(shift.last_m) > -NEAR_BOARDS_M;
            let over = scene.now_us - shift.last_us > if near { gone_us } else { lost_us };
            if over && shift.told {
                let length_ms = ((shift.last_us - shift.first_us) / 1000) as u32;
                report.tell(witness(shift, shift.last_us, shift.last_m), EventKind::ShiftEnd { length_ms });
            }
            !over
        });
    }

    fn see(&mut self, player: &PlayerState, now_us: i64, report: &mut Report) {
        let Some(side) = player.side else { return };
        let same = |shift: &&mut Shift| match (shift.number, player.number) {
            (Some(a), Some(b)) => shift.side == side && a == b,
            _ => shift.entity == player.entity,
        };
        let Some(shift) = self.shifts.iter_mut().find(same) else {
            self.shifts.push(Shift {
                entity: player.entity,
                side,
                number: player.number,
                first_us: now_us,
                first_m: player.position_m,
                last_us: now_us,
                last_m: player.position_m,
                told: false,
            });
            return;
        };
        (shift.entity, shift.last_us, shift.last_m) = (player.entity, now_us, player.position_m);
        shift.number = shift.number.or(player.number);
        if !shift.told && now_us - shift.first_us >= SEEN_US {
            shift.told = true;
            report.tell(witness(shift, shift.first_us, shift.first_m), EventKind::ShiftStart);
        }
    }
}

fn witness(shift: &Shift, at_us: i64, place: [f64; 2]) -> Witness {
    Witness { at_us, uncertainty_us: 40_000, side: Some(shift.side), number: shift.number, position_m: Some(place) }
}
