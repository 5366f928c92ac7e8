//! Untrained weights from random numbers: the same on every backend and adapter.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use super::layer::Layer;
use super::tensor::Tensor;

/// The distribution of untrained weights; biases start at 0 unless it says otherwise. Weights that are not trained have
/// their values: see [`Layer::fixed`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initializer {
    /// Uniform in `+-sqrt(6 / fan_in)`: keeps variance through ReLU (He et al. 2015).
    #[default]
    HeUniform,
    /// Uniform in `+-sqrt(6 / (fan_in + fan_out))`: Keras' default (Glorot and Bengio 2010).
    GlorotUniform,
    /// Uniform in `+-2.4 / fan_in`, biases too (LeCun et al. 1998)
    InverseFanIn,
}

impl Initializer {
    /// Untrained tensors of `layer`, in the order of [`Layer::tensors`].
    pub(super) fn draw(self, layer: &Layer, random: &mut ChaCha8Rng) -> Vec<Tensor> {
        let bound = |channel: usize| match self {
            Self::HeUniform => (6.0 / layer.fan_in(channel) as f64).sqrt(),
            Self::GlorotUniform => (6.0 / (layer.fan_in(channel) + layer.fan_out()) as f64).sqrt(),
            Self::InverseFanIn => 2.4 / layer.fan_in(channel) as f64,
        };
        let mut tensors = Vec::new();
        for spec in layer.tensors() {
            let values = if spec.is_bias() && self != Self::InverseFanIn {
                vec![0.0; spec.elements()]
            } else {
                let per_channel = spec.elements() / spec.shape[0];
                let draw = |index: usize| (bound(index / per_channel) * symmetric(random)) as f32;
                (0..spec.elements()).map(draw).collect()
            };
            tensors.push(Tensor { spec, values });
        }
        for (index, value) in layer.fixed() {
            tensors[0].values[index] = value;
        }
        tensors
    }
}

/// Uniform in [-1, 1) with 24 random bits, so that it is exact in both f32 and f64.
fn symmetric(random: &mut ChaCha8Rng) -> f64 {
    f64::from(random.next_u32() >> 8) / f64::from(1u32 << 23) - 1.0
}
