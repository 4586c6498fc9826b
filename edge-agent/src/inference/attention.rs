//! Which parts of a large picture are worth a look when there is no time for all of them.
//!
//! Comes in: a camera's pictures, one after the other, and what was found in the parts that were looked at. Goes out:
//! the parts to look at in the next. People found lately come first, and of them who waited longest; each part is laid so
//! that it holds as many of them as it can. At least one look a picture goes in search: where something moves and where
//! nobody looked for longest, on the ice where the camera is calibrated. Never: keeps pixels of the picture beyond a
//! thin grid, reads a clock, allocates once its lists have grown. The same pictures give the same parts.

use super::Detection;
use crate::{
    geometry::{Camera, Rect},
    rink::Rink,
};
use opencv::{
    core::{Mat, Rect as Area, Vec3b},
    prelude::*,
};

/// People kept in mind: a crowded rink twice over.
const PEOPLE_MAX: usize = 64;
/// Looks at somebody's place without finding anybody before he is forgotten.
const MISSES_MAX: u32 = 4;
/// Pixels between the points of the grid that movement is told by: two points across a player of 30 pixels.
const GRID_PX: usize = 12;
/// Change of a point's brightness that is movement and not noise, of 255.
const CHANGE_MIN: u8 = 24;
/// Share of points changed above which the camera itself moved, and movement says nothing.
const CHANGED_MAX: f32 = 0.2;
/// Changed points of a part beyond which more of them say no more.
const CHANGES_MAX: u32 = 8;
/// How high above the ice a head is, metres: a part may show the upper half of somebody whose skates are below it.
const HEAD_M: f64 = 2.0;

/// Somebody found lately.
#[derive(Debug, Clone, Copy)]
struct Person {
    rect: Rect,
    /// Pictures since anybody looked there.
    waited: u32,
    /// Looks there since that found nobody.
    misses: u32,
}

/// One of the fixed parts that searching goes through.
#[derive(Debug, Clone, Copy)]
struct Tile {
    area: Area,
    waited: u32,
    changes: u32,
    on_ice: bool,
}

/// One camera's attention.
#[derive(Debug, Default)]
pub struct Attention {
    looks: usize,
    size: [i32; 2],
    tiles: Vec<Tile>,
    people: Vec<Person>,
    ice: Option<(Camera, Rink)>,
    /// Brightness at the grid's points, of the picture before.
    grid: Vec<u8>,
    /// Which of `people` the parts laid so far hold.
    held: Vec<bool>,
}

impl Attention {
    /// At most `looks` parts of a picture, 1 or more.
    pub fn new(looks: usize) -> Self {
        Self { looks: looks.max(1), people: Vec::with_capacity(PEOPLE_MAX), ..Self::default() }
    }

    /// Where the ice is: nothing else is searched.
    pub fn set_ice(&mut self, camera: Camera, rink: Rink) {
        self.ice = Some((camera, rink));
        self.size = [0, 0];
    }

    /// Adds the parts of `image` to look at to `parts`. `tiles` are all parts there are, of one size, in a fixed order.
    pub fn plan(&mut self, image: &Mat, tiles: &[Area], parts: &mut Vec<Area>) -> opencv::Result<()> {
        self.fit([image.cols(), image.rows()], tiles);
        self.watch(image)?;
        let first = parts.len();
        let most = first + self.looks.min(self.tiles.len());
        self.held.clear();
        self.held.resize(self.people.len(), false);
        // The last look is for searching.
        while parts.len() + 1 < most
            && let Some(part) = self.part_of_people()
        {
            parts.push(part);
        }
        while parts.len() < most
            && let Some(part) = self.part_to_search(&parts[first..])
        {
            parts.push(part);
        }
        Ok(())
    }

