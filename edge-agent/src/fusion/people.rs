//! Everybody known, on and off the ice: where they are, who they are, and whether to believe what is said of them.
//!
//! Comes in: tag readings, and camera sightings already joined to a person. Goes out: [`PlayerState`]s of those on the
//! ice. A tag reading that cannot be is left out: a body in the way bends several in a row alike, so they are believed
//! only when they go on for longer than bodies stay, or when somebody else is seen where the tag says (then the two
//! were mistaken for each other by a camera, and change places). Whoever wears a tag is kept for good, an untagged
//! person until unseen for too long. Never fails.

use super::{
    Binding, PlayerState,
    config::People as Config,
    plane::{Manner, Plane},
    puck::within,
    worn::{self, Believed, Worn},
};
use crate::{
    ids::{CameraId, EntityId, TagId},
    inference::Class,
    rink::Rink,
};
use firmware_protocol::network::{Role, Side};
use nalgebra::Matrix2;

/// Cameras remembered apart; beyond these two share a place.
const CAMERAS: usize = 16;
/// Unseen for longer than this somebody may have turned or braked, microseconds.
const STRAIGHT_US: i64 = 300_000;
/// Fastest anybody skates, m/s: disagreeing readings that would need more do not support each other.
const SPEED_MAX_MPS: f64 = 12.0;
/// Seen by another camera within this time, their place is not only this camera's word, microseconds.
const BESIDES_US: i64 = 150_000;
/// Same frame of one camera and not older than this: it tells two people apart, microseconds.
const TOLD_APART_US: i64 = 500_000;

/// A reading this much nearer to the disbelieved ones before it than to the state is one of them, metres.
const BENT_M: f64 = 0.5;
/// So many disbelieved readings may mean that two were mistaken for each other.
const MISTAKEN_READINGS: u32 = 4;
/// Somebody this near to where a disbelieved tag says is who the tag means, metres.
const MISTAKEN_M: f64 = 0.8;
/// Before so many sightings the state itself may be what is wrong: then few readings are enough to start again.
const PROBATION_HITS: u32 = 12;
const PROBATION_READINGS: u32 = 3;

/// A tag silent for this long may have left the ice with its wearer, microseconds: six readings of 20 Hz.
const SILENT_US: i64 = 300_000;

/// What became of a tag reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    Believed,
    Disbelieved,
    /// Believed against all that was seen before: cameras were following somebody else.
    Reseated,
}

/// One person.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) entity: EntityId,
    tag: Option<TagId>,
    role: Role,
    pub(super) side: Option<Side>,
    number: Option<u8>,
    plane: Option<Plane>,
    born_us: i64,
    /// When something was last believed of them.
    seen_us: i64,
    /// When their tag last spoke, believed or not.
    heard_us: i64,
    hits: u32,
    votes: [u32; 3],
    worn: Worn,
    disbelieved: u32,
    disbelieved_at: (i64, [f64; 2]),
    on_ice: bool,
    camera_us: [i64; CAMERAS],
    /// Since when they stand on somebody else.
    pub(super) shadow_since_us: Option<i64>,
}

impl Person {
    fn new(entity: EntityId, tag: Option<TagId>) -> Self {
        Self {
            entity,
            tag,
            role: Role::Skater,
            side: None,
            number: None,
            plane: None,
            born_us: i64::MIN,
            seen_us: i64::MIN,
            heard_us: i64::MIN,
            hits: 0,
            votes: [0; 3],
            worn: Worn::default(),
            disbelieved: 0,
            disbelieved_at: (0, [0.0; 2]),
            on_ice: false,
            camera_us: [i64::MIN; CAMERAS],
            shadow_since_us: None,
        }
    }

    /// Whether a tag says who they are.
    pub(super) fn tagged(&self) -> bool {
        self.tag.is_some()
    }

    /// Whether their tag speaks: only then is it sure that they are here at all.
    pub(super) fn voiced(&self, now_us: i64) -> bool {
        self.tagged() && now_us.saturating_sub(self.heard_us) < SILENT_US
    }

