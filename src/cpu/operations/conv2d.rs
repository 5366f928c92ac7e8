//! Convolution: valid, stride 1.

use std::hint::select_unpredictable;
use std::ops::Range;

use rayon::prelude::*;

use super::activation;
use crate::cpu::accumulator::Sum;
use crate::cpu::layout::Samples;
use crate::cpu::tiles::{Tap, add_multiple, correlate, grain, in_tiles};
use crate::model::Shape;
use crate::plan::{ARGMAX_BITS, Conv2d, PACK, QUAD};

impl Conv2d {
    /// Weights per output map.
    fn rest(&self) -> usize {
        self.input.channels * self.kernel * self.kernel
    }

    /// The weights of output map `o` in `parameters`, by channel, row and column.
    fn weights_of<'a>(&self, parameters: &'a [f32], o: usize) -> impl Iterator<Item = f64> + 'a {
        let pack = &parameters[self.weights + o / PACK * self.rest() * PACK..][..self.rest() * PACK];
        pack.iter().skip(o % PACK).step_by(PACK).map(|weight| f64::from(*weight))
    }
}

/// The values of an input of bytes; 0 for samples that are not live.
///
/// ```text
/// Shapes:  words u32 as [`crate::plan::Gather::bytes`] says  ->  x [block,c,h,w,n] f32
/// Math:    x = background + (foreground - background) / 255 * byte, in f32
/// ```
pub fn values(samples: Samples, [background, foreground]: [f32; 2], words: &[u32]) -> Vec<f32> {
    let scale = (foreground - background) / 255.0;
    let value = |word: u32, lane: usize| background + scale * (word >> (8 * lane) & 0xff) as f32;
    let mut x = vec![0.0; words.len() * QUAD];
    let places = x.par_chunks_exact_mut(samples.size).zip(words.par_chunks_exact(samples.size / QUAD));
    places.with_min_len(grain(samples.live)).for_each(|(x, words)| {
        for (lane, x) in x[..samples.live].iter_mut().enumerate() {
            *x = value(words[lane / QUAD], lane % QUAD);
        }
    });
    x
}

