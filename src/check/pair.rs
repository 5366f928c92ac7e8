//! Two adapters compared.

use serde::Serialize;

use super::tally::{Expected, ulps};
use crate::plan::{Element, Kernels};

/// The difference of two adapters, on all inputs but subnormal ones.
#[derive(Debug, Clone, Serialize)]
pub struct Pair {
    /// Indices of the two in `lenet-gpu devices`.
    pub adapters: [usize; 2],
    /// The sets of kernels that they ran.
    #[serde(rename = "kernel_sets")]
    pub kernels: [Option<Kernels>; 2],
    /// Words compared.
    pub words: u64,
    /// Words that differ in any bit.
    pub different: u64,
    /// Largest difference in units in the last place (2^-23) of the magnitude that was summed. Null if
    /// infinite.
    pub largest_ulps: Option<f64>,
    /// The kernel and case of the first difference; null without one.
    pub first: Option<String>,
}

impl Pair {
    /// Adds the words that both wrote for `expected`; `here` names the kernel and case.
    pub(super) fn add(&mut self, a: &[Vec<u32>], b: &[Vec<u32>], expected: &[Expected], here: impl Fn() -> String) {
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
