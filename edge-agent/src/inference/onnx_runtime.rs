//! ONNX Runtime, loaded from a library file at run time.
//!
//! Comes in: verified weights. Goes out: a [`Model`]. Never panics for want of the library: the `ort` crate would, so
//! the file is looked for and opened first. One environment a process, kept until its end.

use super::{Answer, InferenceError, Inputs, Model, config::Provider, providers, registry::Verified};
use ort::{
    environment::Environment,
    session::{Session, SessionInputValue},
    value::{Outlet, TensorElementType, TensorRef},
};
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// What the library is called.
const LIBRARY: &str = "libonnxruntime.so";

/// Where packages and installers put it.
const FOLDERS: [&str; 6] = [
    "/usr/local/lib",
    "/usr/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/opt/onnxruntime/lib",
    "/opt/rinkside/lib",
];

static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

/// The library's file: what is configured, `ORT_DYLIB_PATH`, next to this program, the system's folders.
pub fn find_library(configured: &Path) -> Result<PathBuf, InferenceError> {
    if !configured.as_os_str().is_empty() {
        return if configured.is_file() {
            Ok(configured.to_owned())
        } else {
            Err(InferenceError::LibraryUnusable { fault: format!("no file at {}", configured.display()) })
        };
    }
    let named = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()).map(PathBuf::from);
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join(LIBRARY)));
    named
        .into_iter()
        .chain(beside)
        .chain(FOLDERS.iter().map(|folder| Path::new(folder).join(LIBRARY)))
        .find(|path| path.is_file())
        .ok_or_else(|| InferenceError::LibraryUnusable {
            fault: format!("no {LIBRARY} named by ORT_DYLIB_PATH, next to this program, or in {}", FOLDERS.join(", ")),
        })
}

fn environment(library: &Path) -> Result<Environment, InferenceError> {
    let mut kept = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = &*kept {
        return Ok(environment.clone());
    }
    let unusable = |fault: String| InferenceError::LibraryUnusable { fault };
    let environment = ort::init_from(library)
        .map_err(|fault| unusable(fault.to_string()))?
        .with_name("rinkside")
        .with_telemetry(false)
        .build()
        .map_err(|fault| unusable(fault.to_string()))?;
    Ok(kept.insert(environment).clone())
}

/// A network in ONNX Runtime.
pub struct OnnxRuntime {
    session: Session,
    provider: Provider,
    shape: [usize; 4],
    inputs: Inputs,
    sizes: [i64; 2],
    outputs: Vec<usize>,
}

impl OnnxRuntime {
    /// Opens `model` with the library at `library`, on `threads` threads, on the first of `providers` that works here.
    pub fn open(
        model: &Verified,
        library: &Path,
        threads: usize,
        providers: &[Provider],
    ) -> Result<Self, InferenceError> {
        let environment = environment(library)?;
        let (session, provider) = first_working(model, &environment, threads, providers)?;
        let names: Vec<&str> = session.inputs().iter().map(Outlet::name).collect();
        let inputs = super::inputs(model, &names)?;
        let names: Vec<&str> = session.outputs().iter().map(Outlet::name).collect();
        let outputs = super::outputs(model, &names)?;
        let (shape, sizes) = (model.entry.input.shape(), model.entry.input.sizes());
        check_tensor(model, "input", &session.inputs()[inputs.picture], TensorElementType::Float32, &shape)?;
        if let Some(at) = inputs.sizes {
            check_tensor(model, "input", &session.inputs()[at], TensorElementType::Int64, &[1, 2])?;
        }
        for at in &outputs {
            check_readable(model, &session.outputs()[*at])?;
        }
        Ok(Self { session, provider, shape, inputs, sizes, outputs })
    }
}

/// A session on the first of `providers` that works here.
fn first_working(
    model: &Verified,
    environment: &Environment,
    threads: usize,
    providers: &[Provider],
) -> Result<(Session, Provider), InferenceError> {
    let mut tried = Vec::new();
    for (index, provider) in providers.iter().enumerate() {
        let mut opened = Err(String::new());
        for device in provider.devices() {
            opened = session(model, environment, threads, (*provider, device), &providers[index + 1..]);
            if opened.is_ok() {
                break;
            }
        }
        match opened {
            Ok(session) => return Ok((session, *provider)),
            Err(fault) if *provider == Provider::Cpu => {
                let (path, backend) = (model.path.clone(), "ONNX Runtime");
                return Err(InferenceError::ModelUnreadable { path, backend, fault });
            }
            Err(fault) => {
                providers::note(*provider, &fault);
                tried.push(format!("{}: {fault}; it needs {}", provider.name(), provider.cure()));
            }
        }
    }
    Err(InferenceError::ProviderMissing { tried: tried.join("; ") })
}

