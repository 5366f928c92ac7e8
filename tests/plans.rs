//! Whole plans on the CPU oracle: finite differences, determinism, bounds.

use lenet_gpu::check::{Probe, check_gradients, models};
use lenet_gpu::cpu::{self, Buffers};
use lenet_gpu::model::{Activation, Model};
use lenet_gpu::plan::{Element, Op, OpKind, PACK, Pass, Phase, Runner};
use lenet_gpu::recipe::Optimizer;
use strum::VariantArray;

const SGD: Optimizer = Optimizer::Sgd;

fn small_models(activation: Activation) -> Vec<Model> {
    models(activation).unwrap()
}

fn probe(model: &Model, count: usize, optimizer: Optimizer, seed: u64) -> Probe {
    Probe::new(model, count, optimizer, seed).unwrap()
}

#[test]
fn gradients_are_the_slopes_of_the_loss() {
    for activation in Activation::VARIANTS.iter().copied() {
        for model in small_models(activation) {
            for count in [1, 3, 33] {
                let name = format!("{} {}, batch {count}", model.name, activation.name());
                let quantity = check_gradients(name, &model, count, 11).unwrap();
                assert!(quantity.passes(), "{quantity:#?}");
            }
        }
    }
}

#[test]
fn every_operation_traced_is_what_the_runner_writes() {
    for optimizer in [SGD, Optimizer::Nesterov, Optimizer::Adam, Optimizer::AdamW] {
        for model in small_models(Activation::ScaledTanh) {
            let Probe { plan, mut runner, step, .. } = probe(&model, 33, optimizer, 5);
            for op in &plan.ops {
                let traced = cpu::run_op(op, &step, runner.buffers(), &plan);
                let mut expected: Buffers = runner.buffers().clone();
                runner.run(op, &step);
                for output in traced {
                    let element = plan.buffer(output.buffer).element;
                    assert!(op.outputs().contains(&output.buffer), "{} writes an input", op.kind.name());
                    // An argmax that rounding decides may be any: the runner's stays.
                    for (word, traced) in output.words.iter().enumerate() {
                        if element == Element::U32 && traced.magnitude == f64::INFINITY {
                            let written = runner.buffers().u32(output.buffer)[output.first + word];
                            expected.u32_mut(output.buffer)[output.first + word] = written;
                            continue;
                        }
                        expected.u32_mut(output.buffer)[output.first + word] = match element {
                            Element::F32 => (traced.value as f32).to_bits(),
                            Element::U32 => traced.value as u32,
                        };
                        let bounded = element == Element::U32 || traced.magnitude >= traced.value.abs();
                        assert!(bounded, "{} {word}: {traced:?}", op.kind.name());
                    }
                }
                assert!(&expected == runner.buffers(), "{} of {}", op.kind.name(), op.layer);
            }
        }
    }
}

#[test]
fn a_sum_in_f32_keeps_the_bound_and_a_dropped_tap_breaks_it() {
    let model = &small_models(Activation::Identity)[0];
    let Probe { plan, mut runner, step, .. } = probe(model, 3, SGD, 7);
    runner.submit(Phase::Evaluate, &[step]).unwrap();
    let op: &Op = plan.ops.iter().find(|op| op.layer == "layer4").unwrap();
    let OpKind::Conv2d(Pass::Forward, conv) = op.kind else { panic!("layer4 is a convolution") };
    let traced = &cpu::run_op(op, &step, runner.buffers(), &plan)[0].words;
    let (x, parameters) = (runner.buffers().f32(op.buffers[0]), runner.buffers().f32(op.buffers[1]));
    // The first output of sample 0 in f32, without the last `dropped` taps.
    let output = |dropped: usize| {
        let mut sum = parameters[conv.bias];
        for tap in 0..conv.input.channels * 9 - dropped {
            let (c, i, j) = (tap / 9, tap % 9 / 3, tap % 3);
            let index = (c * conv.input.height + i) * conv.input.width + j;
            sum += parameters[conv.weights + tap * PACK] * x[index * plan.blocks.size];
        }
        f64::from(sum)
    };
    // Every tap and the bias are added, and each addition rounds by at most 2^-24 of its sum.
    let bound = (conv.input.channels * 9 + 1) as f64 * 2.0_f64.powi(-24) * traced[0].magnitude;
    assert!((output(0) - traced[0].value).abs() <= bound);
    assert!((output(1) - traced[0].value).abs() > bound);
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let model = Model::preset("lenet5").unwrap();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let Probe { mut runner, step, .. } = probe(&model, 70, Optimizer::Adam, 3);
            runner.submit(Phase::Train, &[step, step]).unwrap();
            runner.buffers().clone()
        })
    };
    let one = run(1);
    assert!(one == run(3));
    assert!(one == run(1));
}

#[test]
fn evaluation_changes_no_parameter_and_only_its_own_predictions() {
    let model = &small_models(Activation::Tanh)[0];
    let Probe { plan, mut runner, step, .. } = probe(model, 3, SGD, 2);
    runner.write(plan.predictions, 0, &[77; 12]).unwrap();
    let before = runner.read_now(plan.parameters).unwrap();
    runner.submit(Phase::Evaluate, &[step]).unwrap();
    assert_eq!(runner.read_now(plan.parameters).unwrap(), before);
    let predictions = runner.read_now(plan.predictions).unwrap();
    assert!(predictions[..3].iter().chain(&predictions[6..]).all(|p| *p == 77));
    assert!(predictions[3..6].iter().all(|p| *p < 10));
}
