//! Sets a batch aside that the hub will never take, so that a person can look at it and the stream goes on.

use firmware_protocol::network::{self, Batch};
use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

/// Writes `batch` into `folder`, named after its journal, stream and first sequence, and waits for the disk.
pub(super) fn set_aside(folder: &Path, batch: &Batch) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let name = format!("{:016x}-{}-{}.batch", batch.epoch, batch.stream.name(), batch.first_sequence);
    let mut file = File::create(folder.join(name))?;
    file.write_all(&network::encode(batch))?;
    file.sync_all()
}
