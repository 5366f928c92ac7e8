// The weights of convolutions, from a part of the parameters that is bound as a uniform buffer.

@group(0) @binding(9) var<uniform> window: array<vec4f, WINDOW>;

fn weight(at: u32) -> vec4f { return window[at - WINDOW_START]; }

// One of the four weights of a vec4f.
fn weight_scalar(at: u32) -> f32 { return window[at / 4u - WINDOW_START][at % 4u]; }
