//! tract: the network run by Rust alone, for boxes without ONNX Runtime. Some four times slower, nothing to install.
//!
//! Comes in: verified weights. Goes out: a [`Model`] whose answers are ONNX Runtime's within rounding.

use super::{InferenceError, Model, registry::Verified};
use std::sync::Arc;
use tract_onnx::prelude::*;

/// A network in tract.
pub struct Tract {
    plan: Arc<TypedRunnableModel>,
    shape: [usize; 4],
}

impl Tract {
    /// Opens `model` at its entry's input size.
    pub fn open(model: &Verified) -> Result<Self, InferenceError> {
        let input = &model.entry.input;
        let shape = [1, 3, input.height as usize, input.width as usize];
        let open = || -> TractResult<Arc<TypedRunnableModel>> {
            let graph = tract_onnx::onnx().model_for_read(&mut model.bytes.as_slice())?;
            graph.with_input_fact(0, f32::fact(shape).into())?.into_optimized()?.into_runnable()
        };
        let plan = open().map_err(|fault| InferenceError::ModelUnreadable {
            path: model.path.clone(),
            backend: "tract",
            // The chain of causes, on one line.
            fault: format!("{fault:#}").replace('\n', " "),
        })?;
        Ok(Self { plan, shape })
    }
}

impl Model for Tract {
    fn infer(&mut self, input: &[f32], output: &mut Vec<f32>) -> Result<[usize; 2], InferenceError> {
        let failed = |fault: TractError| InferenceError::Run { backend: "tract", fault: format!("{fault:#}") };
        let tensor = Tensor::from_shape(&self.shape, input).map_err(failed)?;
        let answers = self.plan.run(tvec!(tensor.into())).map_err(failed)?;
        let answer = answers[0].to_plain_array_view::<f32>().map_err(failed)?;
        output.clear();
        output.extend(answer.iter());
        Ok(super::rows_and_values(answer.shape()))
    }

    fn backend(&self) -> &'static str {
        "tract"
    }
}
