//! Goals: the puck lies in the net, or the scoreboard counts one up. Whichever is first is told, the other confirms.

use super::{Report, Witness, scene::Scene};
use crate::fusion::Snapshot;
use firmware_protocol::network::{EventKind, Side};

/// How long the puck must be in the net, microseconds.
const IN_NET_US: i64 = 100_000;
/// How far behind the line, metres: a goalie may hold a puck on the line, and fixes err.
const DEPTH_M: f64 = 0.35;
/// Longest way from before the line to deep in the net, microseconds.
const MOMENT_US: i64 = 120_000;
/// Net and scoreboard this near in time are one goal, microseconds.
const SAME_US: i64 = 90_000_000;

#[derive(Debug, Clone, Default)]
pub(super) struct Rule {
    in_net_since_us: Option<i64>,
    /// It went in while play was on.
    in_play: bool,
    /// Seen in the net and not yet on the scoreboard: whose, and when.
    unconfirmed: Option<(Side, i64)>,
    /// Play must begin anew before another goal.
    told: bool,
}

impl Rule {
    pub(super) fn observe(&mut self, scene: &Scene, snapshot: &Snapshot, report: &mut Report) {
        if scene.begun {
            self.told = false;
        }
        let in_net =
            snapshot.puck.is_some().then(|| scene.trail.mean(3)).flatten().filter(|place| is_in_net(scene, *place));
        match in_net {
            Some(place) => {
                let since_us = *self.in_net_since_us.get_or_insert(scene.now_us);
                // Only a puck that went in while play was on; the whistle may come before it has lain long enough.
                self.in_play |= scene.playing && since_us == scene.now_us && came_from_front(scene);
                if !self.told && self.in_play && scene.now_us - since_us >= IN_NET_US {
                    self.told = true;
                    if let Some(side) = scene.attacker_of(place[0].signum()) {
                        self.unconfirmed = Some((side, since_us));
                        tell(scene, since_us, side, report);
                    }
                }
            }
            None if snapshot.puck.is_some() => (self.in_net_since_us, self.in_play) = (None, false),
            None => {}
        }
        let (now, before) = (scene.clock, scene.clock_before);
        for (side, counted) in
            [(Side::Home, now.home_score > before.home_score), (Side::Away, now.away_score > before.away_score)]
        {
            if !counted || before.period == 0 {
                continue;
            }
            let seen = self.unconfirmed.take_if(|(whose, at_us)| *whose == side && scene.now_us - *at_us < SAME_US);
            if seen.is_none() {
                self.told = true;
                tell(scene, self.in_net_since_us.unwrap_or(scene.now_us), side, report);
            }
        }
    }
}

fn is_in_net(scene: &Scene, place: [f64; 3]) -> bool {
    let rink = &scene.rink;
    let deep = place[0].abs() - rink.goal_line_m;
    (DEPTH_M..1.1).contains(&deep) && place[1].abs() < rink.goal_width_m / 2.0 - 0.1 && place[2] < 1.2
}

/// Whether the puck was before the line a moment ago: one that leans on the mesh from outside was not.
fn came_from_front(scene: &Scene) -> bool {
    let before = scene.trail.at(scene.now_us - MOMENT_US);
    before.is_some_and(|sample| sample.place[0].abs() < scene.rink.goal_line_m + 0.1)
}

fn tell(scene: &Scene, at_us: i64, side: Side, report: &mut Report) {
    let scorer = scene.possession.last.filter(|last| last.side == Some(side));
    let place = scene.trail.last().map(|sample| [sample.place[0], sample.place[1]]);
    let witness = Witness {
        at_us,
        uncertainty_us: 100_000,
        side: Some(side),
        number: scorer.and_then(|last| last.number),
        position_m: place,
    };
    report.tell(witness, EventKind::Goal);
}
