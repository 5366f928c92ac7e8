//! The words that a kernel wrote, compared with the expected ones, over all cases.

use serde::Serialize;

use super::cases::Case;
use super::inputs::Inputs;
use super::known;
use super::tolerance::Tolerance;
use super::verdict::Verdict;
use crate::cpu::{self, Buffers, Traced};
use crate::plan::{BufferId, Device, Element, Plan, Step, Use};
use crate::shell;

/// The word that fills outputs before an operation runs: a NaN as f32, no class or sample as u32. A word that the
/// operation must not write still holds it afterwards.
pub const UNWRITTEN: u32 = 0xffff_fffe;

/// An element of an output, and its expected value.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// Name of the case.
    pub case: String,
    /// Kind of input.
    pub inputs: Inputs,
    /// Seed of the inputs.
    pub seed: u64,
    /// Layer of the operation.
    pub layer: String,
    /// Buffer that it wrote.
    pub buffer: String,
    /// Word in the buffer.
    pub word: usize,
    /// The name of the word: tensor and index, or channel, row, column and sample.
    pub place: String,
    /// Value that the device wrote; null if not finite.
    pub device: Option<f64>,
    /// Its bits.
    pub device_bits: u32,
    /// Value of the oracle, not rounded; null for a word that should not have been written.
    pub oracle: Option<f64>,
    /// Largest distance that passes.
    pub allowance: f64,
    /// Distance in units of the allowance; null if infinite.
    pub used: Option<f64>,
}

/// The result of one kernel in all cases on one adapter.
#[derive(Debug, Clone, Serialize)]
pub struct KernelReport {
    /// Name of the operation and entry point.
    pub kernel: String,
    /// Whether every element kept its allowance.
    pub verdict: Verdict,
    /// Largest error in units of its allowance; at most 1 passes. Null if infinite: a NaN, an infinity, a word
    /// not written or written that should not be.
    pub worst: Option<f64>,
    /// Mean error in units in the last place (2^-23) of the magnitude that was summed.
    pub mean_ulps: f64,
    /// Number of runs.
    pub runs: usize,
    /// Elements compared.
    pub elements: u64,
    /// Of these, indices that rounding decides: any value passes.
    pub undecided_elements: u64,
    /// Elements beyond their allowance.
    pub bad_elements: u64,
    /// The element with the largest error.
    pub worst_element: Option<Finding>,
    /// The first broken guard: the buffer, and the word counted from its first.
    pub broken_guard: Option<String>,
    /// The reason of a known failure.
    pub known: Option<String>,
    /// The command that runs just this kernel on just the inputs of the worst element.
    pub replay: Option<String>,
}

/// The setup of a run of a plan's operations.
pub(super) struct Setup<'a> {
    /// The plan and its step.
    pub case: &'a Case,
    /// Kind of input.
    pub inputs: Inputs,
    /// Seed of the input.
    pub seed: u64,
}

/// The expected words of one output of an operation; `None` for a word that it should not write.
pub(super) struct Expected {
    buffer: BufferId,
    /// Type of its words.
    pub element: Element,
    /// By word.
    pub words: Vec<Option<Traced>>,
    tolerance: Tolerance,
    /// Whether the operation updates its outputs: unwritten words keep their input rather than [`UNWRITTEN`].
    updates: bool,
}

/// The expected words of each output of operation `index`.
pub(super) fn expect(plan: &Plan, index: usize, step: &Step, buffers: &Buffers) -> Vec<Expected> {
    let op = &plan.ops[index];
    let outputs = cpu::run_op(op, step, buffers, plan);
    let tolerance = Tolerance::of(op.kind.facts().rounding, step);
    let updates = op.bound().iter().any(|(argument, _)| argument.usage == Use::Update);
    let expect = |buffer: &BufferId| {
        let spec = plan.buffer(*buffer);
        let mut words = vec![None; spec.words];
        for output in outputs.iter().filter(|o| o.buffer == *buffer) {
            for (word, traced) in words[output.first..].iter_mut().zip(&output.words) {
                *word = Some(*traced);
            }
        }
        Expected { buffer: *buffer, element: spec.element, words, tolerance, updates }
    };
    op.outputs().iter().map(expect).collect()
}

