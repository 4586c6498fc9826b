//! CLEAR MOT: misses, false boxes and identity switches at overlap 0.5 (Bernardin and Stiefelhagen 2008).
//!
//! Comes in: a sequence of overlaps. Goes out: counts. A pair that held in the frame before is kept while it overlaps
//! enough; a switch is counted against the last identity an owner ever had. Never fails.

use super::Sequence;
use crate::tracking::assignment::Assignment;

/// What went wrong.
pub(super) struct Clear {
    pub(super) misses: u64,
    pub(super) false_boxes: u64,
    pub(super) switches: u64,
}

/// Worth of having been a pair in the frame before: more than any sum of overlaps in a frame.
const KEPT: f64 = 1000.0;

pub(super) fn count(sequence: &Sequence) -> Clear {
    let mut counts = Clear { misses: 0, false_boxes: 0, switches: 0 };
    let owners = sequence.truth_boxes.len();
    let (mut ever, mut before, mut now) = (vec![None; owners], vec![None; owners], vec![None; owners]);
    let mut assignment = Assignment::default();
    let mut costs = Vec::new();
    for frame in &sequence.frames {
        let width = frame.predicted.len();
        costs.clear();
        for (row, &owner) in frame.truth.iter().enumerate() {
            for (column, id) in frame.predicted.iter().enumerate() {
                let iou = frame.iou[row * width + column];
                let kept = if before[owner] == Some(*id) { KEPT } else { 0.0 };
                costs.push(if iou >= 0.5 - f64::EPSILON { -iou - kept } else { f64::INFINITY });
            }
        }
        now.fill(None);
        let mut hits = 0;
        for (row, column) in assignment.solve(&costs, width, 0.0).iter().enumerate() {
            let Some(column) = column else { continue };
            let (owner, id) = (frame.truth[row], Some(frame.predicted[*column as usize]));
            hits += 1;
            counts.switches += u64::from(ever[owner].is_some() && ever[owner] != id);
            (ever[owner], now[owner]) = (id, id);
        }
        counts.misses += frame.truth.len() as u64 - hits;
        counts.false_boxes += width as u64 - hits;
        // An empty frame says nothing about who was paired.
        if !frame.truth.is_empty() && width > 0 {
            std::mem::swap(&mut before, &mut now);
        }
    }
    counts
}