    /// Who stays when two turn out to be one: first those whose tag speaks, then the older.
    pub(super) fn standing(&self, now_us: i64) -> (bool, i64, EntityId) {
        (!self.voiced(now_us), self.born_us, self.entity)
    }

    /// They are not here, or not told from somebody else.
    pub(super) fn dissolve(&mut self) {
        self.plane = None;
        self.shadow_since_us = None;
    }

    /// Whether nothing is known of where they are and no tag can bring them back.
    fn nobody(&self) -> bool {
        self.plane.is_none() && !self.tagged()
    }

    /// Whether nothing was heard or seen of them for too long.
    fn gone(&self, now_us: i64, config: &Config) -> bool {
        let patience_ms = if self.tagged() { config.unseen_ms_max } else { config.untagged_unseen_ms_max };
        now_us.saturating_sub(self.seen_us.max(self.heard_us)) > i64::from(patience_ms) * 1_000
    }

    /// Their filter at `now_us`, unless they were unseen for too long.
    pub(super) fn at(&self, now_us: i64, config: &Config) -> Option<Plane> {
        let plane = self.plane?;
        if self.gone(now_us, config) {
            return None;
        }
        let straight = Manner { acceleration_density: config.acceleration_density, drag_per_s: 0.0 };
        let slowing = Manner { drag_per_s: config.unseen_drag_per_s, ..straight };
        Some(plane.at(now_us.min(self.seen_us + STRAIGHT_US), straight).at(now_us, slowing))
    }

    /// Takes in where their tag says they are.
    pub(super) fn see_tag(&mut self, at_us: i64, place_m: [f64; 2], sigma_m: f64, config: &Config) -> Heard {
        let mut noise = Matrix2::identity() * sigma_m.powi(2);
        let known = self.at(at_us, config);
        self.heard_us = self.heard_us.max(at_us);
        let Some(mut plane) = known else {
            self.start(at_us, place_m, &noise, config);
            return Heard::Believed;
        };
        let carried = plane.carried(place_m, at_us);
        let squared = plane.squared_sigmas(carried, &noise);
        if squared > config.gate_sigmas.powi(2) || self.bent(&plane, at_us, place_m) {
            let enough = if self.hits < PROBATION_HITS { PROBATION_READINGS } else { config.reseat_readings };
            if self.disbelieve(at_us, place_m) < enough {
                return Heard::Disbelieved;
            }
            self.start(at_us, place_m, &noise, config);
            return Heard::Reseated;
        }
        self.disbelieved = 0;
        // Beyond two standard deviations a blocked path is as likely as chance: pull less (Huber).
        noise *= (squared.sqrt() / 2.0).max(1.0);
        plane.update(carried, &noise);
        self.believe(plane, at_us);
        Heard::Believed
    }

    /// Whether a reading goes on where disbelieved ones left off, now that uncertainty would let it pass.
    fn bent(&self, plane: &Plane, at_us: i64, place_m: [f64; 2]) -> bool {
        let (before_us, [x, y]) = self.disbelieved_at;
        let passed_s = (at_us - before_us) as f64 * 1e-6;
        if self.disbelieved == 0 || !(0.0..0.3).contains(&passed_s) {
            return false;
        }
        let [vx, vy] = plane.velocity_mps();
        let from_bent = distance(place_m, [x + vx * passed_s, y + vy * passed_s]);
        distance(place_m, plane.position_m()) > from_bent + BENT_M
    }

    /// Counts readings in a row that disagree with the state but agree with each other.
    fn disbelieve(&mut self, at_us: i64, place_m: [f64; 2]) -> u32 {
        let (before_us, before_m) = self.disbelieved_at;
        let reach = 1.0 + SPEED_MAX_MPS * (at_us - before_us).abs() as f64 * 1e-6;
        let agrees = distance(place_m, before_m) < reach;
        self.disbelieved = if agrees { self.disbelieved + 1 } else { 1 };
        self.disbelieved_at = (at_us, place_m);
        self.disbelieved
    }

