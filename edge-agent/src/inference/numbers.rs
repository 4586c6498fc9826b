//! A jersey's number, read from a person's box.
//!
//! Comes in: a BGR picture and a box in it. Goes out: a [`Reading`], or none where the box is too small or cut. The
//! network sees the upper part of the box, `0.05` to `0.65` of its height, stretched to its input, and answers how
//! likely it is that nothing can be read, then how likely each number from 0 to 99 is. A number less likely than the
//! model's `score_min` is not read: never guessed. What is wrong with the model is known when it is opened.

use super::{
    Answer, InferenceError, Model,
    config::Config,
    detector::open_model,
    fit,
    registry::{self, Task},
};
use crate::geometry::Rect;
use opencv::{
    core::{CV_8UC3, Mat, Rect as Area, Size, Vec3b},
    imgproc::{INTER_LINEAR, resize},
    prelude::*,
};

/// Where numbers are in a box, shares of its height.
const BACK: [f32; 2] = [0.05, 0.65];
/// Boxes lower than this hold digits of eight pixels: nobody reads them.
pub const HEIGHT_MIN_PX: f32 = 56.0;

/// What one look at one box says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The number, 0 to 99; `None` when it was not read.
    pub number: Option<u8>,
    /// How likely the likeliest number is, 0 to 1.
    pub score: f32,
    /// How likely it is that there is anything to read, 0 to 1.
    pub legibility: f32,
}

/// A reader, opened.
pub struct NumberReader {
    model: Box<dyn Model>,
    size: Size,
    score_min: f32,
    scaled: Mat,
    input: Vec<f32>,
    answers: Vec<Answer>,
}

impl NumberReader {
    /// Opens what `inference.numbers` names; `None` when it is empty.
    pub fn open(config: &Config) -> Result<Option<Self>, InferenceError> {
        if config.numbers.is_empty() {
            return Ok(None);
        }
        let verified = registry::find(&config.registry, &config.numbers)?;
        verified.is_for(Task::Number, "inference.numbers")?;
        let (entry, model) = (&verified.entry, open_model(config, &verified)?);
        let size = Size::new(entry.input.width as i32, entry.input.height as i32);
        let mut reader = Self {
            model,
            size,
            score_min: entry.output.score_min,
            scaled: Mat::default(),
            input: vec![114.0; 3 * size.area() as usize],
            answers: Vec::new(),
        };
        reader.model.infer(&reader.input, &mut reader.answers)?;
        fit::check(entry, &reader.answers)?;
        Ok(Some(reader))
    }

    /// What runs the network: `onnx_runtime` or `tract`.
    pub fn backend(&self) -> &'static str {
        self.model.backend()
    }

    /// Reads whoever is in `rect` of `image`.
    pub fn read(&mut self, image: &Mat, rect: &Rect) -> Result<Option<Reading>, InferenceError> {
        let (width, height) = (image.cols() as f32, image.rows() as f32);
        let clamp = |value: f32, most: f32| value.round().clamp(0.0, most) as i32;
        let (left, right) = (clamp(rect.x, width), clamp(rect.x + rect.w, width));
        let (top, bottom) = (clamp(rect.y + BACK[0] * rect.h, height), clamp(rect.y + BACK[1] * rect.h, height));
        // Written so that a NaN is too small.
        let tall = rect.h >= HEIGHT_MIN_PX;
        if !tall || right - left < 8 || bottom - top < 8 || image.typ() != CV_8UC3 {
            return Ok(None);
        }
        let back = Mat::roi(image, Area::new(left, top, right - left, bottom - top))?;
        resize(&back, &mut self.scaled, self.size, 0.0, 0.0, INTER_LINEAR)?;
        let (columns, area) = (self.size.width as usize, self.size.area() as usize);
        for row in 0..self.size.height as usize {
            let pixels = self.scaled.at_row::<Vec3b>(row as i32)?;
            for (column, pixel) in pixels.iter().enumerate() {
                // A pixel's bytes are blue, green, red; the network's planes red, green, blue.
                for plane in 0..3 {
                    self.input[plane * area + row * columns + column] = f32::from(pixel[2 - plane]);
                }
            }
        }
        self.model.infer(&self.input, &mut self.answers)?;
        Ok(Some(reading(&self.answers[0].values, self.score_min)))
    }
}

/// What an answer says; probabilities that are none say nothing.
fn reading(answer: &[f32], score_min: f32) -> Reading {
    let nothing = Reading { number: None, score: 0.0, legibility: 0.0 };
    let Some((unreadable, numbers)) = answer.split_first() else { return nothing };
    let best = numbers.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    let Some((number, &score)) = best.filter(|(_, score)| score.is_finite()) else { return nothing };
    // Also read where unreadable is likelier: score_min says how sure is sure.
    let number = (score >= score_min).then_some(number as u8);
    Reading { number, score: score.clamp(0.0, 1.0), legibility: (1.0 - unreadable).clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(unreadable: f32, number: usize, score: f32) -> Reading {
        let mut answer = [0.0; 101];
        (answer[0], answer[1 + number]) = (unreadable, score);
        reading(&answer, 0.8)
    }

    #[test]
    fn sure_is_read_and_unsure_is_not() {
        assert_eq!(answer(0.05, 14, 0.9), Reading { number: Some(14), score: 0.9, legibility: 0.95 });
        assert_eq!(answer(0.05, 0, 0.9).number, Some(0));
        assert_eq!(answer(0.3, 14, 0.6).number, None);
        assert_eq!(answer(0.98, 99, 0.01).number, None);
    }

    #[test]
    fn an_answer_that_is_none_reads_nothing() {
        assert_eq!(answer(0.0, 14, f32::NAN).number, None);
        assert_eq!(reading(&[], 0.8).number, None);
    }

    #[test]
    fn a_reader_that_is_none_is_refused_and_none_is_needed() {
        let registry = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/registry.toml");
        let open = |numbers: &str| {
            NumberReader::open(&Config { registry: registry.into(), numbers: numbers.into(), ..Config::default() })
        };
        assert!(open("").unwrap().is_none());
        let fault = |numbers| open(numbers).err().unwrap().to_string();
        assert!(fault("rink-detector").contains("is for `detection`, `inference.numbers` needs one for `number`"));
        assert!(fault("oracle").contains("no model `oracle`"));
    }
}
