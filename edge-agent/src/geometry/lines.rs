//! Painted lines: those a rink has, and points of those a picture shows, so that one can be laid over the other.
//!
//! Comes in: [`Line`]s in metres and [`Dab`]s in pixels, in any order. Goes out: lines in [`Piece`]s as a camera sees
//! them, and a [`Sheet`] that tells the nearest dab. Knows no pictures: who finds dabs is `capture::paint`.

use super::Camera;

/// In which colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Centre line, goal lines, end zone circles and spots.
    Red,
    /// Blue lines, centre circle, creases.
    Blue,
    /// The boards' foot.
    Boards,
}

/// One line of the rink.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it is called.
    pub name: String,
    /// Its colour.
    pub paint: Paint,
    /// Points along its middle, metres.
    pub points_m: Vec<[f64; 2]>,
}

impl Line {
    /// Whether it is a circle or a bend: all straight paint of a rink runs one way, and says nothing of the other.
    pub fn is_round(&self) -> bool {
        let [Some(from), Some(to)] = [self.points_m.first(), self.points_m.last()] else { return false };
        let middle = self.points_m[self.points_m.len() / 2];
        let straight = [f64::midpoint(from[0], to[0]), f64::midpoint(from[1], to[1])];
        (middle[0] - straight[0]).hypot(middle[1] - straight[1]) > 0.5
    }
}

/// One point of a line in a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dab {
    /// Its middle, pixels.
    pub pixel: [f64; 2],
    /// Across the line, of length one.
    pub normal: [f64; 2],
    /// Its colour; `None` when it is red or blue and too pale to tell.
    pub paint: Option<Paint>,
}

/// A short piece of a line.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    /// Which line.
    pub line: usize,
    /// Its colour.
    pub paint: Paint,
    /// Its middle, metres.
    pub place_m: [f64; 2],
    /// Across it on the ice, of length one; out of the rink for the boards.
    pub across: [f64; 2],
    /// Its end, metres.
    end_m: [f64; 2],
}

/// A piece as a camera sees it.
#[derive(Debug, Clone, Copy)]
pub struct Sight {
    /// Its middle, pixels.
    pub pixel: [f64; 2],
    /// Across it in the picture, of length one.
    pub normal: [f64; 2],
    /// How long it is in the picture, pixels.
    pub length_px: f64,
}

/// Cuts lines into pieces between their points, taking every `stride`th.
pub fn pieces(lines: &[Line], stride: usize) -> Vec<Piece> {
    let cut = |(index, line): (usize, &Line)| -> Vec<Piece> {
        let piece = |ends: &[[f64; 2]]| {
            let [from, to] = [ends[0], ends[1]];
            let place_m = [f64::midpoint(from[0], to[0]), f64::midpoint(from[1], to[1])];
            let length = (to[0] - from[0]).hypot(to[1] - from[1]).max(1e-9);
            let across = [(to[1] - from[1]) / length, (from[0] - to[0]) / length];
            let outward = (across[0] * place_m[0] + across[1] * place_m[1]).signum();
            Piece { line: index, paint: line.paint, place_m, across: across.map(|part| part * outward), end_m: to }
        };
        line.points_m.windows(2).step_by(stride).map(piece).collect()
    };
    lines.iter().enumerate().flat_map(cut).collect()
}

/// A camera made ready to see many pieces.
#[derive(Debug)]
pub struct View<'a> {
    camera: &'a Camera,
    /// Where the lens' terms fold back: what is farther from the axis is not seen.
    spread_max: f64,
}

impl<'a> View<'a> {
    /// Of a camera.
    pub fn new(camera: &'a Camera) -> Self {
        let diagonal = f64::from(camera.width).hypot(f64::from(camera.height)) / 2.0 / camera.focal_px;
        Self { camera, spread_max: (1.3 * diagonal).powi(2) }
    }

    /// Where the piece is seen; `None` when it is outside the picture, or at the foot of boards between it and the
    /// camera.
    pub fn see(&self, piece: &Piece) -> Option<Sight> {
        let stand = self.camera.position_m;
        let [x, y] = piece.place_m;
        if piece.paint == Paint::Boards && (stand[0] - x) * piece.across[0] + (stand[1] - y) * piece.across[1] > 0.0 {
            return None;
        }
        let pixel = self.pixel(piece.place_m)?;
        let [w, h] = [f64::from(self.camera.width), f64::from(self.camera.height)];
        if !(0.0..w).contains(&pixel[0]) || !(0.0..h).contains(&pixel[1]) {
            return None;
        }
        let end = self.pixel(piece.end_m)?;
        let [dx, dy] = [end[0] - pixel[0], end[1] - pixel[1]];
        let half = dx.hypot(dy);
        (half > 1e-6).then(|| Sight { pixel, normal: [-dy / half, dx / half], length_px: 2.0 * half })
    }

