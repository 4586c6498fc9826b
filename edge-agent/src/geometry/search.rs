//! A camera from the lines a picture shows, with few clicked points or none.
//!
//! Comes in: dabs of painted lines, the rink's lines, clicked points, and on which side the camera stands. Goes out: a
//! [`Calibration`] whose error is leave-one-out over lines, or the reason why not. A rink looks the same after half a
//! turn, so without points somebody has to say the side. Cameras on a coarse grid of places, directions and lenses are
//! scored by how much of the lines they should see is seen; the best of them, unlike each other, are laid over the
//! dabs; the best of those is taken if enough lines support it and nothing else comes near.

use super::{
    Camera,
    candidates::{PIXELS, PRICE, SAME_M, Side, apart_m, on_grid, through, unlike},
    lines::{Dab, Line, Paint, Piece, Sheet, pieces},
    pose::{self, Pose},
    solve::{self, Calibration, Miss, Point, SolveError, quantile},
    trace::{self, Match, Support},
};

/// Fewest points of lines worth a search.
const DABS_MIN: usize = 150;
/// Candidates followed to the end.
const FINE: usize = 40;
/// A line counts when that many of its pieces are found, and that share of its length.
const PIECES_MIN: usize = 8;
const SHARE_MIN: f64 = 0.45;
/// Fewest lines that have to count.
const LINES_MIN: usize = 3;
/// Fewest of them that have to be circles.
const ROUND_MIN: usize = 2;
/// Two clicked points say as much as one line and one circle.
const CLICKS_MIN: usize = 2;
/// With fewer lines than this none may be missing: a line that makes up so much of what should be seen, and of which
/// less than that share is found.
const SURE_MIN: usize = 5;
const PLAIN_MIN: f64 = 0.12;
const MISSING_MAX: f64 = 0.3;
/// Least share of all expected length to be found.
const FOUND_MIN: f64 = 0.55;
/// How near the second best may come.
const RIVAL_MAX: f64 = 0.8;
/// Reaches of a match, pixels of a 1920 wide picture: far ones find the way, near ones the place.
const FAR_PX: [f64; 5] = [60.0, 45.0, 32.0, 24.0, 18.0];
const NEAR_PX: [f64; 6] = [16.0, 12.0, 9.0, 7.0, 6.0, 6.0];
/// Within this a piece is found, pixels of a 1920 wide picture.
const FOUND_PX: f64 = 4.0;

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
        "the best camera finds {lines} lines of the rink, {round} of them circles (at least {LINES_MIN} and {ROUND_MIN}; one fewer of each with landmarks), and {percent:.0} % of what it should see (at least {:.0} %){missing}: click landmarks, take a picture with more circles, or check --rink",
        FOUND_MIN * 100.0
    )]
    Unsupported {
        /// How many lines count.
        lines: usize,
        /// How many of those are circles.
        round: usize,
        /// How much of all lines is found.
        percent: f64,
        /// A line that should be plain to see and is not.
        missing: String,
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
    let trusted = |clicks: &[Point]| clicks.iter().filter(|click| click.wall.is_none()).cloned().collect::<Vec<_>>();
    // Where the boards are differs between rinks: such points are taken only when there are hardly others.
    let clicks =
        &Some(trusted(clicks)).filter(|trusted| trusted.len() >= CLICKS_MIN).unwrap_or_else(|| clicks.to_vec())[..];
    let (all, few) = (pieces(lines, 1), pieces(lines, 3));
    let rough = if clicks.len() < CLICKS_MIN {
        on_grid(&few, &sheet, side.ok_or(LinesError::SideUnknown)?, width, height)
    } else {
        through(clicks, &few, &sheet, width, height)?
    };
    let on_side = |camera: &Camera| clicks.len() >= CLICKS_MIN || side.is_none_or(|side| side.holds(camera.position_m));
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
        return Err(LinesError::Unsupported { lines: 0, round: 0, percent: 0.0, missing: String::new() });
    };
    let found_px = FOUND_PX * f64::from(width) / 1920.0;
    let (found, support) = trace::matches(&pose.camera, &all, &sheet, found_px);
    let counts = |line: &Support| line.found >= PIECES_MIN && line.found_px >= SHARE_MIN * line.expected_px;
    let counted: Vec<usize> =
        (0..support.len()).filter(|line| lines[*line].paint != Paint::Boards && counts(&support[*line])).collect();
    let painted = |line: &(&Support, &Line)| line.1.paint != Paint::Boards;
    let sum =
        |of: fn(&Support) -> f64| -> f64 { support.iter().zip(lines).filter(painted).map(|(line, _)| of(line)).sum() };
    let share = sum(|line| line.found_px) / sum(|line| line.expected_px).max(1.0);
    let round = counted.iter().filter(|line| lines[**line].is_round()).count();
    let plain_px = PLAIN_MIN * sum(|line| line.expected_px);
    let missing = support
        .iter()
        .zip(lines)
        .filter(painted)
        .filter(|_| counted.len() < SURE_MIN)
        .find(|(line, _)| line.expected_px > plain_px && line.found_px < MISSING_MAX * line.expected_px)
        .map_or_else(String::new, |(_, line)| format!(", but not {}", line.name));
    let (lines_min, round_min) =
        if clicks.len() < CLICKS_MIN { (LINES_MIN, ROUND_MIN) } else { (LINES_MIN - 1, ROUND_MIN - 1) };
    if counted.len() < lines_min || round < round_min || share < FOUND_MIN || !missing.is_empty() {
        return Err(LinesError::Unsupported { lines: counted.len(), round, percent: 100.0 * share, missing });
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
    // Leaving a line out sees errors across it only; the covariance sees those along it, but trusts the rules' measures.
    let error_m = quantile(&left_out, 0.5).hypot(likely_m(pose));
    let camera = Camera { error_m, ..pose.camera.clone() };
    Calibration { camera, refit, left_out, residual_px, covariance: pose.covariance }
}

