//! What somebody wears, from the pixels of their chest or back.
//!
//! Comes in: a BGR picture and the boxes found in it. Goes out: for each box a [`Jersey`], or none where it cannot be
//! told: boxes too small, cut by the picture's edge, lying, or behind somebody else. Never allocates once its list has
//! grown, never fails.

use super::{Class, Detection};
use crate::geometry::Rect;
use opencv::{
    core::{CV_8UC3, Mat, Vec3b},
    prelude::*,
};

/// Boxes lower than this show too few pixels of cloth.
const HEIGHT_MIN_PX: f32 = 24.0;
/// Where cloth is in a box: left, top, right and bottom as shares of its width and height. Between the arms, under the
/// helmet and yoke, above the trousers.
const CHEST: [f32; 4] = [0.3, 0.22, 0.7, 0.48];
/// More of the chest than this behind somebody nearer, and it is their colour.
const HIDDEN_MAX: f32 = 0.3;
/// Places looked at across and down.
const GRID: usize = 12;
/// Chests narrower than this are too coarse for an official's stripes, pixels.
const STRIPES_WIDTH_MIN: usize = 12;
/// Coloured cloth is no official's, distance from grey in a* and b*.
const GREY_CHROMA_MAX: f32 = 18.0;

/// What somebody wears.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Jersey {
    /// Median colour of the chest, CIE L*a*b* under D65: 0 to 100, then about ±100.
    pub lab: [f32; 3],
    /// Mean distance of the brightness from its median, 0 to 100: plain cloth is below 10.
    pub spread: f32,
    /// How much it looks like an official's upright black and white stripes, 0 to 1.
    pub stripes: f32,
}

/// Looks at the chest of everybody in `found`; `jerseys` gets one answer for each box, in their order.
pub fn measure(image: &Mat, found: &[Detection], jerseys: &mut Vec<Option<Jersey>>) {
    jerseys.clear();
    jerseys.extend(found.iter().map(|detection| look(image, detection, found)));
}

fn look(image: &Mat, detection: &Detection, found: &[Detection]) -> Option<Jersey> {
    let rect = &detection.rect;
    let (width, height) = (image.cols() as f32, image.rows() as f32);
    let cut = rect.x < 1.0 || rect.y < 1.0 || rect.x + rect.w > width - 1.0;
    if detection.class == Class::Puck || image.typ() != CV_8UC3 || rect.h < HEIGHT_MIN_PX || rect.w > rect.h || cut {
        return None;
    }
    let [left, top, right, bottom] = CHEST;
    let chest = Rect {
        x: rect.x + left * rect.w,
        y: rect.y + top * rect.h,
        w: (right - left) * rect.w,
        h: (bottom - top) * rect.h,
    };
    if chest.w < 4.0 || chest.y + chest.h > height || found.iter().any(|other| hides(other, rect, &chest)) {
        return None;
    }
    let columns = chest.x as usize..(chest.x + chest.w) as usize;
    let rows = chest.y as usize..(chest.y + chest.h) as usize;
    let (bgr, spread) = cloth(image, &columns, &rows)?;
    let lab = lab(bgr);
    let stripes = if lab[1].hypot(lab[2]) < GREY_CHROMA_MAX { stripes(image, &columns, &rows) } else { None };
    Some(Jersey { lab, spread, stripes: stripes.unwrap_or(0.0) })
}

/// Whether `other` stands before the chest: who is nearer has the feet lower in the picture.
fn hides(other: &Detection, rect: &Rect, chest: &Rect) -> bool {
    let over = &other.rect;
    let w = (over.x + over.w).min(chest.x + chest.w) - over.x.max(chest.x);
    let h = (over.y + over.h).min(chest.y + chest.h) - over.y.max(chest.y);
    let nearer = over.y + over.h > rect.y + rect.h;
    other.class != Class::Puck && nearer && w > 0.0 && h > 0.0 && w * h > HIDDEN_MAX * chest.area()
}

/// Median colour (blue, green, red) and spread of the brightness.
fn cloth(image: &Mat, columns: &std::ops::Range<usize>, rows: &std::ops::Range<usize>) -> Option<([u8; 3], f32)> {
    let (across, down) = (columns.len().min(GRID), rows.len().min(GRID));
    let mut values = [[0u8; GRID * GRID]; 3];
    let mut count = 0;
    for line in 0..down {
        let row = image.at_row::<Vec3b>((rows.start + line * rows.len() / down) as i32).ok()?;
        for place in 0..across {
            let pixel = row.get(columns.start + place * columns.len() / across)?;
            for (channel, values) in values.iter_mut().enumerate() {
                values[count] = pixel[channel];
            }
            count += 1;
        }
    }
    if count == 0 {
        return None;
    }
    let mut bright = [0.0f32; GRID * GRID];
    for (index, bright) in bright[..count].iter_mut().enumerate() {
        *bright = brightness([values[0][index], values[1][index], values[2][index]]);
    }
    let median = values.map(|mut channel| {
        channel[..count].sort_unstable();
        channel[count / 2]
    });
    let middle = brightness(median);
    let off: f32 = bright[..count].iter().map(|bright| (bright - middle).abs()).sum();
    Some((median, off / count as f32))
}

