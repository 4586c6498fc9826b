//! The heart of fusion: observations wait for their moment, are taken in in order of capture, and make a state.
//!
//! Order of arrival does not matter: what was captured at one instant is sorted by what it is, so the same
//! observations give the same states, bit for bit. Allocates nothing per observation: buffers are reserved once.

use super::{
    Binding, Config, Counts, Observation, Seen, Snapshot,
    clocks::Clocks,
    joining::Joining,
    people::{Heard, People},
    plane::matrix,
    puck::{Puck, Sighting},
    scoreboard::Scoreboard,
};
use crate::{ids::CameraId, rink::Rink};
use nalgebra::Matrix2;

/// Everything seen, to one truth.
#[derive(Debug, Clone)]
pub struct Fusion {
    config: Config,
    rink: Rink,
    waiting: Vec<Observation>,
    people: People,
    joining: Joining,
    clocks: Clocks,
    puck: Puck,
    scoreboard: Scoreboard,
    until_us: i64,
    counts: Counts,
}

impl Fusion {
    /// Nobody seen yet. The person of `bindings[i]` is entity `i + 1` for good.
    pub fn new(config: Config, rink: Rink, bindings: &[Binding]) -> Self {
        let people_max = config.people_max.max(bindings.len());
        Self {
            waiting: Vec::with_capacity(config.waiting_max),
            people: People::new(bindings, people_max),
            joining: Joining::new(people_max),
            clocks: Clocks::default(),
            puck: Puck::new(),
            scoreboard: Scoreboard::default(),
            until_us: i64::MIN,
            counts: Counts::default(),
            config,
            rink,
        }
    }

    /// What was left out so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How far a camera's stamps were found to be late, microseconds; they are corrected by it.
    pub fn clock_offset_us(&self, camera: CameraId) -> i64 {
        self.clocks.offset_us(camera)
    }

    /// Takes in one observation; it counts when the state reaches its capture time.
    pub fn observe(&mut self, mut observation: Observation) {
        if let Seen::Person { camera, .. } | Seen::PuckSeen { camera, .. } = observation.seen {
            observation.captured_us -= self.clocks.offset_us(camera);
        }
        let late_us = self.until_us.saturating_sub(observation.captured_us);
        if self.until_us != i64::MIN && late_us > i64::from(self.config.late_ms_max) * 1_000 {
            self.counts.late += 1;
        } else if !makes_sense(&observation.seen) {
            self.counts.nonsense += 1;
        } else if self.waiting.len() >= self.config.waiting_max {
            self.counts.overflow += 1;
        } else {
            self.waiting.push(observation);
        }
    }

    /// Becomes the same as `other` without giving up its own buffers: allocates only while they grow.
    pub fn copy(&mut self, other: &Self) {
        self.waiting.clone_from(&other.waiting);
        self.people.copy(&other.people);
        self.joining.copy(&other.joining);
        self.puck.clone_from(&other.puck);
        self.clocks = other.clocks;
        (self.scoreboard, self.until_us, self.counts) = (other.scoreboard, other.until_us, other.counts);
    }

    /// The state at `until_us`, from everything captured until then. Moments go forward only.
    pub fn advance(&mut self, until_us: i64, snapshot: &mut Snapshot) {
        self.until_us = self.until_us.max(until_us);
        let now_us = self.until_us;
        self.waiting.sort_unstable_by_key(order);
        let due = self.waiting.partition_point(|observation| observation.captured_us <= now_us);
        let mut start = 0;
        while start < due {
            let frame = self.waiting[start..due].iter().take_while(|next| same_frame(&self.waiting[start], next));
            let end = start + frame.count().max(1);
            self.take(start..end);
            start = end;
        }
        self.waiting.drain(..due);
        if let Some((a, b)) = self.people.untangle(now_us, &self.config.people) {
            self.joining.exchange(a, b);
        }
        self.joining.settle(now_us, &mut self.people, &self.config.joining, &self.config.people);
        self.people.forget(now_us, &self.config.people);
        self.tell(now_us, snapshot);
    }

