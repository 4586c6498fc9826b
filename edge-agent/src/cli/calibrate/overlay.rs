//! The rink's lines over the picture the landmarks were clicked in, to check a calibration by eye.
//!
//! Comes in: a picture, a camera, the points. Goes out: a picture file: painted lines thin in their colour, a cross
//! where a landmark was clicked and a ring where the camera puts it. Lines that meet the paint are right.

use crate::{
    geometry::{Camera, lines::Paint, solve::Point},
    rink::Rink,
};
use anyhow::{Context, bail};
use opencv::{
    core::{Mat, Point as Pixel, Scalar},
    imgcodecs::{IMREAD_COLOR, imread, imwrite_def},
    imgproc::{LINE_AA, MARKER_TILTED_CROSS, circle, draw_marker, line},
    prelude::MatTraitConst,
};
use std::path::Path;

/// A picture and its width and height.
pub fn read(path: &Path) -> anyhow::Result<(Mat, [u32; 2])> {
    let picture = imread(path, IMREAD_COLOR)?;
    if picture.empty() {
        bail!("{} is not there or is no picture", path.display());
    }
    let size = [picture.cols() as u32, picture.rows() as u32];
    Ok((picture, size))
}

/// Draws and writes.
pub fn write(path: &Path, mut picture: Mat, camera: &Camera, points: &[Point], rink: &Rink) -> anyhow::Result<()> {
    let thin = (picture.cols() / 960).max(1);
    for marking in rink.markings() {
        let colour = match marking.paint {
            Paint::Red => Scalar::new(60.0, 60.0, 255.0, 0.0),
            Paint::Blue => Scalar::new(255.0, 120.0, 30.0, 0.0),
            Paint::Boards => Scalar::new(40.0, 220.0, 240.0, 0.0),
        };
        let seen: Vec<Option<Pixel>> = marking.points_m.iter().map(|place| pixel(camera, *place)).collect();
        for ends in seen.windows(2) {
            if let [Some(from), Some(to)] = ends {
                line(&mut picture, *from, *to, colour, thin, LINE_AA, 0)?;
            }
        }
    }
    for point in points {
        let clicked = Pixel::new(point.pixel[0].round() as i32, point.pixel[1].round() as i32);
        let green = Scalar::new(60.0, 230.0, 60.0, 0.0);
        draw_marker(&mut picture, clicked, green, MARKER_TILTED_CROSS, 12 * thin, thin, LINE_AA)?;
        if let Some(seen) = pixel(camera, point.place_m) {
            circle(&mut picture, seen, 8 * thin, green, thin, LINE_AA, 0)?;
        }
    }
    let written = imwrite_def(path, &picture)
        .with_context(|| format!("cannot write {}: end its name in .png or .jpg", path.display()))?;
    if !written {
        bail!("cannot write {}: check that its folder exists and has room", path.display());
    }
    Ok(())
}

/// Where a place is seen, at most a picture's width outside; `None` where the lens' terms fold back into the picture.
fn pixel(camera: &Camera, place_m: [f64; 2]) -> Option<Pixel> {
    let [x, y] = camera.project([place_m[0], place_m[1], 0.0])?;
    let back = camera.to_ice([x, y])?;
    let width = f64::from(camera.width);
    let near = (-width..2.0 * width).contains(&x) && (-width..2.0 * width).contains(&y);
    let same = (back[0] - place_m[0]).hypot(back[1] - place_m[1]) < 0.5;
    (near && same).then(|| Pixel::new(x.round() as i32, y.round() as i32))
}
