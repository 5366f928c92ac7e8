//! The checks of steps and runs are checked: a runner that goes wrong once must turn each of them red.

use lenet_gpu::Result;
use lenet_gpu::check::{ORACLE_SHARE, Yardstick, check_bits, check_golden, check_training, soak};
use lenet_gpu::cpu::CpuRunner;
use lenet_gpu::plan::{BufferId, Clock, Device, Metrics, Pending, Phase, Plan, Runner, Step};

/// A fault of one submission.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// One bit of one parameter is flipped afterwards.
    FlippedBit(u32),
    /// The last of its steps does not update.
    DroppedStep,
    /// A sample of its first step is swapped with one of another.
    SwappedSamples,
}

/// The oracle with a fault.
struct Faulty {
    inner: CpuRunner,
    plan: Plan,
    fault: Fault,
    /// Submissions until it happens.
    left: usize,
}

impl Faulty {
    fn new(plan: &Plan, fault: Fault, at: usize) -> Self {
        Self { inner: CpuRunner::new(plan), plan: plan.clone(), fault, left: at }
    }

    fn swap(&mut self, steps: &[Step]) -> Result<()> {
        let mut order = self.inner.read_now(self.plan.order)?;
        let here = steps[0].start as usize;
        let there = (here + steps[0].count as usize) % self.plan.data.samples;
        // With one step, another sample of it.
        order.swap(here, if there == here { here + 5 } else { there });
        self.inner.write(self.plan.order, 0, &order)
    }
}

impl Runner for Faulty {
    fn device(&self) -> &Device {
        self.inner.device()
    }

    fn write(&mut self, buffer: BufferId, first: usize, words: &[u32]) -> Result<()> {
        self.inner.write(buffer, first, words)
    }

    fn read(&mut self, buffer: BufferId) -> Pending<'_, Vec<u32>> {
        self.inner.read(buffer)
    }

    fn submit(&mut self, phase: Phase, steps: &[Step]) -> Result<()> {
        let now = self.left == 0;
        self.left = self.left.wrapping_sub(1);
        match self.fault {
            Fault::SwappedSamples if now => self.swap(steps)?,
            Fault::DroppedStep if now => {
                let steps: Vec<Step> = steps.to_vec();
                let (last, before) = steps.split_last().unwrap();
                // Metrics come as usual; the parameters and the optimiser's state stay.
                let kept: Vec<BufferId> = [&[self.plan.parameters][..], &self.plan.states].concat();
                if !before.is_empty() {
                    self.inner.submit(phase, before)?;
                    self.inner.collect_now()?;
                }
                let state: Vec<Vec<u32>> =
                    kept.iter().map(|buffer| self.inner.read_now(*buffer)).collect::<Result<_>>()?;
                self.inner.submit(phase, std::slice::from_ref(last))?;
                self.inner.collect_now()?;
                kept.iter().zip(state).try_for_each(|(buffer, words)| self.inner.write(*buffer, 0, &words))?;
                return self.inner.submit(Phase::Evaluate, &steps);
            }
            _ => (),
        }
        self.inner.submit(phase, steps)?;
        if let (Fault::FlippedBit(bit), true) = (self.fault, now) {
            let mut parameters = self.inner.read_now(self.plan.parameters)?;
            parameters[5] ^= 1 << bit;
            self.inner.write(self.plan.parameters, 0, &parameters)?;
        }
        Ok(())
    }

    fn collect(&mut self) -> Pending<'_, Vec<Metrics>> {
        self.inner.collect()
    }

    fn run_op<'a>(&'a mut self, index: usize, step: &'a Step, times: usize) -> Pending<'a, (f64, Clock)> {
        self.inner.run_op(index, step, times)
    }

    fn capacity(&self) -> usize {
        self.inner.capacity()
    }
}

/// A bit that a tolerance must see: a quarter of the value. `FINE` is the last bit, which the check of bits must see.
const COARSE: Fault = Fault::FlippedBit(21);
const FINE: Fault = Fault::FlippedBit(0);

#[test]
fn a_fault_turns_the_comparison_with_pytorch_red() {
    for fault in [Fault::None, COARSE, Fault::DroppedStep, Fault::SwappedSamples] {
        // The first submission of a golden run has one step, the second the rest.
        for at in [0, 1] {
            let open = |plan: &Plan| Ok(Box::new(Faulty::new(plan, fault, at)) as Box<dyn Runner>);
            let references = check_golden(&open, ORACLE_SHARE).unwrap();
            for reference in references {
                // All 8 samples are in every step, and the logits of the first alone are compared.
                let hidden = fault == Fault::SwappedSamples && at > 0;
                let green = reference.quantities.iter().all(|quantity| quantity.passes());
                assert_eq!(green, fault == Fault::None || hidden, "{fault:?} at {at}: {}", reference.name);
            }
        }
    }
}

fn yardstick() -> Yardstick {
    Yardstick::new(3, 10).unwrap()
}

#[test]
fn a_fault_turns_the_run_beside_the_oracle_red() {
    let yardstick = yardstick();
    for fault in [Fault::None, COARSE, Fault::DroppedStep, Fault::SwappedSamples] {
        for at in [0, 4, 9] {
            let mut runner = Faulty::new(yardstick.plan(), fault, at);
            let references = check_training(&mut runner, &yardstick).unwrap();
            let green = references.iter().flat_map(|r| &r.quantities).all(|quantity| quantity.passes());
            assert_eq!(green, fault == Fault::None, "{fault:?} at {at}");
        }
    }
}

#[test]
fn a_fault_turns_the_comparison_of_bits_red() {
    let yardstick = yardstick();
    for fault in [Fault::None, COARSE, FINE, Fault::DroppedStep, Fault::SwappedSamples] {
        for at in [0, 1, 5] {
            let mut runner = Faulty::new(yardstick.plan(), fault, at);
            let trials = check_bits(&mut runner, &yardstick, 8).unwrap();
            let green = trials.iter().all(|trial| trial.difference.is_none());
            assert_eq!(green, fault == Fault::None, "{fault:?} at {at}: {trials:#?}");
        }
    }
    // Two submissions of 8 steps, 8 of one, one of 3: then come the evaluations, which only read.
    let mut runner = Faulty::new(yardstick.plan(), FINE, 11);
    let trials = check_bits(&mut runner, &yardstick, 8).unwrap();
    let red: Vec<bool> = trials.iter().map(|trial| trial.difference.is_some()).collect();
    assert_eq!(red, [false, false, false, false, true, true], "{trials:#?}");
}

#[test]
fn a_fault_is_a_flip_of_the_burn_in() {
    let yardstick = yardstick();
    for fault in [Fault::None, COARSE, FINE, Fault::DroppedStep, Fault::SwappedSamples] {
        let mut runner = Faulty::new(yardstick.plan(), fault, 3);
        let mut told = 0;
        let soak = soak(&mut runner, &yardstick, 0.4, &mut |_| told += 1).unwrap();
        assert!(soak.steps > 4, "{} steps", soak.steps);
        assert_eq!((soak.flips.is_empty(), told == 0), (fault == Fault::None, fault == Fault::None), "{fault:?}");
        if fault == FINE {
            assert_eq!((soak.flips[0].repetition, soak.flips[0].difference.words), (3, 1));
            assert_eq!(soak.flips.len(), 1, "the repetitions after it are right again");
        }
    }
}
