//! Bytes of one line to readings. Pure: when the bytes arrived is an argument, so a recording gives the same readings.
//!
//! Comes in: bytes in pieces of any size. Goes out: [`Reading`]s, and counts of what was none. Keeps one clock for each
//! device; allocates nothing once all devices were heard.

use std::collections::HashMap;

use super::{Reading, clock::DeviceClock};
use crate::time::{Stamp, TimeSource};
use firmware_protocol::{
    packet::{Counts, Receiver},
    serial::{FaultKind, Message, SerialPacket, TagId},
};

/// Devices kept for one line. Two rosters, officials, pucks and anchors are 60; a faulty gateway can make up more.
const DEVICES_MAX: usize = 512;

/// A jump of the packet counter up to this is loss on the air; beyond it the device began anew.
const LOST_MAX: u16 = 1_000;

/// When a piece of bytes reached the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// By the clock that never steps, microseconds.
    pub monotonic_us: u64,
    /// The wall clock at the same moment, microseconds UTC.
    pub utc_us: i64,
}

impl Arrival {
    /// This moment.
    pub fn now() -> Self {
        Self { monotonic_us: crate::time::monotonic_us(), utc_us: crate::time::utc_us() }
    }
}

/// What is known of one device.
#[derive(Debug, Clone)]
pub struct Device {
    /// Packets heard.
    pub packets: u64,
    /// Packets missing between those heard.
    pub lost: u64,
    /// When it was last heard, microseconds UTC.
    pub seen_us: i64,
    /// Charge it last told, percent.
    pub battery_percent: Option<u8>,
    /// Fault it last told.
    pub fault: Option<FaultKind>,
    /// Its clock.
    pub clock: DeviceClock,
    sequence: u16,
}

impl Device {
    fn new(packet: &SerialPacket) -> Self {
        Self {
            packets: 0,
            lost: 0,
            seen_us: 0,
            battery_percent: None,
            fault: None,
            clock: DeviceClock::new(),
            sequence: packet.sequence.wrapping_sub(1),
        }
    }

    fn hear(&mut self, packet: &SerialPacket, arrival: Arrival) -> Reading {
        let step = packet.sequence.wrapping_sub(self.sequence);
        if (2..=LOST_MAX).contains(&step) {
            self.lost += u64::from(step - 1);
        }
        self.sequence = packet.sequence;
        self.packets += 1;
        self.seen_us = arrival.utc_us;
        match packet.message {
            Message::Battery { percent, .. } => self.battery_percent = Some(percent),
            Message::Fault { fault, .. } => self.fault = Some(fault),
            _ => {}
        }
        let captured = self.clock.captured(packet.device_us, arrival.monotonic_us as i64);
        let age_us = (arrival.monotonic_us as i64).saturating_sub(captured.at_us);
        let stamp = Stamp {
            utc_us: arrival.utc_us.saturating_sub(age_us),
            source: TimeSource::Source,
            uncertainty_us: captured.uncertainty_us,
        };
        Reading { tag: packet.tag, stamp, message: packet.message }
    }
}

/// One line.
#[derive(Debug, Clone, Default)]
pub struct Line {
    receiver: Receiver,
    devices: HashMap<TagId, Device>,
    /// Packets of devices beyond the first [`DEVICES_MAX`].
    turned_away: u64,
}

impl Line {
    /// A line nothing came over.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes `bytes` that came at `arrival`; calls `found` with each reading that ends in them.
    pub fn feed(&mut self, bytes: &[u8], arrival: Arrival, mut found: impl FnMut(Reading)) {
        let Self { receiver, devices, turned_away } = self;
        receiver.feed(bytes, |answer| {
            let Ok(packet) = answer else { return };
            if devices.len() >= DEVICES_MAX && !devices.contains_key(&packet.tag) {
                *turned_away += 1;
                return;
            }
            let device = devices.entry(packet.tag).or_insert_with(|| Device::new(&packet));
            found(device.hear(&packet, arrival));
        });
    }

    /// The line was opened anew: forget half a packet.
    pub fn restart(&mut self) {
        self.receiver.restart();
    }

    /// What came so far.
    pub fn counts(&self) -> Counts {
        self.receiver.counts()
    }

    /// Packets turned away because more devices spoke than there can be.
    pub fn turned_away(&self) -> u64 {
        self.turned_away
    }

    /// All devices heard, in no order.
    pub fn devices(&self) -> impl Iterator<Item = (TagId, &Device)> {
        self.devices.iter().map(|(tag, device)| (*tag, device))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firmware_protocol::packet::{PACKET_BYTES_MAX, encode};

    fn wire(tag: u32, sequence: u16, device_us: u64) -> Vec<u8> {
        let message = Message::Battery { percent: 80, millivolts: 3_900, temperature_dc: 0 };
        let packet = SerialPacket::new(TagId(tag), sequence, device_us, message);
        encode(&packet, &mut [0; PACKET_BYTES_MAX]).unwrap().to_vec()
    }

    #[test]
    fn readings_are_stamped_when_measured_not_when_heard() {
        let mut line = Line::new();
        let mut stamps = Vec::new();
        // A wall clock one hour wrong is as good as any: only its distance to the other clock counts.
        for (device_us, delay_us) in [(0, 2_000), (100_000, 2_000), (200_000, 90_000)] {
            let monotonic_us = 50_000_000 + device_us + delay_us;
            let arrival = Arrival { monotonic_us, utc_us: monotonic_us as i64 + 1_790_000_000_000_000 };
            line.feed(&wire(1, 0, device_us), arrival, |reading| stamps.push(reading.stamp.utc_us));
        }
        assert_eq!(stamps.iter().map(|stamp| stamp - stamps[0]).collect::<Vec<_>>(), [0, 100_000, 200_000]);
    }

    #[test]
    fn loss_on_the_air_is_counted_and_wraps() {
        let mut line = Line::new();
        let arrival = Arrival { monotonic_us: 0, utc_us: 0 };
        for sequence in [65_533, 65_534, 2, 3, 40_000] {
            line.feed(&wire(9, sequence, 0), arrival, |_| {});
        }
        let (_, device) = line.devices().next().unwrap();
        assert_eq!((device.packets, device.lost, device.battery_percent), (5, 3, Some(80)));
    }

    #[test]
    fn made_up_devices_are_bounded() {
        let mut line = Line::new();
        for tag in 0..2_000 {
            line.feed(&wire(tag, 0, 0), Arrival { monotonic_us: 0, utc_us: 0 }, |_| {});
        }
        assert_eq!((line.devices().count(), line.turned_away()), (DEVICES_MAX, 2_000 - DEVICES_MAX as u64));
    }
}