/// How much more the brightness bends across than down: upright stripes, 0 to 1.
fn stripes(image: &Mat, columns: &std::ops::Range<usize>, rows: &std::ops::Range<usize>) -> Option<f32> {
    /// So much more bending across happens on players, and so much more still on officials seen sharply.
    const PLAYERS: f32 = 2.5;
    const OFFICIALS: f32 = 10.0;
    let step = (columns.len() / 48).max(1);
    if columns.len() < STRIPES_WIDTH_MIN || rows.len() < 3 * step {
        return None;
    }
    let (mut across, mut down, mut count) = (0.0, 0.0, 0u32);
    for line in 0..GRID {
        let at = rows.start + step + line * (rows.len() - 2 * step) / GRID;
        let above = image.at_row::<Vec3b>((at - step) as i32).ok()?;
        let row = image.at_row::<Vec3b>(at as i32).ok()?;
        let below = image.at_row::<Vec3b>((at + step) as i32).ok()?;
        let value = |line: &[Vec3b], column: usize| line.get(column).map(|pixel| brightness(pixel.0));
        for column in (columns.start + step..columns.end.saturating_sub(step)).step_by(step) {
            let here = 2.0 * value(row, column)?;
            across += (value(row, column - step)? + value(row, column + step)? - here).abs();
            down += (value(above, column)? + value(below, column)? - here).abs();
            count += 1;
        }
    }
    let more = (across - down) / count.max(1) as f32;
    Some(((more - PLAYERS) / OFFICIALS).clamp(0.0, 1.0))
}

/// Brightness of blue, green, red as the eye weighs them (Rec. 601), 0 to 100.
fn brightness([blue, green, red]: [u8; 3]) -> f32 {
    (0.114 * f32::from(blue) + 0.587 * f32::from(green) + 0.299 * f32::from(red)) / 2.55
}

/// sRGB as blue, green, red to CIE L*a*b* under D65 (IEC 61966-2-1, CIE 15).
pub fn lab(bgr: [u8; 3]) -> [f32; 3] {
    let [blue, green, red] = bgr.map(|byte| {
        let value = f32::from(byte) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    let curve = |value: f32| {
        if value > 0.008_856 { value.cbrt() } else { 7.787 * value + 16.0 / 116.0 }
    };
    let x = curve((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.950_47);
    let y = curve(0.2126 * red + 0.7152 * green + 0.0722 * blue);
    let z = curve((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.088_83);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencv::core::Scalar;

    const BOX: Rect = Rect { x: 60.0, y: 40.0, w: 50.0, h: 120.0 };

    fn person(rect: Rect) -> Detection {
        Detection { rect, class: Class::Skater, score: 0.9 }
    }

    /// Ice with somebody in `BOX` whose every second `width` columns are `other`.
    fn picture(cloth: [u8; 3], other: [u8; 3], width: usize) -> Mat {
        let mut image = Mat::new_rows_cols_with_default(240, 200, CV_8UC3, Scalar::all(225.0)).unwrap();
        for row in 40..160 {
            for (column, pixel) in image.at_row_mut::<Vec3b>(row).unwrap().iter_mut().enumerate().skip(60).take(50) {
                *pixel = if (column / width).is_multiple_of(2) { cloth } else { other }.into();
            }
        }
        image
    }

    fn seen(image: &Mat, found: &[Detection]) -> Option<Jersey> {
        let mut jerseys = Vec::new();
        measure(image, found, &mut jerseys);
        assert_eq!(jerseys.len(), found.len());
        jerseys[0]
    }

    #[test]
    fn colours_are_those_of_the_standard() {
        let near = |found: [f32; 3], wanted: [f32; 3]| {
            assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 0.1), "{found:?} is not {wanted:?}");
        };
        near(lab([255; 3]), [100.0, 0.0, 0.0]);
        near(lab([0; 3]), [0.0; 3]);
        near(lab([0, 0, 255]), [53.24, 80.09, 67.20]);
        near(lab([255, 0, 0]), [32.30, 79.19, -107.86]);
    }

    #[test]
    fn cloth_is_told_from_the_ice_around_it() {
        let red = [30, 20, 160];
        let jersey = seen(&picture(red, red, 1), &[person(BOX)]).unwrap();
        assert_eq!(jersey.lab, lab(red));
        assert!(jersey.spread < 1.0 && jersey.stripes < 0.01, "{jersey:?}");
    }

    #[test]
    fn upright_black_and_white_is_an_official() {
        let jersey = seen(&picture([20; 3], [230; 3], 3), &[person(BOX)]).unwrap();
        assert!(jersey.stripes > 0.9, "{jersey:?}");
        let coloured = seen(&picture([200, 20, 20], [230, 60, 60], 3), &[person(BOX)]).unwrap();
        assert!(coloured.stripes < 0.01, "{coloured:?}");
    }

    #[test]
    fn what_is_small_cut_or_hidden_is_not_told() {
        let image = picture([30, 20, 160], [30, 20, 160], 1);
        assert_eq!(seen(&image, &[person(Rect { h: 20.0, w: 10.0, ..BOX })]), None);
        assert_eq!(seen(&image, &[person(Rect { x: 0.0, ..BOX })]), None);
        assert_eq!(seen(&image, &[person(Rect { w: 130.0, ..BOX })]), None);
        let before = person(Rect { x: 75.0, y: 60.0, w: 50.0, h: 130.0 });
        assert_eq!(seen(&image, &[person(BOX), before]), None);
        let behind = person(Rect { x: 75.0, y: 30.0, w: 50.0, h: 110.0 });
        assert!(seen(&image, &[person(BOX), behind]).is_some());
    }
}
