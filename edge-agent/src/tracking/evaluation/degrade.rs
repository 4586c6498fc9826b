//! Truth made as poor as a detector would see it: boxes dropped, jittered, and false ones added.
//!
//! Comes in: rows of truth and a seed. Goes out: rows without owners, the same for the same seed on every machine. It
//! lets association be measured where there is truth but no picture. All scores are alike, so a tracker cannot tell a
//! false box by its score. Never fails.

use super::{Frames, mot_text::Row};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use std::collections::BTreeMap;

/// How poor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Degrading {
    /// Share of boxes left out, 0 to 1.
    pub dropped: f64,
    /// One standard deviation of each edge length and of the centre, as a share of width and height.
    pub jitter: f64,
    /// False boxes, as a share of the true ones.
    pub false_boxes: f64,
}

impl Default for Degrading {
    fn default() -> Self {
        Self { dropped: 0.15, jitter: 0.05, false_boxes: 0.05 }
    }
}

/// What a poor detector would see of `truth` (rows in order of frame).
pub fn degrade(truth: &[Row], how: Degrading, seed: u64) -> Vec<Row> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let right = truth.iter().map(|row| row.rect.x + row.rect.w).fold(0.0, f32::max);
    let bottom = truth.iter().map(|row| row.rect.y + row.rect.h).fold(0.0, f32::max);
    let mut rows = Vec::with_capacity(truth.len());
    for row in truth {
        let mut shake = |length: f32| {
            let normal: f32 = StandardNormal.sample(&mut random);
            normal * how.jitter as f32 * length
        };
        let mut rect = row.rect;
        let (dx, dy, dw, dh) = (shake(rect.w), shake(rect.h), shake(rect.w), shake(rect.h));
        (rect.x, rect.y) = (rect.x + dx - dw * 0.5, rect.y + dy - dh * 0.5);
        (rect.w, rect.h) = ((rect.w + dw).max(1.0), (rect.h + dh).max(1.0));
        if !random.random_bool(how.dropped) {
            rows.push(Row { id: -1, rect, score: 0.9, ..*row });
        }
        if random.random_bool(how.false_boxes) {
            // The size of a true box somewhere else in the picture.
            let (x, y) = (random.random_range(0.0..=right), random.random_range(0.0..=bottom));
            rect.x = x - rect.w * 0.5;
            rect.y = y - rect.h * 0.5;
            rows.push(Row { id: -1, rect, score: 0.9, ..*row });
        }
    }
    rows
}

/// The same truth where somebody who was away for `gap_frames` or more comes back as somebody new.
pub fn split_after(frames: &Frames, gap_frames: i64) -> Frames {
    let mut last: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    let mut next = 0;
    let mut split = frames.clone();
    for (frame, boxes) in &mut split {
        for owned in boxes {
            let id = match last.get(&owned.id) {
                Some(&(seen, id)) if frame - seen <= gap_frames => id,
                _ => {
                    next += 1;
                    next
                }
            };
            last.insert(owned.id, (*frame, id));
            owned.id = id;
        }
    }
    split
}

#[cfg(test)]
mod tests {
    use super::super::{mot_text::frames, tracking};
    use super::*;
    use crate::geometry::Rect;

    fn truth() -> Vec<Row> {
        let rect = Rect { x: 100.0, y: 100.0, w: 40.0, h: 100.0 };
        (0..2000).map(|frame| Row { frame, id: 1, rect, score: 1.0 }).collect()
    }

    #[test]
    fn as_poor_as_asked_and_the_same_each_time() {
        let poor = degrade(&truth(), Degrading::default(), 7);
        assert_eq!(poor, degrade(&truth(), Degrading::default(), 7));
        let near = poor.iter().filter(|row| row.rect.iou(&truth()[0].rect) > 0.5).count();
        assert!((1650..=1750).contains(&near), "{near} of 2000 left");
        assert!((60..=140).contains(&(poor.len() - near)), "{} false", poor.len() - near);
    }

    #[test]
    fn away_for_long_is_somebody_new() {
        let mut rows = truth();
        rows.retain(|row| !(100..130).contains(&row.frame) && !(200..229).contains(&row.frame));
        let whole = frames(&rows);
        let split = split_after(&whole, 30);
        let score = tracking(&split, &whole);
        assert_eq!((score.truth_ids, score.switches), (2, 0));
    }
}
