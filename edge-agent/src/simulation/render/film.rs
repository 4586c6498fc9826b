//! What the camera does to light: colour, focus, smear, noise. Comes in: canvases as the world is. Goes out: pictures
//! as a sensor writes them. Colour and focus are applied to the still parts once and to each moving part as it is drawn.

use super::{look::FilmLook, raster::Pixel, texture::speckle};

/// Colour of a camera as tables.
#[derive(Debug)]
pub struct Film {
    curves: [[u8; 256]; 3],
    saturation: i32,
    noise: Vec<i8>,
    noisy: bool,
}

/// Side of the tile of noise; a power of two.
const NOISE_SIDE: usize = 512;

impl Film {
    /// Of a camera's look; `seed` chooses the noise.
    pub fn new(look: &FilmLook, seed: u32) -> Self {
        let curves = look.gains.map(|gain| {
            std::array::from_fn(|i| {
                let x = (i as f32 / 255.0 * gain).clamp(0.0, 1.3);
                // A shoulder instead of a hard end: highlights lose contrast first.
                let x = if x > 0.85 { 0.85 + (1.0 - (-(x - 0.85) / 0.15).exp()) * 0.15 } else { x };
                let x = ((x.powf(look.gamma) - 0.5) * look.contrast + 0.5) * (1.0 - look.veil) + look.veil * 0.8;
                (x * 255.0 + 0.5).clamp(0.0, 255.0) as u8
            })
        });
        // Twelve even numbers make a bell near enough, and the same one everywhere. Neighbours are mixed a little:
        // compressed film has no noise of single pixels.
        let bell = |i: i32| (0..4).map(|k| speckle(i, k, seed)).sum::<f32>() - 2.0;
        let mut last = 0.0;
        let noise = (0..if look.noise > 0.0 { NOISE_SIDE * NOISE_SIDE } else { 0 })
            .map(|i| {
                last = 0.45 * last + bell(i as i32) * look.noise * 1.55;
                last.round().clamp(-60.0, 60.0) as i8
            })
            .collect();
        Self { curves, saturation: (look.saturation * 256.0) as i32, noise, noisy: look.noise > 0.0 }
    }

    /// One pixel's colours; the cover stays.
    pub fn grade(&self, pixel: Pixel) -> Pixel {
        let [b, g, r] = [pixel[0], pixel[1], pixel[2]].map(i32::from);
        let grey = (28 * b + 151 * g + 77 * r) >> 8;
        let vivid = |c: i32| (grey + (((c - grey) * self.saturation) >> 8)).clamp(0, 255) as usize;
        [self.curves[0][vivid(b)], self.curves[1][vivid(g)], self.curves[2][vivid(r)], pixel[3]]
    }

    /// Noise of one pixel's colours; `turn` as in [`grain`](Self::grain).
    pub fn speck(&self, pixel: usize, turn: usize) -> [i32; 3] {
        if !self.noisy {
            return [0; 3];
        }
        let at = (pixel * 3 + turn * 769) % (NOISE_SIDE * NOISE_SIDE - 3);
        [0, 1, 2].map(|k| i32::from(self.noise[at + k]))
    }

    /// Adds noise to a finished picture; `turn` chooses a place in the tile, so that it boils.
    pub fn grain(&self, picture: &mut [u8], width: usize, turn: u64) {
        if !self.noisy {
            return;
        }
        for (y, row) in picture.chunks_exact_mut(width * 3).enumerate() {
            let shift = (speckle(y as i32, turn as i32, 0x51) * 65535.0) as usize % (NOISE_SIDE / 2);
            let line = (speckle(y as i32, turn as i32, 0x52) * 65535.0) as usize % (NOISE_SIDE / 2);
            for (i, part) in row.chunks_mut(NOISE_SIDE).enumerate() {
                // Whole lines of the tile are long enough that no one sees them return.
                let start = ((line + i * 7) % NOISE_SIDE) * NOISE_SIDE / 2 + shift;
                for (pixel, &n) in part.iter_mut().zip(&self.noise[start..start + NOISE_SIDE]) {
                    *pixel = pixel.saturating_add_signed(n);
                }
            }
        }
    }
}

