//! What fake devices say about a game: tags on people, the puck's own tag, the scoreboard adapter.
//!
//! Comes in: the truth, instant by instant. Goes out: [`SerialPacket`]s in the order they would be on the air. Each
//! device has its own clock, off and drifting, and its own errors; all are drawn from the setup's seed. Noise model:
//! white, normal, `noise_m` a coordinate; with chance `blocked_chance` a fix through bodies, off by `blocked_m`
//! outward for up to half a second; with chance `drop_chance` nothing at all.

mod clock;

use super::{Person, STEP_US, Setup, Truth, chance::Chance};
use clock::DeviceClock;
use firmware_protocol::{
    network::{Role, Side},
    serial::{DeviceKind, Message, SerialPacket, TagId, VERSION},
};
use serde::{Deserialize, Serialize};

/// The puck's tag.
pub const PUCK_TAG: TagId = TagId(900);
/// The scoreboard adapter.
pub const SCOREBOARD_TAG: TagId = TagId(901);
const FIRMWARE: [u8; 3] = [1, 0, 0];
/// Tags worn by people; person `id` wears tag `id`.
const WORN: usize = super::roster::EVERYBODY;

/// How fake devices err.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DevicesConfig {
    /// One standard deviation of a tag's fix, each coordinate, metres.
    pub noise_m: f64,
    /// One standard deviation of the puck's fix, each coordinate, metres.
    pub puck_noise_m: f64,
    /// Chance that a fix begins a spell through a blocked path.
    pub blocked_chance: f64,
    /// How far fixes through a blocked path are off, metres.
    pub blocked_m: f64,
    /// Chance that a packet is lost on the air.
    pub drop_chance: f64,
    /// Largest drift of a device's clock, parts per million.
    pub drift_ppm: f64,
    /// How many people wear a tag, counted from both teams' first; the rest do not.
    pub tagged: usize,
    /// Whether the puck has a tag.
    pub puck: bool,
    /// Whether a scoreboard is connected.
    pub scoreboard: bool,
}

impl Default for DevicesConfig {
    fn default() -> Self {
        Self {
            noise_m: 0.15,
            puck_noise_m: 0.1,
            blocked_chance: 0.004,
            blocked_m: 1.5,
            drop_chance: 0.02,
            drift_ppm: 30.0,
            tagged: WORN,
            puck: true,
            scoreboard: true,
        }
    }
}

impl DevicesConfig {
    /// Values out of range, each with its limit.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let metres = [("noise_m", self.noise_m), ("puck_noise_m", self.puck_noise_m), ("blocked_m", self.blocked_m)];
        for (key, value) in metres {
            if !(0.0..=20.0).contains(&value) {
                faults.push(format!("{key} is {value}: use 0 to 20 metres"));
            }
        }
        for (key, value) in [("blocked_chance", self.blocked_chance), ("drop_chance", self.drop_chance)] {
            if !(0.0..=1.0).contains(&value) {
                faults.push(format!("{key} is {value}: use 0 to 1"));
            }
        }
        if !(0.0..=500.0).contains(&self.drift_ppm) {
            faults.push(format!("drift_ppm is {}: use 0 to 500", self.drift_ppm));
        }
        faults
    }
}

/// One worn tag.
#[derive(Debug, Clone)]
struct Tag {
    clock: DeviceClock,
    /// Blocked until then, and where the false fix lies.
    blocked_until_us: i64,
    blocked_by: [f64; 2],
    /// Rises with work, falls on the bench: beats per minute.
    heart: f64,
    charge: f64,
    last_velocity: [f64; 2],
    peak_mps2: f64,
    strides: f64,
}

/// All fake devices of one game.
#[derive(Debug, Clone)]
pub struct Devices {
    config: DevicesConfig,
    chance: Chance,
    tags: Vec<Tag>,
    puck: DeviceClock,
    puck_velocity: [f64; 3],
    puck_peak_g: f64,
    board: DeviceClock,
}

impl Devices {
    /// Devices of the game that `setup` plays.
    pub fn new(setup: &Setup, config: DevicesConfig) -> Self {
        let mut chance = Chance::new(setup.seed, 1);
        let tags = (0..WORN)
            .map(|_| Tag {
                clock: DeviceClock::draw(&mut chance, config.drift_ppm),
                blocked_until_us: i64::MIN,
                blocked_by: [0.0; 2],
                heart: chance.between(85.0, 110.0),
                charge: chance.between(80.0, 100.0),
                last_velocity: [0.0; 2],
                peak_mps2: 0.0,
                strides: 0.0,
            })
            .collect();
        let puck = DeviceClock::draw(&mut chance, config.drift_ppm);
        let board = DeviceClock::draw(&mut chance, config.drift_ppm);
        Self { config, chance, tags, puck, puck_velocity: [0.0; 3], puck_peak_g: 0.0, board }
    }

