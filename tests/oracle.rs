//! The CPU oracle against values worked by hand: one function at a time, a block whose first samples are used.

use lenet_gpu::cpu::{Samples, Sum, Traced, operations};
use lenet_gpu::model::{self, Activation, Shape};
use lenet_gpu::plan::{
    BLOCK, Conv2d, Dense, Gather, Loss, MASKED, PACK, Partials, Pool, QUAD, Rbf, Segment, Step, Subsample,
};
use lenet_gpu::recipe::Optimizer;

/// Quads of a block.
const QUADS: usize = BLOCK / QUAD;

/// Every sample of a block is computed.
const ALL: Samples = Samples { size: BLOCK, live: BLOCK };

/// The `words` words that `write` writes.
fn written<W: Clone + Default>(words: usize, write: impl FnOnce(&mut [W])) -> Vec<W> {
    let mut written = vec![W::default(); words];
    write(&mut written);
    written
}

fn floats(words: usize, write: impl FnOnce(&mut [u32])) -> Vec<f32> {
    written(words, write).into_iter().map(f32::from_bits).collect()
}

/// `[index][BLOCK]` from the values of sample 0; sample n has n + 1 times those.
fn block(values: &[f32]) -> Vec<f32> {
    values.iter().flat_map(|v| (0..BLOCK).map(move |n| v * (n + 1) as f32)).collect()
}

/// The values of `sample` in a single block.
fn sample(buffer: &[f32], sample: usize) -> Vec<f32> {
    buffer.iter().skip(sample).step_by(BLOCK).copied().collect()
}

const NO_PARTIALS: Partials = Partials { first: 0, words: 0, slots: 0, rows_per_slot: 1, samples: BLOCK };

#[test]
fn gather_centres_scales_and_masks() {
    let gather =
        Gather { image_height: 1, image_width: 2, input: Shape::new(1, 3, 4), levels: [-1.0, 4.0], bytes: false };
    // Samples of two bytes, two samples per word: (0, 255), (51, 102), (255, 0).
    let images = [0x6633_ff00, 0x0000_00ff];
    let step = Step { start: 1, count: 2, ..Step::default() };
    let gathered = |gather: &Gather, step: &Step, words: usize| {
        let (mut x, mut targets) = (vec![0; words], vec![0; BLOCK]);
        let data: (&[u32], &[u32], &[u32]) = (&images, &[7, 8, 9], &[1, 2, 0]);
        operations::gather::forward::<f64>(ALL, gather, step, data, &mut x, &mut targets);
        (x, targets)
    };
    let values = |step: &Step| {
        let (x, targets) = gathered(&gather, step, 12 * BLOCK);
        (x.into_iter().map(f32::from_bits).collect::<Vec<f32>>(), targets)
    };
    let (x, targets) = values(&step);
    let row = |a, b| [vec![-1.0; 4], vec![-1.0, a, b, -1.0], vec![-1.0; 4]].concat();
    assert_eq!(sample(&x, 0), row(4.0, -1.0), "order[1] is sample 2");
    assert_eq!(sample(&x, 1), row(-1.0, 4.0), "order[2] is sample 0");
    assert_eq!(sample(&x, 2), vec![-1.0; 12], "past count");
    assert_eq!(targets[..3], [9, 7, MASKED]);
    assert!(targets[2..].iter().all(|t| *t == MASKED));
    let third = Step { count: 1, ..Step::default() };
    assert_eq!(sample(&values(&third).0, 0), row(0.0, 1.0), "bytes 51 and 102 are 1/5 and 2/5 of the way");

    // As bytes, in the first quad: the background is 0, and samples come lowest first.
    let (x, targets) = gathered(&Gather { bytes: true, ..gather }, &step, 12 * QUADS);
    let first: Vec<u32> = x.iter().step_by(QUADS).copied().collect();
    assert_eq!(first, [0, 0, 0, 0, 0, 0x00ff, 0xff00, 0, 0, 0, 0, 0]);
    assert!(x.iter().enumerate().all(|(i, word)| i % QUADS == 0 || *word == 0), "past count");
    assert_eq!(targets[..3], [9, 7, MASKED]);
}

/// One map of 3x4, two maps of 1x2 out, after one more f32 word in `parameters`.
fn small_conv(partials: Partials) -> (Conv2d, Vec<f32>) {
    let conv = Conv2d {
        input: Shape::new(1, 3, 4),
        output: Shape::new(2, 1, 2),
        max_pool: false,
        levels: None,
        kernel: 3,
        activation: Activation::Identity,
        input_activation: Activation::Identity,
        weights: 4,
        bias: 40,
        partials,
    };
    let mut parameters = vec![f32::NAN; 44];
    for tap in 0..9 {
        // Output 0 takes the taps 1, 2, ..., 9; output 1 only the middle one.
        parameters[4 + tap * PACK] = (tap + 1) as f32;
        parameters[4 + tap * PACK + 1] = if tap == 4 { 1.0 } else { 0.0 };
    }
    (parameters[40], parameters[41]) = (0.5, -0.5);
    (conv, parameters)
}