    /// Takes in what was `found` in `parts` of the picture planned last.
    pub fn learn(&mut self, parts: &[Area], found: &[Detection]) {
        self.people.retain_mut(|person| {
            if !parts.iter().any(|part| holds_middle(*part, &person.rect)) {
                person.waited += 1;
                return true;
            }
            person.misses += 1;
            (person.waited, person.misses) = (0, person.misses);
            let seen = found.iter().any(|detection| detection.rect.iou(&person.rect) > 0.1);
            !seen && person.misses <= MISSES_MAX
        });
        for detection in found {
            if self.people.len() < PEOPLE_MAX {
                self.people.push(Person { rect: detection.rect, waited: 0, misses: 0 });
            }
        }
        for tile in &mut self.tiles {
            let middle = [tile.area.x + tile.area.width / 2, tile.area.y + tile.area.height / 2];
            let looked = parts.iter().any(|part| holds(*part, middle));
            tile.waited = if looked { 0 } else { tile.waited.saturating_add(1) };
        }
    }

    /// Starts anew for pictures of another size.
    fn fit(&mut self, size: [i32; 2], tiles: &[Area]) {
        if self.size == size && self.tiles.len() == tiles.len() {
            return;
        }
        self.size = size;
        self.people.clear();
        self.grid.clear();
        self.tiles.clear();
        let ice = self.ice.as_ref().map(|(camera, rink)| (camera.scaled_to(size[0] as u32, size[1] as u32), rink));
        self.tiles.extend(tiles.iter().map(|area| {
            let on_ice = ice.as_ref().is_none_or(|(camera, rink)| shows_ice(*area, camera, rink));
            Tile { area: *area, waited: 0, changes: 0, on_ice }
        }));
    }

    /// Counts the changed points of each tile.
    fn watch(&mut self, image: &Mat) -> opencv::Result<()> {
        self.tiles.iter_mut().for_each(|tile| tile.changes = 0);
        let (columns, rows) = (self.size[0] as usize / GRID_PX, self.size[1] as usize / GRID_PX);
        let first = self.grid.len() != columns * rows;
        self.grid.resize(columns * rows, 0);
        let mut changed = 0;
        for row in 0..rows {
            let y = (row * GRID_PX + GRID_PX / 2) as i32;
            let pixels = image.at_row::<Vec3b>(y)?;
            let points = &mut self.grid[row * columns..][..columns];
            for (column, (point, pixel)) in
                points.iter_mut().zip(pixels[GRID_PX / 2..].iter().step_by(GRID_PX)).enumerate()
            {
                let before = std::mem::replace(point, pixel[1]);
                if first || before.abs_diff(pixel[1]) < CHANGE_MIN {
                    continue;
                }
                changed += 1;
                let place = [(column * GRID_PX + GRID_PX / 2) as i32, y];
                self.tiles.iter_mut().filter(|tile| holds(tile.area, place)).for_each(|tile| tile.changes += 1);
            }
        }
        if changed as f32 > CHANGED_MAX * (columns * rows) as f32 {
            self.tiles.iter_mut().for_each(|tile| tile.changes = 0);
        }
        Ok(())
    }

    /// A part that holds who waited longest, and with him as many as it can; `None` when all are held.
    fn part_of_people(&mut self) -> Option<Area> {
        let free = |held: &[bool], index: usize| !held[index];
        let longest = (0..self.people.len())
            .filter(|&index| free(&self.held, index))
            .max_by_key(|&index| (self.people[index].waited, std::cmp::Reverse(index)))?;
        let [width, height] = [self.tiles[0].area.width, self.tiles[0].area.height];
        let wanted = self.people[longest].rect;
        let mut best = (laid(&wanted, wanted.x, wanted.y, [width, height], self.size), 0);
        for left in 0..self.people.len() {
            for top in 0..self.people.len() {
                if self.held[left] || self.held[top] {
                    continue;
                }
                let (x, y) = (self.people[left].rect.x, self.people[top].rect.y);
                let part = laid(&wanted, x, y, [width, height], self.size);
                if !holds_whole(part, &wanted) {
                    continue;
                }
                let worth = |(person, held): (&Person, &bool)| {
                    if !held && holds_whole(part, &person.rect) { person.waited + 1 } else { 0 }
                };
                let worth: u32 = self.people.iter().zip(&self.held).map(worth).sum();
                if worth > best.1 {
                    best = (part, worth);
                }
            }
        }
        for (person, held) in self.people.iter().zip(&mut self.held) {
            *held |= holds_whole(best.0, &person.rect);
        }
        // Somebody taller than a part is held by none: his middle must do.
        self.held[longest] = true;
        Some(best.0)
    }

