//! `edge-agent simulate`: a made-up game as films, calibrations, truth and labels; or single pictures for training.
//!
//! Comes in: a seed and a folder. Goes out: files in that folder; progress on standard error. Deterministic in the
//! seed. Fails when the folder cannot be written.

mod pictures;
mod recording;

use crate::{
    geometry::Rect,
    simulation::render::{Class, Label},
};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use firmware_protocol::network::Side;
use serde::Serialize;

/// Makes up a game.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Simulate {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    recording: Option<recording::Recording>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Independent pictures with boxes, for training.
    Pictures(pictures::Pictures),
}

/// Does what was asked.
pub fn run(args: &Simulate) -> Result<()> {
    match (&args.what, &args.recording) {
        (Some(What::Pictures(args)), _) => pictures::run(args),
        (None, recording) => recording::run(recording.as_ref().context("say --out FOLDER, or `pictures`")?),
    }
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let (w, h) = text.split_once('x').ok_or("say WIDTHxHEIGHT")?;
    let side = |s: &str| s.parse::<u32>().ok().filter(|n| (64..=7680).contains(n)).ok_or("each side is 64 to 7680");
    Ok((side(w)?, side(h)?))
}

/// A box as it stands in label files.
#[derive(Serialize)]
pub struct Boxed {
    #[serde(flatten)]
    rect: Rect,
    class: Class,
    visible: f32,
    side: Option<Side>,
    number: u8,
    whole: Rect,
}

impl From<&Label> for Boxed {
    fn from(l: &Label) -> Self {
        Self {
            rect: l.rect,
            class: l.class,
            visible: (l.visible * 1000.0).round() / 1000.0,
            side: l.side,
            number: l.number,
            whole: l.whole,
        }
    }
}
