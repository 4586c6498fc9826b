//! What is painted on the ice, and the boards' foot, as lines to draw over a picture.
//!
//! Comes in: a rink's measures. Goes out: [`Marking`]s, points close enough together that a bent lens bends them too.

use super::Rink;

/// Metres between points of a line.
const STEP_M: f64 = 0.5;
/// Width of a blue line (NHL rule 1.5: 12 inches).
const BLUE_WIDTH_M: f64 = 0.305;
/// Radius of a face-off spot (NHL rule 1.9: 2 feet across).
const SPOT_M: f64 = 0.305;

/// In which colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Centre line, goal lines, end zone circles and spots.
    Red,
    /// Blue lines, centre circle, creases.
    Blue,
    /// The boards' foot.
    Boards,
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Marking {
    /// Its colour.
    pub paint: Paint,
    /// Points along it, metres.
    pub points_m: Vec<[f64; 2]>,
}

impl Rink {
    /// All of them.
    pub fn markings(&self) -> Vec<Marking> {
        let half_m = self.width_m / 2.0;
        let goal_half_m = self.boards_at(self.goal_line_m);
        let mut outline = self.boards_outline(64);
        outline.push(outline[0]);
        let boards = outline.windows(2).flat_map(|ends| straight(ends[0], ends[1])).collect();
        let mut all = vec![Marking { paint: Paint::Boards, points_m: boards }];
        let mut add = |paint, points_m| all.push(Marking { paint, points_m });
        add(Paint::Red, straight([0.0, -half_m], [0.0, half_m]));
        add(Paint::Blue, circle([0.0, 0.0], self.circle_m));
        for end in [1.0, -1.0] {
            for x in [self.blue_line_m, self.blue_line_m - BLUE_WIDTH_M] {
                add(Paint::Blue, straight([end * x, -half_m], [end * x, half_m]));
            }
            let goal = end * self.goal_line_m;
            add(Paint::Red, straight([goal, -goal_half_m], [goal, goal_half_m]));
            let crease = circle([goal, 0.0], self.crease_m);
            add(Paint::Blue, crease.into_iter().filter(|[x, _]| x.abs() <= self.goal_line_m + 1e-9).collect());
            for side in [1.0, -1.0] {
                add(Paint::Red, circle([end * self.end_spot_m, side * self.spot_across_m], self.circle_m));
            }
        }
        for spot in self.spots() {
            add(if spot == [0.0; 2] { Paint::Blue } else { Paint::Red }, circle(spot, SPOT_M));
        }
        all
    }
}

fn straight(from: [f64; 2], to: [f64; 2]) -> Vec<[f64; 2]> {
    let steps = ((to[0] - from[0]).hypot(to[1] - from[1]) / STEP_M).ceil().max(1.0) as usize;
    let at = |step: usize| {
        let part = step as f64 / steps as f64;
        [from[0] + part * (to[0] - from[0]), from[1] + part * (to[1] - from[1])]
    };
    (0..=steps).map(at).collect()
}

/// Starts in the direction of the nearer end boards, so that half of it is one piece.
fn circle(middle: [f64; 2], radius_m: f64) -> Vec<[f64; 2]> {
    let outward = if middle[0] < 0.0 { std::f64::consts::PI } else { 0.0 };
    let at = |step: u32| {
        let angle = outward + std::f64::consts::TAU * f64::from(step) / 48.0;
        [middle[0] + radius_m * angle.cos(), middle[1] + radius_m * angle.sin()]
    };
    (0..=48).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_painted_is_inside_the_boards_and_without_gaps() {
        for rink in [Rink::NHL, Rink::IIHF] {
            let markings = rink.markings();
            assert_eq!(markings.len(), 24);
            for marking in &markings {
                for ends in marking.points_m.windows(2) {
                    assert!(rink.contains(ends[1], 1e-6), "{ends:?}");
                    let gap = (ends[1][0] - ends[0][0]).hypot(ends[1][1] - ends[0][1]);
                    assert!(gap < 2.0 * STEP_M, "{:?} {gap}", marking.paint);
                }
            }
        }
    }
}
