//! One camera's tracker: predict, join in two passes, let live or die, and say what is alive.
//!
//! The first pass joins detections of high score to all tracks; the second offers what is left of low score to
//! believed tracks (`ByteTrack`, Zhang et al. 2022). Before anything is joined, the camera's motion is taken out: as told
//! by the caller who has the pictures, else as far as all boxes share it ([`camera`](super::camera)).

use super::{
    Config, Life, Track, assignment::Assignment, association::Candidate, camera::CameraMotion, lifecycle::Story,
    motion::Moving,
};
use crate::{
    geometry::{Affine, Rect},
    ids::TrackId,
    inference::{Class, Detection},
};

/// Longest step a prediction makes, seconds: after a longer silence a straight line says nothing.
const STEP_S_MAX: f32 = 1.0;

/// One living track.
#[derive(Debug, Clone)]
struct Living {
    id: TrackId,
    moving: Moving,
    story: Story,
    /// Summed scores of each class, in order of [`Class`].
    votes: [f32; 4],
    score: f32,
    /// Which of this frame's detections it is.
    joined: Option<u16>,
}

impl Living {
    fn class(&self) -> Class {
        const CLASSES: [Class; 4] = [Class::Skater, Class::Goalie, Class::Official, Class::Puck];
        let mut best = 0;
        for vote in 1..CLASSES.len() {
            if self.votes[vote] > self.votes[best] {
                best = vote;
            }
        }
        CLASSES[best]
    }

    fn vote(&mut self, detection: &Detection) {
        // Never zero: a lone detection of score 0 still says what it is.
        self.votes[detection.class as usize] += detection.score.max(1e-3);
        self.score = detection.score;
    }
}

/// Detections of one camera to tracks.
#[derive(Debug, Clone)]
pub struct Tracker {
    config: Config,
    next_id: u32,
    now_us: Option<i64>,
    living: Vec<Living>,
    tracks: Vec<Track>,
    assignment: Assignment,
    candidates: Vec<Candidate>,
    costs: Vec<f64>,
    /// Rows of the present pass: indices into `living`.
    rows: Vec<u32>,
    /// Columns of the present pass: indices into the frame's detections.
    columns: Vec<u32>,
    /// Which living tracks were seen in this frame.
    seen: Vec<bool>,
    /// Which detections were joined in this frame.
    joined: Vec<bool>,
    camera: CameraMotion,
    /// The camera's step when the caller told it, and in how many seconds it was made.
    told: Option<(Affine, f32)>,
}

impl Tracker {
    /// A tracker that has seen nothing yet. Reserves all it will ever need.
    pub fn new(config: Config) -> Self {
        let (tracks, detections) = (config.tracks_max, config.detections_max);
        Self {
            next_id: 1,
            now_us: None,
            living: Vec::with_capacity(tracks),
            tracks: Vec::with_capacity(tracks),
            assignment: Assignment::with_capacity(tracks, detections),
            candidates: Vec::with_capacity(tracks),
            costs: Vec::with_capacity(tracks * detections),
            rows: Vec::with_capacity(tracks),
            columns: Vec::with_capacity(detections),
            seen: Vec::with_capacity(tracks),
            joined: Vec::with_capacity(detections),
            camera: CameraMotion::new(tracks),
            told: None,
            config,
        }
    }

    /// Takes in one frame's detections; answers the tracks alive then, in order of id.
    ///
    /// `camera` is its step since the frame before, where the pictures told it; otherwise what all boxes do alike is
    /// taken for it. A frame older than the one before is taken to be of the same moment.
    pub fn update(&mut self, captured_us: i64, detections: &[Detection], camera: Option<&Affine>) -> &[Track] {
        self.update_looked(captured_us, detections, camera, &[])
    }

