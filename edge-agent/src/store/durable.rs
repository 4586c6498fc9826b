//! Waits until files and their names are on disk, for what sled leaves to chance.
//!
//! sled 0.34 ends a flush with `sync_file_range`, which leaves the drive's cache and the file's length where they are,
//! and syncs neither its settings, nor what it keeps in `blobs/`, nor any folder: after a power cut all of them may be
//! gone, however long ago they were flushed.

use super::survey::list_files;
use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// Waits for the names in `folder`.
pub(super) fn sync_names(folder: &Path) -> io::Result<()> {
    // A relative path of one part stands in the current folder.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

/// Waits for every file below `folder`, their names, and its own.
pub(super) fn sync_all(folder: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    list_files(folder, &mut files)?;
    let mut folders: BTreeSet<&Path> = [folder].into();
    for file in &files {
        File::open(file)?.sync_all()?;
        folders.extend(file.parent());
    }
    folders.into_iter().chain(folder.parent()).try_for_each(sync_names)
}

/// sled's files, as whoever commits sees them.
pub(super) struct SledFiles {
    log: File,
    blobs: PathBuf,
    synced: BTreeSet<OsString>,
}

impl SledFiles {
    /// The files of the open sled at `path`, all of which are on disk when this returns.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        sync_all(path)?;
        Ok(Self { log: File::open(path.join("db"))?, blobs: path.join("blobs"), synced: BTreeSet::new() })
    }

    /// Waits for what sled has flushed.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        let mut found = BTreeSet::new();
        for blob in fs::read_dir(&self.blobs)? {
            let name = blob?.file_name();
            if !self.synced.contains(&name) {
                // One that sled has removed meanwhile is not needed.
                match File::open(self.blobs.join(&name)).and_then(|blob| blob.sync_all()) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            found.insert(name);
        }
        if !found.is_subset(&self.synced) {
            sync_names(&self.blobs)?;
        }
        self.synced = found;
        self.log.sync_data()
    }
}
