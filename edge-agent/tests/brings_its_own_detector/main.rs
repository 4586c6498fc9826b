//! Promise: a user's own detector of the YOLO, YOLOX or DETR families runs by an entry in the list of models, and finds
//! what its network says, in pixels of the picture; what does not fit its entry is refused when it is opened, with what
//! was found, what the entry says and what to correct.
//!
//! Shown with networks of a few hundred bytes for each layout that answer boxes computed here, through each way of
//! fitting a picture, in tract and, where its library is found (`ORT_DYLIB_PATH`), in ONNX Runtime.

#![cfg(feature = "tract")]

mod network;

use edge_agent::{
    ids::CameraId,
    inference::{
        Class, Detector,
        config::{Backend, Config},
        onnx_runtime::find_library,
    },
};
use network::{BYTE, FLOAT, Network};
use opencv::core::{CV_8UC3, Mat, Scalar};
use sha2::{Digest, Sha256};
use std::{fmt::Write, fs, path::Path};

/// Pixels of the picture: left, top, width, height.
const SKATER: [f32; 4] = [40.0, 20.0, 30.0, 50.0];
/// Half of it lies on the first.
const OTHER: [f32; 4] = [48.0, 20.0, 30.0, 50.0];
const PUCK: [f32; 4] = [120.0, 60.0, 10.0, 8.0];
/// The network's own five classes: 0 a person, 3 a ball, the others nothing of ours.
const CLASSES: &str = "[model.classes]\ncount = 5\nskater = [0]\npuck = [3]";
/// Sides of the networks' input; the picture is 200×100.
const SIDE: f32 = 64.0;

#[derive(Clone, Copy)]
enum Fit {
    TopLeft,
    Centre,
    Stretch,
}

impl Fit {
    fn name(self) -> &'static str {
        match self {
            Self::TopLeft => "top_left",
            Self::Centre => "centre",
            Self::Stretch => "stretch",
        }
    }

    /// A box of the picture as the network sees it: centre x, centre y, width, height.
    fn seen(self, [x, y, w, h]: [f32; 4]) -> [f32; 4] {
        let (down, top) = match self {
            Self::TopLeft => (0.32, 0.0),
            Self::Centre => (0.32, 16.0),
            Self::Stretch => (0.64, 0.0),
        };
        [(x + w * 0.5) * 0.32, (y + h * 0.5) * down + top, w * 0.32, h * down]
    }

    fn corners(self, place: [f32; 4]) -> [f32; 4] {
        let [x, y, w, h] = self.seen(place);
        [x - w * 0.5, y - h * 0.5, x + w * 0.5, y + h * 0.5]
    }
}

fn entry(fit: Fit, file: &[u8], input: &str, output: &str) -> String {
    let sum = Sha256::digest(file).iter().fold(String::new(), |mut sum, byte| {
        let _ = write!(sum, "{byte:02x}");
        sum
    });
    format!(
        "[[model]]\nname = \"own\"\nfile = \"own.onnx\"\nsha256 = \"{sum}\"\ntask = \"detection\"\nlicence = \"mine\"\n\
         {CLASSES}\n[model.input]\nname = \"images\"\nwidth = 64\nheight = 64\nlayout = \"nchw\"\ncolor = \"rgb\"\n\
         letterbox = \"{}\"\npad = 114\n{input}\n\
         [model.output]\nscore_min = 0.3\noverlap_max = 0.5\n{output}\n",
        fit.name()
    )
}

fn open(folder: &Path, list: &str, file: &[u8], backend: Backend) -> Result<Detector, String> {
    let registry = folder.join("registry.toml");
    fs::write(&registry, list).unwrap();
    fs::write(folder.join("own.onnx"), file).unwrap();
    let config = Config { registry, model: "own".into(), backend, ..Config::default() };
    Detector::open(&config).map_err(|fault| fault.to_string())
}

/// tract, and ONNX Runtime where it is.
fn backends() -> Vec<Backend> {
    match find_library(Path::new("")) {
        Ok(_) => vec![Backend::Tract, Backend::OnnxRuntime],
        Err(fault) => {
            println!("only tract: {fault}");
            vec![Backend::Tract]
        }
    }
}

