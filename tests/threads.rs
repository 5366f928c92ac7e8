//! Plain arithmetic over the plan, without a GPU: every large operation has work for a GPU's lanes.

use lenet_gpu::gpu::{Kernel, Piece, Tile, kernel};
use lenet_gpu::model::{Model, PRESETS};
use lenet_gpu::plan::{DatasetShape, Kernels, Plan};
use lenet_gpu::recipe::Optimizer;

const BATCH: usize = 64;

/// An operation from here on is judged (flop per step).
const LARGE: u64 = 1_000_000;

/// A subgroup of 32 lanes for each of 96 schedulers, those of a GPU of the middle class.
const LEAST_THREADS: u64 = 32 * 96;

/// One multiply-add per clock, of which half is useful, is 1 flop per clock: 8,192 clocks are 5 us at 1.6 GHz, about
/// two launches.
const MOST_FLOP_PER_THREAD: u64 = 8_192;

/// The tiles of the set for GPUs.
const TILE: Tile = Tile { kernels: Kernels::Gpu, uniform_weights: false, rolled: false };

/// Threads of a dispatch: workgroups times the size of one. Threads of the last workgroup that have no work count too.
fn threads(kernel: &Kernel) -> u64 {
    let module = naga::front::wgsl::parse_str(&kernel.source().unwrap()).unwrap();
    let entry = module.entry_points.iter().find(|entry| entry.name == kernel.entry).unwrap();
    entry.workgroup_size.iter().chain(&kernel.workgroups).map(|count| u64::from(*count)).product()
}

/// The plan of a preset's training step, of MNIST's images.
fn plan(preset: &str) -> Plan {
    let data = DatasetShape { samples: BATCH, height: 28, width: 28 };
    Plan::training(&Model::preset(preset).unwrap(), BATCH, data, Optimizer::Sgd).unwrap()
}

#[test]
fn threads_are_workgroups_times_their_size_with_constants() {
    let text = "@compute @workgroup_size(4u * 2u, HEIGHT) fn sized() {}";
    let plan = plan("lenet5");
    let sized = Kernel {
        entry: "sized",
        pieces: vec![Piece { file: "sized", text: text.into() }],
        constants: vec![("HEIGHT", 3)],
        workgroups: [5, 1, 7],
        geometry: Vec::new(),
        ..kernel(&plan.ops[0], &plan, TILE)
    };
    assert_eq!(threads(&sized), 8 * 3 * 5 * 7);
}

#[test]
fn large_operations_have_many_threads_with_little_work_each() {
    let mut table = String::new();
    let mut broken = 0;
    for (preset, _) in PRESETS {
        let plan = plan(preset);
        for op in &plan.ops {
            let flop = op.kind.facts().flops.of(BATCH);
            if flop < LARGE {
                continue;
            }
            let threads = threads(&kernel(op, &plan, TILE));
            let per_thread = flop.div_ceil(threads);
            let breaks = threads < LEAST_THREADS || per_thread > MOST_FLOP_PER_THREAD;
            broken += usize::from(breaks);
            let mark = if breaks { "  <-" } else { "" };
            table += &format!(
                "{preset:<13} {:<7} {:<33} {threads:>7} threads {per_thread:>8} flop per thread{mark}\n",
                op.layer,
                op.kind.name()
            );
        }
    }
    println!("{table}");
    assert_eq!(
        broken, 0,
        "at batch {BATCH}: at least {LEAST_THREADS} threads, at most {MOST_FLOP_PER_THREAD} flop per thread\n{table}"
    );
}
