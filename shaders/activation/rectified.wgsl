// ReLU and no activation in one, so that layers of both share a pipeline: `floor` is 0 or the lowest f32.
// A comparison with NaN is false, so that NaN passes.

fn activate(a: Samples, floor: f32) -> Samples {
    return select(a, Samples(floor), a < Samples(floor));
}

// Derivative where the value is `y`; that of ReLU at 0 is 0.
fn derivative(y: Samples, floor: f32) -> Samples {
    return select(Samples(1.0), Samples(), y <= Samples(floor));
}
