//! Fusion on small made-up scenes: order of arrival, identity, birth and death, the puck, the clock.

use super::*;
use crate::rink::Rink;

const TAG: TagId = TagId(7);

fn bindings() -> Vec<Binding> {
    let skater =
        |tag, number| Binding { tag: TagId(tag), role: Role::Skater, side: Some(Side::Home), number: Some(number) };
    vec![skater(7, 19), skater(8, 88)]
}

fn fusion() -> Fusion {
    Fusion::new(Config::default(), Rink::NHL, &bindings())
}

fn tag(at_ms: i64, tag: TagId, place: [f64; 2]) -> Observation {
    Observation { captured_us: at_ms * 1_000, seen: Seen::Tag { tag, position_m: place, sigma_m: 0.15 } }
}

fn person(at_ms: i64, camera: u8, track: u32, place: [f64; 2]) -> Observation {
    let seen = Seen::Person {
        camera: CameraId(camera),
        track: TrackId(track),
        class: Class::Skater,
        position_m: place,
        covariance_m2: [0.02, 0.0, 0.04],
        side: None,
        number: None,
    };
    Observation { captured_us: at_ms * 1_000, seen }
}

/// Where somebody who skates at 5 m/s along the ice is.
fn along(at_ms: i64) -> [f64; 2] {
    [-10.0 + at_ms as f64 * 0.005, 2.0]
}

fn state(fusion: &mut Fusion, at_ms: i64) -> Snapshot {
    let mut snapshot = Snapshot::default();
    fusion.advance(at_ms * 1_000, &mut snapshot);
    snapshot
}

fn near(place: [f64; 2], expected: [f64; 2], within_m: f64) {
    let off = (place[0] - expected[0]).hypot(place[1] - expected[1]);
    assert!(off < within_m, "{place:?} is {off:.2} m from {expected:?}");
}

/// Tag 7 read every 50 ms until `until_ms`.
fn followed(until_ms: i64) -> Fusion {
    let mut fusion = fusion();
    for at_ms in (0..=until_ms).step_by(50) {
        fusion.observe(tag(at_ms, TAG, along(at_ms)));
        state(&mut fusion, at_ms);
    }
    fusion
}

#[test]
fn a_tag_is_a_person_with_a_name() {
    let snapshot = state(&mut followed(1_000), 1_040);
    let [player] = snapshot.players[..] else { panic!("{snapshot:?}") };
    assert_eq!((player.entity, player.number), (EntityId(1), Some(19)));
    near(player.position_m, along(1_040), 0.05);
    assert!((player.velocity_mps[0] - 5.0).abs() < 0.3, "{player:?}");
}

#[test]
fn order_of_arrival_does_not_matter() {
    let observations: Vec<Observation> = (0..40)
        .flat_map(|step| {
            let at_ms = step * 25;
            [tag(at_ms, TAG, along(at_ms)), tag(at_ms, TagId(8), [3.0, -4.0]), person(at_ms, 0, 1, along(at_ms))]
        })
        .collect();
    let (mut forward, mut backward) = (fusion(), fusion());
    for observation in &observations {
        forward.observe(*observation);
    }
    observations.iter().rev().for_each(|observation| backward.observe(*observation));
    assert_eq!(state(&mut forward, 980), state(&mut backward, 980));
}

#[test]
fn a_late_reading_still_counts_and_a_stale_one_does_not() {
    let mut late = followed(1_000);
    state(&mut late, 1_100);
    late.observe(tag(1_050, TAG, [along(1_050)[0], 2.2]));
    assert!(state(&mut late, 1_120).players[0].position_m[1] > 2.02);
    late.observe(tag(500, TAG, along(500)));
    assert_eq!(late.counts().late, 1);
}

#[test]
fn a_blocked_path_is_not_believed_but_a_new_place_is_in_the_end() {
    let mut fusion = followed(1_000);
    for at_ms in (1_050..=1_450).step_by(50) {
        fusion.observe(tag(at_ms, TAG, [along(at_ms)[0], 5.0]));
    }
    near(state(&mut fusion, 1_450).players[0].position_m, along(1_450), 0.4);
    assert_eq!(fusion.counts().disbelieved, 9);
    for at_ms in (1_500..=2_400).step_by(50) {
        fusion.observe(tag(at_ms, TAG, [along(at_ms)[0], 5.0]));
    }
    near(state(&mut fusion, 2_400).players[0].position_m, [along(2_400)[0], 5.0], 0.3);
}

