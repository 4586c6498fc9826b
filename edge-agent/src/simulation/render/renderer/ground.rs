//! What lies on the ice besides people: the puck, mirror images, shadows.

use super::{Class, Label, PUCK, Patch, Puck, Rect, Renderer, defocus, smear};
use crate::simulation::Person;

impl Renderer {
    pub(super) fn draw_puck(&mut self, puck: &Puck, picture: &mut [u8]) {
        let place = puck.position_m.map(|f| f as f32);
        let Some([x, y, near]) = self.view.project([place[0], place[1], place[2] + 0.0127]) else { return };
        let wide = 0.038 * self.view.focal * near;
        let sink = ((self.view.position[2] - place[2]) / self.distance(place)).clamp(0.0, 1.0);
        let tall = wide * sink + 0.0127 * self.view.focal * near * (1.0 - sink * sink).sqrt();
        if !self.lay_canvas([x - wide, y - tall, x + wide, y + tall], 1.0, 0.0) {
            return;
        }
        let moved = self.moved(puck.position_m, puck.velocity_mps);
        let mut patch = std::mem::take(&mut self.patch);
        patch.pixels.clear();
        patch.solid.clear();
        let [b, g, r, _] = self.film.grade([26, 24, 24, 255]);
        for j in 0..patch.height {
            for i in 0..patch.width {
                let inside = (0..16).filter(|k| {
                    let (dx, dy) = (
                        patch.left as f32 + i as f32 + ((k % 4) as f32 + 0.5) / 4.0 - x,
                        patch.top as f32 + j as f32 + ((k / 4) as f32 + 0.5) / 4.0 - y,
                    );
                    (dx / wide).hypot(dy / tall.max(0.05)) < 1.0
                });
                let cover = inside.count() as u32 * 255 / 16;
                patch.solid.push(u8::from(cover > 100));
                patch.pixels.push([b, g, r, 255].map(|c| (u32::from(c) * cover / 255) as u8));
            }
        }
        let film = &self.look.film;
        defocus(&mut patch.pixels, &mut self.scratch, patch.width, patch.height, film.blur_px);
        smear(
            &mut patch.pixels,
            &mut self.scratch,
            patch.width,
            patch.height,
            [film.pan_px[0] + moved[0], film.pan_px[1] + moved[1]],
        );
        self.compose(&patch, PUCK, picture);
        self.note(
            &patch,
            PUCK,
            Label {
                id: 0,
                class: Class::Puck,
                rect: Rect::default(),
                whole: Rect::default(),
                visible: 0.0,
                side: None,
                number: 0,
            },
        );
        self.patch = patch;
    }

    /// The faint image of somebody in the ice below their skates.
    pub(super) fn mirror(&self, patch: &Patch, ground: f32, picture: &mut [u8]) {
        let strength = self.look.light.mirror;
        let [w, h] = self.view.size;
        let (ground, reach) = (ground.round() as i32 + 2, (patch.height as f32 * 0.3) as i32);
        if strength <= 0.0 {
            return;
        }
        for y in ground.max(0)..(ground + reach).min(h as i32) {
            // Rough ice: the image loses its shape within half a leg.
            let from = 2 * ground - y - patch.top;
            if from < 0 || from >= patch.height as i32 {
                continue;
            }
            let fade = (strength * 256.0 * (1.0 - (y - ground) as f32 / reach as f32)) as u32;
            for x in patch.left.max(0)..(patch.left + patch.width as i32).min(w as i32) {
                let p = patch.pixels[from as usize * patch.width + (x - patch.left) as usize];
                let at = y as usize * w + x as usize;
                let clear = 255 - u32::from(self.foreground.get(at).map_or(0, |v| v[3]));
                for k in 0..3 {
                    let old = &mut picture[at * 3 + k];
                    let gone = (u32::from(*old) * u32::from(p[3]) / 255).saturating_sub(u32::from(p[k])) * fade / 256
                        * clear
                        / 255;
                    *old = (u32::from(*old) - gone.min(u32::from(*old))) as u8;
                }
            }
        }
    }

    /// Soft darkness on the ice around the skates.
    pub(super) fn shade(&self, person: &Person, picture: &mut [u8]) {
        let strength = self.look.light.shadow;
        let [w, h] = self.view.size;
        let place = person.position_m.map(|f| f as f32);
        let Some([x, y, near]) = self.view.project([place[0], place[1], 0.0]) else { return };
        if strength <= 0.0 {
            return;
        }
        let wide = 0.55 * self.view.focal * near;
        let tall = (wide * self.view.position[2] * near).clamp(1.0, wide.max(1.0));
        let (left, right) = ((x - wide).max(0.0) as usize, (x + wide).clamp(0.0, w as f32) as usize);
        let (top, bottom) = ((y - tall).max(0.0) as usize, (y + tall).clamp(0.0, h as f32) as usize);
        for j in top..bottom {
            for i in left..right {
                let (dx, dy) = ((i as f32 - x) / wide, (j as f32 - y) / tall);
                let r2 = dx * dx + dy * dy;
                if r2 < 1.0 {
                    let at = j * w + i;
                    let clear = 255 - u32::from(self.foreground.get(at).map_or(0, |v| v[3]));
                    let keep = 256 - ((strength * (1.0 - r2) * (1.0 - r2) * clear as f32) as u32).min(256);
                    for c in &mut picture[at * 3..at * 3 + 3] {
                        *c = ((u32::from(*c) * keep) >> 8) as u8;
                    }
                }
            }
        }
    }
}
