// x is the output of a layer.

fn block_of_x(block: u32) -> u32 { return block; }
