//! Random instants and random cameras, for training: each picture is unlike the last, which no game's flow would give.

use crate::{
    geometry::Camera,
    rink::Rink,
    simulation::{Person, Puck, Truth},
};
use firmware_protocol::network::{GameClock, Role, Side};
use nalgebra::{Rotation3, Vector3};
use rand::Rng;
use std::f64::consts::{PI, TAU};

/// People scattered as a game might scatter them, around a random play.
pub fn truth(rng: &mut impl Rng, rink: &Rink) -> Truth {
    let (hx, hy) = (rink.length_m / 2.0, rink.width_m / 2.0);
    let play = [rng.random_range(-hx + 2.0..hx - 2.0), rng.random_range(-hy + 1.5..hy - 1.5)];
    let spread = rng.random_range(3.0..14.0);
    let warm_up = rng.random_bool(0.08);
    let mut people: Vec<Person> = Vec::new();
    let add = |people: &mut Vec<Person>,
               rng: &mut dyn rand::RngCore,
               role,
               side,
               near: [f64; 2],
               spread: f64,
               toward: Option<[f64; 2]>| {
        // Two people sharing a place would be drawn as one: a few tries, else they collide as players do.
        let mut place = near;
        for _ in 0..12 {
            let (angle, far) = (rng.random_range(0.0..TAU), rng.random::<f64>().sqrt() * spread);
            place = [near[0] + far * angle.cos(), near[1] + far * angle.sin()];
            let gap = if rng.random_bool(0.15) { 0.35 } else { 0.8 };
            let free = people.iter().all(|p| (p.position_m[0] - place[0]).hypot(p.position_m[1] - place[1]) > gap);
            if rink.contains(place, -0.35) && free {
                break;
            }
        }
        if !rink.contains(place, -0.3) {
            return;
        }
        let heading = match toward {
            Some(t) if rng.random_bool(0.7) => (t[1] - place[1]).atan2(t[0] - place[0]) + rng.random_range(-0.9..0.9),
            _ => rng.random_range(-PI..PI),
        };
        let speed = if role == Role::Goalie || rng.random_bool(0.4) {
            rng.random_range(0.0..0.8)
        } else {
            rng.random_range(0.5..9.0)
        };
        let course = heading + if rng.random_bool(0.15) { PI } else { rng.random_range(-0.4..0.4) };
        let used = |n: u8| people.iter().any(|p| p.side == side && p.number == n);
        let number = if role == Role::Official {
            0
        } else {
            (0..20)
                .map(|_| {
                    if role == Role::Goalie {
                        *[1, 29, 30, 31, 33, 35].as_slice().get(rng.random_range(0..6)).unwrap_or(&1)
                    } else {
                        rng.random_range(2..99)
                    }
                })
                .find(|&n| !used(n))
                .unwrap_or(99)
        };
        people.push(Person {
            id: people.len() as u32 + 1,
            role,
            side,
            number,
            position_m: place,
            velocity_mps: [speed * course.cos(), speed * course.sin()],
            heading_rad: heading,
            stride: rng.random(),
        });
    };
    for side in [Side::Home, Side::Away] {
        let count = if warm_up { rng.random_range(6..14) } else { rng.random_range(3..=6) };
        for _ in 0..count {
            let far = warm_up || rng.random_bool(0.25);
            let (near, spread) = if far { ([0.0, 0.0], hx) } else { (play, spread) };
            add(&mut people, rng, Role::Skater, Some(side), near, spread, (!warm_up).then_some(play));
        }
        if rng.random_bool(0.92) {
            let end = if side == Side::Home { -1.0 } else { 1.0 };
            add(&mut people, rng, Role::Goalie, Some(side), [end * (rink.goal_line_m - 0.8), 0.0], 0.8, Some(play));
        }
    }
    for i in 0..rng.random_range(1..=4) {
        let near = if i == 0 {
            play
        } else {
            [rng.random_range(-hx..hx), if rng.random_bool(0.5) { hy - 1.2 } else { 1.2 - hy }]
        };
        add(&mut people, rng, Role::Official, None, near, 3.0, Some(play));
    }
    let carrier = (rng.random_bool(0.5) && !people.is_empty()).then(|| rng.random_range(0..people.len()));
    let position = match carrier {
        Some(i) => {
            let p = &people[i];
            [p.position_m[0] + 1.1 * p.heading_rad.cos(), p.position_m[1] + 1.1 * p.heading_rad.sin(), 0.0]
        }
        None => [play[0], play[1], if rng.random_bool(0.1) { rng.random_range(0.0..1.2) } else { 0.0 }],
    };
    let (speed, course) = (rng.random_range(0.0..28.0f64), rng.random_range(-PI..PI));
    Truth {
        time_us: i64::from(rng.random::<u32>()),
        clock: GameClock { period: 1, remaining_ms: 600_000, running: true, home_score: 0, away_score: 0 },
        puck: Puck {
            position_m: position,
            velocity_mps: if carrier.is_some() { [0.0; 3] } else { [speed * course.cos(), speed * course.sin(), 0.0] },
            carrier: carrier.map(|i| people[i].id),
        },
        people,
        ..Truth::default()
    }
}

