//! What came over the lines, kept in a file with its time of arrival, and played again.
//!
//! ```text
//!  "rinkside sensors 1\n"  then for each piece, numbers little endian:
//!  line u8 · monotonic_us u64 · utc_us i64 · length u32 · bytes · crc32 (IEEE) of all that u32
//! ```
//!
//! The same file gives the same readings, always: nothing here asks the time. A file that was cut off while written
//! is good up to its last whole piece, and says where that was.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use tokio::task::{JoinHandle, spawn_blocking};

use super::{Arrival, Line, Reading, SensorError};
use crate::queue::{self, Overflow};

const MAGIC: &[u8] = b"rinkside sensors 1\n";

/// Longest piece believed when reading, bytes: lines are read in pieces of four kilobytes.
const PIECE_BYTES_MAX: u32 = 1 << 20;

/// Pieces that wait for the disk: at a full game's thousand a second, four seconds.
const QUEUE_PIECES_MAX: usize = 4_096;

/// Bytes of one line that came together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Index of the line.
    pub line: u8,
    /// When they came.
    pub arrival: Arrival,
    /// What came.
    pub bytes: Vec<u8>,
}

/// Writes a recording.
pub struct Writer<W: Write>(W);

impl<W: Write> Writer<W> {
    /// Begins a recording on `out`.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        Ok(Self(out))
    }

    /// Adds a piece.
    pub fn write(&mut self, piece: &Piece) -> io::Result<()> {
        let head = head(piece.line, piece.arrival, piece.bytes.len() as u32);
        self.0.write_all(&head)?;
        self.0.write_all(&piece.bytes)?;
        self.0.write_all(&checksum(&head, &piece.bytes).to_le_bytes())
    }

    /// Hands everything to the system.
    pub fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Reads a recording: pieces in the order they came.
pub struct Reader<R: Read> {
    input: R,
    path: PathBuf,
    at: u64,
    ended: bool,
}

impl Reader<BufReader<File>> {
    /// Opens the recording at `path`.
    pub fn open(path: &Path) -> Result<Self, SensorError> {
        let recording = |source| SensorError::Recording { path: path.into(), source };
        Self::new(BufReader::new(File::open(path).map_err(recording)?), path)
    }
}

impl<R: Read> Reader<R> {
    /// Reads `input`, called `path` in errors.
    pub fn new(mut input: R, path: &Path) -> Result<Self, SensorError> {
        let mut magic = [0; MAGIC.len()];
        match input.read_exact(&mut magic) {
            Ok(()) if magic == MAGIC => Ok(Self { input, path: path.into(), at: MAGIC.len() as u64, ended: false }),
            Err(source) if source.kind() != io::ErrorKind::UnexpectedEof => {
                Err(SensorError::Recording { path: path.into(), source })
            }
            _ => Err(SensorError::NotARecording { path: path.into() }),
        }
    }

    /// The next piece; `None` at a clean end.
    fn piece(&mut self) -> io::Result<Option<Piece>> {
        let mut head = [0; HEAD_BYTES];
        if self.input.read(&mut head[..1])? == 0 {
            return Ok(None);
        }
        self.input.read_exact(&mut head[1..])?;
        let [line, rest @ ..] = head;
        let number = |from: usize| u64::from_le_bytes(rest[from..from + 8].try_into().expect("eight bytes"));
        let arrival = Arrival { monotonic_us: number(0), utc_us: number(8) as i64 };
        let length = u32::from_le_bytes(rest[16..].try_into().expect("four bytes"));
        if length > PIECE_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; length as usize];
        self.input.read_exact(&mut bytes)?;
        let mut written = [0; 4];
        self.input.read_exact(&mut written)?;
        if checksum(&head, &bytes) != u32::from_le_bytes(written) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.at += (HEAD_BYTES + bytes.len() + written.len()) as u64;
        Ok(Some(Piece { line, arrival, bytes }))
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Piece, SensorError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let piece = self.piece().transpose();
        self.ended = !matches!(piece, Some(Ok(_)));
        let (path, at) = (&self.path, self.at);
        piece.map(|piece| {
            piece.map_err(|source| match source.kind() {
                io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => {
                    SensorError::Broken { path: path.clone(), at }
                }
                _ => SensorError::Recording { path: path.clone(), source },
            })
        })
    }
}