    /// The same of a frame that was only looked at in the parts `looked` (empty: everywhere): who is elsewhere was not
    /// missed.
    pub fn update_looked(
        &mut self,
        captured_us: i64,
        detections: &[Detection],
        camera: Option<&Affine>,
        looked: &[Rect],
    ) -> &[Track] {
        let now_us = captured_us.max(self.now_us.unwrap_or(captured_us));
        let dt_s = ((now_us - self.now_us.unwrap_or(now_us)) as f32 * 1e-6).min(STEP_S_MAX);
        self.now_us = Some(now_us);
        let detections = &detections[..detections.len().min(self.config.detections_max)];
        self.told = camera.filter(|_| dt_s > 0.0).map(|affine| (*affine, dt_s));
        self.predict(dt_s, camera);
        self.seen.clear();
        self.seen.resize(self.living.len(), false);
        self.joined.clear();
        self.joined.resize(detections.len(), false);
        if camera.is_none() {
            self.settle_camera(dt_s, detections);
        }

        let (high, low) = (self.config.high_score, self.config.low_score);
        self.pass(now_us, detections, high..=f32::INFINITY, self.config.association.first_cost_max, |_| true);
        let recent = |living: &Living| living.story.life != Life::Tentative;
        self.pass(now_us, detections, low..=high.next_down(), self.config.association.second_cost_max, recent);

        self.bury(now_us, (dt_s * 1e6) as i64, looked);
        self.bear(now_us, detections);
        self.tell()
    }

    /// One round of joining detections with a score in `scores` to tracks nobody joined yet.
    fn pass(
        &mut self,
        now_us: i64,
        detections: &[Detection],
        scores: std::ops::RangeInclusive<f32>,
        cost_max: f32,
        eligible: impl Fn(&Living) -> bool,
    ) {
        let config = &self.config;
        self.rows.clear();
        self.candidates.clear();
        for (row, living) in self.living.iter().enumerate() {
            if !self.seen[row] && eligible(living) {
                let unseen_s = living.story.unseen_us(now_us) as f32 * 1e-6;
                let (class, noise) = (living.class(), living.moving.place_noise(&config.motion));
                self.rows.push(row as u32);
                let mut candidate = Candidate::new(&living.moving, class, unseen_s, noise, &config.association);
                if living.story.life == Life::Tentative {
                    candidate.price += config.association.tentative_price;
                }
                self.candidates.push(candidate);
            }
        }
        self.columns.clear();
        self.columns.extend(detections.iter().enumerate().filter_map(|(column, detection)| {
            (!self.joined[column] && scores.contains(&detection.score) && is_box(&detection.rect))
                .then_some(column as u32)
        }));
        if self.rows.is_empty() || self.columns.is_empty() {
            return;
        }
        self.costs.clear();
        for candidate in &self.candidates {
            let row = self.columns.iter().map(|&column| {
                let cost = candidate.cost(&detections[column as usize], &config.association);
                if cost < f64::from(cost_max) { cost } else { f64::INFINITY }
            });
            self.costs.extend(row);
        }
        let pairs = self.assignment.solve(&self.costs, self.columns.len(), f64::from(cost_max));
        for (row, column) in pairs.iter().enumerate() {
            let Some(column) = column else { continue };
            let (row, column) = (self.rows[row] as usize, self.columns[*column as usize] as usize);
            let (living, detection) = (&mut self.living[row], &detections[column]);
            living.moving.update(&detection.rect, detection.score, &config.motion);
            living.story.seen(now_us, detection.score, &config.lifecycle);
            living.vote(detection);
            living.joined = Some(column as u16);
            self.seen[row] = true;
            self.joined[column] = true;
        }
    }

    /// Moves everything on by `dt_s` seconds and by the camera's step, told or expected.
    fn predict(&mut self, dt_s: f32, camera: Option<&Affine>) {
        if let (Some((affine, dt_s)), false) = (&self.told, self.living.is_empty()) {
            let share = 1.0 / self.living.len() as f32;
            let place = |axis: fn(&Moving) -> f32| self.living.iter().map(|living| axis(&living.moving) * share).sum();
            self.camera.told(pan(affine, *dt_s, place(|moving| moving.x.at), place(|moving| moving.y.at)));
        }
        let heights: f32 = self.living.iter().map(|living| living.moving.h.at).sum();
        let height = heights / self.living.len().max(1) as f32;
        let shift = match camera {
            Some(_) => [0.0; 2],
            None => self.camera.predict(dt_s, height, &self.config.motion),
        };
        for living in &mut self.living {
            living.joined = None;
            living.moving.predict(dt_s, &self.config.motion);
            living.moving.shift(shift);
            if let Some(affine) = camera {
                living.moving.carry(affine);
            }
        }
    }

