//! Untrained weights from a seed: the same on every backend and adapter.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{Model, Tensor};

/// How the weights of a layer are drawn; biases start at 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Initializer {
    /// Uniform in `+-sqrt(6 / fan_in)`: keeps variance through ReLU (He et al. 2015).
    HeUniform,
    /// Uniform in `+-sqrt(6 / (fan_in + fan_out))`: Keras' default (Glorot and Bengio 2010).
    GlorotUniform,
}

impl Model {
    /// Untrained tensors for `seed`, in the order of [`Model::tensors`].
    ///
    /// The same seed gives the same bits on every machine.
    pub fn initial_weights(&self, seed: u64) -> Vec<Tensor> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut tensors = Vec::new();
        for layer in &self.layers {
            let bound = match self.initializer {
                Initializer::HeUniform => (6.0 / layer.fan_in() as f64).sqrt(),
                Initializer::GlorotUniform => (6.0 / (layer.fan_in() + layer.fan_out()) as f64).sqrt(),
            };
            for spec in layer.tensors() {
                let values = if spec.is_bias() {
                    vec![0.0; spec.elements()]
                } else {
                    (0..spec.elements()).map(|_| (bound * symmetric(&mut random)) as f32).collect()
                };
                tensors.push(Tensor { spec, values });
            }
        }
        tensors
    }
}

/// Uniform in [-1, 1) with 24 random bits, so that it is exact in both f32 and f64.
fn symmetric(random: &mut ChaCha8Rng) -> f64 {
    f64::from(random.next_u32() >> 8) / f64::from(1u32 << 23) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_every_bit() {
        let model = Model::preset("lenet5").unwrap();
        assert_eq!(model.initial_weights(7), model.initial_weights(7));
        assert_ne!(model.initial_weights(7), model.initial_weights(8));
    }

    #[test]
    fn weights_fill_their_interval_and_biases_are_zero() {
        let model = Model::preset("lenet5").unwrap();
        for tensor in model.initial_weights(1) {
            let largest = tensor.values.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
            if tensor.spec.is_bias() {
                assert_eq!(largest, 0.0);
            } else {
                let fan_in: usize = tensor.spec.shape[1..].iter().product();
                let bound = (6.0 / fan_in as f32).sqrt();
                assert!(largest <= bound && largest > 0.9 * bound, "{}: {largest} of {bound}", tensor.spec.name);
            }
        }
    }
}
