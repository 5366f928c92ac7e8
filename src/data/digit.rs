//! Image files in the look of MNIST, for recognising them.
//!
//! Source of the look: LeCun et al. 1998, section III.A: "size normalized to fit in a 20x20 pixel box
//! while preserving their aspect ratio", then "centered in a 28x28 image by computing the center of mass
//! of the pixels".

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use image::{DynamicImage, GrayAlphaImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits, Luma};

use crate::error::{Error, Result};

/// Rows and columns of a digit.
pub const SIDE: usize = 28;

/// Most rows or columns of the ink after size normalisation.
const BOX: usize = 20;

/// Grey levels `[row][column]`, 0 (background) to 255 (ink).
pub type Digit = [u8; SIDE * SIDE];

/// Largest file that is read.
const MOST_FILE_BYTES: u64 = 256 << 20;

/// Largest image that is decoded.
const MOST_PIXELS: u64 = 100_000_000;

/// Longest side to look at; larger images are averaged down to it first.
const LONGEST_SIDE: u32 = 1024;

/// Ink of a pixel, of 255, from which it counts for the size of the digit: grain and the ringing of JPEG
/// have less; in MNIST, 9989 of the 10,000 test digits are 20 pixels long by this measure.
const LEAST_LEVEL: f32 = 64.0;

/// Row and column where MNIST has the centre of mass, as near as whole pixels allow.
const CENTRE: f32 = 14.0;

/// Least difference of mean grey level between ink and background: paper grain has less.
const LEAST_CONTRAST: f64 = 20.0;

/// Reads an image file and prepares the digit in it; see [`from_bytes`].
pub fn load(path: &Path) -> Result<Digit> {
    let name = path.display().to_string();
    let unreadable = |e: std::io::Error| {
        Error::input(format!("{name}: cannot read: {e}"), "give an image file that exists and may be read")
    };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MOST_FILE_BYTES + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    from_bytes(&name, &bytes)
}

/// Decodes an image (PNG, JPEG, GIF, BMP, PNM, TIFF or WebP) and prepares the digit in it; see [`prepare`].
///
/// `name` stands for the image in errors. Colours become luminance; a turned photograph is turned back
/// (Exif). Transparent pixels take the colour of the border, or whatever stands out from the ink where
/// the border itself is transparent. Of an animation or a file of several pages, the first is taken.
///
/// Errors: cannot be decoded, has no ink, or is larger than 100 megapixels or 256 MiB.
pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Digit> {
    let image = decode(bytes).map_err(|e| e.context(name))?;
    prepare(&image).map_err(|e| e.context(name))
}

/// The image files directly in a folder, by name.
///
/// A file is taken for an image by its extension; hidden files are passed over.
/// Errors: the folder cannot be listed, or has no image.
pub fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |e: std::io::Error| {
        Error::input(format!("{}: cannot list the folder: {e}", folder.display()), "give a folder of image files")
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        let image = ImageFormat::from_path(&path).is_ok_and(|format| format.reading_enabled());
        if image && path.is_file() && !entry.file_name().as_encoded_bytes().starts_with(b".") {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Error::input(
            format!("{}: no image files in the folder", folder.display()),
            "give a folder with files such as digit.png or digit.jpg",
        ));
    }
    files.sort();
    Ok(files)
}

/// Finds the digit in an image and gives it the look of MNIST.
///
/// The image may be of any size, dark on light or light on dark. Ink and background are told apart by
/// Otsu's threshold, once light that changes steadily across the image is evened out; what most of the
/// border and of the image is, is background. The connected piece with most ink, and the pieces close
/// to it, are the digit; the rest is dropped.
///
/// Not handled: hard shadows, and several digits in one image (those close together become one).
///
/// Errors: no ink: the image is blank or has next to no contrast.
pub fn prepare(image: &GrayImage) -> Result<Digit> {
    let ink = Plane::from_image(image).evenly_lit().ink().ok_or_else(|| {
        Error::input("no digit found: the image is blank or has too little contrast", "give an image of one digit")
    })?;
    let (digit, window) = ink.digit_alone();
    Ok(normalised(&digit, window))
}

