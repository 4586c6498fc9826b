//! A part of a picture to a network's input: scaled to fit, padded, planes of floats.
//!
//! Comes in: 8-bit BGR and the part to look at. Goes out: the tensor and a [`View`] that takes boxes back to the
//! picture. Allocates only when the first picture comes.

use super::{
    InferenceError,
    registry::{Colours, Input},
};
use crate::geometry::Rect;
use opencv::{
    core::{Mat, Rect as Area, Size},
    imgproc::{INTER_AREA, INTER_LINEAR, resize},
    prelude::*,
};

/// How a network's input lies in the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// Left and top of the part, pixels of the picture.
    pub origin: [f32; 2],
    /// Width and height of the part, pixels of the picture.
    pub size: [f32; 2],
    /// Input pixels for each picture pixel.
    pub scale: f32,
}

impl View {
    /// A box of the input, as centre and size, in pixels of the picture, cut at the part's edges.
    pub fn to_picture(&self, [cx, cy, w, h]: [f32; 4]) -> Rect {
        let side = |centre: f32, length: f32, axis: usize| {
            let from = ((centre - length * 0.5) / self.scale).clamp(0.0, self.size[axis]);
            let to = ((centre + length * 0.5) / self.scale).clamp(0.0, self.size[axis]);
            (self.origin[axis] + from, to - from)
        };
        let ((x, w), (y, h)) = (side(cx, w, 0), side(cy, h, 1));
        Rect { x, y, w, h }
    }
}

/// Makes inputs of one size.
pub struct Preparer {
    size: Size,
    pad: usize,
    scaled: Mat,
    tensor: Vec<f32>,
    /// For each plane of the input: which byte of a pixel, and the float for each value of it.
    planes: [(usize, [f32; 256]); 3],
}

impl Preparer {
    /// For networks fed as `input` says.
    pub fn new(input: &Input) -> Self {
        let size = Size::new(input.width as i32, input.height as i32);
        // A pixel's bytes are blue, green, red.
        let bytes = match input.color {
            Colours::Rgb => [2, 1, 0],
            Colours::Bgr => [0, 1, 2],
        };
        let planes = std::array::from_fn(|plane| {
            let value = |byte: usize| (byte as f32 * input.scale - input.mean[plane]) / input.std[plane];
            (bytes[plane], std::array::from_fn(value))
        });
        Self {
            size,
            pad: usize::from(input.pad),
            scaled: Mat::default(),
            tensor: vec![0.0; 3 * size.area() as usize],
            planes,
        }
    }

    /// The input for `part` of `image`.
    pub fn prepare(&mut self, image: &Mat, part: Area) -> Result<(&[f32], View), InferenceError> {
        let scale = (self.size.width as f32 / part.width as f32).min(self.size.height as f32 / part.height as f32);
        let fit = |length: i32, most: i32| ((length as f32 * scale).round() as i32).clamp(1, most);
        let fitted = Size::new(fit(part.width, self.size.width), fit(part.height, self.size.height));
        let (part, fitted) = whole_steps(part, fitted, scale);
        let region = Mat::roi(image, part)?;
        // Shrinking by area keeps far players from flickering between pixels; enlarging has nothing to average.
        let method = if scale < 0.6 { INTER_AREA } else { INTER_LINEAR };
        resize(&region, &mut self.scaled, fitted, 0.0, 0.0, method)?;
        self.fill(fitted)?;
        let view =
            View { origin: [part.x as f32, part.y as f32], size: [part.width as f32, part.height as f32], scale };
        Ok((&self.tensor, view))
    }

    fn fill(&mut self, fitted: Size) -> Result<(), InferenceError> {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let filled = fitted.width as usize;
        for (plane, (channel, table)) in self.tensor.chunks_exact_mut(width * height).zip(&self.planes) {
            for (row, floats) in plane.chunks_exact_mut(width).enumerate() {
                if row >= fitted.height as usize {
                    floats.fill(table[self.pad]);
                    continue;
                }
                let bytes = self.scaled.at_row::<opencv::core::Vec3b>(row as i32)?;
                for (float, pixel) in floats[..filled].iter_mut().zip(bytes) {
                    *float = table[usize::from(pixel[*channel])];
                }
                floats[filled..].fill(table[self.pad]);
            }
        }
        Ok(())
    }
}

/// The part and its fitted size, less the last rows and columns where that makes the ratio whole: OpenCV averages
/// blocks of whole pixels five times faster than parts of pixels, and 1080p to 640 is a third.
fn whole_steps(part: Area, fitted: Size, scale: f32) -> (Area, Size) {
    let step = (1.0 / scale).round() as i32;
    if step < 2 || (1.0 / scale - step as f32).abs() > 1e-4 {
        return (part, fitted);
    }
    let kept = Size::new((part.width / step).max(1), (part.height / step).max(1));
    (Area::new(part.x, part.y, kept.width * step, kept.height * step), kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::registry::{Letterbox, Planes};
    use opencv::core::{CV_8UC3, Scalar};

    fn input(color: Colours) -> Input {
        let (mean, std) = ([0.0, 10.0, 20.0], [1.0, 2.0, 4.0]);
        let (layout, letterbox) = (Planes::Nchw, Letterbox::TopLeft);
        let (width, height, scale, pad) = (64, 32, 1.0, 114);
        Input { name: "x".into(), width, height, size_multiple: None, layout, color, scale, mean, std, letterbox, pad }
    }

    #[test]
    fn planes_are_in_order_and_padding_is_grey() {
        let image = Mat::new_rows_cols_with_default(100, 100, CV_8UC3, Scalar::new(20.0, 30.0, 40.0, 0.0)).unwrap();
        let mut preparer = Preparer::new(&input(Colours::Rgb));
        let (tensor, view) = preparer.prepare(&image, Area::new(0, 0, 100, 100)).unwrap();
        assert_eq!([tensor[0], tensor[64 * 32], tensor[2 * 64 * 32]], [40.0, 10.0, 0.0]);
        assert_eq!(tensor[63], 114.0, "a square picture in a wide input leaves its right half grey");
        assert!((view.scale - 0.32).abs() < 1e-6);
    }

    #[test]
    fn a_third_is_a_third_in_both_directions() {
        let (part, fitted) = whole_steps(Area::new(0, 0, 1920, 1088), Size::new(640, 363), 1.0 / 3.0);
        assert_eq!((part.width, part.height, fitted.width, fitted.height), (1920, 1086, 640, 362));
        let (part, fitted) = whole_steps(Area::new(0, 0, 1280, 720), Size::new(640, 360), 0.5);
        assert_eq!((part.height, fitted.height), (720, 360));
        let (part, fitted) = whole_steps(Area::new(0, 0, 1000, 500), Size::new(640, 320), 0.64);
        assert_eq!((part.height, fitted.height), (500, 320));
    }

    #[test]
    fn boxes_come_back_to_the_picture_and_stay_in_their_part() {
        let view = View { origin: [100.0, 50.0], size: [200.0, 100.0], scale: 0.5 };
        assert_eq!(view.to_picture([20.0, 10.0, 10.0, 10.0]), Rect { x: 130.0, y: 60.0, w: 20.0, h: 20.0 });
        assert_eq!(view.to_picture([0.0, 50.0, 20.0, 20.0]), Rect { x: 100.0, y: 130.0, w: 20.0, h: 20.0 });
    }
}
