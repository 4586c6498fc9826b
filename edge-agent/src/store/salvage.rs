//! Opens the journal whatever state it is in, and mends what is broken.
//!
//! sled 0.34 overwrites whatever stands behind a damaged place, without a word. So the files are copied and surveyed
//! before it sees them; a journal that opens is walked once, every value checked, and must hold what the survey saw.
//! One that does not open, or holds less, is salvaged: its files are searched for entries (they describe themselves,
//! see `entry.rs`), which are written into a new journal beside it; then the old folder is moved to
//! `<path>.broken-<n>` and the new one into its place. Holes and unreadable values become losses. A salvage that is cut
//! short starts over. Sealed parts are no concern of sled's: they are listed, and what is twice is let go of. Never:
//! deletes a journal of which a record is missing.

use super::{
    StoreConfig, StoreError, StreamStats,
    durable::{sync_all, sync_names},
    entry::{Entry, Kind, index},
    journal::{drop_void, free_bytes, key, loss_in, mark_new},
    mending::{NOT_FOUND, UNREADABLE, mend_stream},
    parts::{Parts, epoch_in},
    survey::{list_files, search, survey},
};
use crate::time;
use firmware_protocol::network::{Loss, Stream};
use std::{
    collections::HashSet,
    ffi::OsString,
    fs::{self, File},
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// Sequence numbers skipped after a salvage: hours of records, because the torn end may have held as many, and a number
/// used twice would be taken for a duplicate by the hub.
pub(super) const SKIPPED: u64 = 1 << 20;

/// sled's unit of writing. A page that is longer than a quarter of it goes into a file of its own in `blobs/`, and when
/// that cannot be written sled stands still for ever. A page has 17 records at most: up to 15 kB each they never are. The
/// longest that a box makes is 13 kB: a second of 45 people who jump about.
const SEGMENT_BYTES: usize = 1 << 20;

/// How long another sled may still hold the files' lock, milliseconds, and how often one looks.
const LOCK_WAIT_MS: u64 = 2_000;
const LOCK_LOOK: Duration = Duration::from_millis(10);

/// A journal ready for use.
pub(super) struct Opened {
    pub sled: sled::Db,
    pub epoch: u64,
    pub streams: [StreamStats; 3],
    pub parts: Parts,
}

enum Fault {
    /// Nothing is wrong with the bytes: a lock, rights, a path.
    Unusable(StoreError),
    /// The bytes are wrong.
    Corrupt(String),
}

/// Whether there is a journal at `path`, or what an opening that was cut short left of one.
pub fn holds_journal(path: &Path) -> bool {
    path.join("db").is_file()
        || ["salvaging", "before", "parts"].into_iter().any(|suffix| with_suffix(path, suffix).is_dir())
}

/// Opens sled and nothing more.
pub(super) fn open_sled(config: &StoreConfig) -> Result<sled::Db, StoreError> {
    try_open_sled(config, &config.path).map_err(|fault| match fault {
        Fault::Unusable(error) => error,
        Fault::Corrupt(reason) => StoreError::Engine(reason),
    })
}

fn try_open_sled(config: &StoreConfig, path: &Path) -> Result<sled::Db, Fault> {
    let unusable = |reason: String| Fault::Unusable(StoreError::Open { path: path.to_owned(), reason });
    fs::create_dir_all(path).map_err(|error| unusable(error.to_string()))?;
    // Half a snapshot is taken for the newest one, and refused.
    for file in fs::read_dir(path).map_err(|error| unusable(error.to_string()))?.flatten() {
        if file.file_name().to_string_lossy().ends_with(".generating") {
            fs::remove_file(file.path()).map_err(|error| unusable(error.to_string()))?;
        }
    }
    let options = sled::Config::new()
        .path(path)
        .segment_size(segment_bytes(path))
        .cache_capacity(config.cache_bytes)
        .flush_every_ms(None);
    let until_us = time::monotonic_us() + LOCK_WAIT_MS * 1_000;
    // On some damage sled panics instead of answering.
    let opened = loop {
        match catch_unwind(AssertUnwindSafe(|| options.open())) {
            // A sled that was closed a moment ago holds its lock until its threads have ended.
            Ok(Err(sled::Error::Io(error))) if is_locked(&error) && time::monotonic_us() < until_us => {
                thread::sleep(LOCK_LOOK);
            }
            opened => break opened,
        }
    };
    match opened {
        Ok(Ok(sled)) => Ok(sled),
        Ok(Err(sled::Error::Io(error))) if is_about_access(&error) => Err(unusable(error.to_string())),
        Ok(Err(error)) => Err(Fault::Corrupt(error.to_string())),
        Err(_) => Err(Fault::Corrupt("sled panicked while opening".into())),
    }
}

/// What the journal at `path` was made with: sled opens it with nothing else.
fn segment_bytes(path: &Path) -> usize {
    let settings = fs::read(path.join("conf")).unwrap_or_default();
    let settings = String::from_utf8_lossy(&settings);
    let said = settings.lines().find_map(|line| line.strip_prefix("segment_size: ")?.parse().ok());
    said.unwrap_or(SEGMENT_BYTES)
}

fn is_about_access(error: &io::Error) -> bool {
    use io::ErrorKind::{NotFound, PermissionDenied, ReadOnlyFilesystem, StorageFull, WouldBlock};
    matches!(error.kind(), NotFound | PermissionDenied | ReadOnlyFilesystem | StorageFull | WouldBlock)
        || is_locked(error)
}

fn is_locked(error: &io::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

/// Opens the journal, salvaging it where it is corrupt.
pub(super) fn open(config: &StoreConfig) -> Result<Opened, StoreError> {
    let half_done = with_suffix(&config.path, "salvaging");
    if half_done.exists() {
        // Cut short between the two moves, the new journal is whole; before them, it starts over.
        let finish =
            || if config.path.exists() { fs::remove_dir_all(&half_done) } else { fs::rename(&half_done, &config.path) };
        finish().map_err(|error| StoreError::Open { path: half_done.clone(), reason: error.to_string() })?;
    }
    let before = with_suffix(&config.path, "before");
    let source = if is_copied(&config.path, &before) { &before } else { &config.path };
    let survey = survey(source);
    let parts_path = with_suffix(&config.path, "parts");
    let (shown, reason) = match try_open_sled(config, &config.path).and_then(|sled| checked(sled, &parts_path)) {
        Ok(opened) => match survey.beyond(&opened) {
            None => {
                give_up(&before)?;
                return Ok(opened);
            }
            Some(reason) => (Some(opened.sled), reason),
        },
        Err(Fault::Unusable(error)) => return Err(error),
        Err(Fault::Corrupt(reason)) => (None, reason),
    };
    metrics::counter!("store_salvages_total").increment(1);
    tracing::error!(path = %config.path.display(), reason, "the journal is damaged: salvaging its records");
    salvage(config, source, survey.epoch.or_else(|| epoch_in(&parts_path)), shown)?;
    try_open_sled(config, &config.path).and_then(|sled| checked(sled, &parts_path)).map_err(|fault| match fault {
        Fault::Unusable(error) => error,
        Fault::Corrupt(reason) => StoreError::Open { path: config.path.clone(), reason },
    })
}

/// Copies the journal to `before`, where sled cannot reach it; a copy that is there is of an opening that was cut
/// short. Without room for it, the journal is opened as it stands.
fn is_copied(path: &Path, before: &Path) -> bool {
    if before.exists() {
        return true;
    }
    let copying = with_suffix(path, "copying");
    let copy = || -> io::Result<()> {
        let mut files = Vec::new();
        list_files(path, &mut files)?;
        let lengths = files.iter().map(|file| file.metadata().map(|metadata| metadata.len()));
        if free_bytes(path) / 2 < lengths.sum::<io::Result<u64>>()? {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let _ = fs::remove_dir_all(&copying);
        for file in &files {
            let to = copying.join(file.strip_prefix(path).map_err(io::Error::other)?);
            to.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::copy(file, to)?;
        }
        sync_all(&copying)?;
        fs::rename(&copying, before)?;
        sync_names(path.parent().unwrap_or(path))
    };
    copy().is_ok()
}

/// Removes a journal or a copy of one, at once and for good: a part of one must never be opened or salvaged from.
fn give_up(before: &Path) -> io::Result<()> {
    if !before.exists() {
        return Ok(());
    }
    let going = before.with_extension("copying");
    let _ = fs::remove_dir_all(&going);
    fs::rename(before, &going)?;
    sync_names(before.parent().unwrap_or(before))?;
    fs::remove_dir_all(&going)
}

/// Walks the whole journal and mends it.
fn checked(sled: sled::Db, parts_path: &Path) -> Result<Opened, Fault> {
    let mend = || -> Result<(u64, [StreamStats; 3], Parts), Fault> {
        let corrupt = |error: sled::Error| Fault::Corrupt(error.to_string());
        let epoch = match sled.get([0xFF, 0xFF]).map_err(corrupt)? {
            Some(value) => match Entry::exactly(&value) {
                Some(Entry { kind: Kind::Epoch, epoch, .. }) => epoch,
                _ => return Err(Fault::Corrupt("its epoch is unreadable".into())),
            },
            None if epoch_in(parts_path).is_some() => return Err(Fault::Corrupt("only sealed parts are left".into())),
            None if sled.iter().next().is_none() => {
                let epoch = drawn_epoch();
                mark_new(&sled, epoch).map_err(Fault::Unusable)?;
                epoch
            }
            None => return Err(Fault::Corrupt("its epoch is gone".into())),
        };
        let parts = Parts::open(parts_path, epoch);
        let mut streams = [StreamStats::default(); 3];
        for stream in Stream::ALL {
            drop_void(&sled, &parts, stream).map_err(Fault::Unusable)?;
            streams[index(stream)] = mend_stream(&sled, &parts, epoch, stream, &[], 0).map_err(corrupt)?;
        }
        Ok((epoch, streams, parts))
    };
    let (epoch, streams, parts) =
        catch_unwind(AssertUnwindSafe(mend)).map_err(|_| Fault::Corrupt("sled panicked while reading".into()))??;
    Ok(Opened { sled, epoch, streams, parts })
}

fn drawn_epoch() -> u64 {
    // The standard library seeds its hash maps from the system's randomness; an epoch needs no more than to differ.
    RandomState::new().build_hasher().finish()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{suffix}"));
    name.into()
}

/// `shown` is the journal as sled opens it, where it does. What it shows is the newest of each number; the files may hold
/// older tries beside it. Where sled would not open it, how much its end held is not known.
fn salvage(config: &StoreConfig, source: &Path, epoch: Option<u64>, shown: Option<sled::Db>) -> Result<(), StoreError> {
    let refused = shown.is_none();
    let fresh_path = with_suffix(&config.path, "salvaging");
    let fresh = try_open_sled(config, &fresh_path).map_err(|fault| match fault {
        Fault::Unusable(error) => error,
        Fault::Corrupt(reason) => StoreError::Open { path: fresh_path.clone(), reason },
    })?;
    let mut found = Found { epoch, acknowledged: [None; 3], losses: [const { Vec::new() }; 3], ..Found::default() };
    for item in shown.iter().filter(|sled| is_of(sled, epoch)).flat_map(|sled| sled.iter()) {
        let (key, value) = item?;
        // What was found missing in sled may be in the files.
        if Entry::exactly(&value).is_some_and(|entry| !loss_in(entry.payload).is_some_and(|loss| is_torn(&loss))) {
            found.shown.insert(key.to_vec());
            fresh.insert(key, value)?;
        }
    }
    drop(shown);
    let mut files = Vec::new();
    let fault = |error: io::Error| StoreError::Engine(format!("salvage: {error}"));
    list_files(source, &mut files).map_err(fault)?;
    for file in &files {
        // A file that cannot be read to its end has given what it had.
        if let Err(error) = search(file, |entry| found.keep(entry, &fresh)) {
            tracing::error!(file = %file.display(), %error, "salvage: unreadable from here on");
        }
    }
    let epoch = found.epoch.unwrap_or_else(drawn_epoch);
    mark_new(&fresh, epoch)?;
    let parts = Parts::open(&with_suffix(&config.path, "parts"), epoch);
    let mut lost = 0;
    for stream in Stream::ALL {
        if let Some(sequence) = found.acknowledged[index(stream)] {
            let value = Entry { kind: Kind::Acknowledged, stream, epoch, sequence, payload: &[] }.to_bytes();
            fresh.insert([0xFF, stream as u8], value)?;
        }
        let skipped = if refused && found.epoch.is_some() { SKIPPED } else { 0 };
        lost += mend_stream(&fresh, &parts, epoch, stream, &found.losses[index(stream)], skipped)?.lost;
    }
    fresh.flush()?;
    drop(fresh);
    // sled's own threads hold the lock until their last write is out.
    File::open(fresh_path.join("db")).and_then(|db| db.lock()).map_err(fault)?;
    sync_all(&fresh_path).map_err(fault)?;
    let broken = (1..u32::MAX)
        .map(|number| with_suffix(&config.path, &format!("broken-{number}")))
        .find(|path| !path.exists())
        .unwrap_or_else(|| with_suffix(&config.path, "broken"));
    if source != config.path {
        give_up(&config.path).map_err(fault)?;
    }
    fs::rename(&fresh_path, &config.path)
        .or_else(|_| {
            fs::rename(&config.path, &broken)?;
            fs::rename(&fresh_path, &config.path)
        })
        .map_err(fault)?;
    sync_names(config.path.parent().unwrap_or(&config.path)).map_err(fault)?;
    if source != config.path {
        fs::rename(source, &broken).map_err(fault)?;
    }
    sync_names(config.path.parent().unwrap_or(&config.path)).map_err(fault)?;
    if lost == 0 && !refused {
        tracing::warn!(records = found.records, "the journal was salvaged whole");
        return fs::remove_dir_all(&broken).map_err(fault);
    }
    tracing::error!(
        records = found.records, lost, broken = %broken.display(),
        "the journal was salvaged; the broken one stays for a person to look at and may be removed"
    );
    Ok(())
}

/// Whether `sled` is the journal `epoch`, and not one that was made because nothing could be read.
fn is_of(sled: &sled::Db, epoch: Option<u64>) -> bool {
    let mark = sled.get([0xFF, 0xFF]).ok().flatten();
    epoch.is_none() || mark.as_deref().and_then(Entry::exactly).map(|mark| mark.epoch) == epoch
}

/// Whether `loss` says no more than that records were not found here.
fn is_torn(loss: &Loss) -> bool {
    loss.reason == NOT_FOUND || loss.reason == UNREADABLE
}

#[derive(Default)]
struct Found {
    epoch: Option<u64>,
    acknowledged: [Option<u64>; 3],
    losses: [Vec<Loss>; 3],
    /// Keys that sled shows.
    shown: HashSet<Vec<u8>>,
    records: u64,
}

/// A loss is written again where its records are not found; where they are, they are not lost.
impl Found {
    fn keep(&mut self, entry: Entry<'_>, fresh: &sled::Db) {
        if *self.epoch.get_or_insert(entry.epoch) != entry.epoch {
            return;
        }
        match entry.kind {
            Kind::Epoch => {}
            Kind::Acknowledged => {
                let acknowledged = &mut self.acknowledged[index(entry.stream)];
                *acknowledged = (*acknowledged).max(Some(entry.sequence));
            }
            Kind::Record if loss_in(entry.payload).is_some() => {
                self.losses[index(entry.stream)].extend(loss_in(entry.payload).filter(|loss| !is_torn(loss)));
            }
            Kind::Record if self.shown.contains(&key(entry.stream, entry.sequence)[..]) => {}
            Kind::Record => match fresh.insert(key(entry.stream, entry.sequence), entry.to_bytes()) {
                Ok(None) => self.records += 1,
                Ok(Some(_)) => {}
                Err(error) => tracing::error!(sequence = entry.sequence, %error, "salvage: not written"),
            },
        }
    }
}
