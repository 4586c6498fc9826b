//! Framing on a serial line: postcard bytes, then a CRC, COBS-stuffed, ended by one zero byte.
//!
//! ```text
//!  COBS( postcard(SerialPacket) ++ CRC-32C, little endian ) ++ 00
//! ```
//!
//! Comes in: [`SerialPacket`]s to [`encode`], any bytes at all to a [`Receiver`]. Goes out: bytes, or packets and a
//! [`PacketError`] for each stretch between two zeros that was none. Never: allocates, waits, or hands on a packet
//! whose checksum, version or length is wrong. After a fault the receiver is right again at the next zero.
//!
//! *Why CRC-32C.* A packet body is at most 59 bytes, where CRC-32C (Castagnoli, as iSCSI) finds every error of up to
//! five bits (Koopman, "32-bit cyclic redundancy codes for internet applications", 2002), and 8- to 64-bit cores have
//! it in hardware or one kilobyte of table. Two bytes fewer (CRC-16) would let one stretch of noise in 65,536
//! through: on a floating 115,200 baud line a made-up player about every half hour.

mod receiver;

use crc::{CRC_32_ISCSI, Crc};

use crate::serial::{SerialPacket, VERSION};
pub use receiver::{Counts, Receiver};

/// Longest packet on the wire, bytes, with its closing zero. The largest message today takes 51; a message that
/// would not fit needs another version.
pub const PACKET_BYTES_MAX: usize = 64;

/// Bytes of the checksum.
const CRC_BYTES: usize = 4;

/// Most bytes of message and checksum: the wire adds one of stuffing (one for every 254) and the closing zero.
const BODY_BYTES_MAX: usize = PACKET_BYTES_MAX - 2;

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// Why bytes are not a packet, or a packet does not become bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PacketError {
    /// No zero came in time: noise, or a lost zero.
    #[error("no end within {PACKET_BYTES_MAX} bytes")]
    TooLong,
    /// Too few bytes between two zeros to hold a message and its checksum.
    #[error("{bytes} bytes between zeros (a packet has at least 6)")]
    TooShort {
        /// How many came.
        bytes: u8,
    },
    /// A stuffing byte points past the end: bytes were lost or changed.
    #[error("byte stuffing is broken")]
    Stuffing,
    /// The checksum does not fit: bytes were changed.
    #[error("checksum does not fit")]
    Checksum,
    /// A whole packet of another version: the firmware is older or newer than this side.
    #[error("packet version {found} (this side speaks {VERSION}: update the device or the box)")]
    Version {
        /// What the packet says.
        found: u8,
    },
    /// A whole packet of this version that holds no known message: the firmware is wrong.
    #[error("whole packet, but no known message")]
    Malformed,
    /// The buffer given to [`encode`] is too small.
    #[error("room for {room} bytes (a packet may need {PACKET_BYTES_MAX})")]
    Room {
        /// What was given.
        room: usize,
    },
}

impl PacketError {
    /// The word for this fault in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::TooShort { .. } => "too_short",
            Self::Stuffing => "stuffing",
            Self::Checksum => "checksum",
            Self::Version { .. } => "version",
            Self::Malformed => "malformed",
            Self::Room { .. } => "room",
        }
    }
}

/// The bytes of `packet` on the wire, closing zero and all, at the front of `wire`.
///
/// [`PACKET_BYTES_MAX`] bytes of room are always enough. A packet of another version than [`VERSION`] is refused, as
/// the other side would.
pub fn encode<'a>(packet: &SerialPacket, wire: &'a mut [u8]) -> Result<&'a [u8], PacketError> {
    if packet.version != VERSION {
        return Err(PacketError::Version { found: packet.version });
    }
    let mut body = [0; BODY_BYTES_MAX];
    let message_bytes =
        postcard::to_slice(packet, &mut body[..BODY_BYTES_MAX - CRC_BYTES]).map_err(|_| PacketError::TooLong)?.len();
    let body_bytes = message_bytes + CRC_BYTES;
    let checksum = CRC.checksum(&body[..message_bytes]);
    body[message_bytes..body_bytes].copy_from_slice(&checksum.to_le_bytes());

    let room = wire.len();
    let stuffed = cobs::try_encode(&body[..body_bytes], wire).map_err(|_| PacketError::Room { room })?;
    *wire.get_mut(stuffed).ok_or(PacketError::Room { room })? = 0;
    Ok(&wire[..=stuffed])
}

/// The packet in the bytes between two zeros, which are unstuffed in place.
fn decode(stretch: &mut [u8]) -> Result<SerialPacket, PacketError> {
    let body_bytes = cobs::decode_in_place(stretch).map_err(|_| PacketError::Stuffing)?;
    let too_short = PacketError::TooShort { bytes: stretch.len() as u8 };
    let (message, checksum) = stretch[..body_bytes].split_last_chunk::<CRC_BYTES>().ok_or(too_short)?;
    let (&version, _) = message.split_first().ok_or(too_short)?;
    if CRC.checksum(message) != u32::from_le_bytes(*checksum) {
        return Err(PacketError::Checksum);
    }
    if version != VERSION {
        return Err(PacketError::Version { found: version });
    }
    match postcard::take_from_bytes(message) {
        Ok((packet, [])) => Ok(packet),
        _ => Err(PacketError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serial::{Message, TagId};

    const PACKET: SerialPacket = SerialPacket::new(
        TagId(u32::MAX),
        u16::MAX,
        u64::MAX,
        Message::HeartRate { beats_per_minute: 0, interval_ms: 0, contact: false },
    );

    #[test]
    fn the_longest_message_fits() {
        let longest = Message::ImuSummary {
            interval_ms: u16::MAX,
            acceleration_mg: [i16::MIN; 3],
            rotation_ddps: [i16::MIN; 3],
            peak_mg: u16::MAX,
            strides: u8::MAX,
        };
        let mut wire = [0; PACKET_BYTES_MAX];
        let bytes = encode(&SerialPacket { message: longest, ..PACKET }, &mut wire).unwrap();
        assert_eq!(bytes.len(), 51);
        assert_eq!(bytes.iter().position(|byte| *byte == 0), Some(50), "zeros only at the end");
    }

    #[test]
    fn too_little_room_is_said() {
        for room in 0..12 {
            assert_eq!(encode(&PACKET, &mut [0; 64][..room]), Err(PacketError::Room { room }));
        }
    }

    #[test]
    fn another_version_is_not_sent() {
        let packet = SerialPacket { version: 9, ..PACKET };
        assert_eq!(encode(&packet, &mut [0; PACKET_BYTES_MAX]), Err(PacketError::Version { found: 9 }));
    }
}
