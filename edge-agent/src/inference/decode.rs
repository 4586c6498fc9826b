//! A network's answer to detections: the best of our classes of each box, then one box for each thing.
//!
//! Comes in: the tensors of one run, as the entry's [`Layout`] has them, and the [`View`] they were seen through. Goes
//! out: [`Detection`]s in the picture, best score first. Allocates nothing once its lists have grown. Trusts the shapes:
//! `fit` has looked at them; a box whose numbers are none is left out.

use super::{
    Answer, Class, Detection,
    output::{Activation, Layout, Unit},
    prepare::View,
    registry::Entry,
};
use crate::geometry::Rect;

/// Boxes narrower or lower than this in the picture are noise, pixels.
const SIDE_MIN: f32 = 2.0;

/// What one network's numbers mean.
pub struct Decoder {
    layout: Layout,
    activation: Activation,
    /// How many classes the network has, and which of them are ours.
    classes: usize,
    ours: Vec<(usize, Class)>,
    /// Pixels of the input for each unit of the answer, across and down.
    unit: [f32; 2],
    /// Of `yolox`: column, row and stride of each box's cell.
    cells: Vec<[f32; 3]>,
}

impl Decoder {
    /// For answers as `entry` declares them.
    pub fn new(entry: &Entry) -> Self {
        let (output, [width, height]) = (&entry.output, [entry.input.width, entry.input.height]);
        let (classes, ours) = entry.classes();
        let unit = match output.unit() {
            Unit::Pixels => [1.0; 2],
            Unit::Normalised => [width as f32, height as f32],
        };
        let cells = if output.layout == Layout::Yolox { cells([width, height], output.strides()) } else { Vec::new() };
        Self { layout: output.layout, activation: output.activation, classes, ours, unit, cells }
    }

    /// Adds what `answers` hold to `found`.
    pub fn collect(&self, answers: &[Answer], view: &View, score_min: f32, found: &mut Vec<Detection>) {
        let mut out = Out { view, score_min, found };
        let (values, classes) = (&answers[0].values, self.classes);
        match self.layout {
            Layout::Rows => {
                for row in values.chunks_exact(4 + classes) {
                    let (place, scores) = row.split_at(4);
                    self.best(1.0, |class| scores[class], |side| place[side], &mut out);
                }
            }
            Layout::Yolov5 => {
                for row in values.chunks_exact(5 + classes) {
                    let (place, scores) = row.split_at(5);
                    self.best(self.share(place[4]), |class| scores[class], |side| place[side], &mut out);
                }
            }
            Layout::Yolox => {
                for (row, [column, line, stride]) in values.chunks_exact(5 + classes).zip(&self.cells) {
                    let (place, scores) = row.split_at(5);
                    let side = |side: usize| match side {
                        0 => (place[0] + column) * stride,
                        1 => (place[1] + line) * stride,
                        _ => place[side].exp() * stride,
                    };
                    self.best(self.share(place[4]), |class| scores[class], side, &mut out);
                }
            }
            Layout::Yolov8 => {
                let boxes = values.len() / (4 + classes);
                for index in 0..boxes {
                    let value = |row: usize| values[row * boxes + index];
                    self.best(1.0, |class| value(4 + class), value, &mut out);
                }
            }
            Layout::Detr => {
                for (place, scores) in values.chunks_exact(4).zip(answers[1].values.chunks_exact(classes)) {
                    self.best(1.0, |class| scores[class], |side| place[side], &mut out);
                }
            }
            Layout::YoloEndToEnd => {
                for row in values.chunks_exact(6) {
                    self.numbered([row[0], row[1], row[2], row[3]], row[4], row[5], &mut out);
                }
            }
            Layout::Numbers => {}
            Layout::RtDetr => {
                let scored = answers[1].values.iter().zip(&answers[2].values);
                for (place, (score, label)) in values.chunks_exact(4).zip(scored) {
                    self.numbered([place[0], place[1], place[2], place[3]], *score, *label, &mut out);
                }
            }
        }
    }