    /// As [`Camera::project`], for the ice and without its matrices: this runs a hundred million times a search.
    fn pixel(&self, place_m: [f64; 2]) -> Option<[f64; 2]> {
        let Camera { position_m: [sx, sy, sz], rotation: [right, down, forward], .. } = self.camera;
        let [x, y, z] = [place_m[0] - sx, place_m[1] - sy, -sz];
        let deep = forward[0] * x + forward[1] * y + forward[2] * z;
        if deep < 0.5 {
            return None;
        }
        let u = (right[0] * x + right[1] * y + right[2] * z) / deep;
        let v = (down[0] * x + down[1] * y + down[2] * z) / deep;
        let spread = u * u + v * v;
        if spread > self.spread_max {
            return None;
        }
        let [k1, k2] = self.camera.distortion;
        let bend = (1.0 + (k1 + k2 * spread) * spread) * self.camera.focal_px;
        Some([self.camera.centre_px[0] + u * bend, self.camera.centre_px[1] + v * bend])
    }
}

/// Columns of the sheet: dabs are two pixels of a 1920 wide picture apart.
const COLUMNS: usize = 960;
/// Cells to one cell of the coarse sheet.
const COARSE: usize = 4;
/// Dabs whose direction differs by more than this (cosine) are of another line: 35°.
const ALIKE: f64 = 0.82;

/// All dabs of a picture by place and colour.
#[derive(Debug)]
pub struct Sheet {
    dabs: Vec<Dab>,
    /// Pixels to a cell.
    cell_px: f64,
    columns: usize,
    rows: usize,
    /// For each colour and cell one more than the index of a dab there or beside it; 0 for none.
    cells: [Vec<u32>; 3],
    /// For each colour and coarse cell the distance to the nearest dab, coarse cells.
    distances: [Vec<f32>; 3],
}

impl Sheet {
    /// Lays out the dabs of a picture of this size.
    pub fn new(width: u32, height: u32, dabs: Vec<Dab>) -> Self {
        let cell_px = f64::from(width) / COLUMNS as f64;
        let (columns, rows) = (COLUMNS, (f64::from(height) / cell_px).ceil() as usize);
        let (wide, high) = (columns.div_ceil(COARSE), rows.div_ceil(COARSE));
        let mut cells: [Vec<u32>; 3] = std::array::from_fn(|_| vec![0; columns * rows]);
        let mut distances: [Vec<f32>; 3] = std::array::from_fn(|_| vec![f32::MAX / 4.0; wide * high]);
        for (index, dab) in dabs.iter().enumerate() {
            let [x, y] = dab.pixel.map(|at| (at / cell_px) as usize);
            if x >= columns || y >= rows {
                continue;
            }
            let layers: &[usize] = match dab.paint {
                Some(paint) => &[[0], [1], [2]][paint as usize],
                None => &[0, 1],
            };
            for &layer in layers {
                distances[layer][(y / COARSE) * wide + x / COARSE] = 0.0;
                for row in y.saturating_sub(1)..(y + 2).min(rows) {
                    for column in x.saturating_sub(1)..(x + 2).min(columns) {
                        let cell = &mut cells[layer][row * columns + column];
                        if *cell == 0 || (row, column) == (y, x) {
                            *cell = index as u32 + 1;
                        }
                    }
                }
            }
        }
        for layer in &mut distances {
            spread(layer, wide, high);
        }
        Self { dabs, cell_px, columns, rows, cells, distances }
    }

    /// How many dabs there are.
    pub fn len(&self) -> usize {
        self.dabs.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.dabs.is_empty()
    }

    /// Roughly how far the nearest dab of that colour is, pixels.
    pub fn distance_px(&self, paint: Paint, pixel: [f64; 2]) -> f64 {
        let [x, y] = pixel.map(|at| (at / self.cell_px) as usize / COARSE);
        let wide = self.columns.div_ceil(COARSE);
        let distance = self.distances[paint as usize].get(y * wide + x).copied().unwrap_or(f32::MAX);
        f64::from(distance) * self.cell_px * COARSE as f64
    }