    fn take(&mut self, range: std::ops::Range<usize>) {
        let observation = self.waiting[range.start];
        let at_us = observation.captured_us;
        match observation.seen {
            Seen::Person { .. } => {
                let frame = &self.waiting[range];
                let (joining, people) = (&self.config.joining, &self.config.people);
                self.joining.join(frame, &mut self.people, &mut self.clocks, joining, people);
            }
            Seen::PuckSeen { position_m, covariance_m2, .. } => {
                let noise = matrix(covariance_m2);
                let sighting = Sighting { at_us, place_m: position_m, noise, height_m: None, peak_g: 0.0 };
                self.puck.see(&sighting, &self.config.puck);
            }
            Seen::PuckTag { position_m: [x, y, z], sigma_m, peak_g } => {
                let noise = Matrix2::identity() * sigma_m.powi(2);
                let sighting = Sighting { at_us, place_m: [x, y], noise, height_m: Some(z), peak_g };
                self.puck.see(&sighting, &self.config.puck);
            }
            Seen::Tag { tag, position_m, sigma_m } => {
                let Some(person) = self.people.wearer(tag) else {
                    self.counts.overflow += 1;
                    return;
                };
                match person.see_tag(at_us, position_m, sigma_m, &self.config.people) {
                    Heard::Believed => {}
                    Heard::Disbelieved => self.counts.disbelieved += 1,
                    Heard::Reseated => self.joining.unlink(person.entity),
                }
            }
            Seen::Scoreboard { clock, penalties_s } => self.scoreboard.show(at_us, clock, penalties_s),
        }
    }

    fn tell(&mut self, now_us: i64, snapshot: &mut Snapshot) {
        snapshot.captured_us = now_us;
        (snapshot.clock, snapshot.penalties_s) = self.scoreboard.at(now_us);
        snapshot.puck = self.puck.at(now_us, &self.config.puck, &self.rink);
        self.people.tell(now_us, &self.config.people, &self.rink, &mut snapshot.players);
    }
}

/// Capture time first; what was captured at once in an order that does not depend on arrival.
fn order(observation: &Observation) -> (i64, u8, u32, u32) {
    let (kind, source, number) = match observation.seen {
        Seen::Scoreboard { .. } => (0, 0, 0),
        Seen::Tag { tag, .. } => (1, tag.0, 0),
        Seen::Person { camera, track, .. } => (2, u32::from(camera.0), track.0),
        Seen::PuckTag { .. } => (3, 0, 0),
        Seen::PuckSeen { camera, .. } => (4, u32::from(camera.0), 0),
    };
    (observation.captured_us, kind, source, number)
}

/// People one camera saw at one instant are decided together.
fn same_frame(a: &Observation, b: &Observation) -> bool {
    match (a.seen, b.seen) {
        (Seen::Person { camera: a_camera, .. }, Seen::Person { camera: b_camera, .. }) => {
            a_camera == b_camera && a.captured_us == b.captured_us
        }
        _ => false,
    }
}

/// Numbers that are numbers, and certainty that is possible.
fn makes_sense(seen: &Seen) -> bool {
    let finite = |numbers: &[f64]| numbers.iter().all(|number| number.is_finite());
    let possible = |[xx, xy, yy]: [f64; 3]| finite(&[xx, xy, yy]) && xx > 0.0 && yy > 0.0 && xx * yy > xy * xy;
    match seen {
        Seen::Person { position_m, covariance_m2, .. } | Seen::PuckSeen { position_m, covariance_m2, .. } => {
            finite(position_m) && possible(*covariance_m2)
        }
        Seen::Tag { position_m, sigma_m, .. } => finite(position_m) && finite(&[*sigma_m]) && *sigma_m > 0.0,
        Seen::PuckTag { position_m, sigma_m, peak_g } => {
            finite(position_m) && finite(&[*sigma_m, *peak_g]) && *sigma_m > 0.0
        }
        Seen::Scoreboard { .. } => true,
    }
}