#[test]
fn conv2d_forward() {
    let (conv, parameters) = small_conv(NO_PARTIALS);
    #[rustfmt::skip]
    let x = block(&[
        1.0, 0.0, 0.0, 2.0,
        0.0, 3.0, 0.0, 0.0,
        0.0, 0.0, 1.0, 0.0,
    ]);
    let forward = |conv: &Conv2d| {
        floats(4 * BLOCK, |y| operations::conv2d::forward::<f64>(ALL, conv, &x, &parameters, y, &mut []))
    };
    let y = forward(&conv);
    // Left window: 1*1 + 5*3 + 9*1 = 25; right window: 3*2 + 4*3 + 8*1 = 26; the middles are 3 and 0.
    assert_eq!(sample(&y, 0), [25.5, 26.5, 2.5, -0.5]);
    assert_eq!(sample(&y, 2), [75.5, 78.5, 8.5, -0.5]);
    let relu = Conv2d { activation: Activation::Relu, ..conv };
    assert_eq!(sample(&forward(&relu), 0), [25.5, 26.5, 2.5, 0.0]);
}

#[test]
fn conv2d_backward_input() {
    let (conv, parameters) = small_conv(NO_PARTIALS);
    let dy = block(&[1.0, 10.0, 100.0, 1000.0]);
    let x = block(&[1.0; 12]);
    let dx = floats(x.len(), |dx| operations::conv2d::backward_input::<f64>(ALL, &conv, &dy, &parameters, &x, dx));
    #[rustfmt::skip]
    let expected = [
        1.0, 12.0,              23.0,               30.0,
        4.0, 5.0 + 40.0 + 100.0, 6.0 + 50.0 + 1000.0, 60.0,
        7.0, 78.0,              89.0,               90.0,
    ];
    assert_eq!(sample(&dx, 0), expected);
    // A ReLU made x: nothing passes where it is 0.
    let relu = Conv2d { input_activation: Activation::Relu, ..conv };
    let mut x = x;
    x[BLOCK..2 * BLOCK].fill(0.0);
    let dx = floats(x.len(), |dx| operations::conv2d::backward_input::<f64>(ALL, &relu, &dy, &parameters, &x, dx));
    assert_eq!(sample(&dx, 0)[..3], [1.0, 0.0, 23.0]);
}

#[test]
fn conv2d_backward_weights_sums_rows_of_cells_into_slots() {
    // Three blocks of one row of cells, two rows per slot; 9 taps and the bias, four outputs each.
    let partials = Partials { first: 0, words: 40, slots: 2, rows_per_slot: 2, samples: BLOCK };
    let (conv, _) = small_conv(partials);
    let x: Vec<f32> = (0..3).flat_map(|_| (0..12).flat_map(|index| [index as f32; BLOCK])).collect();
    // Output 0 has gradient n + 1 at its first position, output 1 has 1 at its second.
    let one: Vec<f32> = [block(&[1.0, 0.0]), vec![0.0; BLOCK], vec![1.0; BLOCK]].concat();
    let dy = one.repeat(3);
    let words = floats(2 * 40, |words| operations::conv2d::backward_weights::<f64>(ALL, &conv, &x, &dy, words));
    for (slot, words) in words.chunks(40).enumerate() {
        let blocks = if slot == 0 { 2.0 } else { 1.0 };
        // 1 + 2 + ... + 32
        let (all, ones) = (blocks * 528.0, blocks * 32.0);
        for tap in 0..9 {
            let first = (tap / 3 * 4 + tap % 3) as f32;
            assert_eq!(words[tap * 4..][..4], [all * first, ones * (first + 1.0), 0.0, 0.0], "{slot} {tap}");
        }
        assert_eq!(words[36..], [all, ones, 0.0, 0.0]);
    }
}

#[test]
fn a_slot_may_end_within_a_map_and_the_last_row_of_an_odd_map_is_half_a_row_of_cells() {
    // One map of 3 rows of sums: two rows of cells, one per slot.
    let partials = Partials { first: 0, words: 8, slots: 2, rows_per_slot: 1, samples: BLOCK };
    let (input, output) = (Shape::new(1, 3, 1), Shape::new(1, 3, 1));
    let conv = Conv2d { input, output, kernel: 1, weights: 0, bias: 4, ..small_conv(partials).0 };
    let x = block(&[1.0, 10.0, 100.0]);
    let dy = [1.0; 3 * BLOCK];
    let words = floats(2 * 8, |words| operations::conv2d::backward_weights::<f64>(ALL, &conv, &x, &dy, words));
    assert_eq!([words[0], words[4], words[8], words[12]], [528.0 * 11.0, 64.0, 528.0 * 100.0, 32.0]);
}

