//! The list of models, `models/registry.toml`: what each expects, answers, and how good it was measured to be.
//!
//! Comes in: the list's path and a model's name. Goes out: its [`Entry`] and its bytes, checksum verified. What does
//! not fit is refused with the reason: nothing is guessed from a file's name.

use super::{
    Class, InferenceError,
    output::{Classes, Layout, Output},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    model: Vec<Entry>,
}

/// One model of the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What the configuration calls it.
    pub name: String,
    /// Its weights, relative to the list.
    pub file: PathBuf,
    /// Checksum of the weights, 64 hexadecimal digits.
    pub sha256: String,
    /// What it is for.
    pub task: Task,
    /// Under which terms the weights may be used.
    pub licence: String,
    /// Where the rest is told, relative to the list.
    #[serde(default)]
    pub card: Option<PathBuf>,
    /// What each of the network's classes is, in order: of a network that has only ours.
    #[serde(default)]
    pub labels: Vec<Class>,
    /// Which of the network's classes are ours: of a network that has others too.
    #[serde(default)]
    pub classes: Option<Classes>,
    /// What it is fed.
    pub input: Input,
    /// What it answers.
    pub output: Output,
    /// Measured quality and speed: for people; nothing here reads it.
    #[serde(default)]
    pub quality: toml::Table,
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Boxes of people and the puck.
    Detection,
    /// Numbers on jerseys.
    Number,
}

impl Task {
    /// What the list calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Detection => "detection",
            Self::Number => "number",
        }
    }
}

/// What a model is fed: one tensor of 32-bit floats, each `(byte × scale − mean) ÷ std`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name of the tensor.
    pub name: String,
    /// Name of a second tensor that asks for the picture's width and height, two 64-bit integers; it gets the input's,
    /// so that boxes come in pixels of the input.
    #[serde(default)]
    pub sizes: Option<String>,
    /// Width it is used at, pixels.
    pub width: u32,
    /// Height it is used at, pixels.
    pub height: u32,
    /// Other widths and heights that are multiples of this work too; without it only the stated ones do.
    #[serde(default)]
    pub size_multiple: Option<u32>,
    /// Order of the tensor's sides.
    pub layout: Planes,
    /// Order of the three planes.
    pub color: Colours,
    /// Each byte is first multiplied by this.
    #[serde(default = "one")]
    pub scale: f32,
    /// Then this is subtracted, in the order of the planes.
    #[serde(default)]
    pub mean: [f32; 3],
    /// Then it is divided by this, in the order of the planes.
    #[serde(default = "ones")]
    pub std: [f32; 3],
    /// Where the scaled picture lies in the input.
    pub letterbox: Letterbox,
    /// What fills the rest, as a byte.
    pub pad: u8,
}

fn one() -> f32 {
    1.0
}

fn ones() -> [f32; 3] {
    [1.0; 3]
}

/// Order of a tensor's sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Planes {
    /// 1 × 3 × height × width.
    Nchw,
    /// 1 × height × width × 3.
    Nhwc,
}

/// Order of a pixel's three values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colours {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red, as OpenCV keeps them.
    Bgr,
}

/// How a picture is fitted into the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Letterbox {
    /// Scaled to fit without changing its shape, in the upper left corner.
    TopLeft,
    /// Scaled to fit without changing its shape, in the middle.
    Centre,
    /// Scaled to fill the input, whatever that does to its shape.
    Stretch,
}

/// A model found and verified.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Its entry.
    pub entry: Entry,
    /// Where its weights lie.
    pub path: PathBuf,
    /// Its weights.
    pub bytes: Vec<u8>,
}

impl Verified {
    /// Refuses a model for something else than `wanted`; `key` is what named it.
    pub(super) fn is_for(&self, wanted: Task, key: &'static str) -> Result<(), InferenceError> {
        let Entry { name, task, .. } = &self.entry;
        if *task == wanted {
            return Ok(());
        }
        let (found, wanted) = (task.name(), wanted.name());
        Err(InferenceError::TaskWrong { model: name.clone(), found, wanted, key })
    }

