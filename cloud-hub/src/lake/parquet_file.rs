//! One Parquet file of positions: columns of their own types, units in their names, within a row group by player and time.
//!
//! Comes in: chunks of player states. Goes out: the bytes of a file that `DuckDB`, pandas, Spark or R read as it is. Never:
//! more in memory than one row group and the compressed bytes; a position that is not in the chunks.

use super::selection::{Selection, role, side};
use crate::storage::reading::StoredTracks;
use firmware_protocol::network::{Role, Side};
use parquet::{
    basic::{Compression, ZstdLevel},
    data_type::{ByteArray, ByteArrayType, DataType, FloatType, Int32Type, Int64Type},
    errors::ParquetError,
    file::{
        properties::WriterProperties,
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::parser::parse_message_type,
};
use std::{io::Write, sync::Arc};

/// Positions in a row group: three minutes of everybody at 50 Hz, 5 MB while they wait.
const GROUP_ROWS_MAX: usize = 1 << 17;
/// Positions in a page, the least that is read: a player's minute.
const PAGE_ROWS_MAX: usize = 1 << 12;

/// League, venue, game and period are the folders a file lies in.
const SCHEMA: &str = "message positions {
    REQUIRED INT64 captured_at (TIMESTAMP(MICROS, true));
    REQUIRED BYTE_ARRAY edge (STRING);
    REQUIRED INT32 entity;
    OPTIONAL BYTE_ARRAY role (STRING);
    OPTIONAL BYTE_ARRAY side (STRING);
    OPTIONAL INT32 number;
    REQUIRED FLOAT x_m;
    REQUIRED FLOAT y_m;
}";

/// One position.
struct Position {
    captured_us: i64,
    /// Which of the file's boxes.
    edge: usize,
    entity: u16,
    role: Option<Role>,
    side: Option<Side>,
    number: Option<u8>,
    place_cm: [i16; 2],
}

/// A file that grows.
pub(super) struct Positions<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    edges: Vec<ByteArray>,
    waiting: Vec<Position>,
    rows: u64,
}

impl<W: Write + Send> Positions<W> {
    /// An empty file, written to `out`.
    pub(super) fn new(out: W) -> Result<Self, ParquetError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_data_page_row_count_limit(PAGE_ROWS_MAX)
            .set_write_batch_size(PAGE_ROWS_MAX)
            .set_created_by(concat!("rinkside cloud-hub ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = SerializedFileWriter::new(out, Arc::new(parse_message_type(SCHEMA)?), Arc::new(properties))?;
        Ok(Self { writer, edges: Vec::new(), waiting: Vec::new(), rows: 0 })
    }

    /// Takes the positions of a chunk that `selection` wants.
    pub(super) fn add(&mut self, tracks: &StoredTracks, selection: &Selection) -> Result<u64, ParquetError> {
        let edge = ByteArray::from(tracks.edge.as_str());
        let edge = self.edges.iter().position(|known| *known == edge).unwrap_or_else(|| {
            self.edges.push(edge);
            self.edges.len() - 1
        });
        let before = self.waiting.len();
        for column in selection.columns(&tracks.chunk) {
            self.waiting.extend(selection.places(&tracks.chunk, column).map(|(captured_us, place_cm)| Position {
                captured_us,
                edge,
                entity: column.entity,
                role: column.role,
                side: column.side,
                number: column.number,
                place_cm,
            }));
        }
        let rows = (self.waiting.len() - before) as u64;
        if self.waiting.len() >= GROUP_ROWS_MAX {
            self.write()?;
        }
        Ok(rows)
    }

    /// What was written to, and how many positions are in it.
    pub(super) fn finish(mut self) -> Result<(W, u64), ParquetError> {
        self.write()?;
        Ok((self.writer.into_inner()?, self.rows))
    }

    fn write(&mut self) -> Result<(), ParquetError> {
        let mut rows = std::mem::take(&mut self.waiting);
        if rows.is_empty() {
            return Ok(());
        }
        rows.sort_by_key(|row| (row.side.map(side), row.number, row.entity, row.captured_us));
        self.rows += rows.len() as u64;
        let mut group = self.writer.next_row_group()?;
        let metres = |at: usize| rows.iter().map(move |row| f32::from(row.place_cm[at]) / 100.0).collect::<Vec<_>>();
        required::<Int64Type, W>(&mut group, &rows.iter().map(|row| row.captured_us).collect::<Vec<_>>())?;
        required::<ByteArrayType, W>(
            &mut group,
            &rows.iter().map(|row| self.edges[row.edge].clone()).collect::<Vec<_>>(),
        )?;
        required::<Int32Type, W>(&mut group, &rows.iter().map(|row| i32::from(row.entity)).collect::<Vec<_>>())?;
        optional::<ByteArrayType, W>(&mut group, rows.iter().map(|row| row.role.map(role).map(ByteArray::from)))?;
        optional::<ByteArrayType, W>(&mut group, rows.iter().map(|row| row.side.map(side).map(ByteArray::from)))?;
        optional::<Int32Type, W>(&mut group, rows.iter().map(|row| row.number.map(i32::from)))?;
        required::<FloatType, W>(&mut group, &metres(0))?;
        required::<FloatType, W>(&mut group, &metres(1))?;
        group.close()?;
        rows.clear();
        self.waiting = rows;
        Ok(())
    }
}

fn required<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
) -> Result<(), ParquetError> {
    write::<T, W>(group, values, None)
}

fn optional<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = Option<T::T>> + Clone,
) -> Result<(), ParquetError> {
    let levels: Vec<i16> = values.clone().map(|value| i16::from(value.is_some())).collect();
    write::<T, W>(group, &values.flatten().collect::<Vec<_>>(), Some(&levels))
}

fn write<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let mut column = group.next_column()?.expect("as many columns are written as the schema has");
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}
