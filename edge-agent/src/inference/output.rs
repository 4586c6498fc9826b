//! What a network answers: how boxes and scores lie in its tensors, and which of its classes are ours.
//!
//! Comes in: `[model.output]` and `[model.classes]` of an entry of the list. Goes out: the tensors to ask for and the
//! columns to read. An entry that contradicts itself is refused with the cure. Reads no tensor: `decode` does.

use super::Class;
use serde::{Deserialize, Serialize};

/// What a model answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// How boxes lie in the tensors.
    pub layout: Layout,
    /// Name of the tensor, of a layout of one tensor.
    #[serde(default)]
    pub name: Option<String>,
    /// Name of the boxes' tensor, of a layout of several.
    #[serde(default)]
    pub boxes: Option<String>,
    /// Name of the scores' tensor, of a layout of several.
    #[serde(default)]
    pub scores: Option<String>,
    /// Name of the class numbers' tensor, of `rt_detr`.
    #[serde(default)]
    pub labels: Option<String>,
    /// What places are counted in; without it, what the layout's exports usually do.
    #[serde(default)]
    pub unit: Option<Unit>,
    /// What is left to do to a score.
    #[serde(default)]
    pub activation: Activation,
    /// Pixels between neighbouring cells of each grid, of `yolox`; without it 8, 16 and 32.
    #[serde(default)]
    pub strides: Option<Vec<u32>>,
    /// Whether one thing may have several boxes, of which the worse must go; without it, what the layout's exports do.
    #[serde(default)]
    pub nms: Option<bool>,
    /// Boxes of a lower score are left out, 0 to 1.
    pub score_min: f32,
    /// Of two boxes that share more of their union than this, the lower score goes, 0 to 1; without boxes left out.
    #[serde(default = "one")]
    pub overlap_max: f32,
}

fn one() -> f32 {
    1.0
}

/// How boxes lie in an answer; centres are centre x, centre y, width, height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// 1 × boxes × (4 + classes): a centre box, then a score for each class.
    Rows,
    /// 1 × boxes × (5 + classes): a centre box, the score that there is anything, a score for each class.
    #[serde(alias = "yolov6", alias = "yolov7", alias = "yolox_decoded")]
    Yolov5,
    /// 1 × (4 + classes) × boxes: `rows` lying on their side.
    #[serde(alias = "yolov9", alias = "yolo11", alias = "yolo12")]
    Yolov8,
    /// As `yolov5`, but centres count from their grid cell in strides, and sizes are logarithms of strides.
    Yolox,
    /// 1 × boxes × 6: left, top, right, bottom, score, class number; doubles are gone.
    #[serde(alias = "yolov10", alias = "yolo26")]
    YoloEndToEnd,
    /// Two tensors: boxes 1 × queries × 4, centre boxes; scores 1 × queries × classes.
    Detr,
    /// Three tensors: boxes 1 × queries × 4, corners; scores 1 × queries; labels 1 × queries, class numbers.
    RtDetr,
    /// 1 × 101, no boxes: how likely it is that nothing can be read, then how likely each number from 0 to 99 is.
    Numbers,
}

/// What places are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Pixels of the input.
    Pixels,
    /// Shares of the input's width and height, 0 to 1.
    Normalised,
}

/// What is left to do to a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Nothing: it is 0 to 1.
    #[default]
    None,
    /// 1 ÷ (1 + e⁻ˢ), each by itself.
    Sigmoid,
    /// eˢ ÷ the sum of eˢ over all classes.
    Softmax,
}

/// The network's own classes, by number from 0, and which of them are ours. Others are not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Classes {
    /// How many the network has.
    pub count: usize,
    /// Those taken for skaters.
    pub skater: Vec<usize>,
    /// Those taken for goalies.
    pub goalie: Vec<usize>,
    /// Those taken for officials.
    pub official: Vec<usize>,
    /// Those taken for the puck.
    pub puck: Vec<usize>,
}

impl Layout {
    /// What the list calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Yolov5 => "yolov5",
            Self::Yolov8 => "yolov8",
            Self::Yolox => "yolox",
            Self::YoloEndToEnd => "yolo_end_to_end",
            Self::Detr => "detr",
            Self::RtDetr => "rt_detr",
            Self::Numbers => "numbers",
        }
    }

    /// Whether each box comes with one score and a class number instead of a score for each class.
    pub fn is_numbered(self) -> bool {
        matches!(self, Self::YoloEndToEnd | Self::RtDetr)
    }

    /// The keys that name its tensors, in the order they are answered.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Detr => &["boxes", "scores"],
            Self::RtDetr => &["boxes", "scores", "labels"],
            _ => &["name"],
        }
    }
}

impl Output {
    /// Names of the tensors to answer with, in the order `decode` reads them.
    pub fn tensors(&self) -> Vec<&str> {
        [&self.name, &self.boxes, &self.scores, &self.labels].into_iter().flatten().map(String::as_str).collect()
    }

    /// What places are counted in.
    pub fn unit(&self) -> Unit {
        self.unit.unwrap_or(if self.layout == Layout::Detr { Unit::Normalised } else { Unit::Pixels })
    }

