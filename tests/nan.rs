//! NaN goes through ReLU and max-pooling as in PyTorch, forward and backward, in the oracle and in both sets of kernels.

#[path = "common/adapter.rs"]
mod adapter;

use lenet_gpu::cpu::CpuRunner;
use lenet_gpu::gpu::GpuRunner;
use lenet_gpu::model::{Activation, Initializer, LayerKind, Model, Shape};
use lenet_gpu::plan::{DatasetShape, Kernels, Plan, Role, Runner, Step};
use lenet_gpu::recipe::Optimizer;

/// Samples of a block; only [`SAMPLE`] has a NaN.
const BATCH: usize = 4;
const SAMPLE: usize = 2;

const RELU: LayerKind = LayerKind::conv2d(1, 1, Activation::Relu);
const MAX: LayerKind = LayerKind::MaxPool { size: 2 };

/// Layers on a 4x4 map; average pooling of size 1 keeps max-pooling from being fused.
const ALONE: &[(&str, LayerKind)] =
    &[("first", RELU), ("relu", RELU), ("average", LayerKind::AveragePool { size: 1 }), ("max", MAX)];
const FUSED: &[(&str, LayerKind)] = &[("first", RELU), ("relu", RELU), ("fused", RELU), ("pool", MAX)];

fn plan(layers: &[(&str, LayerKind)]) -> Plan {
    let classes = LayerKind::Dense { units: 2, activation: Activation::Identity };
    let layers = [layers, &[("classes", classes)]].concat();
    let model = Model::new("nan", Shape::new(1, 4, 4), (0.0, 1.0), Initializer::HeUniform, &layers).unwrap();
    let data = DatasetShape { samples: BATCH, height: 4, width: 4 };
    Plan::training(&model, BATCH, data, Optimizer::Sgd).unwrap()
}

/// A runner, and the plan that it runs.
struct Bench {
    plan: Plan,
    runner: Box<dyn Runner>,
}

impl Bench {
    /// Runs the operation of `layer` in `role` on `inputs`, given by argument for one sample (the others get 1), with
    /// weights 1 and biases 0. Returns the argument `output`, of the sample.
    fn run(&mut self, layer: &str, role: Role, inputs: &[(&str, &[f32])], output: &str) -> Vec<f32> {
        let plan = &self.plan;
        let is_it = |op: &&lenet_gpu::plan::Op| op.layer == layer && op.kind.facts().role == role;
        let index = plan.ops.iter().position(|op| is_it(&op)).unwrap();
        let op = &plan.ops[index];
        let mut parameters = vec![0.0; plan.layout.words];
        for placed in plan.layout.tensors.iter().filter(|placed| !placed.spec.is_bias()) {
            (0..placed.spec.elements()).for_each(|element| parameters[placed.word(element)] = 1.0);
        }
        self.runner.write_f32(plan.parameters, 0, &parameters).unwrap();
        let mut found = None;
        for (argument, buffer) in op.bound() {
            if let Some((_, values)) = inputs.iter().find(|(name, _)| *name == argument.name) {
                let of = |word| if word % BATCH == SAMPLE { values[word / BATCH] } else { 1.0 };
                let words: Vec<f32> = (0..values.len() * BATCH).map(of).collect();
                self.runner.write_f32(buffer, 0, &words).unwrap();
            }
            if argument.name == output {
                found = Some(buffer);
            }
        }
        self.runner.run_op_now(index, &Step { count: BATCH as u32, ..Step::default() }, 1).unwrap();
        let words = self.runner.read_f32_now(found.unwrap()).unwrap();
        if output == "partials" { words } else { words.into_iter().skip(SAMPLE).step_by(BATCH).collect() }
    }
}

fn everywhere(layers: &[(&str, LayerKind)], check: impl Fn(&mut Bench)) {
    let plan = plan(layers);
    let adapter = adapter::adapter();
    check(&mut Bench { runner: Box::new(CpuRunner::new(&plan)), plan: plan.clone() });
    for kernels in [Kernels::Gpu, Kernels::Software] {
        let mut adapter = adapter.clone();
        adapter.device.kernels = Some(kernels);
        check(&mut Bench { runner: Box::new(GpuRunner::new(&adapter, &plan).unwrap()), plan: plan.clone() });
    }
}

fn same(got: &[f32], expected: &[f32], what: &str) {
    let equal = |(a, b): (&f32, &f32)| a == b || (a.is_nan() && b.is_nan());
    assert!(got.len() == expected.len() && got.iter().zip(expected).all(equal), "{what}: {got:?}, not {expected:?}");
}

const NAN: f32 = f32::NAN;

/// Windows: one NaN that is not the largest by number; none; two, of which the last wins; negative ones.
#[rustfmt::skip]
const MAP: [f32; 16] = [
    1.0, 2.0,   3.0, 4.0,
    NAN, 5.0,   6.0, 0.5,
    NAN, 7.0,  -1.0, -2.0,
    8.0, NAN,  -4.0, -3.0,
];

#[rustfmt::skip]
const PASSED: [f32; 16] = [
    0.0,  0.0,   0.0,  0.0,
    10.0, 0.0,  20.0,  0.0,
    0.0,  0.0,   0.0,  0.0,
    0.0, 30.0,   0.0,  0.0,
];

const DY: [f32; 4] = [10.0, 20.0, 30.0, 40.0];

#[test]
fn nan_passes_relu_and_so_does_its_gradient() {
    everywhere(ALONE, |bench| {
        let relu: Vec<f32> = MAP.iter().map(|v| if *v < 0.0 { 0.0 } else { *v }).collect();
        same(&bench.run("relu", Role::Forward, &[("x", &MAP)], "y"), &relu, "forward");
        let slope: Vec<f32> = MAP.iter().map(|v| if *v <= 0.0 { 0.0 } else { 2.0 }).collect();
        let inputs: &[(&str, &[f32])] = &[("x", &MAP), ("dy", &[2.0; 16])];
        for layer in ["relu", "average"] {
            same(&bench.run(layer, Role::BackwardInput, inputs, "x_gradient"), &slope, layer);
        }
    });
}

#[test]
fn nan_is_the_largest_of_a_window_and_the_last_of_them_gets_the_gradient() {
    everywhere(ALONE, |bench| {
        same(&bench.run("max", Role::Forward, &[("x", &MAP)], "y"), &[NAN, 6.0, NAN, -1.0], "forward");
        let inputs: &[(&str, &[f32])] = &[("x", &MAP), ("dy", &DY)];
        // No activation made x, so that the negative window passes its gradient too.
        let mut passed = PASSED;
        passed[10] = DY[3];
        same(&bench.run("max", Role::BackwardInput, inputs, "x_gradient"), &passed, "backward");
    });
}

#[test]
fn nan_passes_a_convolution_fused_with_max_pooling() {
    everywhere(FUSED, |bench| {
        same(&bench.run("fused", Role::Forward, &[("x", &MAP)], "y"), &[NAN, 6.0, NAN, 0.0], "forward");
        // The argmax is that of the forward pass; the derivative of the pooled ReLU is taken by the layer behind.
        let inputs: &[(&str, &[f32])] = &[("x", &MAP), ("dy", &DY)];
        let gradient = bench.run("fused", Role::BackwardInput, inputs, "x_gradient");
        same(&gradient, &PASSED, "backward");
        let partials = bench.run("fused", Role::BackwardWeights, inputs, "partials");
        assert!(partials.iter().any(|v| v.is_nan()), "{partials:?}");
        assert!(partials.contains(&(100.0 + 12.0)), "the gradient of the bias is a sum of numbers: {partials:?}");
    });
}
