//! The layout of tensors in the flat parameter buffer: packing and unpacking.

use super::layout::{PACK, coordinates};
use crate::error::{Error, Result};
use crate::model::{Layer, Model, Tensor, TensorSpec};

/// Layout of the flat buffers `parameters`, `gradients`, `momentum` and `variance`.
///
/// Weights `[out, rest...]` are packed four outputs together, `[out / 4][rest...][4]`, so that a kernel
/// loads the weights of four outputs as one `vec4f`; biases are `[out]`. Both are padded with zeros to a
/// multiple of four outputs, and the padding stays zero because its gradient is zero.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterLayout {
    /// Tensors in model order.
    pub tensors: Vec<Placed>,
    /// Length of the flat buffer in f32 words, padding included.
    pub words: usize,
    /// Words of weights that are not trained, with the value that they keep: see [`Layer::fixed`].
    pub fixed: Vec<(usize, f32)>,
}

/// What to do about tensors of another model.
const HINT: &str = "give weights that were trained with the same model (see --model)";

/// A tensor and its words in the flat buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Name and shape, in PyTorch's layout.
    pub spec: TensorSpec,
    /// First word in the flat buffer.
    pub first: usize,
    /// Words in the flat buffer, padding included.
    pub words: usize,
}

impl Placed {
    /// Word in the flat buffer of value `index` of the row-major tensor.
    pub fn word(&self, index: usize) -> usize {
        let rest: usize = self.spec.shape[1..].iter().product();
        let (out, inner) = (index / rest, index % rest);
        self.first + (out / PACK * rest + inner) * PACK + out % PACK
    }
}

impl ParameterLayout {
    /// The layout for `model`.
    pub fn new(model: &Model) -> Self {
        let mut words = 0;
        let tensors: Vec<Placed> = model
            .tensors()
            .into_iter()
            .map(|spec| {
                let rest: usize = spec.shape[1..].iter().product();
                let placed = Placed { first: words, words: spec.shape[0].next_multiple_of(PACK) * rest, spec };
                words += placed.words;
                placed
            })
            .collect();
        let weight = |layer: &Layer| tensors.iter().find(|t| t.spec.name == format!("{}.weight", layer.name));
        let of_layer = |layer: &Layer| {
            let fixed = layer.fixed().into_iter();
            weight(layer).map_or(Vec::new(), |weight| fixed.map(|(index, value)| (weight.word(index), value)).collect())
        };
        let fixed = model.layers.iter().flat_map(of_layer).collect();
        Self { tensors, words, fixed }
    }

    /// One value per word: 0 if it is not trained, otherwise 1. None if all are trained.
    pub fn mask(&self) -> Option<Vec<f32>> {
        let mut mask = vec![1.0; self.words];
        self.fixed.iter().for_each(|(word, _)| mask[*word] = 0.0);
        (!self.fixed.is_empty()).then_some(mask)
    }

    /// The name of word `word` of a flat buffer: tensor and index, or padding.
    pub fn describe(&self, word: usize) -> String {
        let tensor = self.tensors.iter().find(|t| (t.first..t.first + t.words).contains(&word));
        let index = tensor.and_then(|t| (0..t.spec.elements()).find(|i| t.word(*i) == word).map(|i| (t, i)));
        index.map_or("padding".to_owned(), |(t, i)| format!("{}[{}]", t.spec.name, coordinates(&t.spec.shape, i)))
    }

    /// The tensor called `name`.
    pub fn get(&self, name: &str) -> Option<&Placed> {
        self.tensors.iter().find(|t| t.spec.name == name)
    }

    /// Parameters in PyTorch's layout -> the flat buffer.
    ///
    /// Errors: those of [`ParameterLayout::place`]; a weight that is not trained and has another value than its own.
    pub fn pack(&self, tensors: &[Tensor]) -> Result<Vec<f32>> {
        let flat = self.place(tensors)?;
        match self.fixed.iter().find(|(word, value)| flat[*word] != *value) {
            None => Ok(flat),
            Some((word, value)) => Err(Error::input(
                format!("tensor {} is {} where this model keeps {value}", self.describe(*word), flat[*word]),
                HINT,
            )),
        }
    }

    /// Tensors in PyTorch's layout, one per parameter -> the flat buffer.
    ///
    /// Errors: a tensor that is missing, has another shape, or is not of this model; each is named.
    pub fn place(&self, tensors: &[Tensor]) -> Result<Vec<f32>> {
        if let Some(extra) = tensors.iter().find(|t| self.get(&t.spec.name).is_none()) {
            return Err(Error::input(format!("tensor {} does not belong to this model", extra.spec.name), HINT));
        }
        let mut flat = vec![0.0; self.words];
        for placed in &self.tensors {
            let tensor = tensors
                .iter()
                .find(|t| t.spec.name == placed.spec.name)
                .ok_or_else(|| Error::input(format!("tensor {} is missing", placed.spec.name), HINT))?;
            if tensor.spec.shape != placed.spec.shape || tensor.values.len() != placed.spec.elements() {
                return Err(Error::input(
                    format!(
                        "tensor {} has shape {:?} where this model needs {:?}",
                        placed.spec.name, tensor.spec.shape, placed.spec.shape
                    ),
                    HINT,
                ));
            }
            for (index, value) in tensor.values.iter().enumerate() {
                flat[placed.word(index)] = *value;
            }
        }
        Ok(flat)
    }

    /// The flat buffer -> tensors in PyTorch's layout.
    pub fn unpack(&self, flat: &[f32]) -> Vec<Tensor> {
        self.tensors
            .iter()
            .map(|placed| Tensor {
                spec: placed.spec.clone(),
                values: (0..placed.spec.elements()).map(|index| flat[placed.word(index)]).collect(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_and_unpacking_are_inverse() {
        let model = Model::preset("lenet5").unwrap();
        let layout = ParameterLayout::new(&model);
        let tensors = model.initial_weights(3);
        assert_eq!(layout.unpack(&layout.pack(&tensors).unwrap()), tensors);
    }

    #[test]
    fn a_tensor_of_another_shape_is_named() {
        let model = Model::preset("lenet5").unwrap();
        let mut tensors = model.initial_weights(3);
        tensors[2].spec.shape = vec![16, 6, 3, 3];
        let error = ParameterLayout::new(&model).pack(&tensors).unwrap_err();
        assert!(error.to_string().contains("c3.weight has shape [16, 6, 3, 3]"), "{error}");
    }
}
