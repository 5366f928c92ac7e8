//! Reports of `check` for tests, with fixed numbers.

use crate::check::{
    AdapterReport, Difference, Effort, Finding, Flip, Inputs, KernelReport, Pair, Quantity, Reference, Report, Soak,
    Trial, UNWRITTEN, Verdict,
};
use crate::plan::{Device, Kernels};

fn kernel(name: &str, worst: f64) -> KernelReport {
    KernelReport {
        kernel: name.to_owned(),
        verdict: Verdict::Pass,
        worst: Some(worst),
        mean_ulps: 0.0314,
        runs: 1_234,
        elements: 5_678_901,
        undecided_elements: 0,
        bad_elements: 0,
        worst_element: None,
        broken_guard: None,
        known: None,
        replay: None,
    }
}

fn finding() -> Finding {
    Finding {
        case: "dense-nesterov".to_owned(),
        inputs: Inputs::Large,
        seed: 7,
        layer: "c1".to_owned(),
        buffer: "c1.y".to_owned(),
        word: 4_711,
        place: "channel 2, row 3, column 4, sample 5".to_owned(),
        device: Some(1.25),
        device_bits: 1.25_f32.to_bits(),
        oracle: Some(1.0),
        allowance: 1.5e-6,
        used: Some(1.7e5),
    }
}

/// A kernel that fails with `finding`.
fn failing(name: &str, finding: Finding) -> KernelReport {
    let replay = format!(
        "lenet-gpu check --adapter 1 --kernel {name} --case {} --inputs {} --seed {}",
        finding.case,
        finding.inputs.name(),
        finding.seed
    );
    KernelReport {
        verdict: Verdict::Fail,
        worst: finding.used,
        bad_elements: 1_000,
        worst_element: Some(finding),
        replay: Some(replay),
        ..kernel(name, 0.0)
    }
}

/// A quantity that uses `worst` of its allowance.
pub fn quantity(name: &str, worst: Option<f64>) -> Quantity {
    let device = worst.map(|worst| 0.5 + 1e-6 * worst);
    Quantity { name: name.to_owned(), worst, device, expected: 0.5, allowance: 1e-6 }
}

fn reference(name: &str, quantities: &[Quantity]) -> Reference {
    Reference { name: name.to_owned(), quantities: quantities.to_vec() }
}

fn difference() -> Difference {
    Difference { place: "gradients[42]".to_owned(), first: 0x3f80_0000, again: 0x3f80_0001, words: 1_234 }
}

/// An adapter on which everything passes.
pub fn passing(index: usize, name: &str, driver: &str) -> AdapterReport {
    AdapterReport {
        device: Device {
            index: Some(index),
            name: name.to_owned(),
            backend: "vulkan".to_owned(),
            driver: driver.to_owned(),
            kind: "discrete gpu".to_owned(),
            kernels: Some(Kernels::Gpu),
            shaders: None,
        },
        verdict: Verdict::Pass,
        error: None,
        kernels: vec![kernel("gather_bytes", 0.0), kernel("conv2d_forward", 0.375)],
        training: vec![
            reference("one step of lenet5 beside PyTorch", &[quantity("loss", Some(0.01))]),
            reference("100 steps of lenet5", &[quantity("loss", Some(0.5)), quantity("c1.weight", Some(0.8))]),
        ],
        bits: vec![Trial { name: "4 steps, 1 per submission".to_owned(), difference: None }],
        soak: Some(Soak { seconds: 600.0, steps: 123_456, flips: Vec::new() }),
    }
}

/// An adapter that fails in every way, six times where fewer are shown.
pub fn faulty() -> AdapterReport {
    let unwritten = Finding { device: None, device_bits: UNWRITTEN, place: String::new(), used: None, ..finding() };
    let stray = Finding { oracle: None, used: None, ..finding() };
    let guard = Some("c1.y, word -1".to_owned());
    let known = Some("a link to the issue of the driver".to_owned());
    let flip = |repetition| Flip { seconds: 1.25 * repetition as f64, repetition, difference: difference() };
    let weights: Vec<Quantity> = (1..=5).map(|n| quantity(&format!("f{n}.weight"), Some(2.0))).collect();
    AdapterReport {
        kernels: vec![
            kernel("gather_bytes", 0.0),
            failing("conv2d_forward", finding()),
            failing("max_pool_forward", unwritten),
            failing("dense_forward", stray),
            KernelReport { broken_guard: guard, ..failing("sgd", Finding { used: Some(0.5), ..finding() }) },
            KernelReport { verdict: Verdict::Known, known, ..failing("adam", finding()) },
        ],
        training: vec![reference("a run", &[&[quantity("loss", None)], &weights[..]].concat())],
        bits: vec![Trial { name: "4 steps, 1 per submission".to_owned(), difference: Some(difference()) }],
        soak: Some(Soak { seconds: 60.0, steps: 9_999, flips: (1..=6).map(flip).collect() }),
        ..passing(1, "A card | with a name so long that it does not fit on a line with its driver and its backend", "")
    }
}

/// An adapter that could not be run.
pub fn refused() -> AdapterReport {
    AdapterReport {
        error: Some("limit max_buffer_size is 1, and this needs 2".to_owned()),
        kernels: Vec::new(),
        training: Vec::new(),
        bits: Vec::new(),
        soak: None,
        ..passing(2, "A small card", "maker 0.1")
    }
}

/// The judged report on `adapters`.
pub fn report(adapters: Vec<AdapterReport>, pairs: Vec<Pair>, oracle: &[Quantity]) -> Report {
    let report = Report {
        version: "1.2.3".to_owned(),
        date: "2026-01-31".to_owned(),
        seed: 7,
        effort: Effort::Normal,
        verdict: Verdict::Pass,
        oracle: oracle.to_vec(),
        adapters: adapters.into_iter().map(AdapterReport::judge).collect(),
        pairs,
        seconds: 12.3,
    };
    report.judge()
}
