//! How bodies move: what a skater's legs and edges allow, boards, nets, and no two bodies in one place.
//!
//! Comes in: where each skater wants to be and how fast. Goes out: places and velocities one step later. Limits are
//! those seen of professional skaters: top speed 10-11 m/s reached by few, forward acceleration about 4 m/s² from
//! rest and falling to nothing at top speed, hard stops near 5 m/s², turns up to 5.5 m/s² across.

use super::{Game, STEP_S, Vector, game::Skater};
use crate::rink::Rink;
use firmware_protocol::network::Role;

/// Radius of a body, metres.
pub(super) const BODY_M: f64 = 0.4;
const ACCELERATION: f64 = 4.0;
const BRAKING: f64 = 4.6;
const ACROSS: f64 = 5.5;
/// How deep a goal is behind its line, metres.
pub(super) const NET_DEPTH_M: f64 = 1.1;
/// How long a wish for another velocity takes to become one, seconds, where legs allow it.
const RESPONSE_S: f64 = 0.18;

impl Skater {
    /// One step toward the aim.
    fn skate(&mut self, rink: &Rink) {
        let way = around_net(self.position, self.aim.target, rink);
        let to = way - self.position;
        let distance = to.norm();
        let cap = self.aim.speed.min(self.top_mps);
        // Slow down early enough to stop at the aim, gently.
        let wanted_speed = if way == self.aim.target { cap.min((2.0 * 2.6 * distance).sqrt()) } else { cap.min(6.0) };
        let wanted = if distance > 0.05 { to * (wanted_speed / distance) } else { Vector::zeros() };
        let mut push = (wanted - self.velocity) / RESPONSE_S + self.crowding;
        let speed = self.velocity.norm();
        if speed > 0.6 {
            let forward = self.velocity / speed;
            let along = push.dot(&forward);
            let across = push - forward * along;
            let across = across * (ACROSS / across.norm().max(ACROSS));
            let most = ACCELERATION * (1.0 - speed / self.top_mps).max(0.0);
            push = forward * along.clamp(-BRAKING, most) + across;
        } else {
            push *= ACCELERATION / push.norm().max(ACCELERATION);
        }
        self.velocity += push * STEP_S;
        self.position += self.velocity * STEP_S;
        self.turn();
        let speed = self.velocity.norm();
        // A stride covers about 2.5 m at speed; gliding at rest does not stride.
        self.stride = (self.stride + STEP_S * (0.15 + speed / 3.5)).fract();
    }

    /// Chest toward where it skates, or toward what it watches when slow or backing up.
    fn turn(&mut self) {
        let speed = self.velocity.norm();
        let watch = self.aim.watch - self.position;
        let toward = if (self.aim.backward || speed < 1.2) && watch.norm() > 0.3 {
            watch
        } else if speed > 0.3 {
            self.velocity
        } else {
            return;
        };
        let wanted = toward.y.atan2(toward.x);
        let difference = wrapped(wanted - self.heading);
        self.heading = wrapped(self.heading + difference.clamp(-7.0 * STEP_S, 7.0 * STEP_S));
    }
}

/// An angle within ±π.
pub(super) fn wrapped(angle: f64) -> f64 {
    use std::f64::consts::{PI, TAU};
    (angle + PI).rem_euclid(TAU) - PI
}

/// The aim, or a corner of the net to go round first.
fn around_net(from: Vector, target: Vector, rink: &Rink) -> Vector {
    let end = if from.x.abs() > target.x.abs() { from.x.signum() } else { target.x.signum() };
    // The net as seen from centre ice: x toward the end boards.
    let (a, b) = (Vector::new(from.x * end, from.y), Vector::new(target.x * end, target.y));
    let (near, far) = (rink.goal_line_m - 0.25, rink.goal_line_m + NET_DEPTH_M + 0.4);
    let half = rink.goal_width_m / 2.0 + 0.45;
    if a.x.max(b.x) < near || !crosses(a, b, near, far, half) {
        return target;
    }
    // Its four corners; go by the one that makes the way shortest, and when standing at it, the next.
    let mut best = (f64::MAX, target);
    for (x, y) in
        [(near - 0.3, half + 0.3), (near - 0.3, -half - 0.3), (far + 0.3, half + 0.3), (far + 0.3, -half - 0.3)]
    {
        let corner = Vector::new(x, y);
        if (corner - a).norm() < 0.4 || crosses(a, corner, near, far, half) {
            continue;
        }
        let detour = if crosses(corner, b, near, far, half) { 3.0 } else { 0.0 };
        let length = (corner - a).norm() + (b - corner).norm() + detour;
        if length < best.0 {
            best = (length, Vector::new(corner.x * end, corner.y));
        }
    }
    best.1
}

/// Whether the way from `a` to `b` leads through the box.
fn crosses(a: Vector, b: Vector, near: f64, far: f64, half: f64) -> bool {
    let step = b - a;
    let (mut first, mut last) = (0.0f64, 1.0f64);
    for (start, by, low, high) in [(a.x, step.x, near, far), (a.y, step.y, -half, half)] {
        if by.abs() < 1e-9 {
            if start <= low || start >= high {
                return false;
            }
            continue;
        }
        let (enter, leave) = ((low - start) / by, (high - start) / by);
        first = first.max(enter.min(leave));
        last = last.min(enter.max(leave));
    }
    first < last
}

