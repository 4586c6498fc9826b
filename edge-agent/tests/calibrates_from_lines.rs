//! Promise: `calibrate --lines` finds a camera from the painted lines of one picture, says how far off it is, and
//! refuses rather than be wrong.
//!
//! Shown on rendered (simulated) pictures of random moments, looks and cameras in the stands, half of them with a bad
//! film's faults: a third at least is accepted, none of those is a metre off over the ice it shows, and what is said of
//! the error is of the right size. `RINKSIDE_LINES=60` tries that many; then 24 are accepted, with two clicks 33.

use edge_agent::{
    capture::paint,
    geometry::{Camera, candidates::Side, search::search, solve::Point},
    rink::Rink,
    simulation::render::{Look, Renderer, moment},
};
use opencv::{core::CV_8UC3, prelude::*};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SIZE: [u32; 2] = [1280, 720];

/// A camera in the stands along one side that sees a part of the ice.
fn stand(rng: &mut impl Rng) -> Camera {
    let place = [rng.random_range(-24.0..24.0), -rng.random_range(16.0..38.0), rng.random_range(5.0..16.0)];
    let target = [rng.random_range(-18.0..18.0), rng.random_range(-5.0..6.0), 0.0];
    let mut camera = Camera::looking_at(SIZE[0], SIZE[1], rng.random_range(28.0..65.0), place, target);
    camera.distortion[0] = rng.random_range(-0.12..0.04);
    camera
}

/// Median distance between where two cameras place what the first sees, metres.
fn off_m(truth: &Camera, found: &Camera, rink: &Rink) -> f64 {
    let inside = |pixel: &[f64; 2]| {
        (0.0..f64::from(SIZE[0])).contains(&pixel[0]) && (0.0..f64::from(SIZE[1])).contains(&pixel[1])
    };
    let mut off: Vec<f64> = rink
        .places()
        .filter_map(|place| Some((place, truth.project([place[0], place[1], 0.0]).filter(inside)?)))
        .map(|(place, pixel)| {
            found.to_ice(pixel).map_or(f64::INFINITY, |at| (at[0] - place[0]).hypot(at[1] - place[1]))
        })
        .collect();
    off.sort_by(f64::total_cmp);
    off[off.len() / 2]
}

/// Found from how many clicks, what it says its error is, and what it is.
fn try_one(seed: u64, clicked: usize) -> Result<[f64; 2], String> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let rink = Rink::NHL;
    let truth = moment::truth(&mut rng, &rink);
    let camera = stand(&mut rng);
    let look = if seed.is_multiple_of(2) { Look::random(&mut rng) } else { Look::standard(seed) };
    let mut picture = Mat::new_rows_cols_with_default(SIZE[1] as i32, SIZE[0] as i32, CV_8UC3, 0.0.into()).unwrap();
    Renderer::new(&camera, rink, look).render(&truth, picture.data_bytes_mut().unwrap());
    let mut clicks = Vec::new();
    for (name, place_m) in rink.landmarks() {
        let Some(pixel) = camera.project([place_m[0], place_m[1], 0.0]) else { continue };
        let inside = (20.0..1260.0).contains(&pixel[0]) && (20.0..700.0).contains(&pixel[1]);
        if clicks.len() < clicked && inside && rink.landmark_wall(&name).is_none() {
            let pixel = pixel.map(|at| at + rng.random_range(-2.0..2.0));
            clicks.push(Point { name, place_m, pixel, wall: None });
        }
    }
    let dabs = paint::find(&picture).unwrap();
    let begun = std::time::Instant::now();
    let found = search(dabs, &rink.lines(), &clicks, Some(Side::South), SIZE);
    let took = begun.elapsed().as_secs_f64();
    let result = found.as_ref().map_err(ToString::to_string).map(|found| {
        let camera_found = &found.calibration.camera;
        [camera_found.error_m, off_m(&camera, camera_found, &rink)]
    });
    if let Ok(found) = &found {
        let mut likely: Vec<f64> = rink.places().filter_map(|place| found.calibration.likely_error_m(place)).collect();
        likely.sort_by(f64::total_cmp);
        print!(
            "likely {:.3} share {:.2} lines {} ",
            likely[likely.len() / 2],
            found.share,
            found.calibration.refit.len()
        );
    }
    println!("seed {seed}, {} clicks, {took:.1} s: {result:?}", clicks.len());
    result
}

fn measure(clicked: usize) {
    let count = std::env::var("RINKSIDE_LINES").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let results: Vec<_> = (0..count).map(|seed| try_one(seed, clicked)).collect();
    let mut accepted: Vec<[f64; 2]> = results.into_iter().flatten().collect();
    accepted.sort_by(|a, b| a[1].total_cmp(&b[1]));
    let wrong = accepted.iter().filter(|[_, off]| *off > 1.0).count();
    let median = accepted.get(accepted.len() / 2).map_or(f64::NAN, |[_, off]| *off);
    println!(
        "{clicked} clicks: {} of {count} accepted, {wrong} of them wrong by more than 1 m, median {:.0} cm",
        accepted.len(),
        100.0 * median
    );
    assert_eq!(wrong, 0, "{accepted:?}");
    assert!(3 * accepted.len() >= count as usize && median < 0.1, "{accepted:?}");
    let told = accepted.iter().filter(|[said, off]| *off <= 3.0 * said).count();
    assert!(10 * told >= 8 * accepted.len(), "told and true: {accepted:?}");
}

#[test]
fn from_nothing_but_lines_and_a_side() {
    measure(0);
}

#[test]
fn from_two_clicks_and_lines() {
    measure(2);
}
