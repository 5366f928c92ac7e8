//! A grey image as a digit in the look of MNIST, for recognising it.
//!
//! Source of the look: LeCun et al. 1998, section III.A: "size normalized to fit in a 20x20 pixel box
//! while preserving their aspect ratio", then "centered in a 28x28 image by computing the center of mass
//! of the pixels".

use super::grey::Grey;
use super::ink::{Plane, Window};
use crate::error::{Error, Result};

/// Rows and columns of a digit.
pub const SIDE: usize = 28;

/// Most rows or columns of the ink after size normalisation.
const BOX: usize = 20;

/// Grey levels `[row][column]`, 0 (background) to 255 (ink).
pub type Digit = [u8; SIDE * SIDE];

/// Row and column of the centre of mass in MNIST, to whole pixels.
const CENTRE: f32 = 14.0;

/// Finds the digit in an image and gives it the look of MNIST.
///
/// The image may be of any size, dark on light or light on dark. Ink and background are told apart by
/// Otsu's threshold, once light that changes steadily across the image is evened out; the level of most of
/// the border and of the image is background. The connected piece with most ink, and the pieces close to it,
/// are the digit; the rest is dropped.
///
/// Not handled: hard shadows, and several digits in one image (those close together become one).
///
/// Errors: a number of pixels that is not `width` x `height`; no ink: the image is blank or has little contrast.
pub fn prepare(image: &Grey) -> Result<Digit> {
    let Grey { width, height, ref pixels } = *image;
    if width.checked_mul(height) != Some(pixels.len()) {
        return Err(Error::input(
            format!("an image of {width}x{height} pixels, but {} grey levels", pixels.len()),
            "give one grey level per pixel",
        ));
    }
    let ink = Plane::from_image(image).evenly_lit().ink().ok_or_else(|| {
        Error::input("no digit found: the image is blank or has too little contrast", "give an image of one digit")
    })?;
    let (digit, window) = ink.digit_alone(BOX);
    Ok(normalised(&digit, window))
}

/// The digit in `window` made to fit [`BOX`], and centred by its centre of mass.
fn normalised(plane: &Plane, window: Window) -> Digit {
    // Pixels of the plane per pixel of the digit, the same for both axes.
    let step = window.width().max(window.height()) as f32 / BOX as f32;
    let columns = weights(window.left, window.right, plane.width, step);
    let rows = weights(window.top, window.bottom, plane.height, step);
    let mut small = vec![0.0_f32; rows.len() * columns.len()];
    for (row, line) in rows.iter().zip(small.chunks_mut(columns.len())) {
        for (column, level) in columns.iter().zip(line) {
            for &(y, share) in row {
                *level +=
                    share * column.iter().map(|&(x, share)| share * plane.levels[y * plane.width + x]).sum::<f32>();
            }
        }
    }

    let total: f32 = small.iter().sum();
    let brightest = small.iter().fold(1.0_f32, |most, &level| most.max(level));
    let (mut mass_x, mut mass_y) = (0.0, 0.0);
    for (index, level) in small.iter().enumerate() {
        mass_x += level * (index % columns.len()) as f32;
        mass_y += level * (index / columns.len()) as f32;
    }
    // At most so far that the soft edge alone falls outside.
    let offset = |mass: f32, size: usize| {
        (CENTRE - mass / total.max(1.0)).round().clamp(-1.0, (SIDE + 1) as f32 - size as f32) as isize
    };
    let (left, top) = (offset(mass_x, columns.len()), offset(mass_y, rows.len()));
    let inside = |pixel: usize, offset: isize| pixel.checked_add_signed(offset).filter(|&pixel| pixel < SIDE);
    let mut digit = [0; SIDE * SIDE];
    for (index, level) in small.iter().enumerate() {
        if let (Some(x), Some(y)) = (inside(index % columns.len(), left), inside(index / columns.len(), top)) {
            // Thin strokes fade when made small; in MNIST strokes are dark.
            digit[y * SIDE + x] = (level * 255.0 / brightest).round() as u8;
        }
    }
    digit
}