/// One map of 3x5, five maps of 2x4 sums, so of 1x2 out: a pack of channels, and one whose last three only pad.
fn pooled_conv() -> (Conv2d, Vec<f32>) {
    let conv = Conv2d {
        input: Shape::new(1, 3, 5),
        output: Shape::new(5, 2, 4),
        max_pool: true,
        levels: None,
        kernel: 2,
        activation: Activation::Identity,
        input_activation: Activation::Identity,
        weights: 4,
        bias: 36,
        partials: Partials { first: 0, words: 40, slots: 1, rows_per_slot: 1, samples: BLOCK },
    };
    let mut parameters = vec![f32::NAN; 44];
    let weights = [[1.0, 2.0, 3.0, 4.0], [-1.0, 0.0, 0.0, 0.0], [0.0; 4], [0.0; 4], [0.0, 0.0, 0.0, 1.0]];
    for (o, weights) in weights.iter().enumerate() {
        for (tap, weight) in weights.iter().enumerate() {
            parameters[4 + (o / PACK * 4 + tap) * PACK + o % PACK] = *weight;
        }
    }
    parameters[36..41].copy_from_slice(&[0.5, -0.5, 7.0, -7.0, 0.25]);
    (conv, parameters)
}

/// The input of [`pooled_conv`]; sample 5, the second of its quad, is sample 0 negated.
fn pooled_x() -> Vec<f32> {
    #[rustfmt::skip]
    let mut x = block(&[
        1.0, 0.0, 2.0, 0.0, 1.0,
        0.0, 3.0, 0.0, 0.0, 0.0,
        0.0, 0.0, 1.0, 0.0, 2.0,
    ]);
    x.chunks_mut(BLOCK).for_each(|lanes| lanes[5] = -lanes[0]);
    x
}

/// A word of argmax, from one whose bytes are channels, each with two bits per sample.
fn word(by_channel: u32) -> u32 {
    let place = |c: u32, n: u32| by_channel >> (8 * c + 2 * n) & 3;
    (0..16).map(|i| place(i % 4, i / 4) << (2 * i)).sum()
}

/// The argmax of [`pooled_conv`] and [`pooled_x`]: channels 0 to 3, then channel 4; two positions each, of eight quads.
fn pooled_argmax() -> Vec<u32> {
    let mut argmax = [[0x5500; QUADS], [0x55ff; QUADS], [0x0000; QUADS], [0x00ff; QUADS]];
    for (quads, word) in argmax.iter_mut().zip([0x5d08, 0x51f3, 0x0004, 0x00f3]) {
        quads[1] = word;
    }
    argmax.concat().into_iter().map(word).collect()
}

/// The output of [`pooled_conv`], ten values of a sample, and its argmax.
fn pooled_forward<S: Sum>(samples: Samples, conv: &Conv2d, x: &[f32]) -> (Vec<S::Word>, Vec<S::Word>) {
    let (mut y, mut argmax) = (vec![S::ZERO.word(); 10 * BLOCK], vec![S::ZERO.word(); 4 * QUADS]);
    operations::conv2d::forward::<S>(samples, conv, x, &pooled_conv().1, &mut y, &mut argmax);
    (y, argmax)
}

#[test]
fn conv2d_with_max_pooling_gives_a_tie_to_the_first_in_row_order() {
    let conv = pooled_conv().0;
    let forward = |conv: &Conv2d| {
        let (y, argmax) = pooled_forward::<f64>(ALL, conv, &pooled_x());
        (y.into_iter().map(f32::from_bits).collect::<Vec<f32>>(), argmax)
    };
    let (y, argmax) = forward(&conv);
    // Sums of channel 0 before the bias: 13 13 2 2 above 6 7 3 8, so 13, argmax 0, and 8; of channel 1:
    // -1 0 -2 0 above 0 -3 0 0, so 0, argmax 1, twice; all of 2 and 3 tie; of channel 4: 3 0 0 0 above
    // 0 1 0 2.
    assert_eq!(sample(&y, 0), [13.5, 8.5, -0.5, -0.5, 7.0, 7.0, -7.0, -7.0, 3.25, 2.25]);
    assert_eq!(sample(&y, 2), [39.5, 24.5, -0.5, -0.5, 7.0, 7.0, -7.0, -7.0, 9.25, 6.25]);
    // Negated, the argmax is 2 and 0 in channel 0, 3 and 0 in 1, 1 and 0 in 4.
    assert_eq!(sample(&y, 5), [-5.5, -1.5, 2.5, 1.5, 7.0, 7.0, -7.0, -7.0, 0.25, 0.25]);
    assert_eq!(argmax, pooled_argmax());
    let relu = Conv2d { activation: Activation::Relu, ..conv };
    let (y, argmax) = forward(&relu);
    assert_eq!(sample(&y, 0), [13.5, 8.5, 0.0, 0.0, 7.0, 7.0, 0.0, 0.0, 3.25, 2.25]);
    assert_eq!(argmax, pooled_argmax(), "the largest sum, whatever the activation makes of it");
}

