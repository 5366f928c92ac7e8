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

/// `1 epoch`, `61,706 words`: `noun` takes an s unless there is one.
pub(super) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// `98.72 %` with two `digits`; a dash if unknown.
pub(super) fn percent(share: impl Into<Option<f64>>, digits: usize) -> String {
    let known = share.into().filter(|share| share.is_finite());
    known.map_or("-".to_owned(), |share| format!("{:.digits$} %", 100.0 * share))
}

/// `12.3 us`, `61.2 GFLOP/s`, `12,345 images/s`; a dash if unknown.
pub(super) fn quantity(value: f64, unit: &str) -> String {
    match unit {
        _ if !value.is_finite() => "-".to_owned(),
        "s" if value < 1e-6 => format!("{:.0} ns", 1e9 * value),
        "s" if value < 1e-3 => format!("{:.1} us", 1e6 * value),
        "s" if value < 0.1 => format!("{:.2} ms", 1e3 * value),
        "s" if value < 1.0 => format!("{:.0} ms", 1e3 * value),
        "s" => format!("{value:.2} s"),
        "images/s" => format!("{} {unit}", thousands(value as u64)),
        _ => format!("{value:.1} {unit}"),
    }
}

/// Columns of the narrowest terminal that sentences are made for; tables may have 100.
const COLUMNS: usize = 80;

/// `text` in lines of at most [`COLUMNS`], broken at spaces; `indent` spaces before the first, two more before the rest.
pub(super) fn wrap(text: &str, indent: usize) -> Vec<String> {
    let mut lines = vec![" ".repeat(indent)];
    for (place, word) in text.split(' ').enumerate() {
        let last = lines.len() - 1;
        if place > 0 && lines[last].chars().count() + 1 + word.chars().count() > COLUMNS {
            lines.push(format!("{}{word}", " ".repeat(indent + 2)));
        } else {
            let gap = if place > 0 { " " } else { "" };
            lines[last] += &format!("{gap}{word}");
        }
    }
    lines
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
    fn one_is_singular() {
        assert_eq!([0, 1, 2_000].map(|number| counted(number, "step")), ["0 steps", "1 step", "2,000 steps"]);
    }

    #[test]
    fn sentences_are_broken_at_spaces() {
        let (word, long) = ("w".repeat(38), "l".repeat(99));
        let text = format!("{word} {word} end {long} end");
        assert_eq!(
            wrap(&text, 2),
            [format!("  {word} {word}"), "    end".to_owned(), format!("    {long}"), "    end".to_owned()]
        );
        assert_eq!(wrap(&format!("{word} {word} e"), 1), [format!(" {word} {word} e")], "80 columns fit");
        assert_eq!(wrap("", 0), [""]);
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
