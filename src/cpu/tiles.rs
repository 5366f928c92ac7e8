//! The inner loops: sums in tiles that stay in registers, and how much work is worth a thread.

use super::accumulator::Sum;

/// Sums that are computed together: enough that none waits for the addition before.
pub(super) const TILE: usize = 16;

/// Multiply-adds of the least work that another thread takes over: some 10 us, where a thread wakes in 5 us.
const GRAIN: usize = 20_000;

/// Fewest items per thread, each of `work` multiply-adds.
pub(super) fn grain(work: usize) -> usize {
    GRAIN.div_ceil(work.max(1))
}

/// A weight, and how far its factor lies from the sum that it is added to.
pub(super) type Tap = (f64, usize);

/// Adds to every `sums[p]` the products `weight * x[p + shift]` of all taps, in their order.
///
/// Fast where `sums` is a multiple of [`TILE`].
pub(super) fn correlate<S: Sum>(sums: &mut [S], taps: &[Tap], x: &[f64]) {
    let (tiles, rest) = sums.as_chunks_mut();
    for (index, tile) in tiles.iter_mut().enumerate() {
        correlate_tile::<S, TILE>(tile, taps, &x[index * TILE..]);
    }
    let x = &x[tiles.len() * TILE..];
    for (index, sum) in rest.as_chunks_mut().0.iter_mut().enumerate() {
        correlate_tile::<S, 1>(sum, taps, &x[index..]);
    }
}

#[inline]
fn correlate_tile<S: Sum, const T: usize>(tile: &mut [S; T], taps: &[Tap], x: &[f64]) {
    let mut sums = *tile;
    for (weight, shift) in taps {
        add_products(&mut sums, &[*weight; T], x[*shift..].first_chunk().expect("x reaches past the last tap"));
    }
    *tile = sums;
}

/// `sums[k] += a[k] * b[k]`.
#[inline]
pub(super) fn add_products<S: Sum, const T: usize>(sums: &mut [S; T], a: &[f64; T], b: &[f64; T]) {
    for k in 0..T {
        sums[k].add_product(a[k], b[k]);
    }
}

/// Adds `a[p] * b[p]` to `sums[p % TILE]`; `a` is a whole number of tiles, and `b` at least as long.
#[inline]
pub(super) fn dot<S: Sum>(sums: &mut [S; TILE], a: &[f64], b: &[f64]) {
    for (a, b) in a.as_chunks().0.iter().zip(b.as_chunks().0) {
        add_products(sums, a, b);
    }
}

/// The sum of `sums`: halves onto each other.
#[inline]
pub(super) fn total<S: Sum, const T: usize>(mut sums: [S; T]) -> S {
    const { assert!(T.is_power_of_two()) };
    let mut half = T / 2;
    while half > 0 {
        for k in 0..half {
            sums[k] = sums[k].plus(sums[k + half]);
        }
        half /= 2;
    }
    sums[0]
}
