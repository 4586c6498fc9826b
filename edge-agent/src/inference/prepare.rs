//! A part of a picture to a network's input: scaled to fit, padded, floats in the network's order.
//!
//! Comes in: 8-bit BGR and the part to look at. Goes out: the tensor and a [`View`] that takes boxes back to the
//! picture. Allocates only when the first picture comes.

use super::{
    InferenceError,
    registry::{Colours, Input, Letterbox, Planes},
};
use crate::geometry::Rect;
use opencv::{
    core::{Mat, Point, Rect as Area, Size, Vec3b},
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
    /// Input pixels for each picture pixel, across and down.
    pub scale: [f32; 2],
    /// Left and top of the scaled part, pixels of the input.
    pub pad: [f32; 2],
}

impl View {
    /// A box of the input, as centre and size, in pixels of the picture, cut at the part's edges.
    pub fn to_picture(&self, [cx, cy, w, h]: [f32; 4]) -> Rect {
        let side = |centre: f32, length: f32, axis: usize| {
            let place = |at: f32| ((at - self.pad[axis]) / self.scale[axis]).clamp(0.0, self.size[axis]);
            let (from, to) = (place(centre - length * 0.5), place(centre + length * 0.5));
            (self.origin[axis] + from, to - from)
        };
        let ((x, w), (y, h)) = (side(cx, w, 0), side(cy, h, 1));
        Rect { x, y, w, h }
    }
}

