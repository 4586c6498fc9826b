//! A network's answer to detections: the best label of each box, then one box for each thing.
//!
//! Comes in: boxes × (4 + labels) and the [`View`] they were seen through. Goes out: [`Detection`]s in the picture,
//! best score first. Allocates nothing once its lists have grown.

use super::{Class, Detection, prepare::View};
use crate::geometry::Rect;

/// Boxes narrower or lower than this in the picture are noise, pixels.
const SIDE_MIN: f32 = 2.0;

/// Adds what `answer` holds to `found`.
pub fn collect(answer: &[f32], labels: &[Class], view: &View, score_min: f32, found: &mut Vec<Detection>) {
    for row in answer.chunks_exact(4 + labels.len()) {
        let (place, scores) = row.split_at(4);
        let best = scores.iter().zip(labels).max_by(|a, b| a.0.total_cmp(b.0));
        let Some((&score, &class)) = best else { continue };
        // Written so that a NaN is left out.
        if !(score >= score_min && place.iter().all(|value| value.is_finite())) {
            continue;
        }
        let rect = view.to_picture([place[0], place[1], place[2], place[3]]);
        if rect.w >= SIDE_MIN && rect.h >= SIDE_MIN {
            found.push(Detection { rect, class, score: score.min(1.0) });
        }
    }
}

/// Leaves one box for each thing: of two boxes of people, or two of pucks, that share more than `overlap_max`, the higher
/// score stays. A box that a tile's edge cut lies inside its whole one and shares little of the union, so people's
/// boxes also go when `CONTAINED_MAX` of them lies in a better one.
pub fn suppress(found: &mut Vec<Detection>, overlap_max: f32) {
    /// Two skaters in front of each other overlap by this much seldom; halves of one skater always do.
    const CONTAINED_MAX: f32 = 0.85;
    // The order of equal scores must not depend on the sort: places decide.
    found.sort_unstable_by(|a, b| {
        let place = |d: &Detection| (d.rect.x, d.rect.y);
        b.score.total_cmp(&a.score).then_with(|| place(a).partial_cmp(&place(b)).unwrap_or(std::cmp::Ordering::Equal))
    });
    let mut kept = 0;
    for next in 0..found.len() {
        let candidate = found[next];
        let same = |better: &Detection| {
            (better.class == Class::Puck) == (candidate.class == Class::Puck)
                && (better.rect.iou(&candidate.rect) > overlap_max
                    || contained(&candidate.rect, &better.rect) > CONTAINED_MAX)
        };
        if !found[..kept].iter().any(same) {
            found[kept] = candidate;
            kept += 1;
        }
    }
    found.truncate(kept);
}

/// How much of `inner` lies in `outer`, 0 to 1.
fn contained(inner: &Rect, outer: &Rect) -> f32 {
    let w = (inner.x + inner.w).min(outer.x + outer.w) - inner.x.max(outer.x);
    let h = (inner.y + inner.h).min(outer.y + outer.h) - inner.y.max(outer.y);
    if w <= 0.0 || h <= 0.0 { 0.0 } else { w * h / inner.area() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: View = View { origin: [0.0; 2], size: [1000.0; 2], scale: 1.0 };
    const LABELS: [Class; 2] = [Class::Skater, Class::Puck];

    fn check(answer: &[[f32; 6]], expected: &[(Class, f32)]) {
        let mut found = Vec::new();
        collect(&answer.concat(), &LABELS, &VIEW, 0.3, &mut found);
        suppress(&mut found, 0.5);
        assert_eq!(found.iter().map(|d| (d.class, d.score)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn one_box_for_each_thing_best_first() {
        let skater = [100.0, 100.0, 40.0, 90.0, 0.6, 0.0];
        let again = [103.0, 101.0, 40.0, 90.0, 0.9, 0.0];
        let other = [300.0, 100.0, 40.0, 90.0, 0.7, 0.0];
        let puck = [100.0, 140.0, 6.0, 6.0, 0.1, 0.5];
        check(&[skater, again, other, puck], &[(Class::Skater, 0.9), (Class::Skater, 0.7), (Class::Puck, 0.5)]);
    }

    #[test]
    fn half_a_skater_at_a_tiles_edge_goes() {
        check(&[[100.0, 100.0, 40.0, 90.0, 0.9, 0.0], [110.0, 100.0, 18.0, 90.0, 0.8, 0.0]], &[(Class::Skater, 0.9)]);
    }

    #[test]
    fn nonsense_is_left_out() {
        check(
            &[
                [100.0, 100.0, 40.0, 90.0, f32::NAN, 0.0],
                [f32::INFINITY, 100.0, 40.0, 90.0, 0.9, 0.0],
                [100.0, 100.0, -40.0, 90.0, 0.9, 0.0],
                [5000.0, 100.0, 40.0, 90.0, 0.9, 0.0],
                [100.0, 100.0, 40.0, 90.0, 0.2, 0.1],
            ],
            &[],
        );
    }
}
