//! Every operation of a plan alone, on awkward inputs, on any number of devices beside the oracle.

use serde::Serialize;

use super::inputs::flushed;
use super::{Case, Finding, Inputs, Tolerance, Verdict, awkward, known};
use crate::cpu::{self, Buffers, Traced};
use crate::error::{Error, Result};
use crate::gpu::{Adapter, GpuRunner, Kernel};
use crate::plan::{BufferId, Element, Plan, Runner, Step, Use};

/// Words that outputs hold before an operation runs: a NaN as f32, no class or sample as u32. Every word
/// that the operation must write is overwritten, every other stays.
pub const UNWRITTEN: u32 = 0xffff_fffe;

/// What one kernel did in all cases on one adapter.
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
    /// How often it ran.
    pub runs: usize,
    /// Elements compared.
    pub elements: u64,
    /// Elements beyond their allowance.
    pub bad_elements: u64,
    /// The element with the largest error.
    pub worst_element: Option<Finding>,
    /// A guard around a buffer that did not survive: the buffer and the word relative to its first.
    pub broken_guard: Option<String>,
    /// Why a failure is known, if it is.
    pub known: Option<String>,
    /// The command that runs just this kernel on just the inputs of the worst element.
    pub replay: Option<String>,
}

/// Which kernel, case or kind of input to keep; `None` keeps all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Name of an operation.
    pub kernel: Option<String>,
    /// Name of a case.
    pub case: Option<String>,
    /// A kind of input.
    pub inputs: Option<Inputs>,
}

/// How far two adapters are from each other, on all inputs but subnormal ones.
#[derive(Debug, Clone, Serialize)]
pub struct Pair {
    /// Indices of the two in `lenet-gpu devices`.
    pub adapters: [usize; 2],
    /// Words compared.
    pub words: u64,
    /// Words that differ in any bit.
    pub different: u64,
    /// Largest difference in units in the last place (2^-23) of the magnitude that was summed. Null if
    /// infinite.
    pub largest_ulps: Option<f64>,
    /// The kernel and case where they first part; null if they never do.
    pub first: Option<String>,
}

/// The outcome of [`check_kernels`].
#[derive(Debug, Clone, Default)]
pub struct KernelsOutcome {
    /// For each adapter its kernels, in the order of [`KERNELS`]; an error for one that could not run.
    pub adapters: Vec<Result<Vec<KernelReport>>>,
    /// Every pair of adapters.
    pub pairs: Vec<Pair>,
}

/// Names of all operations, in the order of a step.
pub const KERNELS: [&str; 19] = [
    "gather",
    "gather_bytes",
    "conv2d_forward",
    "conv2d_max_pool_forward",
    "max_pool_forward",
    "average_pool_forward",
    "dense_forward",
    "softmax_cross_entropy",
    "sum_scores",
    "dense_backward_input",
    "dense_backward_weights",
    "average_pool_backward",
    "max_pool_backward",
    "conv2d_backward_input",
    "conv2d_backward_weights",
    "conv2d_max_pool_backward_weights",
    "sum_gradients",
    "sgd",
    "adam",
];

/// Where a kernel's WGSL comes from: the shaders of the program, or altered ones.
pub type Sources<'a> = &'a dyn Fn(&Kernel) -> String;

/// Runs every case on every adapter; the oracle runs once for all of them.
///
/// An adapter that reports an error has that as its outcome, and is left out from there on. `tell` is called
/// with the case about to run.
pub fn check_kernels(
    adapters: &[Adapter],
    cases: &[Case],
    seed: u64,
    filter: &Filter,
    sources: Sources,
    tell: &mut dyn FnMut(&str),
) -> KernelsOutcome {
    let mut tallies: Vec<Result<Vec<Tally>>> = adapters.iter().map(|_| Ok(tallies())).collect();
    let mut pairs = Vec::new();
    for (place, a) in adapters.iter().enumerate() {
        for b in &adapters[place + 1..] {
            let adapters = [a, b].map(|adapter| adapter.device.index.unwrap_or(0));
            pairs.push(Pair { adapters, words: 0, different: 0, largest_ulps: Some(0.0), first: None });
        }
    }
    for case in cases.iter().filter(|case| filter.case.as_ref().is_none_or(|name| *name == case.name)) {
        tell(&case.name);
        let mut runners: Vec<Option<GpuRunner>> = Vec::new();
        for (adapter, tally) in adapters.iter().zip(&mut tallies) {
            let runner = tally.is_ok().then(|| GpuRunner::with_sources(adapter, &case.plan, sources)).transpose();
            runners.push(runner.unwrap_or_else(|error| {
                *tally = Err(error);
                None
            }));
        }
        for inputs in filter.inputs.map_or_else(|| case.inputs.clone(), |only| vec![only]) {
            let place = Place { case, inputs, seed };
            run_case(&place, filter, &mut runners, &mut tallies, &mut pairs);
        }
    }
    let finish = |(adapter, tallies): (&Adapter, Result<Vec<Tally>>)| {
        tallies.map(|tallies| tallies.into_iter().filter(|t| t.runs > 0).map(|t| t.report(adapter)).collect())
    };
    KernelsOutcome { adapters: adapters.iter().zip(tallies).map(finish).collect(), pairs }
}

