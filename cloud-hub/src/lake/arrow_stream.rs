//! Positions as an Arrow IPC stream: the columns of the lake's files; words stand in dictionaries.
//!
//! Comes in: chunks. Goes out: record batches, as they fill. Never: more in memory than one batch and one chunk.

use super::selection::{Selection, role, side};
use crate::storage::reading::StoredTracks;
use arrow_array::{
    DictionaryArray, Float32Array, Int8Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    types::{Int8Type, Int32Type},
};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use firmware_protocol::network::{Role, Side};
use std::{io::Write, sync::Arc};

/// Positions in a batch.
const BATCH_ROWS_MAX: usize = 1 << 15;
const ROLES: [Role; 3] = [Role::Skater, Role::Goalie, Role::Official];
const SIDES: [Side; 2] = [Side::Home, Side::Away];

/// A stream that grows.
pub(super) struct Stream<W: Write> {
    writer: StreamWriter<W>,
    schema: Arc<Schema>,
    edges: Vec<String>,
    waiting: Waiting,
}

/// Positions of the next batch, by column.
#[derive(Default)]
struct Waiting {
    captured_us: Vec<i64>,
    edge: Vec<i32>,
    entity: Vec<i32>,
    role: Vec<Option<i8>>,
    side: Vec<Option<i8>>,
    number: Vec<Option<i32>>,
    x_m: Vec<f32>,
    y_m: Vec<f32>,
}

impl<W: Write> Stream<W> {
    /// The schema, written to `out`.
    pub(super) fn new(out: W) -> Result<Self, ArrowError> {
        let words = |key| DataType::Dictionary(Box::new(key), Box::new(DataType::Utf8));
        let schema = Arc::new(Schema::new(vec![
            Field::new("captured_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
            Field::new("edge", words(DataType::Int32), false),
            Field::new("entity", DataType::Int32, false),
            Field::new("role", words(DataType::Int8), true),
            Field::new("side", words(DataType::Int8), true),
            Field::new("number", DataType::Int32, true),
            Field::new("x_m", DataType::Float32, false),
            Field::new("y_m", DataType::Float32, false),
        ]));
        let writer = StreamWriter::try_new(out, &schema)?;
        Ok(Self { writer, schema, edges: Vec::new(), waiting: Waiting::default() })
    }

    /// Takes the positions of a chunk that `selection` wants; says how many.
    pub(super) fn add(&mut self, tracks: &StoredTracks, selection: &Selection) -> Result<u64, ArrowError> {
        let edge = self.edges.iter().position(|known| *known == tracks.edge).unwrap_or_else(|| {
            self.edges.push(tracks.edge.clone());
            self.edges.len() - 1
        });
        let before = self.waiting.captured_us.len();
        for column in selection.columns(&tracks.chunk) {
            let waiting = &mut self.waiting;
            let role = column.role.and_then(|role| ROLES.iter().position(|known| *known == role));
            let side = column.side.and_then(|side| SIDES.iter().position(|known| *known == side));
            for (captured_us, [x_cm, y_cm]) in selection.places(&tracks.chunk, column) {
                waiting.captured_us.push(captured_us);
                waiting.edge.push(edge as i32);
                waiting.entity.push(i32::from(column.entity));
                waiting.role.push(role.map(|at| at as i8));
                waiting.side.push(side.map(|at| at as i8));
                waiting.number.push(column.number.map(i32::from));
                waiting.x_m.push(f32::from(x_cm) / 100.0);
                waiting.y_m.push(f32::from(y_cm) / 100.0);
            }
        }
        let rows = self.waiting.captured_us.len() - before;
        if self.waiting.captured_us.len() >= BATCH_ROWS_MAX {
            self.write()?;
        }
        Ok(rows as u64)
    }

    /// What was written to.
    pub(super) fn finish(mut self) -> Result<W, ArrowError> {
        self.write()?;
        self.writer.into_inner()
    }

    fn write(&mut self) -> Result<(), ArrowError> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.captured_us.is_empty() {
            return Ok(());
        }
        let edges = StringArray::from_iter_values(&self.edges);
        let roles = StringArray::from_iter_values(ROLES.map(role));
        let sides = StringArray::from_iter_values(SIDES.map(side));
        let small = |keys, words| DictionaryArray::<Int8Type>::try_new(Int8Array::from(keys), Arc::new(words));
        let batch = RecordBatch::try_new(
            self.schema.clone(),
            vec![
                Arc::new(TimestampMicrosecondArray::from(waiting.captured_us).with_timezone("UTC")),
                Arc::new(DictionaryArray::<Int32Type>::try_new(Int32Array::from(waiting.edge), Arc::new(edges))?),
                Arc::new(Int32Array::from(waiting.entity)),
                Arc::new(small(waiting.role, roles)?),
                Arc::new(small(waiting.side, sides)?),
                Arc::new(Int32Array::from(waiting.number)),
                Arc::new(Float32Array::from(waiting.x_m)),
                Arc::new(Float32Array::from(waiting.y_m)),
            ],
        )?;
        self.writer.write(&batch)
    }
}