fn decode(bytes: &[u8]) -> Result<GrayImage> {
    let failed = |e: image::ImageError| {
        Error::input(
            format!("cannot decode the image: {}", e.to_string().replace('\n', " ")),
            "give a PNG, JPEG, GIF, BMP, PNM, TIFF or WebP image",
        )
    };
    let too_large = |what: String| Error::input(what, "give a smaller image of the digit");
    if bytes.len() as u64 > MOST_FILE_BYTES {
        return Err(too_large(format!("the file is larger than {} MiB", MOST_FILE_BYTES >> 20)));
    }
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| failed(e.into()))?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_PIXELS * 8);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(too_large(format!(
            "{width}x{height} pixels; at most {} megapixels are decoded",
            MOST_PIXELS / 1_000_000
        )));
    }
    limits.reserve(decoder.total_bytes()).and_then(|()| decoder.set_limits(limits)).map_err(failed)?;
    // A broken Exif block is no reason to refuse a picture.
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    image.apply_orientation(orientation);
    Ok(if image.color().has_alpha() { without_alpha(&image.to_luma_alpha8()) } else { image.into_luma8() })
}

/// Lays an image with transparency on a background that keeps its ink visible.
fn without_alpha(image: &GrayAlphaImage) -> GrayImage {
    // Mean opacity and mean luminance of the opaque part, 0 to 1 and 0 to 255.
    fn mean<'a>(pixels: impl Iterator<Item = &'a image::LumaA<u8>>) -> (f64, f64) {
        let (mut count, mut opacity, mut luminance) = (0.0, 0.0, 0.0);
        for &image::LumaA([luma, alpha]) in pixels {
            let alpha = f64::from(alpha) / 255.0;
            count += 1.0;
            opacity += alpha;
            luminance += alpha * f64::from(luma);
        }
        (opacity / f64::max(count, 1.0), luminance / f64::max(opacity, 1e-9))
    }
    let (width, height) = image.dimensions();
    let background = match mean(border(width, height).map(|(x, y)| image.get_pixel(x, y))) {
        (opacity, luminance) if opacity > 0.5 => luminance,
        _ if mean(image.pixels()).1 < 128.0 => 255.0,
        _ => 0.0,
    };
    GrayImage::from_fn(width, height, |x, y| {
        let image::LumaA([luma, alpha]) = *image.get_pixel(x, y);
        let alpha = f64::from(alpha) / 255.0;
        Luma([(alpha * f64::from(luma) + (1.0 - alpha) * background).round() as u8])
    })
}

/// Places of the outermost pixels; each corner comes twice.
fn border(width: u32, height: u32) -> impl Iterator<Item = (u32, u32)> {
    let rows = (0..width).flat_map(move |x| [(x, 0), (x, height.saturating_sub(1))]);
    let columns = (0..height).flat_map(move |y| [(0, y), (width.saturating_sub(1), y)]);
    rows.chain(columns).filter(move |_| width > 0 && height > 0)
}

/// Grey levels `[row][column]`, 0 to 255, before rounding.
#[derive(Debug, Clone, PartialEq)]
struct Plane {
    width: usize,
    height: usize,
    levels: Vec<f32>,
}

/// Part of a plane: columns `left..right`, rows `top..bottom`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

impl Window {
    fn width(self) -> usize {
        self.right - self.left
    }

    fn height(self) -> usize {
        self.bottom - self.top
    }

    /// Grows to take in the pixel (x, y).
    fn include(&mut self, x: usize, y: usize) {
        self.left = self.left.min(x);
        self.top = self.top.min(y);
        self.right = self.right.max(x + 1);
        self.bottom = self.bottom.max(y + 1);
    }

    /// Empty columns or rows between two windows, whichever are more; 0 if they touch.
    fn gap(self, other: Self) -> usize {
        let between = |end: usize, start: usize| start.saturating_sub(end);
        between(self.right, other.left)
            .max(between(other.right, self.left))
            .max(between(self.bottom, other.top))
            .max(between(other.bottom, self.top))
    }
}

/// A connected piece of ink.
struct Piece {
    ink: f32,
    window: Window,
    pixels: Vec<usize>,
}

