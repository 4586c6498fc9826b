//! `MOTChallenge` text: one box a line, `frame,id,left,top,width,height,score,class,visibility`.
//!
//! Comes in: text, rows in any order. Goes out: [`Row`]s in order of frame; and back to text. The seventh column is a
//! score in detections; in truth some data sets put 0 there for whole persons, so it never removes a row. Fails on a
//! line that is not such a row, with its number.

use super::{Frames, Owned};
use crate::geometry::Rect;
use std::fmt::Write;

/// One line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Which frame; data sets count from 0 or 1.
    pub frame: i64,
    /// Whose box, -1 for not known.
    pub id: i64,
    /// Where, pixels.
    pub rect: Rect,
    /// How sure, 1 when the column is absent.
    pub score: f32,
}

/// Text that is not MOT.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MotTextError {
    /// A column is not a number.
    #[error("line {line}: column {column} is `{found}`, not a finite number")]
    NotANumber {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What stands there.
        found: String,
    },
    /// Too few columns.
    #[error("line {line}: {found} columns (at least 6: frame,id,left,top,width,height)")]
    TooShort {
        /// Counted from 1.
        line: usize,
        /// How many there are.
        found: usize,
    },
}

/// Reads MOT text; rows come out in order of frame, those of one frame as they stood.
pub fn parse(text: &str) -> Result<Vec<Row>, MotTextError> {
    let mut rows = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let mut columns = [0.0f64; 7];
        columns[6] = 1.0;
        let mut found = 0;
        for (column, value) in line.split([',', ' ', '\t']).filter(|value| !value.is_empty()).take(7).enumerate() {
            let number: Option<f64> = value.parse().ok();
            columns[column] = number.filter(|number| number.is_finite()).ok_or_else(|| MotTextError::NotANumber {
                line: index + 1,
                column: column + 1,
                found: value.to_owned(),
            })?;
            found += 1;
        }
        if found < 6 {
            return Err(MotTextError::TooShort { line: index + 1, found });
        }
        let [frame, id, x, y, w, h, score] = columns;
        let rect = Rect { x: x as f32, y: y as f32, w: w as f32, h: h as f32 };
        rows.push(Row { frame: frame as i64, id: id as i64, rect, score: score as f32 });
    }
    rows.sort_by_key(|row| row.frame);
    Ok(rows)
}

/// Writes one row as a line.
pub fn write_row(text: &mut String, row: &Row) {
    let Rect { x, y, w, h } = row.rect;
    writeln!(text, "{},{},{x:.2},{y:.2},{w:.2},{h:.2},{:.3},-1,-1,-1", row.frame, row.id, row.score)
        .expect("text takes any line");
}

/// Rows by frame, for scoring.
pub fn frames(rows: &[Row]) -> Frames {
    let mut frames = Frames::new();
    for row in rows {
        frames.entry(row.frame).or_default().push(Owned { id: row.id, rect: row.rect });
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let rect = Rect { x: 1.5, y: -2.0, w: 30.25, h: 60.0 };
        let row = Row { frame: 7, id: 3, rect, score: 0.5 };
        let mut text = String::new();
        write_row(&mut text, &row);
        assert_eq!(parse(&text), Ok(vec![row]));
    }

    #[test]
    fn rows_come_in_order_of_frame() {
        let rows = parse("9,1,0,0,1,1,0,2,1.0\n\n0,1,0,0,1,1\n").unwrap();
        assert_eq!(rows.iter().map(|row| row.frame).collect::<Vec<_>>(), [0, 9]);
        assert_eq!(rows[0].score, 1.0);
    }

    #[test]
    fn names_the_line_that_is_wrong() {
        let error = parse("1,1,0,0,1,1\n2,1,x,0,1,1\n").unwrap_err();
        assert_eq!(error.to_string(), "line 2: column 3 is `x`, not a finite number");
        assert_eq!(parse("1,2,3").unwrap_err(), MotTextError::TooShort { line: 1, found: 3 });
    }
}
