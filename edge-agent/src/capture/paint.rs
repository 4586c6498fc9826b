//! Finds what is painted on the ice: points of lines and of the boards' foot.
//!
//! Comes in: a picture. Goes out: [`Dab`]s, in pixels of that picture. The ice is the largest bright and pale region. A
//! line is a dark valley in it (Steger 1998: where the grey value bends most across and does not slope), at three
//! widths; paint under worn ice differs from it by a few grey values, so its colour is told by what red loses less than
//! blue does along some length of it. The boards' foot is the ice's upper edge. Shadows, scratches and adverts are found
//! as well: who uses this must bear them. A picture OpenCV refuses is passed on as its fault.

use crate::geometry::lines::{Dab, Paint};
use opencv::{
    core::{BORDER_DEFAULT, CV_32F, Mat, Point, Size, Vec3b},
    imgproc::{
        CC_STAT_AREA, INTER_AREA, MORPH_OPEN, MORPH_RECT, box_filter_def, connected_components_with_stats_def, erode,
        gaussian_blur, get_structuring_element_def, morphology_default_border_value, morphology_ex_def, resize,
    },
    prelude::*,
};

/// Width of the picture that is searched: noise is averaged away, and a far circle's line is still a pixel wide.
const WIDTH_PX: i32 = 960;
/// Half widths of lines, pixels of that picture: a circle far away, one nearby, a blue line.
const WIDTHS_PX: [f64; 3] = [1.2, 2.4, 4.8];
/// Least depth of a valley, grey values of 255, and how many times the ice's own unevenness it has to be.
const DEPTH_MIN: f32 = 1.2;
const DEPTH_NOISE: f32 = 2.5;
/// Shorter chains of points are scratches.
const CHAIN_PX: i32 = 14;
/// Side of the square over which a line's colour is averaged, and how far red and blue have to differ.
const COLOUR_PX: i32 = 31;
const COLOUR_MIN: f32 = 0.3;
/// Paleness and brightness of ice: spread of its channels, and share of the median brightness.
const PALE_MAX: u8 = 50;
const BRIGHT_MIN: f32 = 0.7;
/// Columns over which the slope of the boards' foot is taken, and its largest step: beyond are people.
const SLOPE_PX: usize = 4;

/// One channel and its size.
struct Plane {
    values: Vec<f32>,
    columns: usize,
}

impl Plane {
    fn of(mat: &Mat) -> Result<Self, opencv::Error> {
        Ok(Self { values: mat.data_typed::<f32>()?.to_vec(), columns: mat.cols() as usize })
    }

    /// Second derivatives there: along, across, mixed.
    fn bend(&self, at: usize) -> [f32; 3] {
        let (v, c) = (&self.values, self.columns);
        let mixed = (v[at + c + 1] - v[at + c - 1] - v[at - c + 1] + v[at - c - 1]) / 4.0;
        [v[at + 1] - 2.0 * v[at] + v[at - 1], v[at + c] - 2.0 * v[at] + v[at - c], mixed]
    }

    fn slope(&self, at: usize) -> [f32; 2] {
        let (v, c) = (&self.values, self.columns);
        [(v[at + 1] - v[at - 1]) / 2.0, (v[at + c] - v[at - c]) / 2.0]
    }
}

/// A valley's bottom at one pixel.
#[derive(Clone, Copy, Default)]
struct Valley {
    depth: f32,
    offset: f32,
    normal: [f32; 2],
    redness: f32,
    is_line: bool,
}

/// Finds them in a picture of blue, green, red.
pub fn find(picture: &Mat) -> Result<Vec<Dab>, opencv::Error> {
    let scale = f64::from(picture.cols()) / f64::from(WIDTH_PX);
    let size = Size::new(WIDTH_PX, (f64::from(picture.rows()) / scale).round() as i32);
    let mut small = Mat::default();
    resize(picture, &mut small, size, 0.0, 0.0, INTER_AREA)?;
    let (columns, rows) = (size.width as usize, size.height as usize);
    let [bare, painted] = ice(&small)?;
    let mut inner = Mat::default();
    let kernel = get_structuring_element_def(MORPH_RECT, Size::new(7, 7))?;
    // Beyond the picture the ice goes on.
    erode(&painted, &mut inner, &kernel, Point::new(-1, -1), 1, BORDER_DEFAULT, morphology_default_border_value()?)?;
    let valleys = valleys(&small, inner.data_typed::<u8>()?)?;
    let mut dabs = lines(&valleys, size)?;
    dabs.extend(foot(bare.data_typed::<u8>()?, columns, rows));
    for dab in &mut dabs {
        // The middle of the first pixel is at half a pixel's width.
        dab.pixel = dab.pixel.map(|at| (at + 0.5) * scale - 0.5);
    }
    Ok(dabs)
}