fn session(
    model: &Verified,
    environment: &Environment,
    threads: usize,
    (provider, device): (Provider, &str),
    others: &[Provider],
) -> Result<Session, String> {
    let said = |fault: String| fault.replace('\n', " ");
    let builder = Session::builder(environment).map_err(|fault| said(fault.to_string()))?;
    let builder = builder.with_intra_threads(threads).map_err(|fault| said(fault.to_string()))?;
    // Spinning threads take the core the decoder and the tracker run on: 16 ms became 31.
    let builder = builder.with_intra_op_spinning(false).map_err(|fault| said(fault.to_string()))?;
    let mut builder = providers::register(provider, device, others, threads, builder).map_err(said)?;
    builder.commit_from_memory(&model.bytes).map_err(|fault| said(fault.to_string()))
}

fn check_tensor(
    model: &Verified,
    what: &'static str,
    declared: &Outlet,
    element: TensorElementType,
    wanted: &[usize],
) -> Result<(), InferenceError> {
    let kind = declared.dtype();
    // -1 stands for a free side.
    let fits = kind.tensor_type() == Some(element)
        && kind.tensor_shape().is_some_and(|shape| {
            shape.len() == wanted.len()
                && shape.iter().zip(wanted).all(|(side, wanted)| *side < 0 || *side == *wanted as i64)
        });
    let named = |kind: &dyn std::fmt::Display| format!("{} {kind}", declared.name());
    if fits { Ok(()) } else { Err(model.wrong(what, named(kind), format!("{element} {wanted:?}"))) }
}

fn check_readable(model: &Verified, declared: &Outlet) -> Result<(), InferenceError> {
    let kind = declared.dtype();
    match kind.tensor_type() {
        Some(TensorElementType::Float32 | TensorElementType::Int64 | TensorElementType::Int32) => Ok(()),
        _ => Err(model.wrong("output", format!("{} {kind}", declared.name()), "a tensor of f32 (or i32, i64)".into())),
    }
}

impl Model for OnnxRuntime {
    fn infer(&mut self, input: &[f32], answers: &mut Vec<Answer>) -> Result<(), InferenceError> {
        let failed = |fault: ort::Error| InferenceError::Run { backend: "ONNX Runtime", fault: fault.to_string() };
        let picture: SessionInputValue = TensorRef::from_array_view((self.shape, input)).map_err(failed)?.into();
        let given = if self.inputs.sizes.is_none() {
            self.session.run([picture])
        } else {
            let sizes = TensorRef::from_array_view(([1_usize, 2], &self.sizes[..])).map_err(failed)?.into();
            let both = if self.inputs.picture == 0 { [picture, sizes] } else { [sizes, picture] };
            self.session.run(both)
        };
        let given = given.map_err(failed)?;
        answers.resize_with(self.outputs.len(), Answer::default);
        for (answer, index) in answers.iter_mut().zip(&self.outputs) {
            let tensor = &given[*index];
            match tensor.dtype().tensor_type() {
                Some(TensorElementType::Int64) => {
                    let (shape, values) = tensor.try_extract_tensor::<i64>().map_err(failed)?;
                    answer.fill(shape.iter().map(|side| *side as usize), values.iter().map(|value| *value as f32));
                }
                Some(TensorElementType::Int32) => {
                    let (shape, values) = tensor.try_extract_tensor::<i32>().map_err(failed)?;
                    answer.fill(shape.iter().map(|side| *side as usize), values.iter().map(|value| *value as f32));
                }
                _ => {
                    let (shape, values) = tensor.try_extract_tensor::<f32>().map_err(failed)?;
                    answer.fill(shape.iter().map(|side| *side as usize), values.iter().copied());
                }
            }
        }
        Ok(())
    }

    fn backend(&self) -> &'static str {
        "onnx_runtime"
    }

    fn provider(&self) -> Provider {
        self.provider
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_not_there_is_named() {
        let fault = find_library(Path::new("/no/such/libonnxruntime.so")).unwrap_err().to_string();
        assert!(fault.contains("no file at /no/such") && fault.contains("inference.library"), "{fault}");
    }

    #[test]
    fn a_library_that_is_none_is_a_fault_and_not_a_panic() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LIBRARY);
        std::fs::write(&path, b"not a library").unwrap();
        if let Err(fault) = environment(&path) {
            assert!(fault.to_string().contains("failed to load"), "{fault}");
        }
    }
}
