//! Which camera track is which person: nearest first, but a track keeps its person while it can.
//!
//! Comes in: one frame of one camera, as places on the ice, and everybody known. Goes out: sightings given to people,
//! newcomers for tracks that are nobody's. All tracks of a frame are decided together; joining a track to somebody
//! else than before costs extra, so identities do not flip when two skaters touch; a track that swapped people is
//! joined anew once it is too far from its old one. Never fails.

use super::{
    Observation, Seen,
    clocks::Clocks,
    config::{Joining as Config, People as PeopleConfig},
    people::{People, Sighting},
    plane::matrix,
};
use crate::{
    ids::{CameraId, EntityId, TrackId},
    tracking::assignment::Assignment,
};
use nalgebra::Matrix2;

/// A track nearer than this to somebody the same frame shows elsewhere is a second box around them, share of the
/// newcomer's clearance.
const SECOND_BOX: f64 = 0.5;

/// A track and its person.
#[derive(Debug, Clone, Copy)]
struct Link {
    camera: CameraId,
    track: TrackId,
    entity: EntityId,
    seen_us: i64,
}

/// Remembers which track was whom.
#[derive(Debug, Clone)]
pub(super) struct Joining {
    links: Vec<Link>,
    links_max: usize,
    sightings: Vec<(TrackId, Sighting)>,
    costs: Vec<f64>,
    claimed: Vec<bool>,
    assignment: Assignment,
}

impl Joining {
    pub(super) fn new(people_max: usize) -> Self {
        let links_max = people_max * 16;
        Self {
            links: Vec::with_capacity(links_max),
            links_max,
            sightings: Vec::with_capacity(people_max),
            costs: Vec::with_capacity(people_max * people_max),
            claimed: Vec::with_capacity(people_max),
            assignment: Assignment::with_capacity(people_max, people_max),
        }
    }

    /// Becomes the same as `other` in its own buffers; what is only used within one frame is not copied.
    pub(super) fn copy(&mut self, other: &Self) {
        self.links.clone_from(&other.links);
        self.links_max = other.links_max;
    }

    /// Takes in the people one camera saw in one frame.
    pub(super) fn join(
        &mut self,
        frame: &[Observation],
        people: &mut People,
        clocks: &mut Clocks,
        config: &Config,
        people_config: &PeopleConfig,
    ) {
        self.sightings.clear();
        for observation in frame {
            let Seen::Person { camera, track, class, position_m, covariance_m2, side, number } = observation.seen
            else {
                continue;
            };
            let noise = matrix(covariance_m2) + Matrix2::identity() * config.foot_sigma_m.powi(2);
            let at_us = observation.captured_us;
            self.sightings.push((track, Sighting { at_us, camera, class, place_m: position_m, noise, side, number }));
        }
        self.price(people, config, people_config);
        let columns = people.everybody.len();
        self.claimed.clear();
        self.claimed.resize(columns, false);
        let alone = config.gate_sigmas.powi(2) + 4.0 * config.change_price;
        self.assignment.solve(&self.costs, columns, alone);
        for (row, (track, sighting)) in self.sightings.iter().enumerate() {
            let Some(column) = self.assignment.column_of(row) else { continue };
            let person = &mut people.everybody[column];
            self.claimed[column] = true;
            if let Some(plane) = person.at(sighting.at_us, people_config).filter(|_| person.placed_besides(sighting)) {
                let ([x, y], [px, py]) = (plane.carried(sighting.place_m, sighting.at_us), plane.position_m());
                clocks.saw(sighting.camera, [x - px, y - py], plane.velocity_mps());
            }
            person.see(sighting, people_config);
            people.believed.hear(person.side, sighting.side);
            let entity = person.entity;
            remember(&mut self.links, self.links_max, sighting, *track, entity);
        }
        for row in 0..self.sightings.len() {
            if self.assignment.column_of(row).is_none() {
                self.newcomer(row, people, config, people_config);
            }
        }
    }

