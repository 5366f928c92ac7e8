//! Every operation of a plan alone, on awkward inputs, on any number of devices, compared with the oracle.

use super::cases::{Case, operations};
use super::filter::Filter;
use super::inputs::{Inputs, awkward, flushed};
use super::pair::Pair;
use super::tally::{KernelReport, Setup, Tally, UNWRITTEN, expect};
use crate::cpu::Buffers;
use crate::error::Result;
use crate::gpu::{Adapter, GpuRunner, Kernel};
use crate::plan::{BufferId, Plan, Runner, Step, Use, now};

/// The outcome of [`check_kernels`].
#[derive(Debug, Clone, Default)]
pub struct KernelsOutcome {
    /// Per adapter its kernels, in the order of [`operations`]; an error if it could not run.
    pub adapters: Vec<Result<Vec<KernelReport>>>,
    /// Every pair of adapters.
    pub pairs: Vec<Pair>,
}

/// Gives a kernel's WGSL: the shaders of the program, or altered ones.
pub type Sources<'a> = &'a dyn Fn(&Kernel) -> Result<String>;

/// Runs every case on every adapter; the oracle runs once for all of them.
///
/// An adapter that reports an error has that error as its outcome, and runs no further case. `tell` is called with
/// the name of each case before it runs.
pub fn check_kernels(
    adapters: &[Adapter],
    cases: &[Case],
    seed: u64,
    filter: &Filter,
    sources: Sources,
    tell: &mut dyn FnMut(&str),
) -> KernelsOutcome {
    let tally = || operations(cases).into_iter().map(Tally::new).collect();
    let mut tallies: Vec<Result<Vec<Tally>>> = adapters.iter().map(|_| Ok(tally())).collect();
    let mut pairs = Vec::new();
    for (index, a) in adapters.iter().enumerate() {
        for b in &adapters[index + 1..] {
            let adapters = [a, b].map(|adapter| adapter.device.index.unwrap_or(0));
            let kernels = [a, b].map(|adapter| adapter.device.kernels);
            pairs.push(Pair { adapters, kernels, words: 0, different: 0, largest_ulps: Some(0.0), first: None });
        }
    }
    let wanted = |kernel: &Kernel| filter.wants(kernel.entry).then(|| sources(kernel)).transpose();
    for case in cases.iter().filter(|case| filter.case.as_ref().is_none_or(|name| *name == case.name)) {
        tell(&case.name);
        let mut runners: Vec<Option<GpuRunner>> = Vec::new();
        for (adapter, tally) in adapters.iter().zip(&mut tallies) {
            let open = || now(GpuRunner::open(adapter, &case.plan, &wanted));
            let runner = tally.is_ok().then(open).transpose();
            runners.push(runner.unwrap_or_else(|error| {
                *tally = Err(error);
                None
            }));
        }
        for inputs in filter.inputs.map_or_else(|| case.inputs.clone(), |only| vec![only]) {
            let setup = Setup { case, inputs, seed };
            run_case(&setup, filter, &mut runners, &mut tallies, &mut pairs);
        }
    }
    let finish = |(adapter, tallies): (&Adapter, Result<Vec<Tally>>)| {
        tallies.map(|tallies| tallies.into_iter().filter(|t| t.runs > 0).map(|t| t.report(&adapter.device)).collect())
    };
    KernelsOutcome { adapters: adapters.iter().zip(tallies).map(finish).collect(), pairs }
}

fn run_case(
    setup: &Setup,
    filter: &Filter,
    runners: &mut [Option<GpuRunner>],
    tallies: &mut [Result<Vec<Tally>>],
    pairs: &mut [Pair],
) {
    let Case { plan, step, .. } = setup.case;
    let buffers = awkward(plan, setup.seed, setup.inputs);
    let flushed = (setup.inputs == Inputs::Tiny).then(|| flushed(plan, &buffers));
    for (index, op) in plan.ops.iter().enumerate() {
        let name = op.kind.name();
        if !filter.wants(name) {
            continue;
        }
        let expected = expect(plan, index, step, &buffers);
        // The results of a device that flushes subnormal inputs to 0 pass too.
        let alternative = flushed.as_ref().map(|flushed| expect(plan, index, step, flushed));
        let mut outputs: Vec<Option<Vec<Vec<u32>>>> = Vec::new();
        for (runner, tally) in runners.iter_mut().zip(tallies.iter_mut()) {
            let (Some(gpu), Ok(tallies)) = (runner.as_mut(), tally.as_mut()) else {
                outputs.push(None);
                continue;
            };
            match run(gpu, plan, index, step, &buffers) {
                Ok((words, guard)) => {
                    let tally = tallies.iter_mut().find(|t| t.kernel == name).expect("operations of the cases");
                    tally.add(setup, index, &words, &expected, alternative.as_deref());
                    if let Some((buffer, word)) = guard {
                        tally.broken_guard.get_or_insert(format!("{}[{word}]", plan.buffer(buffer).name));
                    }
                    outputs.push(Some(words));
                }
                Err(error) => {
                    *tally = Err(error.context(format!("{name} in case {}", setup.case.name)));
                    *runner = None;
                    outputs.push(None);
                }
            }
        }
        let mut pair = pairs.iter_mut();
        for (index_a, a) in outputs.iter().enumerate() {
            for b in &outputs[index_a + 1..] {
                // Adapters may differ on subnormal inputs: WGSL lets each take them for 0 or not.
                if let (Some(pair), Some(a), Some(b), None) = (pair.next(), a, b, &flushed) {
                    pair.add(a, b, &expected, || format!("{name} of {} in case {}", op.layer, setup.case.name));
                }
            }
        }
    }
}

/// The words of each output of an operation, and a guard that broke.
type Ran = (Vec<Vec<u32>>, Option<(BufferId, i64)>);

/// Runs operation `index` on `buffers`.
fn run(runner: &mut GpuRunner, plan: &Plan, index: usize, step: &Step, buffers: &Buffers) -> Result<Ran> {
    let op = &plan.ops[index];
    for (argument, buffer) in op.bound() {
        match argument.usage {
            Use::Read | Use::Update => runner.write(buffer, 0, buffers.u32(buffer))?,
            Use::Write => runner.write(buffer, 0, &vec![UNWRITTEN; plan.buffer(buffer).words])?,
        }
    }
    runner.run_op_now(index, step, 1)?;
    let words = op.outputs().iter().map(|b| runner.read_now(*b)).collect::<Result<Vec<_>>>()?;
    Ok((words, runner.broken_guard()?))
}