    /// Where a tag disbelieved for a while says its wearer is.
    fn claims(&self) -> Option<[f64; 2]> {
        (self.disbelieved >= MISTAKEN_READINGS).then_some(self.disbelieved_at.1)
    }

    /// Takes in a place where a camera saw them.
    pub(super) fn see(&mut self, sighting: &Sighting, config: &Config) {
        self.camera_us[usize::from(sighting.camera.0) % CAMERAS] = sighting.at_us;
        if let Some(vote) = self.votes.get_mut(sighting.class as usize) {
            *vote = vote.saturating_add(1);
        }
        self.worn.see(sighting.side, sighting.number);
        match self.at(sighting.at_us, config) {
            None => self.start(sighting.at_us, sighting.place_m, &sighting.noise, config),
            Some(mut plane) => {
                plane.update(plane.carried(sighting.place_m, sighting.at_us), &sighting.noise);
                self.believe(plane, sighting.at_us);
            }
        }
    }

    fn start(&mut self, at_us: i64, place_m: [f64; 2], noise: &Matrix2<f64>, config: &Config) {
        self.born_us = at_us;
        self.hits = 0;
        self.disbelieved = 0;
        self.believe(Plane::start(at_us, place_m, noise, config.first_speed_sigma_mps), at_us);
    }

    fn believe(&mut self, plane: Plane, at_us: i64) {
        self.plane = Some(plane);
        self.seen_us = self.seen_us.max(at_us);
        self.hits = self.hits.saturating_add(1);
    }

    fn role(&self) -> Role {
        if self.side.is_some() || self.number.is_some() || self.role != Role::Skater {
            return self.role;
        }
        let [skater, goalie, official] = self.votes;
        if goalie > skater && goalie >= official {
            Role::Goalie
        } else if official > skater {
            Role::Official
        } else {
            Role::Skater
        }
    }

    /// Whether one camera saw both in one frame a moment ago.
    pub(super) fn told_apart_from(&self, other: &Self, now_us: i64) -> bool {
        self.camera_us
            .iter()
            .zip(&other.camera_us)
            .any(|(a, b)| a == b && *a != i64::MIN && now_us - *a < TOLD_APART_US)
    }

    /// Whether their tag, or a camera before this one, said where they are a moment ago.
    pub(super) fn placed_besides(&self, sighting: &Sighting) -> bool {
        let before = &self.camera_us[..usize::from(sighting.camera.0).min(CAMERAS)];
        self.voiced(sighting.at_us) || before.iter().any(|seen_us| sighting.at_us.saturating_sub(*seen_us) < BESIDES_US)
    }

    /// Their state at `now_us` when they are on the ice and believed.
    fn state(&mut self, now_us: i64, config: &Config, rink: &Rink, believed: &Believed) -> Option<PlayerState> {
        let Some(plane) = self.at(now_us, config) else {
            self.on_ice = false;
            return None;
        };
        let place_m = plane.position_m();
        // Two edges, so that somebody at the door does not flicker.
        self.on_ice = rink.contains(place_m, if self.on_ice { config.off_ice_m } else { 0.0 });
        let known = self.tagged()
            || (self.hits >= config.untagged_hits
                && now_us - self.born_us >= i64::from(config.untagged_age_ms) * 1_000);
        let role = self.role();
        let (side, number) = match role {
            Role::Official => (self.side, self.number),
            _ => self.worn.told(self.side, self.number, believed),
        };
        (self.on_ice && known).then(|| PlayerState {
            entity: self.entity,
            role,
            side,
            number,
            position_m: within(rink, place_m, 0.0),
            velocity_mps: plane.velocity_mps(),
            covariance_m2: plane.covariance_m2(),
        })
    }
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Where a camera saw somebody.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sighting {
    pub(super) at_us: i64,
    pub(super) camera: CameraId,
    pub(super) class: Class,
    pub(super) place_m: [f64; 2],
    pub(super) noise: Matrix2<f64>,
    pub(super) side: Option<Side>,
    pub(super) number: Option<u8>,
}

/// Everybody, in order of entity.
#[derive(Debug, Clone)]
pub(super) struct People {
    pub(super) everybody: Vec<Person>,
    pub(super) believed: Believed,
    /// Entities up to this one are of the bindings.
    bound: u16,
    next_entity: u16,
    room: usize,
}

impl People {
    pub(super) fn new(bindings: &[Binding], people_max: usize) -> Self {
        let mut everybody = Vec::with_capacity(people_max.max(bindings.len()));
        for (index, binding) in bindings.iter().enumerate() {
            everybody.push(Person {
                role: binding.role,
                side: binding.side,
                number: binding.number,
                ..Person::new(EntityId(index as u16 + 1), Some(binding.tag))
            });
        }
        let bound = bindings.len() as u16;
        Self {
            everybody,
            believed: Believed::new(bindings),
            bound,
            next_entity: bound + 1,
            room: people_max.max(bindings.len()),
        }
    }

