//! Gather: the samples of a step, padded, and scaled unless they stay bytes.

use crate::model::Shape;
use crate::plan::facts::{Count, Facts, Role, Rounding, read, write};

/// Geometry of a gather.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gather {
    /// Rows of a stored image.
    pub image_height: usize,
    /// Columns of a stored image.
    pub image_width: usize,
    /// The model's input; stored images are centred in it.
    pub input: Shape,
    /// Levels of the input: the values of byte 0, also that of padding, and of byte 255.
    pub levels: [f32; 2],
    /// Whether `x` stays bytes, `[block][channel][row][column][quad]`, one word each with the bytes of four samples,
    /// lowest first: [`super::Conv2d::levels`] scales them as it reads.
    pub bytes: bool,
}

impl Gather {
    pub(super) fn facts(&self) -> Facts {
        let pixels = self.image_height * self.image_width;
        let x = self.input.elements();
        Facts {
            name: if self.bytes { "gather_bytes" } else { "gather" },
            family: "gather",
            role: Role::Input,
            arguments: write(
                read(["images", "labels", "order"]),
                [if self.bytes { "input_bytes" } else { "x" }, "targets"],
            ),
            flops: Count { per_sample: 2 * x, once: 0 },
            matmul: false,
            words: Count { per_sample: pixels / 4 + if self.bytes { x / 4 } else { x }, once: 0 },
            // One product, one sum.
            rounding: Rounding::Sum { terms: 2 },
        }
    }
}
