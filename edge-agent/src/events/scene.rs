//! What all rules share: the puck's trail, who has it, which way each team attacks, whether play is on.

use super::{Config, ends::Ends, possession::Possession, trail::Trail};
use crate::{fusion::Snapshot, rink::Rink};
use firmware_protocol::network::{GameClock, Role, Side};

/// How long an official carries the puck before play is taken as stopped without a scoreboard, microseconds.
const CARRIED_OFF_US: i64 = 600_000;

#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) config: Config,
    pub(super) rink: Rink,
    pub(super) now_us: i64,
    pub(super) trail: Trail,
    pub(super) possession: Possession,
    ends: Ends,
    /// The scoreboard, and what it showed before.
    pub(super) clock: GameClock,
    pub(super) clock_before: GameClock,
    /// Whether play is on.
    pub(super) playing: bool,
    /// It began in this snapshot.
    pub(super) begun: bool,
    /// It stopped in this snapshot.
    pub(super) stopped: bool,
    carried_off_us: i64,
    at_spot_us: i64,
    first: bool,
}

impl Scene {
    pub(super) fn new(config: Config, rink: Rink) -> Self {
        Self {
            config,
            rink,
            now_us: i64::MIN,
            trail: Trail::default(),
            possession: Possession::default(),
            ends: Ends::default(),
            clock: GameClock::default(),
            clock_before: GameClock::default(),
            playing: false,
            begun: false,
            stopped: false,
            carried_off_us: 0,
            at_spot_us: 0,
            first: true,
        }
    }

    /// False when the snapshot is not later than the last.
    pub(super) fn update(&mut self, snapshot: &Snapshot) -> bool {
        if snapshot.captured_us <= self.now_us {
            return false;
        }
        let elapsed_us = snapshot.captured_us.saturating_sub(self.now_us).clamp(0, 100_000);
        self.now_us = snapshot.captured_us;
        self.clock_before = if self.first { snapshot.clock } else { self.clock };
        self.clock = snapshot.clock;
        self.trail.update(snapshot);
        self.ends.update(snapshot, &self.rink);
        let was = self.playing;
        self.playing = if self.has_board() { snapshot.clock.running } else { self.seems_on(snapshot, elapsed_us) };
        (self.begun, self.stopped) = (self.playing && !was, was && !self.playing);
        self.first = false;
        if self.playing {
            self.possession.update(snapshot, &self.trail, &self.config);
        } else if !self.stopped {
            // In the snapshot of the whistle rules may still ask who had it.
            self.possession.clear();
        }
        true
    }

    /// Whether a scoreboard is connected: without one all it shows is zero.
    pub(super) fn has_board(&self) -> bool {
        self.clock.period > 0
    }

    /// +1 when a team attacks toward +x.
    pub(super) fn attack(&self, side: Side) -> Option<f64> {
        self.ends.attack(side)
    }

    /// The team that attacks toward that end of x.
    pub(super) fn attacker_of(&self, end: f64) -> Option<Side> {
        let home = self.attack(Side::Home)?;
        Some(if home * end > 0.0 { Side::Home } else { Side::Away })
    }

    /// The face-off spot nearest to a place.
    pub(super) fn spot_near(&self, place: [f64; 2]) -> [f64; 2] {
        let spots = self.rink.spots();
        let gap = |spot: &[f64; 2]| super::distance(*spot, place);
        spots.into_iter().min_by(|a, b| gap(a).total_cmp(&gap(b))).unwrap_or(spots[0])
    }

    /// Without a scoreboard: play is on from a drop until an official has the puck.
    fn seems_on(&mut self, snapshot: &Snapshot, elapsed_us: i64) -> bool {
        let (Some(place), Some(velocity)) = (self.trail.mean(5), self.trail.velocity(7)) else { return self.playing };
        let puck = [place[0], place[1]];
        let speed = velocity[0].hypot(velocity[1]);
        let near = |role: Role, reach: f64| {
            snapshot.players.iter().any(|who| who.role == role && super::distance(who.position_m, puck) < reach)
        };
        if self.playing {
            let carried = place[2] > 0.5 && speed < 6.0 && near(Role::Official, 1.2);
            self.carried_off_us = if carried { self.carried_off_us + elapsed_us } else { 0 };
            self.at_spot_us = 0;
            return self.carried_off_us < CARRIED_OFF_US;
        }
        self.carried_off_us = 0;
        let set = super::distance(self.spot_near(puck), puck) < 1.5 && speed < 1.5 && near(Role::Skater, 2.0);
        if set {
            self.at_spot_us = (self.at_spot_us + elapsed_us).min(1_000_000);
        } else if self.at_spot_us > 300_000 && speed > 3.0 && place[2] < 0.5 {
            return true;
        } else {
            self.at_spot_us = (self.at_spot_us - elapsed_us).max(0);
        }
        false
    }
}
