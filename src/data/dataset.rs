//! Images with labels, and where they are read from.

use std::fmt;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::split::Split;
use super::{embedded, folder, idx};
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
    /// The MNIST inside the program, if it is built with the feature `mnist`.
    Embedded,
    /// A folder with one IDX set of the MNIST family, gzipped or not.
    Folder(PathBuf),
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
    /// Reads one split, whose images may be at most `largest` (rows, columns).
    ///
    /// A folder holds one set: MNIST, Fashion-MNIST, KMNIST, EMNIST, ... under their usual names
    /// (`train-images-idx3-ubyte`, `train-images.idx3-ubyte`, `emnist-letters-test-images-idx3-ubyte`),
    /// with `.gz` or without. If both are there, the one without is read. The content, not the name, tells
    /// whether a file is compressed. Labels are checked by [`Dataset::check_classes`].
    ///
    /// Errors: a build without MNIST. All others name the file: missing, or one of several of its kind; no IDX
    /// file of bytes; truncated, oversized, empty or corrupted; images larger than `largest`; unequal numbers of
    /// labels and images.
    pub fn load(source: &Source, split: Split, largest: (usize, usize)) -> Result<Self> {
        let (images, labels) = match source {
            Source::Embedded => {
                let [images, labels] = embedded::files(split)?;
                (read_images(images.0, images.1, largest)?, read_labels(labels.0, labels.1)?)
            }
            Source::Folder(folder) => {
                let files = folder::find(folder, split)?;
                let name = |path: &Path| path.display().to_string();
                (
                    read_images(&name(&files.images), folder::open(&files.images)?, largest)?,
                    read_labels(&name(&files.labels), folder::open(&files.labels)?)?,
                )
            }
        };
        let ([samples, height, width], images) = images;
        if samples != labels.len() {
            return Err(Error::input(
                format!("{source}: {samples} images but {} labels in the {} split", labels.len(), split.names()[0]),
                "use images and labels of the same set and split",
            ));
        }
        Ok(Self { source: source.to_string(), height, width, images, labels })
    }

    /// Images `[image][row][column]` of `height` x `width` without labels: each gets label 0.
    ///
    /// Errors: bytes that are not whole images.
    pub fn unlabelled(source: &str, (height, width): (usize, usize), images: Vec<u8>) -> Result<Self> {
        let bytes = images.len();
        if !bytes.is_multiple_of(height * width) {
            return Err(Error::input(
                format!("{source}: {bytes} bytes are not whole images of {height}x{width}"),
                "give one byte per pixel",
            ));
        }
        let labels = vec![0; bytes / (height * width).max(1)];
        Ok(Self { source: source.to_owned(), height, width, images, labels })
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no samples; [`Dataset::load`] refuses such a set.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The images as a device holds them: four bytes per word, the first byte lowest, zeros after the last.
    pub fn words(&self) -> Vec<u32> {
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        self.images.chunks(4).map(word).collect()
    }

    /// Classes that the labels need: the largest label + 1, or 0 without samples.
    pub fn classes(&self) -> usize {
        self.labels.iter().max().map_or(0, |&label| usize::from(label) + 1)
    }

    /// Checks that every label is less than `classes`.
    ///
    /// Errors: a label that is not; the first such sample and the number of outputs that it needs are named.
    pub fn check_classes(&self, classes: usize) -> Result<()> {
        let Some(sample) = self.labels.iter().position(|&label| usize::from(label) >= classes) else { return Ok(()) };
        Err(Error::input(
            format!(
                "{}: sample {sample} has label {}, but the model has {classes} outputs (labels 0 to {})",
                self.source,
                self.labels[sample],
                classes.saturating_sub(1)
            ),
            format!("use a model with at least {} outputs, or another dataset", self.classes()),
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

/// Samples, rows and columns, and the bytes `[sample][row][column]`.
fn read_images(name: &str, file: impl Read, largest: (usize, usize)) -> Result<([usize; 3], Vec<u8>)> {
    let check = |[_, height, width]: [usize; 3]| {
        if height > largest.0 || width > largest.1 {
            return Err(Error::input(
                format!("images of {height}x{width}, but at most {}x{} fit the model", largest.0, largest.1),
                "use a dataset with smaller images, or a model with a larger input",
            ));
        }
        Ok(())
    };
    idx::parse(file, check).map_err(|e| e.context(name))
}

/// One label per sample.
fn read_labels(name: &str, file: impl Read) -> Result<Vec<u8>> {
    idx::parse(file, |[_]| Ok(())).map(|(_, labels)| labels).map_err(|e| e.context(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::idx::tests::{gzip, idx};

    const LARGEST: (usize, usize) = (32, 32);

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
    fn words_hold_four_bytes_each_the_first_one_lowest() {
        let words = |images: Vec<u8>| Dataset { images, ..labelled(&[]) }.words();
        assert!(words(vec![]).is_empty());
        assert_eq!(words(vec![1, 2, 3, 255]), [0xff03_0201]);
        assert_eq!(words(vec![1, 2, 3, 4, 5]), [0x0403_0201, 5]);
    }

    #[test]
    fn the_largest_label_tells_the_classes() {
        assert_eq!(labelled(&[]).classes(), 0);
        assert_eq!(labelled(&[0]).classes(), 1);
        assert_eq!(labelled(&[3, 255, 9]).classes(), 256);
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

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        folder
    }

    fn load(folder: &tempfile::TempDir, split: Split) -> Result<Dataset> {
        Dataset::load(&Source::Folder(folder.path().to_owned()), split, LARGEST)
    }

    #[test]
    fn a_folder_is_read_plain_and_gzipped() {
        let (images, labels) = (idx(&[4, 2, 3]), idx(&[4]));
        for (suffix, images, labels) in [("", images.clone(), labels.clone()), (".gz", gzip(&images), gzip(&labels))] {
            let folder = folder(&[
                (&format!("t10k-images-idx3-ubyte{suffix}"), &images),
                (&format!("t10k-labels-idx1-ubyte{suffix}"), &labels),
            ]);
            let dataset = load(&folder, Split::Test).unwrap();
            assert_eq!((dataset.len(), dataset.height, dataset.width), (4, 2, 3));
            assert!(dataset.images.iter().copied().eq(0..24));
            assert_eq!(dataset.labels, [0, 1, 2, 3]);
        }
    }

    #[test]
    fn content_and_not_the_name_tells_gzip_and_members_may_follow_each_other() {
        let images = idx(&[4, 2, 3]);
        let in_two = [gzip(&images[..9]), gzip(&images[9..])].concat();
        let folder = folder(&[("train-images-idx3-ubyte", &in_two), ("train-labels-idx1-ubyte.gz", &idx(&[4]))]);
        assert_eq!(load(&folder, Split::Train).unwrap().len(), 4);
    }

    #[test]
    fn counts_must_agree() {
        let folder = folder(&[("train-images-idx3-ubyte", &idx(&[4, 2, 3])), ("train-labels-idx1-ubyte", &idx(&[5]))]);
        assert!(
            load(&folder, Split::Train).unwrap_err().to_string().contains("4 images but 5 labels in the train split")
        );
    }

    #[test]
    fn a_defect_names_its_file() {
        for (images, labels, expected) in [
            (idx(&[1, 33, 32]), idx(&[1]), "images-idx3-ubyte: images of 33x32, but at most 32x32 fit the model"),
            (idx(&[1, 32, 33]), idx(&[1]), "images-idx3-ubyte: images of 32x33, but at most 32x32 fit the model"),
            (idx(&[4]), idx(&[4]), "images-idx3-ubyte: 1 dimensions, not 3"),
            (idx(&[4, 2, 3]), idx(&[0]), "labels-idx1-ubyte: no samples"),
        ] {
            let folder = folder(&[("train-images-idx3-ubyte", &images), ("train-labels-idx1-ubyte", &labels)]);
            let error = load(&folder, Split::Train).unwrap_err().to_string();
            assert!(error.contains(expected), "{error} / {expected}");
        }
    }

    #[cfg(not(feature = "mnist"))]
    #[test]
    fn a_build_without_mnist_says_so() {
        let error = Dataset::load(&Source::Embedded, Split::Test, LARGEST).unwrap_err();
        assert_eq!(error.to_string(), "this build has no MNIST inside");
        assert!(error.hint().contains("--data DIR"), "{}", error.hint());
    }
}
