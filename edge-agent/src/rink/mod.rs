//! Rinks as data: where the lines, circles, posts and boards are, metres from centre ice.
//!
//! Sources: NHL rule book 2024-25 section 1 (200 × 85 ft, corners 28 ft, goal line 11 ft from the end, blue lines
//! 25 ft from centre); IIHF rule book 2023 section 1 (60 × 26–30 m, corners 7–8.5 m).

pub mod landmarks;
pub mod markings;

use serde::{Deserialize, Serialize};

/// Feet to metres.
pub const FOOT_M: f64 = 0.3048;

/// One rink's measures, metres. Symmetric about both axes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rink {
    /// Inside length.
    pub length_m: f64,
    /// Inside width.
    pub width_m: f64,
    /// Corner radius.
    pub corner_m: f64,
    /// From centre ice to the middle of a goal line.
    pub goal_line_m: f64,
    /// From centre ice to the edge of a blue line nearest the goal.
    pub blue_line_m: f64,
    /// From centre ice to an end-zone face-off spot, along.
    pub end_spot_m: f64,
    /// From centre ice to a neutral-zone face-off spot, along.
    pub neutral_spot_m: f64,
    /// From centre line to face-off spots, across.
    pub spot_across_m: f64,
    /// Radius of face-off circles.
    pub circle_m: f64,
    /// Inside width of a goal.
    pub goal_width_m: f64,
    /// Radius of the goal crease.
    pub crease_m: f64,
}

impl Rink {
    /// NHL: 200 × 85 ft, corner 28 ft.
    pub const NHL: Self = Self {
        length_m: 200.0 * FOOT_M,
        width_m: 85.0 * FOOT_M,
        corner_m: 28.0 * FOOT_M,
        goal_line_m: 89.0 * FOOT_M,
        blue_line_m: 25.0 * FOOT_M,
        end_spot_m: 69.0 * FOOT_M,
        neutral_spot_m: 20.0 * FOOT_M,
        spot_across_m: 22.0 * FOOT_M,
        circle_m: 15.0 * FOOT_M,
        goal_width_m: 6.0 * FOOT_M,
        crease_m: 6.0 * FOOT_M,
    };

    /// NHL of 1998 to 2005: goal lines 13 ft from the end, 54 ft between the blue lines. Many college rinks keep it.
    pub const NHL_1998: Self = Self {
        goal_line_m: 87.0 * FOOT_M,
        blue_line_m: 27.0 * FOOT_M,
        end_spot_m: 67.0 * FOOT_M,
        neutral_spot_m: 22.0 * FOOT_M,
        ..Self::NHL
    };

    /// IIHF: 60 × 30 m, corner 8.5 m.
    pub const IIHF: Self = Self {
        length_m: 60.0,
        width_m: 30.0,
        corner_m: 8.5,
        goal_line_m: 26.0,
        blue_line_m: 7.5,
        end_spot_m: 20.0,
        neutral_spot_m: 6.0,
        spot_across_m: 7.0,
        circle_m: 4.5,
        goal_width_m: 1.83,
        crease_m: 1.8,
    };

    /// Signed distance to the boards, metres: negative inside.
    pub fn boards_distance(&self, place_m: [f64; 2]) -> f64 {
        let (hx, hy) = (self.length_m / 2.0 - self.corner_m, self.width_m / 2.0 - self.corner_m);
        let (dx, dy) = (place_m[0].abs() - hx, place_m[1].abs() - hy);
        dx.max(0.0).hypot(dy.max(0.0)) + dx.max(dy).min(0.0) - self.corner_m
    }

    /// Whether a place is on the ice, or at most `margin_m` beyond the boards.
    pub fn contains(&self, place_m: [f64; 2], margin_m: f64) -> bool {
        self.boards_distance(place_m) <= margin_m
    }

    /// The nine face-off spots.
    pub fn spots(&self) -> [[f64; 2]; 9] {
        let (e, n, a) = (self.end_spot_m, self.neutral_spot_m, self.spot_across_m);
        [[0.0, 0.0], [e, a], [e, -a], [-e, a], [-e, -a], [n, a], [n, -a], [-n, a], [-n, -a]]
    }

    /// Every second metre of the ice each way, for judging how good something is all over it.
    pub fn places(&self) -> impl Iterator<Item = [f64; 2]> + use<> {
        let rink = *self;
        let half = |side_m: f64| (side_m / 4.0) as i32;
        let (columns, rows) = (half(rink.length_m), half(rink.width_m));
        (-columns..=columns)
            .flat_map(move |x| (-rows..=rows).map(move |y| [2.0 * f64::from(x), 2.0 * f64::from(y)]))
            .filter(move |place_m| rink.contains(*place_m, 0.0))
    }

    /// Points along the boards, counter-clockwise from the right side; straight runs have no points inside.
    pub fn boards_outline(&self, segments: usize) -> Vec<[f64; 2]> {
        let (hx, hy, r) = (self.length_m / 2.0 - self.corner_m, self.width_m / 2.0 - self.corner_m, self.corner_m);
        let corners = [(hx, hy, 0.0), (-hx, hy, 90.0), (-hx, -hy, 180.0), (hx, -hy, 270.0f64)];
        let per_corner = segments.div_ceil(4).max(2);
        corners
            .iter()
            .flat_map(|&(cx, cy, from)| {
                (0..=per_corner).map(move |i| {
                    let angle = (from + 90.0 * i as f64 / per_corner as f64).to_radians();
                    [cx + r * angle.cos(), cy + r * angle.sin()]
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boards_are_where_they_should_be() {
        let rink = Rink::NHL;
        assert!(rink.boards_distance([rink.length_m / 2.0, 0.0]).abs() < 1e-9);
        assert!(rink.boards_distance([0.0, -rink.width_m / 2.0]).abs() < 1e-9);
        assert!(rink.contains([0.0, 0.0], 0.0));
        assert!(!rink.contains([rink.length_m / 2.0 - 0.5, rink.width_m / 2.0 - 0.5], 0.0), "corners are round");
    }

    #[test]
    fn outline_lies_on_the_boards() {
        for point in Rink::IIHF.boards_outline(64) {
            assert!(Rink::IIHF.boards_distance(point).abs() < 1e-9, "{point:?}");
        }
    }
}
