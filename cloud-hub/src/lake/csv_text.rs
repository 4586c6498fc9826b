//! Positions as CSV, RFC 4180: the columns and words of the lake's files, times as RFC 3339 to the microsecond, metres to
//! the centimetre; what is not known is empty.
//!
//! Comes in: chunks. Goes out: text, as it comes. Never: an allocation a row.

use super::selection::{Selection, role, side};
use crate::storage::reading::StoredTracks;
use std::io::Write;
use time::{OffsetDateTime, UtcDateTime, format_description::well_known::Rfc3339};

/// The first line.
const HEAD: [&str; 8] = ["captured_at", "edge", "entity", "role", "side", "number", "x_m", "y_m"];
/// Digits of a time up to its second: `2026-11-23T18:00:00`.
const SECOND_BYTES: usize = 19;

/// A text that grows.
pub(super) struct Text<W: Write> {
    writer: csv::Writer<W>,
    /// The second that is written last, and how.
    second: (i64, String),
}

impl<W: Write> Text<W> {
    /// The first line, written to `out`.
    pub(super) fn new(out: W) -> csv::Result<Self> {
        let mut writer = csv::WriterBuilder::new().buffer_capacity(1 << 16).from_writer(out);
        writer.write_record(HEAD)?;
        Ok(Self { writer, second: (i64::MIN, String::new()) })
    }

    /// Takes the positions of a chunk that `selection` wants; says how many.
    pub(super) fn add(&mut self, tracks: &StoredTracks, selection: &Selection) -> csv::Result<u64> {
        let mut rows = 0;
        for column in selection.columns(&tracks.chunk) {
            let mut entity = itoa::Buffer::new();
            let entity = entity.format(column.entity).as_bytes();
            let mut number = itoa::Buffer::new();
            let number = column.number.map_or("", |of| number.format(of)).as_bytes();
            let (role, side) = (column.role.map_or("", role).as_bytes(), column.side.map_or("", side).as_bytes());
            for (captured_us, place_cm) in selection.places(&tracks.chunk, column) {
                let [x_m, y_m] = place_cm.map(Metres::new);
                let at = self.at(captured_us);
                self.writer.write_field(&at[..])?;
                self.writer.write_field(tracks.edge.as_bytes())?;
                for field in [entity, role, side, number, x_m.text(), y_m.text()] {
                    self.writer.write_field(field)?;
                }
                self.writer.write_record(None::<&[u8]>)?;
                rows += 1;
            }
        }
        Ok(rows)
    }

    /// What was written to.
    pub(super) fn finish(self) -> csv::Result<W> {
        self.writer.into_inner().map_err(|error| error.into_error().into())
    }

    /// `captured_us` as RFC 3339.
    fn at(&mut self, captured_us: i64) -> [u8; SECOND_BYTES + 8] {
        let (second, mut micros) = (captured_us.div_euclid(1_000_000), captured_us.rem_euclid(1_000_000));
        if self.second.0 != second {
            // Years a chunk cannot have are the first that can be written.
            let at = UtcDateTime::from_unix_timestamp(second).unwrap_or(UtcDateTime::UNIX_EPOCH);
            let text = OffsetDateTime::from(at).format(&Rfc3339).unwrap_or_default();
            self.second = (second, text);
        }
        let mut at = *b"1970-01-01T00:00:00.000000Z";
        if let Some(written) = self.second.1.as_bytes().get(..SECOND_BYTES) {
            at[..SECOND_BYTES].copy_from_slice(written);
        }
        for digit in at[SECOND_BYTES + 1..SECOND_BYTES + 7].iter_mut().rev() {
            *digit = b'0' + (micros % 10) as u8;
            micros /= 10;
        }
        at
    }
}

/// Centimetres as metres: `-12.05`.
struct Metres {
    bytes: [u8; 7],
    begin: usize,
}

impl Metres {
    fn new(value_cm: i16) -> Self {
        let (mut bytes, mut begin, mut left) = ([b'.'; 7], 7, value_cm.unsigned_abs());
        for place in 0.. {
            if place == 2 {
                begin -= 1;
            } else {
                begin -= 1;
                bytes[begin] = b'0' + (left % 10) as u8;
                left /= 10;
                if place > 2 && left == 0 {
                    break;
                }
            }
        }
        if value_cm < 0 {
            begin -= 1;
            bytes[begin] = b'-';
        }
        Self { bytes, begin }
    }

    fn text(&self) -> &[u8] {
        &self.bytes[self.begin..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn centimetres_are_metres_with_two_digits() {
        for value_cm in i16::MIN..=i16::MAX {
            let text = String::from_utf8(Metres::new(value_cm).text().to_vec()).unwrap();
            let sign = if value_cm < 0 { "-" } else { "" };
            let all = value_cm.unsigned_abs();
            assert_eq!(text, format!("{sign}{}.{:02}", all / 100, all % 100));
        }
    }

    #[test]
    fn times_are_rfc_3339() {
        let mut text = Text::new(Vec::new()).unwrap();
        let mut at = |captured_us| String::from_utf8(text.at(captured_us).to_vec()).unwrap();
        assert_eq!(at(1_700_000_000_000_020), "2023-11-14T22:13:20.000020Z");
        assert_eq!(at(1_700_000_000_999_999), "2023-11-14T22:13:20.999999Z");
        assert_eq!(at(-1), "1969-12-31T23:59:59.999999Z");
        assert_eq!(at(i64::MAX).len(), 27);
    }
}
