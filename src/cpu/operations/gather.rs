//! Gather: the samples of a step, padded, scaled and laid out in blocks.

use crate::cpu::accumulator::Sum;
use crate::cpu::layout::Samples;
use crate::plan::{Gather, MASKED, QUAD, Step};

/// The inputs and targets of a step.
///
/// ```text
/// Shapes:  images bytes [sample,h,w], four per word  labels [sample]  order [sample]  ->
///          x [block,c,H,W,n] f32, targets [block,n] u32
/// Math:    x = background + (foreground - background) * byte / 255, the image centred: its first row is
///          row (H-h)/2, its first column column (W-w)/2; the rest is background. Sample n is
///          order[start + n]; for n >= count x is background and the target MASKED.
/// ```
///
/// With [`Gather::bytes`], x stays bytes, and the background is byte 0.
pub fn forward<S: Sum>(
    samples: Samples,
    gather: &Gather,
    step: &Step,
    (images, labels, order): (&[u32], &[u32], &[u32]),
    x: &mut [S::Word],
    targets: &mut [S::Word],
) {
    let Gather { image_height, image_width, input, levels: [background, foreground], bytes } = *gather;
    let (top, left) = ((input.height - image_height) / 2, (input.width - image_width) / 2);
    let (size, quads) = (samples.size, samples.size / QUAD);
    let (start, count) = (step.start as usize, step.count as usize);
    let mut packed = vec![0; if bytes { x.len() } else { 0 }];
    x.fill(S::exact(background).word());
    targets.fill(S::integer(MASKED));
    for n in 0..count {
        let sample = order[start + n] as usize;
        let (block, lane) = (n / size, n % size);
        targets[n] = S::integer(labels[sample]);
        for row in 0..image_height {
            for column in 0..image_width {
                let pixel = (sample * image_height + row) * image_width + column;
                let byte = images[pixel / 4] >> (8 * (pixel % 4)) & 0xff;
                let mut value = S::exact(background);
                value.add_product(f64::from(foreground) - f64::from(background), f64::from(byte) / 255.0);
                for channel in 0..input.channels {
                    let map = (block * input.channels + channel) * input.height + row + top;
                    let column = column + left;
                    if bytes {
                        packed[(map * input.width + column) * quads + lane / QUAD] |= byte << (8 * (lane % QUAD));
                    } else {
                        x[(map * input.width + column) * size + lane] = value.word();
                    }
                }
            }
        }
    }
    x.iter_mut().zip(packed).for_each(|(x, word)| *x = S::integer(word));
}
