//! Inputs that bring out faults: several scales, zeros, ties, saturated values, tiny values.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::cpu::Buffers;
use crate::plan::{Element, MASKED, Plan};

/// Contents for every buffer of `plan`, from `seed`. `scale` sets the size of the activations.
///
/// One value in four of an f32 buffer is from a short list of small multiples of the scale, so that ties,
/// zeros and exact cancellations happen; the padding of weights is zero, as the layout says.
pub fn awkward(plan: &Plan, seed: u64, scale: f32) -> Buffers {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut buffers = Buffers::new(plan);
    let classes = plan.model.classes() as u32;
    for (index, spec) in plan.buffers.iter().enumerate() {
        let id = crate::plan::BufferId(index);
        if spec.element == Element::F32 {
            // Weights of about the size that training uses keep the sums in range.
            let scale = if id == plan.parameters { 0.1 } else { scale };
            let states = plan.states.contains(&id);
            for value in buffers.f32_mut(id) {
                let bits = random.next_u32();
                let unit = (bits >> 8) as f32 / (1u32 << 23) as f32 - 1.0;
                let v = if bits % 4 == 0 { ((bits >> 8) % 5) as f32 * 0.5 - 1.0 } else { unit };
                // The second moment of Adam is never negative.
                *value = scale * if states { v.abs() } else { v };
            }
        } else {
            for word in buffers.u32_mut(id) {
                *word = random.next_u32();
            }
        }
    }
    for word in buffers.u32_mut(plan.labels) {
        *word %= classes;
    }
    // Ops are checked one at a time, so the targets of the loss are not those that gather would write; the
    // last sample of the batch is masked.
    if let Some(targets) = plan.find("targets") {
        let batch = plan.batch;
        for (n, word) in buffers.u32_mut(targets).iter_mut().enumerate() {
            *word = if n < batch { *word % classes } else { MASKED };
        }
    }
    shuffle(&mut buffers.u32_mut(plan.order)[..plan.data.samples], &mut random);
    let mut packed = vec![0.0; plan.layout.words];
    for placed in &plan.layout.tensors {
        for index in 0..placed.spec.elements() {
            packed[placed.word(index)] = buffers.f32(plan.parameters)[placed.word(index)];
        }
    }
    buffers.f32_mut(plan.parameters).copy_from_slice(&packed);
    buffers
}

/// A random permutation.
fn shuffle(order: &mut [u32], random: &mut ChaCha8Rng) {
    for (index, word) in order.iter_mut().enumerate() {
        *word = index as u32;
    }
    for last in (1..order.len()).rev() {
        order.swap(last, random.next_u32() as usize % (last + 1));
    }
}
