//! The measures on hand-made tracks whose scores can be worked out on paper.

use super::*;

fn owned(id: i64, x: f32) -> Owned {
    Owned { id, rect: Rect { x, y: 0.0, w: 10.0, h: 20.0 } }
}

fn frames(rows: &[&[(i64, f32)]]) -> Frames {
    rows.iter()
        .enumerate()
        .map(|(frame, boxes)| (frame as i64, boxes.iter().map(|(id, x)| owned(*id, *x)).collect()))
        .collect()
}

fn near(got: f64, expected: f64) {
    assert!((got - expected).abs() < 1e-9, "{got} instead of {expected}");
}

#[test]
fn the_truth_itself_is_perfect() {
    let truth = frames(&[&[(1, 0.0), (2, 50.0)], &[(1, 1.0)], &[]]);
    let score = tracking(&truth, &truth);
    near(score.hota, 1.0);
    near(score.idf1, 1.0);
    near(score.mota, 1.0);
    assert_eq!((score.switches, score.truth_ids), (0, 2));
}

#[test]
fn nothing_found_is_worth_nothing() {
    let score = tracking(&frames(&[&[(1, 0.0)]]), &Frames::new());
    assert_eq!((score.hota, score.idf1, score.mota, score.misses), (0.0, 0.0, 0.0, 1));
}

#[test]
fn half_under_another_identity() {
    let truth = frames(&[&[(1, 0.0)], &[(1, 0.0)], &[(1, 0.0)], &[(1, 0.0)]]);
    let predicted = frames(&[&[(7, 0.0)], &[(7, 0.0)], &[(8, 0.0)], &[(8, 0.0)]]);
    let score = tracking(&truth, &predicted);
    near(score.det_a, 1.0);
    near(score.ass_a, 0.5);
    near(score.hota, 0.5f64.sqrt());
    near(score.idf1, 0.5);
    near(score.mota, 0.75);
    assert_eq!(score.switches, 1);
}

#[test]
fn two_that_swap_are_two_switches() {
    let truth = frames(&[&[(1, 0.0), (2, 50.0)], &[(1, 0.0), (2, 50.0)]]);
    let predicted = frames(&[&[(1, 0.0), (2, 50.0)], &[(2, 0.0), (1, 50.0)]]);
    let score = tracking(&truth, &predicted);
    assert_eq!(score.switches, 2);
    near(score.idf1, 0.5);
}

#[test]
fn a_box_half_off_counts_only_for_small_overlaps() {
    // Moved by a third of its width: overlap (2/3) / (4/3) = 0.5, so 10 of 19 steps.
    let truth = frames(&[&[(1, 0.0)]]);
    let predicted = frames(&[&[(1, 10.0 / 3.0)]]);
    let score = tracking(&truth, &predicted);
    near(score.hota, 10.0 / 19.0);
}
