//! Image files as grey images: formats, orientation, transparency, the files of a folder.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use image::{DynamicImage, GrayAlphaImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits, Luma};

use super::grey::{Grey, border};
use crate::error::{Error, Result};

/// Size of the largest file that is read (bytes).
const MOST_FILE_BYTES: u64 = 256 << 20;

/// Size of the largest image that is decoded (pixels).
const MOST_PIXELS: u64 = 100_000_000;

/// Reads an image file; see [`from_bytes`].
pub fn load(path: &Path) -> Result<Grey> {
    let name = path.display().to_string();
    let unreadable = |e: std::io::Error| {
        Error::input(format!("{name}: cannot read: {e}"), "give an image file that exists and may be read")
    };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MOST_FILE_BYTES + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    from_bytes(&name, &bytes)
}

/// Decodes an image (PNG, JPEG, GIF, BMP, PNM, TIFF or WebP).
///
/// `name` stands for the image in errors. Colours become luminance; a turned photograph is turned back
/// (Exif). Transparent pixels take the colour of the border, or black or white, whichever stands out from the
/// ink, if the border is transparent. Of an animation or a file of several pages, the first is taken.
///
/// Errors: cannot be decoded, or is larger than 100 megapixels or 256 MiB.
pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Grey> {
    let image = decode(bytes).map_err(|e| e.context(name))?;
    Ok(Grey { width: image.width() as usize, height: image.height() as usize, pixels: image.into_raw() })
}

/// The image files directly in a folder, by name.
///
/// The extension tells whether a file is an image; hidden files are left out.
///
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
    let edge = border(width as usize, height as usize).map(|(x, y)| image.get_pixel(x as u32, y as u32));
    let background = match mean(edge) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn blank_png() -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        GrayImage::new(28, 28).write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn what_cannot_be_decoded_is_named() {
        let png = blank_png();
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
