//! The receiving end of a serial line: fed any bytes in pieces of any size, gives packets.
//!
//! Holds one packet's worth of bytes and nothing else. A stretch that outgrows it is skipped to its zero; two zeros
//! in a row are an idle line, not a fault.

use super::{PACKET_BYTES_MAX, PacketError, decode};
use crate::serial::SerialPacket;

/// What came over a line since the receiver was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Bytes, of whatever kind.
    pub bytes: u64,
    /// Whole packets.
    pub packets: u64,
    /// Stretches without an end.
    pub too_long: u64,
    /// Stretches too short to be a packet.
    pub too_short: u64,
    /// Stretches with broken byte stuffing.
    pub stuffing: u64,
    /// Stretches whose checksum does not fit.
    pub checksum: u64,
    /// Whole packets of another version.
    pub version: u64,
    /// Whole packets without a known message.
    pub malformed: u64,
}

impl Counts {
    /// All that was not a packet.
    pub fn faults(&self) -> u64 {
        self.too_long + self.too_short + self.stuffing + self.checksum + self.version + self.malformed
    }

    fn count(&mut self, answer: &Result<SerialPacket, PacketError>) {
        let counter = match answer {
            Ok(_) => &mut self.packets,
            Err(PacketError::TooLong | PacketError::Room { .. }) => &mut self.too_long,
            Err(PacketError::TooShort { .. }) => &mut self.too_short,
            Err(PacketError::Stuffing) => &mut self.stuffing,
            Err(PacketError::Checksum) => &mut self.checksum,
            Err(PacketError::Version { .. }) => &mut self.version,
            Err(PacketError::Malformed) => &mut self.malformed,
        };
        *counter += 1;
    }
}

/// Finds packets in a stream of bytes.
#[derive(Debug, Clone)]
pub struct Receiver {
    stretch: [u8; PACKET_BYTES_MAX],
    /// Bytes of `stretch` in use; one more than fits means that the rest is skipped.
    length: usize,
    counts: Counts,
}

impl Receiver {
    /// A receiver that waits for the first byte.
    pub const fn new() -> Self {
        let counts = Counts {
            bytes: 0,
            packets: 0,
            too_long: 0,
            too_short: 0,
            stuffing: 0,
            checksum: 0,
            version: 0,
            malformed: 0,
        };
        Self { stretch: [0; PACKET_BYTES_MAX], length: 0, counts }
    }

    /// Takes `bytes`; calls `found` for each packet and each fault that ends in them, in order.
    pub fn feed(&mut self, bytes: &[u8], mut found: impl FnMut(Result<SerialPacket, PacketError>)) {
        self.counts.bytes += bytes.len() as u64;
        for &byte in bytes {
            if byte != 0 {
                if let Some(place) = self.stretch.get_mut(self.length) {
                    *place = byte;
                }
                self.length = (self.length + 1).min(PACKET_BYTES_MAX);
                continue;
            }
            // The longest packet has 63 bytes before its zero, so a full buffer is never one.
            let answer = match core::mem::take(&mut self.length) {
                0 => continue,
                PACKET_BYTES_MAX => Err(PacketError::TooLong),
                length => decode(&mut self.stretch[..length]),
            };
            self.counts.count(&answer);
            found(answer);
        }
    }

    /// What came so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Forgets a stretch begun: the line was opened anew, and what follows does not belong to it. Counts stay.
    pub fn restart(&mut self) {
        self.length = 0;
    }
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{vec, vec::Vec};

    fn check(bytes: &[u8], expected: &[PacketError]) {
        let mut receiver = Receiver::new();
        let mut answers = Vec::new();
        receiver.feed(bytes, |answer| answers.push(answer.unwrap_err()));
        assert_eq!(answers, expected, "{bytes:02x?}");
        assert_eq!(receiver.counts().faults(), expected.len() as u64);
        assert_eq!(receiver.counts().bytes, bytes.len() as u64);
    }

    #[test]
    fn each_fault_is_named() {
        check(&[0, 0, 0], &[]);
        check(&[1, 0], &[PacketError::TooShort { bytes: 1 }]);
        check(&[9, 1, 0], &[PacketError::Stuffing]);
        check(&[7, 1, 2, 3, 4, 5, 6, 0], &[PacketError::Checksum]);
        check(&[vec![1; 64], vec![0]].concat(), &[PacketError::TooLong]);
        check(&[vec![1; 5000], vec![0]].concat(), &[PacketError::TooLong]);
    }

    #[test]
    fn a_whole_packet_of_another_kind_is_not_called_noise() {
        let framed = |message: &[u8]| {
            let body = [message, &super::super::CRC.checksum(message).to_le_bytes()].concat();
            let mut wire = [0; PACKET_BYTES_MAX];
            let length = cobs::encode(&body, &mut wire);
            wire[..=length].to_vec()
        };
        check(&framed(&[2, 1, 1]), &[PacketError::Version { found: 2 }]);
        check(&framed(&[1, 7, 0, 0, 250, 1]), &[PacketError::Malformed]);
        let battery_and_more = [1, 7, 0, 0, 6, 50, 0, 0, 99];
        check(&framed(&battery_and_more), &[PacketError::Malformed]);
    }
}
