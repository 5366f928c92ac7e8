//! Sums of partial gradients.

use rayon::prelude::*;

use crate::cpu::accumulator::Sum;
use crate::cpu::tiles::grain;
use crate::plan::Segment;

/// Words that are summed together, from slot to slot.
pub(super) const CHUNK: usize = 256;

/// The gradients of one layer's weights and bias.
///
/// ```text
/// Shapes:  partials [slot,word]  mask [word]  ->  gradients [word]   f32
/// Math:    gradients[w] = sum over slots of partials[slot,w]; 0 where the mask is 0
/// Order:   slots from the first to the last
/// ```
pub fn gradients<S: Sum>(segment: &Segment, partials: &[f32], mask: Option<&[f32]>, gradients: &mut [S::Word]) {
    let chunks = gradients.par_chunks_mut(CHUNK).with_min_len(grain(CHUNK * segment.partials.slots));
    chunks.enumerate().for_each(|(chunk, gradients)| of_chunk::<S>(segment, partials, mask, chunk, gradients));
}

/// [`gradients`] of words `chunk * CHUNK` and up, at most [`CHUNK`].
pub(super) fn of_chunk<S: Sum>(
    segment: &Segment,
    partials: &[f32],
    mask: Option<&[f32]>,
    chunk: usize,
    gradients: &mut [S::Word],
) {
    let layout = segment.partials;
    let of_slot = |slot| &partials[layout.first + slot * layout.words + chunk * CHUNK..];
    if layout.slots == 1 {
        gradients.iter_mut().zip(of_slot(0)).for_each(|(gradient, partial)| *gradient = S::exact(*partial).word());
    } else {
        let mut sums = [S::ZERO; CHUNK];
        let sums = &mut sums[..gradients.len()];
        for slot in 0..layout.slots {
            sums.iter_mut().zip(of_slot(slot)).for_each(|(sum, partial)| sum.add(f64::from(*partial)));
        }
        gradients.iter_mut().zip(sums).for_each(|(gradient, sum)| *gradient = sum.word());
    }
    if let Some(mask) = mask {
        let masks = gradients.iter_mut().zip(&mask[chunk * CHUNK..]);
        masks.filter(|(_, mask)| **mask == 0.0).for_each(|(gradient, _)| *gradient = S::ZERO.word());
    }
}