    /// Its network is of another shape than its entry says.
    pub(super) fn wrong(&self, what: &'static str, found: String, wanted: String) -> InferenceError {
        InferenceError::ShapeWrong { model: self.entry.name.clone(), what, found, wanted }
    }
}

/// Reads the list at `list` and the weights of `model` (a name, or a path to a file the list knows).
pub fn find(list: &Path, model: &str) -> Result<Verified, InferenceError> {
    let text = std::fs::read_to_string(list).map_err(|_| InferenceError::RegistryMissing { path: list.to_owned() })?;
    let entries: List = toml::from_str(&text).map_err(|fault| InferenceError::RegistryUnreadable {
        path: list.to_owned(),
        fault: fault.to_string().trim_end().to_owned(),
    })?;
    let named = Path::new(model);
    let entry = entries
        .model
        .iter()
        .find(|entry| entry.name == model || (named.is_file() && entry.file.file_name() == named.file_name()))
        .ok_or_else(|| InferenceError::ModelUnknown {
            model: model.to_owned(),
            path: list.to_owned(),
            known: entries.model.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>().join(", "),
        })?;
    check(list, entry)?;
    let path =
        if entry.name == model { list.parent().unwrap_or(Path::new(".")).join(&entry.file) } else { named.to_owned() };
    let bytes = std::fs::read(&path).map_err(|_| InferenceError::ModelMissing { path: path.clone() })?;
    let found = hexadecimal(&Sha256::digest(&bytes));
    if !found.eq_ignore_ascii_case(&entry.sha256) {
        let wanted = entry.sha256.clone();
        return Err(InferenceError::ModelChanged { path, found, wanted, bytes: bytes.len() });
    }
    Ok(Verified { entry: entry.clone(), path, bytes })
}

fn check(list: &Path, entry: &Entry) -> Result<(), InferenceError> {
    let refuse = |fault: String| {
        Err(InferenceError::RegistryUnreadable {
            path: list.to_owned(),
            fault: format!("model `{}`: {fault}", entry.name),
        })
    };
    if entry.input.std.contains(&0.0) {
        return refuse(format!("input.std {:?} divides by zero", entry.input.std));
    }
    if (entry.task == Task::Number) != (entry.output.layout == Layout::Numbers) {
        let (task, layout) = (entry.task.name(), entry.output.layout.name());
        return refuse(format!(
            "output.layout `{layout}` does not go with task `{task}` (`numbers` with `number` only)"
        ));
    }
    let classes = match (&entry.classes, entry.labels.is_empty()) {
        (None, true) if entry.task == Task::Number => Ok(()),
        (None, true) => {
            Err("no labels (at least one of skater, goalie, official, puck, or [model.classes])".to_owned())
        }
        (Some(_), false) => Err("labels beside [model.classes] (one of them)".to_owned()),
        (Some(classes), true) => classes.check(),
        (None, false) => Ok(()),
    };
    classes.and_then(|()| entry.output.check()).or_else(refuse)
}

impl Entry {
    /// How many classes the network has, and which of them are ours.
    pub fn classes(&self) -> (usize, Vec<(usize, Class)>) {
        match &self.classes {
            Some(classes) => (classes.count, classes.ours()),
            None => (self.labels.len(), self.labels.iter().copied().enumerate().collect()),
        }
    }
}

impl Input {
    /// The tensor's sides.
    pub fn shape(&self) -> [usize; 4] {
        let (width, height) = (self.width as usize, self.height as usize);
        match self.layout {
            Planes::Nchw => [1, 3, height, width],
            Planes::Nhwc => [1, height, width, 3],
        }
    }

