//! A camera from the lines a picture shows, with few clicked points or none.
//!
//! Comes in: dabs of painted lines, the rink's lines, clicked points, and on which side the camera stands. Goes out: a
//! [`Calibration`] whose error is leave-one-out over lines, or the reason why not. A rink looks the same after half a
//! turn, so without points somebody has to say the side. Cameras on a coarse grid of places, directions and lenses are
//! scored by how much of the lines they should see is seen; the best of them, unlike each other, are laid over the
//! dabs; the best of those is taken if enough lines support it and nothing else comes near.

use super::{
    Camera,
    lines::{Dab, Line, Piece, Sheet, View, pieces},
    pose::{self, Pose},
    prior::Arena,
    solve::{self, Calibration, Miss, Point, SolveError, quantile},
    trace::{self, Match, Support},
};

/// Fewest points of lines worth a search.
const DABS_MIN: usize = 150;
/// What each pixel of an expected line costs: where a third of them is found chance is at work.
const PRICE: f64 = 0.35;
/// Candidates kept from the grid, and those of them followed to the end.
const ROUGH: usize = 160;
const FINE: usize = 12;
/// A line counts when that many of its pieces are found, and that share of its length.
const PIECES_MIN: usize = 8;
const SHARE_MIN: f64 = 0.45;
/// Fewest lines that have to count.
const LINES_MIN: usize = 4;
/// Least share of all expected length to be found.
const FOUND_MIN: f64 = 0.5;
/// How near the second best may come.
const RIVAL_MAX: f64 = 0.8;
/// Cameras that place what they see nearer to each other than this are one, metres.
const SAME_M: f64 = 1.5;
/// Reaches of a match, pixels of a 1920 wide picture: far ones find the way, near ones the place.
const FAR_PX: [f64; 5] = [60.0, 45.0, 32.0, 24.0, 18.0];
const NEAR_PX: [f64; 6] = [16.0, 12.0, 9.0, 7.0, 6.0, 6.0];
/// Within this a piece is found, pixels of a 1920 wide picture.
const FOUND_PX: f64 = 6.0;

/// On which side of the rink a camera stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Behind the east goal, +x.
    East,
    /// Behind the west goal, −x.
    West,
    /// Along the north boards, +y.
    North,
    /// Along the south boards, −y.
    South,
}

/// A camera found by lines.
#[derive(Debug, Clone)]
pub struct Traced {
    /// The camera; errors are of lines by name, across them, and of points.
    pub calibration: Calibration,
    /// Share of the expected length of lines that is found.
    pub share: f64,
}

/// Why lines do not make a camera.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LinesError {
    /// The clicked points are wrong by themselves.
    #[error(transparent)]
    Points(#[from] SolveError),
    /// Hardly anything painted was found.
    #[error(
        "{found} points of painted lines found (at least {DABS_MIN}): take a sharper picture that shows more of the ice, or click landmarks"
    )]
    NothingFound {
        /// How many.
        found: usize,
    },
    /// Neither points nor a side.
    #[error("a rink looks the same after half a turn: say with --side where the camera stands, or click landmarks")]
    SideUnknown,
    /// No camera explains the lines well enough.
    #[error(
        "the best camera finds {lines} lines of the rink (at least {LINES_MIN}) and {percent:.0} % of what it should see (at least {:.0} %): click landmarks, or take a picture with circles and lines of both colours",
        FOUND_MIN * 100.0
    )]
    Unsupported {
        /// How many lines count.
        lines: usize,
        /// How much of them is found.
        percent: f64,
    },
    /// Another camera explains them nearly as well.
    #[error(
        "two cameras explain the lines nearly as well ({percent:.0} %, at most {:.0} %), {apart_m:.0} m apart on the ice: click two or more landmarks",
        RIVAL_MAX * 100.0
    )]
    Ambiguous {
        /// The second's score of the first's.
        percent: f64,
        /// How differently they place what they see.
        apart_m: f64,
    },
    /// The lines do not hold the camera.
    #[error(
        "without one of its lines the camera is {worst_m:.1} m off ({name}; at most {limit_m:.1} m): click landmarks there"
    )]
    Loose {
        /// Which line.
        name: String,
        /// How far off, metres.
        worst_m: f64,
        /// How far is allowed, metres.
        limit_m: f64,
    },
}

