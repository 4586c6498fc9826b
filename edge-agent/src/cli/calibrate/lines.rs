//! `edge-agent calibrate --lines`: a camera from the lines a picture shows, with few clicked landmarks or none.
//!
//! Comes in: the picture, the points, the side. Goes out: the calibration, told and drawn as one from landmarks is.

use super::{Calibrate, overlay, tell};
use crate::{
    capture::paint,
    geometry::{
        candidates::Side,
        search::{self, Traced},
        solve::Point,
    },
    rink::Rink,
};
use anyhow::Context;
use clap::ValueEnum;

/// Where a camera stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stand {
    /// Behind the east goal (+x).
    East,
    /// Behind the west goal (−x).
    West,
    /// Along the north boards (+y).
    North,
    /// Along the south boards (−y).
    South,
}

impl From<Stand> for Side {
    fn from(stand: Stand) -> Self {
        match stand {
            Stand::East => Self::East,
            Stand::West => Self::West,
            Stand::North => Self::North,
            Stand::South => Self::South,
        }
    }
}

/// Finds the camera of `--picture`, tells it, and writes the overlay; gives it to be written.
pub fn run(args: &Calibrate, points: &[Point], rink: &Rink) -> anyhow::Result<crate::geometry::Camera> {
    let path = args.picture.as_ref().context("--lines needs --picture FILE")?;
    let (picture, size) = overlay::read(path)?;
    let dabs = paint::find(&picture)?;
    let Traced { calibration, share } = search::search(dabs, &rink.lines(), points, args.side.map(Side::from), size)?;
    tell::tell(args, &path.display().to_string(), &calibration, &[], Some(share), rink);
    if let Some(out) = &args.overlay {
        overlay::write(out, picture, &calibration.camera, points, rink)?;
    }
    Ok(calibration.camera)
}
