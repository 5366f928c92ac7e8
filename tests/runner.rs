//! One contract, two runners: the GPU and the CPU answer the same calls alike.

#[path = "common/adapter.rs"]
mod adapter;

use lenet_gpu::cpu::CpuRunner;
use lenet_gpu::gpu::GpuRunner;
use lenet_gpu::model::{Activation, Initializer, LayerKind, Model, Shape};
use lenet_gpu::plan::{DatasetShape, MOST_STEPS, Phase, Plan, Runner, Step};
use lenet_gpu::recipe::Optimizer;

const SHAPE: DatasetShape = DatasetShape { samples: 11, height: 4, width: 5 };

fn model() -> Model {
    let layers = [
        ("c1", LayerKind::conv2d(2, 3, Activation::Tanh)),
        ("output", LayerKind::Dense { units: 3, activation: Activation::Identity }),
    ];
    Model::new("small", Shape::new(1, 5, 6), (0.0, 1.0), Initializer::HeUniform, &layers).unwrap()
}

/// Both runners of `plan`, with images, labels, order and weights.
fn runners(plan: &Plan) -> [Box<dyn Runner>; 2] {
    let gpu = GpuRunner::new(&adapter::adapter(), plan).unwrap();
    let mut runners: [Box<dyn Runner>; 2] = [Box::new(CpuRunner::new(plan)), Box::new(gpu)];
    for runner in &mut runners {
        let images: Vec<u32> = (0..55).map(|i: u32| i.wrapping_mul(2_654_435_761)).collect();
        runner.write(plan.images, 0, &images).unwrap();
        runner.write(plan.labels, 0, &[0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1]).unwrap();
        runner.write(plan.order, 0, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]).unwrap();
        let weights = plan.layout.pack(&plan.model.initial_weights(1)).unwrap();
        runner.write_f32(plan.parameters, 0, &weights).unwrap();
    }
    runners
}

fn training() -> Plan {
    Plan::training(&model(), 6, SHAPE, Optimizer::Sgd).unwrap()
}

const STEP: Step = Step {
    start: 2,
    count: 4,
    row: 0,
    learning_rate: 0.1,
    momentum: 0.9,
    beta2: 0.0,
    epsilon: 0.0,
    weight_decay: 0.0,
    label_smoothing: 0.0,
    correction1: 0.0,
    correction2: 0.0,
    padding: 0,
};

#[test]
fn what_does_not_fit_is_refused_by_name_and_nothing_runs() {
    let plan = training();
    for mut runner in runners(&plan) {
        let before = runner.read_now(plan.parameters).unwrap();
        let mut refused = |steps: &[Step], expected: &str| {
            let error = runner.submit(Phase::Train, steps).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert_eq!(error.exit_code(), 2);
        };
        refused(&[], "without steps");
        refused(&[STEP; MOST_STEPS + 1], "257 steps in one submission: at most 256");
        refused(&[STEP, Step { count: 7, ..STEP }], "step 1 has 7 samples: the plan's batch is 6");
        refused(&[Step { start: 8, ..STEP }], "step 0 ends at sample 12: there are 11");
        refused(&[Step { start: u32::MAX, ..STEP }], "there are 11");
        refused(&[Step { row: 256, ..STEP }], "step 0 has row 256: there are 256");
        let op = runner.run_op_now(0, &Step { count: 7, ..STEP }, 1).unwrap_err();
        assert!(op.to_string().contains("the plan's batch is 6"), "{op}");
        for (first, words) in [(10, 9), (13, 0), (usize::MAX, 2)] {
            let error = runner.write(plan.labels, first, &vec![0; words]).unwrap_err();
            assert!(error.to_string().contains("do not fit buffer labels of 12"), "{error}");
        }
        let error = runner.collect_now().unwrap_err();
        assert_eq!(error.to_string(), "there is no submission to collect");
        assert_eq!(runner.read_now(plan.parameters).unwrap(), before);
    }
}

#[test]
fn submissions_are_collected_oldest_first_and_each_step_has_its_row() {
    let plan = training();
    for mut runner in runners(&plan) {
        let short = Step { count: 2, row: 7, ..STEP };
        runner.submit(Phase::Train, &[STEP, short]).unwrap();
        runner.submit(Phase::Evaluate, &[Step { count: 1, ..short }, Step { count: 3, ..STEP }]).unwrap();
        let mut counts = || runner.collect_now().unwrap().iter().map(|m| m.count).collect::<Vec<_>>();
        assert_eq!(counts(), [4.0, 2.0]);
        assert_eq!(counts(), [1.0, 3.0]);
        assert!(runner.collect_now().is_err());
    }
}

#[test]
fn calls_take_effect_in_order() {
    let plan = training();
    for mut runner in runners(&plan) {
        runner.submit(Phase::Train, &[STEP]).unwrap();
        let once = runner.read_now(plan.parameters).unwrap();
        // Written after the submission, read after the next: the step ran with the old values in between.
        let weights = plan.layout.pack(&plan.model.initial_weights(1)).unwrap();
        runner.write_f32(plan.parameters, 0, &weights).unwrap();
        runner.write(plan.states[0], 0, &vec![0; plan.layout.words]).unwrap();
        runner.submit(Phase::Train, &[STEP]).unwrap();
        assert_eq!(runner.read_now(plan.parameters).unwrap(), once);
        assert_eq!(runner.collect_now().unwrap(), runner.collect_now().unwrap());
    }
}

#[test]
fn gradients_then_update_are_a_training_step() {
    let plan = training();
    for (mut whole, mut parts) in runners(&plan).into_iter().zip(runners(&plan)) {
        whole.submit(Phase::Train, &[STEP]).unwrap();
        parts.submit(Phase::Gradients, &[STEP]).unwrap();
        parts.submit(Phase::Update, &[STEP]).unwrap();
        for buffer in [plan.parameters, plan.gradients.unwrap(), plan.states[0]] {
            assert_eq!(whole.read_now(buffer).unwrap(), parts.read_now(buffer).unwrap());
        }
    }
}

#[test]
fn a_plan_that_evaluates_has_no_gradients_and_the_same_results() {
    let (training, plan) = (training(), Plan::evaluation(&model(), 6, SHAPE).unwrap());
    assert!(plan.buffers.iter().all(|b| !["gradient", "momentum", "partials"].iter().any(|n| b.name.contains(n))));
    assert!(plan.gradients().is_err() && plan.bytes() < training.bytes());
    for (mut evaluates, mut trains) in runners(&plan).into_iter().zip(runners(&training)) {
        assert!(evaluates.submit(Phase::Train, &[STEP]).unwrap_err().to_string().contains("no phase train"));
        evaluates.submit(Phase::Evaluate, &[STEP]).unwrap();
        trains.submit(Phase::Evaluate, &[STEP]).unwrap();
        assert_eq!(evaluates.collect_now().unwrap(), trains.collect_now().unwrap());
        for (a, b) in [(plan.logits, training.logits), (plan.probabilities, training.probabilities)] {
            assert_eq!(evaluates.read_now(a).unwrap(), trains.read_now(b).unwrap());
        }
    }
}