/// The likely error in the middle of what the picture shows of the ice, metres: the median over a few pixels.
fn likely_m(pose: &Pose) -> f64 {
    let [w, h] = [f64::from(pose.camera.width), f64::from(pose.camera.height)];
    let each: Vec<Miss> = PIXELS
        .iter()
        .filter_map(|[x, y]| pose::likely_error_m(&pose.camera, &pose.covariance, [x * w, y * h]))
        .map(|error_m| Miss { name: String::new(), error_m })
        .collect();
    quantile(&each, 0.5)
}

/// How much more of the lines is found than chance would, pixels: what is found, less the price of what is expected.
fn gain(camera: &Camera, pieces: &[Piece], sheet: &Sheet, reach_px: f64) -> f64 {
    let (_, support) = trace::matches(camera, pieces, sheet, reach_px * f64::from(camera.width) / 1920.0);
    support.iter().map(|line| line.found_px - PRICE * line.expected_px).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::lines::View;

    /// Two circles, a blue line and a goal line, as a rink has them at its east end.
    fn end_zone() -> Vec<Line> {
        let straight = |name: &str, paint, x: f64| Line {
            name: name.into(),
            paint,
            points_m: (-20..=20).map(|step| [x, 0.6 * f64::from(step)]).collect(),
        };
        let circle = |name: &str, y: f64| Line {
            name: name.into(),
            paint: Paint::Red,
            points_m: (0..=48)
                .map(|step| f64::from(step) * std::f64::consts::TAU / 48.0)
                .map(|angle| [21.0 + 4.57 * angle.cos(), y + 4.57 * angle.sin()])
                .collect(),
        };
        vec![
            straight("blue_E", Paint::Blue, 7.5),
            straight("goal_E", Paint::Red, 27.1),
            circle("circle_E_N", 6.7),
            circle("circle_E_S", -6.7),
        ]
    }

    fn stand() -> Camera {
        Camera::looking_at(1920, 1080, 50.0, [5.0, -30.0, 10.0], [17.0, 0.0, 0.0])
    }

    /// What `camera` sees of the lines.
    fn dabs(camera: &Camera, lines: &[Line]) -> Vec<Dab> {
        let view = View::new(camera);
        let fine: Vec<Line> = lines.iter().map(finer).collect();
        pieces(&fine, 1)
            .iter()
            .filter_map(|piece| {
                let sight = view.see(piece)?;
                Some(Dab { pixel: sight.pixel, normal: sight.normal, paint: Some(piece.paint) })
            })
            .collect()
    }

    /// The line with ten points for one.
    fn finer(line: &Line) -> Line {
        let between = |ends: &[[f64; 2]]| -> Vec<[f64; 2]> {
            let at = |part: f64| [0, 1].map(|axis| ends[0][axis] + part * (ends[1][axis] - ends[0][axis]));
            (0..10).map(|step| at(f64::from(step) / 10.0)).collect()
        };
        let points_m = line.points_m.windows(2).flat_map(between).chain(line.points_m.last().copied()).collect();
        Line { points_m, ..line.clone() }
    }

    fn find(dabs: Vec<Dab>, side: Option<Side>) -> Result<Traced, LinesError> {
        search(dabs, &end_zone(), &[], side, [1920, 1080])
    }

    #[test]
    fn a_camera_is_found_from_nothing_but_its_side() {
        let found = find(dabs(&stand(), &end_zone()), Some(Side::South)).unwrap();
        assert!(apart_m(&stand(), &found.calibration.camera) < 0.15, "{:?}", found.calibration.camera);
        assert!(found.share > 0.9 && found.calibration.camera.error_m < 0.2, "{found:?}");
        assert_eq!(found.calibration.left_out.len(), 4);
    }

    #[test]
    fn two_points_are_enough_with_lines_and_need_no_side() {
        let points: Vec<Point> = [("dotEZ_E_N", [21.0, 6.7]), ("dotEZ_E_S", [21.0, -6.7])]
            .map(|(name, place_m)| {
                let pixel = stand().project([place_m[0], place_m[1], 0.0]).unwrap();
                Point { name: name.into(), place_m, pixel, wall: None }
            })
            .into();
        let found = search(dabs(&stand(), &end_zone()), &end_zone(), &points, None, [1920, 1080]).unwrap();
        assert!(apart_m(&stand(), &found.calibration.camera) < 0.15, "{:?}", found.calibration.camera);
    }

    #[test]
    fn what_lines_cannot_tell_is_refused_with_the_cure() {
        let seen = dabs(&stand(), &end_zone());
        let said = |found: Result<Traced, LinesError>| found.unwrap_err().to_string();
        assert!(said(find(seen.clone(), None)).contains("--side"));
        assert!(said(find(seen[..100].to_vec(), Some(Side::South))).contains("100 points of painted lines"));
        // Straight paint runs one way only: it slides along itself.
        let straight = dabs(&stand(), &end_zone()[..2]);
        assert!(said(find(straight, Some(Side::South))).contains("click landmarks"));
    }
}
