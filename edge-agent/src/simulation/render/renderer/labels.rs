//! Where everybody is seen. Comes in: patches as they are drawn, and who is front-most in each pixel. Goes out: labels.

use super::{Label, Patch, Rect, Renderer, clip};
use std::ops::Range;

impl Renderer {
    /// Remembers how large something is, seen whole.
    pub(super) fn note(&mut self, patch: &Patch, mark: u8, mut label: Label) {
        let [w, h] = self.view.size;
        let count = patch.solid.iter().map(|s| u32::from(*s)).sum();
        let Some((columns, rows)) = clip(patch, w, h) else { return };
        label.whole = extent(columns, rows, |x, y| {
            patch.solid[(y - patch.top) as usize * patch.width + (x - patch.left) as usize] == 1
        })
        .map_or(Rect::default(), |(rect, _)| rect);
        if label.whole.w > 0.0 {
            self.labels.push(label);
            self.sizes.push((mark, count));
        }
    }

    /// Finds what is left of everybody once all are drawn.
    pub(super) fn measure(&mut self) {
        let w = self.view.size[0];
        let mut kept = 0;
        for i in 0..self.labels.len() {
            let mut label = self.labels[i];
            let (mark, count) = self.sizes[i];
            let r = label.whole;
            let (x, y) = (r.x as i32, r.y as i32);
            let owner = &self.owner;
            let seen = extent(x..x + r.w as i32, y..y + r.h as i32, |x, y| owner[y as usize * w + x as usize] == mark);
            if let Some((rect, pixels)) = seen {
                label.rect = rect;
                label.visible = pixels as f32 / count.max(1) as f32;
                self.labels[kept] = label;
                kept += 1;
            }
        }
        self.labels.truncate(kept);
    }
}

/// The smallest rectangle around the cells that are `inside`, and how many they are.
fn extent(columns: Range<i32>, rows: Range<i32>, inside: impl Fn(i32, i32) -> bool) -> Option<(Rect, u32)> {
    let (mut l, mut t, mut r, mut b, mut count) = (i32::MAX, i32::MAX, i32::MIN, i32::MIN, 0);
    for y in rows {
        for x in columns.clone() {
            if inside(x, y) {
                (l, t, r, b) = (l.min(x), t.min(y), r.max(x), b.max(y));
                count += 1;
            }
        }
    }
    (count > 0).then(|| (Rect { x: l as f32, y: t as f32, w: (r - l + 1) as f32, h: (b - t + 1) as f32 }, count))
}
