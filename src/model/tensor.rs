//! Trainable tensors: names, shapes, values.

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
