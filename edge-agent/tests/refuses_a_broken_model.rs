//! Promise: a model that is missing, cut short, changed or of another shape is refused when the box starts, naming
//! the fault and the cure; no backend panics over it.
//!
//! Shown by doing each of these to a copy of the model that ships.

use edge_agent::inference::{
    Detector,
    config::{Backend, Config},
};
use sha2::{Digest, Sha256};
use std::{fs, path::PathBuf};

fn models() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models")
}

/// A copy of the list and the weights, changed by `change`; what opening it says.
fn refusal(backend: Backend, change: impl FnOnce(&mut String, &mut Vec<u8>)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut list = fs::read_to_string(models().join("registry.toml")).unwrap();
    let mut weights = fs::read(models().join("rink-detector.onnx")).unwrap();
    change(&mut list, &mut weights);
    fs::write(folder.path().join("registry.toml"), list).unwrap();
    if !weights.is_empty() {
        fs::write(folder.path().join("rink-detector.onnx"), weights).unwrap();
    }
    let config = Config { registry: folder.path().join("registry.toml"), backend, ..Config::default() };
    Detector::open(&config).err().expect("a broken model opened").to_string()
}

fn check(backend: Backend, change: impl FnOnce(&mut String, &mut Vec<u8>), parts: &[&str]) {
    let fault = refusal(backend, change);
    for part in parts {
        assert!(fault.contains(part), "`{fault}` does not say `{part}`");
    }
}

/// The checksum made right again, so that the weights themselves are looked at.
fn sign(list: &mut String, weights: &[u8]) {
    let sum = Sha256::digest(weights).iter().fold(String::new(), |sum, byte| format!("{sum}{byte:02x}"));
    let from = list.find("sha256 = \"").unwrap() + 10;
    list.replace_range(from..from + 64, &sum);
}

#[test]
fn a_file_cut_short_is_refused_by_its_checksum() {
    check(Backend::Tract, |_, weights| weights.truncate(1_000_000), &["cut short", "(1000000 bytes)", "copy it again"]);
}

#[test]
fn missing_weights_are_named() {
    check(Backend::Tract, |_, weights| weights.clear(), &["no weights at", "rink-detector.onnx", "models/training"]);
}

#[test]
fn a_file_cut_short_with_a_right_checksum_does_not_load_and_does_not_panic() {
    let cut = |list: &mut String, weights: &mut Vec<u8>| {
        weights.truncate(1_000_000);
        sign(list, weights);
    };
    check(Backend::Tract, cut, &["does not load in tract"]);
    let fault = refusal(Backend::OnnxRuntime, cut);
    assert!(fault.contains("does not load in ONNX Runtime") || fault.contains("set `inference.library`"), "{fault}");
}

#[test]
fn another_number_of_labels_is_refused() {
    check(
        Backend::Tract,
        |list, _| *list = list.replace("\"official\", \"puck\"]", "\"official\"]"),
        &["output is", "4 and one for each of 3 classes", "correct the entry"],
    );
}

#[test]
fn a_missing_library_is_said_with_the_cure() {
    let library = PathBuf::from("/no/such/libonnxruntime.so");
    let registry = models().join("registry.toml");
    let config = Config { registry, library, backend: Backend::OnnxRuntime, ..Config::default() };
    let fault = Detector::open(&config).err().unwrap().to_string();
    assert!(fault.contains("no file at /no/such") && fault.contains("set `inference.library`"), "{fault}");
}

#[test]
fn an_unknown_model_and_a_missing_list_are_named() {
    let registry = models().join("registry.toml");
    let config = Config { registry, model: "yolo".into(), ..Config::default() };
    let fault = Detector::open(&config).err().unwrap().to_string();
    assert!(fault.contains("no model `yolo`") && fault.contains("rink-detector"), "{fault}");
    let config = Config { registry: "/no/registry.toml".into(), ..Config::default() };
    let fault = Detector::open(&config).err().unwrap().to_string();
    assert!(fault.contains("no model list at /no/registry.toml"), "{fault}");
}
