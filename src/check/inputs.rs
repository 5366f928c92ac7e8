//! Inputs that bring out faults: several sizes, zeros, ties, saturated values, subnormal values.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::Serialize;

use crate::cpu::Buffers;
use crate::data::shuffled;
use crate::plan::{BufferId, Element, MASKED, Plan};

/// A kind of input: the size of the values of activations, gradients and states.
///
/// Weights are always of about the size that training uses, so that sums stay in range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Inputs {
    /// Up to 0.001: a constant that is added by mistake shows.
    Small,
    /// Up to 1.
    Unit,
    /// Up to 30: activations begin to saturate.
    Large,
    /// Up to 1000: activations are saturated, and an exponential that is not shifted overflows.
    Huge,
    /// Half of the values subnormal, which WGSL lets a device take for 0.
    Tiny,
}

impl Inputs {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Small, Self::Unit, Self::Large, Self::Huge, Self::Tiny];

    /// As it is written on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Unit => "unit",
            Self::Large => "large",
            Self::Huge => "huge",
            Self::Tiny => "tiny",
        }
    }

    const fn scale(self) -> f32 {
        match self {
            Self::Small => 1e-3,
            Self::Unit | Self::Tiny => 1.0,
            Self::Large => 30.0,
            Self::Huge => 1e3,
        }
    }
}

/// Contents for every buffer of `plan` that is no constant, from `seed`.
///
/// One value in four of an f32 buffer is from a short list of multiples of the scale, so that ties, zeros and
/// exact cancellations happen; the padding of weights is zero, as the layout says. The
/// targets past the batch are masked.
pub fn awkward(plan: &Plan, seed: u64, inputs: Inputs) -> Buffers {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut buffers = Buffers::new(plan);
    let classes = plan.model.classes() as u32;
    for (index, spec) in plan.buffers.iter().enumerate() {
        let id = BufferId(index);
        if spec.constant.is_some() {
            continue;
        }
        if spec.element == Element::U32 {
            buffers.u32_mut(id).fill_with(|| random.next_u32());
            continue;
        }
        let scale = if id == plan.parameters { 0.1 } else { inputs.scale() };
        let states = plan.states.contains(&id);
        for value in buffers.f32_mut(id) {
            let bits = random.next_u32();
            let unit = (bits >> 8) as f32 / (1u32 << 23) as f32 - 1.0;
            let v = match bits % 4 {
                0 => ((bits >> 8) % 5) as f32 * 0.5 - 1.0,
                1 | 2 if inputs == Inputs::Tiny => f32::from_bits(bits & 0x807f_ffff),
                _ => unit,
            };
            // The second moment of Adam is never negative.
            *value = scale * if states { v.abs() } else { v };
        }
    }
    for word in buffers.u32_mut(plan.labels) {
        *word %= classes;
    }
    // Operations run one at a time, so the loss needs targets that gather did not write.
    for (n, word) in buffers.u32_mut(plan.targets).iter_mut().enumerate() {
        *word = if n % plan.blocks.samples() < plan.batch { *word % classes } else { MASKED };
    }
    buffers.u32_mut(plan.order)[..plan.data.samples].copy_from_slice(&shuffled(plan.data.samples, seed, 0));
    let mut packed = vec![0.0; plan.layout.words];
    for placed in &plan.layout.tensors {
        for index in 0..placed.spec.elements() {
            packed[placed.word(index)] = buffers.f32(plan.parameters)[placed.word(index)];
        }
    }
    buffers.f32_mut(plan.parameters)[..packed.len()].copy_from_slice(&packed);
    buffers
}

/// `buffers` with subnormal values as 0, as a device may take them.
pub fn flushed(plan: &Plan, buffers: &Buffers) -> Buffers {
    let mut flushed = buffers.clone();
    for (index, spec) in plan.buffers.iter().enumerate() {
        if spec.element == Element::F32 {
            for value in flushed.f32_mut(BufferId(index)).iter_mut().filter(|v| v.is_subnormal()) {
                *value = 0.0;
            }
        }
    }
    flushed
}
