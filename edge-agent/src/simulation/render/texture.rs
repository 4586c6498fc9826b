//! Small painted pictures that are laid on surfaces: cloth, adverts, faces. Sides are powers of two; each keeps
//! halved copies of itself, so that far things do not sparkle.

use super::raster::Pixel;
use opencv::{
    core::{CV_8U, Mat, MatTraitConst, MatTraitConstManual, Point, Scalar},
    imgproc::{LINE_AA, get_text_size, put_text},
};

/// Blue, green, red.
pub type Colour = [u8; 3];

/// A colour times a number.
pub fn shade(colour: Colour, by: f32) -> Colour {
    colour.map(|c| (f32::from(c) * by).clamp(0.0, 255.0) as u8)
}

/// From one colour (0) to another (1).
pub fn blend(a: Colour, b: Colour, part: f32) -> Colour {
    std::array::from_fn(|i| (f32::from(a[i]) + (f32::from(b[i]) - f32::from(a[i])) * part).clamp(0.0, 255.0) as u8)
}

/// A number from 0 to 1 that looks random and is always the same for the same place.
pub fn speckle(x: i32, y: i32, seed: u32) -> f32 {
    let mut h =
        (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77) ^ seed.wrapping_mul(0xC2B2_AE3D);
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    ((h ^ (h >> 15)) & 0xFFFF) as f32 / 65535.0
}

/// Smooth noise, 0 to 1, one bump a unit.
pub fn bumps(x: f32, y: f32, seed: u32) -> f32 {
    let (fx, fy) = (x.floor(), y.floor());
    let (ix, iy) = (fx as i32, fy as i32);
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (tx, ty) = (ease(x - fx), ease(y - fy));
    let row = |j: i32| {
        let (a, b) = (speckle(ix, iy + j, seed), speckle(ix + 1, iy + j, seed));
        a + (b - a) * tx
    };
    let (a, b) = (row(0), row(1));
    a + (b - a) * ty
}

/// One size of a texture.
#[derive(Debug, Clone)]
pub struct Level {
    /// Columns, a power of two.
    pub width: usize,
    /// Rows, a power of two.
    pub height: usize,
    /// Row by row.
    pub pixels: Vec<Pixel>,
}

/// A picture to lay on a surface, and its halves.
#[derive(Debug, Clone)]
pub struct Texture {
    levels: Vec<Level>,
}

impl Texture {
    /// Takes a painted sheet.
    pub fn new(sheet: Sheet) -> Self {
        let mut levels = vec![Level { width: sheet.width, height: sheet.height, pixels: sheet.pixels }];
        while let Some(last) = levels.last().filter(|l| l.width > 1 || l.height > 1) {
            let (w, h) = ((last.width / 2).max(1), (last.height / 2).max(1));
            let (sx, sy) = (last.width / w, last.height / h);
            let mut pixels = Vec::with_capacity(w * h);
            for y in 0..h {
                for x in 0..w {
                    let mut sum = [0u32; 4];
                    for j in 0..sy {
                        for i in 0..sx {
                            let p = last.pixels[(y * sy + j) * last.width + x * sx + i];
                            (0..4).for_each(|k| sum[k] += u32::from(p[k]));
                        }
                    }
                    pixels.push(sum.map(|s| (s / (sx * sy) as u32) as u8));
                }
            }
            levels.push(Level { width: w, height: h, pixels });
        }
        Self { levels }
    }

    /// One colour.
    pub fn plain(colour: Colour) -> Self {
        Self::new(Sheet::new(1, 1, colour))
    }

    /// One colour that lets through what is behind it; `cover` 0 to 255.
    pub fn clear(colour: Colour, cover: u8) -> Self {
        let mut sheet = Sheet::new(1, 1, colour);
        let [b, g, r] = shade(colour, f32::from(cover) / 255.0);
        sheet.pixels[0] = [b, g, r, cover];
        Self::new(sheet)
    }

    /// The size that fits when one pixel moves this far over the texture.
    pub fn level(&self, du: f32, dv: f32) -> &Level {
        let full = &self.levels[0];
        let texels = (du * full.width as f32).max(dv * full.height as f32);
        let halvings = if texels > 1.4 { (texels / 1.4).log2().round() as usize } else { 0 };
        &self.levels[halvings.min(self.levels.len() - 1)]
    }
}

/// A picture being painted.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// Columns, a power of two.
    pub width: usize,
    /// Rows, a power of two.
    pub height: usize,
    /// Row by row.
    pub pixels: Vec<Pixel>,
}

impl Sheet {
    /// All of one colour.
    pub fn new(width: usize, height: usize, [b, g, r]: Colour) -> Self {
        assert!(width.is_power_of_two() && height.is_power_of_two(), "sides are powers of two");
        Self { width, height, pixels: vec![[b, g, r, 255]; width * height] }
    }