/// Where in the check an operation runs.
struct Place<'a> {
    case: &'a Case,
    inputs: Inputs,
    seed: u64,
}

fn run_case(
    place: &Place,
    filter: &Filter,
    runners: &mut [Option<GpuRunner>],
    tallies: &mut [Result<Vec<Tally>>],
    pairs: &mut [Pair],
) {
    let Case { plan, step, .. } = place.case;
    let buffers = awkward(plan, place.seed, place.inputs);
    let flushed = (place.inputs == Inputs::Tiny).then(|| flushed(plan, &buffers));
    for (index, op) in plan.ops.iter().enumerate() {
        let name = op.kind.name();
        if filter.kernel.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let expected = expect(plan, index, step, &buffers);
        // What a device that flushes subnormal inputs to 0 should give is as good.
        let alternative = flushed.as_ref().map(|flushed| expect(plan, index, step, flushed));
        let mut outputs: Vec<Option<Vec<Vec<u32>>>> = Vec::new();
        for (runner, tally) in runners.iter_mut().zip(tallies.iter_mut()) {
            let (Some(gpu), Ok(tallies)) = (runner.as_mut(), tally.as_mut()) else {
                outputs.push(None);
                continue;
            };
            match run(gpu, plan, index, step, &buffers) {
                Ok((words, guard)) => {
                    if let Some(tally) = tallies.iter_mut().find(|t| t.kernel == name) {
                        tally.add(place, index, &words, &expected, alternative.as_deref());
                        if let Some((buffer, word)) = guard {
                            tally.broken_guard.get_or_insert(format!("{}[{word}]", plan.buffer(buffer).name));
                        }
                    }
                    outputs.push(Some(words));
                }
                Err(error) => {
                    *tally = Err(error.context(format!("{name} in case {}", place.case.name)));
                    *runner = None;
                    outputs.push(None);
                }
            }
        }
        let mut pair = pairs.iter_mut();
        for (place_a, a) in outputs.iter().enumerate() {
            for b in &outputs[place_a + 1..] {
                // Adapters may differ on subnormal inputs: WGSL lets each take them for 0 or not.
                if let (Some(pair), Some(a), Some(b), None) = (pair.next(), a, b, &flushed) {
                    pair.add(a, b, &expected, || format!("{name} of {} in case {}", op.layer, place.case.name));
                }
            }
        }
    }
}

/// What an operation should leave in one of its outputs; `None` for a word it should not touch.
struct Expected {
    buffer: BufferId,
    element: Element,
    words: Vec<Option<Traced>>,
    tolerance: Tolerance,
    /// Words that are not written keep what they held rather than [`UNWRITTEN`].
    updates: bool,
}

