//! Sealed parts: what is older than sled's share of a stream, in files that are never changed.
//!
//! Comes in: consecutive records of one stream, without losses, as `entry.rs` writes them. Goes out: the same, by
//! sequence. A part's name says all that opening needs, `tracks-<first>-<last>-<epoch>.part`, so a journal of gigabytes
//! opens by listing a folder, and what is done with gives its room back to the disk. A part is on disk, name and all,
//! before sled forgets what is in it; that it is done with is on disk in sled before the part goes. What cannot be read
//! in one is told as a loss when it is read. Never: holds a record in memory.

use super::{
    entry::{Kind, index},
    journal::{encoded_loss, locked},
    survey::each_entry,
};
use firmware_protocol::network::Stream;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Mutex,
};

/// A part that is being written; one that is left over from a crash is in sled as well.
const WRITING: &str = "writing";
const SEALED: &str = "part";

/// One sealed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub stream: Stream,
    /// Sequence of its first and of its last record; everything between is in it.
    pub first: u64,
    pub last: u64,
    /// Its length.
    pub bytes: u64,
    epoch: u64,
}

/// Every part of one journal.
pub(super) struct Parts {
    folder: PathBuf,
    epoch: u64,
    held: Mutex<[Held; 3]>,
}

/// The parts of one stream by their first sequence, and what they come to.
#[derive(Default)]
struct Held {
    parts: BTreeMap<u64, Part>,
    bytes: u64,
}

impl Held {
    fn insert(&mut self, part: Part) {
        self.bytes += part.bytes;
        if let Some(before) = self.parts.insert(part.first, part) {
            self.bytes -= before.bytes;
        }
    }
}

impl Parts {
    /// Those of the journal of `epoch` in `folder`, which need not be there.
    pub(super) fn open(folder: &Path, epoch: u64) -> Self {
        let mut held: [Held; 3] = Default::default();
        for (path, part) in listed(folder) {
            match part {
                Some(part) if part.epoch == epoch => held[index(part.stream)].insert(part),
                Some(_) => tracing::warn!(path = %path.display(), "a part of another journal is left alone"),
                None if path.extension().is_some_and(|ending| ending == WRITING) => {
                    let _ = fs::remove_file(&path);
                }
                None => {}
            }
        }
        Self { folder: folder.to_owned(), epoch, held: Mutex::new(held) }
    }

    /// The part of `stream` that holds `sequence`.
    pub(super) fn holding(&self, stream: Stream, sequence: u64) -> Option<Part> {
        let held = locked(&self.held);
        let (_, part) = held[index(stream)].parts.range(..=sequence).next_back()?;
        (part.last >= sequence).then(|| part.clone())
    }

    /// All of `stream`, oldest first.
    pub(super) fn of(&self, stream: Stream) -> Vec<Part> {
        locked(&self.held)[index(stream)].parts.values().cloned().collect()
    }

    /// The oldest of `stream`, as many as it takes to hold `bytes`, each the next of the one before.
    pub(super) fn oldest(&self, stream: Stream, bytes: u64) -> Vec<Part> {
        let mut taken: Vec<Part> = Vec::new();
        let mut held_bytes = 0;
        for part in locked(&self.held)[index(stream)].parts.values() {
            if held_bytes >= bytes || taken.last().is_some_and(|before| before.last + 1 != part.first) {
                break;
            }
            held_bytes += part.bytes;
            taken.push(part.clone());
        }
        taken
    }

    /// Those of `stream` that hold nothing from `sequence` on.
    pub(super) fn below(&self, stream: Stream, sequence: u64) -> Vec<Part> {
        let held = locked(&self.held);
        held[index(stream)].parts.values().take_while(|part| part.last < sequence).cloned().collect()
    }

    /// First sequence of `stream` behind all its parts.
    pub(super) fn end(&self, stream: Stream) -> u64 {
        locked(&self.held)[index(stream)].parts.values().next_back().map_or(0, |part| part.last + 1)
    }

    /// Bytes of the parts of each stream.
    pub(super) fn bytes(&self) -> [u64; 3] {
        locked(&self.held).each_ref().map(|held| held.bytes)
    }

