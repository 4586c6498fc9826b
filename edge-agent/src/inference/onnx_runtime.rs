//! ONNX Runtime, loaded from a library file at run time.
//!
//! Comes in: verified weights. Goes out: a [`Model`]. Never panics for want of the library: the `ort` crate would, so
//! the file is looked for and opened first. One environment a process, kept until its end.

use super::{InferenceError, Model, registry::Verified};
use ort::{environment::Environment, session::Session, value::TensorRef};
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
    shape: [usize; 4],
}

impl OnnxRuntime {
    /// Opens `model` with the library at `library` on `threads` threads.
    pub fn open(model: &Verified, library: &Path, threads: usize) -> Result<Self, InferenceError> {
        let environment = environment(library)?;
        let unreadable = |fault: String| InferenceError::ModelUnreadable {
            path: model.path.clone(),
            backend: "ONNX Runtime",
            fault: fault.replace('\n', " "),
        };
        let builder = Session::builder(&environment).map_err(|fault| unreadable(fault.to_string()))?;
        let builder = builder.with_intra_threads(threads).map_err(|fault| unreadable(fault.to_string()))?;
        // Spinning threads take the core the decoder and the tracker run on: 16 ms became 31.
        let mut builder = builder.with_intra_op_spinning(false).map_err(|fault| unreadable(fault.to_string()))?;
        let session = builder.commit_from_memory(&model.bytes).map_err(|fault| unreadable(fault.to_string()))?;
        let input = &model.entry.input;
        let shape = [1, 3, input.height as usize, input.width as usize];
        check_names(model, &session)?;
        check_shape(model, &session, shape)?;
        Ok(Self { session, shape })
    }
}

fn check_names(model: &Verified, session: &Session) -> Result<(), InferenceError> {
    let wrong = |what, found: Vec<&str>, wanted: &str| InferenceError::ShapeWrong {
        model: model.entry.name.clone(),
        what,
        found: found.join(", "),
        wanted: wanted.to_owned(),
    };
    let inputs: Vec<&str> = session.inputs().iter().map(ort::value::Outlet::name).collect();
    if inputs != [model.entry.input.name.as_str()] {
        return Err(wrong("input", inputs, &model.entry.input.name));
    }
    let outputs: Vec<&str> = session.outputs().iter().map(ort::value::Outlet::name).collect();
    if !outputs.contains(&model.entry.output.name.as_str()) {
        return Err(wrong("output", outputs, &model.entry.output.name));
    }
    Ok(())
}

fn check_shape(model: &Verified, session: &Session, wanted: [usize; 4]) -> Result<(), InferenceError> {
    let declared = session.inputs()[0].dtype();
    // -1 stands for a free side.
    let fits = declared.tensor_shape().is_some_and(|shape| {
        shape.len() == 4 && shape.iter().zip(wanted).all(|(side, wanted)| *side < 0 || *side == wanted as i64)
    });
    if fits {
        return Ok(());
    }
    Err(InferenceError::ShapeWrong {
        model: model.entry.name.clone(),
        what: "input",
        found: declared.to_string(),
        wanted: format!("{wanted:?}"),
    })
}

impl Model for OnnxRuntime {
    fn infer(&mut self, input: &[f32], output: &mut Vec<f32>) -> Result<[usize; 2], InferenceError> {
        let failed = |fault: ort::Error| InferenceError::Run { backend: "ONNX Runtime", fault: fault.to_string() };
        let tensor = TensorRef::from_array_view((self.shape, input)).map_err(failed)?;
        let answers = self.session.run(ort::inputs![tensor]).map_err(failed)?;
        let (shape, values) = answers[0].try_extract_tensor::<f32>().map_err(failed)?;
        output.clear();
        output.extend_from_slice(values);
        Ok(super::rows_and_values(&shape.iter().map(|side| *side as usize).collect::<Vec<_>>()))
    }

    fn backend(&self) -> &'static str {
        "onnx_runtime"
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
