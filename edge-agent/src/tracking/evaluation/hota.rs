//! HOTA: detection and association weighed alike, over overlaps 0.05 to 0.95 (Luiten et al., IJCV 2020).
//!
//! Comes in: a sequence of overlaps. Goes out: HOTA, `DetA`, `AssA`. A frame's pairing prefers identities that fit each
//! other over the whole sequence, so one number is not bought with another. Never fails; nothing at all scores 0.

use super::Sequence;
use crate::tracking::assignment::Assignment;

/// Means over all overlaps.
pub(super) struct Hota {
    pub(super) both: f64,
    pub(super) det_a: f64,
    pub(super) ass_a: f64,
}

const OVERLAPS: usize = 19;

pub(super) fn count(sequence: &Sequence) -> Hota {
    let (rows, columns) = (sequence.truth_boxes.len(), sequence.predicted_boxes.len());
    let (truth, predicted): (u64, u64) = (sequence.truth_boxes.iter().sum(), sequence.predicted_boxes.iter().sum());
    let alignment = alignment(sequence, columns);
    let mut matches = vec![[0u32; OVERLAPS]; rows * columns];
    let mut hits = [0u64; OVERLAPS];
    let mut assignment = Assignment::default();
    let mut costs = Vec::new();
    for frame in &sequence.frames {
        let width = frame.predicted.len();
        costs.clear();
        for (row, &owner) in frame.truth.iter().enumerate() {
            let line = &frame.iou[row * width..(row + 1) * width];
            costs.extend(line.iter().zip(&frame.predicted).map(|(iou, id)| -iou * alignment[owner * columns + id]));
        }
        for (row, column) in assignment.solve(&costs, width, 0.0).iter().enumerate() {
            let Some(column) = column else { continue };
            let iou = frame.iou[row * width + *column as usize];
            let pair = &mut matches[frame.truth[row] * columns + frame.predicted[*column as usize]];
            for step in 0..OVERLAPS {
                if iou >= 0.05 * (step + 1) as f64 - f64::EPSILON {
                    hits[step] += 1;
                    pair[step] += 1;
                }
            }
        }
    }
    let mut mean = Hota { both: 0.0, det_a: 0.0, ass_a: 0.0 };
    for step in 0..OVERLAPS {
        let det_a = hits[step] as f64 / (truth + predicted - hits[step]).max(1) as f64;
        let mut together = 0.0;
        for (row, owned) in sequence.truth_boxes.iter().enumerate() {
            for (column, given) in sequence.predicted_boxes.iter().enumerate() {
                let shared = u64::from(matches[row * columns + column][step]);
                together += (shared * shared) as f64 / (owned + given - shared).max(1) as f64;
            }
        }
        let ass_a = together / hits[step].max(1) as f64;
        mean.both += (det_a * ass_a).sqrt() / OVERLAPS as f64;
        mean.det_a += det_a / OVERLAPS as f64;
        mean.ass_a += ass_a / OVERLAPS as f64;
    }
    mean
}

/// How well each owner fits each predicted identity over the whole sequence, 0 to 1.
fn alignment(sequence: &Sequence, columns: usize) -> Vec<f64> {
    let mut likely = vec![0.0; sequence.truth_boxes.len() * columns];
    for frame in &sequence.frames {
        let width = frame.predicted.len();
        let mut column_sums = vec![0.0; width];
        for line in frame.iou.chunks(width.max(1)) {
            column_sums.iter_mut().zip(line).for_each(|(sum, iou)| *sum += iou);
        }
        for (row, &owner) in frame.truth.iter().enumerate() {
            let line = &frame.iou[row * width..(row + 1) * width];
            let row_sum: f64 = line.iter().sum();
            for (column, iou) in line.iter().enumerate() {
                let either = row_sum + column_sums[column] - iou;
                if either > f64::EPSILON {
                    likely[owner * columns + frame.predicted[column]] += iou / either;
                }
            }
        }
    }
    for (row, owned) in sequence.truth_boxes.iter().enumerate() {
        for (column, given) in sequence.predicted_boxes.iter().enumerate() {
            let both = &mut likely[row * columns + column];
            *both /= *owned as f64 + *given as f64 - *both;
        }
    }
    likely
}
