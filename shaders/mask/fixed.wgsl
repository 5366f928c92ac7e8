// Parameters whose mask is 0 are not trained: absent links, codes.

@group(0) @binding(6) var<storage, read> mask: array<vec4f>;

fn trained(at: u32, change: vec4f) -> vec4f { return select(vec4f(), change, mask[at] != vec4f()); }
