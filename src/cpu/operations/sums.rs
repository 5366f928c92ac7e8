//! Sums of the scores of samples, and of partial gradients.

use crate::cpu::accumulator::Sum;
use crate::plan::Segment;

/// A row of `metrics`: the sums over the samples of a step.
///
/// ```text
/// Shapes:  scores [block,n,4]  ->  metrics [4]   f32
/// Math:    (sum of losses, sum of correct, samples, 0)
/// ```
pub fn scores<S: Sum>(scores: &[f32]) -> Vec<S::Word> {
    let mut sums = [S::ZERO; 4];
    for row in scores.as_chunks::<4>().0 {
        for (sum, score) in sums.iter_mut().zip(row).take(3) {
            sum.add(f64::from(*score));
        }
    }
    sums.map(S::word).to_vec()
}

/// The gradients of one layer's weights and bias.
///
/// ```text
/// Shapes:  partials [slot,word]  ->  gradients [word]   f32
/// Math:    gradients[w] = sum over slots of partials[slot,w]
/// Order:   slots from the first to the last
/// ```
pub fn gradients<S: Sum>(segment: &Segment, partials: &[f32]) -> Vec<S::Word> {
    let layout = segment.partials;
    let mut sums = vec![S::ZERO; layout.words];
    for slot in 0..layout.slots {
        for (sum, partial) in sums.iter_mut().zip(&partials[layout.first + slot * layout.words..]) {
            sum.add(f64::from(*partial));
        }
    }
    sums.into_iter().map(S::word).collect()
}
