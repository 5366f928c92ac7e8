//! A named buffer of a plan, and the layout of its words.

use super::ParameterLayout;
use super::layout::{Blocks, PACK, QUAD, coordinates};
use crate::model::Shape;

/// A buffer of a plan, by its index in [`super::Plan::buffers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(pub usize);

/// The type of a buffer's 4-byte words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// IEEE single precision.
    F32,
    /// Unsigned integers (also bytes, four per word, lowest first).
    U32,
}

/// The layout of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Parameters, or one value per parameter: see [`ParameterLayout`].
    Parameters,
    /// `[block][channel][row][column][sample]`.
    Activations(Shape),
    /// `[block][channel][row][column][quad]`: the bytes of four samples per word, lowest first.
    Bytes(Shape),
    /// `[block][channel / 4][row][column][quad]`: [`super::ARGMAX_BITS`] per sample of a quad and channel of a pack.
    Argmax(Shape),
    /// Any other: a word has an index and no name.
    Other,
}

/// A named buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BufferSpec {
    /// `c1`, `c1.gradient`, `parameters`, ...; unique in the plan.
    pub name: String,
    /// Type of its words.
    pub element: Element,
    /// Number of 4-byte words.
    pub words: usize,
    /// Layout of its words.
    pub content: Content,
    /// Its words, if no operation writes them: a runner puts them there before it runs anything.
    pub constant: Option<Vec<u32>>,
}

impl BufferSpec {
    /// The name of word `word`: tensor and index, or channel, row, column and sample; empty for [`Content::Other`].
    pub fn describe(&self, word: usize, layout: &ParameterLayout, blocks: Blocks) -> String {
        let (size, quads) = (blocks.size, blocks.quads());
        let sampled = |index: usize, per_block: &[usize], sample: usize, last: &str| {
            let elements: usize = per_block.iter().product();
            let (block, inner) = (index / elements, index % elements);
            let at = coordinates(per_block, inner);
            format!("channel, row, column {at} of sample{last} {}", block * size + sample)
        };
        match self.content {
            Content::Parameters => layout.describe(word),
            Content::Activations(Shape { channels, height, width }) => {
                sampled(word / size, &[channels, height, width], word % size, "")
            }
            Content::Bytes(Shape { channels, height, width }) => {
                sampled(word / quads, &[channels, height, width], word % quads * QUAD, "s from")
            }
            Content::Argmax(Shape { channels, height, width }) => {
                let packs = [channels.div_ceil(PACK), height, width];
                format!("of four channels: {}", sampled(word / quads, &packs, word % quads * QUAD, "s from"))
            }
            Content::Other => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;

    #[test]
    fn every_word_of_a_blocked_buffer_is_named() {
        let layout = ParameterLayout::new(&Model::preset("lenet5").unwrap());
        let shape = Shape::new(6, 4, 2);
        let named = |content, word| {
            let spec =
                BufferSpec { name: "b".to_owned(), element: Element::F32, words: 1 << 20, content, constant: None };
            spec.describe(word, &layout, Blocks::of(64))
        };
        let activation = Content::Activations(shape);
        assert_eq!(named(activation, 0), "channel, row, column 0,0,0 of sample 0");
        assert_eq!(named(activation, (48 + 2 * 8 + 3) * 32 + 5), "channel, row, column 2,1,1 of sample 37");
        assert_eq!(named(Content::Bytes(shape), 3 * 8 + 1), "channel, row, column 0,1,1 of samples from 4");
        let argmax = named(Content::Argmax(shape), (16 + 9) * 8 + 7);
        assert_eq!(argmax, "of four channels: channel, row, column 1,0,1 of samples from 60");
        assert_eq!(named(Content::Parameters, 4), "c1.weight[0,0,0,1]");
        assert_eq!(named(Content::Other, 4), "");
    }
}
