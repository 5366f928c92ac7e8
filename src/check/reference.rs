//! A second opinion on the loss: one sample at a time, f64 throughout, PyTorch's layout, no backward pass.
//!
//! It shares no code and no layout with the oracle, so that a central difference of it judges the oracle's
//! gradients.

use crate::model::{Activation, LayerKind, Loss, Model, Shape, Tensor};

/// Adds `by` to one value that a layer produces before its activation (for pooling: to its output).
#[derive(Clone, Copy)]
pub struct Nudge {
    /// Index in `model.layers`.
    pub layer: usize,
    /// Index of the sample in the batch.
    pub sample: usize,
    /// Index in `[channel][row][column]`.
    pub element: usize,
    /// The amount.
    pub by: f64,
}

/// Trained tensors in f64, in the order of `Model::tensors`.
pub type Weights = Vec<Vec<f64>>;

/// `tensors` in f64.
pub fn widen(tensors: &[Tensor]) -> Weights {
    tensors.iter().map(|t| t.values.iter().map(|v| f64::from(*v)).collect()).collect()
}

/// Mean loss over `inputs`, each `[channel][row][column]`.
pub fn mean_loss(
    model: &Model,
    weights: &Weights,
    inputs: &[Vec<f64>],
    labels: &[u32],
    smoothing: f64,
    nudge: Option<Nudge>,
) -> f64 {
    let losses = inputs.iter().zip(labels).enumerate().map(|(sample, (input, label))| {
        let nudge = nudge.filter(|nudge| nudge.sample == sample);
        loss(model, &logits(model, weights, input, nudge), *label as usize, smoothing)
    });
    losses.sum::<f64>() / inputs.len() as f64
}

/// The loss of one sample. A distance is minus a logit.
fn loss(model: &Model, logits: &[f64], label: usize, smoothing: f64) -> f64 {
    let distances: f64 = logits.iter().map(|l| l.exp()).sum();
    let (scale, log_total) = match model.loss {
        Loss::SoftmaxCrossEntropy => (1.0, distances.ln()),
        Loss::Mse => (per_input(model), 0.0),
        Loss::Map { j } => (per_input(model), ((-j).exp() + distances).ln()),
    };
    let mean: f64 = logits.iter().sum::<f64>() / logits.len() as f64;
    scale * (log_total - (1.0 - smoothing) * logits[label] - smoothing * mean)
}

/// One over the inputs of the last layer.
fn per_input(model: &Model) -> f64 {
    let Shape { channels, height, width } = model.layers[model.layers.len() - 1].input;
    1.0 / (channels * height * width) as f64
}

/// The logits of one sample.
fn logits(model: &Model, weights: &Weights, input: &[f64], nudge: Option<Nudge>) -> Vec<f64> {
    let mut x = input.to_vec();
    let mut tensors = weights.iter();
    for (index, layer) in model.layers.iter().enumerate() {
        let Shape { channels, height, width } = layer.output;
        let mut y = Vec::with_capacity(layer.output.elements());
        let at = |c: usize, r: usize, q: usize| x[(c * layer.input.height + r) * layer.input.width + q];
        let mut pair = || (tensors.next().expect("a weight"), tensors.next().expect("a bias"));
        match &layer.kind {
            &LayerKind::Conv2d { kernel, .. } => {
                let (w, b) = pair();
                for o in 0..channels {
                    for position in 0..height * width {
                        let mut sum = b[o];
                        for c in 0..layer.input.channels {
                            for tap in 0..kernel * kernel {
                                let value = at(c, position / width + tap / kernel, position % width + tap % kernel);
                                sum += w[(o * layer.input.channels + c) * kernel * kernel + tap] * value;
                            }
                        }
                        y.push(sum);
                    }
                }
            }
            &LayerKind::Subsample { size, .. } => {
                let (w, b) = pair();
                for c in 0..channels {
                    for position in 0..height * width {
                        let (row, column) = (position / width * size, position % width * size);
                        let block = (0..size * size).map(|k| at(c, row + k / size, column + k % size));
                        y.push(w[c] * block.sum::<f64>() + b[c]);
                    }
                }
            }
            &LayerKind::Dense { units, .. } => {
                let (w, b) = pair();
                for o in 0..units {
                    let row = &w[o * x.len()..][..x.len()];
                    y.push(b[o] + row.iter().zip(&x).map(|(w, x)| w * x).sum::<f64>());
                }
            }
            LayerKind::Rbf { .. } => {
                let codes = tensors.next().expect("codes");
                let distance = |code: &[f64]| code.iter().zip(&x).map(|(w, x)| (x - w).powi(2)).sum::<f64>();
                y.extend(codes.chunks(x.len()).map(|code| -distance(code)));
            }
            &LayerKind::MaxPool { size } | &LayerKind::AveragePool { size } => {
                for c in 0..channels {
                    for position in 0..height * width {
                        let block: Vec<f64> = (0..size * size)
                            .map(|k| at(c, position / width * size + k / size, position % width * size + k % size))
                            .collect();
                        y.push(match layer.kind {
                            LayerKind::MaxPool { .. } => block.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                            _ => block.iter().sum::<f64>() / (size * size) as f64,
                        });
                    }
                }
            }
        }
        if let Some(nudge) = nudge.filter(|nudge| nudge.layer == index) {
            y[nudge.element] += nudge.by;
        }
        for y in &mut y {
            *y = squash(layer.activation(), *y);
        }
        x = y;
    }
    x
}

fn squash(activation: Activation, a: f64) -> f64 {
    match activation {
        Activation::Identity => a,
        Activation::Relu => a.max(0.0),
        Activation::Tanh => a.tanh(),
        Activation::ScaledTanh => 1.7159 * (2.0 * a / 3.0).tanh(),
        Activation::Sigmoid => 1.0 / (1.0 + (-a).exp()),
    }
}
