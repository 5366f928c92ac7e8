//! Sums of partial gradients.

use rayon::prelude::*;

use crate::cpu::accumulator::Sum;
use crate::cpu::tiles::grain;
use crate::plan::Segment;

/// Words that are summed together, from slot to slot.
const CHUNK: usize = 256;

/// The gradients of one layer's weights and bias.
///
/// ```text
/// Shapes:  partials [slot,word]  mask [parameter]  ->  gradients [word]   f32
/// Math:    gradients[w] = sum over slots of partials[slot,w]; 0 where the mask of its parameter is 0
/// Order:   slots from the first to the last
/// ```
pub fn gradients<S: Sum>(segment: &Segment, partials: &[f32], mask: Option<&[f32]>) -> Vec<S::Word> {
    let layout = segment.partials;
    let mut gradients = vec![S::ZERO.word(); layout.words];
    let chunks = gradients.par_chunks_mut(CHUNK).with_min_len(grain(CHUNK * layout.slots));
    chunks.enumerate().for_each(|(chunk, gradients)| {
        let mut sums = [S::ZERO; CHUNK];
        for slot in 0..layout.slots {
            let partials = &partials[layout.first + slot * layout.words + chunk * CHUNK..];
            sums[..gradients.len()].iter_mut().zip(partials).for_each(|(sum, partial)| sum.add(f64::from(*partial)));
        }
        gradients.iter_mut().zip(sums).for_each(|(gradient, sum)| *gradient = sum.word());
    });
    if let Some(mask) = mask {
        let masks = gradients.iter_mut().zip(&mask[segment.first..]);
        masks.filter(|(_, mask)| **mask == 0.0).for_each(|(gradient, _)| *gradient = S::ZERO.word());
    }
    gradients
}
