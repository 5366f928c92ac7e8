//! Every kernel against the oracle, one operation at a time, in every case of `lenet-gpu check`.

#[path = "common/adapter.rs"]
mod adapter;

use lenet_gpu::check::{Effort, Filter, KERNELS, Verdict, cases, check_kernels};
use lenet_gpu::model::{Model, PRESETS};

#[test]
fn every_kernel_agrees_with_the_oracle_in_every_case() {
    let adapter = adapter::adapter();
    let models: Vec<Model> = PRESETS.iter().map(|(name, _)| Model::preset(name).unwrap()).collect();
    let cases = cases(&models, &[1, 3, 64, 257], Effort::Normal).unwrap();
    let shipped = |kernel: &lenet_gpu::gpu::Kernel| kernel.source.to_owned();
    let mut outcome = check_kernels(&[adapter], &cases, 1, &Filter::default(), &shipped, &mut |_| ());
    let kernels = outcome.adapters.remove(0).unwrap();
    let names: Vec<&str> = kernels.iter().map(|kernel| kernel.kernel.as_str()).collect();
    assert_eq!(names, KERNELS, "a case for every kernel");
    for kernel in &kernels {
        println!("{}: {:?} of its allowance", kernel.kernel, kernel.worst);
        assert_eq!(kernel.verdict, Verdict::Pass, "{kernel:#?}");
    }
}
