//! Unrolls the loops of a shader that are marked, before a compiler sees them.
//!
//! wgpu bounds every loop with a counter that drivers cannot fold, so that a constant loop stays a loop, and an array
//! that it indexes stays in memory (docs/performance.md). A shader marks such a loop with `// unroll` at the end of its
//! line; without this module it is the same program, and slower (tests/shaders.rs runs it both ways).

use std::collections::HashMap;

/// `wgsl` with every marked loop replaced by its turns, and without comments.
///
/// A marked loop is `for (var NAME = FROM; NAME < TO; NAME++) { ... }`, or with `<=`. Its bounds are arithmetic on
/// numbers, on `const`s of such, and on the counters of marked loops around it.
///
/// Errors: a marked loop of another form, or a bound that is not known; the line is quoted.
pub fn unroll(wgsl: &str) -> Result<String, String> {
    let mut lines = Vec::new();
    for line in wgsl.lines() {
        let (code, comment) = line.split_once("//").unwrap_or((line, ""));
        match (comment.trim() == "unroll", code.find("for (")) {
            (false, _) => lines.push(code.trim_end().to_owned()),
            (true, Some(at)) => lines.push(format!("{}{MARK}{}", &code[..at], &code[at + "for (".len()..])),
            (true, None) => return Err(format!("no loop begins on the line marked for unrolling: {line}")),
        }
    }
    let text = lines.join("\n");
    let mut constants = Constants::default();
    for line in text.lines().filter_map(|line| line.strip_prefix("const ")) {
        if let Some((name, value)) = line.split_once(';').and_then(|(line, _)| line.split_once(" = "))
            && let Some(value) = constants.value(value)
        {
            constants.0.insert(name.to_owned(), value);
        }
    }
    Ok(without_aliases(&constants.expand(&text)?))
}

/// `wgsl` with the types that its aliases name. naga 30 writes the zero of a type twice into HLSL where an alias names
/// it too, which DXC refuses.
pub fn without_aliases(wgsl: &str) -> String {
    let alias = |line: &&str| line.starts_with("alias ");
    let mut text: String = wgsl.lines().filter(|line| !alias(line)).map(|line| format!("{line}\n")).collect();
    for (name, rest) in wgsl.lines().filter(alias).filter_map(|line| line["alias ".len()..].split_once(" = ")) {
        text = replace(&text, name, rest.split(';').next().unwrap_or(rest));
    }
    text
}

/// Most text of a loop, unrolled (bytes).
const LONGEST: usize = 1 << 20;

/// Stands for `for (` of a marked loop.
const MARK: &str = "unroll (";

/// The values of constants and counters.
#[derive(Default, Clone)]
struct Constants(HashMap<String, u32>);

impl Constants {
    fn expand(&self, text: &str) -> Result<String, String> {
        let Some((before, rest)) = text.split_once(MARK) else { return Ok(text.to_owned()) };
        let refused = |why: &str| {
            let line = rest.lines().next().unwrap_or_default();
            Err(format!("a loop marked for unrolling {why}: for ({line}"))
        };
        let Some((header, rest)) = rest.split_once(") {") else { return refused("has no body") };
        let Some(body) = block(rest) else { return refused("does not end") };
        let Some((name, from, to)) = self.header(header) else { return refused("has bounds that are not known") };
        if words(body).any(|(_, word)| matches!(word, "break" | "continue")) {
            return refused("is left early");
        }
        let mut turns = String::new();
        for counter in from..to {
            let mut inside = self.clone();
            inside.0.insert(name.to_owned(), counter);
            if turns.len() > LONGEST {
                return refused("is too long");
            }
            turns += &format!("{{{}}}\n", inside.expand(&replace(body, name, &format!("{counter}u")))?);
        }
        Ok(format!("{before}{turns}{}", self.expand(&rest[body.len() + 1..])?))
    }

    /// Name, first value and end of the counter.
    fn header<'a>(&self, header: &'a str) -> Option<(&'a str, u32, u32)> {
        let [start, condition, advance] = header.split("; ").collect::<Vec<_>>().try_into().ok()?;
        let (name, from) = start.strip_prefix("var ")?.split_once(" = ")?;
        let (comparison, to) = condition.strip_prefix(name)?.trim_start().split_once(' ')?;
        let last = match comparison {
            "<" => 0,
            "<=" => 1,
            _ => return None,
        };
        (advance == format!("{name}++")).then_some((name, self.value(from)?, self.value(to)?.checked_add(last)?))
    }

    /// The value of arithmetic on numbers and known names; `None` for anything else.
    fn value(&self, expression: &str) -> Option<u32> {
        let mut tokens: Vec<&str> = words(expression).map(|(_, word)| word).collect();
        tokens.reverse();
        let value = self.sum(&mut tokens)?;
        tokens.is_empty().then_some(value)
    }

    fn sum(&self, tokens: &mut Vec<&str>) -> Option<u32> {
        let mut value = self.product(tokens)?;
        while let Some(sign) = tokens.pop_if(|token| matches!(*token, "+" | "-")) {
            let other = self.product(tokens)?;
            value = if sign == "+" { value.checked_add(other)? } else { value.checked_sub(other)? };
        }
        Some(value)
    }

    fn product(&self, tokens: &mut Vec<&str>) -> Option<u32> {
        let mut value = self.atom(tokens)?;
        while let Some(sign) = tokens.pop_if(|token| matches!(*token, "*" | "/" | "%")) {
            let other = self.atom(tokens)?;
            value = match sign {
                "*" => value.checked_mul(other)?,
                "/" => value.checked_div(other)?,
                _ => value.checked_rem(other)?,
            };
        }
        Some(value)
    }

    fn atom(&self, tokens: &mut Vec<&str>) -> Option<u32> {
        match tokens.pop()? {
            "(" => self.sum(tokens).filter(|_| tokens.pop() == Some(")")),
            token => token.strip_suffix('u').unwrap_or(token).parse().ok().or_else(|| self.0.get(token).copied()),
        }
    }
}