impl Expected {
    /// Share of the allowance that `got` uses for word `word`.
    fn used(&self, word: usize, got: u32) -> f64 {
        let exact = |same: bool| if same { 0.0 } else { f64::INFINITY };
        match self.words[word] {
            // Rounding decides this index.
            Some(e) if e.magnitude == f64::INFINITY => 0.0,
            Some(e) if self.element == Element::U32 => exact(f64::from(got) == e.value),
            Some(e) => self.tolerance.used(f64::from(f32::from_bits(got)), e.value, e.magnitude),
            None => exact(self.updates || got == UNWRITTEN),
        }
    }
}

/// Sums over the runs of one kernel on one adapter.
#[derive(Clone)]
pub(super) struct Tally {
    /// Name of the operation.
    pub kernel: &'static str,
    /// How often it ran.
    pub runs: usize,
    elements: u64,
    undecided: u64,
    bad: u64,
    ulps: f64,
    worst: Option<Finding>,
    /// [`Case::flags`] of the case of `worst`.
    flags: String,
    /// The first guard that broke.
    pub broken_guard: Option<String>,
}

impl Tally {
    /// A tally of `kernel` without runs.
    pub fn new(kernel: &'static str) -> Self {
        Self {
            kernel,
            runs: 0,
            elements: 0,
            undecided: 0,
            bad: 0,
            ulps: 0.0,
            worst: None,
            flags: String::new(),
            broken_guard: None,
        }
    }

    /// Adds a run of operation `index`: the words of each of its outputs, and the expected ones. A word that is
    /// nearer to the `alternative` is compared with that.
    pub fn add(
        &mut self,
        setup: &Setup,
        index: usize,
        outputs: &[Vec<u32>],
        expected: &[Expected],
        alternative: Option<&[Expected]>,
    ) {
        self.runs += 1;
        let plan = &setup.case.plan;
        for (output, (words, expected)) in outputs.iter().zip(expected).enumerate() {
            for (word, got) in words.iter().enumerate() {
                let other = alternative.map(|alternative| &alternative[output]);
                let other = other.filter(|other| other.used(word, *got) < expected.used(word, *got));
                let expected = other.unwrap_or(expected);
                let used = expected.used(word, *got);
                let (device, oracle) = match (expected.element, expected.words[word]) {
                    (Element::F32, e) => (f64::from(f32::from_bits(*got)), e),
                    (Element::U32, e) => (f64::from(*got), e),
                };
                if let Some(e) = oracle {
                    self.elements += 1;
                    self.undecided += u64::from(e.magnitude == f64::INFINITY);
                    self.bad += u64::from(used > 1.0);
                    // Capped, since one infinite error would hide all others in the mean.
                    let ulps = ulps(device, e.value, e.magnitude);
                    self.ulps += if ulps.is_finite() { ulps.min(1e6) } else { 1e6 };
                } else if used > 1.0 {
                    self.bad += 1;
                }
                if self.worst.as_ref().is_none_or(|worst| used > worst.used.unwrap_or(f64::INFINITY)) {
                    self.flags = setup.case.flags.clone();
                    let allowance = oracle.map_or(0.0, |e| expected.tolerance.allowance(e.magnitude));
                    self.worst = Some(Finding {
                        case: setup.case.name.clone(),
                        inputs: setup.inputs,
                        seed: setup.seed,
                        layer: plan.ops[index].layer.clone(),
                        buffer: plan.buffer(expected.buffer).name.clone(),
                        word,
                        place: plan.buffer(expected.buffer).describe(word, &plan.layout, plan.blocks),
                        device: finite(device),
                        device_bits: *got,
                        oracle: oracle.map(|e| e.value),
                        allowance,
                        used: finite(used),
                    });
                }
            }
        }
    }