/// Makes inputs of one size.
pub struct Preparer {
    size: Size,
    layout: Planes,
    letterbox: Letterbox,
    pad: usize,
    /// The part halved once, twice and so on.
    halves: Vec<Mat>,
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
            layout: input.layout,
            letterbox: input.letterbox,
            pad: usize::from(input.pad),
            halves: Vec::new(),
            scaled: Mat::default(),
            tensor: vec![0.0; 3 * size.area() as usize],
            planes,
        }
    }

    /// Input pixels for each picture pixel of a part: the smaller of across and down.
    pub fn scale(&self, part: Area) -> f32 {
        (self.size.width as f32 / part.width as f32).min(self.size.height as f32 / part.height as f32)
    }

    /// The input for `part` of `image`.
    pub fn prepare(&mut self, image: &Mat, part: Area) -> Result<(&[f32], View), InferenceError> {
        let across = self.size.width as f32 / part.width as f32;
        let down = self.size.height as f32 / part.height as f32;
        let least = across.min(down);
        let (scale, fitted) = if self.letterbox == Letterbox::Stretch {
            ([across, down], self.size)
        } else {
            let fit = |length: i32, most: i32| ((length as f32 * least).round() as i32).clamp(1, most);
            let fitted = Size::new(fit(part.width, self.size.width), fit(part.height, self.size.height));
            ([least; 2], fitted)
        };
        self.shrink(image, part, fitted)?;
        let pad = match self.letterbox {
            Letterbox::Centre => [(self.size.width - fitted.width) / 2, (self.size.height - fitted.height) / 2],
            Letterbox::TopLeft | Letterbox::Stretch => [0, 0],
        };
        match self.layout {
            Planes::Nchw => self.fill_planes(fitted, pad)?,
            Planes::Nhwc => self.fill_pixels(fitted, pad)?,
        }
        let view = View {
            origin: [part.x as f32, part.y as f32],
            size: [part.width as f32, part.height as f32],
            scale,
            pad: pad.map(|side| side as f32),
        };
        Ok((&self.tensor, view))
    }

    /// Scales `part` to `fitted`. It is halved while it is more than twice too large: every pixel counts, so far players do
    /// not flicker between pixels, and OpenCV averages blocks of two by two five times faster than any others.
    fn shrink(&mut self, image: &Mat, part: Area, fitted: Size) -> Result<(), InferenceError> {
        let (mut size, mut level) = (part.size(), 0);
        while size.width >= 2 * fitted.width && size.height >= 2 * fitted.height {
            let half = Size::new(size.width / 2, size.height / 2);
            if self.halves.len() == level {
                self.halves.push(Mat::default());
            }
            let (before, after) = self.halves.split_at_mut(level);
            // An odd last row or column has nothing to be averaged with.
            let (source, origin) = before.last().map_or((image, part.tl()), |source| (source, Point::default()));
            let even = Area::new(origin.x, origin.y, 2 * half.width, 2 * half.height);
            resize(&Mat::roi(source, even)?, &mut after[0], half, 0.0, 0.0, INTER_AREA)?;
            (size, level) = (half, level + 1);
        }
        match level {
            0 => resize(&Mat::roi(image, part)?, &mut self.scaled, fitted, 0.0, 0.0, INTER_LINEAR)?,
            _ => resize(&self.halves[level - 1], &mut self.scaled, fitted, 0.0, 0.0, INTER_LINEAR)?,
        }
        Ok(())
    }

    fn fill_planes(&mut self, fitted: Size, [left, top]: [i32; 2]) -> Result<(), InferenceError> {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let (left, filled) = (left as usize, fitted.width as usize);
        let (top, bottom) = (top as usize, (top + fitted.height) as usize);
        for (plane, (channel, table)) in self.tensor.chunks_exact_mut(width * height).zip(&self.planes) {
            let grey = table[self.pad];
            for (row, floats) in plane.chunks_exact_mut(width).enumerate() {
                if !(top..bottom).contains(&row) {
                    floats.fill(grey);
                    continue;
                }
                let bytes = self.scaled.at_row::<Vec3b>((row - top) as i32)?;
                let (before, rest) = floats.split_at_mut(left);
                let (inside, after) = rest.split_at_mut(filled);
                before.fill(grey);
                for (float, pixel) in inside.iter_mut().zip(bytes) {
                    *float = table[usize::from(pixel[*channel])];
                }
                after.fill(grey);
            }
        }
        Ok(())
    }

    fn fill_pixels(&mut self, fitted: Size, [left, top]: [i32; 2]) -> Result<(), InferenceError> {
        let (planes, grey) = (&self.planes, self.pad);
        let value = |pixel: Vec3b| std::array::from_fn::<f32, 3, _>(|p| planes[p].1[usize::from(pixel[planes[p].0])]);
        let pad: [f32; 3] = std::array::from_fn(|plane| planes[plane].1[grey]);
        for (row, floats) in (-top..).zip(self.tensor.chunks_exact_mut(3 * self.size.width as usize)) {
            let inside = (0..fitted.height).contains(&row);
            let bytes = if inside { self.scaled.at_row::<Vec3b>(row)? } else { &[] };
            for (column, float) in (-left..).zip(floats.chunks_exact_mut(3)) {
                let pixel = usize::try_from(column).ok().and_then(|column| bytes.get(column));
                float.copy_from_slice(&pixel.map_or(pad, |pixel| value(*pixel)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencv::core::{CV_8UC3, Scalar};

    fn input(color: Colours) -> Input {
        let (mean, std) = ([0.0, 10.0, 20.0], [1.0, 2.0, 4.0]);
        let (layout, letterbox) = (Planes::Nchw, Letterbox::TopLeft);
        let (width, height, scale, pad) = (64, 32, 1.0, 114);
        let (name, sizes, size_multiple) = ("x".into(), None, None);
        Input { name, sizes, width, height, size_multiple, layout, color, scale, mean, std, letterbox, pad }
    }

    fn grey(width: i32, height: i32) -> Mat {
        Mat::new_rows_cols_with_default(height, width, CV_8UC3, Scalar::new(20.0, 30.0, 40.0, 0.0)).unwrap()
    }

    #[test]
    fn planes_are_in_order_and_padding_is_grey() {
        let mut preparer = Preparer::new(&input(Colours::Rgb));
        let (tensor, view) = preparer.prepare(&grey(100, 100), Area::new(0, 0, 100, 100)).unwrap();
        assert_eq!([tensor[0], tensor[64 * 32], tensor[2 * 64 * 32]], [40.0, 10.0, 0.0]);
        assert_eq!(tensor[63], 114.0, "a square picture in a wide input leaves its right half grey");
        assert!((view.scale[0] - 0.32).abs() < 1e-6);
    }

    #[test]
    fn in_the_middle_the_padding_is_on_both_sides() {
        let mut preparer = Preparer::new(&Input { letterbox: Letterbox::Centre, ..input(Colours::Rgb) });
        let (tensor, view) = preparer.prepare(&grey(100, 100), Area::new(0, 0, 100, 100)).unwrap();
        assert_eq!(tensor[14..18], [114.0, 114.0, 40.0, 40.0]);
        assert_eq!(tensor[46..50], [40.0, 40.0, 114.0, 114.0]);
        assert_eq!(view.to_picture([32.0, 16.0, 32.0, 32.0]), Rect { x: 0.0, y: 0.0, w: 100.0, h: 100.0 });
        let (tensor, view) = preparer.prepare(&grey(128, 32), Area::new(0, 0, 128, 32)).unwrap();
        assert_eq!([tensor[7 * 64], tensor[8 * 64], tensor[23 * 64], tensor[24 * 64]], [114.0, 40.0, 40.0, 114.0]);
        assert_eq!(view.pad, [0.0, 8.0]);
    }

    #[test]
    fn stretched_a_picture_fills_the_input() {
        let mut preparer = Preparer::new(&Input { letterbox: Letterbox::Stretch, ..input(Colours::Rgb) });
        let (tensor, view) = preparer.prepare(&grey(100, 100), Area::new(0, 0, 100, 100)).unwrap();
        assert!(tensor[..64 * 32].iter().all(|value| *value == 40.0));
        assert_eq!(view.to_picture([32.0, 16.0, 32.0, 16.0]), Rect { x: 25.0, y: 25.0, w: 50.0, h: 50.0 });
    }

    #[test]
    fn pixel_by_pixel_the_colours_stand_together() {
        let input = Input { layout: Planes::Nhwc, letterbox: Letterbox::Centre, ..input(Colours::Bgr) };
        let mut preparer = Preparer::new(&input);
        let (tensor, _) = preparer.prepare(&grey(100, 100), Area::new(0, 0, 100, 100)).unwrap();
        assert_eq!(tensor[15 * 3..17 * 3], [114.0, 52.0, 23.5, 20.0, 10.0, 5.0]);
    }

    #[test]
    fn however_far_it_is_shrunk_every_pixel_counts() {
        // Stripes one pixel wide: whoever picks single pixels sees black or white, who averages sees grey.
        for (width, height) in [(1920, 1088), (640, 321), (3876, 1660), (257, 131)] {
            let mut image = Mat::new_rows_cols_with_default(height, width, CV_8UC3, Scalar::all(0.0)).unwrap();
            for column in (0..width).step_by(2) {
                image.col_mut(column).unwrap().set_scalar(Scalar::all(200.0)).unwrap();
            }
            let mut preparer = Preparer::new(&Input { mean: [0.0; 3], std: [1.0; 3], ..input(Colours::Rgb) });
            let (tensor, view) = preparer.prepare(&image, Area::new(0, 0, width, height)).unwrap();
            let inside = (width as f32 * view.scale[0]) as usize - 1;
            assert!(tensor[1..inside].iter().all(|value| (value - 100.0).abs() < 2.0), "{width}: {:?}", &tensor[..64]);
        }
    }

    #[test]
    fn boxes_come_back_to_the_picture_and_stay_in_their_part() {
        let view = View { origin: [100.0, 50.0], size: [200.0, 100.0], scale: [0.5; 2], pad: [0.0; 2] };
        assert_eq!(view.to_picture([20.0, 10.0, 10.0, 10.0]), Rect { x: 130.0, y: 60.0, w: 20.0, h: 20.0 });
        assert_eq!(view.to_picture([0.0, 50.0, 20.0, 20.0]), Rect { x: 100.0, y: 130.0, w: 20.0, h: 20.0 });
    }
}
