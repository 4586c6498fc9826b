//! The two jersey colours of one camera's pictures, and which of them a jersey is.
//!
//! Comes in: colours of jerseys, CIE L*a*b*. Goes out: a [`Palette`], or none when they are not two. Two means with
//! one spread for both, from three starts (apart in each of the three axes); far colours (officials, ice, a neighbour)
//! pull less (Cauchy's weight). Deterministic, never fails.

/// Spreads are at least and at most this: cloth has folds and light has sides, and no team is all colours.
const SPREAD_MIN: [f32; 3] = [5.0, 3.0, 3.0];
const SPREAD_MAX: [f32; 3] = [14.0, 9.0, 9.0];
/// Two colours nearer than this, in spreads, may be one: halves of one cloud are 2.7 apart.
const APART_MIN: f32 = 3.5;
/// Each must be worn by this share of all.
const SHARE_MIN: f32 = 0.15;
/// A jersey farther than this from both, in spreads, is neither.
const REACH: f32 = 3.5;
/// Rounds until the two stand still.
const ROUNDS: usize = 25;
/// Share of a new jersey in its team's colour afterwards: sixty are seen a second, so the light may turn in 20 s.
const ADAPT: f32 = 1e-3;

/// Two jersey colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Palette {
    /// The two, CIE L*a*b*.
    pub colours: [[f32; 3]; 2],
    /// One standard deviation of each axis, of both.
    spread: [f32; 3],
}

impl Palette {
    /// The largest size of a leaning.
    pub const LEANING_MAX: f32 = 2.0;

    /// Two colours in `samples`, or `None` when there are not two.
    pub fn learn(samples: &[[f32; 3]]) -> Option<Self> {
        let starts = [0, 1, 2].map(|axis| Self::from_start(samples, axis));
        let best = starts.into_iter().flatten().min_by(|a, b| a.1.total_cmp(&b.1));
        let palette = best?.0;
        let [first, second] = palette.counts(samples);
        let enough = SHARE_MIN * samples.len() as f32;
        (palette.apart() >= APART_MIN && first as f32 >= enough && second as f32 >= enough).then_some(palette)
    }

    /// Two means begun one spread to each side of the middle along `axis`, and what is left over.
    fn from_start(samples: &[[f32; 3]], axis: usize) -> Option<(Self, f32)> {
        if samples.is_empty() {
            return None;
        }
        let count = samples.len() as f32;
        let mean = [0, 1, 2].map(|axis| samples.iter().map(|sample| sample[axis]).sum::<f32>() / count);
        let variance = samples.iter().map(|sample| (sample[axis] - mean[axis]).powi(2)).sum::<f32>() / count;
        let mut palette = Self { colours: [mean; 2], spread: SPREAD_MAX };
        palette.colours[0][axis] -= variance.sqrt();
        palette.colours[1][axis] += variance.sqrt();
        for _ in 0..ROUNDS {
            palette.round(samples);
        }
        let fixed = Self { spread: SPREAD_MAX, ..palette };
        let left = samples.iter().map(|sample| fixed.squared(sample).into_iter().fold(9.0, f32::min)).sum();
        Some((palette, left))
    }

    /// Each sample to the nearer one; both, and their spread, anew.
    fn round(&mut self, samples: &[[f32; 3]]) {
        let (mut sums, mut weights, mut squares) = ([[0.0f32; 3]; 2], [0.0f32; 2], [0.0f32; 3]);
        for sample in samples {
            let [first, second] = self.squared(sample);
            let own = usize::from(second < first);
            let weight = 1.0 / (1.0 + first.min(second));
            weights[own] += weight;
            for axis in 0..3 {
                sums[own][axis] += weight * sample[axis];
                squares[axis] += weight * (sample[axis] - self.colours[own][axis]).powi(2);
            }
        }
        for own in 0..2 {
            if weights[own] > 0.0 {
                self.colours[own] = sums[own].map(|sum| sum / weights[own]);
            }
        }
        let whole = (weights[0] + weights[1]).max(f32::MIN_POSITIVE);
        for axis in 0..3 {
            // What is far counts for less, so the spread comes out some 1.3 times too small.
            let spread = 1.3 * (squares[axis] / whole).sqrt();
            self.spread[axis] = spread.clamp(SPREAD_MIN[axis], SPREAD_MAX[axis]);
        }
    }

    /// Squared distances from both, in spreads.
    fn squared(&self, lab: &[f32; 3]) -> [f32; 2] {
        self.colours.map(|colour| (0..3).map(|axis| ((lab[axis] - colour[axis]) / self.spread[axis]).powi(2)).sum())
    }

