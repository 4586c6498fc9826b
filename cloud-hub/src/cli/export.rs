//! `cloud-hub export`: positions of a game, for other tools.
//!
//! Works on the hub's data folder or database, whether the hub runs or not. A file appears under its name when it is whole.

use super::Place;
use crate::{
    event_store::EventStore,
    lake::{
        Selection,
        export::{self, Format},
    },
};
use anyhow::Context as _;
use clap::Args;
use firmware_protocol::network::Side;
use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

const EXAMPLES: &str = "Examples:
  cloud-hub export 2026020001 --out game.parquet
  cloud-hub export 2026020001 --side home --number 9 --out nine.csv
  cloud-hub export 2026020001 --format csv --entity 0 | head          where the puck was
  cloud-hub export 2026020001 --from-us 1795459340000000 --to-us 1795459400000000 --format arrow --out minute.arrow";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Export {
    #[command(flatten)]
    place: Place,
    /// The game, as the league numbers it
    game: u64,
    /// csv, arrow (an IPC stream) or parquet; without it, what --out ends with, else csv
    #[arg(long)]
    format: Option<Format>,
    /// The file; - for standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// Of this team alone
    #[arg(long, value_name = "home|away", value_parser = side)]
    side: Option<Side>,
    /// Of who wears this number alone
    #[arg(long)]
    number: Option<u8>,
    /// Of this entity alone; 0 is the puck
    #[arg(long)]
    entity: Option<u16>,
    /// From this instant, microseconds UTC
    #[arg(long, value_name = "MICROSECONDS", allow_hyphen_values = true)]
    from_us: Option<i64>,
    /// To this instant, not in it, microseconds UTC
    #[arg(long, value_name = "MICROSECONDS", allow_hyphen_values = true)]
    to_us: Option<i64>,
}

fn side(word: &str) -> Result<Side, String> {
    match word {
        "home" => Ok(Side::Home),
        "away" => Ok(Side::Away),
        _ => Err("home or away".to_owned()),
    }
}

/// Does what was typed.
pub(super) async fn run(export: Export) -> anyhow::Result<()> {
    let Export { place, game, format, out, side, number, entity, from_us, to_us } = export;
    let by_name = || out.extension().and_then(|end| end.to_str()?.parse().ok());
    let format = format.or_else(by_name).unwrap_or(Format::Csv);
    let everything = Selection::everything(game);
    let (from_us, to_us) = (from_us.unwrap_or(everything.from_us), to_us.unwrap_or(everything.to_us));
    anyhow::ensure!(from_us < to_us, "--from-us {from_us} is not before --to-us {to_us}");
    let selection = Selection { from_us, to_us, entity, side, number, ..everything };
    let database = super::database(&place.configuration()?).await?;
    let store = EventStore::new(database.clone()).await?;
    anyhow::ensure!(store.has_tracks(game).await?, "game {game}: no position of it has come to this hub");
    let written = tokio::task::spawn_blocking(move || write(&store, &selection, format, &out)).await;
    database.close().await;
    written?
}

fn write(store: &EventStore, selection: &Selection, format: Format, out: &Path) -> anyhow::Result<()> {
    let (is_terminal, mut rows) = (io::stderr().is_terminal(), 0);
    let told = |now| {
        rows = now;
        if is_terminal {
            eprint!("\r{now} positions");
        }
    };
    if out == Path::new("-") {
        return match export::write(store, selection, format, BufWriter::new(io::stdout()), told) {
            // Whoever read has seen enough, such as `head`.
            Err(error) if error.is_broken_pipe() => Ok(()),
            written => Ok(written?.flush()?),
        };
    }
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let part = folder.join(format!(".{}.part", out.file_name().unwrap_or_default().display()));
    let done = (|| -> anyhow::Result<()> {
        let file = File::create(&part).with_context(|| format!("cannot write {}", part.display()))?;
        let written = export::write(store, selection, format, BufWriter::new(file), told)?;
        let file = written.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        std::fs::rename(&part, out).with_context(|| format!("cannot write {}", out.display()))
    })();
    if done.is_err() {
        // What is not whole is of no use.
        let _ = std::fs::remove_file(&part);
    }
    done?;
    let bytes = std::fs::metadata(out)?.len();
    eprintln!("{}{}: {rows} positions, {bytes} bytes", if is_terminal { "\r" } else { "" }, out.display());
    Ok(())
}