/// Output of a convolution, and with max-pooling the argmax of each 2x2 window.
///
/// ```text
/// Shapes:  x [block,c,h,w,n]  parameters w [oc,c,k,k] packed, b [oc]  ->  y [block,oc,oh,ow,n]   f32
/// Math:    s[o,r,q,n] = b[o] + sum over c,i,j of w[o,c,i,j] * x[c,r+i,q+j,n]
///          y = f(s), or with max-pooling y[o,r,q,n] = f(max over i,j < 2 of s[o,2r+i,2q+j,n])
/// Ties:    the first in row order wins
/// Source:  LeCun et al. 1998, section II
/// ```
///
/// An argmax that rounding in f32 could change is [`Sum::undecided`], and so is the word that holds it; without
/// max-pooling `argmax` is empty.
pub fn forward<S: Sum>(
    samples: Samples,
    conv: &Conv2d,
    x: &[f32],
    parameters: &[f32],
    y: &mut [S::Word],
    argmax: &mut [S::Word],
) {
    let Conv2d { input, output, kernel, .. } = *conv;
    let (pooled, live, quads) = (conv.pooled(), samples.live, samples.size / QUAD);
    let x = samples.widen(x);
    let row_sums = in_tiles(output.width * live);
    let work = output.height * row_sums * conv.rest();
    let height = if conv.max_pool { 2 } else { 1 };
    let mut shifts = Vec::with_capacity(conv.rest());
    for (c, i) in (0..input.channels).flat_map(|c| (0..kernel).map(move |i| (c, i))) {
        shifts.extend((0..kernel).map(|j| ((c * input.height + i) * input.width + j) * live));
    }
    let taps_of = |o| -> Vec<Tap> { conv.weights_of(parameters, o).zip(shifts.iter().copied()).collect() };
    // The sums behind row `row` of map `o` of `y`, row by row.
    let sums_of = |block: usize, o: usize, taps: &[Tap], row: usize, sums: &mut [S]| {
        sums.fill(S::exact(parameters[conv.bias + o]));
        for (i, sums) in sums.chunks_mut(row_sums).enumerate() {
            let first = block * input.elements() + (row * height + i) * input.width;
            correlate(sums, taps, &x[first * live..]);
        }
    };
    let row_words = pooled.width * samples.size;
    let map = pooled.height * row_words;
    if conv.max_pool {
        let words = map / QUAD;
        let blocks =
            y.par_chunks_mut(output.channels * map).zip(argmax.par_chunks_mut(output.channels.div_ceil(PACK) * words));
        blocks.enumerate().for_each(|(block, (y, argmax))| {
            let packs = y.par_chunks_mut(PACK * map).zip(argmax.par_chunks_mut(words)).with_min_len(grain(PACK * work));
            packs.enumerate().for_each(|(pack, (y, argmax))| {
                let (mut sums, mut packed) = (vec![S::ZERO; 2 * row_sums], vec![Some(0); words]);
                for (channel, y) in y.chunks_mut(map).enumerate() {
                    let o = pack * PACK + channel;
                    let taps = taps_of(o);
                    let rows = y.chunks_mut(row_words).zip(packed.chunks_mut(pooled.width * quads));
                    for (row, (y, packed)) in rows.enumerate() {
                        sums_of(block, o, &taps, row, &mut sums);
                        for (column, lane) in (0..pooled.width).flat_map(|q| (0..live).map(move |lane| (q, lane))) {
                            let sum = |i: usize| sums[i / 2 * row_sums + (2 * column + i % 2) * live + lane];
                            let four: [S; 4] = std::array::from_fn(sum);
                            let (best, decided) = largest(four, conv.rest() + 1);
                            y[column * samples.size + lane] = activation::forward(conv.activation, four[best]).word();
                            let word = &mut packed[column * quads + lane / QUAD];
                            let bits = (best as u32) << ((lane % QUAD * PACK + channel) * ARGMAX_BITS);
                            *word = word.filter(|_| decided).map(|word: u32| word | bits);
                        }
                    }
                }
                for (word, packed) in argmax.iter_mut().zip(packed) {
                    *word = packed.map_or_else(S::undecided, S::integer);
                }
            });
        });
    } else {
        y.par_chunks_mut(map).with_min_len(grain(work)).enumerate().for_each(|(index, y)| {
            let (block, o) = (index / output.channels, index % output.channels);
            let (taps, mut sums) = (taps_of(o), vec![S::ZERO; row_sums]);
            for (row, y) in y.chunks_mut(row_words).enumerate() {
                sums_of(block, o, &taps, row, &mut sums);
                for (y, sums) in y.chunks_mut(samples.size).zip(sums.chunks(live)) {
                    for (y, sum) in y.iter_mut().zip(sums) {
                        *y = activation::forward(conv.activation, *sum).word();
                    }
                }
            }
        });
    }
}

/// The argmax of `sums`, the first of equals, and whether it is decided: whether the others are smaller by more than
/// the rounding of their `terms` terms in f32. NaN is larger than any number, and the last of them wins.
fn largest<S: Sum>(sums: [S; 4], terms: usize) -> (usize, bool) {
    // Which one is largest no branch can foresee: both are computed, and one is selected.
    let (mut best, mut value) = (0, sums[0].value());
    for (i, sum) in sums.iter().enumerate().skip(1) {
        let larger = (sum.value() > value) | sum.value().is_nan();
        (best, value) = (select_unpredictable(larger, i, best), select_unpredictable(larger, sum.value(), value));
    }
    if sums.iter().all(|sum| sum.magnitude() == 0.0) {
        return (best, true);
    }
    let rounding = |s: S| terms as f64 * f64::from(f32::EPSILON) * s.magnitude();
    // Sums of the same terms are equal on every device, and their order decides.
    let tie = |s: S| s.value() == sums[best].value() && s.magnitude() == sums[best].magnitude();
    let near = |s: S| (sums[best].value() - s.value()).abs() <= rounding(s) + rounding(sums[best]);
    (best, sums.iter().enumerate().all(|(i, s)| i == best || tie(*s) || !near(*s)))
}