#[test]
fn conv2d_with_max_pooling_passes_gradients_to_the_argmax() {
    let (conv, parameters) = pooled_conv();
    let dy = block(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]);
    let ds = operations::conv2d::unpool(ALL, &conv, &dy, &pooled_argmax());
    #[rustfmt::skip]
    assert_eq!(sample(&ds, 0), [
        1.0, 0.0, 0.0, 0.0,  0.0, 0.0, 0.0, 2.0,
        0.0, 3.0, 0.0, 4.0,  0.0, 0.0, 0.0, 0.0,
        5.0, 0.0, 6.0, 0.0,  0.0, 0.0, 0.0, 0.0,
        7.0, 0.0, 8.0, 0.0,  0.0, 0.0, 0.0, 0.0,
        9.0, 0.0, 0.0, 0.0,  0.0, 0.0, 0.0, 10.0,
    ]);
    #[rustfmt::skip]
    assert_eq!(sample(&ds, 5), [
        0.0, 0.0, 12.0, 0.0,  6.0, 0.0, 0.0, 0.0,
        0.0, 0.0, 24.0, 0.0,  0.0, 18.0, 0.0, 0.0,
        30.0, 0.0, 36.0, 0.0,  0.0, 0.0, 0.0, 0.0,
        42.0, 0.0, 48.0, 0.0,  0.0, 0.0, 0.0, 0.0,
        0.0, 54.0, 60.0, 0.0,  0.0, 0.0, 0.0, 0.0,
    ]);

    let x = pooled_x();
    let dx = floats(x.len(), |dx| operations::conv2d::backward_input::<f64>(ALL, &conv, &ds, &parameters, &x, dx));
    // Channel 0 spreads 1 2 / 3 4 from its argmax, channel 1 minus its gradient, channel 4 one to the right below.
    #[rustfmt::skip]
    assert_eq!(sample(&dx, 0), [
        1.0, 2.0 - 3.0, 0.0, -4.0, 0.0,
        3.0, 4.0 + 9.0, 0.0, 2.0, 4.0,
        0.0, 0.0, 0.0, 6.0, 8.0 + 10.0,
    ]);

    // The first four samples have 1 to 4 times these: their squares add up to 30, they to 10.
    let mut four = ds;
    four.chunks_mut(BLOCK).for_each(|lanes| lanes[4..].fill(0.0));
    let words = floats(40, |words| operations::conv2d::backward_weights::<f64>(ALL, &conv, &x, &four, words));
    let weights = [
        [[1.0, 0.0, 17.0, 23.0], [0.0, 10.0, 0.0, 0.0], [0.0, 9.0, 0.0, 0.0], [7.0, 0.0, 15.0, 21.0]],
        [[9.0, 0.0, 0.0, 0.0], [0.0; 4], [0.0; 4], [47.0, 0.0, 0.0, 0.0]],
    ];
    assert_eq!(words[..32], *weights.as_flattened().as_flattened().iter().map(|w| 30.0 * w).collect::<Vec<f32>>());
    assert_eq!(words[32..40], [30.0, 70.0, 110.0, 150.0, 190.0, 0.0, 0.0, 0.0]);
}

/// Small integers, whose sums are exact: the order of a sum changes no bit.
#[test]
fn samples_that_are_not_live_are_left_out() {
    let few = Samples { size: BLOCK, live: 3 };
    let masked = |mut words: Vec<u32>| {
        words.chunks_mut(BLOCK).for_each(|lanes| lanes[few.live..].fill(0));
        words
    };
    let (conv, parameters) = pooled_conv();
    let x = pooled_x();
    let (all, argmax) = pooled_forward::<f64>(ALL, &conv, &x);
    assert_eq!(pooled_forward::<f64>(few, &conv, &x).0, masked(all));
    let ds = operations::conv2d::unpool(few, &conv, &block(&[1.0; 10]), &argmax);
    let backward = |samples| {
        let dx =
            written(x.len(), |dx| operations::conv2d::backward_input::<f64>(samples, &conv, &ds, &parameters, &x, dx));
        let dw = written(40, |dw| operations::conv2d::backward_weights::<f64>(samples, &conv, &x, &ds, dw));
        (masked(dx), dw)
    };
    assert_eq!(backward(few), backward(ALL));

    let (dense, parameters) = small_dense();
    let x = block(&[1.0, -1.0]);
    let forward = |samples| {
        masked(written(3 * BLOCK, |y| operations::dense::forward::<f64>(samples, &dense, &x, &parameters, y)))
    };
    assert_eq!(forward(few), forward(ALL));
    let mut dy = block(&[1.0, 0.0, 2.0]);
    dy.chunks_mut(BLOCK).for_each(|lanes| lanes[few.live..].fill(0.0));
    let backward = |samples| {
        let dx =
            written(x.len(), |dx| operations::dense::backward_input::<f64>(samples, &dense, &dy, &parameters, &x, dx));
        let dw = written(12, |dw| operations::dense::backward_weights::<f64>(samples, &dense, &x, &dy, dw));
        (masked(dx), dw)
    };
    assert_eq!(backward(few), backward(ALL));
}

