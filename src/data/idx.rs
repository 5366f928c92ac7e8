//! IDX files, the format of MNIST and its relatives, plain or gzipped.
//!
//! A file is two zero bytes, a type code (8: unsigned bytes), the number of dimensions, each dimension
//! as a big-endian `u32`, then the values. Nothing is trusted: memory grows with the bytes that are
//! there, never with what a header claims.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::{Dataset, Source, Split};
use crate::error::{Error, Result};

/// Most bytes of values a file may claim: 2 GiB, some 2.7 million images of 28x28.
const MOST_BYTES: u64 = 2 << 30;

/// The embedded files: images and labels.
const TRAIN: [(&str, &[u8]); 2] = [
    ("train-images-idx3-ubyte.gz", include_bytes!("../../assets/mnist/train-images-idx3-ubyte.gz")),
    ("train-labels-idx1-ubyte.gz", include_bytes!("../../assets/mnist/train-labels-idx1-ubyte.gz")),
];
const TEST: [(&str, &[u8]); 2] = [
    ("t10k-images-idx3-ubyte.gz", include_bytes!("../../assets/mnist/t10k-images-idx3-ubyte.gz")),
    ("t10k-labels-idx1-ubyte.gz", include_bytes!("../../assets/mnist/t10k-labels-idx1-ubyte.gz")),
];