    /// What they say of this instant, appended to `packets`. Call with every truth, in order.
    pub fn observe(&mut self, truth: &Truth, packets: &mut Vec<SerialPacket>) {
        let step = truth.time_us / STEP_US;
        for person in &truth.people {
            let index = person.id as usize - 1;
            if index < WORN && self.is_tagged(person) {
                self.observe_person(index, person, step, truth.time_us, packets);
            }
        }
        if self.config.puck {
            self.observe_puck(truth, step, packets);
        }
        if self.config.scoreboard && step % 10 == 0 {
            self.observe_board(truth, packets);
        }
        if self.config.scoreboard {
            self.housekeeping(Device::Board, truth.time_us, step, packets);
        }
    }

    fn is_tagged(&self, person: &Person) -> bool {
        let within_side = match person.side {
            Some(Side::Away) => person.id as usize - super::roster::TEAM,
            Some(Side::Home) | None => person.id as usize,
        };
        2 * within_side <= self.config.tagged.max(1) || self.config.tagged >= WORN && person.role == Role::Official
    }

    fn observe_person(
        &mut self,
        index: usize,
        person: &Person,
        step: i64,
        time_us: i64,
        packets: &mut Vec<SerialPacket>,
    ) {
        let tag = &mut self.tags[index];
        let velocity = person.velocity_mps;
        let push = [(velocity[0] - tag.last_velocity[0]) * 100.0, (velocity[1] - tag.last_velocity[1]) * 100.0];
        tag.last_velocity = velocity;
        tag.peak_mps2 = tag.peak_mps2.max(push[0].hypot(push[1]).min(80.0));
        let speed = velocity[0].hypot(velocity[1]);
        tag.strides += speed / 250.0;
        tag.heart += (80.0 + 18.0 * speed.min(6.0) - tag.heart) * 0.0004;
        let phase = (step + index as i64) % 500;
        if phase % 5 == 0 {
            let message = self.fix(index, person, time_us);
            self.say(Device::Worn(index), time_us, message, packets);
        }
        if phase % 100 == 33 {
            let tag = &mut self.tags[index];
            let beats = (tag.heart + self.chance.normal(1.0)).clamp(40.0, 210.0);
            let heart = Message::HeartRate {
                beats_per_minute: beats as u8,
                interval_ms: (60_000.0 / beats) as u16,
                contact: true,
            };
            let motion = Message::ImuSummary {
                interval_ms: 1000,
                acceleration_mg: [(push[0] * 102.0) as i16, (push[1] * 102.0) as i16, 1000],
                rotation_ddps: [0, 0, self.chance.normal(200.0) as i16],
                peak_mg: (1000.0 + tag.peak_mps2 * 102.0) as u16,
                strides: tag.strides as u8,
            };
            tag.peak_mps2 = 0.0;
            tag.strides = tag.strides.fract();
            self.say(Device::Worn(index), time_us, heart, packets);
            self.say(Device::Worn(index), time_us, motion, packets);
        }
        self.housekeeping(Device::Worn(index), time_us, step + 7 * index as i64, packets);
    }

    /// A position as the gateway solves it.
    fn fix(&mut self, index: usize, person: &Person, time_us: i64) -> Message {
        let (noise, chance) = (self.config.noise_m, &mut self.chance);
        let tag = &mut self.tags[index];
        if time_us >= tag.blocked_until_us && chance.hit(self.config.blocked_chance) {
            tag.blocked_until_us = time_us + (chance.between(0.05, 0.5) * 1e6) as i64;
            let angle = chance.between(0.0, std::f64::consts::TAU);
            let far = self.config.blocked_m * chance.between(0.5, 1.5);
            tag.blocked_by = [far * angle.cos(), far * angle.sin()];
        }
        let blocked = time_us < tag.blocked_until_us;
        let off = if blocked { tag.blocked_by } else { [0.0; 2] };
        let millimetres = |metres: f64| (metres * 1000.0).round() as i32;
        // The gateway knows a blocked path only about half of the time.
        let sigma_m = if blocked && chance.hit(0.5) { noise * 4.0 } else { noise };
        Message::UwbPosition {
            x_mm: millimetres(person.position_m[0] + off[0] + chance.normal(noise)),
            y_mm: millimetres(person.position_m[1] + off[1] + chance.normal(noise)),
            z_mm: millimetres(1.4 + chance.normal(noise)),
            sigma_mm: (sigma_m * 1000.0) as u16,
        }
    }