/// Half of the lines may miss by this when each is left out, metres.
const LOOSE_M: f64 = 1.0;

/// Finds a camera of `width` × `height` pixels. `clicks` may be none, or two and more; `side` is needed without them.
pub fn search(
    dabs: Vec<Dab>,
    lines: &[Line],
    clicks: &[Point],
    side: Option<Side>,
    [width, height]: [u32; 2],
) -> Result<Traced, LinesError> {
    if dabs.len() < DABS_MIN {
        return Err(LinesError::NothingFound { found: dabs.len() });
    }
    let sheet = Sheet::new(width, height, dabs);
    let (all, few) = (pieces(lines, 1), pieces(lines, 3));
    let rough = if clicks.len() < 2 {
        on_grid(&few, &sheet, side.ok_or(LinesError::SideUnknown)?, width, height)
    } else {
        through(clicks, &few, &sheet, width, height)?
    };
    let on_side = |camera: &Camera| clicks.len() >= 2 || side.is_none_or(|side| side.holds(camera.position_m));
    let mut tried: Vec<(f64, Camera)> = rough
        .into_iter()
        .filter_map(|(_, camera)| trace::follow(&camera, &few, &sheet, clicks, &FAR_PX, None))
        .map(|pose| (gain(&pose.camera, &few, &sheet, FAR_PX[4]), pose.camera))
        .collect();
    tried.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut best: Vec<(f64, Pose)> = unlike(tried, FINE)
        .into_iter()
        .filter_map(|(_, camera)| trace::follow(&camera, &all, &sheet, clicks, &NEAR_PX, None))
        .filter(|pose| on_side(&pose.camera))
        .map(|pose| (gain(&pose.camera, &all, &sheet, FOUND_PX), pose))
        .collect();
    best.sort_by(|a, b| b.0.total_cmp(&a.0));
    let Some((score, pose)) = best.first() else {
        return Err(LinesError::Unsupported { lines: 0, percent: 0.0 });
    };
    let found_px = FOUND_PX * f64::from(width) / 1920.0;
    let (found, support) = trace::matches(&pose.camera, &all, &sheet, found_px);
    let counts = |line: &Support| line.found >= PIECES_MIN && line.found_px >= SHARE_MIN * line.expected_px;
    let counted: Vec<usize> = (0..support.len()).filter(|line| counts(&support[*line])).collect();
    let share = support.iter().map(|line| line.found_px).sum::<f64>()
        / support.iter().map(|line| line.expected_px).sum::<f64>().max(1.0);
    if counted.len() < LINES_MIN || share < FOUND_MIN {
        return Err(LinesError::Unsupported { lines: counted.len(), percent: 100.0 * share });
    }
    for (rival, other) in &best[1..] {
        let apart_m = apart_m(&pose.camera, &other.camera);
        if apart_m > SAME_M && *rival > RIVAL_MAX * score {
            return Err(LinesError::Ambiguous { percent: 100.0 * rival / score, apart_m });
        }
    }
    let calibration = judged(pose, &found, &counted, lines, clicks, |camera, points, without| {
        trace::follow(camera, &all, &sheet, points, &NEAR_PX[2..], without)
    });
    let (worst_m, limit_m) = (calibration.camera.error_m, LOOSE_M);
    if worst_m > limit_m {
        let worst = calibration.left_out.iter().max_by(|a, b| a.error_m.total_cmp(&b.error_m));
        return Err(LinesError::Loose {
            name: worst.map_or_else(String::new, |miss| miss.name.clone()),
            worst_m: worst.map_or(worst_m, |miss| miss.error_m),
            limit_m,
        });
    }
    Ok(Traced { calibration, share })
}

