//! Datasets: IDX files, the embedded MNIST, image files, shuffled orders.

pub mod digit;
mod idx;
mod order;

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

pub use order::shuffled;

use crate::error::{Error, Result};

/// Images and labels of one split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Where it came from, for messages and metadata: a folder, or `embedded MNIST`.
    pub source: String,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Bytes `[sample][row][column]`.
    pub images: Vec<u8>,
    /// Class of each sample.
    pub labels: Vec<u8>,
}

/// Where a dataset is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The MNIST inside the program.
    Embedded,
    /// A folder with one IDX set of the MNIST family, gzipped or not.
    Folder(PathBuf),
}

/// The two halves in which MNIST and its relatives are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// `train-images-...` and `train-labels-...`.
    Train,
    /// `t10k-images-...` or `test-images-...`, and their labels.
    Test,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded MNIST"),
            Self::Folder(folder) => folder.display().fmt(f),
        }
    }
}

impl Dataset {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no sample; never so for a dataset that was loaded.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Checks that every label has an output of its own: each is less than `classes`.
    ///
    /// Errors: names the first sample whose label has none, and the number of outputs that would do.
    pub fn check_classes(&self, classes: usize) -> Result<()> {
        let Some(sample) = self.labels.iter().position(|&label| usize::from(label) >= classes) else { return Ok(()) };
        let needed = self.labels.iter().max().map_or(0, |&label| usize::from(label) + 1);
        Err(Error::input(
            format!(
                "{}: sample {sample} has label {}, but the model has {classes} outputs (labels 0 to {})",
                self.source,
                self.labels[sample],
                classes.saturating_sub(1)
            ),
            format!("use a model with at least {needed} outputs, or another dataset"),
        ))
    }

    /// Sample numbers to train on and to validate with: the last `validation` samples are held out.
    ///
    /// With 0 the second range is empty. Errors: `validation` leaves nothing to train on.
    pub fn hold_out_last(&self, validation: usize) -> Result<(Range<usize>, Range<usize>)> {
        let samples = self.len();
        match samples.checked_sub(validation) {
            Some(training) if training > 0 => Ok((0..training, training..samples)),
            _ => Err(Error::input(
                format!("{}: {validation} validation images of {samples} leave none to train on", self.source),
                format!("hold out fewer than {samples} images (--validation 0 trains on all)"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(labels: &[u8]) -> Dataset {
        Dataset {
            source: "here".to_owned(),
            height: 1,
            width: 1,
            images: vec![0; labels.len()],
            labels: labels.to_vec(),
        }
    }

    #[test]
    fn a_label_without_an_output_is_named() {
        let letters = labelled(&[1, 9, 10, 26]);
        let error = letters.check_classes(10).unwrap_err();
        assert_eq!(error.to_string(), "here: sample 2 has label 10, but the model has 10 outputs (labels 0 to 9)");
        assert!(error.hint().contains("27 outputs"), "{}", error.hint());
        assert!(letters.check_classes(26).is_err());
        assert_eq!(letters.check_classes(27), Ok(()));
    }

    #[test]
    fn the_last_samples_are_held_out() {
        let five = labelled(&[0; 5]);
        assert_eq!(five.hold_out_last(2), Ok((0..3, 3..5)));
        assert_eq!(five.hold_out_last(0), Ok((0..5, 5..5)));
        for too_many in [5, 6, usize::MAX] {
            assert!(five.hold_out_last(too_many).unwrap_err().to_string().contains("leave none"));
        }
    }
}
