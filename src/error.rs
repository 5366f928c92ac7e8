//! The error type: a message, a way out, and an exit code.

/// An error that a user can act on.
///
/// `Display` gives one line; [`Error::hint`] gives the way out, printed on a line of its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    message: String,
    hint: String,
    exit_code: u8,
}

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Unusable input: a flag, a file, an adapter, a limit (exit code 2).
    pub fn input(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), exit_code: 2 }
    }

    /// A bad outcome of work that ran: it diverged, missed its target or failed a check (exit code 1).
    pub fn outcome(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), exit_code: 1 }
    }

    /// The way out; empty if there is none to tell.
    pub fn hint(&self) -> &str {
        &self.hint
    }

    /// The exit code of the command: 2 for unusable input, 1 for a bad outcome.
    pub fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// The same error with `context` before its message, as in `"weights.safetensors: truncated"`.
    pub fn context(mut self, context: impl std::fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }
}
