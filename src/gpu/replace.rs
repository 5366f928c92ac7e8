//! The text of a kernel, replaced by a user's, and judged before a device sees it.

use std::borrow::Cow;

use super::Shaders;
use super::kernels::Kernel;
use crate::error::Result;

/// `kernel` with the texts of `shaders`.
///
/// Errors: it is no longer WGSL, or has lost its entry point; the file and the line are named.
pub(super) fn replace(mut kernel: Kernel, shaders: &Shaders) -> Result<Kernel> {
    let mut changed = false;
    let file = kernel.file();
    for piece in &mut kernel.pieces {
        if let Some(text) = shaders.text(piece.file) {
            piece.text = Cow::Owned(text.to_owned());
            changed = true;
        }
    }
    if changed {
        validate(&kernel, file, shaders)?;
    }
    Ok(kernel)
}

#[cfg(not(target_arch = "wasm32"))]
use native::validate;

/// A browser does it by itself.
#[cfg(target_arch = "wasm32")]
fn validate(_: &Kernel, _: &str, _: &Shaders) -> Result<()> {
    Ok(())
}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::error::Error as _;

    use wgpu::naga::SourceLocation;
    use wgpu::naga::front::wgsl;
    use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};

    use super::{Kernel, Result, Shaders};
    use crate::error::Error;

    /// Errors: see [`super::replace`]; `file` should have the entry point.
    pub fn validate(kernel: &Kernel, file: &str, shaders: &Shaders) -> Result<()> {
        let (text, folder) = (kernel.text(), shaders.folder().display());
        let path = |file: &str| shaders.folder().join(file).with_extension("wgsl");
        let refused = |location: Option<SourceLocation>, message: String| {
            let place = match location.and_then(|location| place(kernel, location.line_number as usize)) {
                Some((file, line)) if shaders.text(file).is_some() => {
                    format!("{}:{line}", path(file).display())
                }
                Some((file, line)) => format!("{}: {file}.wgsl:{line} of the program", folder),
                // A line that uses what the texts should declare.
                None => format!("{} (constants in front of {})", folder, kernel.entry),
            };
            Error::input(format!("{place}: {message}"), format!("correct it there: {} does not compile", kernel.entry))
        };
        let module = wgsl::parse_str(&text).map_err(|e| refused(e.location(&text), one_line(e.message())))?;
        if !module.entry_points.iter().any(|entry| entry.name == kernel.entry) {
            return Err(Error::input(
                format!("{}: no function is called {}", path(file).display(), kernel.entry),
                "keep the names of entry points",
            ));
        }
        // Nothing that WebGPU leaves to an adapter: the device is opened without.
        let mut validator = Validator::new(ValidationFlags::all(), Capabilities::empty());
        validator.validate(&module).map_err(|e| {
            let causes = std::iter::successors(e.as_inner().source(), |cause| (*cause).source());
            let causes: String = causes.map(|cause| format!(": {cause}")).collect();
            refused(e.location(&text), one_line(&format!("{}{causes}", e.as_inner())))
        })?;
        Ok(())
    }

    /// The file and line of `line` (from 1) of [`Kernel::text`]; none in front of the pieces.
    pub(super) fn place(kernel: &Kernel, line: usize) -> Option<(&'static str, usize)> {
        let breaks = |text: &str| text.matches('\n').count();
        // The pieces are the end of the text, with a blank line before each.
        let mut first = breaks(&kernel.text()) + 3;
        for piece in kernel.pieces.iter().rev() {
            first -= breaks(&piece.text) + 2;
            if line >= first {
                return Some((piece.file, line - first + 1));
            }
        }
        None
    }

    fn one_line(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::gpu::{Tile, kernel};
    use crate::model::Model;
    use crate::plan::{DatasetShape, Kernels, Plan};
    use crate::recipe::Optimizer;

    #[test]
    fn a_line_of_the_whole_text_has_its_file_and_line() {
        let data = DatasetShape { samples: 4, height: 28, width: 28 };
        let plan = Plan::training(&Model::preset("lenet5").unwrap(), 4, data, Optimizer::Sgd).unwrap();
        let tile = Tile { kernels: Kernels::Gpu, uniform_weights: false, rolled: false };
        for kernel in plan.ops.iter().map(|op| kernel(op, &plan, tile)) {
            let text = kernel.text();
            let places: Vec<_> = text
                .lines()
                .enumerate()
                .filter_map(|(at, line)| Some((native::place(&kernel, at + 1)?, line)))
                .collect();
            for piece in &kernel.pieces {
                let of_piece = places.iter().filter(|((file, _), _)| *file == piece.file);
                // Up to the blank line before the next piece.
                let lines: Vec<_> = of_piece.take(piece.text.lines().count()).collect();
                for (at, (line, ((_, number), text))) in piece.text.lines().zip(&lines).enumerate() {
                    assert_eq!((line, at + 1), (*text, *number), "{}", piece.file);
                }
                assert_eq!(lines.len(), piece.text.lines().count(), "{}", piece.file);
            }
            assert_eq!(native::place(&kernel, 1), None, "{}", kernel.entry);
        }
    }
}
