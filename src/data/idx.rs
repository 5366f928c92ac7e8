//! IDX files, the format of MNIST and its relatives, plain or gzipped.
//!
//! A file is two zero bytes, a type code (8: unsigned bytes), the number of dimensions, each dimension
//! as a big-endian `u32`, then the values. Nothing is trusted: memory grows with the bytes of the file, not with
//! the claims of its header (the tests below measure it).

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use crate::error::{Error, Result};

/// Most values that a file may claim (bytes): 2 GiB, 2.7 million images of 28x28.
const MOST_BYTES: u64 = 2 << 30;

/// Dimensions and bytes of an IDX file of `N` dimensions, gzipped or not.
///
/// `check` sees the dimensions before the values are read.
///
/// Errors: no IDX file of bytes with `N` dimensions; truncated, oversized, empty or corrupted; those of
/// `check`.
pub fn parse<const N: usize>(
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
    // Reading to the end also checks the gzip checksum.
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
        // The errors of flate2 for a bad stream, a wrong checksum and a missing end.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            Error::input(format!("damaged gzip data: {e}"), "fetch the file again")
        }
        _ => Error::input(format!("cannot read: {e}"), "check that it is a file and may be read"),
    })?;
    Ok(bytes)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    /// An IDX file of `count` images of 2x3, or of `count` labels 0, 1, 2, ...
    pub fn idx(dimensions: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
        bytes.extend(dimensions.iter().flat_map(|d| d.to_be_bytes()));
        bytes.extend((0..dimensions.iter().product()).map(|i: u32| i as u8));
        bytes
    }

    pub fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// The one-line message and the hint for an images file with these bytes.
    fn message(bytes: &[u8]) -> String {
        let error = parse::<3>(bytes, |_| Ok(())).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(!error.hint().is_empty());
        let message = error.to_string();
        assert!(!message.contains('\n'), "{message}");
        message
    }

    #[test]
    fn each_defect_has_its_message() {
        let good = idx(&[4, 2, 3]);
        let with = |index: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[index] = byte;
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
        ] {
            assert!(message(&bytes).contains(expected), "{} / {expected}", message(&bytes));
        }
    }

    #[test]
    fn a_hostile_header_is_refused_before_the_values_are_read() {
        let most = [1 << 11, 1 << 10, 1 << 10];
        for (claimed, expected) in [
            ([u32::MAX; 3], "the header claims"),
            ([most[0] + 1, most[1], most[2]], "the header claims"),
            ([0, 28, 28], "no samples"),
            (most, "refused by the caller"),
        ] {
            let dimensions: Vec<u8> = claimed.iter().flat_map(|d| d.to_be_bytes()).collect();
            let bytes = [&[0, 0, 8, 3], &dimensions[..], &[7; 1000]].concat();
            let mut counted = Counted(&bytes[..], 0);
            let check = |_| Err(Error::input("refused by the caller", ""));
            let error = parse_plain::<3>(&mut counted, check).unwrap_err().to_string();
            assert!(error.contains(expected), "{error} / {expected}");
            assert_eq!(counted.1, 16, "{error}");
        }
    }

    #[test]
    fn memory_grows_with_the_bytes_and_not_with_the_claim() {
        for there in [0, 16, 1000, 100_000] {
            let bytes = read_at_most(&mut &vec![7; there][..], MOST_BYTES as usize).unwrap();
            assert_eq!(bytes.len(), there);
            // A vector at most doubles when it grows, from a few bytes on.
            assert!(bytes.capacity() <= 2 * there + 64, "{} bytes for {there}", bytes.capacity());
        }
    }

    #[test]
    fn damaged_gzip_is_found() {
        let good = gzip(&idx(&[4, 2, 3]));
        let checksum = good.len() - 8;
        let mut wrong_checksum = good.clone();
        wrong_checksum[checksum] ^= 1;
        assert!(message(&wrong_checksum).contains("damaged gzip data"));
        // Without its end, all values are there and none is checked.
        assert!(message(&good[..checksum]).contains("damaged gzip data"));
        assert!(message(&good[..12]).contains("damaged gzip data"));
        assert!(message(&[&good[..], b"tail"].concat()).contains("damaged gzip data"));
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        // 64 MiB of zeros behind an honest header: reading stops one byte past the header's size.
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
                let _ = parse::<1>(bytes, |_| Ok(()));
                parse::<3>(bytes, |_| Ok(()))
            };
            assert!(try_all(&good).is_ok());
            for length in 0..good.len() {
                assert!(try_all(&good[..length]).is_err(), "{length} bytes of {}", good.len());
            }
            let mut bytes = good.clone();
            for index in 0..40 {
                for value in 0..=255 {
                    bytes[index] = value;
                    let _ = try_all(&bytes);
                }
                bytes[index] = good[index];
            }
            for _ in 0..5000 {
                let mut bytes = good.clone();
                for _ in 0..1 + random.next_u32() % 4 {
                    let index = random.next_u32() as usize % bytes.len();
                    bytes[index] = random.next_u32() as u8;
                }
                bytes.truncate(bytes.len() - random.next_u32() as usize % 3);
                let _ = try_all(&bytes);
            }
            let noise: Vec<u8> = (0..1000).map(|_| random.next_u32() as u8).collect();
            let _ = try_all(&noise);
        }
    }
}
