// 1 / (1 + exp(-a))

// exp overflows past 88; there the sigmoid is below the smallest normal f32, or 1.
fn activate(a: vec4f, floor: f32) -> vec4f {
    return 1.0 / (1.0 + exp(-clamp(a, vec4f(-88.0), vec4f(88.0))));
}

// Derivative where the value is `y`.
fn derivative(y: vec4f, floor: f32) -> vec4f {
    return y * (1.0 - y);
}