    /// Writes a part that nobody knows yet and nothing was waited for.
    pub(super) fn write(&self, stream: Stream, first: u64, last: u64, bytes: &[u8]) -> io::Result<Draft> {
        if !self.folder.is_dir() {
            fs::create_dir_all(&self.folder)?;
            // The folder has a name to keep as well.
            sync_folder(self.folder.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
        }
        let part = Part { stream, first, last, bytes: bytes.len() as u64, epoch: self.epoch };
        let path = self.path(&part);
        let mut file = File::create(path.with_extension(WRITING))?;
        file.write_all(bytes)?;
        Ok(Draft { part, file, path })
    }

    /// From now on it is read from there: it is on disk.
    pub(super) fn hold(&self, part: &Part) {
        locked(&self.held)[index(part.stream)].insert(part.clone());
    }

    /// Waits until what was removed stays removed.
    pub(super) fn sync(&self) -> io::Result<()> {
        if self.folder.is_dir() { sync_folder(&self.folder) } else { Ok(()) }
    }

    /// Forgets a part and gives its room back. Sled has it on disk that nobody asks for it again.
    pub(super) fn remove(&self, part: &Part) {
        {
            let held = &mut locked(&self.held)[index(part.stream)];
            if held.parts.remove(&part.first).is_some() {
                held.bytes -= part.bytes;
            }
        }
        if let Err(error) = fs::remove_file(self.path(part)) {
            tracing::warn!(path = %self.path(part).display(), %error, "a part that is done with stays");
        }
    }

    /// Appends to `records` what `part` holds from `from` on, ending as `Store::read` says; what cannot be read becomes
    /// a loss. False when the part is one of these no longer.
    pub(super) fn read(
        &self,
        part: &Part,
        from: u64,
        records_max: usize,
        bytes_max: usize,
        records: &mut Vec<Vec<u8>>,
    ) -> io::Result<bool> {
        let bytes = match self.contents(part) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        if bytes.is_empty() && self.holding(part.stream, part.first).as_ref() != Some(part) {
            return Ok(false);
        }
        let (mut expected, mut bytes_left, mut full) = (from, bytes_max, false);
        each_entry(&bytes, bytes.len(), |entry| {
            if full
                || (entry.kind, entry.epoch, entry.stream) != (Kind::Record, self.epoch, part.stream)
                || !(expected..=part.last).contains(&entry.sequence)
            {
                return;
            }
            if entry.sequence > expected {
                full = true;
                return;
            }
            full = !records.is_empty() && (records.len() >= records_max || entry.payload.len() > bytes_left);
            if !full {
                bytes_left = bytes_left.saturating_sub(entry.payload.len());
                records.push(entry.payload.to_vec());
                expected += 1;
            }
        });
        if records.is_empty() {
            // Unreadable from here on to the next that is whole, or to the end.
            let mut next = part.last + 1;
            each_entry(&bytes, bytes.len(), |entry| {
                if entry.kind == Kind::Record && entry.stream == part.stream && entry.sequence > from {
                    next = next.min(entry.sequence);
                }
            });
            records.push(encoded_loss(part.stream, from, next - 1, "unreadable on disk".into()));
        }
        Ok(true)
    }

    /// What can be read of a part's file.
    fn contents(&self, part: &Part) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path(part))?;
        let mut bytes = Vec::with_capacity(part.bytes as usize);
        match file.read_to_end(&mut bytes) {
            // A bad place of the disk: what stands before it is good.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => Ok(bytes),
            done => done.map(|_| bytes),
        }
    }

    fn path(&self, part: &Part) -> PathBuf {
        self.folder.join(name(part))
    }
}

/// A part on its way.
pub(super) struct Draft {
    pub part: Part,
    file: File,
    path: PathBuf,
}

impl Draft {
    /// Waits until it is on disk, with its name.
    pub(super) fn seal(&self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(self.path.with_extension(WRITING), &self.path)?;
        sync_folder(self.path.parent().unwrap_or(Path::new(".")))
    }

    /// Takes it back, sealed or not.
    pub(super) fn abandon(&self) {
        let _ = fs::remove_file(self.path.with_extension(WRITING));
        let _ = fs::remove_file(&self.path);
    }
}

/// The epoch of the parts in `folder`, when there are any.
pub(super) fn epoch_in(folder: &Path) -> Option<u64> {
    listed(folder).into_iter().find_map(|(_, part)| Some(part?.epoch))
}

fn listed(folder: &Path) -> Vec<(PathBuf, Option<Part>)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut listed: Vec<_> = entries
        .map(|entry| {
            let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
            let name = entry.file_name();
            (entry.path(), name.to_str().and_then(|name| named(name, bytes)))
        })
        .collect();
    listed.sort_by(|(one, _), (other, _)| one.cmp(other));
    listed
}

fn name(part: &Part) -> String {
    let Part { stream, first, last, epoch, .. } = part;
    format!("{}-{first:020}-{last:020}-{epoch:016x}.{SEALED}", stream.name())
}

fn named(name: &str, bytes: u64) -> Option<Part> {
    let (stem, ending) = name.rsplit_once('.')?;
    let words: Vec<&str> = stem.split('-').collect();
    let ([stream, first, last, epoch], SEALED) = (words.as_slice(), ending) else { return None };
    let part = Part {
        stream: Stream::from_name(stream)?,
        first: first.parse().ok()?,
        last: last.parse().ok()?,
        bytes,
        epoch: u64::from_str_radix(epoch, 16).ok()?,
    };
    (part.first <= part.last).then_some(part)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
