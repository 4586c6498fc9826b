//! Passes: from one stick to a teammate's, fast enough and straight enough to be meant.

use super::{Report, Witness, distance, scene::Scene};
use firmware_protocol::network::EventKind;

/// Longest flight, seconds.
const FLIGHT_S: f64 = 2.4;

/// Tells a pass when somebody has just gained the puck from a teammate.
pub(super) fn observe(scene: &Scene, report: &mut Report) {
    let (Some(from), Some(to)) = (scene.possession.changed_from, scene.possession.holder) else { return };
    if from.side.is_none() || from.side != to.side {
        return;
    }
    let length_m = distance(from.until_m, to.since_m);
    let seconds = (to.since_us - from.until_us) as f64 / 1e6;
    let config = &scene.config;
    if length_m < config.pass_m || !(0.04..FLIGHT_S).contains(&seconds) || length_m / seconds < config.pass_mps {
        return;
    }
    // Half way in time it must be near the straight line: a rebound or a rim is not.
    let Some(middle) = scene.trail.at(i64::midpoint(from.until_us, to.since_us)) else { return };
    let along = [(to.since_m[0] - from.until_m[0]) / length_m, (to.since_m[1] - from.until_m[1]) / length_m];
    let rel = [middle.place[0] - from.until_m[0], middle.place[1] - from.until_m[1]];
    let off = (rel[0] * along[1] - rel[1] * along[0]).abs();
    if off > 0.5 + 0.08 * length_m {
        return;
    }
    let witness = Witness {
        at_us: to.since_us,
        uncertainty_us: 100_000,
        side: from.side,
        number: from.number,
        position_m: Some(from.until_m),
    };
    report.tell(witness, EventKind::Pass { receiver: to.number, length_m: length_m as f32 });
}
