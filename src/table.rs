//! Tables that people write: a mistake is told with its field and with the nearest possible name.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::Error;

/// A table, from TOML or JSON.
pub(crate) type Table = Map<String, Value>;

/// The field that decides which other fields exist: without it every message differs.
const TAG: &str = "kind";

/// Reads `table`. The messages of the fields `placed` already say where in them a mistake is.
///
/// Errors, as one line for [`mistake`]: an unknown or missing field, or `FIELD: ` before the mistake in its value.
pub(crate) fn read<T: DeserializeOwned>(table: &Table, placed: &[&str]) -> Result<T, String> {
    let parse = |table: Table| serde_json::from_value(Value::Object(table)).map_err(|e| e.to_string());
    // TOML has no null: here a null was nan or inf, and would pass for a missing field.
    if let Some((field, _)) = table.iter().find(|(_, value)| has_null(value)) {
        return Err(format!("{field}: not a finite number"));
    }
    parse(table.clone()).map_err(|message: String| {
        if message.starts_with("unknown field") || message.starts_with("missing field") {
            return message;
        }
        // Serde names no field. The field has the mistake if the message differs without it.
        let without = |field: &str| {
            let rest = table.iter().filter(|(name, _)| *name != field);
            parse(rest.map(|(name, value)| (name.clone(), value.clone())).collect())
        };
        let wrong = |field: &&str| without(field).err().as_ref() != Some(&message);
        let others = table.keys().map(String::as_str).filter(|field| *field != TAG);
        match others.chain([TAG]).find(wrong) {
            Some(field) if !placed.contains(&field) => format!("{field}: {message}"),
            _ => message,
        }
    })
}

fn has_null(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(|values| values.iter().any(has_null))
}

/// `message` of [`read`] as an error, with the nearest possible name.
pub(crate) fn mistake(message: &str) -> Error {
    let words = [
        ("usize", "a whole number"),
        ("u32", "a whole number"),
        ("f64", "a number"),
        ("a map", "a table"),
        ("struct variant", "a table"),
    ];
    let one_line: String = message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let (what, expected) = one_line.split_once(", expected ").unwrap_or((&one_line, ""));
    let names: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    if names.is_empty() {
        let expected = words.iter().find(|(name, _)| *name == expected).map_or(expected, |(_, words)| words);
        let expected = if expected.is_empty() { String::new() } else { format!(", expected {expected}") };
        return Error::input(format!("{what}{expected}"), "correct it there");
    }
    let wrong = what.split('`').nth_back(1).unwrap_or_default();
    let nearest = nearest(wrong, names.iter().copied()).map_or(String::new(), |name| format!("did you mean {name}? "));
    let hint = format!("{nearest}possible there: {}", names.join(", "));
    Error::input(what.replace("unknown variant", "unknown value"), hint)
}

/// The name nearest to `wrong`: the highest Jaro-Winkler similarity, at least 0.8.
pub(crate) fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let alike = names.map(|name| (strsim::jaro_winkler(wrong, name), name)).filter(|(alike, _)| *alike >= 0.8);
    alike.max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, name)| name)
}
