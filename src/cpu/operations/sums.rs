//! Sums of partial gradients.

use crate::cpu::accumulator::Sum;
use crate::plan::Segment;

/// The gradients of one layer's weights and bias.
///
/// ```text
/// Shapes:  partials [slot,word]  ->  gradients [word]   f32
/// Math:    gradients[w] = sum over slots of partials[slot,w]
/// Order:   slots from the first to the last
/// ```
pub fn gradients<S: Sum>(segment: &Segment, partials: &[f32]) -> Vec<S> {
    let layout = segment.partials;
    let mut sums = vec![S::ZERO; layout.words];
    for slot in 0..layout.slots {
        for (sum, partial) in sums.iter_mut().zip(&partials[layout.first + slot * layout.words..]) {
            sum.add(f64::from(*partial));
        }
    }
    sums
}