    fn observe_puck(&mut self, truth: &Truth, step: i64, packets: &mut Vec<SerialPacket>) {
        let velocity = truth.puck.velocity_mps;
        let change: f64 = (0..3).map(|axis| (velocity[axis] - self.puck_velocity[axis]).powi(2)).sum::<f64>().sqrt();
        self.puck_velocity = velocity;
        // A stick or board acts for about a hundredth of a second.
        self.puck_peak_g = self.puck_peak_g.max(change * 100.0 / 9.81);
        if step % 2 == 0 {
            let (noise, chance) = (self.config.puck_noise_m, &mut self.chance);
            let place = truth.puck.position_m;
            let message = Message::Puck {
                x_mm: ((place[0] + chance.normal(noise)) * 1000.0).round() as i32,
                y_mm: ((place[1] + chance.normal(noise)) * 1000.0).round() as i32,
                z_mm: ((place[2] + chance.normal(noise)) * 1000.0).round() as i32,
                sigma_mm: (noise * 1000.0) as u16,
                peak_mg: (self.puck_peak_g * 1000.0).min(65_000.0) as u16,
            };
            self.puck_peak_g = 0.0;
            self.say(Device::Puck, truth.time_us, message, packets);
        }
        self.housekeeping(Device::Puck, truth.time_us, step + 3, packets);
    }

    fn observe_board(&mut self, truth: &Truth, packets: &mut Vec<SerialPacket>) {
        let clock = truth.clock;
        let message = Message::Scoreboard {
            period: clock.period,
            remaining_ms: clock.remaining_ms,
            running: clock.running,
            home_score: clock.home_score,
            away_score: clock.away_score,
            home_penalties_s: truth.penalties_s[0],
            away_penalties_s: truth.penalties_s[1],
        };
        self.say(Device::Board, truth.time_us, message, packets);
    }

    /// Hello every ten seconds, time once a second, battery every ten.
    fn housekeeping(&mut self, device: Device, time_us: i64, step: i64, packets: &mut Vec<SerialPacket>) {
        if step % 100 == 11 {
            let round_trip_us = self.chance.between(300.0, 900.0) as u32;
            self.say(device, time_us, Message::TimeSync { gateway_us: time_us as u64, round_trip_us }, packets);
        }
        if step % 1000 == 17 || time_us == STEP_US {
            let device_kind = match device {
                Device::Worn(_) => DeviceKind::PlayerTag,
                Device::Puck => DeviceKind::PuckTag,
                Device::Board => DeviceKind::ScoreboardAdapter,
            };
            self.say(device, time_us, Message::Hello { device: device_kind, firmware: FIRMWARE }, packets);
        }
        if step % 1000 == 517
            && let Device::Worn(index) = device
        {
            let tag = &mut self.tags[index];
            // A charge lasts about ten hours.
            tag.charge = (tag.charge - 10.0 / 360.0).max(0.0);
            let percent = tag.charge as u8;
            let millivolts = 3300 + 8 * u16::from(percent);
            self.say(device, time_us, Message::Battery { percent, millivolts, temperature_dc: 210 }, packets);
        }
    }

    fn say(&mut self, device: Device, time_us: i64, message: Message, packets: &mut Vec<SerialPacket>) {
        let (tag, clock) = match device {
            Device::Worn(index) => (TagId(index as u32 + 1), &mut self.tags[index].clock),
            Device::Puck => (PUCK_TAG, &mut self.puck),
            Device::Board => (SCOREBOARD_TAG, &mut self.board),
        };
        let (sequence, device_us) = clock.stamp(time_us);
        // The scoreboard is on a cable; the rest is on the air.
        if matches!(device, Device::Board) || !self.chance.hit(self.config.drop_chance) {
            packets.push(SerialPacket { version: VERSION, tag, sequence, device_us, message });
        }
    }
}

/// Which device speaks.
#[derive(Debug, Clone, Copy)]
enum Device {
    Worn(usize),
    Puck,
    Board,
}