/// Plays `pieces` through the same code as a line; `found` has each reading, in order of arrival.
///
/// Ends at the first broken piece with its error: all before it was played.
pub fn replay(
    pieces: impl IntoIterator<Item = Result<Piece, SensorError>>,
    mut found: impl FnMut(Reading),
) -> Result<(), SensorError> {
    let mut lines: Vec<Line> = Vec::new();
    for piece in pieces {
        let Piece { line, arrival, bytes } = piece?;
        if lines.len() <= usize::from(line) {
            lines.resize_with(usize::from(line) + 1, Line::new);
        }
        lines[usize::from(line)].feed(&bytes, arrival, &mut found);
    }
    Ok(())
}

/// How a recording ended, once every sender of pieces is gone.
type Ending = JoinHandle<Result<(), SensorError>>;

/// Begins a recording at `path`, written by a thread of its own: a slow disk holds no line back. When it cannot keep
/// up the oldest pieces go, counted as queue `sensors_recording`.
pub(super) fn start(path: &Path) -> Result<(queue::Sender<Piece>, Ending), SensorError> {
    let path = path.to_path_buf();
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| SensorError::Recording { path, source }
    };
    let file = File::create(&path).map_err(failed(&path))?;
    let mut writer = Writer::new(BufWriter::new(file)).map_err(failed(&path))?;
    let (sender, receiver) = queue::bounded("sensors_recording", QUEUE_PIECES_MAX, Overflow::DropOldest);
    let task = spawn_blocking(move || {
        while let Some(piece) = receiver.receive() {
            writer.write(&piece).map_err(failed(&path))?;
        }
        writer.flush().map_err(failed(&path))
    });
    Ok((sender, task))
}

const HEAD_BYTES: usize = 1 + 8 + 8 + 4;

fn head(line: u8, arrival: Arrival, length: u32) -> [u8; HEAD_BYTES] {
    let mut head = [line; HEAD_BYTES];
    head[1..9].copy_from_slice(&arrival.monotonic_us.to_le_bytes());
    head[9..17].copy_from_slice(&arrival.utc_us.to_le_bytes());
    head[17..].copy_from_slice(&length.to_le_bytes());
    head
}

fn checksum(head: &[u8], bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use firmware_protocol::{
        packet::{PACKET_BYTES_MAX, encode},
        serial::{Message, SerialPacket, TagId},
    };

    fn recording(pieces: u32) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).unwrap();
        for number in 0..pieces {
            let message = Message::Battery { percent: 50, millivolts: 3_800, temperature_dc: 0 };
            let packet = SerialPacket::new(TagId(number % 3), 0, u64::from(number) * 10_000, message);
            let mut wire = [0; PACKET_BYTES_MAX];
            let bytes = encode(&packet, &mut wire).unwrap();
            let monotonic_us = u64::from(number) * 10_000 + u64::from(number * number % 977);
            let arrival = Arrival { monotonic_us, utc_us: 1_790_000_000_000_000 + monotonic_us as i64 };
            // Cut in two, so that packets span pieces.
            for half in [&bytes[..7], &bytes[7..]] {
                writer.write(&Piece { line: (number % 2) as u8, arrival, bytes: half.into() }).unwrap();
            }
        }
        writer.0
    }

    fn played(file: &[u8]) -> (Vec<Reading>, Result<(), SensorError>) {
        let mut readings = Vec::new();
        let reader = Reader::new(file, Path::new("sensors.bin")).unwrap();
        let end = replay(reader, |reading| readings.push(reading));
        (readings, end)
    }

    #[test]
    fn the_same_recording_gives_the_same_readings() {
        let file = recording(200);
        let (readings, end) = played(&file);
        end.unwrap();
        assert_eq!(readings.len(), 200);
        assert_eq!(readings, played(&file).0);
    }

    #[test]
    fn a_cut_or_changed_recording_is_good_up_to_there() {
        let file = recording(20);
        for cut in MAGIC.len()..file.len() {
            let (readings, end) = played(&file[..cut]);
            assert!(readings.len() < 20);
            assert!(matches!(end, Ok(()) | Err(SensorError::Broken { .. })), "cut at {cut}: {end:?}");
        }
        let mut changed = file.clone();
        changed[file.len() / 2] ^= 4;
        let (readings, end) = played(&changed);
        assert!((8..12).contains(&readings.len()), "{}", readings.len());
        assert!(matches!(end, Err(SensorError::Broken { .. })));
    }

    #[test]
    fn another_file_is_refused() {
        let refused = Reader::new(&b"[sensors]\nlines = []\n"[..], Path::new("x"));
        assert!(matches!(refused, Err(SensorError::NotARecording { .. })));
    }
}