impl Plane {
    /// The image, averaged down to at most [`LONGEST_SIDE`].
    fn from_image(image: &GrayImage) -> Self {
        let factor = image.width().max(image.height()).div_ceil(LONGEST_SIDE).max(1) as usize;
        let (width, height) = (image.width() as usize, image.height() as usize);
        let plane = Self { width: width.div_ceil(factor), height: height.div_ceil(factor), levels: Vec::new() };
        let pixels = image.as_raw();
        let mut levels = Vec::with_capacity(plane.width * plane.height);
        for top in (0..height).step_by(factor) {
            for left in (0..width).step_by(factor) {
                let (bottom, right) = ((top + factor).min(height), (left + factor).min(width));
                let sum: u64 = (top..bottom)
                    .flat_map(|y| &pixels[y * width + left..y * width + right])
                    .map(|&p| u64::from(p))
                    .sum();
                levels.push(sum as f32 / ((bottom - top) * (right - left)) as f32);
            }
        }
        Self { levels, ..plane }
    }

    /// The image without a steady change of light across it, if that is what its border shows.
    fn evenly_lit(self) -> Self {
        if self.levels.is_empty() {
            return self;
        }
        let (width, height) = (self.width, self.height);
        let level = |x: usize, y: usize| self.levels[y * width + x];
        let row = |y| median((0..width).map(|x| level(x, y)).collect());
        let column = |x| median((0..height).map(|y| level(x, y)).collect());
        let (across, down) = (column(width - 1) - column(0), row(height - 1) - row(0));
        let tilt = |x: usize, y: usize| {
            let along = |place: usize, length: usize| (place as f32 + 0.5) / length as f32 - 0.5;
            across * along(x, width) + down * along(y, height)
        };
        // Ink that lies along one side of the image tilts the medians too, but then the tilt does not
        // explain the other sides.
        let unevenness = |levels: Vec<f32>| {
            let middle = median(levels.clone());
            levels.iter().map(|level| (level - middle).abs()).sum::<f32>()
        };
        let edge = || border(width as u32, height as u32).map(|(x, y)| (x as usize, y as usize));
        let before = unevenness(edge().map(|(x, y)| level(x, y)).collect());
        let after = unevenness(edge().map(|(x, y)| level(x, y) - tilt(x, y)).collect());
        if after >= before / 2.0 {
            return self;
        }
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let levels = places.map(|(x, y)| (level(x, y) - tilt(x, y)).clamp(0.0, 255.0)).collect();
        Self { levels, ..self }
    }

    /// How much ink each pixel holds, 0 to 255, and which pixels are ink; `None` if there is none.
    fn ink(&self) -> Option<Ink> {
        let (threshold, contrast) = otsu(&self.levels);
        if contrast < LEAST_CONTRAST {
            return None;
        }
        let is_light = |level: f32| level >= threshold;
        let share = |light: usize, all: usize| light as f64 / all as f64;
        let light = self.levels.iter().filter(|&&level| is_light(level)).count();
        let edge: Vec<bool> = border(self.width as u32, self.height as u32)
            .map(|(x, y)| is_light(self.levels[y as usize * self.width + x as usize]))
            .collect();
        let light_at_edge = edge.iter().filter(|&&light| light).count();
        let dark_ink = share(light, self.levels.len()) + share(light_at_edge, edge.len()) > 1.0;

        let is_ink = |level: f32| is_light(level) != dark_ink;
        let all = |ink: bool| self.levels.iter().copied().filter(|&level| is_ink(level) == ink).collect();
        let paper = quantile(all(false), 0.5)?;
        // The strongest ink, but for outliers.
        let full = quantile(all(true), if dark_ink { 0.1 } else { 0.9 })?;
        let levels =
            self.levels.iter().map(|level| ((level - paper) / (full - paper)).clamp(0.0, 1.0) * 255.0).collect();
        let solid = self.levels.iter().map(|&level| is_ink(level)).collect();
        Some(Ink { plane: Self { levels, ..*self }, solid })
    }
}

/// The middle level, or 0 of none.
fn median(levels: Vec<f32>) -> f32 {
    quantile(levels, 0.5).unwrap_or(0.0)
}

