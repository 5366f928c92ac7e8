//! The inner loops: sums in tiles that stay in registers, and how much work is worth a thread.

use super::accumulator::Sum;

/// Multiply-adds of the least work that another thread takes over: some 10 us, where a thread wakes in 5 us.
const GRAIN: usize = 20_000;

/// Fewest items per thread, each of `work` multiply-adds.
pub(super) fn grain(work: usize) -> usize {
    GRAIN.div_ceil(work.max(1))
}

/// A weight, and how far its factor lies from the sum that it is added to.
pub(super) type Tap = (f64, usize);

/// Widths of the tiles of [`correlate`], each at least 5 SSE registers: so many that no sum waits for the addition before.
const WIDTHS: [usize; 4] = [16, 14, 12, 10];

/// The width of the tiles into which `sums` sums fit best.
fn width(sums: usize) -> usize {
    WIDTHS.into_iter().min_by_key(|width| sums.next_multiple_of(*width)).expect("there are widths")
}

/// `sums`, and those that fill the last tile of [`correlate`].
pub(super) fn in_tiles(sums: usize) -> usize {
    sums.next_multiple_of(width(sums))
}

/// Values behind the last input of [`correlate`] that the last tile may meet.
pub(super) const SLACK: usize = WIDTHS[0];

/// Adds to every `sums[p]` the products `weight * x[p + shift]` of all taps, in their order. There are as many sums as
/// [`in_tiles`] says.
pub(super) fn correlate<S: Sum>(sums: &mut [S], taps: &[Tap], x: &[f64]) {
    match width(sums.len()) {
        16 => correlate_tiles::<S, 16>(sums, taps, x),
        14 => correlate_tiles::<S, 14>(sums, taps, x),
        12 => correlate_tiles::<S, 12>(sums, taps, x),
        _ => correlate_tiles::<S, 10>(sums, taps, x),
    }
}

fn correlate_tiles<S: Sum, const T: usize>(sums: &mut [S], taps: &[Tap], x: &[f64]) {
    for (index, tile) in sums.as_chunks_mut().0.iter_mut().enumerate() {
        correlate_tile::<S, T>(tile, taps, &x[index * T..]);
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

/// `sums[k] += factor * row[k]`.
#[inline]
pub(super) fn add_multiple<S: Sum>(sums: &mut [S], factor: f64, row: &[f64]) {
    sums.iter_mut().zip(row).for_each(|(sum, value)| sum.add_product(factor, *value));
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
