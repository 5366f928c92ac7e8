//! MNIST as the Rust peers take it: f32 images of 32x32 between 0 and 1, and labels, in memory.

use std::io::Read;
use std::path::PathBuf;

/// Number of values of an image.
pub const PIXELS: usize = 32 * 32;

/// The first `count` images of a half (`train` or `t10k`), each centred in 32x32, and their labels.
pub fn load(half: &str, count: usize) -> (Vec<f32>, Vec<u8>) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../assets/mnist");
    let read = |name: &str, header: usize| {
        let file = std::fs::File::open(folder.join(format!("{half}-{name}"))).expect("the data lies in assets/mnist");
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).expect("a gzip file");
        bytes.split_off(header)
    };
    let mut images = vec![0.0; count * PIXELS];
    for (i, byte) in read("images-idx3-ubyte.gz", 16).into_iter().take(count * 784).enumerate() {
        let (image, row, column) = (i / 784, i % 784 / 28, i % 28);
        images[image * PIXELS + (row + 2) * 32 + column + 2] = f32::from(byte) / 255.0;
    }
    let mut labels = read("labels-idx1-ubyte.gz", 8);
    labels.truncate(count);
    (images, labels)
}

/// Images of a batch, shuffled anew for each epoch.
pub struct Batches {
    order: Vec<usize>,
    at: usize,
    random: Random,
}

impl Batches {
    pub fn new(images: usize) -> Self {
        Self { order: (0..images).collect(), at: images, random: Random(1) }
    }

    pub fn next(&mut self, batch: usize) -> &[usize] {
        if self.at + batch > self.order.len() {
            for i in (1..self.order.len()).rev() {
                self.order.swap(i, self.random.next() as usize % (i + 1));
            }
            self.at = 0;
        }
        self.at += batch;
        &self.order[self.at - batch..self.at]
    }
}

/// A linear congruential generator.
pub struct Random(pub u64);

impl Random {
    /// 31 random bits.
    pub fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }
}
