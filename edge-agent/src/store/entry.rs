//! The bytes of one value in the journal. They describe themselves, so that a journal whose index is gone can still be
//! salvaged by looking for them in its files.
//!
//! ```text
//!  0      4     5       6      14        22      26     30
//!  "RKS1" kind  stream  epoch  sequence  length  crc32  payload…      numbers little-endian;
//!                                                                     crc32 over kind..length and payload
//! ```

use firmware_protocol::network::Stream;

/// Marks the begin of an entry.
pub(super) const MAGIC: [u8; 4] = *b"RKS1";
/// Bytes before the payload.
pub(super) const HEADER_BYTES: usize = 30;
/// A longer payload is nonsense: the hub takes batches of 4 MiB.
const PAYLOAD_BYTES_MAX: usize = 4 << 20;
/// No entry is longer.
pub(super) const BYTES_MAX: usize = HEADER_BYTES + PAYLOAD_BYTES_MAX;

/// What an entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The payload is an encoded record.
    Record,
    /// The hub holds everything of the stream below `sequence`.
    Acknowledged,
    /// The journal's epoch.
    Epoch,
}

/// One value of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub kind: Kind,
    pub stream: Stream,
    pub epoch: u64,
    pub sequence: u64,
    pub payload: &'a [u8],
}

/// The place of `stream` in arrays and keys.
pub(super) fn index(stream: Stream) -> usize {
    stream as usize
}

impl<'a> Entry<'a> {
    /// The bytes of this entry.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.payload.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.push(self.kind as u8);
        bytes.push(self.stream as u8);
        bytes.extend_from_slice(&self.epoch.to_le_bytes());
        bytes.extend_from_slice(&self.sequence.to_le_bytes());
        bytes.extend_from_slice(&(self.payload.len() as u32).to_le_bytes());
        let crc = checksum(&bytes[4..26], self.payload);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes.extend_from_slice(self.payload);
        bytes
    }

    /// The entry at the start of `bytes`, when there is a whole one.
    pub(super) fn at_start_of(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_at_checked(HEADER_BYTES)?;
        if header[..4] != MAGIC {
            return None;
        }
        let kind = match header[4] {
            0 => Kind::Record,
            1 => Kind::Acknowledged,
            2 => Kind::Epoch,
            _ => return None,
        };
        let stream = *Stream::ALL.get(usize::from(header[5]))?;
        let length = u32::from_le_bytes(header[22..26].try_into().ok()?) as usize;
        let crc = u32::from_le_bytes(header[26..30].try_into().ok()?);
        if length > PAYLOAD_BYTES_MAX {
            return None;
        }
        let payload = rest.get(..length)?;
        (checksum(&header[4..26], payload) == crc).then_some(())?;
        Some(Self {
            kind,
            stream,
            epoch: u64::from_le_bytes(header[6..14].try_into().ok()?),
            sequence: u64::from_le_bytes(header[14..22].try_into().ok()?),
            payload,
        })
    }

    /// The entry that is exactly `bytes`.
    pub(super) fn exactly(bytes: &'a [u8]) -> Option<Self> {
        Self::at_start_of(bytes).filter(|entry| HEADER_BYTES + entry.payload.len() == bytes.len())
    }
}

fn checksum(header: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_bit_or_cut_is_noticed() {
        let entry =
            Entry { kind: Kind::Record, stream: Stream::Tracks, epoch: 7, sequence: 42, payload: b"a chunk of states" };
        let bytes = entry.to_bytes();
        assert_eq!(Entry::exactly(&bytes), Some(entry));
        for bit in 0..bytes.len() * 8 {
            let mut broken = bytes.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Entry::exactly(&broken), None, "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert_eq!(Entry::exactly(&bytes[..cut]), None, "cut at {cut}");
        }
    }
}
