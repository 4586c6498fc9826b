//! Positions taken elsewhere: any interval of a game, of somebody or of everybody, also while it is played.
//!
//! ```text
//!  event store ─► chunks, a page at a time ─┬─► csv_text ──────┐
//!                                           ├─► arrow_stream ──┼─► whatever is written to
//!                                           └─► parquet_file ──┘
//! ```
//!
//! Comes in: a [`Selection`] and a [`Format`]. Goes out: the same columns in each; rows by when their chunk began, within a
//! chunk by person and time (Parquet: within a row group by person and time). Never: more in memory than a page of chunks
//! and what the format holds back; a database held for longer than one page takes; work on the async executor.

use super::{Selection, arrow_stream::Stream, csv_text::Text, parquet_file::Positions};
use crate::{
    event_store::EventStore,
    ids::Offset,
    storage::{StorageError, reading::StoredTracks},
};
use arrow_schema::ArrowError;
use std::{
    fmt,
    io::{self, Write},
    str::FromStr,
};
use tokio::runtime::Handle;

/// Chunks read at a time: a minute of a game seen by one box.
const CHUNKS_MAX: usize = 64;

/// How positions are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text, RFC 4180.
    Csv,
    /// Arrow IPC, streaming.
    Arrow,
    /// Parquet.
    Parquet,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Arrow, Self::Parquet];

    /// Its name, which files of it end with too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Arrow => "arrow",
            Self::Parquet => "parquet",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|format| format.name() == word);
        known.ok_or_else(|| format!("{word} (csv, arrow or parquet)"))
    }
}

/// Why an export ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// CSV cannot be written.
    #[error("csv: {0}")]
    Csv(#[from] csv::Error),
    /// Arrow cannot be written.
    #[error("arrow: {0}")]
    Arrow(#[from] ArrowError),
    /// Parquet cannot be written.
    #[error("parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
}

impl ExportError {
    /// Whether whoever reads has gone.
    pub fn is_broken_pipe(&self) -> bool {
        let of = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        match self {
            Self::Csv(error) => matches!(error.kind(), csv::ErrorKind::Io(error) if of(error)),
            Self::Arrow(ArrowError::IoError(_, error)) => of(error),
            Self::Parquet(error) => {
                std::error::Error::source(error).and_then(|error| error.downcast_ref()).is_some_and(of)
            }
            Self::Storage(_) | Self::Arrow(_) => false,
        }
    }
}

enum Writer<W: Write + Send> {
    Csv(Text<W>),
    Arrow(Stream<W>),
    Parquet(Positions<W>),
}

impl<W: Write + Send> Writer<W> {
    fn new(format: Format, out: W) -> Result<Self, ExportError> {
        Ok(match format {
            Format::Csv => Self::Csv(Text::new(out)?),
            Format::Arrow => Self::Arrow(Stream::new(out)?),
            Format::Parquet => Self::Parquet(Positions::new(out)?),
        })
    }

    fn add(&mut self, tracks: &StoredTracks, selection: &Selection) -> Result<u64, ExportError> {
        Ok(match self {
            Self::Csv(text) => text.add(tracks, selection)?,
            Self::Arrow(stream) => stream.add(tracks, selection)?,
            Self::Parquet(file) => file.add(tracks, selection)?,
        })
    }

    fn finish(self) -> Result<W, ExportError> {
        Ok(match self {
            Self::Csv(text) => text.finish()?,
            Self::Arrow(stream) => stream.finish()?,
            Self::Parquet(file) => file.finish()?.0,
        })
    }
}

/// Writes what `selection` wants to `out`, which it gives back; `told` hears now and then how many rows it are. Blocks:
/// call it from a thread that may, within a runtime.
pub fn write<W: Write + Send>(
    store: &EventStore,
    selection: &Selection,
    format: Format,
    out: W,
    mut told: impl FnMut(u64),
) -> Result<W, ExportError> {
    let (mut writer, mut rows) = (Writer::new(format, out)?, 0);
    let (runtime, mut after) = (Handle::current(), (i64::MIN, Offset(0)));
    loop {
        let between = (selection.from_us, selection.to_us);
        let chunks = runtime.block_on(store.read_tracks_between(selection.game, between, after, CHUNKS_MAX))?;
        let Some(last) = chunks.last() else { return writer.finish() };
        after = (last.chunk.start_us, last.offset);
        for tracks in &chunks {
            rows += writer.add(tracks, selection)?;
        }
        told(rows);
    }
}
