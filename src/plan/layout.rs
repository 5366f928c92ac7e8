//! The constants of every layout, and the way from blocks to samples.

/// Most samples per block, the innermost extent of every activation buffer.
pub const BLOCK: usize = 32;

/// Samples per quad: those that one GPU thread computes together, as one `vec4f`.
pub const QUAD: usize = 4;

/// Output channels or units whose weights lie side by side, as one `vec4f`.
pub const PACK: usize = 4;

/// Target of a sample past [`super::Step::count`]: it has no label, no loss and no gradient.
pub const MASKED: u32 = u32::MAX;

/// Bits per argmax: which sum of a 2x2 pooling window was the largest, 0 to 3 in row order.
///
/// `argmax` is `[block][channel / 4][row][column][quad]`, one word each: sample `n` of the quad and channel `c` of the
/// four have bits `8n + 2c` and up.
pub const ARGMAX_BITS: usize = 2;

/// The samples of a batch, in blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks {
    /// Number of blocks.
    pub count: usize,
    /// Samples per block: [`BLOCK`], or 4, 8 or 16 where one such block holds the batch, so that a small batch costs
    /// what its quads need.
    pub size: usize,
}

impl Blocks {
    /// The blocks of a batch of `batch` samples.
    pub fn of(batch: usize) -> Self {
        let size = batch.next_multiple_of(QUAD).next_power_of_two().min(BLOCK);
        Self { count: batch.div_ceil(size), size }
    }

    /// Quads per block.
    pub fn quads(self) -> usize {
        self.size / QUAD
    }

    /// Samples of all blocks, those past the batch too.
    pub fn samples(self) -> usize {
        self.count * self.size
    }

    /// The first `count` samples of `words`: `[block][element][sample]` -> `[sample][element]`.
    ///
    /// Panics: fewer than `count` samples in `words`.
    pub fn unblock<T: Copy>(self, words: &[T], elements: usize, count: usize) -> Vec<T> {
        let size = self.size;
        (0..count)
            .flat_map(|n| (0..elements).map(move |element| (n / size * elements + element) * size + n % size))
            .map(|word| words[word])
            .collect()
    }
}

/// Row-major coordinates of value `index`, with commas between.
pub(super) fn coordinates(shape: &[usize], mut index: usize) -> String {
    let mut axes: Vec<String> = Vec::new();
    for extent in shape.iter().rev() {
        axes.push((index % extent).to_string());
        index /= extent;
    }
    axes.reverse();
    axes.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_out_of_their_blocks() {
        // Two blocks of three elements; each word holds 1000 sample + element.
        let word = |i: usize| 1000 * (i / (3 * BLOCK) * BLOCK + i % BLOCK) + i / BLOCK % 3;
        let blocked: Vec<usize> = (0..2 * 3 * BLOCK).map(word).collect();
        let expected: Vec<usize> = (0..40).flat_map(|n| [1000 * n, 1000 * n + 1, 1000 * n + 2]).collect();
        assert_eq!(Blocks::of(40).unblock(&blocked, 3, 40), expected);
    }

    #[test]
    fn a_small_batch_is_one_block_of_the_quads_that_it_needs() {
        for (batch, count, size) in [(1, 1, 4), (4, 1, 4), (5, 1, 8), (9, 1, 16), (17, 1, 32), (33, 2, 32), (64, 2, 32)]
        {
            assert_eq!(Blocks::of(batch), Blocks { count, size }, "{batch}");
        }
    }
}
