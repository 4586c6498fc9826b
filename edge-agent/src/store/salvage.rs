//! Opens the journal whatever state it is in, and mends what is broken.
//!
//! sled 0.34 overwrites whatever stands behind a damaged place, without a word. So the files are copied and surveyed
//! before it sees them; a journal that opens is walked once, every value checked, and must hold what the survey saw.
//! One that does not open, or holds less, is salvaged: its files are searched for entries (they describe themselves,
//! see `entry.rs`), which are written into a new journal beside it; then the old folder is moved to
//! `<path>.broken-<n>` and the new one into its place. Holes and unreadable values become losses. A salvage that is cut short starts over. Never: deletes a journal of
//! which a record is missing.

use super::{
    StoreConfig, StoreError, StreamStats,
    durable::{sync_all, sync_names},
    entry::{Entry, Kind, index},
    journal::{encoded_loss, free_bytes, key, last_sequence, loss_in, mark_new},
    survey::{list_files, search, survey},
};
use firmware_protocol::network::{Loss, Stream};
use std::{
    collections::HashSet,
    ffi::OsString,
    fs::{self, File},
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

/// Sequence numbers skipped after a salvage: hours of records, because the torn end may have held as many, and a number
/// used twice would be taken for a duplicate by the hub.
pub(super) const SKIPPED: u64 = 1 << 20;

const NOT_FOUND: &str = "not found in the journal";
const UNREADABLE: &str = "unreadable in the journal";

/// A journal ready for use.
pub(super) struct Opened {
    pub sled: sled::Db,
    pub epoch: u64,
    pub streams: [StreamStats; 3],
}

enum Fault {
    /// Nothing is wrong with the bytes: a lock, rights, a path.
    Unusable(StoreError),
    /// The bytes are wrong.
    Corrupt(String),
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
    let options = sled::Config::new().path(path).cache_capacity(config.cache_bytes).flush_every_ms(None);
    // On some damage sled panics instead of answering.
    match catch_unwind(AssertUnwindSafe(|| options.open())) {
        Ok(Ok(sled)) => Ok(sled),
        Ok(Err(sled::Error::Io(error))) if is_about_access(&error) => Err(unusable(error.to_string())),
        Ok(Err(error)) => Err(Fault::Corrupt(error.to_string())),
        Err(_) => Err(Fault::Corrupt("sled panicked while opening".into())),
    }
}

fn is_about_access(error: &io::Error) -> bool {
    use io::ErrorKind::{NotFound, PermissionDenied, ReadOnlyFilesystem, StorageFull, WouldBlock};
    matches!(error.kind(), NotFound | PermissionDenied | ReadOnlyFilesystem | StorageFull | WouldBlock)
        || error.to_string().contains("could not acquire lock")
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
    let (shown, reason) = match try_open_sled(config, &config.path).and_then(checked) {
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
    salvage(config, source, survey.epoch, shown)?;
    try_open_sled(config, &config.path).and_then(checked).map_err(|fault| match fault {
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
fn checked(sled: sled::Db) -> Result<Opened, Fault> {
    let mend = || -> Result<(u64, [StreamStats; 3]), Fault> {
        let corrupt = |error: sled::Error| Fault::Corrupt(error.to_string());
        let epoch = match sled.get([0xFF, 0xFF]).map_err(corrupt)? {
            Some(value) => match Entry::exactly(&value) {
                Some(Entry { kind: Kind::Epoch, epoch, .. }) => epoch,
                _ => return Err(Fault::Corrupt("its epoch is unreadable".into())),
            },
            None if sled.iter().next().is_none() => {
                let epoch = drawn_epoch();
                mark_new(&sled, epoch).map_err(Fault::Unusable)?;
                epoch
            }
            None => return Err(Fault::Corrupt("its epoch is gone".into())),
        };
        let mut streams = [StreamStats::default(); 3];
        for stream in Stream::ALL {
            streams[index(stream)] = mend_stream(&sled, epoch, stream, &[], 0).map_err(corrupt)?;
        }
        Ok((epoch, streams))
    };
    let (epoch, streams) =
        catch_unwind(AssertUnwindSafe(mend)).map_err(|_| Fault::Corrupt("sled panicked while reading".into()))??;
    Ok(Opened { sled, epoch, streams })
}

/// Checks every value of `stream`, fills holes with losses (with what `told` says of them, if it does), and skips
/// `skipped` numbers at the end.
fn mend_stream(sled: &sled::Db, epoch: u64, stream: Stream, told: &[Loss], skipped: u64) -> sled::Result<StreamStats> {
    let acknowledged = sled.get([0xFF, stream as u8])?;
    let acknowledged = match acknowledged.as_deref().map(Entry::exactly) {
        Some(Some(Entry { kind: Kind::Acknowledged, sequence, .. })) => sequence,
        // Unreadable: everything below the oldest record was acknowledged.
        Some(_) => sled.scan_prefix([stream as u8]).keys().next().transpose()?.map_or(0, |key| number(&key)),
        None => 0,
    };
    let mut stats = StreamStats { first_sequence: acknowledged, next_sequence: acknowledged, bytes: 0, lost: 0 };
    let mut changes = sled::Batch::default();
    let mut mended = 0u64;
    let mut lose = |stats: &mut StreamStats, from: u64, to: u64, reason: &str| {
        let payload = encoded_loss(stream, from, to, reason.into());
        let value = Entry { kind: Kind::Record, stream, epoch, sequence: from, payload: &payload }.to_bytes();
        stats.bytes += value.len() as u64;
        stats.lost += to - from + 1;
        mended += 1;
        tracing::error!(stream = stream.name(), from, to, reason, "records are lost");
        (key(stream, from), value)
    };
    for item in sled.scan_prefix([stream as u8]) {
        let (found_key, value) = item?;
        let sequence = number(&found_key);
        if sequence < stats.next_sequence || found_key.len() != 9 {
            changes.remove(found_key);
            continue;
        }
        if sequence > stats.next_sequence {
            let mut from = stats.next_sequence;
            while from < sequence {
                let (to, reason) = why(told, from, sequence - 1);
                let (key, value) = lose(&mut stats, from, to, reason.unwrap_or(NOT_FOUND));
                stats.lost -= if reason.is_some() { to - from + 1 } else { 0 };
                changes.insert(&key, value);
                from = to + 1;
            }
        }
        let whole = Entry::exactly(&value).filter(|entry| {
            (entry.kind, entry.epoch, entry.stream, entry.sequence) == (Kind::Record, epoch, stream, sequence)
        });
        if let Some(entry) = whole {
            stats.bytes += value.len() as u64;
            stats.next_sequence = last_sequence(sequence, entry.payload) + 1;
        } else {
            let (key, value) = lose(&mut stats, sequence, sequence, UNREADABLE);
            changes.insert(&key, value);
            stats.next_sequence = sequence + 1;
        }
    }
    if skipped > 0 {
        let from = stats.next_sequence;
        let reason = "the journal was corrupt: how many of these its torn end held is not known";
        let (key, value) = lose(&mut stats, from, from + skipped - 1, reason);
        changes.insert(&key, value);
        stats.next_sequence = from + skipped;
    }
    sled.apply_batch(changes)?;
    if mended > 0 {
        sled.flush()?;
    }
    Ok(stats)
}

/// What `told` says of `from`, and how far that goes, at most to `to`.
fn why(told: &[Loss], from: u64, to: u64) -> (u64, Option<&str>) {
    match told.iter().filter(|loss| loss.from <= from && from <= loss.to).max_by_key(|loss| loss.to) {
        Some(loss) => (to.min(loss.to), Some(&loss.reason)),
        None => {
            (told.iter().filter(|loss| loss.from > from).map(|loss| loss.from - 1).min().unwrap_or(to).min(to), None)
        }
    }
}

fn number(key: &[u8]) -> u64 {
    key.get(1..9).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes)
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
    let mut lost = 0;
    for stream in Stream::ALL {
        if let Some(sequence) = found.acknowledged[index(stream)] {
            let value = Entry { kind: Kind::Acknowledged, stream, epoch, sequence, payload: &[] }.to_bytes();
            fresh.insert([0xFF, stream as u8], value)?;
        }
        let skipped = if refused && found.epoch.is_some() { SKIPPED } else { 0 };
        lost += mend_stream(&fresh, epoch, stream, &found.losses[index(stream)], skipped)?.lost;
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
