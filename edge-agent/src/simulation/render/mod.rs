//! Pictures of a simulated game from any camera.
//!
//! Comes in: a [`Camera`], a rink, a [`Look`] and the [`Truth`] of an instant. Goes out: a picture, blue green red, and
//! [`Label`]s: where whom is seen. What does not move is drawn once for each camera; a frame costs a copy and the
//! people. Deterministic: the same input gives the same bytes. Never: reads clocks or files. Nothing here can fail.
//!
//! Layers, back to front: hall and boards and ice (`arena`, `ice`), people, puck and goals in order of distance
//! (`skeleton` → `figure` → `raster`, clothed by `kit`), then what stands before the camera (`arena` again). `film`
//! makes light into what a sensor writes. Labels count the pixels in which a person is the front-most.

mod arena;
mod figure;
mod film;
mod goal;
mod ice;
mod kit;
mod look;
pub mod moment;
mod raster;
mod renderer;
mod skeleton;
#[cfg(test)]
mod tests;
mod texture;
mod vector;
mod view;

pub use look::{ArenaLook, FilmLook, IceLook, Kit, Light, Look};
pub use renderer::Renderer;

use crate::geometry::Rect;
use figure::Figure;
use firmware_protocol::network::Side;
use kit::Wardrobe;
use raster::{Canvas, Corner, Faces};
use serde::Serialize;
use view::View;

#[cfg(doc)]
use crate::{geometry::Camera, simulation::Truth};

/// What is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Forward or defender.
    Skater,
    /// Goaltender.
    Goalie,
    /// Referee or linesperson.
    Official,
    /// The puck.
    Puck,
}

/// Somebody on the ice, or the puck, in a picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Label {
    /// The person; 0 for the puck.
    pub id: u32,
    /// What it is.
    pub class: Class,
    /// Pixels in which it is seen, helmet to skates, without the stick.
    #[serde(flatten)]
    pub rect: Rect,
    /// The same as if nobody stood before it; clipped to the picture.
    pub whole: Rect,
    /// Share of it that is seen, 0 to 1: the rest is hidden or outside the picture.
    pub visible: f32,
    /// Team; none for officials and the puck.
    pub side: Option<Side>,
    /// Jersey number; 0 for officials and the puck.
    pub number: u8,
}

/// Draws a figure where it stands.
fn paint_figure(canvas: &mut Canvas, view: &View, figure: &mut Figure, clothes: &Wardrobe) {
    figure.project(view);
    for part in &figure.parts {
        let texture = clothes.texture(part.surface);
        for triangle in &figure.triangles[part.triangles[0]..part.triangles[1]] {
            let corners = triangle.map(|i| {
                let ([x, y, near], point) = (figure.projected[i as usize], &figure.points[i as usize]);
                Corner { x, y, near, u: point.uv[0], v: point.uv[1], light: point.light }
            });
            if corners.iter().all(|c| c.near > 0.0) {
                canvas.triangle(corners, texture, part.tag, Faces::Front);
            }
        }
    }
}