/// The gradient of every sum: that of the pooled output at the argmax, 0 elsewhere.
///
/// ```text
/// Shapes:  dy [block,oc,oh/2,ow/2,n] f32, argmax u32  ->  ds [block,oc,oh,ow,n] f32
/// ```
pub fn unpool(samples: Samples, conv: &Conv2d, dy: &[f32], argmax: &[u32]) -> Vec<f32> {
    let (Shape { channels, height, width }, sums_width) = (conv.pooled(), conv.output.width);
    let map = height * width * samples.size;
    let mut ds = vec![0.0; 4 * dy.len()];
    let maps = ds.par_chunks_mut(4 * map).zip(dy.par_chunks(map)).with_min_len(grain(4 * map)).enumerate();
    maps.for_each(|(index, (ds, dy))| {
        let (block, channel) = (index / channels, index % channels);
        let argmax = &argmax[(block * channels.div_ceil(PACK) + channel / PACK) * map / QUAD..];
        for (position, dy) in dy.chunks_exact(samples.size).enumerate() {
            let first = position / width * 2 * sums_width + position % width * 2;
            for (lane, dy) in dy[..samples.live].iter().enumerate() {
                let word = argmax[(position * samples.size + lane) / QUAD];
                let best = (word >> ((lane % QUAD * PACK + channel % PACK) * ARGMAX_BITS)) as usize % 4;
                ds[(first + best / 2 * sums_width + best % 2) * samples.size + lane] = *dy;
            }
        }
    });
    ds
}

/// The gradients of sums that are not 0: a gradient of 0 adds nothing, and max-pooling leaves three of four so.
///
/// `[block][oc][live]`: in row order the value, and where in [`Samples::channels_last`] the input of its first tap lies.
fn gradients(samples: Samples, conv: &Conv2d, dy: &[f32]) -> Vec<Vec<Tap>> {
    let Conv2d { input, output, .. } = *conv;
    let map = output.height * output.width;
    let lists = (0..dy.len() / (map * samples.size) * samples.live).into_par_iter().with_min_len(grain(map));
    let list = |index: usize| {
        let (plane, lane, channels) = (index / samples.live, index % samples.live, input.channels);
        let (mut taps, mut count) = (vec![(0.0, 0); map], 0);
        for (row, dy) in
            dy[plane * map * samples.size..].chunks(output.width * samples.size).take(output.height).enumerate()
        {
            let mut place = row * input.width * channels;
            for dy in dy.iter().skip(lane).step_by(samples.size) {
                // Which are 0 no branch can foresee: each is written, and the next overwrites a 0.
                taps[count] = (f64::from(*dy), place);
                count += usize::from(*dy != 0.0);
                place += channels;
            }
        }
        taps.truncate(count);
        taps
    };
    lists.map(list).collect()
}

/// Gradient of the loss with respect to the sums of a convolution's input.
///
/// ```text
/// Shapes:  dy [block,oc,oh,ow,n], of every sum  parameters w [oc,c,k,k] packed  x [block,c,h,w,n]  ->  dx [block,c,h,w,n]   f32
/// Math:    dx[c,r,q,n] = f'(x[c,r,q,n]) * sum over o,i,j of w[o,c,i,j] * dy[o,r-i,q-j,n], where r-i and q-j
///          lie in the output; f is the activation that made x
/// Order:   output maps, then rows and columns of dy
/// ```
pub fn backward_input<S: Sum>(
    samples: Samples,
    conv: &Conv2d,
    dy: &[f32],
    parameters: &[f32],
    x: &[f32],
    dx: &mut [S::Word],
) {
    let Conv2d { input, output, kernel, .. } = *conv;
    let (live, elements) = (samples.live, input.elements());
    let (run, pitch) = (kernel * input.channels, input.width * input.channels);
    let gradients = gradients(samples, conv, dy);
    // `[o][i][j][c]`: the weights of a row of taps lie as the inputs that they meet.
    let mut weights = vec![0.0; output.channels * conv.rest()];
    for (o, weights) in weights.chunks_mut(conv.rest()).enumerate() {
        let mut by_channel = conv.weights_of(parameters, o);
        for c in 0..input.channels {
            weights.iter_mut().skip(c).step_by(input.channels).zip(&mut by_channel).for_each(|(to, from)| *to = from);
        }
    }
    let mut sums = vec![S::ZERO; dx.len() / samples.size * live];
    let of_sample = sums.par_chunks_mut(elements).with_min_len(grain(output.elements() * conv.rest())).enumerate();
    of_sample.for_each(|(index, sums)| {
        for (o, weights) in weights.chunks(conv.rest()).enumerate() {
            for (dy, place) in &gradients[(index / live * output.channels + o) * live + index % live] {
                for (i, weights) in weights.chunks_exact(run).enumerate() {
                    add_multiple(&mut sums[place + i * pitch..][..run], *dy, weights);
                }
            }
        }
    });
    let map = input.height * input.width;
    let maps = dx.par_chunks_mut(map * samples.size).zip(x.par_chunks(map * samples.size));
    maps.with_min_len(grain(map * live)).enumerate().for_each(|(index, (dx, x))| {
        let (block, c) = (index / input.channels, index % input.channels);
        for lane in 0..live {
            let sums = sums[(block * live + lane) * elements..].iter().skip(c).step_by(input.channels);
            let words = dx.iter_mut().zip(x).skip(lane).step_by(samples.size);
            words
                .zip(sums)
                .for_each(|((dx, x), sum)| *dx = activation::backward(conv.input_activation, *sum, *x).word());
        }
    });
}