#[test]
fn a_convolution_reads_bytes_as_the_values_they_stand_for() {
    // Columns 0 to 3 of sample 1 are bytes 0, 51, 102 and 255; of sample 6, third of the second quad, 255, 0, 0, 51.
    let mut words = vec![0; 4 * QUADS];
    for (column, (one, six)) in [(0, 255), (51, 0), (102, 0), (255, 51)].into_iter().enumerate() {
        words[column * QUADS] = one << 8;
        words[column * QUADS + 1] = six << 16;
    }
    let x = operations::conv2d::values(ALL, [-1.0, 4.0], &words);
    assert_eq!(x.len(), 4 * BLOCK);
    assert_eq!(sample(&x, 1), [-1.0, 0.0, 1.0, 4.0]);
    assert_eq!(sample(&x, 6), [4.0, -1.0, -1.0, 0.0]);
    assert_eq!(sample(&x, 5), [-1.0; 4]);
}

#[test]
fn an_argmax_that_rounding_decides_may_be_any() {
    let conv = pooled_conv().0;
    let traced = |x: &[f32]| pooled_forward::<Traced>(ALL, &conv, x).1;
    let clear = traced(&pooled_x());
    assert!(clear.iter().all(|word| word.magnitude == 0.0), "a tie of the same terms is decided");
    assert_eq!(clear.iter().map(|word| word.value as u32).collect::<Vec<_>>(), pooled_argmax());

    // Sample 9, in quad 2: in channel 0 the second sum is larger by less than rounding may move it.
    let mut x = pooled_x();
    x[2 * BLOCK + 9] += 20.0 * f32::EPSILON;
    let near = traced(&x);
    assert_eq!(near[2].magnitude, f64::INFINITY);
    assert_eq!(near.iter().filter(|word| word.magnitude != 0.0).count(), 1, "only its own word");
    // One larger by more than that is the argmax.
    x[2 * BLOCK + 9] += 0.01;
    assert_eq!(traced(&x)[2], Traced { value: f64::from(word(0x5504)), magnitude: 0.0 });
}

