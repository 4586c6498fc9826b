//! Lays the rink's lines over those a picture shows: iterated closest points across the lines, from far to near.
//!
//! Comes in: a camera that is roughly right, the lines' pieces, the dabs found. Goes out: the camera that fits best and
//! how much of each line it finds again. Says nothing of whether it is the right one: that is [`search`](super::search).

use super::{
    Camera,
    lines::{Paint, Piece, Sheet, View},
    pose::{self, Edge, Pose},
    prior,
    solve::Point,
};

/// A line is worth at most so many independent readings, however many dabs it has: its neighbours share their errors.
const WORTH_MAX: f64 = 12.0;
/// The boards are worth less: rules hold paint to an inch, but rinks are longer, narrower and rounder than the rules.
const BOARDS_WORTH_MAX: f64 = 0.5;
/// Steps downhill before dabs are matched anew.
const STEPS_MAX: usize = 4;

/// Where a piece of the rink is found in the picture.
#[derive(Debug, Clone, Copy)]
pub struct Match {
    /// The piece's line.
    pub line: usize,
    /// The line's colour.
    pub paint: Paint,
    /// Across the piece on the ice.
    pub across: [f64; 2],
    /// The piece's middle and the dab.
    pub edge: Edge,
}

/// How much of one line the picture should show, and does.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Support {
    /// Length in the picture, pixels.
    pub expected_px: f64,
    /// Length of it with a dab nearby, pixels.
    pub found_px: f64,
    /// Pieces with a dab nearby.
    pub found: usize,
}

/// Every piece that has a dab within `reach_px`, and each line's support.
pub fn matches(camera: &Camera, pieces: &[Piece], sheet: &Sheet, reach_px: f64) -> (Vec<Match>, Vec<Support>) {
    let view = View::new(camera);
    let mut support = vec![Support::default(); pieces.last().map_or(0, |piece| piece.line + 1)];
    let mut found = Vec::new();
    for piece in pieces {
        let Some(sight) = view.see(piece) else { continue };
        let line = &mut support[piece.line];
        line.expected_px += sight.length_px;
        if let Some(dab) = sheet.nearest(piece.paint, &sight, reach_px) {
            line.found_px += sight.length_px;
            line.found += 1;
            let edge = Edge { place_m: piece.place_m, pixel: dab.pixel, normal: sight.normal, worth: 1.0 };
            found.push(Match { line: piece.line, paint: piece.paint, across: piece.across, edge });
        }
    }
    for found in &mut found {
        let most = if found.paint == Paint::Boards { BOARDS_WORTH_MAX } else { WORTH_MAX };
        found.edge.worth = (most / support[found.line].found as f64).min(1.0);
    }
    (found, support)
}

/// Follows the lines with each reach in turn (pixels of a 1920 wide picture); `without` is a line to leave away.
pub fn follow(
    camera: &Camera,
    pieces: &[Piece],
    sheet: &Sheet,
    clicks: &[Point],
    reaches_px: &[f64],
    without: Option<usize>,
) -> Option<Pose> {
    let mut camera = camera.clone();
    let mut pose = None;
    for reach_px in reaches_px {
        let (found, _) = matches(&camera, pieces, sheet, reach_px * f64::from(camera.width) / 1920.0);
        let edges: Vec<Edge> =
            found.iter().filter(|found| Some(found.line) != without).map(|found| found.edge).collect();
        let next = pose::descend(camera.clone(), clicks, &edges, prior::likeliest(&camera), STEPS_MAX)?;
        camera = next.camera.clone();
        pose = Some(next);
    }
    pose
}

/// How far off the ice is across the line at a match, metres; infinite where its dab is not on the ice.
pub fn miss_m(camera: &Camera, found: &Match) -> f64 {
    camera.to_ice(found.edge.pixel).map_or(f64::INFINITY, |place| {
        let off = |axis: usize| (place[axis] - found.edge.place_m[axis]) * found.across[axis];
        (off(0) + off(1)).abs()
    })
}
