//! What is trained: layers with names, shapes that are checked, parameter tables and presets.
//!
//! Nothing here knows how a layer is computed; [`crate::plan`] lowers a model to operations.

mod initial;
mod layer;
mod preset;

pub use initial::Initializer;
pub use layer::{Activation, Layer, LayerKind, Shape};
pub use preset::PRESETS;

use crate::error::{Error, Result};

/// A feed-forward network ending in one logit a class, trained with softmax cross-entropy.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The name it is chosen by and that weights files carry.
    pub name: String,
    /// Shape of one input sample.
    pub input: Shape,
    /// Input value of a byte 0 (and of padding); a byte 255 becomes [`Model::foreground`].
    pub background: f32,
    /// Input value of a byte 255.
    pub foreground: f32,
    /// How untrained weights are drawn.
    pub initializer: Initializer,
    /// The layers in order; each one's input is the output of the one before.
    pub layers: Vec<Layer>,
}

/// Name and shape of one trainable tensor, in PyTorch's layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// `<layer>.weight` or `<layer>.bias`.
    pub name: String,
    /// Convolution `[out, in, kh, kw]`, dense `[out, in]`, bias `[out]`.
    pub shape: Vec<usize>,
}

/// One trainable tensor with its values, row-major in PyTorch's layout.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Name and shape.
    pub spec: TensorSpec,
    /// As many values as the product of the shape.
    pub values: Vec<f32>,
}

impl TensorSpec {
    /// Whether it is a bias, which starts at 0.
    pub fn is_bias(&self) -> bool {
        self.name.ends_with(".bias")
    }

    /// Number of values.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Model {
    /// Builds a model from named layers, checking every shape.
    ///
    /// Errors: a layer that does not fit its input, an even kernel, a pool that does not divide its
    /// input, two layers with one name, or a last layer that is not a plain vector of logits; each
    /// names the layer.
    pub fn new(
        name: &str,
        input: Shape,
        (background, foreground): (f32, f32),
        initializer: Initializer,
        layers: &[(&str, LayerKind)],
    ) -> Result<Self> {
        let mut built: Vec<Layer> = Vec::with_capacity(layers.len());
        let mut shape = input;
        for (layer_name, kind) in layers {
            if built.iter().any(|l| l.name == *layer_name) {
                return Err(Error::input(
                    format!("model {name}: two layers are named {layer_name}"),
                    "give each layer its own name",
                ));
            }
            let layer = Layer::new(layer_name, *kind, shape).map_err(|e| e.context(format!("model {name}")))?;
            shape = layer.output;
            built.push(layer);
        }
        let last = built.last().map(|l| l.kind);
        if !matches!(last, Some(LayerKind::Dense { activation: Activation::Identity, .. })) {
            return Err(Error::input(
                format!("model {name}: the last layer must be dense with no activation; it gives the logits"),
                "end the layers with a dense layer of one unit a class",
            ));
        }
        Ok(Self { name: name.to_owned(), input, background, foreground, initializer, layers: built })
    }

    /// Input values of a byte 0 and of a byte 255.
    pub fn levels(&self) -> [f32; 2] {
        [self.background, self.foreground]
    }

    /// Number of classes: the units of the last layer.
    pub fn classes(&self) -> usize {
        self.layers.last().map_or(0, |l| l.output.elements())
    }

    /// Number of trainable parameters.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(Layer::parameters).sum()
    }

    /// Multiply-adds of one forward pass of one sample.
    pub fn multiply_adds(&self) -> usize {
        self.layers.iter().map(Layer::multiply_adds).sum()
    }

    /// Every trainable tensor, in layer order, weight before bias.
    pub fn tensors(&self) -> Vec<TensorSpec> {
        self.layers.iter().flat_map(Layer::tensors).collect()
    }
}
