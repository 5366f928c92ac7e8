//! Small models with every kind of layer, one activation throughout; only the one that ends in a point is square.
//!
//! Kernels are checked with them, gradients are compared with finite differences on them, and other compilers judge
//! their pipelines. A new kind of layer is added here once (tests/operations.rs).

use crate::error::Result;
use crate::model::{Activation, Description, Initializer, LayerKind, Loss, Model, Shape};

/// The small models whose activation is `activation`.
///
/// Errors: none, as long as the models here are valid.
pub fn models(activation: Activation) -> Result<Vec<Model>> {
    let conv = |channels, kernel| LayerKind::conv2d(channels, kernel, activation);
    let dense = |units| LayerKind::Dense { units, activation };
    let (max, average) = (|size| LayerKind::MaxPool { size }, |size| LayerKind::AveragePool { size });
    let subsample = |size| LayerKind::Subsample { size, activation };
    let links = [&[0][..], &[1, 2], &[0, 2], &[0, 1, 2], &[1]].map(Vec::from).to_vec();
    let linked = LayerKind::Conv2d { channels: 5, kernel: 3, activation, links };
    let rbf = |codes: &[&str]| LayerKind::Rbf { codes: codes.iter().map(|line| (*line).to_owned()).collect() };
    Ok(vec![
        // Every activation behind and before every kernel; pooling of another size than 2 is not fused.
        model(
            "activation",
            Shape::new(1, 16, 20),
            &[conv(5, 3), conv(6, 3), max(2), conv(7, 3), average(2), conv(4, 1), max(1), dense(13), dense(9)],
            10,
        )?,
        // Pooling before anything else, and of other sizes.
        model("pools", Shape::new(1, 16, 22), &[average(2), conv(3, 3), max(3), conv(4, 1), average(1)], 4)?,
        // Trainable sub-sampling behind a convolution, before one, and of other sizes.
        model("subsample", Shape::new(1, 12, 18), &[conv(5, 3), subsample(2), conv(9, 1), subsample(1), dense(3)], 3)?,
        // The 1998 network in small: a table of links, codes, a distance of rubbish about as large as the others.
        ended(
            "map",
            Shape::new(1, 10, 14),
            &[conv(3, 3), subsample(2), linked, dense(12)],
            rbf(&["#.. .#. ..# ##. .##", "#.. .## .#. #.. ...", "##. ..# #.# .#. #.#", "..# #.. ##. .## ###"]),
            Loss::Map { j: 12.0 },
        )?,
        ended("mse", Shape::new(1, 6, 7), &[dense(6)], rbf(&["#. .#", "## ..", ".# .#"]), Loss::Mse)?,
        // A convolution to a point, which is lowered to a dense layer.
        model("point", Shape::new(1, 8, 8), &[conv(4, 3), average(2), conv(5, 3)], 4)?,
    ])
}

/// A model with a dense layer of `classes` outputs behind `layers`.
///
/// Errors: layers that do not fit.
pub(super) fn model(name: &str, input: Shape, layers: &[LayerKind], classes: usize) -> Result<Model> {
    let last = LayerKind::Dense { units: classes, activation: Activation::Identity };
    ended(name, input, layers, last, Loss::SoftmaxCrossEntropy)
}

/// A model with the layer `last` behind `layers`.
///
/// Errors: layers that do not fit.
fn ended(name: &str, input: Shape, layers: &[LayerKind], last: LayerKind, loss: Loss) -> Result<Model> {
    let names: Vec<String> = (1..=layers.len()).map(|layer| format!("layer{layer}")).collect();
    let mut named: Vec<(&str, LayerKind)> = names.iter().map(String::as_str).zip(layers.iter().cloned()).collect();
    named.push(("output", last));
    let model = Model::new(name, input, (-0.1, 1.175), Initializer::HeUniform, &named)?;
    Description { loss, ..model.description().clone() }.model()
}