/// The text up to the brace that closes the block which `text` is in.
fn block(text: &str) -> Option<&str> {
    let mut depth = 1;
    for (at, byte) in text.bytes().enumerate() {
        depth += i32::from(byte == b'{') - i32::from(byte == b'}');
        if depth == 0 {
            return Some(&text[..at]);
        }
    }
    None
}

/// The words of `text`, names and numbers whole, any other character by itself, with where each begins; no spaces.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut at = 0;
    std::iter::from_fn(move || {
        at += text[at..].len() - text[at..].trim_start().len();
        let first = text[at..].chars().next()?;
        let length = if is_part(first) { text[at..].find(|c| !is_part(c)) } else { Some(first.len_utf8()) };
        let (from, end) = (at, length.map_or(text.len(), |length| at + length));
        at = end;
        Some((from, &text[from..end]))
    })
}

/// `text` with `by` for the word `name`, except where it names a member.
fn replace(text: &str, name: &str, by: &str) -> String {
    let mut replaced = String::new();
    let mut end = 0;
    for (at, word) in words(text) {
        replaced += &text[end..at];
        replaced += if word == name && !text[..at].ends_with('.') { by } else { word };
        end = at + word.len();
    }
    replaced + &text[end..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_spaces(text: &str) -> String {
        text.split_whitespace().collect()
    }

    #[test]
    fn marked_loops_become_their_turns() {
        let text = "const N = 2u;\nconst M = N * 2u - (1u + 1u);\n\
                    for (var i = 0u; i < N; i++) { // unroll\n  a[i] = s.i + bit; // i\n}\nb;\n\
                    for (var j = 1u; j <= M; j++) { c[j]; } // unroll\n\
                    for (var k = 0u; k < N; k++) { d[k]; } // not unrolled\n";
        let expected = "const N=2u;const M=N*2u-(1u+1u);{a[0u]=s.i+bit;}{a[1u]=s.i+bit;}b;{c[1u];}{c[2u];}\
                        for(var k=0u;k<N;k++){d[k];}";
        assert_eq!(without_spaces(&unroll(text).unwrap()), without_spaces(expected));
    }

    #[test]
    fn aliases_give_way_to_their_types() {
        let text = "alias Samples = vec4f; // four\nlet a = Samples() + bSamples;\n";
        assert_eq!(without_spaces(&unroll(text).unwrap()), "leta=vec4f()+bSamples;");
    }

    #[test]
    fn inner_bounds_may_be_outer_counters() {
        let text = "for (var i = 1u; i < 3u; i++) { // unroll\n\
                    for (var j = 0u; j < i; j++) { // unroll\n a[i][j];\n}\n}\n";
        let expected = "{{a[1u][0u];}}{{a[2u][0u];}{a[2u][1u];}}";
        assert_eq!(without_spaces(&unroll(text).unwrap()), expected);
    }

    #[test]
    fn a_loop_without_turns_vanishes() {
        assert_eq!(without_spaces(&unroll("for (var i = 2u; i <= 1u; i++) { a; } // unroll").unwrap()), "");
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        for (text, why) in [
            ("x = 1u; // unroll", "no loop begins on the line marked for unrolling: x = 1u; // unroll"),
            (
                "for (var i = 0u; i < n; i++) { } // unroll",
                "has bounds that are not known: for (var i = 0u; i < n; i++)",
            ),
            ("for (var i = 0u; i < 4u; i += 2u) { } // unroll", "has bounds that are not known"),
            ("for (var i = 0u; i < 4u; i++) { break; } // unroll", "is left early"),
            ("for (var i = 0u; i < 4u; i++) { // unroll\n", "does not end"),
            ("for (var i = 0u; i < 4000000000u; i++) { } // unroll", "is too long"),
            ("for (var i = 0u; i < 1u - 2u; i++) { } // unroll", "has bounds that are not known"),
        ] {
            let error = unroll(text).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
