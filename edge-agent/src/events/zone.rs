//! Zone entries and exits: the puck across a blue line, counted for the team that last had it.
//!
//! Out of a zone is past the whole width of its line, so a puck on the line does not chatter. A carry is told at
//! once; a puck sent across waits until somebody has it, at most `WAIT_US`: a teammate makes it a pass, else it was
//! dumped. When an attacker was across before the puck, an entry waits for the whistle: offside is no entry.

use super::{Report, Witness, scene::Scene};
use crate::fusion::Snapshot;
use firmware_protocol::network::{EventKind, GameClock, Role, Side, event::Crossing};

/// Width of a blue line, metres.
const LINE_M: f64 = 0.305;
/// Longest wait for a receiver, microseconds.
const WAIT_US: i64 = 1_500_000;
/// Longest wait for an offside whistle, microseconds.
const WHISTLE_US: i64 = 700_000;

#[derive(Debug, Clone, Copy)]
struct Pending {
    witness: Witness,
    clock: GameClock,
    entry: bool,
    crossing: Option<Crossing>,
    sender: crate::ids::EntityId,
    early: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Rule {
    /// -1, 0 or 1: the end the puck is in.
    zone: Option<i8>,
    pending: Option<Pending>,
}

impl Rule {
    pub(super) fn observe(&mut self, scene: &Scene, snapshot: &Snapshot, report: &mut Report) {
        self.resolve(scene, report);
        if snapshot.puck.is_none() {
            return;
        }
        let Some(place) = scene.trail.mean(3) else { return };
        let (x, blue) = (place[0], scene.rink.blue_line_m);
        let was = self.zone;
        let now = if x.abs() > blue {
            x.signum() as i8
        } else if x.abs() < blue - LINE_M {
            0
        } else {
            was.unwrap_or(0)
        };
        self.zone = Some(now);
        let Some(was) = was else { return };
        if now == was || !scene.playing || scene.begun {
            return;
        }
        let Some(last) = scene.possession.last else { return };
        let Some((side, attack)) = last.side.and_then(|side| Some((side, scene.attack(side)?))) else { return };
        let entry = now != 0 && f64::from(now) == attack;
        let exit = now == 0 && f64::from(was) == -attack;
        if !entry && !exit {
            return;
        }
        self.tell_pending(report);
        let carried = scene.possession.holder.is_some();
        let pending = Pending {
            witness: Witness {
                at_us: scene.now_us - 20_000,
                uncertainty_us: 40_000,
                side: Some(side),
                number: last.number,
                position_m: Some([x, place[1]]),
            },
            clock: scene.clock,
            entry,
            crossing: carried.then_some(Crossing::Carry),
            sender: last.entity,
            early: entry && is_early(scene, snapshot, side, attack, last.entity),
        };
        self.pending = Some(pending);
        if carried && !pending.early {
            self.tell_pending(report);
        }
    }

    /// Tells what is waiting once it is known how the puck crossed.
    fn resolve(&mut self, scene: &Scene, report: &mut Report) {
        let Some(pending) = self.pending.as_mut() else { return };
        let age_us = scene.now_us - pending.witness.at_us;
        if pending.crossing.is_none()
            && let Some(holder) = scene.possession.holder
        {
            let received = holder.side == pending.witness.side && holder.entity != pending.sender;
            pending.crossing = Some(if received { Crossing::Pass } else { Crossing::Dump });
        }
        if scene.stopped && pending.early && age_us < WHISTLE_US {
            self.pending = None;
        } else if (pending.crossing.is_some() && (!pending.early || age_us > WHISTLE_US))
            || age_us > WAIT_US
            || scene.stopped
        {
            self.tell_pending(report);
        }
    }

    fn tell_pending(&mut self, report: &mut Report) {
        let Some(pending) = self.pending.take() else { return };
        let crossing = pending.crossing.unwrap_or(Crossing::Dump);
        let kind = if pending.entry { EventKind::ZoneEntry { crossing } } else { EventKind::ZoneExit { crossing } };
        let clock = std::mem::replace(&mut report.clock, pending.clock);
        report.tell(pending.witness, kind);
        report.clock = clock;
    }
}

/// Whether an attacker is across the line before the puck.
fn is_early(scene: &Scene, snapshot: &Snapshot, side: Side, attack: f64, carrier: crate::ids::EntityId) -> bool {
    snapshot.players.iter().any(|player| {
        player.side == Some(side)
            && player.role == Role::Skater
            && player.entity != carrier
            && player.position_m[0] * attack > scene.rink.blue_line_m + 0.1
    })
}
