//! Pictures of MNIST digits come out as MNIST digits.
#![cfg(all(feature = "picture", feature = "mnist"))]

use std::io::Cursor;

use image::imageops::FilterType;
use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgba, RgbaImage};
use lenet_gpu::Result;
use lenet_gpu::data::digit::{Digit, prepare};
use lenet_gpu::data::{Dataset, Source, Split, picture};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The digit in the bytes of an image file.
fn digit(name: &str, bytes: &[u8]) -> Result<Digit> {
    prepare(&picture::from_bytes(name, bytes)?)
}

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
        ("5 times, JPEG", 3.0, Box::new(|i| encode(inverted(&on_sheet(i, 5, (31, 7), (190, 150))), ImageFormat::Jpeg))),
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
        for original in &digits {
            let found = digit(name, &dress(original)).unwrap();
            let sum: u32 = found.iter().zip(original.iter()).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum();
            difference += f64::from(sum) / 784.0 / digits.len() as f64;
        }
        assert!(difference < most, "{name}: mean difference of {difference:.3} grey levels");
    }
}

#[test]
fn no_damaged_file_makes_it_panic() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp, ImageFormat::Gif, ImageFormat::Tiff] {
        let good = encode(DynamicImage::from(mnist(1).remove(0)).into_rgb8(), format);
        for _ in 0..300 {
            let mut bytes = good.clone();
            for _ in 0..3 {
                let index = random.next_u32() as usize % bytes.len();
                bytes[index] = random.next_u32() as u8;
            }
            let _ = digit("mutated", &bytes);
        }
    }
}
