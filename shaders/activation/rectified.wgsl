// ReLU and no activation in one, so that layers of both share a pipeline: max(a, floor), where the floor is 0 or the
// lowest f32.

fn activate(a: vec4f, floor: f32) -> vec4f {
    return max(a, vec4f(floor));
}

// Derivative where the value is `y`; that of ReLU at 0 is 0.
fn derivative(y: vec4f, floor: f32) -> vec4f {
    return select(vec4f(), vec4f(1.0), y > vec4f(floor));
}