    /// The report for `device`. A kernel of which no element was judged fails.
    pub fn report(self, device: &Device) -> KernelReport {
        let used = self.worst.as_ref().and_then(|worst| worst.used);
        let judged = self.elements > self.undecided;
        let passes = judged && used.is_some_and(|used| used <= 1.0) && self.bad == 0 && self.broken_guard.is_none();
        let known = if passes { None } else { known::reason(device, self.kernel) };
        let replay = self.worst.as_ref().map(|worst| {
            let (index, kernel) = (device.index.unwrap_or(0), self.kernel);
            let set = device.other_kernels().map_or(String::new(), |set| format!(" --kernels {}", set.name()));
            let own = device.shaders.iter().map(|own| format!(" --shaders {}", shell::word(own.folder.display())));
            let set = set + &own.collect::<String>();
            let (case, inputs, seed) = (&worst.case, worst.inputs.name(), worst.seed);
            format!(
                "lenet-gpu check --adapter {index}{set} --kernel {kernel} --case {case} --inputs {inputs} --seed {seed}{}",
                self.flags
            )
        });
        KernelReport {
            replay,
            kernel: self.kernel.to_owned(),
            verdict: match (passes, &known) {
                (true, _) => Verdict::Pass,
                (false, Some(_)) => Verdict::Known,
                (false, None) => Verdict::Fail,
            },
            worst: used,
            mean_ulps: self.ulps / (self.elements.max(1)) as f64,
            runs: self.runs,
            elements: self.elements,
            undecided_elements: self.undecided,
            bad_elements: self.bad,
            worst_element: self.worst,
            broken_guard: self.broken_guard,
            known,
        }
    }
}

/// Distance in units in the last place (2^-23) of `magnitude`, less one smallest normal number: a subnormal value may
/// be flushed to 0, and that says nothing about rounding.
pub(super) fn ulps(a: f64, b: f64, magnitude: f64) -> f64 {
    const SMALLEST: f64 = f32::MIN_POSITIVE as f64;
    let distance = (a - b).abs();
    if distance <= SMALLEST { 0.0 } else { (distance - SMALLEST) * (1 << 23) as f64 / magnitude.max(SMALLEST) }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Kernels, OwnShaders};

    #[test]
    fn a_replay_names_shaders_and_a_set_of_kernels_that_are_not_the_adapters_own() {
        let worst = Finding {
            case: "dense-sgd".to_owned(),
            inputs: Inputs::Unit,
            seed: 1,
            layer: String::new(),
            buffer: String::new(),
            word: 0,
            place: String::new(),
            device: None,
            device_bits: 0,
            oracle: None,
            allowance: 0.0,
            used: None,
        };
        let tally = Tally { worst: Some(worst), ..Tally::new("sgd") };
        let own = OwnShaders { folder: "/home/ann/my shaders".into(), sha256: String::new() };
        let replay = |kernels, shaders: Option<OwnShaders>| {
            let device = Device { index: Some(2), kind: "software".to_owned(), ..crate::cpu::CpuRunner::description() };
            tally.clone().report(&Device { kernels: Some(kernels), shaders, ..device }).replay.unwrap()
        };
        let begins = |replay: String, flags: &str| {
            assert!(replay.starts_with(&format!("lenet-gpu check --adapter 2{flags} --kernel sgd ")), "{replay}");
        };
        begins(replay(Kernels::Software, None), "");
        begins(replay(Kernels::Gpu, None), " --kernels gpu");
        begins(replay(Kernels::Gpu, Some(own)), " --kernels gpu --shaders '/home/ann/my shaders'");
    }

    #[test]
    fn a_kernel_of_which_nothing_was_judged_fails() {
        let device = crate::cpu::CpuRunner::description();
        let ran = |elements, undecided| Tally { runs: 1, elements, undecided, ..Tally::new("sgd") };
        assert_eq!(ran(0, 0).report(&device).verdict, Verdict::Fail);
        assert_eq!(ran(8, 8).report(&device).verdict, Verdict::Fail);
    }
}