    /// The tile most worth searching that `parts` do not show already.
    fn part_to_search(&mut self, parts: &[Area]) -> Option<Area> {
        let worth = |tile: &Tile| u64::from(tile.waited + 1) * u64::from(1 + tile.changes.min(CHANGES_MAX));
        self.tiles
            .iter()
            .filter(|tile| tile.on_ice)
            .filter(|tile| {
                let middle = [tile.area.x + tile.area.width / 2, tile.area.y + tile.area.height / 2];
                !parts.iter().any(|part| holds(*part, middle))
            })
            .max_by_key(|tile| (worth(tile), std::cmp::Reverse((tile.area.y, tile.area.x))))
            .map(|tile| tile.area)
    }
}

/// A part of `size` whose left edge is a little before `x` and its top a little above `y`, inside the picture.
fn laid(person: &Rect, x: f32, y: f32, size: [i32; 2], picture: [i32; 2]) -> Area {
    let margin = person.h * 0.5;
    let edge = |at: f32, length: i32, full: i32| ((at - margin) as i32).clamp(0, (full - length).max(0));
    Area::new(edge(x, size[0], picture[0]), edge(y, size[1], picture[1]), size[0], size[1])
}

fn holds(part: Area, [x, y]: [i32; 2]) -> bool {
    (part.x..part.x + part.width).contains(&x) && (part.y..part.y + part.height).contains(&y)
}

fn holds_middle(part: Area, rect: &Rect) -> bool {
    holds(part, [(rect.x + rect.w * 0.5) as i32, (rect.y + rect.h * 0.5) as i32])
}

/// Whether a person is in the part with some ice around him; at the picture's edges there is no more to have.
fn holds_whole(part: Area, rect: &Rect) -> bool {
    rect.x >= part.x as f32
        && rect.y >= part.y as f32
        && rect.x + rect.w <= (part.x + part.width) as f32
        && rect.y + rect.h <= (part.y + part.height) as f32
}

