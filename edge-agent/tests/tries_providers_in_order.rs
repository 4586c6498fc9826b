//! Promise: ONNX Runtime uses the first of `inference.providers` that works on this machine, and says which; when none
//! does, the fault says why not and what to install.
//!
//! Shown with the library at hand (`ORT_DYLIB_PATH`; skips, saying so, without one). Where that has no provider for a
//! graphics processor, the order that ships ends at the processor. A machine with one shows only that it is said.

use edge_agent::inference::{
    Detector, Provider,
    config::{Backend, Config},
    onnx_runtime::find_library,
};
use std::path::{Path, PathBuf};

fn open(providers: Vec<Provider>) -> Result<String, String> {
    let registry = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models/registry.toml");
    let config = Config { registry, backend: Backend::OnnxRuntime, providers, ..Config::default() };
    Detector::open(&config).map(|detector| detector.engine()).map_err(|fault| fault.to_string())
}

#[test]
fn the_first_that_works_is_used_and_said() {
    if let Err(fault) = find_library(Path::new("")) {
        return println!("skipped: {fault}");
    }
    assert_eq!(open(vec![Provider::Cpu]).unwrap(), "onnx_runtime, cpu");
    let mut expected = "onnx_runtime, cpu".to_owned();
    let needed = [
        (Provider::Openvino, "libonnxruntime_providers_openvino.so"),
        (Provider::Cuda, "libonnxruntime_providers_cuda.so"),
        (Provider::Tensorrt, "libonnxruntime_providers_tensorrt.so"),
    ];
    for (provider, library) in needed {
        match open(vec![provider]) {
            Ok(engine) => {
                println!("this machine has {engine}");
                assert_eq!(engine, format!("onnx_runtime, {}", provider.name()));
                expected = engine;
            }
            Err(fault) => {
                let said = ["no execution provider", provider.name(), "it needs", library, "or add \"cpu\""];
                assert!(said.iter().all(|part| fault.contains(part)), "`{fault}` does not say {said:?}");
            }
        }
    }
    assert_eq!(open(Config::default().providers).unwrap(), expected);
}