/// Leaves each line and each point out in turn, and sees how far off it then is.
fn judged(
    pose: &Pose,
    found: &[Match],
    counted: &[usize],
    lines: &[Line],
    clicks: &[Point],
    again: impl Fn(&Camera, &[Point], Option<usize>) -> Option<Pose>,
) -> Calibration {
    let miss = |camera: &Camera, line: usize| {
        let each: Vec<Miss> = found
            .iter()
            .filter(|found| found.line == line)
            .map(|found| Miss { name: String::new(), error_m: trace::miss_m(camera, found) })
            .collect();
        Miss { name: lines[line].name.clone(), error_m: quantile(&each, 0.5) }
    };
    let lost = |name: &str| Miss { name: name.to_owned(), error_m: f64::INFINITY };
    let mut refit: Vec<Miss> = counted.iter().map(|line| miss(&pose.camera, *line)).collect();
    let mut left_out: Vec<Miss> = counted
        .iter()
        .map(|line| {
            again(&pose.camera, clicks, Some(*line))
                .map_or_else(|| lost(&lines[*line].name), |pose| miss(&pose.camera, *line))
        })
        .collect();
    for (index, click) in clicks.iter().enumerate() {
        let mut others = clicks.to_vec();
        others.remove(index);
        refit.push(solve::miss(&pose.camera, click));
        left_out.push(
            again(&pose.camera, &others, None)
                .map_or_else(|| lost(&click.name), |pose| solve::miss(&pose.camera, click)),
        );
    }
    let square_px = |found: &Match| {
        let seen = pose.camera.project([found.edge.place_m[0], found.edge.place_m[1], 0.0]).unwrap_or_default();
        let off = |axis: usize| (seen[axis] - found.edge.pixel[axis]) * found.edge.normal[axis];
        (off(0) + off(1)).powi(2)
    };
    let residual_px = (found.iter().map(square_px).sum::<f64>() / found.len().max(1) as f64).sqrt();
    let camera = Camera { error_m: quantile(&left_out, 0.5), ..pose.camera.clone() };
    Calibration { camera, refit, left_out, residual_px, covariance: pose.covariance }
}

/// How much more of the lines is found than chance would, pixels: what is found, less the price of what is expected.
fn gain(camera: &Camera, pieces: &[Piece], sheet: &Sheet, reach_px: f64) -> f64 {
    let (_, support) = trace::matches(camera, pieces, sheet, reach_px * f64::from(camera.width) / 1920.0);
    support.iter().map(|line| line.found_px - PRICE * line.expected_px).sum()
}

/// As [`gain`], by distance alone and the more the nearer: a hint of the way for a camera that is metres off.
fn promise(camera: &Camera, pieces: &[Piece], sheet: &Sheet) -> f64 {
    let (view, reach_px) = (View::new(camera), FAR_PX[0] * f64::from(camera.width) / 1920.0);
    let worth = |piece: &Piece| {
        view.see(piece).map_or(0.0, |sight| {
            let near = 1.0 - (sheet.distance_px(piece.paint, sight.pixel) / reach_px).min(1.0);
            sight.length_px * (near - PRICE)
        })
    };
    pieces.iter().map(worth).sum()
}