/// Whether anybody on the ice can be seen in a part: some of its points look at the ice or at heads above it.
fn shows_ice(area: Area, camera: &Camera, rink: &Rink) -> bool {
    const POINTS: i32 = 6;
    let at = |from: i32, length: i32, step: i32| f64::from(from) + f64::from(length * step) / f64::from(POINTS - 1);
    (0..POINTS * POINTS).any(|index| {
        let pixel = [at(area.x, area.width, index % POINTS), at(area.y, area.height, index / POINTS)];
        let on_ice = |height_m| camera.to_plane(pixel, height_m).is_some_and(|place| rink.contains(place, 0.0));
        on_ice(0.0) || on_ice(HEAD_M)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::Class;
    use opencv::core::{CV_8UC3, Scalar};

    const TILES: [i32; 2] = [4, 3];

    fn tiles() -> Vec<Area> {
        let [columns, rows] = TILES;
        (0..rows).flat_map(|row| (0..columns).map(move |column| Area::new(column * 300, row * 200, 300, 200))).collect()
    }

    fn picture() -> Mat {
        Mat::new_rows_cols_with_default(600, 1200, CV_8UC3, Scalar::all(200.0)).unwrap()
    }

    fn person(x: f32, y: f32) -> Detection {
        Detection { rect: Rect { x, y, w: 12.0, h: 30.0 }, class: Class::Skater, score: 0.9 }
    }

    fn planned(attention: &mut Attention, image: &Mat) -> Vec<Area> {
        let mut parts = Vec::new();
        attention.plan(image, &tiles(), &mut parts).unwrap();
        parts
    }

    #[test]
    fn everything_is_searched_in_turn() {
        let (mut attention, image) = (Attention::new(3), picture());
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..4 {
            let parts = planned(&mut attention, &image);
            attention.learn(&parts, &[]);
            seen.extend(parts.iter().map(|part| (part.x, part.y)));
        }
        assert_eq!(seen.len(), 12);
    }

    #[test]
    fn people_are_looked_at_every_time_and_together() {
        let (mut attention, image) = (Attention::new(2), picture());
        // Across the border of two tiles: no fixed part would hold them both.
        let found = [person(280.0, 190.0), person(320.0, 210.0)];
        attention.plan(&image, &tiles(), &mut Vec::new()).unwrap();
        attention.learn(&tiles(), &found);
        for _ in 0..20 {
            let parts = planned(&mut attention, &image);
            assert_eq!(parts.len(), 2);
            assert!(found.iter().all(|detection| holds_whole(parts[0], &detection.rect)), "{parts:?}");
            attention.learn(&parts, &found);
        }
    }

    #[test]
    fn who_waited_longest_comes_first() {
        let (mut attention, image) = (Attention::new(2), picture());
        let corners = [person(10.0, 10.0), person(1170.0, 10.0), person(10.0, 560.0), person(1170.0, 560.0)];
        planned(&mut attention, &image);
        attention.learn(&tiles(), &corners);
        let mut waits = [0; 4];
        for _ in 0..12 {
            let parts = planned(&mut attention, &image);
            let found: Vec<_> =
                corners.iter().copied().filter(|c| parts.iter().any(|part| holds_whole(*part, &c.rect))).collect();
            attention.learn(&parts, &found);
            for (wait, corner) in waits.iter_mut().zip(&corners) {
                *wait = if found.contains(corner) { 0 } else { *wait + 1 };
                assert!(*wait <= 3, "{waits:?}");
            }
        }
    }

    #[test]
    fn what_moves_is_searched_first_and_a_moving_camera_says_nothing() {
        let (mut attention, still) = (Attention::new(1), picture());
        let parts = planned(&mut attention, &still);
        attention.learn(&parts, &[]);
        let mut moved = picture();
        let place = Area::new(1000, 450, 40, 60);
        Mat::roi_mut(&mut moved, place).unwrap().set_scalar(Scalar::all(20.0)).unwrap();
        let parts = planned(&mut attention, &moved);
        assert_eq!(parts, [Area::new(900, 400, 300, 200)]);
        attention.learn(&parts, &[]);
        let dark = Mat::new_rows_cols_with_default(600, 1200, CV_8UC3, Scalar::all(20.0)).unwrap();
        planned(&mut attention, &dark);
        assert!(attention.tiles.iter().all(|tile| tile.changes == 0));
    }

    #[test]
    fn nobody_searches_the_stands() {
        let camera = Camera::looking_at(1200, 600, 90.0, [0.0, -35.0, 12.0], [0.0, 0.0, 0.0]);
        let (mut attention, image) = (Attention::new(1), picture());
        attention.set_ice(camera, Rink::NHL);
        for _ in 0..40 {
            let parts = planned(&mut attention, &image);
            // The top row is roof and stands.
            assert!(parts.iter().all(|part| part.y > 0), "{parts:?}");
            attention.learn(&parts, &[]);
        }
    }

    #[test]
    fn who_is_gone_is_forgotten() {
        let (mut attention, image) = (Attention::new(2), picture());
        planned(&mut attention, &image);
        attention.learn(&tiles(), &[person(100.0, 100.0)]);
        for _ in 0..=MISSES_MAX {
            let parts = planned(&mut attention, &image);
            attention.learn(&parts, &[]);
        }
        assert!(attention.people.is_empty());
    }
}