    /// A box with a score for each class: as the best of ours.
    fn best(&self, there: f32, score: impl Fn(usize) -> f32, side: impl Fn(usize) -> f32, out: &mut Out) {
        let scores = self.ours.iter().map(|(number, class)| (score(*number), class));
        let Some((raw, class)) = scores.max_by(|a, b| a.0.total_cmp(&b.0)) else { return };
        let share = match self.activation {
            // Of all classes, so that a network sure of a spectator's chair has little left for a skater.
            Activation::Softmax => 1.0 / (0..self.classes).map(|other| (score(other) - raw).exp()).sum::<f32>(),
            Activation::None | Activation::Sigmoid => self.share(raw),
        };
        // Written so that a NaN is left out.
        if there * share >= out.score_min {
            let [across, down] = self.unit;
            let place = [side(0) * across, side(1) * down, side(2) * across, side(3) * down];
            out.add(place, *class, there * share);
        }
    }

    /// A box as its corners with one score and the number of its class.
    fn numbered(&self, [left, top, right, bottom]: [f32; 4], score: f32, label: f32, out: &mut Out) {
        let ours = self.ours.iter().find(|(number, _)| *number as f32 == label);
        if let (Some((_, class)), true) = (ours, score >= out.score_min) {
            let ([across, down], [w, h]) = (self.unit, [right - left, bottom - top]);
            let place = [(left + w * 0.5) * across, (top + h * 0.5) * down, w * across, h * down];
            out.add(place, *class, score);
        }
    }

    fn share(&self, raw: f32) -> f32 {
        if self.activation == Activation::Sigmoid { 1.0 / (1.0 + (-raw).exp()) } else { raw }
    }
}

/// Column, row and stride of every cell of every grid: the finest grid first, each line by line.
pub(super) fn cells(size: [u32; 2], strides: &[u32]) -> Vec<[f32; 3]> {
    let grid = |stride: u32| {
        let [columns, lines] = size.map(|side| side / stride);
        (0..lines).flat_map(move |line| (0..columns).map(move |column| [column as f32, line as f32, stride as f32]))
    };
    strides.iter().flat_map(|stride| grid(*stride)).collect()
}

/// Where boxes go that are good enough.
struct Out<'a> {
    view: &'a View,
    score_min: f32,
    found: &'a mut Vec<Detection>,
}

impl Out<'_> {
    fn add(&mut self, place: [f32; 4], class: Class, score: f32) {
        if !place.iter().all(|value| value.is_finite()) {
            return;
        }
        let rect = self.view.to_picture(place);
        if rect.w >= SIDE_MIN && rect.h >= SIDE_MIN {
            self.found.push(Detection { rect, class, score: score.min(1.0) });
        }
    }
}

/// Puts the best score first.
pub fn rank(found: &mut [Detection]) {
    // The order of equal scores must not depend on the sort: places decide.
    found.sort_unstable_by(|a, b| {
        let place = |d: &Detection| (d.rect.x, d.rect.y);
        b.score.total_cmp(&a.score).then_with(|| place(a).partial_cmp(&place(b)).unwrap_or(std::cmp::Ordering::Equal))
    });
}

/// Leaves one box for each thing: of two boxes of people, or two of pucks, that share more than `overlap_max`, the higher
/// score stays. A box that a tile's edge cut lies inside its whole one and shares little of the union, so people's
/// boxes also go when `CONTAINED_MAX` of them lies in a better one. Best score first.
pub fn suppress(found: &mut Vec<Detection>, overlap_max: f32) {
    /// Two skaters in front of each other overlap by this much seldom; halves of one skater always do.
    const CONTAINED_MAX: f32 = 0.85;
    rank(found);
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

    const VIEW: View = View { origin: [0.0; 2], size: [1000.0; 2], scale: [1.0; 2], pad: [0.0; 2] };
    const LABELS: [Class; 2] = [Class::Skater, Class::Puck];

    fn check(answer: &[[f32; 6]], expected: &[(Class, f32)]) {
        let (layout, activation) = (Layout::Rows, Activation::None);
        let ours = LABELS.into_iter().enumerate().collect();
        let decoder = Decoder { layout, activation, classes: 2, ours, unit: [1.0; 2], cells: Vec::new() };
        let answer = Answer { shape: vec![1, answer.len(), 6], values: answer.concat() };
        let mut found = Vec::new();
        decoder.collect(&[answer], &VIEW, 0.3, &mut found);
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
