//! Promise: ONNX Runtime and tract find the same boxes in the same picture: places within 0.05 pixels, scores within
//! 0.001.
//!
//! Shown on a drawn picture and, where they are at hand, on real frames. Skips, saying so, where ONNX Runtime's
//! library is not found (`ORT_DYLIB_PATH`).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use edge_agent::inference::{
    Detection, Detector,
    config::{Backend, Config},
    onnx_runtime::find_library,
};
use opencv::{
    core::{CV_8UC3, Mat, Point, Rect, Scalar},
    imgcodecs::{IMREAD_COLOR, imread},
    imgproc::{FILLED, LINE_8, circle, rectangle},
};
use std::path::{Path, PathBuf};

const PLACE_PX: f32 = 0.05;
const SCORE: f32 = 0.001;

fn open(backend: Backend) -> Detector {
    let registry = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models/registry.toml");
    // So low that an untrained network answers too.
    let config = Config { registry, backend, score_min: Some(0.02), ..Config::default() };
    Detector::open(&config).unwrap()
}

fn drawn() -> Mat {
    let mut image = Mat::new_rows_cols_with_default(720, 1280, CV_8UC3, Scalar::all(225.0)).unwrap();
    for index in 0..10 {
        let (x, y) = (80 + index * 115, 180 + (index * 97) % 380);
        let jersey =
            if index % 2 == 0 { Scalar::new(40.0, 40.0, 200.0, 0.0) } else { Scalar::new(150.0, 60.0, 20.0, 0.0) };
        rectangle(&mut image, Rect::new(x, y, 34, 60), jersey, FILLED, LINE_8, 0).unwrap();
        rectangle(&mut image, Rect::new(x + 4, y + 60, 26, 40), Scalar::all(30.0), FILLED, LINE_8, 0).unwrap();
        circle(&mut image, Point::new(x + 17, y - 10), 11, Scalar::all(60.0), FILLED, LINE_8, 0).unwrap();
    }
    image
}

fn check(a: &mut Detector, b: &mut Detector, name: &str, image: &Mat) {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    a.detect(image, &mut first).unwrap();
    b.detect(image, &mut second).unwrap();
    println!("{name}: {} boxes with {}, {} with {}", first.len(), a.backend(), second.len(), b.backend());
    let clear = |d: &&Detection| d.score > 0.02 + SCORE;
    for (from, to) in [(&first, &second), (&second, &first)] {
        for wanted in from.iter().filter(clear) {
            let twin = to.iter().any(|other| {
                let (p, q) = (wanted.rect, other.rect);
                let apart = [p.x - q.x, p.y - q.y, p.w - q.w, p.h - q.h];
                wanted.class == other.class
                    && (wanted.score - other.score).abs() <= SCORE
                    && apart.iter().all(|value| value.abs() <= PLACE_PX)
            });
            assert!(twin, "{name}: {wanted:?} has no twin");
        }
    }
}

#[test]
fn onnx_runtime_and_tract_find_the_same_boxes() {
    if let Err(fault) = find_library(Path::new("")) {
        println!("skipped: {fault}");
        return;
    }
    let (mut a, mut b) = (open(Backend::OnnxRuntime), open(Backend::Tract));
    check(&mut a, &mut b, "drawn", &drawn());
    let real = std::env::var_os("RINKSIDE_REAL")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/real"), PathBuf::from);
    for name in ["hockey-1.png", "hockey-2.png", "hockey-3.png"] {
        let path = real.join("video/college-rink").join(name);
        if !path.is_file() {
            println!("skipped: no {}", path.display());
            continue;
        }
        check(&mut a, &mut b, name, &imread(&path, IMREAD_COLOR).unwrap());
    }
}
