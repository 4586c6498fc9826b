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
    entry::{Entry, Kind, index},
    journal::{encoded_loss, free_bytes, key, last_sequence, mark_new},
    survey::{list_files, search, survey},
};
use firmware_protocol::network::{Loss, Stream};
use std::{
    ffi::OsString,
    fs,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

/// Sequence numbers skipped after a salvage: hours of records, because the torn end may have held as many, and a number
/// used twice would be taken for a duplicate by the hub.
pub(super) const SKIPPED: u64 = 1 << 20;

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
    let (refused, reason) = match try_open_sled(config, &config.path).and_then(checked) {
        Ok(opened) => match survey.beyond(&opened) {
            None => {
                let _ = fs::remove_dir_all(&before);
                return Ok(opened);
            }
            Some(reason) => (false, reason),
        },
        Err(Fault::Unusable(error)) => return Err(error),
        Err(Fault::Corrupt(reason)) => (true, reason),
    };
    metrics::counter!("store_salvages_total").increment(1);
    tracing::error!(path = %config.path.display(), reason, "the journal is damaged: salvaging its records");
    salvage(config, source, survey.epoch, refused)?;
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
        fs::rename(&copying, before)
    };
    copy().is_ok()
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
            streams[index(stream)] = mend_stream(&sled, epoch, stream, 0).map_err(corrupt)?;
        }
        Ok((epoch, streams))
    };
    let (epoch, streams) =
        catch_unwind(AssertUnwindSafe(mend)).map_err(|_| Fault::Corrupt("sled panicked while reading".into()))??;
    Ok(Opened { sled, epoch, streams })
}

/// Checks every value of `stream`, fills holes with losses, and skips `skipped` numbers at the end.
fn mend_stream(sled: &sled::Db, epoch: u64, stream: Stream, skipped: u64) -> sled::Result<StreamStats> {
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
            let from = stats.next_sequence;
            let (key, value) = lose(&mut stats, from, sequence - 1, "not found in the journal");
            changes.insert(&key, value);
        }
        let whole = Entry::exactly(&value).filter(|entry| {
            (entry.kind, entry.epoch, entry.stream, entry.sequence) == (Kind::Record, epoch, stream, sequence)
        });
        if let Some(entry) = whole {
            stats.bytes += value.len() as u64;
            stats.next_sequence = last_sequence(sequence, entry.payload) + 1;
        } else {
            let (key, value) = lose(&mut stats, sequence, sequence, "unreadable in the journal");
            changes.insert(&key, value);
            stats.next_sequence = sequence + 1;
        }
    }
    if skipped > 0 {
        let from = stats.next_sequence;
        let (key, value) = lose(&mut stats, from, from + skipped - 1, Loss::SKIPPED);
        changes.insert(&key, value);
        stats.next_sequence = from + skipped;
    }
    sled.apply_batch(changes)?;
    if mended > 0 {
        sled.flush()?;
    }
    Ok(stats)
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

/// `refused` says that sled would not open it: then how much its end held is not known.
fn salvage(config: &StoreConfig, source: &Path, epoch: Option<u64>, refused: bool) -> Result<(), StoreError> {
    let fresh_path = with_suffix(&config.path, "salvaging");
    let fresh = try_open_sled(config, &fresh_path).map_err(|fault| match fault {
        Fault::Unusable(error) => error,
        Fault::Corrupt(reason) => StoreError::Open { path: fresh_path.clone(), reason },
    })?;
    let mut found = Found { epoch, acknowledged: [None; 3], records: 0 };
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
        lost += mend_stream(&fresh, epoch, stream, skipped)?.lost;
    }
    fresh.flush()?;
    drop(fresh);
    let broken = (1..u32::MAX)
        .map(|number| with_suffix(&config.path, &format!("broken-{number}")))
        .find(|path| !path.exists())
        .unwrap_or_else(|| with_suffix(&config.path, "broken"));
    if source != config.path {
        fs::remove_dir_all(&config.path).map_err(fault)?;
    }
    fs::rename(&fresh_path, &config.path)
        .or_else(|_| {
            fs::rename(&config.path, &broken)?;
            fs::rename(&fresh_path, &config.path)
        })
        .map_err(fault)?;
    if source != config.path {
        fs::rename(source, &broken).map_err(fault)?;
    }
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

struct Found {
    epoch: Option<u64>,
    acknowledged: [Option<u64>; 3],
    records: u64,
}

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
            // A loss is written again where its records are not found; where they are, they are not lost.
            Kind::Record if super::journal::loss_in(entry.payload).is_some() => {}
            Kind::Record => match fresh.insert(key(entry.stream, entry.sequence), entry.to_bytes()) {
                Ok(None) => self.records += 1,
                Ok(Some(_)) => {}
                Err(error) => tracing::error!(sequence = entry.sequence, %error, "salvage: not written"),
            },
        }
    }
}
