// Activations and their derivatives. Put before every shader that uses them.

// Which activation a pipeline applies: the place in `Activation::ALL`.
override ACTIVATION: u32 = 0u;
const IDENTITY = 0u;
const RELU = 1u;
const TANH = 2u;
const SCALED_TANH = 3u;
const SIGMOID = 4u;

// Some drivers return NaN for tanh of large values; f32 tanh is 1 from 10 on.
fn safe_tanh(a: vec4f) -> vec4f {
    return tanh(clamp(a, vec4f(-10.0), vec4f(10.0)));
}

fn activate(a: vec4f) -> vec4f {
    switch ACTIVATION {
        case RELU: { return max(a, vec4f()); }
        case TANH: { return safe_tanh(a); }
        case SCALED_TANH: { return 1.7159 * safe_tanh(a * (2.0 / 3.0)); }
        // Past 80 the exponential would overflow; the sigmoid is 0 or 1 there.
        case SIGMOID: { return 1.0 / (1.0 + exp(-clamp(a, vec4f(-80.0), vec4f(80.0)))); }
        default: { return a; }
    }
}

// Derivative of the activation where its value is `y`.
fn derivative(y: vec4f) -> vec4f {
    switch ACTIVATION {
        case RELU: { return select(vec4f(), vec4f(1.0), y > vec4f()); }
        case TANH: { return 1.0 - y * y; }
        case SCALED_TANH: { return (2.0 / 3.0) * (1.7159 - y * y * (1.0 / 1.7159)); }
        case SIGMOID: { return y * (1.0 - y); }
        default: { return vec4f(1.0); }
    }
}