    /// Costs of every sighting with everybody, squared standard deviations.
    fn price(&mut self, people: &People, config: &Config, people_config: &PeopleConfig) {
        self.costs.clear();
        for (track, sighting) in &self.sightings {
            let link = self.links.iter().find(|link| link.camera == sighting.camera && link.track == *track);
            let before = link.map(|link| link.entity);
            for person in &people.everybody {
                let cost = person.at(sighting.at_us, people_config).map_or(f64::INFINITY, |plane| {
                    let place_m = plane.carried(sighting.place_m, sighting.at_us);
                    let squared = plane.squared_sigmas(place_m, &sighting.noise);
                    if squared > config.gate_sigmas.powi(2) {
                        return f64::INFINITY;
                    }
                    // Somebody whose place is unknown fits everything: that is no merit.
                    let [xx, xy, yy] = plane.covariance_m2();
                    let vague = ((matrix([xx, xy, yy]) + sighting.noise).determinant() / sighting.noise.determinant())
                        .max(1.0)
                        .ln();
                    let change = if before == Some(person.entity) { 0.0 } else { config.change_price };
                    // Whose tag fell silent may have gone through the door where the next one comes out.
                    let silent = person.tagged() && !person.voiced(sighting.at_us);
                    squared + vague + change + if silent { 2.0 * config.change_price } else { 0.0 }
                });
                self.costs.push(cost);
            }
        }
    }

    /// A sighting that is nobody's: somebody new, unless it stands on somebody.
    fn newcomer(&mut self, row: usize, people: &mut People, config: &Config, people_config: &PeopleConfig) {
        let (track, sighting) = self.sightings[row];
        let [x, y] = sighting.place_m;
        let crowded = people.everybody.iter().zip(&self.claimed).any(|(person, claimed)| {
            let clearance = config.newcomer_clearance_m * if *claimed { SECOND_BOX } else { 1.0 };
            person.at(sighting.at_us, people_config).is_some_and(|plane| {
                let [px, py] = plane.position_m();
                (px - x).hypot(py - y) < clearance
            })
        });
        if crowded {
            return;
        }
        if let Some(index) = people.welcome(None) {
            people.everybody[index].see(&sighting, people_config);
            // Claimed: the next newcomer of this frame is somebody else again.
            self.claimed.push(true);
            remember(&mut self.links, self.links_max, &sighting, track, people.everybody[index].entity);
        }
    }

    /// No track is `entity` any more.
    pub(super) fn unlink(&mut self, entity: EntityId) {
        self.links.retain(|link| link.entity != entity);
    }

    /// Tracks of each become tracks of the other.
    pub(super) fn exchange(&mut self, a: EntityId, b: EntityId) {
        for link in &mut self.links {
            if link.entity == a {
                link.entity = b;
            } else if link.entity == b {
                link.entity = a;
            }
        }
    }

    /// Forgets tracks unseen for long, and dissolves people who are somebody else's shadow: nobody whose tag speaks.
    pub(super) fn settle(&mut self, now_us: i64, people: &mut People, config: &Config, people_config: &PeopleConfig) {
        let memory_us = i64::from(config.memory_ms) * 1_000;
        self.links.retain(|link| now_us - link.seen_us <= memory_us);
        for index in 0..people.everybody.len() {
            let person = &people.everybody[index];
            if person.voiced(now_us) {
                continue;
            }
            let place = person.at(now_us, people_config).map(|plane| plane.position_m());
            let caster = place.and_then(|[x, y]| {
                people.everybody.iter().find(|other| {
                    other.standing(now_us) < person.standing(now_us)
                        && !person.told_apart_from(other, now_us)
                        && other.at(now_us, people_config).is_some_and(|plane| {
                            let [ox, oy] = plane.position_m();
                            (ox - x).hypot(oy - y) < config.shadow_m
                        })
                })
            });
            let caster = caster.map(|other| other.entity);
            let person = &mut people.everybody[index];
            let Some(caster) = caster else {
                person.shadow_since_us = None;
                continue;
            };
            let since_us = *person.shadow_since_us.get_or_insert(now_us);
            if now_us - since_us >= i64::from(config.shadow_ms) * 1_000 {
                let shadow = person.entity;
                self.links.iter_mut().filter(|link| link.entity == shadow).for_each(|link| link.entity = caster);
                person.dissolve();
            }
        }
    }
}

fn remember(links: &mut Vec<Link>, links_max: usize, sighting: &Sighting, track: TrackId, entity: EntityId) {
    let (camera, seen_us) = (sighting.camera, sighting.at_us);
    if let Some(link) = links.iter_mut().find(|link| link.camera == camera && link.track == track) {
        (link.entity, link.seen_us) = (entity, seen_us);
    } else if links.len() < links_max {
        links.push(Link { camera, track, entity, seen_us });
    }
}