    /// Takes out what all boxes do alike, before anything is joined.
    fn settle_camera(&mut self, dt_s: f32, detections: &[Detection]) {
        let (motion, gate) = (&self.config.motion, self.config.association.gate_sigmas.powi(2));
        for living in &self.living {
            let moving = &living.moving;
            let noise = moving.place_noise(motion);
            let inverse = [1.0 / (moving.x.variance + noise[0]), 1.0 / (moving.y.variance + noise[1])];
            let (mut nearest, mut innovation) = (gate, None);
            for detection in detections {
                let rect = &detection.rect;
                let beside = [rect.x + rect.w * 0.5 - moving.x.at, rect.y + rect.h * 0.5 - moving.y.at];
                let squared = beside[0] * beside[0] * inverse[0] + beside[1] * beside[1] * inverse[1];
                if squared < nearest && detection.score >= self.config.high_score {
                    (nearest, innovation) = (squared, Some(beside));
                }
            }
            if let Some(innovation) = innovation {
                self.camera.saw(innovation);
            }
        }
        let shift = self.camera.settle();
        let given = self.camera.give_up(1.0 - (-dt_s * 1e3 / self.config.motion.camera_memory_ms).exp());
        for living in &mut self.living {
            living.moving.shift(shift);
            living.moving.hasten(given);
        }
    }

    /// Tells tracks nobody joined that they were missed; the dead leave.
    fn bury(&mut self, now_us: i64, step_us: i64, looked: &[Rect]) {
        let mut seen = self.seen.iter();
        let lifecycle = &self.config.lifecycle;
        self.living.retain_mut(|living| {
            if *seen.next().expect("one flag for each living track") {
                return true;
            }
            let (x, y) = (living.moving.x.at, living.moving.y.at);
            if !looked.is_empty() && !looked.iter().any(|part| part.contains(x, y)) {
                living.story.unwatched(step_us);
            }
            living.story.missed(now_us, lifecycle)
        });
    }

    /// Starts tracks for detections of high score that nobody took.
    fn bear(&mut self, now_us: i64, detections: &[Detection]) {
        for (column, (detection, joined)) in detections.iter().zip(&self.joined).enumerate() {
            let worthy = !joined && detection.score >= self.config.high_score && is_box(&detection.rect);
            if !worthy || self.living.len() >= self.config.tracks_max {
                continue;
            }
            let mut moving = Moving::start(&detection.rect, &self.config.motion);
            if let Some((affine, dt_s)) = &self.told {
                moving.start_beside(pan(affine, *dt_s, moving.x.at, moving.y.at));
            }
            let mut living = Living {
                id: TrackId(self.next_id),
                moving,
                story: Story::start(now_us, detection.score, &self.config.lifecycle),
                votes: [0.0; 4],
                score: detection.score,
                joined: Some(column as u16),
            };
            living.vote(detection);
            self.living.push(living);
            self.next_id = self.next_id.wrapping_add(1);
        }
    }

    fn tell(&mut self) -> &[Track] {
        self.tracks.clear();
        self.tracks.extend(self.living.iter().map(|living| {
            let (x, y) = (living.moving.x, living.moving.y);
            let camera = match &self.told {
                Some((affine, dt_s)) => pan(affine, *dt_s, x.at, y.at),
                None => self.camera.speed(),
            };
            Track {
                id: living.id,
                rect: living.moving.rect(),
                velocity_px: [x.speed + camera[0], y.speed + camera[1]],
                sigma_px: living.moving.foot_sigma(),
                class: living.class(),
                score: living.score,
                life: living.story.life,
                joined: living.joined,
                side: None,
                number: None,
            }
        }));
        &self.tracks
    }

    /// The tracks last told, for what is learned of them elsewhere: side, class and number.
    pub fn tracks_mut(&mut self) -> &mut [Track] {
        &mut self.tracks
    }
}

/// How fast the picture moves at a place, pixels per second.
fn pan([[a, b, c], [d, e, f]]: &Affine, dt_s: f32, x: f32, y: f32) -> [f32; 2] {
    [(a * x + b * y + c - x) / dt_s, (d * x + e * y + f - y) / dt_s]
}

/// Whether it has a place and a size.
fn is_box(rect: &Rect) -> bool {
    rect.x.is_finite() && rect.y.is_finite() && rect.w.is_finite() && rect.h.is_finite() && rect.w > 0.0 && rect.h > 0.0
}
