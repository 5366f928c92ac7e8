// A thread computes one sample: neighbouring threads read neighbouring samples of a block.

alias Samples = f32;
alias Sums = vec4f;    // a pack of four channels
alias Places = u32;    // an index per sample
alias Choice = bool;   // a condition per sample
const LANES = BLOCK;   // threads per block

fn outer(samples: Samples, channels: vec4f) -> Sums { return samples * channels; }

fn total(samples: Samples) -> f32 { return samples; }

// The byte of a sample in the word of its quad.
fn bytes_of(word: u32, lane: u32) -> Places { return (word >> (lane % 4u * 8u)) & 255u; }

const PER_LANE = 1u; // samples of a thread

fn place_of(p: Places, n: u32) -> u32 { return p; }