/// The level below which `share` of the levels lie; `None` of none.
fn quantile(mut levels: Vec<f32>, share: f32) -> Option<f32> {
    let place = (levels.len().saturating_sub(1) as f32 * share) as usize;
    (place < levels.len()).then(|| *levels.select_nth_unstable_by(place, f32::total_cmp).1)
}

/// The first level above Otsu's threshold, and the difference of the means on its two sides (0 for a blank
/// image).
///
/// Source: Otsu, "A threshold selection method from gray-level histograms", 1979.
fn otsu(levels: &[f32]) -> (f32, f64) {
    let mut histogram = [0_u64; 256];
    for &level in levels {
        histogram[level as usize] += 1;
    }
    let weighted = |(level, &count): (usize, &u64)| level as f64 * count as f64;
    let total: f64 = histogram.iter().enumerate().map(weighted).sum();
    let (mut below, mut sum) = (0.0, 0.0);
    let (mut best, mut threshold, mut contrast) = (0.0, 0.0, 0.0);
    for (level, &count) in histogram.iter().enumerate() {
        below += count as f64;
        sum += weighted((level, &count));
        let above = levels.len() as f64 - below;
        if below == 0.0 || above == 0.0 {
            continue;
        }
        let difference = (total - sum) / above - sum / below;
        let variance = below * above * difference * difference;
        if variance > best {
            (best, threshold, contrast) = (variance, level as f32 + 1.0, difference);
        }
    }
    (threshold, contrast)
}

/// Ink of an image, and which pixels are surely ink.
struct Ink {
    plane: Plane,
    solid: Vec<bool>,
}

impl Ink {
    /// The digit with its soft edge and without the rest, and the window that holds it.
    fn digit_alone(&self) -> (Plane, Window) {
        let Plane { width, height, ref levels } = self.plane;
        let pieces = self.pieces();
        // There always is one: a threshold has levels on both sides.
        let Some(main) = pieces.iter().max_by(|a, b| a.ink.total_cmp(&b.ink)) else {
            return (self.plane.clone(), Window { left: 0, top: 0, right: width, bottom: height });
        };
        let size = main.window.width().max(main.window.height());
        let (near, speck) = (size / 3, main.ink / 100.0);

        // Take in what is within one pixel of the digit as it will be, for its edges are soft.
        let margin = size.div_ceil(BOX);
        let mut digit = vec![0.0; width * height];
        let (kept, dropped): (Vec<&Piece>, Vec<&Piece>) =
            pieces.iter().partition(|piece| piece.ink >= speck && piece.window.gap(main.window) <= near);
        for piece in kept {
            for &pixel in &piece.pixels {
                let (x, y) = (pixel % width, pixel / width);
                let columns = x.saturating_sub(margin)..(x + margin + 1).min(width);
                for y in y.saturating_sub(margin)..(y + margin + 1).min(height) {
                    let line = y * width + columns.start..y * width + columns.end;
                    digit[line.clone()].copy_from_slice(&levels[line]);
                }
            }
        }
        for &pixel in dropped.iter().flat_map(|piece| &piece.pixels) {
            digit[pixel] = 0.0;
        }
        let mut window: Option<Window> = None;
        for (pixel, _) in digit.iter().enumerate().filter(|(_, level)| **level >= LEAST_LEVEL) {
            let (x, y) = (pixel % width, pixel / width);
            window.get_or_insert(Window { left: x, top: y, right: x, bottom: y }).include(x, y);
        }
        (Plane { levels: digit, ..self.plane }, window.unwrap_or(main.window))
    }

    /// The pieces of ink that hang together, also by corners.
    fn pieces(&self) -> Vec<Piece> {
        let Plane { width, height, ref levels } = self.plane;
        let mut unseen = self.solid.clone();
        let mut pieces = Vec::new();
        for start in 0..unseen.len() {
            if !std::mem::take(&mut unseen[start]) {
                continue;
            }
            let (x, y) = (start % width, start / width);
            let mut piece =
                Piece { ink: 0.0, window: Window { left: x, top: y, right: x, bottom: y }, pixels: vec![start] };
            let mut next = 0;
            while let Some(&pixel) = piece.pixels.get(next) {
                next += 1;
                let (x, y) = (pixel % width, pixel / width);
                piece.ink += levels[pixel];
                piece.window.include(x, y);
                for y in y.saturating_sub(1)..(y + 2).min(height) {
                    for x in x.saturating_sub(1)..(x + 2).min(width) {
                        if std::mem::take(&mut unseen[y * width + x]) {
                            piece.pixels.push(y * width + x);
                        }
                    }
                }
            }
            pieces.push(piece);
        }
        pieces
    }
}

