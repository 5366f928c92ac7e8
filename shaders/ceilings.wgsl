// Kernels that measure the ceilings of an adapter: peak arithmetic, memory bandwidth, a dispatch.

@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> sink: array<vec4f>;

// Sixteen independent chains of values (four vec4f), so that latency does not bind. The result is stored, so that
// no compiler drops the loop. ROUNDS times 32 multiply-adds of a vec4f per thread.
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

// EACH = 8 vec4f per thread, without a loop, since on a CPU a loop takes as long as the memory. The 512 vec4f of a
// workgroup are contiguous, and neighbouring threads take neighbouring ones.
@compute @workgroup_size(64)
fn read_memory(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = group.x * 512u + local;
    let low = (source[i] + source[i + 64u]) + (source[i + 128u] + source[i + 192u]);
    let high = (source[i + 256u] + source[i + 320u]) + (source[i + 384u] + source[i + 448u]);
    sink[group.x * 64u + local] = low + high;
}

@compute @workgroup_size(64)
fn write_memory(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = group.x * 512u + local;
    let value = vec4f(f32(local));
    sink[i] = value; sink[i + 64u] = value; sink[i + 128u] = value; sink[i + 192u] = value;
    sink[i + 256u] = value; sink[i + 320u] = value; sink[i + 384u] = value; sink[i + 448u] = value;
}

// One after the other: each dispatch reads what the one before wrote.
@compute @workgroup_size(64)
fn dependent(@builtin(global_invocation_id) id: vec3u) { sink[id.x] = sink[id.x] * source[0] + source[1]; }

var<workgroup> values: array<vec4f, 64>;

// Side by side: no dispatch writes what another could read. A compiler may leave the reading out.
@compute @workgroup_size(64)
fn independent(@builtin(global_invocation_id) id: vec3u) { values[id.x] = source[id.x]; }
