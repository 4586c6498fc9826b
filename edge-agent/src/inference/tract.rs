//! tract: the network run by Rust alone, for boxes without ONNX Runtime. Some four times slower, nothing to install.
//!
//! Comes in: verified weights. Goes out: a [`Model`] whose answers are ONNX Runtime's within rounding.

use super::{Answer, InferenceError, Model, config::Provider, registry::Verified};
use std::sync::Arc;
use tract_onnx::{
    prelude::*,
    tract_hir::infer::{DimFact, Factoid},
};

/// A network in tract.
pub struct Tract {
    plan: Arc<TypedRunnableModel>,
    shape: [usize; 4],
    /// Where the tensor of sizes stands among the inputs, and what it gets.
    sizes: Option<(usize, Tensor)>,
    /// Which of the network's outputs are the entry's.
    outputs: Vec<usize>,
}

impl Tract {
    /// Opens `model` at its entry's input size.
    pub fn open(model: &Verified) -> Result<Self, InferenceError> {
        let unreadable = |fault: TractError| InferenceError::ModelUnreadable {
            path: model.path.clone(),
            backend: "tract",
            // The chain of causes, on one line.
            fault: format!("{fault:#}").replace('\n', " "),
        };
        let graph = tract_onnx::onnx().model_for_read(&mut model.bytes.as_slice()).map_err(unreadable)?;
        let outlets = graph.input_outlets().map_err(unreadable)?;
        let inputs: Vec<&str> = outlets.iter().map(|outlet| graph.node(outlet.node).name.as_str()).collect();
        let outlets = graph.output_outlets().map_err(unreadable)?;
        let answered: Vec<&str> = outlets.iter().map(|outlet| graph.outlet_label(*outlet).unwrap_or("")).collect();
        let (places, outputs) = (super::inputs(model, &inputs)?, super::outputs(model, &answered)?);
        let shape = model.entry.input.shape();
        check_input(model, graph.input_fact(places.picture).map_err(unreadable)?, shape)?;
        let open = |graph: InferenceModel| -> TractResult<Arc<TypedRunnableModel>> {
            let mut graph = graph.with_input_fact(places.picture, f32::fact(shape).into())?;
            if let Some(sizes) = places.sizes {
                graph = graph.with_input_fact(sizes, i64::fact([1, 2]).into())?;
            }
            graph.into_optimized()?.into_runnable()
        };
        let sizes = places.sizes.map(|at| (at, tensor2(&[model.entry.input.sizes()])));
        let plan = open(graph).map_err(unreadable)?;
        Ok(Self { plan, shape, sizes, outputs })
    }
}

fn check_input(model: &Verified, declared: &InferenceFact, wanted: [usize; 4]) -> Result<(), InferenceError> {
    let side = |side: &DimFact| side.concretize().and_then(|side| side.to_i64().ok());
    let sides: Vec<Option<i64>> = declared.shape.dims().map(side).collect();
    // Without a number a side is free.
    let fits = declared.datum_type.concretize().is_none_or(|kind| kind == f32::datum_type())
        && (declared.shape.is_open() || sides.len() == wanted.len())
        && sides.iter().zip(wanted).all(|(side, wanted)| side.is_none_or(|side| side == wanted as i64));
    let found = || format!("{} {}", model.entry.input.name, format!("{declared:?}").to_lowercase());
    if fits { Ok(()) } else { Err(model.wrong("input", found(), format!("f32 {wanted:?}"))) }
}

impl Model for Tract {
    fn infer(&mut self, input: &[f32], answers: &mut Vec<Answer>) -> Result<(), InferenceError> {
        let failed = |fault: TractError| InferenceError::Run { backend: "tract", fault: format!("{fault:#}") };
        let mut inputs: TVec<TValue> = tvec!(Tensor::from_shape(&self.shape, input).map_err(failed)?.into());
        if let Some((at, sizes)) = &self.sizes {
            inputs.insert(*at, sizes.clone().into());
        }
        let given = self.plan.run(inputs).map_err(failed)?;
        answers.resize_with(self.outputs.len(), Answer::default);
        for (answer, index) in answers.iter_mut().zip(&self.outputs) {
            let floats = given[*index].cast_to::<f32>().map_err(failed)?;
            let view = floats.to_plain_array_view::<f32>().map_err(failed)?;
            answer.fill(view.shape().iter().copied(), view.iter().copied());
        }
        Ok(())
    }

    fn backend(&self) -> &'static str {
        "tract"
    }

    fn provider(&self) -> Provider {
        Provider::Cpu
    }
}
