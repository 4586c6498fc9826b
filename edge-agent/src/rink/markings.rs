//! What is painted on the ice, and the boards' foot, as lines to draw over a picture.
//!
//! Comes in: a rink's measures. Goes out: [`Marking`]s, points close enough together that a bent lens bends them too.

use super::Rink;
use crate::geometry::lines::{Line, Paint};

/// Metres between points of a line.
const STEP_M: f64 = 0.5;
/// Width of a blue line (NHL rule 1.5: 12 inches).
const BLUE_WIDTH_M: f64 = 0.305;
/// Radius of a face-off spot (NHL rule 1.9: 2 feet across).
const SPOT_M: f64 = 0.305;

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

    /// The middles of all lines, by name, and the boards' foot in eight parts: what a picture is searched for. Spots
    /// are too small, creases too often covered.
    pub fn lines(&self) -> Vec<Line> {
        let half_m = self.width_m / 2.0;
        let goal_half_m = self.boards_at(self.goal_line_m);
        let mut all = Vec::new();
        let mut add = |name: String, paint, points_m| all.push(Line { name, paint, points_m });
        add("centre".into(), Paint::Red, straight([0.0, -half_m], [0.0, half_m]));
        add("circle".into(), Paint::Blue, circle([0.0, 0.0], self.circle_m));
        for (end, sign) in [("E", 1.0), ("W", -1.0)] {
            let (blue, goal) = (sign * (self.blue_line_m - BLUE_WIDTH_M / 2.0), sign * self.goal_line_m);
            add(format!("blue_{end}"), Paint::Blue, straight([blue, -half_m], [blue, half_m]));
            add(format!("goal_{end}"), Paint::Red, straight([goal, -goal_half_m], [goal, goal_half_m]));
            for (side, across) in [("N", 1.0), ("S", -1.0)] {
                let spot = [sign * self.end_spot_m, across * self.spot_across_m];
                add(format!("circle_{end}_{side}"), Paint::Red, circle(spot, self.circle_m));
            }
        }
        // The outline's corners and the straights between them, in turn.
        let outline = self.boards_outline(64);
        let corner = outline.len() / 4;
        for (index, name) in ["E_N", "W_N", "W_S", "E_S"].into_iter().enumerate() {
            let part = &outline[index * corner..(index + 1) * corner];
            let next = outline[(index + 1) * corner % outline.len()];
            let bend = part.windows(2).flat_map(|ends| straight(ends[0], ends[1])).collect();
            add(format!("corner_{name}"), Paint::Boards, bend);
            let wall = ["N", "W", "S", "E"][index];
            add(format!("boards_{wall}"), Paint::Boards, straight(part[corner - 1], next));
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
    fn lines_have_names_and_the_boards_close() {
        let lines = Rink::NHL.lines();
        let names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names[..4], ["centre", "circle", "blue_E", "goal_E"]);
        let boards: Vec<&Line> = lines.iter().filter(|line| line.paint == Paint::Boards).collect();
        assert_eq!(boards.len(), 8);
        for (index, line) in boards.iter().enumerate() {
            let (end, next) = (line.points_m.last().unwrap(), boards[(index + 1) % 8].points_m[0]);
            assert!((end[0] - next[0]).hypot(end[1] - next[1]) < 1e-9, "{} ends at {end:?}", line.name);
        }
    }

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
