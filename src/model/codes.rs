//! The codes of the layer `rbf`: a bitmap per class, drawn.

use crate::error::{Error, Result};

/// The codes of the classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Codes {
    /// Number of classes.
    pub classes: usize,
    /// Rows of a bitmap.
    pub height: usize,
    /// Columns of a bitmap.
    pub width: usize,
    /// `[class][row][column]`, 1 or -1.
    pub values: Vec<f32>,
}

impl Codes {
    /// Reads a drawing: a line per row, which has that row of every class's bitmap, with spaces between the classes.
    /// `#` is 1, `.` is -1.
    ///
    /// Errors: no bitmap, another letter, bitmaps of different sizes; the line is named, counted from 1.
    pub fn read(lines: &[String]) -> Result<Self> {
        let refuse = |why: String| {
            let hint = "draw a line per row, with that row of each class's bitmap in # and ., and spaces between";
            Err(Error::input(format!("codes: {why}"), hint))
        };
        let rows: Vec<Vec<&[u8]>> =
            lines.iter().map(|line| line.split_ascii_whitespace().map(str::as_bytes).collect()).collect();
        let first = rows.first().and_then(|row| row.first()).map(|row| row.len());
        let (Some(width), classes) = (first, rows.first().map_or(0, Vec::len)) else {
            return refuse("there is no bitmap".to_owned());
        };
        for (line, row) in (1..).zip(&rows) {
            if row.len() != classes {
                return refuse(format!("line {line} has {} bitmaps, the first {classes}", row.len()));
            }
            if let Some(other) = row.iter().find(|bits| bits.len() != width) {
                return refuse(format!("line {line} has a bitmap of {} columns, the first has {width}", other.len()));
            }
            if row.iter().any(|bits| bits.iter().any(|bit| !b"#.".contains(bit))) {
                return refuse(format!("line {line} has other letters than # and ."));
            }
        }
        let bits = |class: usize| rows.iter().flat_map(move |row| row[class]);
        let values = (0..classes).flat_map(bits).map(|bit| if *bit == b'#' { 1.0 } else { -1.0 }).collect();
        Ok(Self { classes, height: rows.len(), width, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Codes> {
        Codes::read(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn bitmaps_lie_side_by_side() {
        let values = vec![1.0, 1.0, -1.0, 1.0, -1.0, -1.0, -1.0, -1.0, 1.0, -1.0, 1.0, 1.0];
        let expected = Codes { classes: 2, height: 2, width: 3, values };
        assert_eq!(read("##. ..#\n#..  .##").unwrap(), Codes { values: expected.values.clone(), ..expected });
    }

    #[test]
    fn a_mistake_names_its_line() {
        for (text, message) in [
            ("", "codes: there is no bitmap"),
            (" ", "codes: there is no bitmap"),
            ("## ..\n##", "codes: line 2 has 1 bitmaps, the first 2"),
            ("## ..\n## .", "codes: line 2 has a bitmap of 1 columns, the first has 2"),
            ("## .x", "codes: line 1 has other letters than # and ."),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), message);
        }
    }
}
