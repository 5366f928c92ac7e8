//! Every kernel against the oracle, one operation at a time, for many shapes.

#[path = "common/adapter.rs"]
mod adapter;

use lenet_gpu::check::{awkward, compare};
use lenet_gpu::gpu::GpuRunner;
use lenet_gpu::model::{Activation, Initializer, LayerKind, Model, Shape};
use lenet_gpu::plan::{DatasetShape, Optimizer, Plan, Runner, Step};

/// Runs every operation of `model` at `batch` on the adapter that the environment selects.
fn check(model: &Model, batch: usize, count: usize, optimizer: Optimizer) {
    let adapter = adapter::adapter();
    let samples = batch + 5;
    let height = model.input.height.min(28);
    let data = DatasetShape { samples, height, width: model.input.width.min(28) };
    let plan = Plan::new(model, batch, data, optimizer).unwrap();
    let mut runner = GpuRunner::new(&adapter, &plan).unwrap();
    let step = Step {
        start: 3,
        count: count as u32,
        slot: 2,
        learning_rate: 0.05,
        momentum: 0.9,
        beta2: 0.99,
        epsilon: 1e-8,
        weight_decay: 0.01,
        label_smoothing: 0.1,
        correction1: 1.0 / (1.0 - 0.9_f32.powi(3)),
        correction2: 1.0 / (1.0 - 0.99_f32.powi(3)),
        padding: 0,
    };
    for scale in [1e-3, 1.0, 30.0] {
        let buffers = awkward(&plan, 1 + batch as u64, scale);
        for (index, op) in plan.ops.iter().enumerate() {
            let worst = compare(&mut runner, &plan, index, &step, &buffers).unwrap();
            assert!(
                worst.used <= 1.0,
                "{} {} at batch {batch}, scale {scale}, on {}: {worst:?}",
                op.layer,
                op.kind.name(),
                runner.device().name
            );
        }
    }
}

const SGD: Optimizer = Optimizer::Sgd { nesterov: false };

#[test]
fn lenet5_at_many_batch_sizes() {
    let model = Model::preset("lenet5").unwrap();
    for batch in [1, 3, 64, 257] {
        check(&model, batch, batch, SGD);
    }
}

#[test]
fn a_short_batch_is_masked() {
    check(&Model::preset("lenet5").unwrap(), 64, 33, SGD);
    check(&Model::preset("lenet5-keras").unwrap(), 64, 1, SGD);
}

#[test]
fn every_optimizer() {
    let model = Model::preset("lenet5-keras").unwrap();
    for optimizer in [Optimizer::Sgd { nesterov: true }, Optimizer::Adam, Optimizer::AdamW] {
        check(&model, 3, 3, optimizer);
    }
}

fn conv(channels: usize, kernel: usize, activation: Activation) -> LayerKind {
    LayerKind::Conv2d { channels, kernel, activation }
}

fn dense(units: usize, activation: Activation) -> LayerKind {
    LayerKind::Dense { units, activation }
}

fn model(input: Shape, layers: &[(&str, LayerKind)]) -> Model {
    Model::new("test", input, (-0.1, 1.175), Initializer::HeUniform, layers).unwrap()
}

#[test]
fn every_activation_and_pool() {
    for activation in Activation::ALL {
        for pool in [LayerKind::MaxPool { size: 2 }, LayerKind::AveragePool { size: 2 }] {
            let layers = [
                ("c1", conv(3, 3, activation)),
                ("s2", pool),
                ("c3", conv(5, 3, activation)),
                ("f4", dense(13, activation)),
                ("output", dense(10, Activation::Identity)),
            ];
            check(&model(Shape::new(1, 12, 12), &layers), 37, 37, SGD);
        }
    }
}

#[test]
fn shapes_at_the_edges_of_tiles() {
    let relu = Activation::Relu;
    // Kernels 1 to 9 and maps around a strip's width: 10 columns forward, 14 backward; channels around 3 and 4.
    let shapes = [
        (1, 16, 1, 1, 1, 5),
        (2, 14, 4, 3, 3, 3),
        (1, 18, 5, 5, 7, 7),
        (3, 23, 7, 9, 8, 7),
        (1, 21, 8, 3, 2, 9),
        (2, 30, 1, 5, 13, 1),
    ];
    for (channels, width, c1, k1, c2, k2) in shapes {
        let layers = [
            ("c1", conv(c1, k1, relu)),
            ("c2", conv(c2, k2, relu)),
            ("f3", dense(1, relu)),
            ("f4", dense(25, relu)),
            ("output", dense(3, Activation::Identity)),
        ];
        check(&model(Shape::new(channels, width, width), &layers), 35, 35, SGD);
    }
}

#[test]
fn pools_of_other_sizes_and_first_layers() {
    for size in [1, 3, 4] {
        let layers = [
            ("s1", LayerKind::MaxPool { size }),
            ("c2", conv(2, 3, Activation::Tanh)),
            ("s3", LayerKind::AveragePool { size: 1 }),
            ("output", dense(10, Activation::Identity)),
        ];
        check(&model(Shape::new(2, 12, 12), &layers), 33, 33, SGD);
    }
}