    /// Width and height, as a second tensor gets them.
    pub fn sizes(&self) -> [i64; 2] {
        [self.width.into(), self.height.into()]
    }

    /// The same input at another size, `[0, 0]` for its own; the reason when the network cannot be fed that.
    pub fn resized(&self, [width, height]: [u32; 2]) -> Result<Self, String> {
        if [width, height] == [0, 0] || [width, height] == [self.width, self.height] {
            return Ok(self.clone());
        }
        let Some(multiple) = self.size_multiple else {
            return Err(format!("{width}×{height} (only {}×{})", self.width, self.height));
        };
        if ![width, height].iter().all(|side| (multiple..=4096).contains(side) && side % multiple == 0) {
            return Err(format!("{width}×{height} (multiples of {multiple} up to 4096)"));
        }
        Ok(Self { width, height, ..self.clone() })
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(sha256: &str, std: u32, layout: &str) -> String {
        format!(
            r#"[[model]]
            name = "a"
            file = "a.onnx"
            sha256 = "{sha256}"
            task = "detection"
            licence = "MIT"
            labels = ["skater", "puck"]
            [model.input]
            name = "pictures"
            width = 64
            height = 32
            layout = "nchw"
            color = "rgb"
            std = [1, 1, {std}]
            letterbox = "top_left"
            pad = 114
            [model.output]
            name = "boxes"
            layout = "{layout}"
            score_min = 0.3
            overlap_max = 0.6"#
        )
    }

    fn check_refused(list: &str, model: &str, parts: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.toml");
        std::fs::write(&path, list).unwrap();
        std::fs::write(folder.path().join("a.onnx"), b"weights").unwrap();
        let fault = find(&path, model).unwrap_err().to_string();
        for part in parts {
            assert!(fault.contains(part), "`{fault}` does not say `{part}`");
        }
    }

    #[test]
    fn a_whole_file_is_found_by_name_and_by_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.toml");
        let sum = hexadecimal(&Sha256::digest(b"weights"));
        std::fs::write(&path, list(&sum, 1, "rows")).unwrap();
        let weights = folder.path().join("a.onnx");
        std::fs::write(&weights, b"weights").unwrap();
        assert_eq!(find(&path, "a").unwrap().bytes, b"weights");
        assert_eq!(find(&path, &weights.to_string_lossy()).unwrap().entry.name, "a");
    }

    #[test]
    fn another_size_only_where_the_network_allows_it() {
        let text = list("", 1, "rows");
        let List { model } = toml::from_str(&text).unwrap();
        let fixed = model[0].input.clone();
        assert!(fixed.resized([960, 544]).unwrap_err().contains("only 64×32"));
        let free = Input { size_multiple: Some(32), ..fixed };
        assert_eq!(free.resized([960, 544]).unwrap().width, 960);
        assert!(free.resized([960, 540]).unwrap_err().contains("multiples of 32"));
        assert_eq!(free.resized([0, 0]).unwrap(), free);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_reason() {
        let sum = "0".repeat(64);
        check_refused(&list(&sum, 1, "rows"), "a", &["a.onnx has sha256", "cut short or changed"]);
        check_refused(&list(&sum, 1, "rows"), "b", &["no model `b`", "it has: a"]);
        check_refused(&list(&sum, 0, "rows"), "a", &["input.std", "divides by zero"]);
        check_refused(&list(&sum, 1, "corners"), "a", &["unknown variant `corners`", "rows"]);
        check_refused(&list(&sum, 1, "detr"), "a", &["model `a`: output.name `boxes`", "leave it out"]);
        let both = list(&sum, 1, "rows").replace("[model.input]", "[model.classes]\ncount = 1\n[model.input]");
        check_refused(&both, "a", &["labels beside [model.classes]"]);
        let none = list(&sum, 1, "rows").replace("[\"skater\", \"puck\"]", "[]");
        check_refused(&none, "a", &["no labels", "[model.classes]"]);
    }
}