/// Partial gradients of the loss with respect to the weights and bias of a convolution.
///
/// ```text
/// Shapes:  x [block,c,h,w,n]  dy [block,oc,oh,ow,n], of every sum  ->  partials [slot,word]   f32
/// Math:    dw[o,c,i,j] = sum over n,r,q of dy[o,r,q,n] * x[c,r+i,q+j,n], db[o] = sum over n,r,q of dy[o,r,q,n],
///          each slot over its rows of cells: see [`crate::plan::Partials::rows_per_slot`]
/// Order:   blocks, samples, rows, then columns
/// Source:  LeCun et al. 1998, section II
/// ```
pub fn backward_weights<S: Sum>(samples: Samples, conv: &Conv2d, x: &[f32], dy: &[f32], partials: &mut [S::Word]) {
    let Conv2d { input, output, kernel, partials: layout, .. } = *conv;
    let (live, elements) = (samples.live, input.elements());
    let blocks = x.len() / (samples.size * elements);
    let (run, pitch) = (kernel * input.channels, input.width * input.channels);
    let gradients = gradients(samples, conv, dy);
    let x = samples.channels_last(x, input);
    let [cells, _] = conv.cells();
    let work = layout.rows_per_slot * 2 * output.width * live * PACK * conv.rest();
    let slots = partials.par_chunks_mut(layout.words).with_min_len(grain(work)).enumerate();
    slots.for_each(|(slot, words)| {
        let rows = layout.rows(slot, blocks * cells);
        // The gradients of output map o in the slot, sample by sample, each with the sample's input.
        let of_map = |o: usize| {
            let in_block = |block: usize| {
                let [start, end] = [rows.start, rows.end].map(|row| row.saturating_sub(block * cells).min(cells));
                (0..live).map(move |lane| (block, lane, 2 * start * pitch..2 * end * pitch))
            };
            let all = (rows.start / cells..rows.end.div_ceil(cells)).flat_map(in_block);
            let gradients = &gradients;
            let x = &x;
            all.map(move |(block, lane, places)| {
                let taps = within(&gradients[(block * output.channels + o) * live + lane], places);
                (taps, &x[(block * live + lane) * elements..])
            })
        };
        let (weights, bias) = words.split_at_mut(conv.bias - conv.weights);
        let packs = weights.par_chunks_mut(PACK * conv.rest()).with_min_len(grain(work)).enumerate();
        packs.for_each(|(pack, words)| {
            for (channel, o) in (pack * PACK..output.channels).take(PACK).enumerate() {
                // `[i][j][c]`, as the inputs that they meet.
                let mut sums = vec![S::ZERO; kernel * in_tiles(run)];
                for (taps, x) in of_map(o) {
                    for (i, sums) in sums.chunks_mut(in_tiles(run)).enumerate() {
                        correlate(sums, taps, &x[i * pitch..]);
                    }
                }
                for (i, sums) in sums.chunks(in_tiles(run)).enumerate() {
                    for (j, sums) in sums[..run].chunks(input.channels).enumerate() {
                        for (c, sum) in sums.iter().enumerate() {
                            words[((c * kernel + i) * kernel + j) * PACK + channel] = sum.word();
                        }
                    }
                }
            }
        });
        for (o, word) in bias.iter_mut().enumerate().take(output.channels) {
            let mut sum = S::ZERO;
            of_map(o).for_each(|(taps, _)| taps.iter().for_each(|(dy, _)| sum.add(*dy)));
            *word = sum.word();
        }
    });
}

/// Those of `taps`, in the order of their places, that lie within `places`.
fn within(taps: &[Tap], places: Range<usize>) -> &[Tap] {
    let [start, end] = [places.start, places.end].map(|end| taps.partition_point(|(_, place)| *place < end));
    &taps[start..end]
}
