//! Every kernel against the oracle, one operation at a time, in every case of `lenet-gpu check`.

#[path = "common/adapter.rs"]
mod adapter;

use lenet_gpu::check::{Case, Effort, Filter, Inputs, Verdict, cases, check_kernels, operations};
use lenet_gpu::gpu::Kernel;
use lenet_gpu::model::{Activation, Initializer, LayerKind, Model, PRESETS, Shape};
use lenet_gpu::plan::{DatasetShape, Kernels, Plan, Step};
use lenet_gpu::recipe::Optimizer;

#[test]
fn every_kernel_of_both_sets_agrees_with_the_oracle_in_every_case() {
    let adapters = [Kernels::Gpu, Kernels::Software].map(|set| {
        let mut adapter = adapter::adapter();
        adapter.device.kernels = Some(set);
        adapter
    });
    let models: Vec<Model> = PRESETS.iter().map(|(name, _)| Model::preset(name).unwrap()).collect();
    let cases = cases(&models, &[1, 3, 64, 257], Effort::Normal).unwrap();
    let outcome = check_kernels(&adapters, &cases, 1, &Filter::default(), &Kernel::source, &mut |_| ());
    for kernels in outcome.adapters {
        let kernels = kernels.unwrap();
        let names: Vec<&str> = kernels.iter().map(|kernel| kernel.kernel.as_str()).collect();
        assert_eq!(names, operations(&cases));
        for kernel in &kernels {
            println!("{}: {:?} of its allowance", kernel.kernel, kernel.worst);
            assert_eq!(kernel.verdict, Verdict::Pass, "{kernel:#?}");
        }
    }
}

/// A plan whose model has `layers` layers with weights.
fn deep(layers: usize) -> Plan {
    let names: Vec<String> = (1..=layers).map(|layer| format!("layer{layer}")).collect();
    let layers: Vec<(&str, LayerKind)> = names
        .iter()
        .map(|name| (name.as_str(), LayerKind::Dense { units: 3, activation: Activation::Identity }))
        .collect();
    let model = Model::new("deep", Shape::new(1, 2, 3), (0.0, 1.0), Initializer::HeUniform, &layers).unwrap();
    Plan::training(&model, 2, DatasetShape { samples: 2, height: 2, width: 3 }, Optimizer::Sgd).unwrap()
}

#[test]
fn any_number_of_layers_is_summed() {
    let adapter = adapter::adapter();
    let step = Step { count: 2, learning_rate: 0.1, ..Step::default() };
    let inputs = vec![Inputs::Unit];
    let case = Case { name: "deep".to_owned(), plan: deep(65), step, inputs, flags: String::new() };
    let filter = Filter { kernel: Some("sum_gradients".to_owned()), ..Filter::default() };
    let outcome = check_kernels(std::slice::from_ref(&adapter), &[case], 1, &filter, &Kernel::source, &mut |_| ());
    let kernels = outcome.adapters[0].as_ref().unwrap();
    assert!(matches!(&kernels[..], [kernel] if kernel.verdict == Verdict::Pass), "{kernels:#?}");
}
