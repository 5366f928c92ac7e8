// Some drivers return NaN for tanh of large values; f32 tanh is 1 from 10 on.
fn safe_tanh(a: vec4f) -> vec4f {
    return tanh(clamp(a, vec4f(-10.0), vec4f(10.0)));
}