    /// How many of `samples` are within reach of each.
    fn counts(&self, samples: &[[f32; 3]]) -> [usize; 2] {
        let mut counts = [0; 2];
        for leaning in samples.iter().filter_map(|sample| self.leaning(sample)) {
            counts[usize::from(leaning < 0.0)] += 1;
        }
        counts
    }

    /// How far apart the two are, in spreads.
    fn apart(&self) -> f32 {
        self.squared(&self.colours[0])[1].sqrt()
    }

    /// Which of the two `lab` is: positive for the first, negative for the second, up to [`Self::LEANING_MAX`] (log of
    /// how much likelier); `None` when it is neither.
    pub fn leaning(&self, lab: &[f32; 3]) -> Option<f32> {
        let [first, second] = self.squared(lab);
        // Written so that a NaN is neither.
        let near = first.min(second) < REACH * REACH;
        near.then(|| ((second - first) * 0.5).clamp(-Self::LEANING_MAX, Self::LEANING_MAX))
    }

    /// A jersey that is clearly one of them pulls its colour a little.
    pub fn adapt(&mut self, lab: &[f32; 3], leaning: f32) {
        if leaning.abs() < Self::LEANING_MAX * 0.5 {
            return;
        }
        let colour = &mut self.colours[usize::from(leaning < 0.0)];
        for axis in 0..3 {
            colour[axis] += ADAPT * (lab[axis] - colour[axis]);
        }
    }

    /// The same with first and second changed over.
    #[must_use]
    pub fn swapped(&self) -> Self {
        Self { colours: [self.colours[1], self.colours[0]], ..*self }
    }

    /// Whether first and second of both are alike, whatever the light: by the way from one to the other.
    pub fn agrees(&self, other: &Self) -> bool {
        let way = |palette: &Self, axis: usize| palette.colours[1][axis] - palette.colours[0][axis];
        (0..3).map(|axis| way(self, axis) * way(other, axis)).sum::<f32>() >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    const WHITE: [f32; 3] = [66.0, 3.0, -9.0];
    const RED: [f32; 3] = [30.0, 19.0, -3.0];

    /// `count` jerseys of the colours in turn; one in six is something else.
    fn jerseys(colours: &[[f32; 3]], count: usize) -> Vec<[f32; 3]> {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        (0..count)
            .map(|index| {
                if index % 6 == 5 {
                    return [rng.random_range(0.0..90.0), rng.random_range(-20.0..20.0), rng.random_range(-20.0..20.0)];
                }
                let colour = colours[index % colours.len()];
                [(0, 8.0), (1, 4.0), (2, 3.0)].map(|(axis, sigma)| {
                    let normal: f32 = StandardNormal.sample(&mut rng);
                    colour[axis] + sigma * normal
                })
            })
            .collect()
    }

    #[test]
    fn two_teams_are_found_among_other_things() {
        let palette = Palette::learn(&jerseys(&[WHITE, RED], 240)).unwrap();
        for colour in [WHITE, RED] {
            let off = palette.squared(&colour).into_iter().fold(f32::INFINITY, f32::min);
            assert!(off < 0.6, "{palette:?}");
        }
        assert_eq!(palette.leaning(&[10.0, -60.0, 40.0]), None, "green is neither");
        assert_eq!(palette.leaning(&[f32::NAN; 3]), None);
    }

    #[test]
    fn one_team_alone_is_not_two() {
        for colour in [WHITE, RED, [20.0, 0.0, 0.0]] {
            assert_eq!(Palette::learn(&jerseys(&[colour], 240)), None, "{colour:?}");
        }
        assert_eq!(Palette::learn(&[]), None);
    }

    #[test]
    fn another_camera_s_light_does_not_turn_them_round() {
        let one = Palette::learn(&jerseys(&[WHITE, RED], 240)).unwrap();
        let dim = |colour: [f32; 3]| [colour[0] * 0.7, colour[1] * 0.8, colour[2] + 6.0];
        let other = Palette::learn(&jerseys(&[dim(WHITE), dim(RED)], 240)).unwrap();
        assert_ne!(one.agrees(&other), one.agrees(&other.swapped()));
        let first_is_white = |palette: &Palette, white| palette.leaning(&white).unwrap() > 0.0;
        let other = if one.agrees(&other) { other } else { other.swapped() };
        assert_eq!(first_is_white(&one, WHITE), first_is_white(&other, dim(WHITE)));
    }
}
