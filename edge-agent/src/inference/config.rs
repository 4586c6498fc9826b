//! `[inference]`: which network finds people and the puck, and who runs it.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A network takes some 60 MB: more than four at once only on request.
const WORKERS_BY_ITSELF_MAX: usize = 4;

/// Who reads numbers when nothing else is said.
const NUMBERS: &str = "number-reader";

/// How detections are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The list of models.
    pub registry: PathBuf,
    /// Name of a model in the list, or its file.
    pub model: String,
    /// Name of the model that reads numbers on jerseys; empty reads none.
    pub numbers: String,
    /// Who runs it.
    pub backend: Backend,
    /// ONNX Runtime's library; empty looks at `ORT_DYLIB_PATH`, next to this program, and in the system's folders.
    pub library: PathBuf,
    /// What ONNX Runtime runs it on: the first of these that works here.
    pub providers: Vec<Provider>,
    /// Threads of one run, 1 to 64.
    pub threads: usize,
    /// Frames looked at at the same time, each by a network of its own; 0 for one a core, at most four.
    pub workers: usize,
    /// Width and height the network is fed, pixels; `[0, 0]` for its own. Bigger finds smaller players and costs in
    /// proportion.
    pub input_px: [u32; 2],
    /// Boxes of a lower score are left out, 0 to 1; without it, what the model's entry says.
    pub score_min: Option<f32>,
    /// Of two people's boxes that share more of their union than this, the lower score goes, 0 to 1; without it, what
    /// the model's entry says.
    pub overlap_max: Option<f32>,
    /// Look at the whole picture.
    pub whole: bool,
    /// Columns and rows of tiles looked at besides, for far and small players; `[0, 0]` for none.
    pub tiles: [u32; 2],
    /// How far neighbouring tiles overlap, share of a tile, 0 to 0.5: a player is whole in at least one.
    pub tile_overlap: f32,
    /// People found lower than this, pixels of the network's input, are looked at again in tiles that enlarge them, in
    /// the same picture, 0 to 200; 0 never looks again. For pictures by themselves: a live camera has no time for it.
    pub closer_px: u32,
    /// Parts of a tile's size looked at in one frame, 0 to 64: where people are, where something moves, and the rest of
    /// the ice in turn; 0 looks at all tiles every time.
    pub looks: u32,
    /// Every how many frames the network looks; tracks glide in between, 1 to 10.
    pub every_nth: u32,
}

/// Who runs a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// ONNX Runtime when its library is found, tract otherwise.
    #[default]
    Auto,
    /// ONNX Runtime, or a fault.
    OnnxRuntime,
    /// tract: slower, nothing to install.
    Tract,
}

/// What ONNX Runtime runs a network on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// An NVIDIA graphics processor through `TensorRT`: the fastest, and minutes slower to start.
    Tensorrt,
    /// An NVIDIA graphics processor through CUDA.
    Cuda,
    /// An Intel graphics processor through `OpenVINO`.
    Openvino,
    /// The processor.
    Cpu,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            registry: "models/registry.toml".into(),
            model: "rink-detector".into(),
            numbers: NUMBERS.into(),
            backend: Backend::Auto,
            library: PathBuf::new(),
            providers: vec![Provider::Tensorrt, Provider::Cuda, Provider::Openvino, Provider::Cpu],
            threads: 1,
            workers: 0,
            input_px: [0, 0],
            score_min: None,
            overlap_max: None,
            whole: true,
            tiles: [0, 0],
            tile_overlap: 0.15,
            closer_px: 0,
            looks: 0,
            every_nth: 1,
        }
    }
}

impl Config {
    /// Frames looked at at the same time on this machine.
    pub fn workers(&self) -> usize {
        if self.workers > 0 {
            return self.workers;
        }
        std::thread::available_parallelism().map_or(1, |cores| cores.get().min(WORKERS_BY_ITSELF_MAX))
    }

    /// Everything that cannot be right, each with the value allowed.
    pub fn faults(&self) -> Vec<String> {
        let mut before = self.providers.iter().enumerate().map(|(at, provider)| (&self.providers[..at], provider));
        let share = |value: Option<f32>| value.is_none_or(|value| (0.0..=1.0).contains(&value));
        [
            (
                !self.providers.is_empty(),
                "inference.providers: [] (at least one of tensorrt, cuda, openvino, cpu)".to_owned(),
            ),
            (
                before.all(|(before, provider)| !before.contains(provider) && !before.contains(&Provider::Cpu)),
                "inference.providers: each once, and none after cpu, which always works".to_owned(),
            ),
            ((1..=64).contains(&self.threads), format!("inference.threads: {} (1 to 64)", self.threads)),
            (self.workers <= 16, format!("inference.workers: {} (0 to 16)", self.workers)),
            (share(self.score_min), format!("inference.score_min: {:?} (0 to 1)", self.score_min)),
            (share(self.overlap_max), format!("inference.overlap_max: {:?} (0 to 1)", self.overlap_max)),
            (self.tiles.iter().all(|n| *n <= 8), format!("inference.tiles: {:?} (0 to 8 each)", self.tiles)),
            (
                (0.0..=0.5).contains(&self.tile_overlap),
                format!("inference.tile_overlap: {} (0 to 0.5)", self.tile_overlap),
            ),
            (self.closer_px <= 200, format!("inference.closer_px: {} (0 to 200)", self.closer_px)),
            (self.looks <= 64, format!("inference.looks: {} (0 to 64)", self.looks)),
            (
                self.looks == 0 || self.tiles[0] * self.tiles[1] > 0,
                "inference.looks: there are no tiles to choose from (set inference.tiles, or looks to 0)".to_owned(),
            ),
            ((1..=10).contains(&self.every_nth), format!("inference.every_nth: {} (1 to 10)", self.every_nth)),
            (
                self.whole || self.tiles[0] * self.tiles[1] > 0,
                "inference.whole: false without tiles looks at nothing (true, or tiles of at least [1, 1])".to_owned(),
            ),
        ]
        .into_iter()
        .filter_map(|(right, fault)| (!right).then_some(fault))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ships_has_no_faults_and_faults_are_all_said() {
        assert!(Config::default().faults().is_empty());
        let wrong: Config = toml::from_str("threads = 0\nscore_min = 1.5\nwhole = false").unwrap();
        assert_eq!(wrong.faults().len(), 3, "{:?}", wrong.faults());
    }

    #[test]
    fn execution_providers_are_known_each_once_and_cpu_last() {
        let faults = |list: &str| match toml::from_str::<Config>(&format!("providers = {list}")) {
            Ok(config) => config.faults().join("; "),
            Err(fault) => fault.to_string(),
        };
        assert_eq!(faults("[\"cuda\", \"cpu\"]"), "");
        let unknown = faults("[\"gpu\", \"cpu\"]");
        assert!(unknown.contains("`gpu`") && unknown.contains("`tensorrt`, `cuda`, `openvino`, `cpu`"), "{unknown}");
        assert!(faults("[]").contains("at least one of tensorrt, cuda, openvino, cpu"));
        assert!(faults("[\"cuda\", \"cuda\"]").contains("each once"));
        assert!(faults("[\"cpu\", \"cuda\"]").contains("none after cpu"));
    }
}
