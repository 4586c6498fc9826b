//! Points of a rink that can be told apart in a picture, by name: what a person clicks to calibrate a camera.
//!
//! Comes in: a name. Goes out: its place. Names say what, then which end (`E` is +x, `W` is −x), then which side
//! (`N` is +y, `S` is −y): `post_E_N` is the goal post at the east goal, north side.

use super::{FOOT_M, Rink};

/// Half the width of the trapezoid at the goal line and at the end boards, feet (NHL rule 1.8). Painted only where
/// those rules hold.
const TRAPEZOID_FT: [f64; 2] = [11.0, 14.0];

/// Every kind of point that comes four times.
pub const KINDS: [&str; 7] = ["blue", "dotNZ", "dotEZ", "post", "trapGL", "trapEB", "goalBrd"];

impl Rink {
    /// Where the landmark `name` is, metres; `None` when there is none of that name.
    pub fn landmark(&self, name: &str) -> Option<[f64; 2]> {
        let half_m = self.width_m / 2.0;
        match name {
            "center" => return Some([0.0, 0.0]),
            "centerBrd_N" => return Some([0.0, half_m]),
            "centerBrd_S" => return Some([0.0, -half_m]),
            _ => {}
        }
        let mut parts = name.split('_');
        let (kind, end, side) = (parts.next()?, parts.next()?, parts.next()?);
        let [x, y] = match kind {
            "blue" => [self.blue_line_m, half_m],
            "dotNZ" => [self.neutral_spot_m, self.spot_across_m],
            "dotEZ" => [self.end_spot_m, self.spot_across_m],
            "post" => [self.goal_line_m, self.goal_width_m / 2.0],
            "trapGL" => [self.goal_line_m, TRAPEZOID_FT[0] * FOOT_M],
            "trapEB" => [self.length_m / 2.0, TRAPEZOID_FT[1] * FOOT_M],
            "goalBrd" => [self.goal_line_m, self.boards_at(self.goal_line_m)],
            _ => return None,
        };
        let sign = |word: &str, plus: &str, minus: &str| match word {
            _ if word == plus => Some(1.0),
            _ if word == minus => Some(-1.0),
            _ => None,
        };
        let place = [x * sign(end, "E", "W")?, y * sign(side, "N", "S")?];
        parts.next().is_none().then_some(place)
    }

    /// Every landmark and its place, metres.
    pub fn landmarks(&self) -> Vec<(String, [f64; 2])> {
        let corners = KINDS
            .iter()
            .flat_map(|kind| ["E_N", "E_S", "W_N", "W_S"].iter().map(move |corner| format!("{kind}_{corner}")));
        ["center", "centerBrd_N", "centerBrd_S"]
            .map(str::to_owned)
            .into_iter()
            .chain(corners)
            .filter_map(|name| self.landmark(&name).map(|place| (name, place)))
            .collect()
    }

    /// Which way the boards at the landmark `name` face outward; `None` for one that is not at their foot.
    pub fn landmark_wall(&self, name: &str) -> Option<[f64; 2]> {
        let kind = name.split('_').next()?;
        if !["blue", "centerBrd", "goalBrd", "trapEB"].contains(&kind) {
            return None;
        }
        let [x, y] = self.landmark(name)?;
        let (hx, hy) = (self.length_m / 2.0 - self.corner_m, self.width_m / 2.0 - self.corner_m);
        let (dx, dy) = ((x.abs() - hx).max(0.0), (y.abs() - hy).max(0.0));
        let length = dx.hypot(dy).max(1e-9);
        Some([dx * x.signum() / length, dy * y.signum() / length])
    }

    /// The `count` names most like `name`, the likest first: for somebody who mistyped one.
    pub fn landmarks_like(&self, name: &str, count: usize) -> Vec<String> {
        let mut names: Vec<String> = self.landmarks().into_iter().map(|(known, _)| known).collect();
        names.sort_by_cached_key(|known| strokes(&known.to_lowercase(), &name.to_lowercase()));
        names.truncate(count);
        names
    }

    /// How far across the boards are at `x_m` along, metres.
    pub(super) fn boards_at(&self, x_m: f64) -> f64 {
        let into_corner = (x_m.abs() - (self.length_m / 2.0 - self.corner_m)).max(0.0);
        self.width_m / 2.0 - self.corner_m + (self.corner_m.powi(2) - into_corner.powi(2)).max(0.0).sqrt()
    }
}

/// How many letters have to be put in, taken out or changed to make one word the other (Levenshtein).
fn strokes(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, wanted) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *wanted);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, feet: [f64; 2]) {
        let [x, y] = Rink::NHL.landmark(name).unwrap();
        assert!((x / FOOT_M - feet[0]).abs() < 0.01 && (y / FOOT_M - feet[1]).abs() < 0.01, "{name}: {x} {y}");
    }

    #[test]
    fn landmarks_are_where_the_rule_book_has_them() {
        check("center", [0.0, 0.0]);
        check("blue_W_S", [-25.0, -42.5]);
        check("dotEZ_W_N", [-69.0, 22.0]);
        check("post_E_S", [89.0, -3.0]);
        check("trapEB_E_N", [100.0, 14.0]);
        check("goalBrd_W_N", [-89.0, 36.75]);
        assert_eq!(Rink::NHL.landmarks().len(), 31);
    }

    #[test]
    fn boards_face_outward() {
        assert_eq!(Rink::NHL.landmark_wall("blue_W_S"), Some([0.0, -1.0]));
        assert_eq!(Rink::NHL.landmark_wall("trapEB_W_N"), Some([-1.0, 0.0]));
        assert_eq!(Rink::NHL.landmark_wall("post_W_N"), None);
        let [x, y] = Rink::NHL.landmark_wall("goalBrd_E_N").unwrap();
        assert!(x > 0.3 && y > 0.3 && (x.hypot(y) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn mistyped_names_find_the_ones_meant() {
        assert_eq!(Rink::NHL.landmarks_like("dot_EZ_E_N", 1), ["dotEZ_E_N"]);
        assert_eq!(Rink::NHL.landmarks_like("centre", 1), ["center"]);
        assert_eq!(Rink::NHL.landmarks_like("BLUE_w_s", 1), ["blue_W_S"]);
    }

    #[test]
    fn other_names_are_none() {
        for name in ["", "post", "post_E", "post_N_E", "post_E_N_x", "spot_E_N"] {
            assert_eq!(Rink::NHL.landmark(name), None, "{name}");
        }
    }
}
