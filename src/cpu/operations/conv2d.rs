//! Convolution: valid, stride 1.

use std::ops::Range;

use rayon::prelude::*;

use super::activation;
use crate::cpu::accumulator::Sum;
use crate::cpu::layout::{Packed, Samples};
use crate::cpu::tiles::{TILE, Tap, correlate, dot, grain, total};
use crate::model::Shape;
use crate::plan::{ARGMAX_BITS, Conv2d, PACK, QUAD};

fn packed(conv: &Conv2d) -> Packed {
    Packed {
        weights: conv.weights,
        bias: conv.bias,
        outputs: conv.output.channels,
        rest: conv.input.channels * conv.kernel * conv.kernel,
    }
}

/// The values of an input of bytes.
///
/// ```text
/// Shapes:  words u32 as [`crate::plan::Gather::bytes`] says  ->  x [block,c,h,w,n] f32
/// Math:    x = background + (foreground - background) / 255 * byte, in f32
/// ```
pub fn values([background, foreground]: [f32; 2], words: &[u32]) -> Vec<f32> {
    let scale = (foreground - background) / 255.0;
    let value = |word: u32, lane: usize| background + scale * (word >> (8 * lane) & 0xff) as f32;
    let mut x = vec![0.0; words.len() * QUAD];
    let quads = x.par_chunks_exact_mut(QUAD).zip(words).with_min_len(grain(QUAD));
    quads.for_each(|(x, word)| x.iter_mut().enumerate().for_each(|(lane, x)| *x = value(*word, lane)));
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
/// An argmax that rounding in f32 could change is [`Sum::undecided`], and so is the word that holds it.
pub fn forward<S: Sum>(samples: Samples, conv: &Conv2d, x: &[f32], parameters: &[f32]) -> (Vec<S::Word>, Vec<S::Word>) {
    let Conv2d { input, output, .. } = *conv;
    let (pooled, live) = (conv.pooled(), samples.live);
    let blocks = x.len() / (samples.size * input.elements());
    let x = samples.widen(x, TILE);
    let row_sums = (output.width * live).next_multiple_of(TILE);
    let work = output.height * row_sums * packed(conv).rest;
    let height = if conv.max_pool { 2 } else { 1 };
    // One row of `y` of map `index`, counted over all blocks: its sums, row by row.
    let sums_of = |index: usize, taps: &[Tap], row: usize, sums: &mut [S]| {
        let block = index / output.channels * input.elements();
        sums.fill(S::exact(parameters[conv.bias + index % output.channels]));
        for (i, sums) in sums.chunks_mut(row_sums).enumerate() {
            correlate(sums, taps, &x[(block + (row * height + i) * input.width) * live..]);
        }
    };
    let taps_of = |index: usize| {
        taps(conv, parameters, index % output.channels, 0..input.channels, |c, i, j| {
            ((c * input.height + i) * input.width + j) * live
        })
    };
    let row_words = pooled.width * samples.size;
    let map = pooled.height * row_words;
    let mut y = vec![S::ZERO.word(); blocks * output.channels * map];
    // One per value of y; `None` if it is undecided.
    let mut argmax = vec![Some(0); if conv.max_pool { y.len() } else { 0 }];
    let y_maps = y.par_chunks_mut(map).with_min_len(grain(work)).enumerate();
    if conv.max_pool {
        let terms = packed(conv).rest + 1;
        y_maps.zip(argmax.par_chunks_mut(map)).for_each(|((index, y), argmax)| {
            let (taps, mut sums) = (taps_of(index), vec![S::ZERO; 2 * row_sums]);
            for (row, (y, argmax)) in y.chunks_mut(row_words).zip(argmax.chunks_mut(row_words)).enumerate() {
                sums_of(index, &taps, row, &mut sums);
                for column in 0..pooled.width {
                    for lane in 0..live {
                        let sum = |i: usize| sums[i / 2 * row_sums + (2 * column + i % 2) * live + lane];
                        let four: [S; 4] = std::array::from_fn(sum);
                        let (best, decided) = largest(four, terms);
                        y[column * samples.size + lane] = activation::forward(conv.activation, four[best]).word();
                        argmax[column * samples.size + lane] = decided.then_some(best as u32);
                    }
                }
            }
        });
    } else {
        y_maps.for_each(|(index, y)| {
            let (taps, mut sums) = (taps_of(index), vec![S::ZERO; row_sums]);
            for (row, y) in y.chunks_mut(row_words).enumerate() {
                sums_of(index, &taps, row, &mut sums);
                for (y, sums) in y.chunks_mut(samples.size).zip(sums.chunks(live)) {
                    for (y, sum) in y.iter_mut().zip(sums) {
                        *y = activation::forward(conv.activation, *sum).word();
                    }
                }
            }
        });
    }
    (y, if conv.max_pool { pack::<S>(samples, conv, &argmax) } else { Vec::new() })
}

/// The taps of output `o` on the input channels `channels`, in the order of weights; `shift` of channel, row and column.
fn taps(
    conv: &Conv2d,
    parameters: &[f32],
    o: usize,
    channels: Range<usize>,
    shift: impl Fn(usize, usize, usize) -> usize,
) -> Vec<Tap> {
    let (packed, area) = (packed(conv), conv.kernel * conv.kernel);
    let tap = |inner: usize| {
        let shift = shift(inner / area, inner % area / conv.kernel, inner % conv.kernel);
        (f64::from(parameters[packed.word(o, inner)]), shift)
    };
    (channels.start * area..channels.end * area).map(tap).collect()
}

/// `argmax`, laid out as `y`, packed as [`ARGMAX_BITS`] says.
fn pack<S: Sum>(samples: Samples, conv: &Conv2d, argmax: &[Option<u32>]) -> Vec<S::Word> {
    let Shape { channels, height, width } = conv.pooled();
    let (places, packs, quads) = (height * width, channels.div_ceil(PACK), samples.size / QUAD);
    let word = |index: usize| {
        let (quad, place, pack) = (index % quads, index / quads % places, index / (quads * places));
        let (block, channel) = (pack / packs, pack % packs * PACK);
        let values = (0..QUAD.min(samples.live) * PACK).filter(|i| channel + i % PACK < channels).map(|i| {
            let map = block * channels + channel + i % PACK;
            (i, argmax[(map * places + place) * samples.size + quad * QUAD + i / PACK])
        });
        let mut packed = Some(0);
        for (i, value) in values {
            packed = packed.zip(value).map(|(packed, value)| packed | value << (i * ARGMAX_BITS));
        }
        packed.map_or_else(S::undecided, S::integer)
    };
    let words = argmax.len() / channels * packs / QUAD;
    (0..words).into_par_iter().with_min_len(grain(QUAD * PACK)).map(word).collect()
}

/// The argmax of `sums`, the first of equals, and whether it is decided: whether the others are smaller by more than
/// the rounding of their `terms` terms in f32. NaN is larger than any number, and the last of them wins.
fn largest<S: Sum>(sums: [S; 4], terms: usize) -> (usize, bool) {
    let larger = |a: f64, b: f64| a > b || a.is_nan();
    let best = (1..4).fold(0, |best, i| if larger(sums[i].value(), sums[best].value()) { i } else { best });
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

/// Gradients of sums with zeros around them, in f64: rows as long as those of the input.
struct Padded {
    /// `[block][oc][oh + 2k - 1][w][live]`: `k - 1` columns of zeros before each row, `k - 1` rows of zeros before the
    /// map and `k` after it, so that every tap of every input finds a value.
    values: Vec<f64>,
    /// Values per map.
    map: usize,
    /// Where the gradients of a map begin.
    first: usize,
}

impl Padded {
    fn new(samples: Samples, conv: &Conv2d, dy: &[f32]) -> Self {
        let Conv2d { input, output, kernel, .. } = *conv;
        let pitch = input.width * samples.live;
        let map = (output.height + 2 * kernel - 1) * pitch;
        let first = (kernel - 1) * (pitch + samples.live);
        let row = output.width * samples.size;
        let mut values = vec![0.0; dy.len() / (row * output.height) * map + TILE];
        let maps = values.par_chunks_exact_mut(map).zip(dy.par_chunks_exact(row * output.height));
        maps.with_min_len(grain(map)).for_each(|(values, dy)| {
            for (to, from) in values[first..].chunks_mut(pitch).zip(dy.chunks_exact(row)) {
                for (to, from) in to.chunks_exact_mut(samples.live).zip(from.chunks_exact(samples.size)) {
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = f64::from(*from));
                }
            }
        });
        Self { values, map, first }
    }
}

/// Gradient of the loss with respect to the sums of a convolution's input.
///
/// ```text
/// Shapes:  dy [block,oc,oh,ow,n], of every sum  parameters w [oc,c,k,k] packed  x [block,c,h,w,n]  ->  dx [block,c,h,w,n]   f32
/// Math:    dx[c,r,q,n] = f'(x[c,r,q,n]) * sum over o,i,j of w[o,c,i,j] * dy[o,r-i,q-j,n], where r-i and q-j
///          lie in the output; f is the activation that made x
/// ```
pub fn backward_input<S: Sum>(
    samples: Samples,
    conv: &Conv2d,
    dy: &[f32],
    parameters: &[f32],
    x: &[f32],
) -> Vec<S::Word> {
    let Conv2d { input, output, kernel, .. } = *conv;
    let live = samples.live;
    let dy = Padded::new(samples, conv, dy);
    let row_words = input.width * samples.size;
    let row_sums = (input.width * live).next_multiple_of(TILE);
    let work = input.height * row_sums * output.channels * kernel * kernel;
    let mut dx = vec![S::ZERO.word(); x.len()];
    let maps = dx.par_chunks_mut(input.height * row_words).with_min_len(grain(work)).enumerate();
    maps.for_each(|(index, dx)| {
        let (block, c) = (index / input.channels, index % input.channels);
        let shift = |_, i, j| ((kernel - 1 - i) * input.width + kernel - 1 - j) * live;
        let taps: Vec<Vec<Tap>> = (0..output.channels).map(|o| taps(conv, parameters, o, c..c + 1, shift)).collect();
        let mut sums = vec![S::ZERO; row_sums];
        for (row, dx) in dx.chunks_mut(row_words).enumerate() {
            // Taps (i, j) whose output row - i exists.
            let rows = (row + 1).saturating_sub(output.height)..kernel.min(row + 1);
            sums.fill(S::ZERO);
            for (o, taps) in taps.iter().enumerate() {
                let first = (block * output.channels + o) * dy.map + row * input.width * live;
                correlate(&mut sums, &taps[rows.start * kernel..rows.end * kernel], &dy.values[first..]);
            }
            let x = x[(index * input.height + row) * row_words..].chunks(samples.size);
            for ((dx, sums), x) in dx.chunks_mut(samples.size).zip(sums.chunks(live)).zip(x) {
                for ((dx, sum), x) in dx.iter_mut().zip(sums).zip(x) {
                    *dx = activation::backward(conv.input_activation, *sum, *x).word();
                }
            }
        }
    });
    dx
}

/// Partial gradients of the loss with respect to the weights and bias of a convolution.
///
/// ```text
/// Shapes:  x [block,c,h,w,n]  dy [block,oc,oh,ow,n], of every sum  ->  partials [slot,word]   f32
/// Math:    dw[o,c,i,j] = sum over n,r,q of dy[o,r,q,n] * x[c,r+i,q+j,n], db[o] = sum over n,r,q of dy[o,r,q,n],
///          each slot over its rows of cells: see [`crate::plan::Partials::rows_per_slot`]
/// Order:   blocks, rows, columns, then samples, dealt to [`TILE`] sums
/// Source:  LeCun et al. 1998, section II
/// ```
pub fn backward_weights<S: Sum>(samples: Samples, conv: &Conv2d, x: &[f32], dy: &[f32]) -> Vec<S::Word> {
    let Conv2d { input, output, kernel, partials, .. } = *conv;
    let (packed, live) = (packed(conv), samples.live);
    let blocks = x.len() / (samples.size * input.elements());
    let x = samples.widen(x, TILE);
    let dy = Padded::new(samples, conv, dy);
    let [cells, _] = conv.cells();
    let (pitch, width) = (input.width * live, output.width * live);
    // Rows that are no multiple of a tile are summed together: between them lie zeros.
    let rows_together = if width % TILE == 0 { 1 } else { output.height };
    let ones = vec![1.0; output.height * pitch + TILE];
    let sums_of = |index: usize| {
        let (slot, o) = (index / output.channels, index % output.channels);
        let rows = partials.rows(slot, blocks * cells);
        // The runs of gradients of output map o in the slot, in whole tiles, each with the inputs of tap (0, 0).
        let mut runs: Vec<(Vec<f64>, &[f64])> = Vec::new();
        for block in rows.start / cells..rows.end.div_ceil(cells) {
            let [start, end] = [rows.start, rows.end].map(|row| row.saturating_sub(block * cells).min(cells));
            let (start, end) = (2 * start, (2 * end).min(output.height));
            let map = (block * output.channels + o) * dy.map + dy.first;
            for row in (start..end).step_by(rows_together) {
                let rows = rows_together.min(end - row);
                let (first, length) = (row * pitch, (rows - 1) * pitch + width);
                let mut dy = dy.values[map + first..][..length].to_vec();
                dy.resize(length.next_multiple_of(TILE), 0.0);
                runs.push((dy, &x[block * input.elements() * live + first..]));
            }
        }
        let tap = |inner: usize| {
            let (c, i, j) = (inner / (kernel * kernel), inner % (kernel * kernel) / kernel, inner % kernel);
            let shift = ((c * input.height + i) * input.width + j) * live;
            let mut sums = [S::ZERO; TILE];
            runs.iter().for_each(|(dy, x)| dot(&mut sums, dy, &x[shift..]));
            total(sums)
        };
        let mut bias = [S::ZERO; TILE];
        runs.iter().for_each(|(dy, _)| dot(&mut bias, dy, &ones));
        (0..packed.rest).map(tap).chain([total(bias)]).collect()
    };
    let work = packed.rest * 2 * partials.rows_per_slot * output.width * live;
    let indices = (0..partials.slots * output.channels).into_par_iter().with_min_len(grain(work));
    packed.partials(&partials, &indices.map(sums_of).collect::<Vec<Vec<S>>>())
}
