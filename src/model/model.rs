//! A network with shapes that were checked.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::description::{Description, LayerDescription, Loss};
use super::initializer::Initializer;
use super::layer::{Activation, Layer, LayerKind, MOST, Shape};
use super::tensor::{Tensor, TensorSpec};
use crate::error::{Error, Result};

/// A feed-forward network ending in one logit per class.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Its name, which weights files carry.
    pub name: String,
    /// Shape of one input sample.
    pub input: Shape,
    /// Input value of byte 0 and of padding.
    pub background: f32,
    /// Input value of byte 255.
    pub foreground: f32,
    /// The distribution of untrained weights.
    pub initializer: Initializer,
    /// The loss.
    pub loss: Loss,
    /// The layers in order; each one's input is the output of the one before.
    pub layers: Vec<Layer>,
    description: Description,
}

impl Description {
    /// The model that it describes, every name and shape checked.
    ///
    /// Errors: those of [`Model::new`]; an invalid name, levels or number of outputs.
    pub fn model(&self) -> Result<Model> {
        self.check()?;
        Model::build(self.clone())
    }
}

impl Model {
    /// Builds a model from named layers, checking every shape.
    ///
    /// Errors: a layer that does not fit its input, an even kernel, a pool that does not divide its
    /// input, two layers with one name, more values or parameters than a device can count, or a last layer that is not
    /// a plain vector of logits; each names the layer.
    pub fn new(
        name: &str,
        input: Shape,
        (background, foreground): (f32, f32),
        initializer: Initializer,
        layers: &[(&str, LayerKind)],
    ) -> Result<Self> {
        // The shortest decimals: -0.1 rather than -0.10000000149.
        let level = |level: f32| level.to_string().parse().unwrap_or(f64::from(level));
        Self::build(Description {
            name: name.to_owned(),
            about: None,
            outputs: None,
            input,
            levels: [level(background), level(foreground)],
            initializer,
            loss: Loss::default(),
            layers: layers
                .iter()
                .map(|(name, kind)| LayerDescription { name: (*name).to_owned(), kind: kind.clone() })
                .collect(),
            recipe: None,
            fast: None,
            file: None,
        })
    }

    fn build(description: Description) -> Result<Self> {
        let Description { name, input, levels, initializer, loss, .. } = &description;
        let context = |e: Error| e.context(format!("model {name}"));
        let refuse = |why: String, hint: &str| Err(context(Error::input(why, hint)));
        input.check().map_err(|e| context(e.context("input")))?;
        let mut layers: Vec<Layer> = Vec::with_capacity(description.layers.len());
        let mut shape = *input;
        let (mut values, mut parameters) = (input.elements(), 0);
        for (index, LayerDescription { name, kind }) in description.layers.iter().enumerate() {
            if layers.iter().any(|l| l.name == *name) {
                return refuse(format!("two layers are named {name}"), "give each layer its own name");
            }
            if matches!(kind, LayerKind::Rbf { .. }) && index + 1 < description.layers.len() {
                let why = format!("layer {name} is rbf and not the last: its outputs are distances to classes");
                return refuse(why, "end the layers with it");
            }
            let layer = Layer::new(name, kind.clone(), shape).map_err(context)?;
            shape = layer.output;
            values += shape.elements();
            parameters += layer.parameters();
            if values > MOST || parameters > MOST {
                let what = if values > MOST { "values" } else { "parameters" };
                return refuse(format!("over {MOST} {what} up to layer {name}"), "use fewer or smaller layers");
            }
            layers.push(layer);
        }
        let last = layers.last().map(|l| &l.kind);
        if !matches!(last, Some(LayerKind::Dense { activation: Activation::Identity, .. } | LayerKind::Rbf { .. })) {
            let named = layers.last().map_or(String::new(), |l| format!(" {}", l.name));
            return refuse(
                format!("the last layer{named} must be dense with no activation, or rbf; it gives the logits"),
                "end the layers with a dense layer of one unit a class",
            );
        }
        let [background, foreground] = levels.map(|level| level as f32);
        Ok(Self {
            name: name.clone(),
            input: *input,
            background,
            foreground,
            initializer: *initializer,
            loss: *loss,
            layers,
            description,
        })
    }

    /// The description that it was built from.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Levels of the input: the values of byte 0 and of byte 255.
    pub fn levels(&self) -> [f32; 2] {
        [self.background, self.foreground]
    }

    /// Number of classes: the units of the last layer.
    pub fn classes(&self) -> usize {
        self.layers.last().map_or(0, |l| l.output.elements())
    }

    /// Factor of the loss and of its gradient. The losses of distances are means over the inputs of `rbf`; any other has 1.
    pub fn loss_scale(&self) -> f32 {
        let inputs = self.layers.last().map_or(1, |layer| layer.input.elements());
        match self.loss {
            Loss::SoftmaxCrossEntropy => 1.0,
            Loss::Mse | Loss::Map { .. } => 1.0 / inputs as f32,
        }
    }

    /// Number of trainable parameters.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(Layer::parameters).sum()
    }

    /// Multiply-adds of one forward pass of one sample.
    pub fn multiply_adds(&self) -> usize {
        self.layers.iter().map(Layer::multiply_adds).sum()
    }

    /// Every tensor, in layer order, weight before bias.
    pub fn tensors(&self) -> Vec<TensorSpec> {
        self.layers.iter().flat_map(Layer::tensors).collect()
    }

    /// Untrained tensors for `seed`, in the order of [`Model::tensors`].
    ///
    /// The same seed gives the same bits on every machine.
    pub fn initial_weights(&self, seed: u64) -> Vec<Tensor> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        self.layers.iter().flat_map(|layer| self.initializer.draw(layer, &mut random)).collect()
    }
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
