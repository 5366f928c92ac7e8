//! A report for tests.

use super::{AdapterReport, Ceilings, KernelTime, Samples, Throughput};
use crate::gpu;
use crate::model::Model;
use crate::plan::{Clock, Device, Kernels};

/// A small report with every kind of figure but a start-up.
pub fn report(name: &str) -> AdapterReport {
    let device = Device {
        index: Some(0),
        name: name.to_owned(),
        backend: "vulkan".to_owned(),
        driver: "a \"driver\", 1.0".to_owned(),
        kind: "software".to_owned(),
        kernels: Some(Kernels::Software),
        shaders: None,
    };
    let samples = Samples::new(vec![2_000.0, 2_020.0, 1_980.0]);
    let throughput = Throughput {
        batch: 4,
        samples_per_s: 2_000.0,
        samples,
        gflops: 5.0,
        share_of_fma: Some(0.1),
        encode_us_per_step: Some(20.8),
        encode_us_per_dispatch: Some(1.3),
        encode_us_samples: vec![20.8; 3],
        device_bytes: 3 << 20,
    };
    AdapterReport {
        ceilings: Some(Ceilings::new(gpu::Ceilings {
            fma_gflops: vec![50.0; 3],
            read_gb_per_s: vec![10.0; 3],
            cached_read_gb_per_s: vec![20.0; 3],
            write_gb_per_s: vec![8.0; 3],
            dispatch_s: vec![5e-6; 3],
            independent_dispatch_s: vec![2e-6; 3],
            submission_s: vec![5e-5; 3],
            read_back_s: vec![2e-5; 3],
        })),
        training: vec![throughput.clone()],
        evaluation: vec![throughput],
        kernels: vec![KernelTime {
            kernel: "c1 conv2d_forward".to_owned(),
            batch: 4,
            seconds: 1.5e-4,
            samples: Samples::new(vec![1.5e-4; 3]),
            gflops: 25.0,
            gb_per_s: 1.0,
            share: Some(0.5),
            bound: Some("arithmetic".to_owned()),
            clock: Clock::Timestamp,
            part_of_step: 1.0,
        }],
        ..AdapterReport::new(&device, &Model::preset("lenet5").unwrap())
    }
}
