// Activations and their derivatives. Put before every shader that uses them.

// Which activation a pipeline applies.
override ACTIVATION: u32 = 0u;
// ReLU and no activation are one, so that layers of both share a pipeline: max(a, floor), where the floor
// is 0 or the lowest f32.
const RECTIFIED = 0u;
const TANH = 1u;
const SCALED_TANH = 2u;
const SIGMOID = 3u;

// Some drivers return NaN for tanh of large values; f32 tanh is 1 from 10 on.
fn safe_tanh(a: vec4f) -> vec4f {
    return tanh(clamp(a, vec4f(-10.0), vec4f(10.0)));
}

fn activate(a: vec4f, floor: f32) -> vec4f {
    switch ACTIVATION {
        case TANH: { return safe_tanh(a); }
        case SCALED_TANH: { return 1.7159 * safe_tanh(a * (2.0 / 3.0)); }
        // Past 88 the exponential would overflow; the sigmoid is below the smallest normal f32, or 1, there.
        case SIGMOID: { return 1.0 / (1.0 + exp(-clamp(a, vec4f(-88.0), vec4f(88.0)))); }
        default: { return max(a, vec4f(floor)); }
    }
}

// Derivative of the activation where its value is `y`; that of ReLU at 0 is 0.
fn derivative(y: vec4f, floor: f32) -> vec4f {
    switch ACTIVATION {
        case TANH: { return 1.0 - y * y; }
        case SCALED_TANH: { return (2.0 / 3.0) * (1.7159 - y * y * (1.0 / 1.7159)); }
        case SIGMOID: { return y * (1.0 - y); }
        default: { return select(vec4f(), vec4f(1.0), y > vec4f(floor)); }
    }
}
