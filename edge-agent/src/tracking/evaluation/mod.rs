//! How good tracks and detections are against truth, by the field's own measures.
//!
//! Comes in: boxes with identities per frame ([`mot_text`]), or boxes with scores per picture ([`detection`]). Goes
//! out: [`TrackingScore`], [`detection::DetectionScore`]. The measures are those of HOTA (Luiten et al. 2020), IDF1
//! (Ristani et al. 2016) and CLEAR MOT (Bernardin and Stiefelhagen 2008), counted as `TrackEval` counts them. Pure; only
//! text that is not MOT fails.

pub mod degrade;
pub mod detection;
pub mod mot_text;
mod clear;
mod hota;
mod identity;

use crate::geometry::Rect;
use serde::Serialize;
use std::collections::BTreeMap;

/// A box that belongs to somebody.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Owned {
    /// Whose: any number, the same for the same one.
    pub id: i64,
    /// Where, pixels.
    pub rect: Rect,
}

/// Boxes of a sequence, by frame.
pub type Frames = BTreeMap<i64, Vec<Owned>>;

/// How good tracks are; shares are 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct TrackingScore {
    /// Detection and association together, over overlaps 0.05 to 0.95.
    pub hota: f64,
    /// Detection alone.
    pub det_a: f64,
    /// Association alone.
    pub ass_a: f64,
    /// Share of boxes with the right identity, overlap 0.5.
    pub idf1: f64,
    /// 1 less misses, false boxes and switches as shares of true boxes, overlap 0.5.
    pub mota: f64,
    /// True boxes whose owner got another identity than before.
    pub switches: u64,
    /// True boxes without a predicted one.
    pub misses: u64,
    /// Predicted boxes without a true one.
    pub false_boxes: u64,
    /// True boxes.
    pub truth_boxes: u64,
    /// Predicted boxes.
    pub predicted_boxes: u64,
    /// Different owners in the truth.
    pub truth_ids: u64,
    /// Different identities predicted.
    pub predicted_ids: u64,
}

/// One frame's overlaps between truth (rows) and prediction (columns); identities counted from 0.
struct Overlaps {
    truth: Vec<usize>,
    predicted: Vec<usize>,
    iou: Vec<f64>,
}

/// A sequence ready to be counted.
struct Sequence {
    frames: Vec<Overlaps>,
    /// Boxes of each identity.
    truth_boxes: Vec<u64>,
    predicted_boxes: Vec<u64>,
}

impl Sequence {
    fn new(truth: &Frames, predicted: &Frames) -> Self {
        let (mut truth_ids, mut predicted_ids) = (BTreeMap::new(), BTreeMap::new());
        let (mut truth_boxes, mut predicted_boxes) = (Vec::new(), Vec::new());
        let dense = |ids: &mut BTreeMap<i64, usize>, boxes: &mut Vec<u64>, id: i64| {
            let index = *ids.entry(id).or_insert(boxes.len());
            if index == boxes.len() {
                boxes.push(0);
            }
            boxes[index] += 1;
            index
        };
        let nobody = Vec::new();
        let numbers: std::collections::BTreeSet<i64> = truth.keys().chain(predicted.keys()).copied().collect();
        let frames = numbers
            .iter()
            .map(|number| {
                let (rows, columns) = (truth.get(number).unwrap_or(&nobody), predicted.get(number).unwrap_or(&nobody));
                Overlaps {
                    truth: rows.iter().map(|row| dense(&mut truth_ids, &mut truth_boxes, row.id)).collect(),
                    predicted: columns
                        .iter()
                        .map(|column| dense(&mut predicted_ids, &mut predicted_boxes, column.id))
                        .collect(),
                    iou: rows
                        .iter()
                        .flat_map(|row| columns.iter().map(|column| f64::from(row.rect.iou(&column.rect))))
                        .collect(),
                }
            })
            .collect();
        Self { frames, truth_boxes, predicted_boxes }
    }
}

/// Scores tracks of one sequence.
pub fn tracking(truth: &Frames, predicted: &Frames) -> TrackingScore {
    let sequence = Sequence::new(truth, predicted);
    let hota = hota::count(&sequence);
    let clear = clear::count(&sequence);
    let truth_boxes: u64 = sequence.truth_boxes.iter().sum();
    let wrong = clear.misses + clear.false_boxes + clear.switches;
    TrackingScore {
        hota: hota.both,
        det_a: hota.det_a,
        ass_a: hota.ass_a,
        idf1: identity::idf1(&sequence),
        mota: 1.0 - wrong as f64 / truth_boxes.max(1) as f64,
        switches: clear.switches,
        misses: clear.misses,
        false_boxes: clear.false_boxes,
        truth_boxes,
        predicted_boxes: sequence.predicted_boxes.iter().sum(),
        truth_ids: sequence.truth_boxes.len() as u64,
        predicted_ids: sequence.predicted_boxes.len() as u64,
    }
}

#[cfg(test)]
mod tests;