fn expect(plan: &Plan, index: usize, step: &Step, buffers: &Buffers) -> Vec<Expected> {
    let op = &plan.ops[index];
    let outputs = cpu::run_op(op, step, buffers);
    let tolerance = Tolerance::of(op.kind.facts().rounding, step);
    let updates = op.bound().iter().any(|(slot, _)| slot.usage == Use::Update);
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

/// What an operation wrote, and a guard that broke.
type Ran = (Vec<Vec<u32>>, Option<(BufferId, i64)>);

/// Runs operation `index` from `buffers`; the words of each of its outputs.
fn run(runner: &mut GpuRunner, plan: &Plan, index: usize, step: &Step, buffers: &Buffers) -> Result<Ran> {
    let op = &plan.ops[index];
    for (slot, buffer) in op.bound() {
        match slot.usage {
            Use::Read | Use::Update => runner.write(buffer, 0, buffers.u32(buffer))?,
            Use::Write => runner.write(buffer, 0, &vec![UNWRITTEN; plan.buffer(buffer).words])?,
        }
    }
    runner.run_op_now(index, step, 1)?;
    let words = op.outputs().iter().map(|b| runner.read_now(*b)).collect::<Result<Vec<_>>>()?;
    Ok((words, runner.broken_guard()?))
}

impl Expected {
    /// Share of the allowance that `got` uses for word `word`.
    fn used(&self, word: usize, got: u32) -> f64 {
        let exact = |same: bool| if same { 0.0 } else { f64::INFINITY };
        match self.words[word] {
            // A choice between values that rounding may order either way.
            Some(e) if e.magnitude == f64::INFINITY => 0.0,
            Some(e) if self.element == Element::U32 => exact(f64::from(got) == e.value),
            Some(e) => self.tolerance.used(f64::from(f32::from_bits(got)), e.value, e.magnitude),
            None => exact(self.updates || got == UNWRITTEN),
        }
    }
}

/// Sums over the runs of one kernel on one adapter.
#[derive(Clone)]
struct Tally {
    kernel: &'static str,
    runs: usize,
    elements: u64,
    bad: u64,
    ulps: f64,
    worst: Option<Finding>,
    /// [`Case::flags`] of the worst.
    flags: String,
    broken_guard: Option<String>,
}

fn tallies() -> Vec<Tally> {
    let tally = |kernel| Tally {
        kernel,
        runs: 0,
        elements: 0,
        bad: 0,
        ulps: 0.0,
        worst: None,
        flags: String::new(),
        broken_guard: None,
    };
    KERNELS.map(tally).to_vec()
}

impl Tally {
    fn add(
        &mut self,
        place: &Place,
        index: usize,
        outputs: &[Vec<u32>],
        expected: &[Expected],
        alternative: Option<&[Expected]>,
    ) {
        self.runs += 1;
        let plan = &place.case.plan;
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
                    self.bad += u64::from(used > 1.0);
                    // An error without end would hide all others.
                    let ulps = ulps(device, e.value, e.magnitude);
                    self.ulps += if ulps.is_finite() { ulps.min(1e6) } else { 1e6 };
                } else if used > 1.0 {
                    self.bad += 1;
                }
                if self.worst.as_ref().is_none_or(|worst| used > worst.used.unwrap_or(f64::INFINITY)) {
                    self.flags = place.case.flags.clone();
                    let allowance = oracle.map_or(0.0, |e| expected.tolerance.allowance(e.magnitude));
                    self.worst = Some(Finding {
                        case: place.case.name.clone(),
                        inputs: place.inputs,
                        seed: place.seed,
                        layer: plan.ops[index].layer.clone(),
                        buffer: plan.buffer(expected.buffer).name.clone(),
                        word,
                        place: plan.buffer(expected.buffer).describe(word, &plan.layout),
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

    fn report(self, adapter: &Adapter) -> KernelReport {
        let used = self.worst.as_ref().and_then(|worst| worst.used);
        let passes = used.is_some_and(|used| used <= 1.0) && self.bad == 0 && self.broken_guard.is_none();
        let known = if passes { None } else { known::reason(&adapter.device, self.kernel) };
        let replay = self.worst.as_ref().map(|worst| {
            let (index, kernel) = (adapter.device.index.unwrap_or(0), self.kernel);
            let (case, inputs, seed) = (&worst.case, worst.inputs.name(), worst.seed);
            format!(
                "lenet-gpu check --adapter {index} --kernel {kernel} --case {case} --inputs {inputs} --seed {seed}{}",
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
            bad_elements: self.bad,
            worst_element: self.worst,
            broken_guard: self.broken_guard,
            known,
        }
    }
}

/// Distance in units in the last place (2^-23) of `magnitude`. Whether a subnormal value was flushed to 0 says
/// nothing about rounding, so that much does not count.
fn ulps(a: f64, b: f64, magnitude: f64) -> f64 {
    const SMALLEST: f64 = f32::MIN_POSITIVE as f64;
    let distance = (a - b).abs();
    if distance <= SMALLEST { 0.0 } else { (distance - SMALLEST) * (1 << 23) as f64 / magnitude.max(SMALLEST) }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

impl Pair {
    fn add(&mut self, a: &[Vec<u32>], b: &[Vec<u32>], expected: &[Expected], here: impl Fn() -> String) {
        for ((a, b), expected) in a.iter().zip(b).zip(expected) {
            self.words += a.len() as u64;
            for (word, (a, b)) in a.iter().zip(b).enumerate().filter(|(_, (a, b))| a != b) {
                self.different += 1;
                self.first.get_or_insert_with(&here);
                let magnitude = expected.words[word].map_or(0.0, |e| e.magnitude);
                let ulps = match expected.element {
                    Element::U32 if magnitude == f64::INFINITY => 0.0,
                    Element::U32 => f64::INFINITY,
                    Element::F32 => ulps(f64::from(f32::from_bits(*a)), f64::from(f32::from_bits(*b)), magnitude),
                };
                self.largest_ulps = self.largest_ulps.filter(|_| ulps.is_finite()).map(|largest| largest.max(ulps));
            }
        }
    }
}

/// Errors: a kernel, case or kind of input that does not exist; those there are are named.
pub fn check_filter(filter: &Filter, cases: &[Case]) -> Result<()> {
    let refuse = |what: &str, name: &str, names: Vec<&str>| {
        Err(Error::input(format!("no {what} is called '{name}'"), format!("choose one of: {}", names.join(", "))))
    };
    if let Some(kernel) = filter.kernel.as_deref().filter(|kernel| !KERNELS.contains(kernel)) {
        return refuse("kernel", kernel, KERNELS.to_vec());
    }
    if let Some(name) = filter.case.as_deref().filter(|name| cases.iter().all(|case| case.name != *name)) {
        return refuse("case", name, cases.iter().map(|case| case.name.as_str()).collect());
    }
    Ok(())
}
