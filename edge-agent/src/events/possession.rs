//! Who has the puck: whoever's stick it stays at, moving with them.
//!
//! In each snapshot the nearest player may gain evidence and all others lose it, so that a battle is decided by who
//! comes out of it, and a stick the puck flies past gains nothing.

use super::{Config, distance, trail::Trail};
use crate::{
    fusion::{PlayerState, Snapshot},
    ids::EntityId,
};
use firmware_protocol::network::{Role, Side};

/// Where a stick's blade is before a moving body, metres.
const BLADE_M: f64 = 0.9;
/// Evidence held at most, microseconds: how long a lapse is forgiven.
const FORGIVEN_US: i64 = 160_000;

/// Somebody's time with the puck.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Holder {
    pub(super) entity: EntityId,
    pub(super) side: Option<Side>,
    pub(super) number: Option<u8>,
    pub(super) role: Role,
    /// From when, and where the puck was.
    pub(super) since_us: i64,
    pub(super) since_m: [f64; 2],
    /// Until when so far, and where the puck was.
    pub(super) until_us: i64,
    pub(super) until_m: [f64; 2],
}

#[derive(Debug, Clone, Copy)]
struct Contender {
    entity: EntityId,
    evidence_us: i64,
    first_us: i64,
    first_m: [f64; 2],
}

#[derive(Debug, Clone, Default)]
pub(super) struct Possession {
    contenders: Vec<Contender>,
    /// Who has it now.
    pub(super) holder: Option<Holder>,
    /// Who last had it, also now.
    pub(super) last: Option<Holder>,
    /// Who had it before `last`, when it changed in this snapshot.
    pub(super) changed_from: Option<Holder>,
    /// Whether somebody gained it in this snapshot.
    pub(super) gained: bool,
    before_us: i64,
}

impl Possession {
    /// Nobody has it: play stopped.
    pub(super) fn clear(&mut self) {
        self.contenders.clear();
        (self.holder, self.last, self.changed_from, self.gained) = (None, None, None, false);
    }

    pub(super) fn update(&mut self, snapshot: &Snapshot, trail: &Trail, config: &Config) {
        (self.changed_from, self.gained) = (None, false);
        let now_us = snapshot.captured_us;
        let elapsed_us = (now_us - self.before_us).clamp(0, 100_000);
        self.before_us = now_us;
        if snapshot.puck.is_none() {
            return;
        }
        let (Some(place), Some(velocity)) = (trail.mean(3), trail.velocity(5)) else { return };
        let puck = [place[0], place[1]];
        let nearest = snapshot
            .players
            .iter()
            .filter(|player| player.role != Role::Official)
            .map(|player| (player, stick_gap(player, puck)))
            .min_by(|a, b| a.1.total_cmp(&b.1));
        let with = nearest.filter(|(player, gap)| {
            let against = (velocity[0] - player.velocity_mps[0]).hypot(velocity[1] - player.velocity_mps[1]);
            *gap < config.stick_m && against < config.together_mps && place[2] < 0.8
        });
        for contender in &mut self.contenders {
            if with.is_none_or(|(player, _)| player.entity != contender.entity) {
                contender.evidence_us -= elapsed_us;
            }
        }
        self.contenders.retain(|contender| contender.evidence_us > 0);
        if let Some((player, _)) = with {
            self.credit(player, puck, now_us, elapsed_us, config);
        }
        if let Some(holder) = self.holder
            && self.contenders.iter().all(|contender| contender.entity != holder.entity)
        {
            self.holder = None;
        }
    }

    fn credit(&mut self, player: &PlayerState, puck: [f64; 2], now_us: i64, elapsed_us: i64, config: &Config) {
        let at = self.contenders.iter().position(|contender| contender.entity == player.entity);
        let at = at.unwrap_or_else(|| {
            let first = Contender { entity: player.entity, evidence_us: 0, first_us: now_us, first_m: puck };
            self.contenders.push(first);
            self.contenders.len() - 1
        });
        let contender = &mut self.contenders[at];
        contender.evidence_us = (contender.evidence_us + elapsed_us.max(1)).min(FORGIVEN_US);
        let contender = *contender;
        if let Some(holder) = self.holder.as_mut().filter(|holder| holder.entity == player.entity) {
            (holder.until_us, holder.until_m) = (now_us, puck);
            self.last = self.holder;
            return;
        }
        // Somebody else still has it until they have lost it for as long as this one gained it.
        let stronger = self
            .holder
            .and_then(|holder| self.contenders.iter().find(|other| other.entity == holder.entity))
            .is_none_or(|other| contender.evidence_us > other.evidence_us);
        if contender.evidence_us >= i64::from(config.control_ms) * 1000 && stronger {
            let holder = Holder {
                entity: player.entity,
                side: player.side,
                number: player.number,
                role: player.role,
                since_us: contender.first_us,
                since_m: contender.first_m,
                until_us: now_us,
                until_m: puck,
            };
            self.changed_from = self.last.filter(|last| last.entity != player.entity);
            self.gained = true;
            self.holder = Some(holder);
            self.last = Some(holder);
        }
    }
}

/// From the puck to where a player's blade is likely to be, metres.
fn stick_gap(player: &PlayerState, puck: [f64; 2]) -> f64 {
    let [vx, vy] = player.velocity_mps;
    let speed = vx.hypot(vy);
    // A slow body says nothing about where its stick points.
    let lead = BLADE_M * (speed / 3.0).min(1.0) / speed.max(0.1);
    distance([player.position_m[0] + vx * lead, player.position_m[1] + vy * lead], puck)
}