/// 1 where ice is, 0 elsewhere: bare ice, and ice with what is painted on it.
fn ice(small: &Mat) -> Result<[Mat; 2], opencv::Error> {
    let pixels = small.data_typed::<Vec3b>()?;
    let ends = |pixel: &Vec3b| pixel.0.into_iter().fold((255, 0), |(low, high), part| (part.min(low), part.max(high)));
    let spread = |pixel: &Vec3b| ends(pixel).1 - ends(pixel).0;
    let mut bright: Vec<u8> =
        pixels.iter().filter(|p| spread(p) < PALE_MAX).map(|p| ends(p).1).filter(|high| *high > 110).collect();
    let middle = bright.len() / 2;
    let median = if bright.is_empty() { 255.0 } else { f32::from(*bright.select_nth_unstable(middle).1) };
    let bare: Vec<u8> =
        pixels.iter().map(|p| u8::from(f32::from(ends(p).1) > median * BRIGHT_MIN && spread(p) < PALE_MAX)).collect();
    let painted: Vec<u8> =
        pixels.iter().zip(&bare).map(|(pixel, bare)| u8::from(*bare > 0 || is_paint(*pixel, median))).collect();
    Ok([largest(&bare, small.rows())?, largest(&painted, small.rows())?])
}

/// Whether it is red or blue seen through ice: neither as dark as a jersey nor yellow as the boards' foot.
fn is_paint(pixel: Vec3b, median: f32) -> bool {
    let [blue, green, red] = pixel.0.map(f32::from);
    let (low, high) = (blue.min(green).min(red), blue.max(green).max(red));
    let tilt = if red == high { (green - blue).abs() } else { (green - red).abs() };
    low > 0.3 * median && high > 0.5 * median && high > green && tilt < 0.5 * (high - low)
}

/// The largest region of a mask, without threads thinner than five pixels.
fn largest(mask: &[u8], rows: i32) -> Result<Mat, opencv::Error> {
    let mask = Mat::from_slice(mask)?.reshape(1, rows)?.try_clone()?;
    let (mut open, mut labels, mut stats, mut middles) =
        (Mat::default(), Mat::default(), Mat::default(), Mat::default());
    let kernel = get_structuring_element_def(MORPH_RECT, Size::new(5, 5))?;
    morphology_ex_def(&mask, &mut open, MORPH_OPEN, &kernel)?;
    let count = connected_components_with_stats_def(&open, &mut labels, &mut stats, &mut middles)?;
    let mut largest = (0, 0);
    for label in 1..count {
        largest = largest.max((*stats.at_2d::<i32>(label, CC_STAT_AREA)?, label));
    }
    let mask: Vec<u8> =
        labels.data_typed::<i32>()?.iter().map(|label| u8::from(*label == largest.1 && largest.1 > 0)).collect();
    Mat::from_slice(&mask)?.reshape(1, rows)?.try_clone()
}

/// For every pixel well inside the ice the deepest valley of all widths.
fn valleys(small: &Mat, inner: &[u8]) -> Result<Vec<Valley>, opencv::Error> {
    let pixels = small.data_typed::<Vec3b>()?;
    let plane = |of: fn(&Vec3b) -> f32| -> Result<Mat, opencv::Error> {
        let values: Vec<f32> = pixels.iter().map(of).collect();
        Mat::from_slice(&values)?.reshape(1, small.rows())?.try_clone()
    };
    let grey = plane(|pixel| pixel.0.into_iter().map(f32::from).sum::<f32>() / 3.0)?;
    let red = plane(|pixel| f32::from(pixel[2]) - f32::from(pixel[0]))?;
    let soft = |of: &Mat, width_px: f64| -> Result<Plane, opencv::Error> {
        let mut out = Mat::default();
        gaussian_blur(of, &mut out, Size::new(0, 0), width_px, 0.0, BORDER_DEFAULT)?;
        Plane::of(&out)
    };
    let mut all = vec![Valley::default(); inner.len()];
    let columns = small.cols() as usize;
    for width_px in WIDTHS_PX {
        let coloured_px = width_px.max(2.0);
        let (grey, red) = (soft(&grey, width_px)?, soft(&red, coloured_px)?);
        let squares = [width_px, coloured_px].map(|width| (width * width) as f32);
        for at in columns + 1..inner.len() - columns - 1 {
            if inner[at] == 0 {
                continue;
            }
            let [dxx, dyy, dxy] = grey.bend(at);
            let (mean, turn) = (f32::midpoint(dxx, dyy), ((dxx - dyy) / 2.0).hypot(dxy));
            let (most, least) = (mean + turn, mean - turn);
            let depth = squares[0] * most;
            if depth <= all[at].depth {
                continue;
            }
            let angle = 0.5 * (2.0 * dxy).atan2(dxx - dyy);
            let normal = [angle.cos(), angle.sin()];
            let slope = grey.slope(at);
            let offset = -(slope[0] * normal[0] + slope[1] * normal[1]) / most.max(1e-6);
            let [rxx, ryy, rxy] = red.bend(at);
            let [nx, ny] = normal;
            let redness = -squares[1] * (rxx * nx * nx + 2.0 * rxy * nx * ny + ryy * ny * ny);
            let is_line = offset.abs() < 0.6 && least.abs() < 0.6 * most;
            all[at] = Valley { depth, offset, normal, redness, is_line };
        }
    }
    Ok(all)
}