/// The most promising cameras of a side.
fn on_grid(pieces: &[Piece], sheet: &Sheet, side: Side, width: u32, height: u32) -> Vec<(f64, Camera)> {
    let mut all = Vec::new();
    for place in side.places() {
        for target in targets() {
            for zoom in 0..9 {
                let mut camera = Camera::looking_at(width, height, 60.0, place, target);
                camera.focal_px = 0.5 * 1.27f64.powi(zoom) * f64::from(width);
                all.push((promise(&camera, pieces, sheet), camera));
            }
        }
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    unlike(all, ROUGH)
}

/// Cameras all around the rink that see the clicked points where they were clicked.
fn through(
    clicks: &[Point],
    pieces: &[Piece],
    sheet: &Sheet,
    width: u32,
    height: u32,
) -> Result<Vec<(f64, Camera)>, LinesError> {
    let mut all = Vec::new();
    match solve::solve(clicks, width, height) {
        Ok(solved) => all.push((f64::INFINITY, solved.camera)),
        // Lines help where points are too few; they cannot help points that are wrong.
        Err(SolveError::TooFew { .. } | SolveError::OnALine { .. }) => {}
        Err(fault) => return Err(fault.into()),
    }
    let count = clicks.len() as f64;
    let middle = clicks
        .iter()
        .fold([0.0; 3], |sum, click| [sum[0] + click.place_m[0] / count, sum[1] + click.place_m[1] / count, 0.0]);
    let sides = [Side::East, Side::West, Side::North, Side::South];
    for place in sides.into_iter().flat_map(Side::places) {
        let camera = Camera::looking_at(width, height, 40.0, place, middle);
        if let Some(pose) = pose::descend(camera, clicks, &[], &Arena::about(place), pose::STEPS_MAX) {
            // A camera that does not see the points where they are is none.
            let off = clicks.iter().map(|click| solve::residual_px(&pose.camera, click)).sum::<f64>() / count;
            if off < 0.03 * f64::from(width) {
                all.push((promise(&pose.camera, pieces, sheet), pose.camera));
            }
        }
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    Ok(unlike(all, ROUGH))
}

/// At most `count` of the cameras, best first, no two of them alike.
fn unlike(sorted: Vec<(f64, Camera)>, count: usize) -> Vec<(f64, Camera)> {
    let mut kept: Vec<(f64, Camera)> = Vec::new();
    for (score, camera) in sorted {
        if kept.len() == count {
            break;
        }
        if kept.iter().all(|(_, other)| apart_m(other, &camera) > SAME_M) {
            kept.push((score, camera));
        }
    }
    kept
}

/// How differently two cameras place what they see on the ice, metres: the mean over a few pixels, at most 50.
fn apart_m(one: &Camera, other: &Camera) -> f64 {
    let [w, h] = [f64::from(one.width), f64::from(one.height)];
    let pixels = [[0.2, 0.45], [0.8, 0.45], [0.5, 0.6], [0.15, 0.85], [0.85, 0.85]];
    let apart = |[x, y]: [f64; 2]| match (one.to_ice([x * w, y * h]), other.to_ice([x * w, y * h])) {
        (Some(a), Some(b)) => (a[0] - b[0]).hypot(a[1] - b[1]).min(50.0),
        (None, None) => 0.0,
        _ => 50.0,
    };
    pixels.map(apart).iter().sum::<f64>() / pixels.len() as f64
}

/// What a camera may look at: every few metres of the ice.
fn targets() -> impl Iterator<Item = [f64; 3]> {
    (-6..=6).flat_map(|x| (-1..=2).map(move |y| [4.0 * f64::from(x), 5.0 * f64::from(y) - 2.5, 0.0]))
}

impl Side {
    /// Whether that place is on this side.
    fn holds(self, [x, y, _]: [f64; 3]) -> bool {
        match self {
            Self::East => x > 0.0,
            Self::West => x < 0.0,
            Self::North => y > 0.0,
            Self::South => y < 0.0,
        }
    }

    /// Places to try: from just behind the boards to the back of the stands, from a scaffold to the roof.
    fn places(self) -> Vec<[f64; 3]> {
        let (boards, along, out) = match self {
            Self::East | Self::West => (30.5, [-10.0, 0.0, 10.0].as_slice(), self == Self::East),
            Self::North | Self::South => {
                (13.5, [-24.0, -16.0, -8.0, 0.0, 8.0, 16.0, 24.0].as_slice(), self == Self::North)
            }
        };
        let sign = if out { 1.0 } else { -1.0 };
        let mut all = Vec::new();
        for &along in along {
            for (behind, heights) in [(4.0, [4.0, 7.0, 11.0]), (12.0, [5.0, 9.0, 14.0]), (24.0, [8.0, 13.0, 19.0])] {
                for height in heights {
                    let away = sign * (boards + behind);
                    all.push(match self {
                        Self::East | Self::West => [away, along, height],
                        Self::North | Self::South => [along, away, height],
                    });
                }
            }
        }
        all
    }
}
