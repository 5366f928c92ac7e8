// A thread computes a quad: four samples, one vec4f.

alias Samples = vec4f;
alias Sums = mat4x4f;      // a pack of four channels: column c holds channel c
alias Places = vec4u;      // an index per sample
alias Choice = vec4<bool>; // a condition per sample
const LANES = BLOCK / 4u;  // threads per block

fn outer(samples: Samples, channels: vec4f) -> Sums {
    return mat4x4f(samples * channels.x, samples * channels.y, samples * channels.z, samples * channels.w);
}

fn total(samples: Samples) -> f32 { return dot(samples, vec4f(1.0)); }

// The bytes of a quad.
fn bytes_of(word: u32, lane: u32) -> Places { return (vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u); }

const PER_LANE = 4u; // samples of a thread

fn place_of(p: Places, n: u32) -> u32 { return p[n]; }
