//! Stoppages: play ends, and why, as far as can be seen.

use super::{Report, Witness, distance, scene::Scene};
use crate::fusion::Snapshot;
use firmware_protocol::network::{EventKind, Role, event::StoppageReason};

#[derive(Debug, Clone, Default)]
pub(super) struct Rule {
    penalties_before: u32,
}

impl Rule {
    pub(super) fn observe(&mut self, scene: &Scene, snapshot: &Snapshot, report: &mut Report) {
        let penalties = snapshot.penalties_s.iter().flatten().map(|&left| u32::from(left)).sum();
        let more = penalties > self.penalties_before + 10;
        self.penalties_before = penalties;
        if !scene.stopped {
            return;
        }
        let place = scene.trail.mean(3).map(|place| [place[0], place[1]]);
        let reason = reason(scene, snapshot, place, more);
        let witness = Witness { at_us: scene.now_us, uncertainty_us: 100_000, position_m: place, ..Witness::default() };
        report.tell(witness, EventKind::Stoppage { reason });
    }
}

fn reason(scene: &Scene, snapshot: &Snapshot, place: Option<[f64; 2]>, more_penalties: bool) -> StoppageReason {
    let (now, before) = (scene.clock, scene.clock_before);
    if scene.has_board() && now.remaining_ms == 0 {
        return StoppageReason::PeriodEnd;
    }
    if now.home_score > before.home_score || now.away_score > before.away_score {
        return StoppageReason::Goal;
    }
    if more_penalties {
        return StoppageReason::Penalty;
    }
    let Some(place) = place else { return StoppageReason::Unknown };
    let rink = &scene.rink;
    let goalie_near = |reach: f64| {
        snapshot.players.iter().any(|who| who.role == Role::Goalie && distance(who.position_m, place) < reach)
    };
    let Some((last, attack)) = scene.possession.last.and_then(|last| Some((last, scene.attack(last.side?)?))) else {
        return if goalie_near(1.3) { StoppageReason::Frozen } else { StoppageReason::Unknown };
    };
    let loose = scene.possession.holder.is_none();
    if loose && last.until_m[0] * attack < 0.0 && place[0] * attack > rink.goal_line_m {
        return StoppageReason::Icing;
    }
    if goalie_near(1.3) {
        return StoppageReason::Frozen;
    }
    let across = place[0] * attack - rink.blue_line_m;
    let early = snapshot
        .players
        .iter()
        .any(|who| who.side == last.side && who.role == Role::Skater && who.position_m[0] * attack > rink.blue_line_m);
    if (-0.5..12.0).contains(&across) && early { StoppageReason::Offside } else { StoppageReason::Unknown }
}