    /// Whether doubles must be removed.
    pub fn nms(&self) -> bool {
        self.nms.unwrap_or(!matches!(self.layout, Layout::YoloEndToEnd | Layout::Detr | Layout::RtDetr))
    }

    /// Pixels between neighbouring cells of each grid, of `yolox`.
    pub fn strides(&self) -> &[u32] {
        self.strides.as_deref().unwrap_or(&[8, 16, 32])
    }

    /// What contradicts itself, and the cure.
    pub fn check(&self) -> Result<(), String> {
        let (layout, keys) = (self.layout.name(), self.layout.keys());
        let given = [("name", &self.name), ("boxes", &self.boxes), ("scores", &self.scores), ("labels", &self.labels)];
        for (key, name) in given {
            match (keys.contains(&key), name) {
                (true, None) => {
                    return Err(format!(
                        "no output.{key} (`{layout}` needs the names of its tensors: {})",
                        keys.join(", ")
                    ));
                }
                (false, Some(name)) => {
                    return Err(format!("output.{key} `{name}` (`{layout}` has: {}; leave it out)", keys.join(", ")));
                }
                _ => {}
            }
        }
        if self.layout.is_numbered() && self.activation != Activation::None {
            return Err(format!("output.activation (scores of `{layout}` are 0 to 1; leave it out)"));
        }
        if self.strides.is_some() && self.layout != Layout::Yolox {
            return Err(format!("output.strides (`{layout}` has none; only `yolox` has)"));
        }
        if self.strides().is_empty() || self.strides().contains(&0) {
            return Err(format!("output.strides {:?} (pixels, such as [8, 16, 32])", self.strides()));
        }
        for (key, share) in [("score_min", self.score_min), ("overlap_max", self.overlap_max)] {
            if !(0.0..=1.0).contains(&share) {
                return Err(format!("output.{key} {share} (0 to 1)"));
            }
        }
        Ok(())
    }
}

impl Classes {
    /// Number and meaning of those that are ours, in order of number.
    pub fn ours(&self) -> Vec<(usize, Class)> {
        let of = |numbers: &[usize], class| numbers.iter().map(move |number| (*number, class)).collect::<Vec<_>>();
        let mut ours = of(&self.skater, Class::Skater);
        ours.extend(of(&self.goalie, Class::Goalie));
        ours.extend(of(&self.official, Class::Official));
        ours.extend(of(&self.puck, Class::Puck));
        ours.sort_unstable_by_key(|(number, _)| *number);
        ours
    }

    /// What contradicts itself, and the cure.
    pub fn check(&self) -> Result<(), String> {
        let ours = self.ours();
        if ours.is_empty() {
            return Err("classes: none is ours (give numbers to skater, goalie, official or puck)".to_owned());
        }
        if let Some((number, _)) = ours.iter().find(|(number, _)| *number >= self.count) {
            return Err(format!("classes: number {number} of {} classes (0 to {})", self.count, self.count.max(1) - 1));
        }
        if let Some(pair) = ours.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(format!("classes: number {} stands twice (once)", pair[0].0));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_output(text: &str, expected: &[&str]) {
        let output: Output = toml::from_str(&format!("score_min = 0.3\noverlap_max = 0.6\n{text}")).unwrap();
        let fault = output.check().err().unwrap_or_default();
        assert!(expected.iter().all(|part| fault.contains(part)), "`{fault}` does not say {expected:?}");
        assert_eq!(fault.is_empty(), expected.is_empty(), "{fault}");
    }

    #[test]
    fn an_output_names_the_tensors_its_layout_has() {
        check_output("layout = \"yolo11\"\nname = \"output0\"", &[]);
        check_output("layout = \"rt_detr\"\nboxes = \"b\"\nscores = \"s\"\nlabels = \"l\"", &[]);
        check_output("layout = \"detr\"\nname = \"boxes\"", &["output.name `boxes`", "`detr` has: boxes, scores"]);
        check_output(
            "layout = \"rt_detr\"\nboxes = \"b\"\nscores = \"s\"",
            &["no output.labels", "boxes, scores, labels"],
        );
        check_output("layout = \"yolov8\"", &["no output.name", "yolov8"]);
    }

    #[test]
    fn an_output_says_nothing_its_layout_has_not() {
        check_output("layout = \"yolov8\"\nname = \"o\"\nstrides = [8]", &["output.strides", "only `yolox`"]);
        check_output("layout = \"yolox\"\nname = \"o\"\nstrides = [8, 0]", &["output.strides [8, 0]"]);
        check_output("layout = \"yolov10\"\nname = \"o\"\nactivation = \"sigmoid\"", &["output.activation", "0 to 1"]);
    }

    fn check_classes(text: &str, expected: &str) {
        let fault = toml::from_str::<Classes>(text).unwrap().check().err().unwrap_or_default();
        assert!(fault.contains(expected) && fault.is_empty() == expected.is_empty(), "`{fault}`, not `{expected}`");
    }

    #[test]
    fn classes_are_of_the_network_and_each_once() {
        check_classes("count = 80\nskater = [0]\npuck = [32]", "");
        check_classes("count = 80", "none is ours");
        check_classes("count = 80\npuck = [80]", "number 80 of 80 classes (0 to 79)");
        check_classes("count = 80\npuck = [0]\nskater = [0]", "number 0 stands twice");
    }
}
