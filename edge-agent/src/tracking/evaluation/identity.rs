//! IDF1: share of boxes that carry the right identity, each owner given its one best identity (Ristani et al. 2016).
//!
//! Comes in: a sequence of overlaps. Goes out: IDF1, 0 to 1. Never fails.

use super::Sequence;
use crate::tracking::assignment::Assignment;

pub(super) fn idf1(sequence: &Sequence) -> f64 {
    let columns = sequence.predicted_boxes.len();
    let mut shared = vec![0.0; sequence.truth_boxes.len() * columns];
    for frame in &sequence.frames {
        let width = frame.predicted.len();
        for (place, iou) in frame.iou.iter().enumerate() {
            if *iou >= 0.5 - f64::EPSILON {
                shared[frame.truth[place / width] * columns + frame.predicted[place % width]] -= 1.0;
            }
        }
    }
    let mut assignment = Assignment::default();
    let pairs = assignment.solve(&shared, columns, 0.0);
    let right: f64 = pairs
        .iter()
        .enumerate()
        .map(|(row, column)| column.map_or(0.0, |column| -shared[row * columns + column as usize]))
        .sum();
    let boxes: u64 = sequence.truth_boxes.iter().chain(&sequence.predicted_boxes).sum();
    2.0 * right / boxes.max(1) as f64
}