/// How many of the people a camera has in its picture, and how tall the nearest is, pixels.
fn sight(camera: &Camera, truth: &Truth) -> (usize, f64) {
    let (mut count, mut tallest) = (0, 0.0f64);
    for p in &truth.people {
        let [x, y] = p.position_m;
        if let (Some(low), Some(high)) = (camera.project([x, y, 0.0]), camera.project([x, y, 1.85])) {
            let middle = [f64::midpoint(low[0], high[0]), f64::midpoint(low[1], high[1])];
            let (w, h) = (f64::from(camera.width), f64::from(camera.height));
            if middle[0] > 0.0 && middle[0] < w && middle[1] > 0.0 && middle[1] < h {
                count += 1;
                tallest = tallest.max((high[1] - low[1]).abs());
            }
        }
    }
    (count, tallest)
}

/// A camera somebody might have: rafters, stands, bench, phone at the glass; from wide to close.
pub fn camera(rng: &mut impl Rng, rink: &Rink, truth: &Truth, width: u32, height: u32) -> Camera {
    let (hx, hy) = (rink.length_m / 2.0, rink.width_m / 2.0);
    let mut camera = Camera::looking_at(width, height, 70.0, [0.0, -hy - 12.0, 9.0], [0.0, 1.0, 0.0]);
    for _ in 0..12 {
        let around = rng.random_range(0.0..TAU);
        let edge = [(hx * 1.05) * around.cos(), (hy * 1.1) * around.sin()];
        let out = |d: f64| [edge[0] + d * around.cos(), edge[1] + d * around.sin()];
        let kind = rng.random_range(0..20);
        let (place, high) = match kind {
            0..=12 => (out(rng.random_range(2.0..20.0)), rng.random_range(3.0..14.0)),
            13..=15 => (out(rng.random_range(0.3..3.0)), rng.random_range(1.3..2.6)),
            16 => ([rng.random_range(-hx..hx) * 0.9, rng.random_range(-hy..hy) * 0.8], rng.random_range(0.8..2.2)),
            _ => ([rng.random_range(-hx..hx), rng.random_range(-hy..hy) * 1.2], rng.random_range(8.0..17.0)),
        };
        let someone = (!truth.people.is_empty()).then(|| truth.people[rng.random_range(0..truth.people.len())]);
        let aim = match someone {
            Some(p) if rng.random_bool(0.8) => {
                [p.position_m[0] + rng.random_range(-3.0..3.0), p.position_m[1] + rng.random_range(-3.0..3.0)]
            }
            _ => [rng.random_range(-hx..hx) * 0.8, rng.random_range(-hy..hy) * 0.6],
        };
        let far = (aim[0] - place[0]).hypot(aim[1] - place[1]).hypot(high).max(1.5);
        // Choose how tall people are and zoom to it, where a lens can: else most would be small.
        let tall = (rng.random_range(24.0f64.ln()..f64::from(height).ln() - 0.55)).exp();
        let wanted = 2.0 * (f64::from(width) * 0.5 * 1.8 / (tall * far)).atan().to_degrees();
        let field = wanted.clamp(9.0, 95.0);
        camera = Camera::looking_at(
            width,
            height,
            field,
            [place[0], place[1], high],
            [aim[0], aim[1], rng.random_range(0.3..1.6)],
        );
        if rng.random_bool(0.4) {
            let roll = Rotation3::from_axis_angle(&Vector3::z_axis(), rng.random_range(-0.07..0.07));
            let turned = roll.matrix() * nalgebra::Matrix3::from_fn(|r, c| camera.rotation[r][c]);
            camera.rotation = [0, 1, 2].map(|r| [0, 1, 2].map(|c| turned[(r, c)]));
        }
        if field > 45.0 && rng.random_bool(0.6) {
            camera.distortion = [rng.random_range(-0.16..0.03), rng.random_range(0.0..0.02)];
        }
        let (count, tallest) = sight(&camera, truth);
        if (count >= 2 || rng.random_bool(0.08)) && tallest < f64::from(height) * 0.85 {
            break;
        }
    }
    camera
}
