//! Aim, not reached yet: within the first minute of a game it is known who plays for whom and who is an official, told by nobody;
//! two cameras in different light agree.
//!
//! Shown on a simulated, rendered game of 75 seconds seen by two cameras of 960×540, the second with 30 % less light;
//! ten seconds before the end both lose another 30 %. Boxes are the picture's own, shaken by 4 % of their size; every
//! fourth look takes an official for a skater, every tenth a skater for an official. Tracks are people: what tracking
//! gets wrong is measured elsewhere. Players and officials are drawn at some 40 to 110 pixels.

use edge_agent::{
    capture::Scene,
    geometry::{Camera, Rect},
    ids::TrackId,
    inference::{
        Class, Detection,
        jersey::{self, Jersey},
    },
    rink::Rink,
    simulation::{
        Game, Setup,
        render::{Look, Renderer},
    },
    tracking::{Life, Teams, Track, palette::Palette, teams::Worn},
};
use firmware_protocol::network::Side;
use opencv::{
    core::{CV_8UC3, Mat, Scalar},
    prelude::*,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SEED: u64 = 4;
const STEP_MS: i64 = 250;
const SECONDS: i64 = 75;
const DIMMED_AT_S: i64 = 65;

/// One camera's eye.
struct View {
    bright: Renderer,
    dim: Renderer,
    teams: Teams,
    image: Mat,
    rng: ChaCha8Rng,
}

impl View {
    fn new(camera: &Camera, light: f32, seed: u64) -> Self {
        let renderer = |light: f32| {
            let mut look = Look::standard(SEED);
            look.film.gains = look.film.gains.map(|gain| gain * light);
            Renderer::new(camera, Rink::NHL, look)
        };
        Self {
            bright: renderer(light),
            dim: renderer(light * 0.7),
            teams: Teams::new(Worn::default()),
            image: Mat::new_rows_cols_with_default(540, 960, CV_8UC3, Scalar::all(0.0)).unwrap(),
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Looks at the game's present; what is said of everybody seen, and what is true.
    fn look(&mut self, game: &Game, dimmed: bool, other: Option<&Palette>) -> Vec<(Track, Option<Side>)> {
        let renderer = if dimmed { &mut self.dim } else { &mut self.bright };
        renderer.render(game.truth(), self.image.data_bytes_mut().unwrap());
        let mut labels: Vec<_> = renderer.labels().iter().filter(|label| label.id > 0 && label.visible > 0.4).collect();
        labels.sort_by_key(|label| label.id);
        let (mut detections, mut tracks) = (Vec::new(), Vec::new());
        for label in &labels {
            let mut off = |length: f32| length * self.rng.random_range(-0.04..0.04);
            let Rect { x, y, w, h } = label.rect;
            let rect = Rect { x: x + off(w), y: y + off(h), w: w + off(w), h: h + off(h) };
            let official = label.side.is_none();
            let mistaken = self.rng.random_bool(if official { 0.25 } else { 0.1 });
            let class = if official == mistaken { Class::Skater } else { Class::Official };
            tracks.push(Track {
                id: TrackId(label.id),
                rect,
                velocity_px: [0.0; 2],
                sigma_px: [2.0; 2],
                class,
                score: 0.8,
                life: Life::Confirmed,
                joined: Some(detections.len() as u16),
                side: None,
                number: None,
            });
            detections.push(Detection { rect, class, score: 0.8 });
        }
        let mut jerseys: Vec<Option<Jersey>> = Vec::new();
        jersey::measure(&self.image, &detections, &mut jerseys);
        self.teams.see(game.truth().time_us, &detections, &jerseys, &mut tracks, other);
        tracks.into_iter().zip(labels.iter().map(|label| label.side)).collect()
    }
}

/// Counts of what was said.
#[derive(Debug, Default)]
struct Said {
    right: u32,
    wrong: u32,
    unknown: u32,
    officials_right: u32,
    officials_wrong: u32,
    players_called_officials: u32,
}

impl Said {
    fn add(&mut self, track: &Track, truth: Option<Side>) {
        // The standard look dresses the home team in white: without being told, the darker is taken for home.
        let truth = truth.map(|side| if side == Side::Home { Side::Away } else { Side::Home });
        match (truth, track.class) {
            (None, Class::Official) => self.officials_right += 1,
            (None, _) => self.officials_wrong += 1,
            (Some(_), Class::Official) => self.players_called_officials += 1,
            (Some(_), _) if track.side.is_none() => self.unknown += 1,
            (Some(_), _) if track.side == truth => self.right += 1,
            (Some(_), _) => self.wrong += 1,
        }
    }
}

#[test]
#[ignore = "not reached yet: 52 % of players right, 11 % wrong, 37 % unknown; 63 % of officials (tracks here die with every hidden frame)"]
fn teams_are_learned_and_kept_when_the_light_changes() {
    let setup = Setup { seed: SEED, rink: Rink::NHL, game: 1 };
    let mut game = Game::new(setup);
    let hang = |index| Scene::hang(&setup, index, 2, [960, 540]);
    let mut views = [View::new(&hang(0), 1.0, 1), View::new(&hang(1), 0.7, 2)];
    let (mut minute, mut after) = (Said::default(), Said::default());
    for step in 0..SECONDS * 1_000 / STEP_MS {
        let at_ms = step * STEP_MS;
        game.step_to(at_ms * 1_000, |_| {});
        let other = views[0].teams.palette().copied();
        for view in &mut views {
            let seen = view.look(&game, at_ms >= DIMMED_AT_S * 1_000, other.as_ref());
            let said = if at_ms >= DIMMED_AT_S * 1_000 { &mut after } else { &mut minute };
            // The first half is for learning.
            if at_ms >= 30_000 {
                for (track, truth) in &seen {
                    said.add(track, *truth);
                }
            }
        }
    }
    println!("30 to 65 s: {minute:?}\nafter the light changed: {after:?}");
    for said in [minute, after] {
        let players = f64::from(said.right + said.wrong + said.unknown + said.players_called_officials);
        assert!(f64::from(said.right) / players > 0.9, "{said:?}");
        assert!(f64::from(said.wrong) / players < 0.02, "{said:?}");
        let officials = f64::from(said.officials_right + said.officials_wrong);
        assert!(f64::from(said.officials_right) / officials > 0.9, "{said:?}");
    }
}