fn check_finds(fit: Fit, network: Network, [input, output]: [&str; 2], expected: &[(Class, f32, [f32; 4])]) {
    let folder = tempfile::tempdir().unwrap();
    let file = network.file();
    assert!(file.len() < 4096, "{} bytes", file.len());
    let list = entry(fit, &file, input, output);
    let picture = Mat::new_rows_cols_with_default(100, 200, CV_8UC3, Scalar::all(90.0)).unwrap();
    for backend in backends() {
        let mut found = Vec::new();
        open(folder.path(), &list, &file, backend).unwrap().detect(CameraId(0), &picture, &mut found).unwrap();
        assert_eq!(found.len(), expected.len(), "{backend:?} {}: {found:?}", fit.name());
        for (detection, (class, score, place)) in found.iter().zip(expected) {
            let rect = detection.rect;
            let apart = [rect.x, rect.y, rect.w, rect.h].into_iter().zip(place).map(|(a, b)| (a - b).abs());
            assert!(apart.fold(0.0, f32::max) < 0.01, "{backend:?} {}: {rect:?}, not {place:?}", fit.name());
            assert!((detection.score - score).abs() < 1e-4 && detection.class == *class, "{detection:?}");
        }
    }
}

const TWO: [(Class, f32, [f32; 4]); 2] = [(Class::Skater, 0.9, SKATER), (Class::Puck, 0.6, PUCK)];
const THREE: [(Class, f32, [f32; 4]); 3] =
    [(Class::Skater, 0.9, SKATER), (Class::Skater, 0.8, OTHER), (Class::Puck, 0.6, PUCK)];

/// Scores of the five classes.
fn scores(class: usize, score: f32) -> [f32; 5] {
    let mut scores = [0.01; 5];
    scores[class] = score;
    scores
}

/// A skater, his double, a puck, and a bench that is none of ours: place and scores.
fn scene(fit: Fit) -> [([f32; 4], [f32; 5]); 4] {
    [
        (fit.seen(SKATER), scores(0, 0.9)),
        (fit.seen(OTHER), scores(0, 0.8)),
        (fit.seen(PUCK), scores(3, 0.6)),
        (fit.seen([0.0, 0.0, 20.0, 20.0]), scores(1, 0.95)),
    ]
}

fn logit(share: f32) -> f32 {
    (share / (1.0 - share)).ln()
}

fn images() -> Network {
    Network::new(FLOAT, &[0, 3, 0, 0])
}

#[test]
fn yolov5_and_yolov7() {
    for fit in [Fit::TopLeft, Fit::Centre, Fit::Stretch] {
        // That there is something, times what it is, is the score.
        let rows = scene(fit).map(|(place, scores)| [&place[..], &[0.96], &scores.map(|score| score / 0.96)].concat());
        let network = images().floats("output0", &[1, 4, 10], &rows.concat());
        check_finds(fit, network, ["", "layout = \"yolov7\"\nname = \"output0\""], &TWO);
    }
}

#[test]
fn yolov8_to_yolo11() {
    let rows = scene(Fit::Centre).map(|(place, scores)| [&place[..], &scores].concat());
    let lying: Vec<f32> = (0..9).flat_map(|value| rows.iter().map(move |row| row[value]).collect::<Vec<_>>()).collect();
    let output = "layout = \"yolo11\"\nname = \"output0\"";
    check_finds(Fit::Centre, images().floats("output0", &[1, 9, 4], &lying), ["", output], &TWO);
    let kept = format!("{output}\nnms = false");
    check_finds(Fit::Centre, images().floats("output0", &[1, 9, 4], &lying), ["", &kept], &THREE);
}

#[test]
fn yolov10_end_to_end() {
    let boxes = [(SKATER, 0.9, 0.0), (OTHER, 0.8, 0.0), (PUCK, 0.6, 3.0), (SKATER, 0.95, 1.0)];
    let rows = boxes.map(|(place, score, class)| [&Fit::Centre.corners(place)[..], &[score, class]].concat());
    let network = images().floats("output0", &[1, 4, 6], &rows.concat());
    check_finds(Fit::Centre, network, ["", "layout = \"yolov10\"\nname = \"output0\""], &THREE);
}

