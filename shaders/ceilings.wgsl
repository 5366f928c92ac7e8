// What an adapter can do at most, measured by kernels that do nothing else.

@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> sink: array<vec4f>;

// Rounds of `multiply_add`; each is 32 multiply-adds of four values a thread.
override ROUNDS: u32 = 500u;

// Sixteen independent chains of values, so that latency does not bind; the result is stored, so that nothing is dropped.
@compute @workgroup_size(64)
fn multiply_add(@builtin(global_invocation_id) id: vec3u) {
    let a = source[0];
    let b = source[1];
    var s0 = vec4f(f32(id.x)); var s1 = s0 + 1.0; var s2 = s0 + 2.0; var s3 = s0 + 3.0;
    for (var i = 0u; i < ROUNDS; i++) {
        s0 = s0 * a + b; s1 = s1 * a + b; s2 = s2 * a + b; s3 = s3 * a + b;
        s0 = s0 * a + b; s1 = s1 * a + b; s2 = s2 * a + b; s3 = s3 * a + b;
        s0 = s0 * a + b; s1 = s1 * a + b; s2 = s2 * a + b; s3 = s3 * a + b;
        s0 = s0 * a + b; s1 = s1 * a + b; s2 = s2 * a + b; s3 = s3 * a + b;
        s0 = s0 * a + b; s1 = s1 * a + b; s2 = s2 * a + b; s3 = s3 * a + b;
        s0 = s0 * a + b; s1 = s1 * a + b; s2 = s2 * a + b; s3 = s3 * a + b;
        s0 = s0 * a + b; s1 = s1 * a + b; s2 = s2 * a + b; s3 = s3 * a + b;
        s0 = s0 * a + b; s1 = s1 * a + b; s2 = s2 * a + b; s3 = s3 * a + b;
    }
    sink[id.x] = (s0 + s1) + (s2 + s3);
}

// vec4f that a thread reads or writes; neighbours take neighbouring ones.
const EACH = 16u;

@compute @workgroup_size(64)
fn read_memory(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    var sum = vec4f();
    for (var i = 0u; i < EACH; i++) {
        sum += source[i * groups.x * 64u + id.x];
    }
    sink[id.x] = sum;
}

@compute @workgroup_size(64)
fn write_memory(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    for (var i = 0u; i < EACH; i++) {
        sink[i * groups.x * 64u + id.x] = vec4f(f32(i));
    }
}

@compute @workgroup_size(64)
fn nothing(@builtin(global_invocation_id) id: vec3u) {
    if id.x == 0xffffffffu { sink[0] = source[0]; }
}
