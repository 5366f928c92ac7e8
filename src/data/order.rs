//! The order in which an epoch visits the samples.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A random permutation of `0..samples`, a function of its arguments alone.
///
/// The same on every machine and in every version of this program, so that a resumed run needs no
/// saved shuffle state. Every permutation is equally likely, as far as ChaCha8 is random. At most
/// `u32::MAX` samples.
///
/// Source: Fisher-Yates (Durstenfeld 1964), from ChaCha8 with the seed as key and the epoch as stream.
pub fn shuffled(samples: usize, seed: u64, epoch: u64) -> Vec<u32> {
    // The tag keeps this key apart from that of the initial weights, drawn from the same seed.
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(b"shuffled");
    let mut random = ChaCha8Rng::from_seed(key);
    random.set_stream(epoch);

    let mut order: Vec<u32> = (0..u32::MAX).take(samples).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, below(last as u32 + 1, &mut random) as usize);
    }
    order
}

/// Uniform in `0..bound`, `bound` not 0, without bias.
///
/// Source: Lemire, "Fast random integer generation in an interval", 2019.
fn below(bound: u32, random: &mut ChaCha8Rng) -> u32 {
    let rejected = bound.wrapping_neg() % bound;
    loop {
        let product = u64::from(random.next_u32()) * u64::from(bound);
        if product as u32 >= rejected {
            return (product >> 32) as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_permutation() {
        for samples in [0, 1, 2, 3, 1000, 60_000] {
            let mut order = shuffled(samples, 3, 4);
            order.sort_unstable();
            assert!(order.into_iter().eq(0..samples as u32));
        }
    }

    #[test]
    fn seed_and_epoch_both_matter_and_nothing_else() {
        let order = shuffled(100, 1, 2);
        assert_eq!(order, shuffled(100, 1, 2));
        assert_ne!(order, shuffled(100, 2, 1));
        assert_ne!(order, shuffled(100, 1, 3));
        assert_ne!(order, shuffled(100, 2, 2));
    }

    /// If these change, runs of older versions can no longer be resumed or repeated.
    #[test]
    fn orders_never_change() {
        assert_eq!(shuffled(10, 0, 0), [9, 4, 3, 8, 0, 1, 7, 2, 5, 6]);
        assert_eq!(shuffled(60_000, 1, 0)[..8], [55221, 46665, 4573, 21097, 42114, 42781, 7652, 38214]);
        assert_eq!(shuffled(60_000, u64::MAX, 19)[..8], [9965, 57855, 4115, 4641, 56653, 49907, 11660, 46204]);
    }

    #[test]
    fn every_permutation_is_equally_likely() {
        let mut counts = std::collections::HashMap::new();
        for epoch in 0..24_000 {
            *counts.entry(shuffled(4, 5, epoch)).or_insert(0_u32) += 1;
        }
        assert_eq!(counts.len(), 24);
        // Expected 1000 each; five standard deviations are 155.
        assert!(counts.values().all(|count| count.abs_diff(1000) < 155), "{counts:?}");
    }
}