#[test]
fn yolox_as_it_leaves_the_head() {
    let mut values = vec![[0.0_f32; 10]; 8 * 8 + 4 * 4 + 2 * 2];
    // In the fine, the middle and the coarse grid: first cell of the grid, its columns, its stride.
    let grids = [(0, 8, 8.0), (64, 4, 16.0), (80, 2, 32.0)];
    for ((place, scores), (first, columns, stride)) in scene(Fit::TopLeft).into_iter().zip(grids) {
        let [x, y, w, h] = place.map(|side: f32| side / stride);
        let cell = first + y as usize * columns + x as usize;
        values[cell][..5].copy_from_slice(&[x - x.floor(), y - y.floor(), w.ln(), h.ln(), 1.0]);
        values[cell][5..].copy_from_slice(&scores);
    }
    let network = images().floats("output", &[1, 84, 10], &values.concat());
    check_finds(Fit::TopLeft, network, ["", "layout = \"yolox\"\nname = \"output\""], &TWO);
}

#[test]
fn detr_with_sigmoid_and_with_softmax() {
    let scene = scene(Fit::Stretch);
    let boxes: Vec<f32> = scene.iter().flat_map(|(place, _)| place.map(|side| side / SIDE)).collect();
    let output = "layout = \"detr\"\nboxes = \"pred_boxes\"\nscores = \"pred_logits\"\nactivation = ";
    let logits: Vec<f32> = scene.iter().flat_map(|(_, scores)| scores.map(logit)).collect();
    let network = images().floats("pred_logits", &[1, 4, 5], &logits).floats("pred_boxes", &[1, 4, 4], &boxes);
    check_finds(Fit::Stretch, network, ["", &format!("{output}\"sigmoid\"")], &THREE);
    // The last class is "nothing": it takes what is left of 1.
    let logarithms: Vec<f32> = scene
        .iter()
        .flat_map(|(_, scores)| {
            let left = 1.0 - scores[..4].iter().sum::<f32>();
            [scores[0], scores[1], scores[2], scores[3], left.max(1e-6)].map(|share| share.ln() + 2.0)
        })
        .collect();
    let network = images().floats("pred_logits", &[1, 4, 5], &logarithms).floats("pred_boxes", &[1, 4, 4], &boxes);
    check_finds(Fit::Stretch, network, ["", &format!("{output}\"softmax\"")], &THREE);
}

fn rt_detr(labels: [i64; 4]) -> Network {
    let boxes = [SKATER, OTHER, PUCK, SKATER].map(|place| Fit::Stretch.corners(place).map(|side| side / SIDE));
    images().integers("labels", &[1, 4], &labels).sized("boxes", &[1, 4, 4], &boxes.concat()).floats(
        "scores",
        &[1, 4],
        &[0.9, 0.8, 0.6, 0.95],
    )
}

const RT_DETR: [&str; 2] = [
    "sizes = \"orig_target_sizes\"",
    "layout = \"rt_detr\"\nboxes = \"boxes\"\nscores = \"scores\"\nlabels = \"labels\"",
];

#[test]
fn rt_detr_asking_for_sizes() {
    check_finds(Fit::Stretch, rt_detr([0, 0, 3, 1]), RT_DETR, &THREE);
}

fn check_refused(network: Network, [input, output]: [&str; 2], parts: &[&str]) {
    let (folder, file) = (tempfile::tempdir().unwrap(), network.file());
    for backend in backends() {
        let list = entry(Fit::Centre, &file, input, output);
        let fault = open(folder.path(), &list, &file, backend).err().expect("what does not fit opened");
        for part in parts.iter().chain(&["model `own`", "its entry in the model list says", "correct the entry"]) {
            assert!(fault.contains(part), "{backend:?}: `{fault}` does not say `{part}`");
        }
    }
}

fn numbers(sides: &[u64], value: f32) -> Network {
    images().floats("output0", sides, &vec![value; sides.iter().product::<u64>() as usize])
}