/// Blurs pixels in place by running means along rows then columns, twice: near enough to a bell of `sigma`.
pub fn defocus(pixels: &mut [Pixel], scratch: &mut Vec<Pixel>, width: usize, height: usize, sigma: f32) {
    if sigma < 0.25 {
        return;
    }
    if sigma < 1.1 {
        // A kernel of three with the same variance.
        let side = (sigma * sigma / 2.0).min(0.33);
        let (s, m) = ((side * 256.0) as u32, 256 - 2 * (side * 256.0) as u32);
        for_lines(pixels, scratch, width, height, |line, at, step, count, out| {
            for i in 0..count {
                let (a, b, c) = (
                    line[at + i.saturating_sub(1) * step],
                    line[at + i * step],
                    line[at + (i + 1).min(count - 1) * step],
                );
                out.push(std::array::from_fn(|k| {
                    (((u32::from(a[k]) + u32::from(c[k])) * s + u32::from(b[k]) * m + 128) >> 8).min(255) as u8
                }));
            }
        });
        return;
    }
    let reach = ((sigma * sigma * 6.0 + 1.0).sqrt() / 2.0).round().max(1.0) as isize;
    for _ in 0..2 {
        for_lines(pixels, scratch, width, height, |line, at, step, count, out| {
            let pixel = |i: isize| line[at + i.clamp(0, count as isize - 1) as usize * step];
            let mut sum = [0u32; 4];
            for i in -reach..=reach {
                (0..4).for_each(|k| sum[k] += u32::from(pixel(i)[k]));
            }
            let whole = (2 * reach + 1) as u32;
            for i in 0..count as isize {
                out.push(sum.map(|s| (s / whole) as u8));
                let (gone, come) = (pixel(i - reach), pixel(i + reach + 1));
                (0..4).for_each(|k| sum[k] = sum[k] + u32::from(come[k]) - u32::from(gone[k]));
            }
        });
    }
}

fn for_lines(
    pixels: &mut [Pixel],
    scratch: &mut Vec<Pixel>,
    width: usize,
    height: usize,
    soften: impl Fn(&[Pixel], usize, usize, usize, &mut Vec<Pixel>),
) {
    for y in 0..height {
        scratch.clear();
        soften(pixels, y * width, 1, width, scratch);
        pixels[y * width..(y + 1) * width].copy_from_slice(scratch);
    }
    for x in 0..width {
        scratch.clear();
        soften(pixels, x, width, height, scratch);
        for (y, pixel) in scratch.iter().enumerate() {
            pixels[y * width + x] = *pixel;
        }
    }
}

/// Smears pixels along `way` (pixels across and down), the same amount to both sides.
pub fn smear(pixels: &mut [Pixel], scratch: &mut Vec<Pixel>, width: usize, height: usize, way: [f32; 2]) {
    let taps = way[0].hypot(way[1]).ceil().min(24.0) as i32;
    if taps < 2 {
        return;
    }
    scratch.clear();
    scratch.extend_from_slice(pixels);
    let shifts: [(isize, isize); 25] = std::array::from_fn(|i| {
        let t = i as f32 / (taps - 1) as f32 - 0.5;
        ((way[0] * t).round() as isize, (way[1] * t).round() as isize)
    });
    let shifts = &shifts[..taps as usize];
    for y in 0..height as isize {
        for x in 0..width as isize {
            let mut sum = [0u32; 4];
            for &(dx, dy) in shifts {
                let (sx, sy) = ((x + dx).clamp(0, width as isize - 1), (y + dy).clamp(0, height as isize - 1));
                let p = scratch[sy as usize * width + sx as usize];
                (0..4).for_each(|k| sum[k] += u32::from(p[k]));
            }
            pixels[y as usize * width + x as usize] = sum.map(|s| (s / taps as u32) as u8);
        }
    }
}
