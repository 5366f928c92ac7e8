//! Lines, numbers and tables for people.

use std::io::{ErrorKind, Write};

use crate::error::{Error, Result};

/// Writes `text` and a line end to stdout. A reader that has gone away is no error.
pub fn say(text: impl std::fmt::Display) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(Error::outcome(format!("stdout: {e}"), "")),
        _ => Ok(()),
    }
}

/// Writes `text` and a line end to stderr; where that fails there is nobody left to tell.
pub fn warn(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// `61,706`
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `98.72 %` with two `digits`; a dash if unknown.
pub(super) fn percent(share: impl Into<Option<f64>>, digits: usize) -> String {
    let known = share.into().filter(|share| share.is_finite());
    known.map_or("-".to_owned(), |share| format!("{:.digits$} %", 100.0 * share))
}

/// Rows in aligned columns, two spaces apart; `right` says which columns are numbers.
pub(super) fn table(rows: &[Vec<String>], right: &[bool]) -> String {
    let width = |column: usize| rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..right.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).zip(right);
        let cells: Vec<String> =
            cells.map(|((c, w), right)| if *right { format!("{c:>w$}") } else { format!("{c:<w$}") }).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        assert_eq!([0, 999, 1_000, 61_706, 1_234_567].map(thousands), ["0", "999", "1,000", "61,706", "1,234,567"]);
    }

    #[test]
    fn an_unknown_share_is_a_dash() {
        let shares = [percent(0.98724, 2), percent(0.0606, 1), percent(1.5, 0), percent(None, 1), percent(f64::NAN, 1)];
        assert_eq!(shares, ["98.72 %", "6.1 %", "150 %", "-", "-"]);
    }

    #[test]
    fn numbers_are_aligned_right() {
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["bcd".to_owned(), "100".to_owned()]];
        assert_eq!(table(&rows, &[false, true]), "a      1\nbcd  100");
    }
}