impl Game {
    /// Everybody on the ice moves one step.
    pub(super) fn skate(&mut self) {
        self.crowd();
        let rink = self.setup.rink;
        for &index in &self.on_ice {
            self.people[index].skate(&rink);
        }
        // Twice: a push away from one body can push into another.
        for _ in 0..2 {
            self.part();
            for &index in &self.on_ice {
                let person = &mut self.people[index];
                keep_off_net(person, &rink);
                keep_inside(person, &rink);
            }
        }
    }

    /// Skaters steer away from those they are about to meet.
    fn crowd(&mut self) {
        for &index in &self.on_ice {
            self.people[index].crowding = Vector::zeros();
        }
        for i in 0..self.on_ice.len() {
            for j in i + 1..self.on_ice.len() {
                let (a, b) = (self.on_ice[i], self.on_ice[j]);
                let apart = self.people[a].position - self.people[b].position;
                let distance = apart.norm();
                let battle = (self.people[a].position - self.puck.position).norm() < 3.0
                    && self.people[a].side.is_some()
                    && self.people[b].side.is_some();
                if battle || !(1e-6..2.2).contains(&distance) {
                    continue;
                }
                let closing = -(self.people[a].velocity - self.people[b].velocity).dot(&apart) / distance;
                let strength = (2.2 - distance) * (1.0 + closing.max(0.0));
                let away = apart * (strength / distance);
                // A step aside as well, or two who meet head-on would only push.
                let aside = Vector::new(-away.y, away.x) * 0.5;
                // Goalies hold their ground.
                if self.people[a].role != Role::Goalie {
                    self.people[a].crowding += away + aside;
                }
                if self.people[b].role != Role::Goalie {
                    self.people[b].crowding -= away + aside;
                }
            }
        }
    }

    /// No two bodies in one place: part them, and stop what drove them together.
    fn part(&mut self) {
        for i in 0..self.on_ice.len() {
            for j in i + 1..self.on_ice.len() {
                let (a, b) = (self.on_ice[i], self.on_ice[j]);
                let apart = self.people[a].position - self.people[b].position;
                let distance = apart.norm();
                let overlap = 2.0 * BODY_M - distance;
                if overlap <= 0.0 {
                    continue;
                }
                let normal = if distance > 1e-9 { apart / distance } else { Vector::new(1.0, 0.0) };
                let share = match (self.people[a].role, self.people[b].role) {
                    (Role::Goalie, _) => 0.1,
                    (_, Role::Goalie) => 0.9,
                    _ => 0.5,
                };
                let closing = -(self.people[a].velocity - self.people[b].velocity).dot(&normal);
                let stop = normal * closing.max(0.0);
                self.people[a].position += normal * (overlap * share);
                self.people[b].position -= normal * (overlap * (1.0 - share));
                self.people[a].velocity += stop * share;
                self.people[b].velocity -= stop * (1.0 - share);
            }
        }
    }
}

fn keep_inside(person: &mut Skater, rink: &Rink) {
    let over = rink.boards_distance([person.position.x, person.position.y]) + BODY_M + 0.05;
    if over > 0.0 {
        let outward = boards_normal(rink, person.position);
        person.position -= outward * over;
        person.velocity -= outward * person.velocity.dot(&outward).max(0.0);
    }
}

/// Unit vector toward the nearest boards.
pub(super) fn boards_normal(rink: &Rink, place: Vector) -> Vector {
    let (dx, dy) =
        (place.x.abs() - (rink.length_m / 2.0 - rink.corner_m), place.y.abs() - (rink.width_m / 2.0 - rink.corner_m));
    let local = if dx > 0.0 && dy > 0.0 {
        Vector::new(dx, dy).normalize()
    } else if dx > dy {
        Vector::new(1.0, 0.0)
    } else {
        Vector::new(0.0, 1.0)
    };
    Vector::new(local.x * place.x.signum(), local.y * place.y.signum())
}

fn keep_off_net(person: &mut Skater, rink: &Rink) {
    let end = person.position.x.signum();
    let half = rink.goal_width_m / 2.0 + 0.3;
    let (near, far) = (rink.goal_line_m - 0.1, rink.goal_line_m + NET_DEPTH_M + 0.3);
    let (x, y) = (person.position.x * end, person.position.y);
    if x <= near || x >= far || y.abs() >= half {
        return;
    }
    let (front, back, beside) = (x - near, far - x, half - y.abs());
    let outward = if front <= back && front <= beside {
        person.position.x = near * end;
        Vector::new(end, 0.0)
    } else if back <= beside {
        person.position.x = far * end;
        Vector::new(-end, 0.0)
    } else {
        person.position.y = half * y.signum();
        Vector::new(0.0, -y.signum())
    };
    person.velocity -= outward * person.velocity.dot(&outward).max(0.0);
}
