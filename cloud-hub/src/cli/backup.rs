//! `cloud-hub backup` and `cloud-hub restore`: the whole hub into one file, and back.
//!
//! A backup is made while the hub runs. It holds the tables and the hub's certificates with their keys, so that boxes
//! know the restored hub; it does not hold objects. Standard error shows how far it is, standard output what was done.

use super::Place;
use crate::{
    config::HubConfig,
    storage::{
        Database,
        backup::{Beside, Done, RootKeyIn, root_key_in},
        copying::Progress,
        keyring,
    },
    time,
};
use anyhow::{Context as _, ensure};
use clap::Args;
use std::{
    fs,
    io::{IsTerminal as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

const OF_BACKUP: &str = "Examples:
  cloud-hub backup /mnt/usb/hub-monday.backup --data /var/lib/rinkside-hub
  cloud-hub backup monday.backup --config /etc/rinkside/hub.toml   from PostgreSQL too, if hub.toml names one
  cloud-hub backup monday.backup --with-root-key                   all in one file: keep it as carefully as the hub

The hub may run meanwhile. Without --with-root-key, what is personal and the hub's private keys can only be read with the
root key (keys/root.key): keep a copy of that file apart.";
const OF_RESTORE: &str = "Examples:
  cloud-hub restore monday.backup --data /var/lib/rinkside-hub
  cloud-hub restore monday.backup --data new --root-key root.key   with the root key that was kept apart
  cloud-hub restore monday.backup --config postgresql.toml         from SQLite to PostgreSQL, or back

The hub must be empty and must not run. Boxes then fill in what they have and the backup has not, and say what they have
not any more.";

#[derive(Debug, Args)]
#[command(after_help = OF_BACKUP)]
pub(super) struct Backup {
    #[command(flatten)]
    place: Place,
    /// The file to make; it must not be there yet
    file: PathBuf,
    /// Put the root key into it too: whoever has the file reads everything
    #[arg(long)]
    with_root_key: bool,
}

#[derive(Debug, Args)]
#[command(after_help = OF_RESTORE)]
pub(super) struct Restore {
    #[command(flatten)]
    place: Place,
    /// A file that `cloud-hub backup` made
    file: PathBuf,
    /// The root key of the hub it was made of, when the backup was made without it
    #[arg(long, value_name = "FILE")]
    root_key: Option<PathBuf>,
}

/// Makes a backup.
pub(super) async fn backup(Backup { place, file, with_root_key }: Backup) -> anyhow::Result<()> {
    let config = place.configuration()?;
    let database = super::database(&config).await?;
    let beside = certificates(&config)?;
    let began_us = time::monotonic_us();
    let done = database.backup(&file, beside, with_root_key, &mut meter("backup")).await;
    database.close().await;
    println!("{}: {}", file.display(), sentence(&done?, began_us));
    if !with_root_key {
        println!("to restore it, {} is needed too: keep a copy apart from the backup", database.root_key().display());
    }
    Ok(())
}

/// Takes a backup back.
pub(super) async fn restore(Restore { place, file, root_key }: Restore) -> anyhow::Result<()> {
    let config = place.configuration()?;
    let folder = &config.ingest.certificates;
    let there = fs::read_dir(folder).into_iter().flatten().next().is_some();
    ensure!(!there, "{} is not empty: restore where no hub was yet", folder.display());
    bring_root_key(&config, &file, root_key.as_deref()).await?;
    let database = Database::connect(&config.storage, &config.data).await?;
    let began_us = time::monotonic_us();
    let done = database.restore(&file, &config.data, &mut meter("restore")).await;
    database.close().await;
    let done = done?;
    for (name, bytes) in &done.beside {
        let plain = !name.is_empty() && !name.contains(['/', '\0']) && name != "." && name != "..";
        ensure!(plain, "{}: {name:?} is no name of a certificate", file.display());
        write(&config.ingest.certificates.join(name), bytes)?;
    }
    println!("{}: restored, {}", file.display(), sentence(&done, began_us));
    Ok(())
}

/// Puts the root key of the backup `file` where the new hub looks for it.
async fn bring_root_key(config: &HubConfig, file: &Path, given: Option<&Path>) -> anyhow::Result<()> {
    let path = config.data.join(&config.storage.root_key);
    let bytes = match (given, root_key_in(file).await?) {
        (Some(given), _) => fs::read(given).with_context(|| format!("cannot read {}", given.display()))?,
        (None, RootKeyIn::Within(bytes)) => bytes,
        (None, RootKeyIn::Apart) => {
            let cure = "give the hub's root key, which was kept apart, with --root-key";
            ensure!(path.exists(), "{} was made without its root key: {cure}", file.display());
            return Ok(());
        }
        (None, RootKeyIn::Nowhere) => return Ok(()),
    };
    Ok(keyring::bring_root_key(&path, &bytes)?)
}

/// The hub's certificates and keys, as far as it has made them.
fn certificates(config: &HubConfig) -> anyhow::Result<Vec<Beside>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(&config.ingest.certificates).into_iter().flatten() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if path.extension().is_some_and(|end| end == "pem") {
            let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            found.push((name.to_string_lossy().into_owned(), bytes));
        }
    }
    found.sort();
    Ok(found)
}

/// Keys are for the owner alone.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mode = if path.to_string_lossy().ends_with("key.pem") { 0o600 } else { 0o644 };
    let written = || {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    written().with_context(|| format!("cannot write {}", path.display()))
}

/// Shows each whole percent: in place for people, line by line every tenth for logs.
fn meter(what: &'static str) -> impl FnMut(Progress) + Send {
    let mut shown = 0;
    move |Progress { done, total }| {
        let percent = done * 100 / total.max(1);
        if std::io::stderr().is_terminal() {
            if percent > shown {
                shown = percent;
                eprint!("\r{what}: {percent} %{}", if percent == 100 { "\n" } else { "" });
            }
        } else if percent / 10 > shown / 10 {
            shown = percent;
            eprintln!("{what}: {percent} %");
        }
    }
}

fn sentence(done: &Done, began_us: u64) -> String {
    let seconds = time::monotonic_us().saturating_sub(began_us) as f64 / 1e6;
    let (megabytes, files) = (done.bytes as f64 / 1e6, done.beside.len());
    format!("{} rows and {files} certificate files, {megabytes:.1} MB in {seconds:.1} s", done.rows)
}