    /// The nearest dab of that colour and direction across the line, at most `reach_px` away.
    pub fn nearest(&self, paint: Paint, sight: &Sight, reach_px: f64) -> Option<&Dab> {
        let steps = (reach_px / self.cell_px).ceil() as i32;
        (0..=2 * steps).find_map(|step| {
            // 0, 1, -1, 2, -2, ...
            let far = f64::from((step + 1) / 2 * if step % 2 == 0 { -1 } else { 1 });
            let [x, y] = [0, 1].map(|axis| sight.pixel[axis] / self.cell_px + far * sight.normal[axis]);
            if x < 0.0 || y < 0.0 || x as usize >= self.columns || y as usize >= self.rows {
                return None;
            }
            let index = self.cells[paint as usize][y as usize * self.columns + x as usize];
            let dab = self.dabs.get((index as usize).checked_sub(1)?)?;
            let alike = (dab.normal[0] * sight.normal[0] + dab.normal[1] * sight.normal[1]).abs();
            (alike > ALIKE).then_some(dab)
        })
    }
}

/// Distances from where they are 0 to everywhere, by two passes of steps to neighbours (Borgefors 1986).
fn spread(layer: &mut [f32], wide: usize, high: usize) {
    let (side, corner) = (1.0f32, std::f32::consts::SQRT_2);
    for backwards in [false, true] {
        for step in 0..wide * high {
            let at = if backwards { wide * high - 1 - step } else { step };
            let (x, y) = ((at % wide) as isize, (at / wide) as isize);
            let way = if backwards { 1 } else { -1 };
            for (dx, dy, far) in [(way, 0, side), (-1, way, corner), (0, way, side), (1, way, corner)] {
                let (nx, ny) = (x + dx, y + dy);
                if nx >= 0 && ny >= 0 && (nx as usize) < wide && (ny as usize) < high {
                    layer[at] = layer[at].min(layer[ny as usize * wide + nx as usize] + far);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_dab_is_of_the_colour_and_direction_asked_for() {
        let dab = |y: f64, paint| Dab { pixel: [400.0, y], normal: [0.0, 1.0], paint };
        let crossing = Dab { pixel: [400.0, 302.0], normal: [1.0, 0.0], paint: Some(Paint::Red) };
        let dabs = vec![dab(310.0, Some(Paint::Blue)), dab(320.0, None), dab(290.0, Some(Paint::Boards)), crossing];
        let sheet = Sheet::new(1920, 1080, dabs);
        let sight = Sight { pixel: [400.0, 300.0], normal: [0.0, -1.0], length_px: 10.0 };
        let there = |paint, reach_px| sheet.nearest(paint, &sight, reach_px).map(|dab| dab.pixel[1]);
        assert_eq!(there(Paint::Blue, 30.0), Some(310.0));
        assert_eq!(there(Paint::Red, 30.0), Some(320.0), "pale ones are either");
        assert_eq!(there(Paint::Boards, 30.0), Some(290.0));
        assert_eq!(there(Paint::Red, 10.0), None);
        assert!((sheet.distance_px(Paint::Boards, [400.0, 330.0]) - 40.0).abs() < 12.0);
    }

    #[test]
    fn boards_are_seen_from_inside_only_and_paint_from_anywhere() {
        let camera = Camera::looking_at(1920, 1080, 70.0, [0.0, -28.0, 12.0], [0.0, 0.0, 0.0]);
        let line = |paint, y: f64| Line { name: String::new(), paint, points_m: vec![[1.0, y], [2.0, y]] };
        let all = pieces(&[line(Paint::Boards, 13.0), line(Paint::Boards, -13.0), line(Paint::Red, -13.0)], 1);
        let view = View::new(&camera);
        assert_eq!(all.iter().map(|piece| view.see(piece).is_some()).collect::<Vec<_>>(), [true, false, true]);
        let pixel = camera.project([1.5, 13.0, 0.0]).unwrap();
        let seen = view.see(&all[0]).unwrap();
        assert!((seen.pixel[0] - pixel[0]).hypot(seen.pixel[1] - pixel[1]) < 1e-9);
        assert!(seen.normal[1].abs() > 0.99);
    }
}
