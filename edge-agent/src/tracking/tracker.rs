//! One camera's tracker: predict, join in two passes, let live or die, and say what is alive.
//!
//! The first pass joins detections of high score to all tracks; the second offers what is left of low score to
//! believed tracks seen a moment ago (`ByteTrack`, Zhang et al. 2022). What all seen boxes have in common in how
//! their prediction is corrected is the camera's doing: unseen tracks take the same correction.

use super::{Config, Life, Track, assignment::Assignment, association::Candidate, lifecycle::Story, motion::Moving};
use crate::{
    geometry::Rect,
    ids::TrackId,
    inference::{Class, Detection},
};

/// Longest step a prediction makes, seconds: after a longer silence a straight line says nothing.
const STEP_S_MAX: f32 = 1.0;
/// Seen boxes needed before their common correction is believed to be the camera's.
const COMMON_MOTION_MIN: usize = 6;

/// One living track.
#[derive(Debug, Clone)]
struct Living {
    id: TrackId,
    moving: Moving,
    story: Story,
    /// Summed scores of each class, in order of [`Class`].
    votes: [f32; 4],
    score: f32,
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
    /// By how much each seen track was corrected: across, down, and the speeds of both.
    corrections: [Vec<f32>; 4],
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
            corrections: std::array::from_fn(|_| Vec::with_capacity(tracks)),
            config,
        }
    }

    /// Takes in one frame's detections; answers the tracks alive then, in order of id.
    ///
    /// A frame older than the one before is taken to be of the same moment.
    pub fn update(&mut self, captured_us: i64, detections: &[Detection]) -> &[Track] {
        let now_us = captured_us.max(self.now_us.unwrap_or(captured_us));
        let dt_s = ((now_us - self.now_us.unwrap_or(now_us)) as f32 * 1e-6).min(STEP_S_MAX);
        self.now_us = Some(now_us);
        let detections = &detections[..detections.len().min(self.config.detections_max)];
        for living in &mut self.living {
            living.moving.predict(dt_s, &self.config.motion);
        }
        self.seen.clear();
        self.seen.resize(self.living.len(), false);
        self.joined.clear();
        self.joined.resize(detections.len(), false);
        for corrections in &mut self.corrections {
            corrections.clear();
        }

        let (high, low) = (self.config.high_score, self.config.low_score);
        self.pass(now_us, detections, high..=f32::INFINITY, self.config.association.first_cost_max, |_| true);
        self.carry_unseen();
        let recent = |living: &Living| living.story.life == Life::Confirmed;
        self.pass(now_us, detections, low..=high.next_down(), self.config.association.second_cost_max, recent);

        self.bury(now_us);
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
                let (class, sigma) = (living.class(), config.motion.place_sigma);
                self.rows.push(row as u32);
                self.candidates.push(Candidate::new(&living.moving, class, unseen_s, sigma, &config.association));
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
            let before = living.moving;
            living.moving.update(&detection.rect, &config.motion);
            for (corrections, correction) in self.corrections.iter_mut().zip(living.moving.moved_from(&before)) {
                corrections.push(correction);
            }
            living.story.seen(now_us, &config.lifecycle);
            living.vote(detection);
            self.seen[row] = true;
            self.joined[column] = true;
        }
    }

    /// Corrects what was not seen by what is common to the corrections of all that was.
    fn carry_unseen(&mut self) {
        if self.corrections[0].len() < COMMON_MOTION_MIN {
            return;
        }
        let common = self.corrections.each_mut().map(|corrections| median(corrections));
        for (living, _) in self.living.iter_mut().zip(&self.seen).filter(|(_, seen)| !**seen) {
            living.moving.shift(common);
        }
    }

    /// Tells tracks nobody joined that they were missed; the dead leave.
    fn bury(&mut self, now_us: i64) {
        let mut seen = self.seen.iter();
        let lifecycle = &self.config.lifecycle;
        self.living.retain_mut(|living| {
            *seen.next().expect("one flag for each living track") || living.story.missed(now_us, lifecycle)
        });
    }

    /// Starts tracks for detections of high score that nobody took.
    fn bear(&mut self, now_us: i64, detections: &[Detection]) {
        for (detection, joined) in detections.iter().zip(&self.joined) {
            let worthy = !joined && detection.score >= self.config.high_score && is_box(&detection.rect);
            if !worthy || self.living.len() >= self.config.tracks_max {
                continue;
            }
            let mut living = Living {
                id: TrackId(self.next_id),
                moving: Moving::start(&detection.rect, &self.config.motion),
                story: Story::start(now_us, &self.config.lifecycle),
                votes: [0.0; 4],
                score: detection.score,
            };
            living.vote(detection);
            self.living.push(living);
            self.next_id = self.next_id.wrapping_add(1);
        }
    }

    fn tell(&mut self) -> &[Track] {
        self.tracks.clear();
        self.tracks.extend(self.living.iter().map(|living| Track {
            id: living.id,
            rect: living.moving.rect(),
            velocity_px: [living.moving.x.speed, living.moving.y.speed],
            sigma_px: living.moving.foot_sigma(),
            class: living.class(),
            score: living.score,
            life: living.story.life,
        }));
        &self.tracks
    }
}

/// Whether it has a place and a size.
fn is_box(rect: &Rect) -> bool {
    rect.x.is_finite() && rect.y.is_finite() && rect.w.is_finite() && rect.h.is_finite() && rect.w > 0.0 && rect.h > 0.0
}

/// The middle one; reorders. Not of nothing.
fn median(values: &mut [f32]) -> f32 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}
