// x is the input of the model: the samples of all steps of a submission lie one after the other.

struct Step {
    start: u32,
    count: u32,
    row: u32,
}

@group(0) @binding(7) var<storage, read> step: Step;

fn block_of_x(block: u32) -> u32 { return step.row * geometry.blocks + block; }
