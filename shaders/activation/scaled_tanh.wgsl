// 1.7159 tanh(2a/3), the squashing function of the 1998 paper. Uses safe_tanh.wgsl.

fn activate(a: Samples, floor: f32) -> Samples {
    return 1.7159 * safe_tanh(a * (2.0 / 3.0));
}

// Derivative where the value is `y`.
fn derivative(y: Samples, floor: f32) -> Samples {
    return (2.0 / 3.0) * (1.7159 - y * y * (1.0 / 1.7159));
}
