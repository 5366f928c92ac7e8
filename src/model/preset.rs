//! The networks that can be named on the command line.

use super::{Activation, Initializer, LayerKind, Model, Shape};
use crate::error::{Error, Result};

/// Names of the presets, with what each one is.
pub const PRESETS: [(&str, &str); 2] = [
    ("lenet5", "LeNet-5 with ReLU and max-pooling: 61,706 parameters"),
    ("lenet5-keras", "the Keras form to the letter: no activation in the hidden layers, softmax output"),
];

impl Model {
    /// The preset called `name`.
    ///
    /// Errors: an unknown name, with the names there are.
    pub fn preset(name: &str) -> Result<Self> {
        match name {
            // -0.1 and 1.175 are the paper's input levels: they give MNIST about mean 0 and variance 1.
            "lenet5" => lenet5(name, Activation::Relu, (-0.1, 1.175), Initializer::HeUniform),
            "lenet5-keras" => lenet5(name, Activation::Identity, (0.0, 1.0), Initializer::GlorotUniform),
            _ => Err(Error::input(
                format!("no model is called '{name}'"),
                format!("choose one of: {}", PRESETS.map(|(name, _)| name).join(", ")),
            )),
        }
    }
}

fn lenet5(name: &str, activation: Activation, levels: (f32, f32), initializer: Initializer) -> Result<Model> {
    Model::new(
        name,
        Shape::new(1, 32, 32),
        levels,
        initializer,
        &[
            ("c1", LayerKind::Conv2d { channels: 6, kernel: 5, activation }),
            ("s2", LayerKind::MaxPool { size: 2 }),
            ("c3", LayerKind::Conv2d { channels: 16, kernel: 5, activation }),
            ("s4", LayerKind::MaxPool { size: 2 }),
            ("c5", LayerKind::Conv2d { channels: 120, kernel: 5, activation }),
            ("f6", LayerKind::Dense { units: 84, activation }),
            ("output", LayerKind::Dense { units: 10, activation: Activation::Identity }),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lenet5_has_the_parameters_of_the_seed_table() {
        for (name, _) in PRESETS {
            let model = Model::preset(name).unwrap();
            let parameters: Vec<usize> = model.layers.iter().map(|l| l.parameters()).collect();
            assert_eq!(parameters, [156, 0, 2_416, 0, 48_120, 10_164, 850]);
            assert_eq!(model.parameters(), 61_706);
            assert_eq!(model.multiply_adds(), 416_520);
            assert_eq!(model.layers[2].connections(), 241_600);
        }
    }

    #[test]
    fn an_unknown_preset_lists_the_known_ones() {
        let error = Model::preset("lenet6").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.hint().contains("lenet5-keras"));
    }
}
