//! Patches: finished pixels of one moving thing. Comes in: a canvas drawn finer than the picture. Goes out: developed
//! pixels, laid over the picture and under what stands before the camera.

use super::{BODY, Patch, Pixel, Renderer, defocus, smear};
use crate::simulation::render::film::Film;
use std::ops::Range;

impl Renderer {
    /// Makes the canvas ready for something within `bounds` (left, top, right, bottom); `false` when out of sight.
    pub(super) fn lay_canvas(&mut self, bounds: [f32; 4], scale: f32, smear_px: f32) -> bool {
        let [w, h] = self.view.size.map(|s| s as f32);
        let room = 3.0 + self.look.film.blur_px * 3.0 + smear_px;
        let [left, top, right, bottom] = [bounds[0] - room, bounds[1] - room, bounds[2] + room, bounds[3] + room];
        if right < 0.0 || bottom < 0.0 || left > w || top > h {
            return false;
        }
        // Outside the picture only as far as it matters for the share that is seen.
        let (left, top) = (left.max(-w / 2.0).floor(), top.max(-h / 2.0).floor());
        let (right, bottom) = (right.min(w * 1.5).ceil(), bottom.min(h * 1.5).ceil());
        let (wide, tall) = ((right - left) as usize, (bottom - top) as usize);
        (self.patch.left, self.patch.top, self.patch.width, self.patch.height) = (left as i32, top as i32, wide, tall);
        let s = scale as usize;
        self.canvas.reset(wide * s, tall * s, left, top, scale);
        true
    }

    /// Averages the canvas into the patch and develops it.
    pub(super) fn resolve(&mut self, patch: &mut Patch, moved_px: [f32; 2]) {
        let s = self.canvas.scale as usize;
        let dim =
            self.vignette(patch.left as f32 + patch.width as f32 / 2.0, patch.top as f32 + patch.height as f32 / 2.0);
        patch.pixels.clear();
        patch.solid.clear();
        let whole = (s * s) as u32;
        for y in 0..patch.height {
            for x in 0..patch.width {
                let (mut sum, mut solid) = ([0u32; 4], 0);
                for j in 0..s {
                    let start = (y * s + j) * self.canvas.width + x * s;
                    for i in start..start + s {
                        let p = self.canvas.pixels[i];
                        if p[3] > 0 {
                            (0..4).for_each(|k| sum[k] += u32::from(p[k]));
                            solid += u32::from(self.canvas.tags[i] == BODY);
                        }
                    }
                }
                patch.solid.push(u8::from(solid * 2 >= whole && solid > 0));
                patch.pixels.push(if sum[3] == 0 {
                    [0; 4]
                } else {
                    dimmed(graded(&self.film, sum.map(|c| (c / whole) as u8)), dim)
                });
            }
        }
        let film = &self.look.film;
        defocus(&mut patch.pixels, &mut self.scratch, patch.width, patch.height, film.blur_px);
        smear(
            &mut patch.pixels,
            &mut self.scratch,
            patch.width,
            patch.height,
            [film.pan_px[0] + moved_px[0], film.pan_px[1] + moved_px[1]],
        );
    }

    /// Lays a patch over the picture and under what stands before the camera.
    pub(super) fn compose(&mut self, patch: &Patch, mark: u8, picture: &mut [u8]) {
        let [w, h] = self.view.size;
        let Some((columns, rows)) = clip(patch, w, h) else { return };
        for y in rows {
            let from = y as usize * w;
            let line = (y - patch.top) as usize * patch.width;
            for x in columns.clone() {
                let cell = line + (x - patch.left) as usize;
                let p = patch.pixels[cell];
                if p[3] == 0 {
                    continue;
                }
                let at = from + x as usize;
                let veil = self.foreground.get(at).copied().unwrap_or_default();
                let (rest, clear) = (255 - u32::from(p[3]), 255 - u32::from(veil[3]));
                let speck = self.film.speck(at, self.turn);
                for k in 0..3 {
                    let shown = u32::from(p[k]) * clear + u32::from(veil[k]) * u32::from(p[3]);
                    let old = &mut picture[at * 3 + k];
                    let new = ((u32::from(*old) * rest + shown + 127) / 255) as i32;
                    // The still part brought its own noise.
                    *old = (new + ((speck[k] * i32::from(p[3])) >> 8)).clamp(0, 255) as u8;
                }
                if patch.solid[cell] == 1 && mark > 0 {
                    self.owner[at] = if veil[3] < 140 { mark } else { 0 };
                } else if p[3] > 150 {
                    self.owner[at] = 0;
                }
            }
        }
    }
}

/// Colour as the camera sees it, of a pixel that is multiplied by its cover.
pub(super) fn graded(film: &Film, pixel: Pixel) -> Pixel {
    let cover = u32::from(pixel[3]);
    if cover == 255 {
        return film.grade(pixel);
    }
    let full = [pixel[0], pixel[1], pixel[2]].map(|c| (u32::from(c) * 255 / cover.max(1)).min(255) as u8);
    let [b, g, r, _] = film.grade([full[0], full[1], full[2], 255]);
    let back = |c: u8| (u32::from(c) * cover / 255) as u8;
    [back(b), back(g), back(r), pixel[3]]
}

pub(super) fn dimmed(pixel: Pixel, by: u32) -> Pixel {
    let dim = |c: u8| ((u32::from(c) * by) >> 8).min(255) as u8;
    [dim(pixel[0]), dim(pixel[1]), dim(pixel[2]), pixel[3]]
}

pub(super) fn clip(patch: &Patch, w: usize, h: usize) -> Option<(Range<i32>, Range<i32>)> {
    let columns = patch.left.max(0)..(patch.left + patch.width as i32).min(w as i32);
    let rows = patch.top.max(0)..(patch.top + patch.height as i32).min(h as i32);
    (!columns.is_empty() && !rows.is_empty()).then_some((columns, rows))
}
