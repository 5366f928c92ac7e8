// The weights of convolutions, from the storage buffer of all parameters.

@group(0) @binding(1) var<storage, read> parameters: array<vec4f>;
@group(0) @binding(1) var<storage, read> parameters_scalar: array<f32>;

fn weight(at: u32) -> vec4f { return parameters[at]; }

// One of the four weights of a vec4f.
fn weight_scalar(at: u32) -> f32 { return parameters_scalar[at]; }