impl Dataset {
    /// Reads one split, whose images may be at most `largest` (rows, columns).
    ///
    /// A folder holds one set: MNIST, Fashion-MNIST, KMNIST, EMNIST, ... under their usual names
    /// (`train-images-idx3-ubyte`, `train-images.idx3-ubyte`, `emnist-letters-test-images-idx3-ubyte`),
    /// with `.gz` or without. If both are there, the one without is read. What is compressed is decided
    /// by content. Labels are checked by [`Dataset::check_classes`].
    ///
    /// Errors: a folder or file that is missing or not alone of its kind, that is no IDX file of bytes,
    /// that is truncated, oversized, empty or corrupted, images larger than `largest`, or another
    /// number of labels than of images. Each names the file.
    pub fn load(source: &Source, split: Split, largest: (usize, usize)) -> Result<Self> {
        let (images, labels) = match source {
            Source::Embedded => {
                let [images, labels] = match split {
                    Split::Train => TRAIN,
                    Split::Test => TEST,
                };
                (parse_images(images.0, images.1, largest)?, parse_labels(labels.0, labels.1)?)
            }
            Source::Folder(folder) => {
                let files = find(folder, split)?;
                let name = |path: &Path| path.display().to_string();
                (
                    parse_images(&name(&files.images), open(&files.images)?, largest)?,
                    parse_labels(&name(&files.labels), open(&files.labels)?)?,
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
}

impl Split {
    /// The words by which file names tell this split.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Train => &["train"],
            Self::Test => &["t10k", "test"],
        }
    }
}

/// The two files of a split.
struct Files {
    images: PathBuf,
    labels: PathBuf,
}

/// Finds the images and labels of `split` in a folder.
fn find(folder: &Path, split: Split) -> Result<Files> {
    let unreadable = |e: io::Error| {
        Error::input(
            format!("{}: cannot list the folder: {e}", folder.display()),
            "--data takes a folder with IDX files; without it, the built-in MNIST is used",
        )
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        // Some archives unpack to folders with the names of files.
        if entry.path().is_file() {
            names.extend(entry.file_name().into_string().ok());
        }
    }
    names.sort();

    // One file of each set, to tell the sets apart.
    let sets: BTreeMap<&str, &str> =
        names.iter().filter_map(|name| recognise(name).map(|(prefix, ..)| (prefix, name.as_str()))).collect();
    if sets.len() > 1 {
        let examples: Vec<&str> = sets.into_values().collect();
        return Err(Error::input(
            format!("{}: several datasets in one folder: {}", folder.display(), examples.join(", ")),
            "give each dataset a folder of its own",
        ));
    }

    let one = |kind: &str| {
        let found: Vec<&String> = names
            .iter()
            .filter(|name| {
                recognise(name).is_some_and(|(_, word, k)| k == kind && split.names().contains(&word))
                    // A file and its gzipped twin are one; the plain one is faster to read.
                    && !name.strip_suffix(".gz").is_some_and(|plain| names.iter().any(|n| n == plain))
            })
            .collect();
        match found.as_slice() {
            [name] => Ok(folder.join(name)),
            [] => Err(Error::input(
                format!(
                    "{}: no {} file",
                    folder.display(),
                    split.names().iter().map(|word| format!("{word}-{kind}-*")).collect::<Vec<_>>().join(" or ")
                ),
                format!(
                    "put {0}-images-idx3-ubyte and {0}-labels-idx1-ubyte (or their .gz files) into it",
                    split.names()[0]
                ),
            )),
            several => Err(Error::input(
                format!("{}: several files with the same {kind}: {several:?}", folder.display()),
                "keep one of them in the folder",
            )),
        }
    };
    Ok(Files { images: one("images")?, labels: one("labels")? })
}

/// Set (`emnist-letters-`, often empty), split and kind that a file name tells, if it is an IDX name.
fn recognise(name: &str) -> Option<(&str, &str, &str)> {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    let (stem, kind) =
        [("idx3-ubyte", "images"), ("idx1-ubyte", "labels")].into_iter().find_map(|(suffix, kind)| {
            let stem = name.strip_suffix(suffix)?.strip_suffix(['-', '.'])?.strip_suffix(kind)?.strip_suffix('-')?;
            Some((stem, kind))
        })?;
    let word = [Split::Train, Split::Test].iter().flat_map(|s| s.names()).find(|word| stem.ends_with(**word))?;
    let prefix = &stem[..stem.len() - word.len()];
    (prefix.is_empty() || prefix.ends_with('-')).then_some((prefix, word, kind))
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|e| {
        Error::input(format!("{}: cannot open: {e}", path.display()), "check that the file exists and may be read")
    })
}

/// Samples, rows and columns, and the bytes `[sample][row][column]`.
fn parse_images(name: &str, file: impl Read, largest: (usize, usize)) -> Result<([usize; 3], Vec<u8>)> {
    let check = |[_, height, width]: [usize; 3]| {
        if height > largest.0 || width > largest.1 {
            return Err(Error::input(
                format!("images of {height}x{width}, but at most {}x{} fit the model", largest.0, largest.1),
                "use a dataset with smaller images, or a model with a larger input",
            ));
        }
        Ok(())
    };
    parse(file, check).map_err(|e| e.context(name))
}

/// One label a sample.
fn parse_labels(name: &str, file: impl Read) -> Result<Vec<u8>> {
    parse(file, |[_]| Ok(())).map(|(_, labels)| labels).map_err(|e| e.context(name))
}

/// Dimensions and bytes of an IDX file of `N` dimensions, gzipped or not.
///
/// `check` sees the dimensions before the values are read.
fn parse<const N: usize>(
    mut file: impl Read,
    check: impl FnOnce([usize; N]) -> Result<()>,
) -> Result<([usize; N], Vec<u8>)> {
    let start = read_at_most(&mut file, 2)?;
    let compressed = start == [0x1f, 0x8b];
    let file = BufReader::new(start.chain(file));
    if compressed { parse_plain(MultiGzDecoder::new(file), check) } else { parse_plain(file, check) }
}

/// [`parse`], after any decompression.
fn parse_plain<const N: usize>(
    mut file: impl Read,
    check: impl FnOnce([usize; N]) -> Result<()>,
) -> Result<([usize; N], Vec<u8>)> {
    const FETCH: &str = "fetch the file again";
    let header_bytes = 4 + 4 * N;
    let header = read_at_most(&mut file, header_bytes)?;
    if header.len() >= 4 {
        check_magic::<N>(&header[..4])?;
    }
    if header.len() < header_bytes {
        return Err(Error::input(
            format!("truncated: {} bytes, but the header alone has {header_bytes}", header.len()),
            FETCH,
        ));
    }

    let mut dimensions = [0; N];
    let mut bytes = Some(1_u64);
    for (dimension, word) in dimensions.iter_mut().zip(header[4..].as_chunks().0) {
        let claimed = u32::from_be_bytes(*word);
        *dimension = claimed as usize;
        bytes = bytes.and_then(|b| b.checked_mul(claimed.into()));
    }
    let size = dimensions.map(|d| d.to_string()).join("x");
    let Some(bytes) = bytes.filter(|&b| b <= MOST_BYTES) else {
        return Err(Error::input(
            format!("the header claims {size} values; at most {MOST_BYTES} are read"),
            "the file is damaged, or too large for this program",
        ));
    };
    if bytes == 0 {
        return Err(Error::input(format!("no samples: the header claims {size} values"), "use a file with samples"));
    }
    check(dimensions)?;

    let values = read_at_most(&mut file, bytes as usize)?;
    if (values.len() as u64) < bytes {
        return Err(Error::input(
            format!("truncated: {bytes} bytes of values expected ({size}), {} found", values.len()),
            FETCH,
        ));
    }
    // Reading on to the end is also what checks the gzip checksum.
    if !read_at_most(&mut file, 1)?.is_empty() {
        return Err(Error::input(format!("bytes are left over after the {bytes} of the header ({size})"), FETCH));
    }
    Ok((dimensions, values))
}

/// Checks the first four bytes: zero, zero, type, number of dimensions.
fn check_magic<const N: usize>(magic: &[u8]) -> Result<()> {
    let [0, 0, element, dimensions] = *magic else {
        return Err(Error::input(
            format!("not an IDX file: it begins with {magic:02x?}, not with [00, 00, 08, {N:02x}]"),
            "use the IDX files of MNIST or a relative, plain or gzipped",
        ));
    };
    if element != 8 {
        return Err(Error::input(
            format!("IDX type code 0x{element:02x}; only unsigned bytes (0x08) are read"),
            "convert the values to unsigned bytes",
        ));
    }
    if usize::from(dimensions) != N {
        return Err(Error::input(
            format!("{dimensions} dimensions, not {N}"),
            "images have 3 dimensions and labels have 1: are the two files swapped, or are the images in colour?",
        ));
    }
    Ok(())
}

/// The next `count` bytes, or as many as there are.
fn read_at_most(file: &mut impl Read, count: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(count as u64).read_to_end(&mut bytes).map_err(|e| match e.kind() {
        // What flate2 says of a bad stream, a wrong checksum and a missing end.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            Error::input(format!("damaged gzip data: {e}"), "fetch the file again")
        }
        _ => Error::input(format!("cannot read: {e}"), "check that it is a file and may be read"),
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    const LARGEST: (usize, usize) = (32, 32);

    /// An IDX file of `count` images of 2x3, or of `count` labels 0, 1, 2, ...
    fn idx(dimensions: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
        bytes.extend(dimensions.iter().flat_map(|d| d.to_be_bytes()));
        bytes.extend((0..dimensions.iter().product()).map(|i: u32| i as u8));
        bytes
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
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

    /// The one-line message and the hint for an images file with these bytes.
    fn message(bytes: &[u8]) -> String {
        let error = parse_images("images", bytes, LARGEST).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(!error.hint().is_empty());
        let message = error.to_string();
        assert!(message.starts_with("images: ") && !message.contains('\n'), "{message}");
        message
    }

    #[test]
    fn every_naming_style_is_read() {
        let (images, labels) = (idx(&[4, 2, 3]), idx(&[4]));
        let (images_gz, labels_gz) = (gzip(&images), gzip(&labels));
        for (images_name, labels_name, split) in [
            ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", Split::Train),
            ("train-images.idx3-ubyte", "train-labels.idx1-ubyte", Split::Train),
            ("t10k-images-idx3-ubyte", "t10k-labels.idx1-ubyte", Split::Test),
            ("test-images.idx3-ubyte", "test-labels-idx1-ubyte", Split::Test),
            ("emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte", Split::Train),
            ("emnist-letters-test-images-idx3-ubyte", "emnist-letters-test-labels-idx1-ubyte", Split::Test),
        ] {
            for (suffix, images, labels) in [("", &images, &labels), (".gz", &images_gz, &labels_gz)] {
                let folder = folder(&[
                    (&format!("{images_name}{suffix}"), images),
                    (&format!("{labels_name}{suffix}"), labels),
                    ("emnist-letters-mapping.txt", b"1 65 97"),
                ]);
                let dataset = load(&folder, split).unwrap();
                assert_eq!((dataset.len(), dataset.height, dataset.width), (4, 2, 3));
                assert!(dataset.images.iter().copied().eq(0..24));
                assert_eq!(dataset.labels, [0, 1, 2, 3]);
                let other = if split == Split::Train { Split::Test } else { Split::Train };
                assert!(load(&folder, other).unwrap_err().to_string().contains("-images-* file"));
            }
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
    fn a_folder_holds_one_set() {
        let (images, labels) = (idx(&[4, 2, 3]), idx(&[4]));
        let two = folder(&[
            ("emnist-digits-train-images-idx3-ubyte", &images),
            ("emnist-digits-train-labels-idx1-ubyte", &labels),
            ("emnist-letters-test-images-idx3-ubyte", &images),
        ]);
        let error = load(&two, Split::Train).unwrap_err().to_string();
        assert!(
            error.contains("several datasets") && error.contains("emnist-digits") && error.contains("emnist-letters")
        );

        let doubled = folder(&[("test-images-idx3-ubyte", &images), ("t10k-images-idx3-ubyte", &images)]);
        let error = load(&doubled, Split::Test).unwrap_err().to_string();
        assert!(error.contains("\"t10k-images-idx3-ubyte\", \"test-images-idx3-ubyte\""), "{error}");

        let twins = folder(&[
            ("train-images-idx3-ubyte", &images),
            ("train-images-idx3-ubyte.gz", b"not read"),
            ("train-labels-idx1-ubyte", &labels),
        ]);
        assert_eq!(load(&twins, Split::Train).unwrap().len(), 4);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = Dataset::load(&Source::Folder("no/such/folder".into()), Split::Train, LARGEST).unwrap_err();
        assert!(error.to_string().starts_with("no/such/folder: cannot list the folder"), "{error}");
    }

    #[test]
    fn counts_must_agree() {
        let folder = folder(&[("train-images-idx3-ubyte", &idx(&[4, 2, 3])), ("train-labels-idx1-ubyte", &idx(&[5]))]);
        assert!(
            load(&folder, Split::Train).unwrap_err().to_string().contains("4 images but 5 labels in the train split")
        );
    }

    #[test]
    fn each_defect_has_its_message() {
        let good = idx(&[4, 2, 3]);
        let with = |place: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[place] = byte;
            bytes
        };
        for (bytes, expected) in [
            (vec![], "truncated: 0 bytes"),
            (good[..15].to_vec(), "truncated: 15 bytes, but the header alone has 16"),
            (good[..39].to_vec(), "truncated: 24 bytes of values expected (4x2x3), 23 found"),
            ([&good[..], &[0]].concat(), "left over after the 24"),
            (b"\x89PNG\r\n".to_vec(), "not an IDX file: it begins with [89, 50, 4e, 47]"),
            (with(2, 0x0d), "type code 0x0d"),
            (idx(&[4]), "1 dimensions, not 3"),
            (idx(&[0, 28, 28]), "no samples"),
            (idx(&[4, 0, 28]), "no samples"),
            (with(4, 0xff), "the header claims 4278190084x2x3 values"),
            ([&[0, 0, 8, 3][..], &[0xff; 12]].concat(), "the header claims 4294967295x4294967295x4294967295"),
            (idx(&[1, 33, 32]), "images of 33x32, but at most 32x32 fit"),
            (idx(&[1, 32, 33]), "images of 32x33, but at most 32x32 fit"),
        ] {
            assert!(message(&bytes).contains(expected), "{} / {expected}", message(&bytes));
        }
    }

    #[test]
    fn damaged_gzip_is_found() {
        let good = gzip(&idx(&[4, 2, 3]));
        let checksum = good.len() - 8;
        let mut wrong_checksum = good.clone();
        wrong_checksum[checksum] ^= 1;
        assert!(message(&wrong_checksum).contains("damaged gzip data"));
        // Without its end, all values are there, but nothing vouches for them.
        assert!(message(&good[..checksum]).contains("damaged gzip data"));
        assert!(message(&good[..12]).contains("damaged gzip data"));
        assert!(message(&[&good[..], b"tail"].concat()).contains("damaged gzip data"));
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        // 64 MiB of zeros behind an honest header: reading stops one byte past what the header says.
        let bomb = gzip(&[idx(&[4, 2, 3]), vec![0; 64 << 20]].concat());
        let mut unpacked = Counted(MultiGzDecoder::new(&bomb[..]), 0);
        let result = parse_plain::<3>(&mut unpacked, |_| Ok(()));
        assert!(result.unwrap_err().to_string().contains("left over"));
        assert_eq!(unpacked.1, 41);
    }

    /// Counts the bytes that are read.
    struct Counted<R>(R, usize);

    impl<R: Read> Read for Counted<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.read(buffer)?;
            self.1 += count;
            Ok(count)
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let plain = idx(&[40, 5, 5]);
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for good in [gzip(&plain), plain] {
            let try_all = |bytes: &[u8]| {
                let _ = parse_labels("labels", bytes);
                parse_images("images", bytes, LARGEST)
            };
            assert!(try_all(&good).is_ok());
            for length in 0..good.len() {
                assert!(try_all(&good[..length]).is_err(), "{length} bytes of {}", good.len());
            }
            let mut bytes = good.clone();
            for place in 0..40 {
                for value in 0..=255 {
                    bytes[place] = value;
                    let _ = try_all(&bytes);
                }
                bytes[place] = good[place];
            }
            for _ in 0..5000 {
                let mut bytes = good.clone();
                for _ in 0..1 + random.next_u32() % 4 {
                    let place = random.next_u32() as usize % bytes.len();
                    bytes[place] = random.next_u32() as u8;
                }
                bytes.truncate(bytes.len() - random.next_u32() as usize % 3);
                let _ = try_all(&bytes);
            }
            let noise: Vec<u8> = (0..1000).map(|_| random.next_u32() as u8).collect();
            let _ = try_all(&noise);
        }
    }
}
