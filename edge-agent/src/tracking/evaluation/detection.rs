//! Average precision, recall and precision of detections at overlap 0.5.
//!
//! Comes in: true and predicted boxes per picture. Goes out: a [`DetectionScore`] for people (skater, goalie and
//! official taken as one) and for the puck. Predictions take truths in order of score, each its best overlap still
//! free (PASCAL VOC 2010: area under the precision envelope, all points). A picture with no prediction counts its
//! truths as missed. Never fails.

use crate::inference::{Class, Detection};
use serde::Serialize;

/// One picture's boxes.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// What is there; scores are not looked at.
    pub truth: &'a [Detection],
    /// What was found.
    pub predicted: &'a [Detection],
}

/// How good detections are; shares are 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct DetectionScore {
    /// Area under precision over recall.
    pub ap50: f64,
    /// Share of truths found by predictions of at least the score asked for.
    pub recall: f64,
    /// Share of predictions of at least the score asked for that are right.
    pub precision: f64,
    /// True boxes.
    pub truth_boxes: u64,
    /// Predicted boxes of at least the score asked for.
    pub predicted_boxes: u64,
}

/// Scores people, and the puck.
pub fn score(pictures: &[Picture], score_min: f32) -> [DetectionScore; 2] {
    [
        score_of(pictures, score_min, |class| class != Class::Puck),
        score_of(pictures, score_min, |class| class == Class::Puck),
    ]
}

fn score_of(pictures: &[Picture], score_min: f32, wanted: impl Fn(Class) -> bool) -> DetectionScore {
    let mut verdicts: Vec<(f32, bool)> = Vec::new();
    let mut truth_boxes = 0;
    for picture in pictures {
        let truth: Vec<&Detection> = picture.truth.iter().filter(|truth| wanted(truth.class)).collect();
        let mut predicted: Vec<&Detection> = picture.predicted.iter().filter(|found| wanted(found.class)).collect();
        predicted.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut taken = vec![false; truth.len()];
        for found in predicted {
            let best = (0..truth.len())
                .filter(|&index| !taken[index])
                .map(|index| (truth[index].rect.iou(&found.rect), index))
                .max_by(|a, b| a.0.total_cmp(&b.0));
            let hit = best.filter(|(iou, _)| *iou >= 0.5);
            if let Some((_, index)) = hit {
                taken[index] = true;
            }
            verdicts.push((found.score, hit.is_some()));
        }
        truth_boxes += truth.len() as u64;
    }
    verdicts.sort_by(|a, b| b.0.total_cmp(&a.0));
    let sure: Vec<bool> = verdicts.iter().filter(|(score, _)| *score >= score_min).map(|(_, hit)| *hit).collect();
    let hits = sure.iter().filter(|hit| **hit).count() as f64;
    DetectionScore {
        ap50: average_precision(&verdicts, truth_boxes),
        recall: hits / truth_boxes.max(1) as f64,
        precision: hits / sure.len().max(1) as f64,
        truth_boxes,
        predicted_boxes: sure.len() as u64,
    }
}

/// Area under the envelope of precision; `verdicts` best first.
fn average_precision(verdicts: &[(f32, bool)], truth_boxes: u64) -> f64 {
    let mut hits = 0.0;
    let precisions: Vec<(f64, bool)> = verdicts
        .iter()
        .enumerate()
        .map(|(index, (_, hit))| {
            hits += f64::from(u8::from(*hit));
            (hits / (index + 1) as f64, *hit)
        })
        .collect();
    let (mut envelope, mut area) = (0.0f64, 0.0);
    for (precision, hit) in precisions.iter().rev() {
        envelope = envelope.max(*precision);
        if *hit {
            area += envelope;
        }
    }
    area / truth_boxes.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Rect;

    fn found(x: f32, score: f32) -> Detection {
        Detection { rect: Rect { x, y: 0.0, w: 10.0, h: 20.0 }, class: Class::Skater, score }
    }

    #[test]
    fn a_false_box_among_right_ones() {
        let truth = [found(0.0, 1.0), found(100.0, 1.0)];
        let predicted = [found(1.0, 0.9), found(50.0, 0.8), found(101.0, 0.7), found(2.0, 0.3)];
        let [people, puck] = score(&[Picture { truth: &truth, predicted: &predicted }], 0.5);
        assert!((people.ap50 - 5.0 / 6.0).abs() < 1e-9, "{people:?}");
        assert_eq!((people.recall, people.predicted_boxes), (1.0, 3));
        assert!((people.precision - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(puck, DetectionScore::default());
    }

    #[test]
    fn one_truth_is_found_once() {
        let truth = [found(0.0, 1.0)];
        let predicted = [found(0.0, 0.9), found(0.0, 0.8)];
        let [people, _] = score(&[Picture { truth: &truth, predicted: &predicted }], 0.5);
        assert_eq!((people.recall, people.precision), (1.0, 0.5));
    }
}
