//! Shots: a puck struck faster than passes go, toward the goal its team attacks.
//!
//! Told when it has ended, at most `END_US` after: in the goal or stopped before it (on goal), past the line beside it
//! or stopped on the way (not on goal).

use super::{Report, Witness, scene::Scene};
use crate::fusion::Snapshot;
use firmware_protocol::network::{EventKind, GameClock, Side};

/// Longest wait for the end, microseconds.
const END_US: i64 = 1_200_000;
/// No second shot so soon, microseconds.
const AGAIN_US: i64 = 350_000;

#[derive(Debug, Clone, Copy)]
struct Flight {
    witness: Witness,
    clock: GameClock,
    end: f64,
    speed_mps: f64,
    distance_m: f64,
    nearest: [f64; 2],
}

#[derive(Debug, Clone, Default)]
pub(super) struct Rule {
    flight: Option<Flight>,
    quiet_until_us: i64,
}

impl Rule {
    pub(super) fn observe(&mut self, scene: &Scene, snapshot: &Snapshot, report: &mut Report) {
        if snapshot.puck.is_none() && self.flight.is_none() {
            return;
        }
        if self.flight.is_some() {
            self.follow(scene, report);
        } else if (scene.playing || scene.stopped) && scene.now_us >= self.quiet_until_us {
            self.flight = struck(scene);
            self.quiet_until_us = scene.now_us + AGAIN_US;
            if self.flight.is_none() {
                self.quiet_until_us = 0;
            }
        }
    }

    fn follow(&mut self, scene: &Scene, report: &mut Report) {
        let Some(flight) = self.flight.as_mut() else { return };
        let goal = scene.rink.goal_line_m;
        if let (Some(place), Some(velocity)) = (scene.trail.mean(2), scene.trail.velocity(4)) {
            let place = [place[0] * flight.end, place[1]];
            if place[0] > flight.nearest[0] {
                flight.nearest = place;
            }
            let toward = velocity[0] * flight.end;
            flight.speed_mps = flight.speed_mps.max(velocity[0].hypot(velocity[1]).min(50.0));
            let over = place[0] > goal + 0.15 || toward < 8.0;
            if !over && scene.playing && scene.now_us - flight.witness.at_us < END_US {
                return;
            }
        }
        let half = scene.rink.goal_width_m / 2.0;
        let [x, y] = flight.nearest;
        let on_goal = x > goal - 2.2 && y.abs() < half + 0.15;
        let kind = EventKind::Shot {
            speed_mps: flight.speed_mps as f32,
            distance_m: flight.distance_m as f32,
            on_goal: Some(on_goal),
        };
        let clock = std::mem::replace(&mut report.clock, flight.clock);
        report.tell(flight.witness, kind);
        report.clock = clock;
        self.quiet_until_us = scene.now_us + AGAIN_US;
        self.flight = None;
    }
}

/// Whether the puck has just been struck at a goal.
fn struck(scene: &Scene) -> Option<Flight> {
    let config = &scene.config;
    let place = scene.trail.mean(2)?;
    let steady = scene.trail.velocity(5)?;
    let quick = scene.trail.velocity(3)?;
    let goal = scene.rink.goal_line_m;
    let near = goal - place[0].abs() < 9.0;
    let speed = |velocity: [f64; 2]| velocity[0].hypot(velocity[1]);
    // Close to the goal there is no time for a steady measure; ask more of the quick one.
    let velocity = if speed(steady) > config.shot_mps {
        steady
    } else if near && speed(quick) > config.shot_mps + 4.0 {
        quick
    } else {
        return None;
    };
    let end = velocity[0].signum();
    let x = place[0] * end;
    if x < scene.rink.blue_line_m - 1.0 || x > goal - 0.3 || velocity[0].abs() < 4.0 {
        return None;
    }
    let seconds = (goal - x) / velocity[0].abs();
    let across = place[1] + velocity[1] * seconds;
    if across.abs() > config.shot_wide_m {
        return None;
    }
    let last = scene.possession.last.filter(|last| last.side.is_some() && last.side == scene.attacker_of(end));
    let side: Option<Side> = last.and_then(|last| last.side).or_else(|| scene.attacker_of(end));
    let from =
        last.filter(|last| scene.now_us - last.until_us < 600_000).map_or([place[0], place[1]], |last| last.until_m);
    Some(Flight {
        witness: Witness {
            at_us: scene.now_us - 60_000,
            uncertainty_us: 60_000,
            side,
            number: last.and_then(|last| last.number),
            position_m: Some(from),
        },
        clock: scene.clock,
        end,
        speed_mps: speed(velocity),
        distance_m: super::distance(from, [goal * end, 0.0]),
        nearest: [x, place[1]],
    })
}