#[test]
fn who_falls_silent_or_sits_on_the_bench_is_not_on_the_ice() {
    let mut fusion = followed(1_000);
    assert_eq!(state(&mut fusion, 1_700).players.len(), 1);
    assert_eq!(state(&mut fusion, 1_900).players.len(), 0);
    for at_ms in (2_000..2_500).step_by(50) {
        fusion.observe(tag(at_ms, TAG, [2.0, Rink::NHL.width_m / 2.0 + 1.2]));
    }
    assert_eq!(state(&mut fusion, 2_500).players.len(), 0);
}

#[test]
fn a_camera_track_becomes_the_person_with_the_tag() {
    let mut fusion = followed(1_000);
    for at_ms in (1_010..2_000).step_by(33) {
        fusion.observe(person(at_ms, 0, 4, along(at_ms)));
    }
    // The tag is silent: the camera keeps the name.
    let snapshot = state(&mut fusion, 2_000);
    let [player] = snapshot.players[..] else { panic!("{snapshot:?}") };
    assert_eq!(player.entity, EntityId(1));
    near(player.position_m, along(2_000), 0.2);
}

#[test]
fn identity_does_not_flip_when_two_meet() {
    let mut fusion = fusion();
    // Two skaters meet head-on 0.6 m apart; both are tagged and seen by two cameras.
    let other = |at_ms: i64| [-along(at_ms)[0], 2.6];
    for at_ms in 0..4_000 {
        if at_ms % 50 == 0 {
            fusion.observe(tag(at_ms, TAG, along(at_ms)));
            fusion.observe(tag(at_ms, TagId(8), other(at_ms)));
        }
        if at_ms % 33 == 0 {
            for camera in [0, 1] {
                fusion.observe(person(at_ms, camera, 1, along(at_ms)));
                fusion.observe(person(at_ms, camera, 2, other(at_ms)));
            }
        }
        if at_ms % 20 == 0 && at_ms > 500 {
            let snapshot = state(&mut fusion, at_ms);
            assert_eq!(snapshot.players.len(), 2, "{snapshot:?}");
            near(snapshot.players[0].position_m, along(at_ms), 0.2);
            near(snapshot.players[1].position_m, other(at_ms), 0.2);
        }
    }
}

#[test]
fn who_wears_no_tag_is_one_person_to_two_cameras() {
    let mut fusion = fusion();
    for at_ms in 0..1_000 {
        if at_ms % 33 == 0 {
            fusion.observe(person(at_ms, 0, 1, along(at_ms)));
        }
        if at_ms % 33 == 15 {
            fusion.observe(person(at_ms, 1, 9, along(at_ms)));
        }
    }
    let snapshot = state(&mut fusion, 1_000);
    let [player] = snapshot.players[..] else { panic!("{snapshot:?}") };
    assert_eq!((player.entity, player.side, player.number), (EntityId(3), None, None));
    assert_eq!(state(&mut fusion, 3_000).players.len(), 0, "forgotten when unseen");
}

#[test]
fn a_flash_is_nobody() {
    let mut fusion = fusion();
    fusion.observe(person(0, 0, 1, [0.0, 0.0]));
    fusion.observe(person(33, 0, 1, [0.0, 0.0]));
    assert!(state(&mut fusion, 500).players.is_empty());
}

#[test]
fn nonsense_and_too_much_are_counted() {
    let mut fusion = Fusion::new(Config { waiting_max: 2, ..Config::default() }, Rink::NHL, &[]);
    fusion.observe(tag(0, TAG, [f64::NAN, 0.0]));
    (0..3).for_each(|at_ms| fusion.observe(tag(at_ms, TAG, [0.0, 0.0])));
    assert_eq!((fusion.counts().nonsense, fusion.counts().overflow), (1, 1));
    assert_eq!(state(&mut fusion, 10).players.len(), 1, "a tag nobody was told of is somebody");
}

#[test]
fn a_copy_runs_ahead_and_leaves_the_truth_alone() {
    let mut truth = followed(1_000);
    let mut ahead = fusion();
    for at_ms in [1_020, 1_040, 1_060] {
        truth.observe(tag(at_ms, TAG, along(at_ms)));
    }
    for now_ms in [1_060, 1_080] {
        ahead.copy(&truth);
        near(state(&mut ahead, now_ms).players[0].position_m, along(now_ms), 0.1);
    }
    let mut alone = followed(1_000);
    for at_ms in [1_020, 1_040, 1_060] {
        alone.observe(tag(at_ms, TAG, along(at_ms)));
    }
    assert_eq!(state(&mut truth, 1_040), state(&mut alone, 1_040), "being copied changed the truth");
}