/// Per pixel of the digit along one axis: the pixels of a line of `length` that it averages, with weights.
///
/// `start..end` is made 1 to [`BOX`] pixels long, and one more at each end takes the soft edge. A pixel
/// averages the `step` pixels that it covers. If it covers less than one, it averages an interval of one,
/// which is linear interpolation.
fn weights(start: usize, end: usize, length: usize, step: f32) -> Vec<Vec<(usize, f32)>> {
    let count = (((end - start) as f32 / step).round() as usize).clamp(1, BOX);
    let first = ((start + end) as f32 - count as f32 * step) / 2.0 - step;
    let reach = step.max(1.0) / 2.0;
    (0..count + 2)
        .map(|pixel| {
            let middle = first + (pixel as f32 + 0.5) * step;
            let (from, to) = (middle - reach, middle + reach);
            (from.max(0.0) as usize..(to.max(0.0).ceil() as usize).min(length))
                .map(|x| (x, (to.min(x as f32 + 1.0) - from.max(x as f32)) / (to - from)))
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;
    use crate::data::{Dataset, Source, Split};

    /// The first `count` test digits of MNIST.
    fn mnist(count: usize) -> Vec<Grey> {
        let folder = Source::Folder(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/mnist").into());
        let mnist = Dataset::load(&folder, Split::Test, (28, 28)).unwrap();
        let grey = |digit: &[u8]| Grey { width: 28, height: 28, pixels: digit.to_vec() };
        mnist.images.chunks(784).take(count).map(grey).collect()
    }

    /// An image whose pixel (x, y) is `level(x, y)`.
    fn drawn(width: usize, height: usize, mut level: impl FnMut(usize, usize) -> u8) -> Grey {
        let points = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Grey { width, height, pixels: points.map(|(x, y)| level(x, y)).collect() }
    }

    fn inverted(image: &Grey) -> Grey {
        Grey { pixels: image.pixels.iter().map(|level| 255 - level).collect(), ..*image }
    }

    /// Mean difference of grey levels.
    fn difference(a: &[u8], b: &[u8]) -> u32 {
        a.iter().zip(b).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum::<u32>() / 784
    }

    #[test]
    fn the_look_is_that_of_mnist() {
        // A bar of 45x300 in a corner: 3x20, its centre of mass in the middle.
        let bar = |x, y| if (600..645).contains(&x) && (20..320).contains(&y) { 30 } else { 250 };
        let mut expected = [0; SIDE * SIDE];
        for y in 5..25 {
            expected[y * SIDE + 13..y * SIDE + 16].fill(255);
        }
        assert_eq!(prepare(&drawn(700, 500, bar)).unwrap(), expected);
    }

    #[test]
    fn specks_and_what_is_far_away_are_dropped() {
        for digit in mnist(20) {
            // Enlarged five times, 20 pixels from the corner.
            let clean = drawn(400, 300, |x, y| {
                let inside = (20..160).contains(&x) && (20..160).contains(&y);
                if inside { digit.pixels[(y - 20) / 5 * 28 + (x - 20) / 5] } else { 0 }
            });
            let mut dirty = clean.clone();
            for n in 0..60 {
                dirty.pixels[n * 37 % 300 * 400 + n * 6 % 400] = 255;
            }
            for y in 50..250 {
                dirty.pixels[y * 400 + 390..y * 400 + 393].fill(255);
            }
            let difference = difference(&prepare(&clean).unwrap(), &prepare(&dirty).unwrap());
            assert!(difference < 5, "{difference}");
        }
    }

    #[test]
    fn a_digit_that_fills_its_image_keeps_its_polarity() {
        let mut kept = 0;
        for digit in mnist(200) {
            let window = Plane::from_image(&digit).ink().unwrap().digit_alone(BOX).1;
            let cut =
                drawn(window.width(), window.height(), |x, y| digit.pixels[(window.top + y) * 28 + window.left + x]);
            let faithful = |image: &Grey| difference(&prepare(image).unwrap(), &digit.pixels) < 10;
            kept += usize::from(faithful(&cut) && faithful(&inverted(&cut)));
        }
        assert!(kept >= 180, "{kept} of 200");
    }

    #[test]
    fn images_without_a_digit_are_refused() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut grain = |_, _| {
            // A sum of twelve uniform numbers has variance 1; the standard deviation is 5 grey levels.
            let sum: f32 = (0..12).map(|_| random.next_u32() as f32 / u32::MAX as f32).sum();
            (180.0 + 5.0 * (sum - 6.0)) as u8
        };
        for image in [
            drawn(0, 0, |_, _| 0),
            drawn(5, 0, |_, _| 0),
            drawn(0, 5, |_, _| 0),
            Grey { width: 0, height: usize::MAX, pixels: vec![] },
            Grey { width: usize::MAX, height: 0, pixels: vec![] },
            drawn(1, 1, |_, _| 0),
            drawn(28, 28, |_, _| 255),
            drawn(300, 200, |_, _| 130),
            drawn(300, 200, &mut grain),
        ] {
            let error = prepare(&image).unwrap_err().to_string();
            assert_eq!(error, "no digit found: the image is blank or has too little contrast");
        }
    }

    #[test]
    fn the_pixels_must_fill_the_image() {
        for (width, height) in [(3, 3), (3, 5), (usize::MAX, 2)] {
            let error = prepare(&Grey { width, height, pixels: vec![0; 12] }).unwrap_err().to_string();
            assert_eq!(error, format!("an image of {width}x{height} pixels, but 12 grey levels"));
        }
    }

    #[test]
    fn no_image_makes_it_panic() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        for (width, height) in [(1, 2), (2, 1), (1, 50), (50, 1), (3, 3), (28, 28), (1025, 2), (2, 3000)] {
            for _ in 0..20 {
                let _ = prepare(&drawn(width, height, |_, _| random.next_u32() as u8));
                let _ = prepare(&drawn(width, height, |_, _| (random.next_u32() % 2 * 255) as u8));
            }
        }
    }
}
