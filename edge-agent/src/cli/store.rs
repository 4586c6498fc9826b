//! `edge-agent store`: looks into the journal of a box that is not running.

use crate::store::{Store, StoreConfig, holds_journal};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use firmware_protocol::network::{self, Loss, Record, Stream};
use serde_json::json;
use std::{
    io::{self, Write as _},
    path::PathBuf,
};

/// Bytes read at once.
const READ_BYTES_MAX: usize = 1 << 20;

/// Looks into the journal; the appliance must not be running.
#[derive(Debug, Args)]
pub struct StoreArguments {
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    /// What the journal holds, as JSON.
    Stats(Place),
    /// Every record as a line of JSON, with its stream and sequence.
    Export(Export),
    /// Checks every record, mends what is broken, and says what was lost; fails when a record cannot be decoded.
    Fsck(Place),
}

#[derive(Debug, Args)]
struct Export {
    #[command(flatten)]
    place: Place,
    /// Only this stream: events, tracks or telemetry.
    #[arg(long, value_parser = stream)]
    stream: Option<Stream>,
}

fn stream(name: &str) -> Result<Stream, String> {
    Stream::from_name(name).ok_or_else(|| "no such stream (events, tracks, telemetry)".into())
}

#[derive(Debug, Args)]
struct Place {
    /// Folder of the journal.
    #[arg(long)]
    path: PathBuf,
}

/// Does what was asked.
pub fn run(arguments: &StoreArguments) -> anyhow::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match &arguments.command {
        StoreCommand::Stats(place) => {
            serde_json::to_writer_pretty(&mut out, &open(place)?.stats())?;
            writeln!(out)?;
        }
        StoreCommand::Export(export) => {
            let store = open(&export.place)?;
            for stream in Stream::ALL.into_iter().filter(|stream| export.stream.is_none_or(|only| only == *stream)) {
                each(&store, stream, |sequence, record| {
                    let line = match record {
                        Ok(record) => json!({ "stream": stream.name(), "sequence": sequence, "record": record }),
                        Err(error) => {
                            json!({ "stream": stream.name(), "sequence": sequence, "error": error.to_string() })
                        }
                    };
                    serde_json::to_writer(&mut out, &line)?;
                    Ok(writeln!(out)?)
                })?;
            }
        }
        StoreCommand::Fsck(place) => {
            let store = open(place)?;
            let (mut lost, mut undecodable) = (0, 0u64);
            for stream in Stream::ALL {
                let mut records = 0u64;
                each(&store, stream, |sequence, record| {
                    match record {
                        Ok(Record::Lost(Loss { to, reason, .. })) => {
                            lost += to - sequence + 1;
                            writeln!(out, "{} {sequence}..={to}: lost ({reason})", stream.name())?;
                        }
                        Ok(_) => records += 1,
                        Err(error) => {
                            undecodable += 1;
                            writeln!(out, "{} {sequence}: {error}", stream.name())?;
                        }
                    }
                    Ok(())
                })?;
                writeln!(out, "{}: {records} whole records", stream.name())?;
            }
            let mended: u64 = store.stats().streams.iter().map(|stream| stream.lost).sum();
            writeln!(out, "epoch {:016x}: {lost} sequence numbers lost, {mended} of them found now", store.epoch())?;
            out.flush()?;
            anyhow::ensure!(
                undecodable == 0,
                "{undecodable} records do not decode: did a newer edge-agent write them?"
            );
        }
    }
    Ok(out.flush()?)
}

fn open(place: &Place) -> anyhow::Result<Store> {
    // To look is not to make a journal where there is none.
    anyhow::ensure!(
        holds_journal(&place.path),
        "{} holds no journal (give the folder in store.path of the configuration)",
        place.path.display()
    );
    // To look is not to shed, however full the disk.
    let config =
        StoreConfig { path: place.path.clone(), bytes_max: u64::MAX, disk_reserve_bytes: 0, ..StoreConfig::default() };
    Store::open(&config).context("opening the journal")
}

fn each(
    store: &Store,
    stream: Stream,
    mut visit: impl FnMut(u64, Result<Record, network::NetworkError>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let held = store.stats().streams[stream as usize];
    let (mut next, mut records) = (held.first_sequence, Vec::new());
    while next < held.next_sequence {
        let mut sequence = store.read(stream, next, usize::MAX, READ_BYTES_MAX, &mut records)?;
        anyhow::ensure!(!records.is_empty(), "{} {next}: nothing there", stream.name());
        for bytes in &records {
            let record = network::decode(bytes);
            let span = match &record {
                Ok(Record::Lost(loss)) => loss.to - loss.from + 1,
                _ => 1,
            };
            visit(sequence, record)?;
            sequence += span;
        }
        next = sequence;
    }
    Ok(())
}
