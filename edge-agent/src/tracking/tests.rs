//! The tracker on small made-up scenes: birth, crossing, loss and return.

use super::config::Lifecycle;
use super::*;
use crate::inference::Detection;

const FRAME_US: i64 = 33_333;

fn skater(x: f32, y: f32, score: f32) -> Detection {
    Detection { rect: Rect { x, y, w: 40.0, h: 100.0 }, class: Class::Skater, score }
}

fn ids(tracks: &[Track]) -> Vec<u32> {
    tracks.iter().map(|track| track.id.0).collect()
}

/// Two skaters that pass each other at 6 m/s each, one 70 pixels further up.
fn crossing(frame: i64) -> [Detection; 2] {
    let t = frame as f32 / 30.0;
    [skater(100.0 + 330.0 * t, 300.0, 0.9), skater(760.0 - 330.0 * t, 370.0, 0.9)]
}

#[test]
fn crossing_skaters_keep_their_identity() {
    let mut tracker = Tracker::new(Config::default());
    for frame in 0..60 {
        tracker.update(frame * FRAME_US, &crossing(frame), None);
    }
    let tracks = tracker.update(60 * FRAME_US, &crossing(60), None).to_vec();
    assert_eq!(ids(&tracks), [1, 2]);
    assert!(tracks[0].rect.x > 700.0 && tracks[1].rect.x < 160.0, "{tracks:?}");
    assert!((tracks[0].velocity_px[0] - 330.0).abs() < 15.0, "{tracks:?}");
}

#[test]
fn a_hidden_skater_is_found_again_where_they_went() {
    let mut tracker = Tracker::new(Config::default());
    for frame in 0..30 {
        tracker.update(frame * FRAME_US, &crossing(frame), None);
    }
    for frame in 30..45 {
        let tracks = tracker.update(frame * FRAME_US, &crossing(frame)[..1], None);
        assert_ne!(tracks[1].life, Life::Confirmed);
    }
    let tracks = tracker.update(45 * FRAME_US, &crossing(45), None).to_vec();
    assert_eq!(ids(&tracks), [1, 2]);
    assert_eq!(tracks[1].life, Life::Confirmed);
}

#[test]
fn a_low_score_keeps_alive_but_never_bears() {
    let mut tracker = Tracker::new(Config::default());
    for frame in 0..5 {
        tracker.update(frame * FRAME_US, &[skater(100.0, 300.0, 0.9)], None);
    }
    for frame in 5..60 {
        let faint = [skater(100.0, 300.0, 0.2), skater(600.0, 300.0, 0.2)];
        let tracks = tracker.update(frame * FRAME_US, &faint, None);
        assert_eq!(ids(tracks), [1]);
        assert_eq!(tracks[0].life, Life::Confirmed);
    }
}

#[test]
fn an_unseen_track_is_carried_by_the_camera() {
    let mut tracker = Tracker::new(Config::default());
    let row = |shift: f32| -> Vec<Detection> {
        (0..8).map(|index| skater(100.0 + 150.0 * index as f32 + shift, 300.0, 0.9)).collect()
    };
    for frame in 0..30 {
        tracker.update(frame * FRAME_US, &row(0.0), None);
    }
    // The camera turns while the first skater is hidden.
    for frame in 30..40 {
        tracker.update(frame * FRAME_US, &row(-8.0 * (frame - 29) as f32)[1..], None);
    }
    let tracks = tracker.update(40 * FRAME_US, &row(-88.0), None).to_vec();
    assert_eq!(ids(&tracks), [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn class_is_voted_and_the_puck_is_nobodys() {
    let mut tracker = Tracker::new(Config::default());
    let mut official = skater(100.0, 300.0, 0.9);
    for frame in 0..10 {
        official.class = if frame == 4 { Class::Skater } else { Class::Official };
        let puck = Detection { rect: Rect { x: 118.0, y: 390.0, w: 8.0, h: 5.0 }, class: Class::Puck, score: 0.8 };
        let tracks = tracker.update(frame * FRAME_US, &[official, puck], None);
        assert_eq!((tracks[0].class, tracks[1].class), (Class::Official, Class::Puck));
        assert_eq!(tracks.len(), 2);
    }
}

#[test]
fn nonsense_is_left_out() {
    let mut tracker = Tracker::new(Config { detections_max: 3, tracks_max: 1, ..Config::default() });
    let nonsense = [
        skater(f32::NAN, 0.0, 0.9),
        Detection { rect: Rect { w: 0.0, ..skater(0.0, 0.0, 0.9).rect }, ..skater(0.0, 0.0, 0.9) },
        skater(100.0, 100.0, f32::NAN),
        skater(100.0, 100.0, 0.9),
    ];
    assert!(tracker.update(0, &nonsense, None).is_empty());
    assert_eq!(tracker.update(FRAME_US, &[skater(0.0, 0.0, 0.9), skater(500.0, 0.0, 0.9)], None).len(), 1);
    assert_eq!(tracker.update(-5, &[], None).len(), 1, "time does not run backwards");
}

#[test]
fn numbers_of_the_dead_are_not_used_again() {
    let lifecycle = Lifecycle { lost_ms_max: 0, tentative_ms_max: 0, ..Lifecycle::default() };
    let mut tracker = Tracker::new(Config { lifecycle, ..Config::default() });
    assert_eq!(ids(tracker.update(0, &[skater(0.0, 0.0, 0.9)], None)), [1]);
    assert!(tracker.update(FRAME_US, &[], None).is_empty());
    assert_eq!(ids(tracker.update(2 * FRAME_US, &[skater(0.0, 0.0, 0.9)], None)), [2]);
}