#[test]
fn max_pool_gives_a_tie_to_the_first_in_row_order() {
    let pool = Pool {
        input: Shape::new(1, 2, 4),
        output: Shape::new(1, 1, 2),
        size: 2,
        input_activation: Activation::Identity,
    };
    #[rustfmt::skip]
    let x = block(&[
        1.0, 5.0, -1.0, -1.0,
        5.0, 5.0, -1.0, -1.0,
    ]);
    let y = floats(2 * BLOCK, |y| operations::max_pool::forward::<f64>(ALL, &pool, &x, y));
    assert_eq!(sample(&y, 1), [10.0, -2.0]);
    let dy = block(&[3.0, 4.0]);
    let dx = floats(x.len(), |dx| operations::max_pool::backward::<f64>(ALL, &pool, &x, &dy, dx));
    assert_eq!(sample(&dx, 1), [0.0, 6.0, 8.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    let relu = Pool { input_activation: Activation::Relu, ..pool };
    let dx = floats(x.len(), |dx| operations::max_pool::backward::<f64>(ALL, &relu, &x, &dy, dx));
    assert_eq!(sample(&dx, 1), [0.0, 6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn average_pool_shares_evenly() {
    let pool =
        Pool { input: Shape::new(1, 2, 4), output: Shape::new(1, 1, 2), size: 2, input_activation: Activation::Relu };
    #[rustfmt::skip]
    let x = block(&[
        1.0, 2.0, 0.0, 1.0,
        3.0, 6.0, 0.0, 1.0,
    ]);
    let y = floats(2 * BLOCK, |y| operations::average_pool::forward::<f64>(ALL, &pool, &x, y));
    assert_eq!(sample(&y, 0), [3.0, 0.5]);
    let dy = block(&[8.0, 4.0]);
    let dx = floats(x.len(), |dx| operations::average_pool::backward::<f64>(ALL, &pool, &x, &dy, dx));
    assert_eq!(sample(&dx, 0), [2.0, 2.0, 0.0, 1.0, 2.0, 2.0, 0.0, 1.0]);
}

#[test]
fn subsample_sums_scales_and_shifts_each_window() {
    let partials = Partials { first: 0, words: 8, slots: 1, rows_per_slot: 1, samples: BLOCK };
    let layer = Subsample {
        input: Shape::new(1, 2, 4),
        output: Shape::new(1, 1, 2),
        size: 2,
        activation: Activation::Relu,
        input_activation: Activation::Relu,
        weights: 0,
        bias: 4,
        partials,
    };
    let x = block(&[1.0, 2.0, 0.0, 1.0, 3.0, 4.0, 0.0, 5.0]);
    let parameters = [0.5, 0.0, 0.0, 0.0, -4.0, 0.0, 0.0, 0.0];
    // Windows of 10 and 6: 0.5 * 10 - 4 and 0.5 * 6 - 4, which a ReLU makes 0.
    let y = floats(2 * BLOCK, |y| operations::subsample::forward::<f64>(ALL, &layer, &x, &parameters, y));
    assert_eq!(sample(&y, 0), [1.0, 0.0]);
    assert_eq!(sample(&y, 1), [6.0, 2.0], "sample 1 has twice the values");
    // ReLU lets nothing through where x is 0.
    let dy = block(&[6.0, 8.0]);
    let dx = floats(x.len(), |dx| operations::subsample::backward_input::<f64>(ALL, &layer, &dy, &parameters, &x, dx));
    assert_eq!(sample(&dx, 0), [3.0, 3.0, 0.0, 4.0, 3.0, 3.0, 0.0, 4.0]);
    // dw of sample n is (n + 1)^2 (6 * 10 + 8 * 6), db is (n + 1) (6 + 8): sums over 32 samples, of squares 11440, of
    // multiples 528.
    let words = floats(8, |words| operations::subsample::backward_weights::<f64>(ALL, &layer, &x, &dy, words));
    assert_eq!(words, [108.0 * 11_440.0, 0.0, 0.0, 0.0, 14.0 * 528.0, 0.0, 0.0, 0.0]);
}

/// Two inputs, three outputs.
fn small_dense() -> (Dense, [f32; 12]) {
    let partials = Partials { first: 0, words: 12, slots: 1, rows_per_slot: 1, samples: BLOCK };
    let dense = Dense {
        inputs: 2,
        outputs: 3,
        activation: Activation::Identity,
        input_activation: Activation::Relu,
        weights: 0,
        bias: 8,
        partials,
    };
    // w = [[1, 2], [3, 4], [5, 6]], packed by output; b = [10, 20, 30].
    (dense, [1.0, 3.0, 5.0, 0.0, 2.0, 4.0, 6.0, 0.0, 10.0, 20.0, 30.0, 0.0])
}

#[test]
fn dense_forward_and_backward() {
    let (dense, parameters) = small_dense();
    let x = block(&[1.0, -1.0]);
    let dy = block(&[1.0, 0.0, 2.0]);
    let y = floats(3 * BLOCK, |y| operations::dense::forward::<f64>(ALL, &dense, &x, &parameters, y));
    assert_eq!(sample(&y, 1), [8.0, 18.0, 28.0]);
    let dx = floats(x.len(), |dx| operations::dense::backward_input::<f64>(ALL, &dense, &dy, &parameters, &x, dx));
    assert_eq!(sample(&dx, 0), [11.0, 0.0]);
    // Sums over 32 samples: of n^2 = 11440, of n = 528.
    let words = floats(12, |words| operations::dense::backward_weights::<f64>(ALL, &dense, &x, &dy, words));
    let (squares, ones) = (11_440.0, 528.0);
    assert_eq!(words[..4], [squares, 0.0, 2.0 * squares, 0.0]);
    assert_eq!(words[4..8], [-squares, 0.0, -2.0 * squares, 0.0]);
    assert_eq!(words[8..], [ones, 0.0, 2.0 * ones, 0.0]);
}

#[test]
fn rbf_gives_minus_the_distances_and_pulls_to_the_code() {
    let rbf = Rbf { inputs: 2, classes: 5, input_activation: Activation::Identity, weights: 4 };
    // Class 0 has the code (1, -1), class 4 the code (-1, -1), the others (1, 1).
    let mut parameters = vec![f32::NAN; 4 + 2 * 2 * PACK];
    parameters[4..8].copy_from_slice(&[1.0; 4]);
    parameters[8..12].copy_from_slice(&[-1.0, 1.0, 1.0, 1.0]);
    (parameters[12], parameters[16]) = (-1.0, -1.0);
    let x = block(&[0.5, 2.0]);
    let y = floats(5 * BLOCK, |y| operations::rbf::forward::<f64>(ALL, &rbf, &x, &parameters, y));
    assert_eq!(sample(&y, 0), [-9.25, -1.25, -1.25, -1.25, -11.25]);
    assert_eq!(sample(&y, 1), [-25.0, -9.0, -9.0, -9.0, -29.0]);
    let dy = block(&[1.0, 0.0, 0.0, 0.0, -2.0]);
    let backward = |rbf: &Rbf, x: &[f32]| {
        let dx = |dx: &mut [u32]| operations::rbf::backward_input::<f64>(ALL, rbf, &dy, &parameters, x, dx);
        floats(2 * BLOCK, dx)
    };
    let dx = backward(&rbf, &x);
    // Sample 0: -2 (0.5 - 1) + 4 (0.5 + 1) and -2 (2 + 1) + 4 (2 + 1); sample 1: -4 (1 - 1) + 8 (1 + 1) and so on.
    assert_eq!((sample(&dx, 0), sample(&dx, 1)), (vec![7.0, 6.0], vec![16.0, 20.0]));
    let relu = Rbf { input_activation: Activation::Relu, ..rbf };
    let x = block(&[-0.5, 2.0]);
    assert_eq!(sample(&backward(&relu, &x), 0), [0.0, 6.0]);
}

/// The outputs of a loss of two classes, which scales by `scale`: probabilities, gradients, metrics and predictions.
fn losses(kind: model::Loss, scale: f32, step: &Step, logits: &[f32], targets: &[u32]) -> [Vec<Traced>; 4] {
    let op = Loss { classes: 2, kind, scale, batch: BLOCK, gradient: true };
    let mut words = [2 * BLOCK, 2 * BLOCK, 4, step.count as usize].map(|words| vec![Traced::default(); words]);
    let [probabilities, dlogits, metrics, predictions] = words.each_mut().map(|words| &mut words[..]);
    let outputs = operations::softmax_cross_entropy::Loss { probabilities, dlogits, metrics, predictions };
    operations::softmax_cross_entropy::forward::<Traced>(ALL, &op, step, logits, targets, outputs);
    words
}

#[test]
fn the_losses_of_distances_are_those_of_the_paper() {
    // Distances of 1 and 2.
    let logits = [[-1.0; BLOCK], [-2.0; BLOCK]].concat();
    let mut targets = [MASKED; BLOCK];
    targets[..2].copy_from_slice(&[0, 1]);
    let step = Step { count: 2, ..Step::default() };
    let close = |a: Traced, b: f64| assert!((a.value - b).abs() < 1e-7, "{a:?} is not {b}");
    let [e1, e2, e3] = [1.0, 2.0, 3.0].map(|d: f64| (-d).exp());

    let [probabilities, dlogits, metrics, _] = losses(model::Loss::Mse, 0.25, &step, &logits, &targets);
    close(metrics[0], 0.25 * (1.0 + 2.0));
    close(dlogits[0], -0.25 / 2.0);
    close(dlogits[BLOCK], 0.0);
    close(probabilities[0], e1 / (e1 + e2));

    let map = model::Loss::Map { j: 3.0 };
    let [probabilities, dlogits, metrics, predictions] = losses(map, 0.25, &step, &logits, &targets);
    close(metrics[0], 0.25 * (1.0 + 2.0 + 2.0 * (e1 + e2 + e3).ln()));
    close(dlogits[0], 0.25 * (e1 / (e1 + e2 + e3) - 1.0) / 2.0);
    close(dlogits[BLOCK], 0.25 * e2 / (e1 + e2 + e3) / 2.0);
    close(probabilities[0], e1 / (e1 + e2 + e3));
    assert_eq!(predictions[0].value, 0.0);
    // Rubbish is nearest, and is no class.
    let far: Vec<f32> = logits.iter().map(|logit| logit - 500.0).collect();
    let [probabilities, _, metrics, predictions_far] = losses(map, 0.25, &step, &far, &targets);
    close(probabilities[0], 0.0);
    close(metrics[0], 0.25 * (501.0 + 502.0 - 2.0 * 3.0));
    assert_eq!((predictions_far[0].value, metrics[1].value), (0.0, 1.0));
}

#[test]
fn softmax_cross_entropy_of_two_classes() {
    let mut logits = vec![0.0; 2 * BLOCK];
    logits[BLOCK] = 3.0_f32.ln(); // sample 0: probabilities 1/4 and 3/4
    logits[2] = 1000.0; // sample 2: no overflow
    let mut targets = [MASKED; BLOCK];
    targets[..3].copy_from_slice(&[0, 1, 1]);
    let step = Step { start: 5, count: 3, ..Step::default() };
    let forward = |step| losses(model::Loss::SoftmaxCrossEntropy, 1.0, step, &logits, &targets);
    let [probabilities, dlogits, metrics, predictions] = forward(&step);
    let close = |a: Traced, b: f64| assert!((a.value - b).abs() < 1e-7, "{a:?} is not {b}");
    close(probabilities[0], 0.25);
    close(probabilities[BLOCK], 0.75);
    close(dlogits[0], -0.75 / 3.0);
    close(dlogits[BLOCK], 0.75 / 3.0);
    close(metrics[0], 4.0_f64.ln() + 2.0_f64.ln() + 1000.0);
    assert_eq!(metrics[1].value, 0.0, "sample 1 is a tie: the first class is taken, and is wrong");
    assert_eq!(metrics[2].value, 3.0, "masked samples do not count");
    assert_eq!(predictions.iter().map(|p| p.value).collect::<Vec<_>>(), [1.0, 0.0, 0.0]);
    assert_eq!((dlogits[3], dlogits[BLOCK + 3]), Default::default());

    // Smoothing 0.2: targets 0.9 and 0.1.
    let smooth = Step { label_smoothing: 0.2, ..step };
    let [_, dlogits, metrics, _] = forward(&smooth);
    let losses = [0.9 * 4.0_f64.ln() + 0.1 * (4.0_f64 / 3.0).ln(), 2.0_f64.ln(), 900.0];
    let expected: f64 = losses.iter().sum();
    assert!((metrics[0].value - expected).abs() < 1e-5, "0.2 in f32 is not 0.2");
    close(dlogits[0], (0.25 - 0.9) / 3.0);
}

#[test]
fn sums_of_gradients() {
    let partials = Partials { first: 2, words: 3, slots: 2, rows_per_slot: 1, samples: BLOCK };
    let segment = Segment { first: 0, partials };
    let slots = [9.0, 9.0, 1.0, 2.0, 3.0, -10.0, 20.0, 30.0, 9.0];
    let traced = written(3, |words| operations::sums::gradients::<Traced>(&segment, &slots, None, words));
    assert_eq!(traced[0], Traced { value: -9.0, magnitude: 11.0 });
    assert_eq!((traced[1].value, traced[2].value), (22.0, 33.0));
    let mask = Some(&[0.0, 1.0, 0.0][..]);
    let masked = floats(3, |words| operations::sums::gradients::<f64>(&segment, &slots, mask, words));
    assert_eq!(masked, [0.0, 22.0, 0.0]);
}

#[test]
fn optimisers_take_the_step_of_the_textbook() {
    let step = Step { learning_rate: 0.5, momentum: 0.5, weight_decay: 0.25, ..Step::default() };
    // g = 1 + 0.25 * 4 = 2; m = 0.5 * 6 + 2 = 5; w = 4 - 0.5 * 5, or Nesterov 4 - 0.5 * (2 + 2.5).
    assert_eq!(operations::optimizer::sgd(false, &step, 1.0, 4.0, 6.0), (1.5, 5.0));
    assert_eq!(operations::optimizer::sgd(true, &step, 1.0, 4.0, 6.0), (1.75, 5.0));

    // A first step of Adam: the corrected moments are g and g^2, so it moves by rate * |g| / (|g| + epsilon).
    let step = Step { beta2: 0.75, correction1: 2.0, correction2: 4.0, epsilon: 2.0, ..step };
    // Adam: g = 1 + 1 = 2; AdamW: w = 4 - 0.5 * 0.25 * 4 = 3.5 with g = 1.
    assert_eq!(operations::optimizer::adam(false, &step, 1.0, 4.0, 0.0, 0.0), (4.0 - 0.5 * 2.0 / 4.0, 1.0, 1.0));
    assert_eq!(operations::optimizer::adam(true, &step, 1.0, 4.0, 0.0, 0.0), (3.5 - 0.5 / 3.0, 0.5, 0.25));
}

/// One of two equal parameters is not trained: neither gradient nor decay moves it.
#[test]
fn what_is_not_trained_stays() {
    let step = Step { weight_decay: 0.25, learning_rate: 0.5, epsilon: 1.0, ..Step::default() };
    for optimizer in [Optimizer::Sgd, Optimizer::Nesterov, Optimizer::Adam, Optimizer::AdamW] {
        let step = step.with_decays(0.5, 0.5, 1);
        let mut words = vec![[4.0_f32.to_bits(); 2]];
        words.extend(optimizer.states().iter().map(|_| [0; 2]));
        let (parameters, states) = words.split_first_mut().unwrap();
        let states = states.iter_mut().map(|state| &mut state[..]).collect();
        let mask = Some(&[0.0, 1.0][..]);
        let gradients = &mut [2.0_f32.to_bits(); 2];
        operations::optimizer::update::<f64>(optimizer, &step, mask, parameters, states, gradients, |_, _| ());
        let words: Vec<_> = words.iter().map(|words| words.map(f32::from_bits)).collect();
        assert_eq!(words[0][0], 4.0, "{}", optimizer.name());
        assert!(words[0][1] < 4.0 && words[1..].iter().all(|state| state[0] == 0.0 && state[1] > 0.0), "{words:?}");
    }
}

#[test]
fn activations_and_their_derivatives_at_known_points() {
    let value = |activation, a: f64| operations::activation::activate(activation, a);
    let slope = |activation, y: f32| operations::activation::backward(activation, 1.0_f64, y);
    assert_eq!((value(Activation::Relu, -2.0), value(Activation::Relu, 2.0)), (0.0, 2.0));
    assert!(value(Activation::Relu, f64::NAN).is_nan(), "a NaN must not be hidden");
    assert_eq!((slope(Activation::Relu, 0.0), slope(Activation::Relu, 1e-30)), (0.0, 1.0));
    assert_eq!((value(Activation::Sigmoid, 0.0), slope(Activation::Sigmoid, 0.5)), (0.5, 0.25));
    assert_eq!((value(Activation::Tanh, 0.0), slope(Activation::Tanh, 0.5)), (0.0, 0.75));
    // The paper chose its constants so that f(1) = 1 and f(-1) = -1.
    assert!((value(Activation::ScaledTanh, 1.0) - 1.0).abs() < 1e-4);
    assert!((value(Activation::ScaledTanh, -1.0) + 1.0).abs() < 1e-4);
    assert!((slope(Activation::ScaledTanh, 0.0) - 1.7159 * 2.0 / 3.0).abs() < 1e-12);
}
