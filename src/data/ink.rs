//! The ink of one digit in a grey image: light, threshold, connected pieces.

use super::grey::{Grey, border};

/// Longest side of an image that is examined (pixels); larger images are averaged down to it first.
const LONGEST_SIDE: usize = 1024;

/// Least ink of a pixel that counts for the size of the digit, of 255. Grain and the ringing of JPEG have less. By this
/// measure 9989 of MNIST's 10,000 test digits are 20 pixels long.
const LEAST_LEVEL: f32 = 64.0;

/// Least difference of mean grey level between ink and background, of 255: paper grain has less.
const LEAST_CONTRAST: f64 = 20.0;

/// Grey levels `[row][column]`, 0 to 255, before rounding.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    pub width: usize,
    pub height: usize,
    pub levels: Vec<f32>,
}

/// Part of a plane: columns `left..right`, rows `top..bottom`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub left: usize,
    pub top: usize,
    pub right: usize,
    pub bottom: usize,
}

impl Window {
    pub fn width(self) -> usize {
        self.right - self.left
    }

    pub fn height(self) -> usize {
        self.bottom - self.top
    }

    /// Grows to take in the pixel (x, y).
    fn include(&mut self, x: usize, y: usize) {
        self.left = self.left.min(x);
        self.top = self.top.min(y);
        self.right = self.right.max(x + 1);
        self.bottom = self.bottom.max(y + 1);
    }

    /// Empty columns or rows between two windows, the larger of the two; 0 if they touch.
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
    pub fn from_image(image: &Grey) -> Self {
        let factor = image.width.max(image.height).div_ceil(LONGEST_SIDE).max(1);
        let (width, height) = (image.width, image.height);
        let plane = Self { width: width.div_ceil(factor), height: height.div_ceil(factor), levels: Vec::new() };
        let pixels = &image.pixels;
        let mut levels = Vec::with_capacity(plane.width * plane.height);
        for top in (0..height).step_by(factor) {
            for left in (0..width).step_by(factor) {
                let bottom = top.saturating_add(factor).min(height);
                let right = left.saturating_add(factor).min(width);
                let sum: u64 = (top..bottom)
                    .flat_map(|y| &pixels[y * width + left..y * width + right])
                    .map(|&p| u64::from(p))
                    .sum();
                levels.push(sum as f32 / ((bottom - top) * (right - left)) as f32);
            }
        }
        Self { levels, ..plane }
    }

    /// The image without a steady change of light across it, if its border shows one.
    pub fn evenly_lit(self) -> Self {
        if self.levels.is_empty() {
            return self;
        }
        let (width, height) = (self.width, self.height);
        let level = |x: usize, y: usize| self.levels[y * width + x];
        let row = |y| median((0..width).map(|x| level(x, y)).collect());
        let column = |x| median((0..height).map(|y| level(x, y)).collect());
        let (across, down) = (column(width - 1) - column(0), row(height - 1) - row(0));
        let tilt = |x: usize, y: usize| {
            let along = |pixel: usize, length: usize| (pixel as f32 + 0.5) / length as f32 - 0.5;
            across * along(x, width) + down * along(y, height)
        };
        // Ink along one side of the image tilts the medians too, but such a tilt does not fit the other sides.
        let unevenness = |levels: Vec<f32>| {
            let middle = median(levels.clone());
            levels.iter().map(|level| (level - middle).abs()).sum::<f32>()
        };
        let edge = || border(width, height);
        let before = unevenness(edge().map(|(x, y)| level(x, y)).collect());
        let after = unevenness(edge().map(|(x, y)| level(x, y) - tilt(x, y)).collect());
        if after >= before / 2.0 {
            return self;
        }
        let points = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let levels = points.map(|(x, y)| (level(x, y) - tilt(x, y)).clamp(0.0, 255.0)).collect();
        Self { levels, ..self }
    }

    /// The ink of each pixel, 0 to 255, and the pixels that count as ink; `None` without ink.
    pub fn ink(&self) -> Option<Ink> {
        let (threshold, contrast) = otsu(&self.levels);
        if contrast < LEAST_CONTRAST {
            return None;
        }
        let is_light = |level: f32| level >= threshold;
        let share = |light: usize, all: usize| light as f64 / all as f64;
        let light = self.levels.iter().filter(|&&level| is_light(level)).count();
        let edge: Vec<bool> =
            border(self.width, self.height).map(|(x, y)| is_light(self.levels[y * self.width + x])).collect();
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

/// The middle level; 0 without levels.
fn median(levels: Vec<f32>) -> f32 {
    quantile(levels, 0.5).unwrap_or(0.0)
}

/// The level below which `share` of the levels lie; `None` without levels.
fn quantile(mut levels: Vec<f32>, share: f32) -> Option<f32> {
    let index = (levels.len().saturating_sub(1) as f32 * share) as usize;
    (index < levels.len()).then(|| *levels.select_nth_unstable_by(index, f32::total_cmp).1)
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
pub struct Ink {
    plane: Plane,
    solid: Vec<bool>,
}

impl Ink {
    /// The digit with its soft edge and without the rest, and the window that holds it.
    ///
    /// `longest` is the longer side of the finished digit (pixels); its soft edge is one of these wide.
    pub fn digit_alone(&self, longest: usize) -> (Plane, Window) {
        let Plane { width, height, ref levels } = self.plane;
        let pieces = self.pieces();
        // There always is one: a threshold has levels on both sides.
        let Some(main) = pieces.iter().max_by(|a, b| a.ink.total_cmp(&b.ink)) else {
            return (self.plane.clone(), Window { left: 0, top: 0, right: width, bottom: height });
        };
        let size = main.window.width().max(main.window.height());
        let (near, speck) = (size / 3, main.ink / 100.0);

        // A margin of one pixel of the finished digit, for its soft edge.
        let margin = size.div_ceil(longest);
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

    /// The connected pieces of ink; pixels connect by sides and corners.
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