/// The bottoms of valleys that are deep and long enough.
fn lines(valleys: &[Valley], size: Size) -> Result<Vec<Dab>, opencv::Error> {
    let mut depths: Vec<f32> = valleys.iter().map(|valley| valley.depth).filter(|depth| *depth > 0.0).collect();
    if depths.is_empty() {
        return Ok(Vec::new());
    }
    let middle = depths.len() / 2;
    let least = DEPTH_MIN.max(DEPTH_NOISE * *depths.select_nth_unstable_by(middle, f32::total_cmp).1);
    let chosen: Vec<u8> = valleys.iter().map(|valley| u8::from(valley.is_line && valley.depth > least)).collect();
    let chains = Mat::from_slice(&chosen)?.reshape(1, size.height)?.try_clone()?;
    let (mut labels, mut stats, mut middles) = (Mat::default(), Mat::default(), Mat::default());
    connected_components_with_stats_def(&chains, &mut labels, &mut stats, &mut middles)?;
    let averaged = |value: &dyn Fn(&Valley) -> f32| -> Result<Vec<f32>, opencv::Error> {
        let values: Vec<f32> = valleys.iter().zip(&chosen).map(|(v, chosen)| value(v) * f32::from(*chosen)).collect();
        let mut out = Mat::default();
        let values = Mat::from_slice(&values)?.reshape(1, size.height)?.try_clone()?;
        box_filter_def(&values, &mut out, CV_32F, Size::new(COLOUR_PX, COLOUR_PX))?;
        Ok(out.data_typed::<f32>()?.to_vec())
    };
    let (redness, count) = (averaged(&|valley| valley.redness)?, averaged(&|_| 1.0)?);
    let labels = labels.data_typed::<i32>()?;
    let mut dabs = Vec::new();
    for (at, valley) in valleys.iter().enumerate() {
        if chosen[at] == 0 || *stats.at_2d::<i32>(labels[at], CC_STAT_AREA)? < CHAIN_PX {
            continue;
        }
        let redness = redness[at] / count[at].max(1e-6);
        let paint = match redness {
            red if red > COLOUR_MIN => Some(Paint::Red),
            red if red < -COLOUR_MIN => Some(Paint::Blue),
            _ => None,
        };
        let normal = valley.normal.map(f64::from);
        let (x, y) = (at % size.width as usize, at / size.width as usize);
        let offset = f64::from(valley.offset);
        dabs.push(Dab { pixel: [x as f64 + offset * normal[0], y as f64 + offset * normal[1]], normal, paint });
    }
    Ok(dabs)
}

/// The upper edge of the ice, column by column.
fn foot(ice: &[u8], columns: usize, rows: usize) -> Vec<Dab> {
    let top: Vec<Option<f64>> = (0..columns)
        .map(|x| (0..rows).find(|y| ice[y * columns + x] > 0).filter(|y| *y > 1).map(|y| y as f64 - 0.5))
        .collect();
    (SLOPE_PX..columns - SLOPE_PX)
        .filter_map(|x| {
            let (y, left, right) = (top[x]?, top[x - SLOPE_PX]?, top[x + SLOPE_PX]?);
            let slope = (right - left) / (2.0 * SLOPE_PX as f64);
            let bent = (y - f64::midpoint(left, right)).abs();
            let length = slope.hypot(1.0);
            let dab = Dab { pixel: [x as f64, y], normal: [-slope / length, 1.0 / length], paint: Some(Paint::Boards) };
            (bent < 2.0).then_some(dab)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        geometry::{
            Camera,
            lines::{Sheet, pieces},
            trace::matches,
        },
        rink::Rink,
        simulation::{
            Truth,
            render::{Look, Renderer},
        },
    };
    use opencv::core::{CV_8UC3, Scalar};

    #[test]
    fn lines_of_a_rendered_rink_are_found_to_two_pixels_in_their_colour() {
        let camera = Camera::looking_at(1280, 720, 50.0, [5.0, -30.0, 10.0], [15.0, 0.0, 0.0]);
        let mut picture = Mat::new_rows_cols_with_default(720, 1280, CV_8UC3, Scalar::all(0.0)).unwrap();
        let look = Look::standard(4);
        Renderer::new(&camera, Rink::NHL, look).render(&Truth::default(), picture.data_bytes_mut().unwrap());
        let lines = Rink::NHL.lines();
        let sheet = Sheet::new(1280, 720, find(&picture).unwrap());
        let (_, support) = matches(&camera, &pieces(&lines, 1), &sheet, 2.0);
        for name in ["blue_E", "circle_E_N", "circle_E_S", "boards_N"] {
            let line = support[lines.iter().position(|line| line.name == name).unwrap()];
            let share = line.found_px / line.expected_px;
            assert!(share > 0.5, "{name}: {share:.2} of {:.0} px", line.expected_px);
        }
    }

    #[test]
    fn a_dark_picture_holds_no_paint() {
        let picture = Mat::new_rows_cols_with_default(720, 1280, CV_8UC3, Scalar::all(9.0)).unwrap();
        assert_eq!(find(&picture).unwrap(), []);
    }
}