    /// Nothing on it: everything behind shows.
    pub fn empty(width: usize, height: usize) -> Self {
        let mut sheet = Self::new(width, height, [0; 3]);
        sheet.pixels.fill([0; 4]);
        sheet
    }

    /// Paints `colour` over one pixel with `cover` 0 to 1.
    pub fn dab(&mut self, x: i32, y: i32, [b, g, r]: Colour, cover: f32) {
        if x < 0 || y < 0 || x >= self.width as i32 || y >= self.height as i32 {
            return;
        }
        let pixel = &mut self.pixels[y as usize * self.width + x as usize];
        for (old, new) in pixel.iter_mut().zip([b, g, r, 255]) {
            *old = (f32::from(*old) * (1.0 - cover) + f32::from(new) * cover + 0.5) as u8;
        }
    }

    /// Paints wherever `cover(u, v)`, both 0 to 1, says.
    pub fn paint(&mut self, colour: Colour, cover: impl Fn(f32, f32) -> f32) {
        for y in 0..self.height {
            for x in 0..self.width {
                let c = cover((x as f32 + 0.5) / self.width as f32, (y as f32 + 0.5) / self.height as f32);
                if c > 0.0 {
                    self.dab(x as i32, y as i32, colour, c.min(1.0));
                }
            }
        }
    }

    /// A band from `v0` to `v1`, all around.
    pub fn band(&mut self, v0: f32, v1: f32, colour: Colour) {
        self.paint(colour, |_, v| f32::from(v >= v0 && v < v1));
    }

    /// Multiplies by light and dark folds, `depth` 0 to 1.
    pub fn wrinkle(&mut self, across: f32, down: f32, depth: f32, seed: u32) {
        for y in 0..self.height {
            for x in 0..self.width {
                let (u, v) = (x as f32 / self.width as f32, y as f32 / self.height as f32);
                let fold = bumps(u * across + v * 2.3, v * down, seed) * 0.65
                    + bumps(u * across * 2.7, v * down * 2.1, seed ^ 0x4d) * 0.35;
                let by = 1.0 + depth * (fold - 0.55) * 1.6;
                let pixel = &mut self.pixels[y * self.width + x];
                for c in &mut pixel[..3] {
                    *c = (f32::from(*c) * by).clamp(0.0, 255.0) as u8;
                }
            }
        }
    }

    /// Writes letters centred at `at` (pixels), `tall` pixels high, squeezed into `wide_max`.
    ///
    /// `font` is one of OpenCV's Hershey faces, 0 to 7; `weight` the stroke as a share of the height.
    #[expect(clippy::too_many_arguments, reason = "all of them say how the same word looks")]
    pub fn write(
        &mut self,
        words: &str,
        at: [f32; 2],
        tall: f32,
        wide_max: f32,
        font: i32,
        weight: f32,
        colour: Colour,
    ) {
        // Lettered at a fixed size, then sampled: strokes keep their share of the height at every size.
        let stroke = ((weight * 44.0).round() as i32).max(1);
        let mut baseline = 0;
        let Ok(size) = get_text_size(words, font, 2.0, stroke, &mut baseline) else { return };
        let (w, h) = (size.width + 2 * stroke + 8, size.height + 2 * stroke + 4);
        let Ok(mut mask) = Mat::new_rows_cols_with_default(h, w, CV_8U, Scalar::all(0.0)) else { return };
        let start = Point::new(stroke + 4, size.height + stroke + 1);
        if put_text(&mut mask, words, start, font, 2.0, Scalar::all(255.0), stroke, LINE_AA, false).is_err() {
            return;
        }
        let (Ok(bytes), columns, rows) = (mask.data_bytes(), mask.cols(), mask.rows()) else { return };
        let wide = (tall * columns as f32 / rows as f32).min(wide_max);
        let (left, top) = (at[0] - wide / 2.0, at[1] - tall / 2.0);
        for y in top.floor() as i32..=(top + tall).ceil() as i32 {
            for x in left.floor() as i32..=(left + wide).ceil() as i32 {
                let mut sum = 0;
                for j in 0..3 {
                    for i in 0..3 {
                        let mx = ((x as f32 + (i as f32 + 0.5) / 3.0 - left) / wide * columns as f32) as i32;
                        let my = ((y as f32 + (j as f32 + 0.5) / 3.0 - top) / tall * rows as f32) as i32;
                        if (0..columns).contains(&mx) && (0..rows).contains(&my) {
                            sum += i32::from(bytes[(my * columns + mx) as usize]);
                        }
                    }
                }
                if sum > 0 {
                    self.dab(x, y, colour, sum as f32 / (9.0 * 255.0));
                }
            }
        }
    }
}