    /// Becomes the same as `other` in its own buffers.
    pub(super) fn copy(&mut self, other: &Self) {
        self.everybody.clone_from(&other.everybody);
        (self.next_entity, self.room, self.believed) = (other.next_entity, other.room, other.believed);
    }

    /// Those on the ice at `now_us`, in order of entity, into `players`.
    pub(super) fn tell(&mut self, now_us: i64, config: &Config, rink: &Rink, players: &mut Vec<PlayerState>) {
        players.clear();
        let (everybody, believed) = (self.everybody.iter_mut(), &self.believed);
        players.extend(everybody.filter_map(|person| person.state(now_us, config, rink, believed)));
        worn::once(players, self.bound);
    }

    /// Who wears `tag`; a tag nobody was told of gets a person of its own. `None` when there is no room.
    pub(super) fn wearer(&mut self, tag: TagId) -> Option<&mut Person> {
        let index = self.everybody.iter().position(|person| person.tag == Some(tag));
        let index = match index {
            Some(index) => index,
            None => self.welcome(Some(tag))?,
        };
        Some(&mut self.everybody[index])
    }

    /// Somebody new; `None` when there is no room.
    pub(super) fn welcome(&mut self, tag: Option<TagId>) -> Option<usize> {
        if self.everybody.len() >= self.room {
            return None;
        }
        let entity = EntityId(self.next_entity);
        // After 65,535 people numbers start again above those of the bindings; nobody lives that long.
        self.next_entity = self.next_entity.checked_add(1).unwrap_or(u16::MAX / 2);
        self.everybody.push(Person::new(entity, tag));
        Some(self.everybody.len() - 1)
    }

    /// Two whom a camera mistook for each other change places; answers who. One pair at a time.
    pub(super) fn untangle(&mut self, now_us: i64, config: &Config) -> Option<(EntityId, EntityId)> {
        for index in 0..self.everybody.len() {
            let Some(claim) = self.everybody[index].claims() else { continue };
            let mistaken = self.everybody.iter().enumerate().find_map(|(other, person)| {
                let at = person.at(now_us, config)?;
                let free = !person.tagged() || person.claims().is_some();
                (other != index && free && distance(at.position_m(), claim) < MISTAKEN_M).then_some(other)
            });
            if let Some(other) = mistaken {
                let (low, high) = self.everybody.split_at_mut(index.max(other));
                let (a, b) = (&mut low[index.min(other)], &mut high[0]);
                std::mem::swap(&mut a.plane, &mut b.plane);
                std::mem::swap(&mut a.seen_us, &mut b.seen_us);
                std::mem::swap(&mut a.camera_us, &mut b.camera_us);
                (a.disbelieved, b.disbelieved) = (0, 0);
                return Some((a.entity, b.entity));
            }
        }
        None
    }

    /// Untagged people unseen for too long leave.
    pub(super) fn forget(&mut self, now_us: i64, config: &Config) {
        self.everybody.retain(|person| !person.nobody() && (person.tagged() || !person.gone(now_us, config)));
    }
}
