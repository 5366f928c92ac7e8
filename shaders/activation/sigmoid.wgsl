// 1 / (1 + exp(-a))

// exp overflows past 88; there the sigmoid is below the smallest normal f32, or 1.
fn activate(a: Samples, floor: f32) -> Samples {
    return 1.0 / (1.0 + exp(-clamp(a, Samples(-88.0), Samples(88.0))));
}

// Derivative where the value is `y`.
fn derivative(y: Samples, floor: f32) -> Samples {
    return y * (1.0 - y);
}
