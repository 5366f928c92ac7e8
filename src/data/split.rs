//! The two halves of a published set.

/// The two halves in which MNIST and its relatives are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// `train-images-...` and `train-labels-...`.
    Train,
    /// `t10k-images-...` or `test-images-...`, and their labels.
    Test,
}

impl Split {
    /// The words for this split in file names; the first one is for messages.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Train => &["train"],
            Self::Test => &["t10k", "test"],
        }
    }
}
