//! Snapshots to hockey events. Pure: no IO, no clock; the same snapshots give the same events.
//!
//! Comes in: [`Snapshot`]s in time order, about fifty a second. Goes out: [`Event`]s, each with its own capture time,
//! which may lie up to two seconds back: how a line was crossed or a shot ended shows only later. Never: the truth of
//! a simulation. A missing puck, player or scoreboard makes rules silent, not wrong.
//!
//! `scene` is what all rules share: the puck's trail, who has it, which way each team attacks, whether play is on.
//! One file a rule; a new event is a new sibling.

mod config;
mod ends;
mod face_off;
mod goal;
mod pass;
mod penalty;
mod period;
mod possession;
mod scene;
mod shift;
mod shot;
mod stoppage;
#[cfg(test)]
mod tests;
mod trail;
mod zone;

pub use config::Config;

use crate::{fusion::Snapshot, rink::Rink};
use firmware_protocol::network::{Event, EventKind, GameClock, Side};
use scene::Scene;

/// Recognises hockey in snapshots.
#[derive(Debug, Clone)]
pub struct Recogniser {
    game: u64,
    scene: Scene,
    period: period::Rule,
    stoppage: stoppage::Rule,
    face_off: face_off::Rule,
    zone: zone::Rule,
    shot: shot::Rule,
    goal: goal::Rule,
    shift: shift::Rule,
    penalty: penalty::Rule,
}

impl Recogniser {
    /// For one game on one rink.
    pub fn new(config: Config, rink: Rink, game: u64) -> Self {
        Self {
            game,
            scene: Scene::new(config, rink),
            period: period::Rule::default(),
            stoppage: stoppage::Rule::default(),
            face_off: face_off::Rule::default(),
            zone: zone::Rule::default(),
            shot: shot::Rule::default(),
            goal: goal::Rule::default(),
            shift: shift::Rule::default(),
            penalty: penalty::Rule::default(),
        }
    }

    /// Appends what `snapshot` shows to `events`. A snapshot not later than the last is ignored.
    pub fn observe(&mut self, snapshot: &Snapshot, events: &mut Vec<Event>) {
        if !self.scene.update(snapshot) {
            return;
        }
        let scene = &self.scene;
        let mut report = Report { game: self.game, clock: snapshot.clock, events };
        // Penalties and goals first: stoppages say why.
        self.penalty.observe(scene, snapshot, &mut report);
        self.goal.observe(scene, snapshot, &mut report);
        self.stoppage.observe(scene, snapshot, &mut report);
        self.period.observe(scene, &mut report);
        self.face_off.observe(scene, &mut report);
        self.shot.observe(scene, snapshot, &mut report);
        pass::observe(scene, &mut report);
        self.zone.observe(scene, snapshot, &mut report);
        self.shift.observe(scene, snapshot, &mut report);
    }
}

/// Where rules put their events.
#[derive(Debug)]
struct Report<'a> {
    game: u64,
    clock: GameClock,
    events: &'a mut Vec<Event>,
}

/// Who, where and how sure.
#[derive(Debug, Clone, Copy, Default)]
struct Witness {
    at_us: i64,
    uncertainty_us: u32,
    side: Option<Side>,
    number: Option<u8>,
    position_m: Option<[f64; 2]>,
}

impl Report<'_> {
    fn tell(&mut self, witness: Witness, kind: EventKind) {
        self.events.push(Event {
            game: self.game,
            captured_us: witness.at_us,
            uncertainty_us: witness.uncertainty_us,
            clock: self.clock,
            side: witness.side,
            number: witness.number,
            position_m: witness.position_m.map(|place| [place[0] as f32, place[1] as f32]),
            kind,
        });
    }
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}
