//! What ONNX Runtime runs a network on: a graphics processor through `TensorRT`, CUDA or `OpenVINO`, or the processor (plain, or through
//! `OpenVINO`).
//!
//! Comes in: a session being built and the provider to register. Goes out: the session's builder, or why this machine
//! has no such provider, and what to install for it. Which providers there are, the loaded library decides; nothing
//! of theirs is linked here.

use super::config::Provider;
use ort::{
    ep::{CUDA, ExecutionProvider, ExecutionProviderDispatch, OpenVINO, TensorRT},
    session::builder::SessionBuilder,
};
use std::sync::{Mutex, PoisonError};

impl Provider {
    /// As in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tensorrt => "tensorrt",
            Self::Cuda => "cuda",
            Self::Openvino => "openvino",
            Self::Cpu => "cpu",
        }
    }

    /// The devices it is asked for, in this order.
    pub fn devices(self) -> &'static [&'static str] {
        match self {
            // Without a graphics processor it is still the faster way to run on Intel's: eight bits most of all.
            Self::Openvino => &["GPU", "CPU"],
            Self::Tensorrt | Self::Cuda | Self::Cpu => &[""],
        }
    }

    /// What a machine needs for it.
    pub fn cure(self) -> &'static str {
        match self {
            Self::Tensorrt => {
                "NVIDIA's driver, and TensorRT, CUDA and cuDNN of the versions ONNX Runtime names, and its GPU build \
                 (libonnxruntime_providers_tensorrt.so beside libonnxruntime.so)"
            }
            Self::Cuda => {
                "NVIDIA's driver, and CUDA and cuDNN of the versions ONNX Runtime names, and its GPU build \
                 (libonnxruntime_providers_cuda.so beside libonnxruntime.so)"
            }
            Self::Openvino => {
                "ONNX Runtime's OpenVINO build (libonnxruntime_providers_openvino.so beside libonnxruntime.so), and Intel's \
                 graphics driver where there is a graphics processor"
            }
            Self::Cpu => "nothing",
        }
    }
}

/// Registers `provider` on its `device`, or says why this machine has none such. `others` are listed after it.
pub fn register(
    provider: Provider,
    device: &str,
    others: &[Provider],
    threads: usize,
    builder: SessionBuilder,
) -> Result<SessionBuilder, String> {
    let chosen = match provider {
        Provider::Cpu => return Ok(builder),
        Provider::Tensorrt if others.contains(&Provider::Cuda) => {
            // What `TensorRT` has no kernel for, CUDA runs without a copy to the processor and back.
            vec![built_in::<TensorRT>()?.error_on_failure(), CUDA::default().build()]
        }
        Provider::Tensorrt => vec![built_in::<TensorRT>()?.error_on_failure()],
        Provider::Cuda => vec![built_in::<CUDA>()?.error_on_failure()],
        Provider::Openvino => {
            built_in::<OpenVINO>()?;
            let chosen = OpenVINO::default().with_device_type(device).with_num_threads(threads);
            vec![chosen.with_num_streams(1).build().error_on_failure()]
        }
    };
    builder.with_execution_providers(chosen).map_err(|fault| fault.to_string())
}

/// The provider as it comes, when the library was built with it.
fn built_in<P: ExecutionProvider + Default + Into<ExecutionProviderDispatch>>()
-> Result<ExecutionProviderDispatch, String> {
    match P::is_available() {
        Ok(true) => Ok(P::default().into()),
        Ok(false) => Err("this libonnxruntime.so was built without it".to_owned()),
        Err(fault) => Err(fault.to_string()),
    }
}

/// Says once a process that `provider` cannot be used: every worker finds the same.
pub fn note(provider: Provider, reason: &str) {
    static NOTED: Mutex<Vec<Provider>> = Mutex::new(Vec::new());
    let mut noted = NOTED.lock().unwrap_or_else(PoisonError::into_inner);
    if !noted.contains(&provider) {
        noted.push(provider);
        tracing::info!(target: "inference", provider = provider.name(), reason, "execution provider not used");
    }
}