const YOLOV5: [&str; 2] = ["", "layout = \"yolov5\"\nname = \"output0\""];
const YOLOV8: [&str; 2] = ["", "layout = \"yolov8\"\nname = \"output0\""];

#[test]
fn another_layout_is_refused_and_the_right_one_named() {
    check_refused(numbers(&[1, 9, 84], 0.5), YOLOV5, &["[1, 9, 84] (`yolov8` answers so, of 5 classes)", "(`yolov5`)"]);
    check_refused(numbers(&[1, 84, 10], 0.5), YOLOV8, &["`rows` answers so, of 6 classes, `yolov5` and `yolox` of 5"]);
    check_refused(numbers(&[1, 300, 6], 0.5), YOLOV8, &["(`yolo_end_to_end` answers so)", "[1, 9, boxes]"]);
}

#[test]
fn another_number_of_classes_a_raw_head_and_a_batch_are_refused() {
    check_refused(numbers(&[1, 84, 20], 0.5), YOLOV8, &["is [1, 84, 20]", "4 and one for each of 5 classes"]);
    check_refused(numbers(&[1, 3, 8, 10], 0.5), YOLOV5, &["[1, 3, 8, 10] (a head before decoding"]);
    check_refused(numbers(&[2, 9, 9], 0.5), YOLOV8, &["a batch of 2: export for one picture"]);
}

#[test]
fn a_grid_of_other_strides_is_refused() {
    let yolox = ["", "layout = \"yolox\"\nname = \"output0\""];
    check_refused(numbers(&[1, 80, 10], 0.5), yolox, &["[1, 80, 10]", "[1, 84, 10]", "strides [8, 16, 32] in 64×64"]);
}

#[test]
fn missing_names_are_refused_beside_those_there_are() {
    let output = "layout = \"yolov8\"\nname = \"boxes\"";
    check_refused(numbers(&[1, 9, 84], 0.5), ["", output], &["output is output0", "says boxes"]);
    check_refused(
        numbers(&[1, 9, 84], 0.5),
        [RT_DETR[0], YOLOV8[1]],
        &["input is images", "images, orig_target_sizes"],
    );
    check_refused(rt_detr([0; 4]), ["", RT_DETR[1]], &["input is images, orig_target_sizes", "says images"]);
}

#[test]
fn an_input_of_another_size_or_kind_is_refused() {
    let fed = |element, sides: &[u64]| Network::new(element, sides).floats("output0", &[1, 9, 1], &[0.5; 9]);
    check_refused(fed(FLOAT, &[1, 3, 32, 32]), YOLOV8, &["input is images", "32", "[1, 3, 64, 64]"]);
    check_refused(fed(FLOAT, &[1, 64, 64, 3]), YOLOV8, &["input is images", "[1, 3, 64, 64]"]);
    check_refused(fed(BYTE, &[1, 3, 64, 64]), YOLOV8, &["input is images", "u8", "f32 [1, 3, 64, 64]"]);
}

#[test]
fn numbers_that_cannot_be_what_the_entry_says_are_refused() {
    check_refused(numbers(&[1, 9, 120], -3.0), YOLOV8, &["a score of -3", "output.activation", "sigmoid"]);
    let sigmoid = format!("{}\nactivation = \"sigmoid\"", YOLOV8[1]);
    check_refused(numbers(&[1, 9, 120], 0.5), ["", &sigmoid], &["0 to 1 already", "leave it out"]);
    check_refused(numbers(&[1, 9, 120], 0.5), YOLOV8, &["places up to 0.5", "64 wide", "normalised"]);
    let normalised = format!("{}\nunit = \"normalised\"", YOLOV8[1]);
    let places = [vec![30.0; 4 * 120], vec![0.5; 5 * 120]].concat();
    let network = images().floats("output0", &[1, 9, 120], &places);
    check_refused(network, ["", &normalised], &["places up to 30", "places 0 to 1"]);
    check_refused(rt_detr([0, 0, 7, 0]), RT_DETR, &["class number 7", "5 classes (0 to 4)"]);
}
