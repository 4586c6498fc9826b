//! Promise: ONNX Runtime and tract answer alike: every number of the network's answer within 0.001 of its size, and
//! so the same boxes, places within 0.05 pixels, scores within 0.001.
//!
//! Shown on a drawn picture and, where they are at hand, on real frames. Skips, saying so, where ONNX Runtime's
//! library is not found (`ORT_DYLIB_PATH`).

#![cfg(feature = "tract")]

use edge_agent::{
    ids::CameraId,
    inference::{
        Detection, Detector, Model, Provider,
        config::{Backend, Config},
        onnx_runtime::{OnnxRuntime, find_library},
        prepare::Preparer,
        registry::find,
        tract::Tract,
    },
};
use opencv::{
    core::{CV_8UC3, Mat, Point, Rect, Scalar},
    imgcodecs::{IMREAD_COLOR, imread},
    imgproc::{FILLED, LINE_8, circle, rectangle},
    prelude::*,
};
use std::path::{Path, PathBuf};

const PLACE_PX: f32 = 0.05;
const SCORE: f32 = 0.001;
/// Of 1 + the number's size: 32-bit rounding through some sixty layers.
const ANSWER: f32 = 0.001;

fn registry() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models/registry.toml")
}

fn open(backend: Backend) -> Detector {
    Detector::open(&Config { registry: registry(), backend, ..Config::default() }).unwrap()
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
    a.detect(CameraId(0), image, &mut first).unwrap();
    b.detect(CameraId(0), image, &mut second).unwrap();
    println!("{name}: {} boxes with {}, {} with {}", first.len(), a.backend(), second.len(), b.backend());
    let clear = |d: &&Detection| d.score > 0.3 + SCORE;
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

/// The whole answer, number by number.
fn check_answers(library: &Path, image: &Mat) {
    let model = find(&registry(), &Config::default().model).unwrap();
    let mut preparer = Preparer::new(&model.entry.input);
    let (input, _) = preparer.prepare(image, Rect::new(0, 0, image.cols(), image.rows())).unwrap();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    OnnxRuntime::open(&model, library, 1, &[Provider::Cpu]).unwrap().infer(input, &mut first).unwrap();
    Tract::open(&model).unwrap().infer(input, &mut second).unwrap();
    let (shape, values) = (&first[0].shape, &first[0].values);
    assert_eq!(&second[0].shape, shape);
    let apart = values.iter().zip(&second[0].values).map(|(a, b)| (a - b).abs() / (1.0 + a.abs()));
    let worst = apart.fold(0.0, f32::max);
    println!("{shape:?} numbers, worst {worst:.1e} apart (limit {ANSWER:.0e})");
    assert!(worst <= ANSWER);
}

#[test]
fn onnx_runtime_and_tract_find_the_same_boxes() {
    let library = match find_library(Path::new("")) {
        Ok(library) => library,
        Err(fault) => return println!("skipped: {fault}"),
    };
    check_answers(&library, &drawn());
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
