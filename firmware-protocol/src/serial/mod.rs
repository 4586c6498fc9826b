//! What tags, anchors, pucks and the scoreboard adapter say to the box.
//!
//! One packet is one [`SerialPacket`]: who speaks, when by its own clock, and one [`Message`]. Device clocks are
//! free running; [`Message::TimeSync`] lets the box estimate offset and drift. Units are in the field names.

use serde::{Deserialize, Serialize};

/// Version of this message set; a receiver refuses others by number.
pub const VERSION: u8 = 1;

/// Who sends: the number printed on a tag, puck or adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TagId(pub u32);

/// One message from one device.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SerialPacket {
    /// Always [`VERSION`].
    pub version: u8,
    /// Who sends.
    pub tag: TagId,
    /// Counts up by one a packet and wraps; a jump is a loss on the air.
    pub sequence: u16,
    /// When it was measured, microseconds of the device's own free-running clock.
    pub device_us: u64,
    /// What was measured.
    pub message: Message,
}

impl SerialPacket {
    /// A packet of this version.
    pub const fn new(tag: TagId, sequence: u16, device_us: u64, message: Message) -> Self {
        Self { version: VERSION, tag, sequence, device_us, message }
    }
}

/// What a device measured. Order of variants is the wire format: append only.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// Sent at power-up and every ten seconds.
    Hello {
        /// What kind of device this is.
        device: DeviceKind,
        /// Firmware as major, minor, patch.
        firmware: [u8; 3],
    },
    /// The gateway's answer to a time request: both clocks at one instant.
    TimeSync {
        /// Gateway clock, microseconds, when the packet was on the air.
        gateway_us: u64,
        /// Round trip of the exchange, microseconds; half of it bounds the error.
        round_trip_us: u32,
    },
    /// One two-way range to one anchor.
    UwbRange {
        /// Anchor number.
        anchor: u16,
        /// Distance, millimetres.
        range_mm: u32,
        /// Received power, dBm; well below the direct-path expectation means a blocked path.
        power_dbm: i8,
    },
    /// A position solved by the gateway, rink coordinates.
    UwbPosition {
        /// Along the length from centre ice, millimetres.
        x_mm: i32,
        /// Across, millimetres.
        y_mm: i32,
        /// Height over the ice, millimetres.
        z_mm: i32,
        /// One standard deviation in the plane, millimetres.
        sigma_mm: u16,
    },
    /// Motion over the last summary interval.
    ImuSummary {
        /// Interval, milliseconds.
        interval_ms: u16,
        /// Mean specific force, body axes, milli-g.
        acceleration_mg: [i16; 3],
        /// Mean turn rate, body axes, tenths of a degree per second.
        rotation_ddps: [i16; 3],
        /// Largest specific force in the interval, milli-g: impacts.
        peak_mg: u16,
        /// Strides counted in the interval.
        strides: u8,
    },
    /// Heart rate from the strap.
    HeartRate {
        /// Beats per minute.
        beats_per_minute: u8,
        /// Last interval between beats, milliseconds.
        interval_ms: u16,
        /// Whether the strap feels skin.
        contact: bool,
    },
    /// Battery.
    Battery {
        /// Charge, percent.
        percent: u8,
        /// Cell voltage, millivolts.
        millivolts: u16,
        /// Cell temperature, tenths of a degree Celsius.
        temperature_dc: i16,
    },
    /// The puck's own position and spin.
    Puck {
        /// Along the length from centre ice, millimetres.
        x_mm: i32,
        /// Across, millimetres.
        y_mm: i32,
        /// Height over the ice, millimetres.
        z_mm: i32,
        /// One standard deviation in the plane, millimetres.
        sigma_mm: u16,
        /// Largest specific force since the last packet, milli-g: stick, post and board contact.
        peak_mg: u16,
    },
    /// Something is wrong with the device.
    Fault {
        /// What.
        fault: FaultKind,
        /// A number that belongs to the fault.
        detail: u16,
    },
    /// The scoreboard adapter's reading of the board.
    Scoreboard {
        /// 1–3, 4 and on for overtime, 0 before the game.
        period: u8,
        /// Time left in the period, milliseconds.
        remaining_ms: u32,
        /// Whether the clock runs.
        running: bool,
        /// Goals of the home team.
        home_score: u8,
        /// Goals of the away team.
        away_score: u8,
        /// Seconds left of the home team's penalties, 0 for none.
        home_penalties_s: [u16; 2],
        /// Seconds left of the away team's penalties, 0 for none.
        away_penalties_s: [u16; 2],
    },
}

/// Kinds of devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceKind {
    /// Worn by a skater, goalie or official.
    PlayerTag,
    /// Inside a puck.
    PuckTag,
    /// Fixed in the building.
    Anchor,
    /// Collects tags and speaks serial.
    Gateway,
    /// On the scoreboard's cable.
    ScoreboardAdapter,
}

/// What can be wrong with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultKind {
    /// Battery under the level it can measure at; detail is millivolts.
    BatteryLow,
    /// The motion sensor does not answer; detail is its error register.
    ImuSilent,
    /// Fewer than three anchors heard; detail is how many.
    AnchorsFew,
    /// The device restarted by its watchdog; detail is the count.
    WatchdogReset,
}
