//! Does a device compute what the oracle computes? One operation at a time, on inputs made to be awkward.

mod inputs;
mod tolerance;

pub use inputs::awkward;
pub use tolerance::Tolerance;

use crate::cpu::{self, Buffers};
use crate::error::Result;
use crate::plan::{Element, Plan, Runner, Step};

/// The element of an operation's output that uses most of its allowance.
#[derive(Debug, Clone, PartialEq)]
pub struct Worst {
    /// Buffer and word.
    pub buffer: String,
    /// Word in the buffer.
    pub word: usize,
    /// What the device wrote.
    pub device: f64,
    /// What the oracle computes.
    pub oracle: f64,
    /// Share of the allowance; at most 1 passes.
    pub used: f64,
}

/// Words that outputs hold before an operation runs: a NaN as f32, no class or sample as u32. Every word
/// that the operation must write is overwritten, every other stays.
pub const UNWRITTEN: u32 = 0xffff_fffe;

/// Runs operation `index` of `plan` on `runner` from the contents of `buffers` and compares everything it
/// wrote, and everything it should have left alone, with the oracle.
///
/// Returns the worst element; the operation passes if it used at most 1.
///
/// Errors: those of the device.
pub fn compare(runner: &mut dyn Runner, plan: &Plan, index: usize, step: &Step, buffers: &Buffers) -> Result<Worst> {
    let op = &plan.ops[index];
    let tolerance = Tolerance::of(op, plan);
    let updates = matches!(op.kind, crate::plan::OpKind::Update { .. });
    for (place, buffer) in op.buffers.iter().enumerate() {
        if place < op.kind.reads() || updates {
            runner.write(*buffer, 0, buffers.u32(*buffer))?;
        } else {
            runner.write(*buffer, 0, &vec![UNWRITTEN; plan.buffer(*buffer).words])?;
        }
    }
    runner.run_op(index, step, 1)?;

    let outputs = cpu::run_op(op, step, buffers);
    let mut worst = Worst { buffer: String::new(), word: 0, device: 0.0, oracle: 0.0, used: 0.0 };
    for buffer in &op.buffers[op.kind.reads()..] {
        let spec = plan.buffer(*buffer);
        let words = runner.read(*buffer)?;
        let mut expected = vec![None; spec.words];
        for output in outputs.iter().filter(|o| o.buffer == *buffer) {
            for (offset, word) in output.words.iter().enumerate() {
                expected[output.first + offset] = Some(*word);
            }
        }
        for (word, (got, expected)) in words.iter().zip(expected).enumerate() {
            let device = match spec.element {
                Element::F32 => f64::from(f32::from_bits(*got)),
                Element::U32 => f64::from(*got),
            };
            let (oracle, used) = match expected {
                Some(e) if spec.element == Element::U32 => {
                    (e.value, if device == e.value { 0.0 } else { f64::INFINITY })
                }
                Some(e) => (e.value, tolerance.used(device, e.value, e.magnitude)),
                None if *got == UNWRITTEN || updates => (device, 0.0),
                None => (f64::NAN, f64::INFINITY),
            };
            if used > worst.used || worst.buffer.is_empty() {
                worst = Worst { buffer: spec.name.clone(), word, device, oracle, used };
            }
        }
    }
    Ok(worst)
}