/// The digit in `window` made to fit [`BOX`], and centred by its centre of mass.
fn normalised(plane: &Plane, window: Window) -> Digit {
    // Pixels of the plane for one of the digit, the same for both axes.
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
    for (place, level) in small.iter().enumerate() {
        mass_x += level * (place % columns.len()) as f32;
        mass_y += level * (place / columns.len()) as f32;
    }
    // Never so far that more than the soft edge would fall outside.
    let offset = |mass: f32, size: usize| {
        (CENTRE - mass / total.max(1.0)).round().clamp(-1.0, (SIDE + 1) as f32 - size as f32) as isize
    };
    let (left, top) = (offset(mass_x, columns.len()), offset(mass_y, rows.len()));
    let inside = |place: usize, offset: isize| place.checked_add_signed(offset).filter(|&place| place < SIDE);
    let mut digit = [0; SIDE * SIDE];
    for (place, level) in small.iter().enumerate() {
        if let (Some(x), Some(y)) = (inside(place % columns.len(), left), inside(place / columns.len(), top)) {
            // Thin strokes fade when made small, but in MNIST none is faint.
            digit[y * SIDE + x] = (level * 255.0 / brightest).round() as u8;
        }
    }
    digit
}

/// For each pixel of the digit along one axis: which pixels of a line of `length` it averages, with weights.
///
/// `start..end` is made 1 to [`BOX`] pixels long, and one more at each end takes the soft edge. A pixel
/// averages the `step` pixels it covers; if it covers less than one, an interval of one, which is linear
/// interpolation.
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
    use image::imageops::FilterType;
    use image::{Rgba, RgbaImage};
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;
    use crate::data::{Dataset, Source, Split};

    /// The first `count` test digits of MNIST.
    fn mnist(count: usize) -> Vec<GrayImage> {
        let mnist = Dataset::load(&Source::Embedded, Split::Test, (28, 28)).unwrap();
        mnist.images.chunks(784).take(count).map(|d| GrayImage::from_raw(28, 28, d.to_vec()).unwrap()).collect()
    }

    fn encode(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.into().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn inverted(image: &GrayImage) -> GrayImage {
        let mut image = image.clone();
        image::imageops::invert(&mut image);
        image
    }

    /// Enlarged by whole factors, on a larger sheet of background 0.
    fn on_sheet(image: &GrayImage, scale: u32, (left, top): (u32, u32), (width, height): (u32, u32)) -> GrayImage {
        let large = image::imageops::resize(image, 28 * scale, 28 * scale, FilterType::Nearest);
        let mut sheet = GrayImage::new(width, height);
        image::imageops::replace(&mut sheet, &large, left.into(), top.into());
        sheet
    }

    /// Grain of a standard deviation, the same at each call.
    fn grainy(image: &GrayImage, deviation: f32) -> GrayImage {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut image = image.clone();
        for level in image.iter_mut() {
            // A sum of twelve uniform numbers has variance 1.
            let sum: f32 = (0..12).map(|_| random.next_u32() as f32 / u32::MAX as f32).sum();
            *level = (f32::from(*level) + deviation * (sum - 6.0)) as u8;
        }
        image
    }

    /// Every grey level mapped.
    fn mapped(image: &GrayImage, level: impl Fn(f32) -> f32) -> GrayImage {
        GrayImage::from_fn(image.width(), image.height(), |x, y| {
            Luma([level(f32::from(image.get_pixel(x, y).0[0])).round() as u8])
        })
    }

    #[test]
    fn mnist_in_any_dress_comes_out_as_mnist() {
        // RGBA with the digit in the alpha channel, on nothing.
        let stencil = |image: &GrayImage, ink: u8| {
            RgbaImage::from_fn(28, 28, |x, y| Rgba([ink, ink, ink, image.get_pixel(x, y).0[0]]))
        };
        let shaded = |image: &GrayImage| {
            let sheet = on_sheet(image, 6, (60, 40), (300, 260));
            GrayImage::from_fn(300, 260, |x, y| {
                let light = 0.55 + 0.4 * (x as f32 / 300.0) + 0.05 * (y as f32 / 260.0);
                Luma([(light * (230.0 - 0.7 * f32::from(sheet.get_pixel(x, y).0[0]))) as u8])
            })
        };
        type Dress<'a> = (&'a str, f64, Box<dyn Fn(&GrayImage) -> Vec<u8> + 'a>);
        let png = |image: GrayImage| encode(image, ImageFormat::Png);
        let dresses: [Dress; 12] = [
            ("plain", 1.0, Box::new(|i| png(i.clone()))),
            ("inverted", 1.0, Box::new(|i| png(inverted(i)))),
            ("JPEG", 3.0, Box::new(|i| encode(inverted(i), ImageFormat::Jpeg))),
            ("16 bit", 1.0, Box::new(|i| encode(DynamicImage::from(i.clone()).into_rgb16(), ImageFormat::Tiff))),
            ("5 times", 1.0, Box::new(|i| png(on_sheet(i, 5, (31, 7), (190, 150))))),
            (
                "5 times, JPEG",
                3.0,
                Box::new(|i| encode(inverted(&on_sheet(i, 5, (31, 7), (190, 150))), ImageFormat::Jpeg)),
            ),
            ("90 times", 1.0, Box::new(|i| encode(on_sheet(i, 90, (100, 200), (3000, 2800)), ImageFormat::Pnm))),
            ("faint", 3.0, Box::new(|i| png(mapped(i, |l| 200.0 - 0.3 * l)))),
            (
                "grainy",
                6.0,
                Box::new(|i| png(grainy(&mapped(&on_sheet(i, 7, (40, 90), (300, 400)), |l| 215.0 - 0.7 * l), 8.0))),
            ),
            ("shaded", 6.0, Box::new(|i| png(shaded(i)))),
            ("black stencil", 1.0, Box::new(|i| encode(stencil(i, 0), ImageFormat::Png))),
            ("white stencil", 1.0, Box::new(|i| encode(stencil(i, 255), ImageFormat::WebP))),
        ];
        for (name, most, dress) in dresses {
            let digits = mnist(if name == "90 times" { 10 } else { 500 });
            let mut difference = 0.0;
            for digit in &digits {
                let prepared = from_bytes(name, &dress(digit)).unwrap();
                let sum: u32 = prepared.iter().zip(digit.iter()).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum();
                difference += f64::from(sum) / 784.0 / digits.len() as f64;
            }
            assert!(difference < most, "{name}: mean difference of {difference:.3} grey levels");
        }
    }

    #[test]
    fn the_look_is_that_of_mnist() {
        // A bar of 45x300 in a corner: 3x20, its centre of mass in the middle.
        let mut image = GrayImage::from_pixel(700, 500, Luma([250]));
        for (x, y) in (0..45).flat_map(|x| (0..300).map(move |y| (x, y))) {
            image.put_pixel(600 + x, 20 + y, Luma([30]));
        }
        let digit = prepare(&image).unwrap();
        let mut expected = [0; SIDE * SIDE];
        for y in 5..25 {
            expected[y * SIDE + 13..y * SIDE + 16].fill(255);
        }
        assert_eq!(digit, expected);
    }

    #[test]
    fn specks_and_what_is_far_away_are_dropped() {
        for digit in mnist(20) {
            let clean = on_sheet(&digit, 5, (20, 20), (400, 300));
            let mut dirty = clean.clone();
            for n in 0..60 {
                dirty.put_pixel(n * 6 % 400, n * 37 % 300, Luma([255]));
            }
            for (x, y) in (0..3).flat_map(|x| (0..200).map(move |y| (x, y))) {
                dirty.put_pixel(390 + x, 50 + y, Luma([255]));
            }
            let (clean, dirty) = (prepare(&clean).unwrap(), prepare(&dirty).unwrap());
            let sum: u32 = clean.iter().zip(&dirty).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum();
            assert!(sum < 784 * 5, "{sum}");
        }
    }

    #[test]
    fn a_digit_that_fills_its_image_keeps_its_polarity() {
        let mut kept = 0;
        for digit in mnist(200) {
            let window = Plane::from_image(&digit).ink().unwrap().digit_alone().1;
            let (x, y) = (window.left as u32, window.top as u32);
            let cut = image::imageops::crop_imm(&digit, x, y, window.width() as u32, window.height() as u32).to_image();
            let difference = |image: &GrayImage| {
                let sum: u32 =
                    prepare(image).unwrap().iter().zip(digit.iter()).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum();
                sum / 784
            };
            kept += usize::from(difference(&cut) < 10 && difference(&inverted(&cut)) < 10);
        }
        assert!(kept >= 180, "{kept} of 200");
    }

    #[test]
    fn images_without_a_digit_are_refused() {
        for image in [
            GrayImage::new(0, 0),
            GrayImage::new(5, 0),
            GrayImage::new(0, 5),
            GrayImage::new(1, 1),
            GrayImage::from_pixel(28, 28, Luma([255])),
            GrayImage::from_pixel(300, 200, Luma([130])),
            grainy(&GrayImage::from_pixel(300, 200, Luma([180])), 5.0),
        ] {
            assert!(prepare(&image).unwrap_err().to_string().starts_with("no digit found"));
        }
        let blank = from_bytes("blank.png", &encode(GrayImage::new(28, 28), ImageFormat::Png)).unwrap_err();
        assert_eq!(blank.to_string(), "blank.png: no digit found: the image is blank or has too little contrast");
    }

    #[test]
    fn what_cannot_be_decoded_is_named() {
        let png = encode(GrayImage::new(28, 28), ImageFormat::Png);
        for bytes in [&b""[..], b"no image", &png[..40], &png[..png.len() - 20]] {
            let error = from_bytes("it.png", bytes).unwrap_err();
            assert!(error.to_string().starts_with("it.png: cannot decode the image: "), "{error}");
        }
        let missing = load(Path::new("no/such.png")).unwrap_err().to_string();
        assert!(missing.starts_with("no/such.png: cannot read: "), "{missing}");
    }

    #[test]
    fn an_absurd_size_is_refused_before_it_is_decoded() {
        let error = from_bytes("huge.pgm", b"P5 20000 20000 255 ").unwrap_err().to_string();
        assert_eq!(error, "huge.pgm: 20000x20000 pixels; at most 100 megapixels are decoded");
        assert!(from_bytes("huge.pgm", b"P5 4294967295 4294967295 255 ").is_err());
    }

    #[test]
    fn no_image_makes_it_panic() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        for (width, height) in [(1, 2), (2, 1), (1, 50), (50, 1), (3, 3), (28, 28), (1025, 2), (2, 3000)] {
            for _ in 0..20 {
                let _ = prepare(&GrayImage::from_fn(width, height, |_, _| Luma([random.next_u32() as u8])));
                let _ = prepare(&GrayImage::from_fn(width, height, |_, _| Luma([(random.next_u32() % 2 * 255) as u8])));
            }
        }
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp, ImageFormat::Gif, ImageFormat::Tiff] {
            let good = encode(DynamicImage::from(mnist(1).remove(0)).into_rgb8(), format);
            for _ in 0..300 {
                let mut bytes = good.clone();
                for _ in 0..3 {
                    let place = random.next_u32() as usize % bytes.len();
                    bytes[place] = random.next_u32() as u8;
                }
                let _ = from_bytes("mutated", &bytes);
            }
        }
    }

    #[test]
    fn a_folder_lists_its_images_by_name() {
        let folder = tempfile::tempdir().unwrap();
        assert!(files_in(folder.path()).unwrap_err().to_string().ends_with("no image files in the folder"));
        for name in ["b.png", "a.JPG", "c.txt", ".d.png", "e", "f.svg"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("g.png")).unwrap();
        assert_eq!(files_in(folder.path()).unwrap(), [folder.path().join("a.JPG"), folder.path().join("b.png")]);
        assert!(files_in(Path::new("no/such")).is_err());
    }
}
