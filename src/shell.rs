//! Commands that the program prints, to be pasted into a shell.

use std::fmt::Display;

/// `word` as one word of a shell: in single quotes, unless it is plain.
pub(crate) fn word(word: impl Display) -> String {
    let word = word.to_string();
    // In PowerShell, which has single quotes too, a backslash is plain.
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c) || (cfg!(windows) && c == '\\');
    if !word.is_empty() && word.chars().all(plain) { word } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn a_shell_reads_one_word() {
        assert_eq!(word("runs/lenet5-1"), "runs/lenet5-1");
        assert_eq!(word(""), "''");
        assert_eq!(word("my shaders"), "'my shaders'");
        assert_eq!(word("$(it's)"), r"'$(it'\''s)'");
        assert_eq!(word("~/a"), "'~/a'");
    }
}
