//! Face-offs: play begins. Told when one team has the puck, at most two seconds after the drop.

use super::{Report, Witness, scene::Scene};
use firmware_protocol::network::{EventKind, GameClock, Zone};

/// Longest wait for a winner, microseconds.
const WAIT_US: i64 = 2_000_000;

#[derive(Debug, Clone, Default)]
pub(super) struct Rule {
    dropped: Option<(i64, [f64; 2], GameClock)>,
}

impl Rule {
    pub(super) fn observe(&mut self, scene: &Scene, report: &mut Report) {
        if scene.begun {
            let place = scene.trail.mean(3).map_or([0.0; 2], |place| [place[0], place[1]]);
            self.dropped = Some((scene.now_us, scene.spot_near(place), scene.clock));
        }
        let Some((at_us, spot, clock)) = self.dropped else { return };
        let winner = scene.possession.holder.filter(|holder| holder.side.is_some());
        if winner.is_none() && scene.now_us - at_us < WAIT_US && scene.playing {
            return;
        }
        self.dropped = None;
        let side = winner.and_then(|winner| winner.side);
        let along = spot[0] * side.and_then(|side| scene.attack(side)).unwrap_or(0.0);
        let zone = if along > scene.rink.blue_line_m {
            Zone::Offensive
        } else if along < -scene.rink.blue_line_m {
            Zone::Defensive
        } else {
            Zone::Neutral
        };
        // Who took the draw is not who got the puck: the number stays open.
        let witness = Witness { at_us, uncertainty_us: 100_000, side, number: None, position_m: Some(spot) };
        let now = std::mem::replace(&mut report.clock, clock);
        report.tell(witness, EventKind::FaceOff { zone });
        report.clock = now;
    }
}
