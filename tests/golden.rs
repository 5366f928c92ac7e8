//! Training steps of both runners against PyTorch's: scripts/golden.py made the values and says how.

#[path = "common/adapter.rs"]
mod adapter;

use lenet_gpu::Result;
use lenet_gpu::check::{ORACLE_SHARE, SHARE, check_golden};
use lenet_gpu::cpu::CpuRunner;
use lenet_gpu::gpu::GpuRunner;
use lenet_gpu::plan::{Plan, Runner};

fn steps_are_pytorchs(open: &dyn Fn(&Plan) -> Result<Box<dyn Runner>>, share: f64) {
    let references = check_golden(open, share).unwrap();
    assert!(references.len() >= 4, "every optimiser");
    for reference in references {
        for quantity in &reference.quantities {
            println!("{}, {}: {:?} of the allowance", reference.name, quantity.name, quantity.worst);
            assert!(quantity.passes(), "{}: {quantity:#?}", reference.name);
        }
    }
}

#[test]
fn steps_of_the_oracle_are_pytorchs() {
    steps_are_pytorchs(&|plan| Ok(Box::new(CpuRunner::new(plan))), ORACLE_SHARE);
}

#[test]
fn steps_of_the_gpu_are_pytorchs() {
    let adapter = adapter::adapter();
    steps_are_pytorchs(&|plan| Ok(Box::new(GpuRunner::new(&adapter, plan)?)), SHARE);
}
