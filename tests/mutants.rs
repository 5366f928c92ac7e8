//! The check is checked: faults planted in every kernel, each of which must turn it red, for the right kernel.

#[path = "common/adapter.rs"]
mod adapter;
#[path = "common/shaders.rs"]
mod shaders;

use lenet_gpu::check::{Case, Effort, Filter, Verdict, cases, check_kernels};
use lenet_gpu::gpu::{Adapter, Kernel, Variant};
use lenet_gpu::model::Model;

/// A fault: kernel, file of `shaders/`, text to find there, its number of occurrences, text that replaces it, and the
/// effect.
type Mutant = (&'static str, &'static str, &'static str, usize, &'static str, &'static str);

#[rustfmt::skip]
const MUTANTS: &[Mutant] = &[
    ("gather", "gather", "(byte % 4u * 8u)) & 0xffu", 1, "(byte % 4u * 4u)) & 0xffu", "bytes overlap in their word"),
    ("gather", "gather", "quad * 4u + i < step.count", 1, "quad * 4u + i <= step.count", "one sample too many"),
    ("gather", "gather", "order[step.start + quad * 4u + i]", 1, "order[quad * 4u + i]", "the start is ignored"),
    ("gather", "gather", "/ 255.0", 1, "/ 256.0", "a byte 255 is not the foreground"),
    ("gather", "gather", "(g.width - g.image_width) / 2u", 2, "(g.width - g.image_width + 1u) / 2u", "centred one column to the right"),
    ("gather", "gather", "column - left < g.image_width", 1, "column - left < g.image_height", "rows for columns"),
    ("gather", "gather", "labels[s.w]", 1, "labels[s.z]", "a lane's label is its neighbour's"),
    ("gather", "gather", "select(vec4u(MASKED), vec4u(labels", 1, "select(vec4u(0u), vec4u(labels", "missing samples get a label"),

    ("gather_bytes", "gather", "order[step.start + quad * 4u + i]", 1, "order[quad * 4u + i]", "the start is ignored"),
    ("gather_bytes", "gather", "(g.width - g.image_width) / 2u", 2, "(g.width - g.image_width + 1u) / 2u", "centred one column to the right"),
    ("gather_bytes", "gather", "image_row < g.image_height", 2, "image_row <= g.image_height", "one row too many"),
    ("gather_bytes", "gather", "< vec4u(g.image_width)) &", 1, "<= vec4u(g.image_width)) &", "one column too many"),
    ("gather_bytes", "gather", "vec4u(at, at + 1u, at + 2u, at + 3u)", 1, "vec4u(at, at + 1u, at + 2u, at + 2u)", "of four columns the last is cut with its neighbour"),
    ("gather_bytes", "gather", "(images[word + 1] <<", 1, "(images[word] <<", "bytes of the next word are of the same"),
    ("gather_bytes", "gather", "<< (24u - shift)) << 8u", 1, "<< (32u - shift))", "a shift by 32, which is none"),
    ("gather_bytes", "gather", "images[max(word, 0)] >> shift", 1, "images[max(word, 0)]", "the word is not shifted to its byte"),
    ("gather_bytes", "gather", "(b << vec4u(8u))", 1, "(b << vec4u(4u))", "samples overlap in their word"),
    ("gather_bytes", "gather", "real & vec4<bool>(present.w)", 1, "real", "a missing sample has an image"),
    ("gather_bytes", "gather", "if column / 2u + 1u < pairs", 1, "if column / 2u + 1u <= pairs", "writes past a row"),
    ("gather_bytes", "gather", "select(vec4u(MASKED), vec4u(labels", 1, "select(vec4u(0u), vec4u(labels", "missing samples get a label"),

    ("conv2d_forward", "conv2d", "outer(e, r.w4)", 1, "outer(e, r.w3)", "the last tap has its neighbour's weight"),
    ("conv2d_forward", "conv2d", " + outer(c, r.w2)", 1, "", "a tap dropped"),
    ("conv2d_forward", "conv2d", "activate(sum[2] + bias.z, g.floor)", 1, "activate(sum[2], g.floor)", "a bias missing"),
    ("conv2d_forward", "conv2d", "channel + 3u < g.out_channels", 1, "channel + 3u <= g.out_channels", "writes past the last channel"),
    ("conv2d_forward", "conv2d", "tap < KERNEL);\n}\n\nfn store_y", 1, "tap <= KERNEL);\n}\n\nfn store_y", "a tap past the kernel"),
    ("conv2d_forward", "conv2d", "g.in_height + row + i)", 1, "g.in_height + row)", "the kernel row is ignored"),
    ("conv2d_forward", "conv2d", "(g.out_width + STRIP - 1u) / STRIP", 1, "g.out_width / STRIP", "the last strip is skipped"),
    ("conv2d_forward", "conv2d", "min(left + 13u, last)", 1, "min(left + 12u, last)", "a column off by one"),

    ("conv2d_forward", "conv2d/weights_uniform", "window[at - geometry.window]", 1, "window[at]", "the window's start is ignored"),
    ("conv2d_forward", "conv2d/weights_uniform", "window[at - geometry.window]", 1, "window[at - geometry.window / 16u]", "the window's start in another unit"),

    ("conv2d_max_pool_forward", "conv2d", "b > best.sum", 1, "b >= best.sum", "a tie goes to the second"),
    ("conv2d_max_pool_forward", "conv2d", "c > best.sum", 1, "c >= best.sum", "a tie goes to the third"),
    ("conv2d_max_pool_forward", "conv2d", "d > best.sum", 1, "d >= best.sum", "a tie goes to the last"),
    ("conv2d_max_pool_forward", "conv2d", "let best0 = largest(a[0], b[0], c[0], d[0]);", 1, "let best0 = largest(a[0], c[0], b[0], d[0]);", "row and column of the winner swapped"),
    ("conv2d_max_pool_forward", "conv2d", "max(best.sum, d)", 1, "best.sum", "the last is never the largest"),
    ("conv2d_max_pool_forward", "conv2d", "(best1.place << vec4u(8u))", 1, "(best1.place << vec4u(6u))", "argmax of channels overlap in their word"),
    ("conv2d_max_pool_forward", "conv2d", "(four.y << 2u)", 1, "(four.y << 1u)", "argmax of samples overlap in their word"),
    ("conv2d_max_pool_forward", "conv2d", "(four.z << 4u) | (four.w << 6u)", 1, "(four.w << 4u) | (four.z << 6u)", "argmax of samples swapped"),
    ("conv2d_max_pool_forward", "conv2d", "(last_group + 1u) + group", 1, "last_group + group", "argmax of blocks of samples overlap"),
    ("conv2d_max_pool_forward", "conv2d", "new_argmax[to_argmax + plane]", 1, "new_argmax[to_argmax]", "the second group's argmax in place of the first's"),
    ("conv2d_max_pool_forward", "conv2d", "activate(best2.sum + bias.z, floor)", 1, "activate(best2.sum, floor)", "a bias missing"),
    ("conv2d_max_pool_forward", "conv2d", "weight(geometry.bias + group)", 1, "weight(geometry.bias)", "every group has the first bias"),
    ("conv2d_max_pool_forward", "conv2d", "if channel + 3u < CHANNELS", 1, "if channel + 3u <= CHANNELS", "writes past the last channel"),
    ("conv2d_max_pool_forward", "conv2d", "if channel + 4u < CHANNELS", 1, "if channel + 4u <= CHANNELS", "writes past the last group"),
    ("conv2d_max_pool_forward", "conv2d", "if channel + 4u < CHANNELS", 1, "if channel + 5u < CHANNELS", "a group of one channel is dropped"),
    ("conv2d_max_pool_forward", "conv2d", "vec4<bool>(CHANNELS % 8u == 0u) | within", 1, "vec4<bool>(CHANNELS % 8u == 0u) & within", "channels of a set that is not full have no weights"),
    ("conv2d_max_pool_forward", "conv2d", "vec4u(channel, channel + 1u, channel + 2u, channel + 3u) < vec4u(CHANNELS)", 1, "vec4u(channel, channel + 1u, channel + 2u, channel + 4u) < vec4u(CHANNELS)", "the last channel of four is masked"),
    ("conv2d_max_pool_forward", "conv2d", "(CHANNELS + 7u) / 8u", 1, "CHANNELS / 8u", "the last set of channels is skipped"),
    ("conv2d_max_pool_forward", "conv2d", "select(id.y / places, 0u, CHANNELS <= 8u)", 1, "0u", "every set is the first"),
    ("conv2d_max_pool_forward", "conv2d", "min(group + 1u, last_group)", 1, "group", "four channels have the weights of the four before"),
    ("conv2d_max_pool_forward", "conv2d", "g.in_height + row * 2u + i;", 1, "g.in_height + row + i;", "blocks overlap"),
    ("conv2d_max_pool_forward", "conv2d", "row_of_x(row_of_map + 1u, id.x, g)", 1, "row_of_x(row_of_map, id.x, g)", "the second row is the first"),
    ("conv2d_max_pool_forward", "conv2d", "let left = column * 2u + j;", 1, "let left = column * 2u;", "the second turn takes the columns of the first"),
    ("conv2d_max_pool_forward", "conv2d", "let places = g.out_height / 2u * width;", 1, "let places = (g.out_height / 2u - 1u) * width;", "the last row is skipped"),
    ("conv2d_max_pool_forward", "conv2d", "let width = g.out_width / 2u;\n    let places", 1, "let width = g.out_width / 2u - 1u;\n    let places", "the last column is skipped"),
    ("conv2d_max_pool_forward", "conv2d/inputs_values", "select(min(column + 1u, last), column + 1u, KERNEL == TAPS)", 1, "column + 1u", "reads past the last row"),
    ("conv2d_max_pool_forward", "conv2d/inputs_values", "x[row_of_x + b * QUADS]", 1, "x[row_of_x + a * QUADS]", "two columns are one"),
    ("conv2d_max_pool_forward", "conv2d/inputs_bytes", "values(words.y, g)", 1, "values(words.x, g)", "two columns are one"),
    ("conv2d_max_pool_forward", "conv2d/inputs_bytes", "vec4u(0u, 8u, 16u, 24u)", 1, "vec4u(0u, 8u, 16u, 16u)", "a sample has its neighbour's bytes"),
    ("conv2d_max_pool_forward", "conv2d/inputs_bytes", "return g.background + g.scale", 1, "return g.scale", "the background is 0"),
    ("conv2d_max_pool_forward", "conv2d/inputs_bytes", "row * (g.in_width / 2u) * QUADS", 1, "row * g.in_width * QUADS", "a row is twice as long"),
    ("conv2d_max_pool_forward", "conv2d/inputs_bytes", "[near % 2u]", 1, "[0]", "a kernel of two turns takes odd columns for even ones"),
    ("conv2d_max_pool_forward", "conv2d/weights_uniform", "window[at - geometry.window]", 1, "window[at]", "the window's start is ignored"),
    ("conv2d_max_pool_forward", "conv2d/weights_storage", "return parameters[at];", 1, "return parameters[at + 1u];", "every weight is its neighbour"),

    ("conv2d_backward_input", "conv2d/gradients_sums", "column < i32(g.out_width);", 1, "column <= i32(g.out_width);", "a column past the border counts"),
    ("conv2d_backward_input", "conv2d/gradients_sums", "column >= 0", 1, "column > 0", "the first column is dropped"),
    ("conv2d_backward_input", "conv2d/gradients_sums", "dy_at(row, column + 1, g)", 1, "dy_at(row, column, g)", "two columns have the gradient of one"),
    ("conv2d_backward_input", "conv2d/gradients_sums", "(map * g.out_height + row)", 1, "(group * g.out_height + row)", "every map of four has the first's gradient"),
    ("conv2d_backward_input", "conv2d/gradients_argmax", "channel % 4u * 8u", 1, "channel % 4u * 4u", "a map's argmax are another's"),
    ("conv2d_backward_input", "conv2d/gradients_argmax", "channel % 4u * 8u", 1, "0u", "a map's argmax are the first's of four"),
    ("conv2d_backward_input", "conv2d/gradients_argmax", "vec4u(0u, 2u, 4u, 6u)", 1, "vec4u(0u, 2u, 4u, 4u)", "a sample's winner is its neighbour's"),
    ("conv2d_backward_input", "conv2d/gradients_argmax", "row % 2u * 2u);", 1, "row % 2u);", "the second row has the argmax of the second column"),
    ("conv2d_backward_input", "conv2d/gradients_argmax", "row % 2u * 2u);", 1, "0u);", "the second row has the argmax of the first"),
    ("conv2d_backward_input", "conv2d/gradients_argmax", "let won = winner(argmax[row.argmax + at], row.shift);", 1, "let place = winner(argmax[row.argmax + at], row.shift);\n    let won = place % 2u * 2u + place / 2u;", "row and column of the winner swapped"),
    ("conv2d_backward_input", "conv2d/gradients_argmax", "vec4u(row.place + 1u)", 1, "vec4u(row.place)", "the second column has the argmax of the first"),
    ("conv2d_backward_input", "conv2d/gradients_argmax", "row / 2u * width", 1, "row * width", "a block for each row"),
    ("conv2d_backward_input", "conv2d/gradients_argmax", "group * height * width + first", 1, "map * height * width + first", "argmax by map, not by group"),
    ("conv2d_backward_input", "conv2d/gradients_argmax", "map * height * width + first, ", 1, "group * height * width + first, ", "gradients by group, not by map"),
    ("conv2d_backward_input", "conv2d/gradients_argmax", "column < i32(g.out_width);", 1, "column <= i32(g.out_width);", "a column past the border counts"),
    ("conv2d_backward_input", "conv2d/gradients_argmax", "column >= 0", 1, "column > 0", "the first column is dropped"),
    ("conv2d_backward_input", "conv2d/gradients_argmax", "column < i32(g.out_width);", 1, "column + 2 < i32(g.out_width);", "the last column is dropped"),
    ("conv2d_backward_input", "conv2d/gradients_argmax", "dy_block(row, column, g)[column & 1]", 1, "dy_block(row, column, g)[0]", "odd columns are taken for even ones"),
    ("conv2d_backward_input", "conv2d/gradients_argmax", "dy_block(row, column + 1, g)", 1, "dy_block(row, column, g)", "the next column is of the same block"),
    ("conv2d_backward_input", "conv2d/gradients_argmax", "if KERNEL > TAPS {", 1, "if false {", "a kernel of two turns takes odd columns for even ones"),
    ("conv2d_backward_input", "conv2d/weights_uniform", "window[at / 4u - geometry.window]", 1, "window[at / 4u]", "the window's start is ignored"),
    ("conv2d_backward_input", "conv2d/weights_uniform", "[at % 4u]", 1, "[at % 2u]", "a weight of another output"),
    ("conv2d_backward_input", "conv2d/weights_storage", "parameters_scalar[at]", 1, "parameters_scalar[at ^ 1u]", "a weight of another output"),
    ("conv2d_backward_input", "conv2d", "if EDGES {", 1, "if false {", "no gradient from left and right of the strip"),
    ("conv2d_backward_input", "conv2d", "p < BACK_STRIP; p += 2u", 1, "p < BACK_STRIP - 2u; p += 2u", "the last two columns are not written"),
    ("conv2d_backward_input", "conv2d", "= sum[0] * derivative(x[at], g.floor);", 1, "= sum[0];", "a derivative missing"),
    ("conv2d_backward_input", "conv2d", "min(row + 1u, KERNEL)", 1, "min(row, KERNEL)", "the first output row is dropped"),
    ("conv2d_backward_input", "conv2d", "(g.in_channels + 2u) / 3u", 1, "g.in_channels / 3u", "the last group of channels is skipped"),
    ("conv2d_backward_input", "conv2d", " + outer3(d15, w1)", 1, "", "a tap at the right edge dropped"),
    ("conv2d_backward_input", "conv2d", "+ o % 4u;", 1, "+ o % 3u;", "a weight of another output"),

    ("conv2d_backward_weights", "conv2d", "s_bias * mask;", 1, "s_bias;", "channels that only pad get a gradient"),
    ("conv2d_backward_weights", "conv2d", "s_bias += vec4f(1.0) * d;", 1, "", "no gradient of the bias"),
    ("conv2d_backward_weights", "conv2d", "g.blocks - first_block)", 2, "g.blocks - first_block - 1u)", "the last chunk loses its last block"),
    ("conv2d_backward_weights", "conv2d", "min(g.blocks_per_chunk, g.blocks - first_block)", 2, "g.blocks_per_chunk", "the last chunk reads past the blocks"),
    ("conv2d_backward_weights", "conv2d", "t < blocks * g.out_height", 1, "t < blocks * (g.out_height - 1u)", "the last row is dropped"),
    ("conv2d_backward_weights", "conv2d", "min(row + i + 2u, last_row)", 1, "min(row + i + 1u, last_row)", "a row off by one"),
    ("conv2d_backward_weights", "conv2d", "if j + 4u < KERNEL", 1, "if j + 4u <= KERNEL", "writes past a kernel row"),
    ("conv2d_backward_weights", "conv2d", "(id.z * QUADS + id.x) * g.partials_stride", 2, "(id.z * QUADS) * g.partials_stride", "all quads share a slot"),

    ("conv2d_backward_weights", "conv2d", "if first && has_other {", 1, "if first && o + 5u < g.out_channels {", "no bias for a group of one channel"),
    ("conv2d_backward_weights", "conv2d", "s0 = s1; s1 = s2; s2 = s3; s3 = s4;\n        if has_other", 1, "s0 = s1; s1 = s2; s2 = s3;\n        if has_other", "the last row has the sums of the one before"),

    ("conv2d_max_pool_backward_weights", "conv2d", "Winner(dy, (place & vec4u(2u)) != vec4u(), (place & vec4u(1u)) != vec4u())", 1, "Winner(dy, (place & vec4u(1u)) != vec4u(), (place & vec4u(2u)) != vec4u())", "row and column of the winner swapped"),
    ("conv2d_max_pool_backward_weights", "conv2d", "vec4u(0u, 2u, 4u, 6u)", 1, "vec4u(0u, 2u, 4u, 4u)", "a sample's winner is its neighbour's"),
    ("conv2d_max_pool_backward_weights", "conv2d", "word, 24u)", 1, "word, 16u)", "a channel's argmax are its neighbour's"),
    ("conv2d_max_pool_backward_weights", "conv2d", "min(o + 2u, last_o) * map", 1, "min(o + 1u, last_o) * map", "a channel's gradient is its neighbour's"),
    ("conv2d_max_pool_backward_weights", "conv2d", "(block * groups + group) * map", 1, "block * groups * map", "every group has the first's argmax"),
    ("conv2d_max_pool_backward_weights", "conv2d", "block * g.out_channels * map + row", 1, "block * groups * 4u * map + row", "channels that only pad are counted in dy"),
    ("conv2d_max_pool_backward_weights", "conv2d", "select(above.f, below.f, w.below)", 1, "above.f", "the sixth column is always of the row above"),
    ("conv2d_max_pool_backward_weights", "conv2d", "dot(select(e, f, w.right), w.dy)", 1, "dot(e, w.dy)", "the last tap takes every winner for a left one"),
    ("conv2d_max_pool_backward_weights", "conv2d", "x_two(row_of_x, left + 2u, g)", 1, "x_two(row_of_x, left, g)", "a row begins with its first columns twice"),
    ("conv2d_max_pool_backward_weights", "conv2d/inputs_values", "x[row_of_x + b * QUADS]", 1, "x[row_of_x + a * QUADS]", "two columns are one"),
    ("conv2d_max_pool_backward_weights", "conv2d/inputs_bytes", "values(words.y, g)", 1, "values(words.x, g)", "two columns are one"),
    ("conv2d_max_pool_backward_weights", "conv2d/inputs_bytes", "x_one(row_of_x, column + 1u, g)", 1, "x_one(row_of_x, column, g)", "a kernel of two turns takes two columns for one"),
    ("conv2d_max_pool_backward_weights", "conv2d", "let next = column * 2u + j + 4u;", 1, "let next = column * 2u + j + 3u;", "a column off by one"),
    ("conv2d_max_pool_backward_weights", "conv2d", "min(top + 5u, last_row)", 1, "min(top + 4u, last_row)", "a row off by one"),
    ("conv2d_max_pool_backward_weights", "conv2d", "let top = row * 2u + i;", 1, "let top = row * 2u;", "the second turn takes the rows of the first"),
    ("conv2d_max_pool_backward_weights", "conv2d", "t < blocks * height", 1, "t < blocks * (height - 1u)", "the last row is dropped"),
    ("conv2d_max_pool_backward_weights", "conv2d", "column < width; column++", 1, "column + 1u < width; column++", "the last column is dropped"),
    ("conv2d_max_pool_backward_weights", "conv2d", "g.blocks - first_block)", 2, "g.blocks - first_block - 1u)", "the last chunk loses its last block"),
    ("conv2d_max_pool_backward_weights", "conv2d", "min(g.blocks_per_chunk, g.blocks - first_block)", 2, "g.blocks_per_chunk", "the last chunk reads past the blocks"),
    ("conv2d_max_pool_backward_weights", "conv2d", "let mask = mask_of(o, g);\n    let slot", 1, "let mask = vec4f(1.0);\n    let slot", "channels that only pad get a gradient"),
    ("conv2d_max_pool_backward_weights", "conv2d", "+ group] = b * mask;", 1, "+ group] = b;", "channels that only pad get a gradient of the bias"),
    ("conv2d_max_pool_backward_weights", "conv2d", "if i == 0u && j == 0u && c == 0u {", 1, "if i == 0u && j == 0u && c == 1u {", "no gradient of the bias of a layer with one input"),
    ("conv2d_max_pool_backward_weights", "conv2d", "(group * g.in_channels + c) * KERNEL * KERNEL", 1, "(c * groups + group) * KERNEL * KERNEL", "inputs and outputs swapped"),
    ("conv2d_max_pool_backward_weights", "conv2d", "(id.z * QUADS + id.x) * g.partials_stride", 2, "(id.z * QUADS) * g.partials_stride", "all quads share a slot"),
    ("conv2d_max_pool_backward_weights", "conv2d", "if j + 4u < KERNEL", 1, "if j + 4u <= KERNEL", "writes past a kernel row"),
    ("conv2d_max_pool_backward_weights", "conv2d", "if i >= KERNEL { return; }", 1, "if i > KERNEL { return; }", "writes past the kernel"),

    ("max_pool_forward", "max_pool", "largest = max(largest, x[", 1, "largest = min(largest, x[", "min for max"),
    ("max_pool_forward", "max_pool", "var largest = x[first];", 2, "var largest = vec4f();", "negative blocks become 0"),
    ("max_pool_forward", "max_pool", "for (var i = 0u; i < SIZE; i++)", 3, "for (var i = 1u; i < SIZE; i++)", "the first row is skipped"),
    ("max_pool_forward", "max_pool", "let in_width = g.out_width * SIZE;", 1, "let in_width = g.out_height * SIZE;", "height for width"),
    ("max_pool_forward", "max_pool", "if id.y >= outputs { return; }", 2, "if id.y + 1u >= outputs { return; }", "the last output is skipped"),

    ("max_pool_backward", "max_pool", "value > largest", 1, "value >= largest", "a tie goes to the last"),
    ("max_pool_backward", "max_pool", " * derivative(largest, g.floor)", 1, "", "a derivative missing"),
    ("max_pool_backward", "max_pool", "select(vec4f(), gradient, won)", 1, "gradient", "every value gets the gradient"),
    ("max_pool_backward", "max_pool", "vec4u(i * SIZE + j), value", 1, "vec4u(j * SIZE + i), value", "row and column of the winner swapped"),
    ("max_pool_backward", "max_pool", "let gradient = dy[", 1, "let gradient = x[", "a buffer swapped"),

    ("average_pool_forward", "average_pool", "sum / f32(SIZE * SIZE)", 1, "sum / f32(SIZE + SIZE)", "divided by the wrong count"),
    ("average_pool_forward", "average_pool", "sum += x[", 1, "sum = x[", "only the last counts"),
    ("average_pool_forward", "average_pool", "for (var j = 0u; j < SIZE; j++)", 2, "for (var j = 0u; j < SIZE - 1u; j++)", "a column dropped"),
    ("average_pool_forward", "average_pool", "column * SIZE) * QUADS", 1, "column) * QUADS", "blocks overlap"),
    ("average_pool_forward", "average_pool", "(id.z * outputs + id.y) * QUADS + id.x] = sum", 1, "id.y * QUADS + id.x] = sum", "every block of samples to the first"),

    ("average_pool_backward", "average_pool", "id.x] / f32(SIZE * SIZE)", 1, "id.x]", "not divided"),
    ("average_pool_backward", "average_pool", "derivative(x[at], g.floor)", 1, "derivative(x[first], g.floor)", "the derivative of another value"),
    ("average_pool_backward", "average_pool", "gradient * derivative(x[at], g.floor)", 1, "gradient", "a derivative missing"),
    ("average_pool_backward", "average_pool", "let in_width = g.out_width * SIZE;", 1, "let in_width = g.out_width * SIZE + 1u;", "a row off by one"),
    ("average_pool_backward", "average_pool", "item / g.out_width", 1, "item / g.out_height", "height for width"),

    ("dense_forward", "dense", "activate(sum[0] + bias.x", 1, "activate(sum[0] + bias.y", "a unit has its neighbour's bias"),
    ("dense_forward", "dense", "for (var i = 0u; i < g.inputs; i++)", 1, "for (var i = 1u; i < g.inputs; i++)", "the first input is dropped"),
    ("dense_forward", "dense", "i < g.inputs; i++", 1, "i <= g.inputs; i++", "one input too many"),
    ("dense_forward", "dense", "if o + 3u < geometry.outputs { y", 1, "if o + 4u < geometry.outputs { y", "the last unit is not written"),
    ("dense_forward", "dense", "t12 += outer(x1, w2)", 1, "t12 += outer(x1, w1)", "a tile has its neighbour's weights"),
    ("dense_forward", "dense", "parameters[geometry.bias + group]", 1, "parameters[geometry.bias]", "every group has the first bias"),

    ("dense_backward_input", "dense", "group < (g.outputs + 3u) / 4u; group++", 1, "group < g.outputs / 4u; group++", "the last group of outputs is dropped"),
    ("dense_backward_input", "dense", "= s.d * derivative(x[at + 3u], floor);", 1, "= s.d;", "a derivative missing"),
    ("dense_backward_input", "dense", "s.b * derivative(x[at + 1u], floor)", 1, "s.b * derivative(x[at], floor)", "the derivative of another value"),
    ("dense_backward_input", "dense", "let w = g.weights + group * g.inputs;", 1, "let w = g.weights;", "every group has the first's weights"),
    ("dense_backward_input", "dense", "dy[first + min(o + 3u, last) * QUADS]", 1, "dy[first + min(o + 2u, last) * QUADS]", "an output has its neighbour's gradient"),
    ("dense_backward_input", "dense", "min(i + 7u, last)", 1, "min(i + 8u, last)", "an input has its neighbour's weight"),
    ("dense_backward_input", "dense", "if input >= geometry.inputs { return; }", 1, "if input > geometry.inputs { return; }", "writes past the last input"),
    ("dense_backward_input", "dense", "k < 12u; k += 3u", 1, "k < 9u; k += 3u", "the last three inputs are not written"),

    ("dense_backward_weights", "dense", "bias = add(bias, vec4f(1.0), d0, d1, d2);", 1, "", "no gradient of the bias"),
    ("dense_backward_weights", "dense", "g.blocks - first_block)", 1, "g.blocks - first_block - 1u)", "the last chunk loses its last block"),
    ("dense_backward_weights", "dense", "min(g.blocks_per_chunk, g.blocks - first_block)", 1, "g.blocks_per_chunk", "the last chunk reads past the blocks"),
    ("dense_backward_weights", "dense", "s.c + x * d2", 1, "s.c + x * d1", "the third group has the second's gradient"),
    ("dense_backward_weights", "dense", "partials[at] = s.a * mask_of(o);", 1, "partials[at] = s.a;", "units that only pad get a gradient"),
    ("dense_backward_weights", "dense", "let first_block = id.z * g.blocks_per_chunk;", 1, "let first_block = id.z;", "chunks overlap"),
    ("dense_backward_weights", "dense", "t < blocks * QUADS", 1, "t < blocks * QUADS - 1u", "the last quad is dropped"),

    ("softmax_cross_entropy", "softmax_cross_entropy", "value > largest", 1, "value >= largest", "a tie goes to the last class"),
    ("softmax_cross_entropy", "softmax_cross_entropy", "exp(logits[at + c * QUADS] - largest)", 1, "exp(logits[at + c * QUADS])", "the exponential overflows"),
    ("softmax_cross_entropy", "softmax_cross_entropy", "target_of(c, labels)) * scale", 1, "target_of(c, labels))", "the sum's gradient, not the mean's"),
    ("softmax_cross_entropy", "softmax_cross_entropy", "1.0 - step.label_smoothing + elsewhere", 1, "1.0 - step.label_smoothing", "smoothing leaves the label out"),
    ("softmax_cross_entropy", "softmax_cross_entropy", "predictions[step.start + first_sample + i]", 1, "predictions[first_sample + i]", "the start is ignored"),
    ("softmax_cross_entropy", "softmax_cross_entropy", "if present[i] { predictions", 1, "if true { predictions", "missing samples are predicted"),
    ("softmax_cross_entropy", "softmax_cross_entropy", "select(vec4f(), vec4f(1.0 / f32(step.count)), present)", 1, "vec4f(1.0 / f32(step.count))", "missing samples have a gradient"),
    ("softmax_cross_entropy", "softmax_cross_entropy", "step.label_smoothing / f32(geometry.classes)", 1, "step.weight_decay / f32(geometry.classes)", "the wrong field of the step"),
    ("softmax_cross_entropy", "softmax_cross_entropy", "(probabilities[at + c * QUADS] -", 1, "(probabilities[at] -", "the probability of another class"),

    ("softmax_cross_entropy_evaluate", "softmax_cross_entropy", "value > largest", 1, "value >= largest", "a tie goes to the last class"),
    ("softmax_cross_entropy_evaluate", "softmax_cross_entropy", "exp(logits[at + c * QUADS] - largest)", 1, "exp(logits[at + c * QUADS])", "the exponential overflows"),
    ("softmax_cross_entropy_evaluate", "softmax_cross_entropy", "score(quad * 4u, id.y * geometry.classes * QUADS + id.x, labels", 1, "score(quad * 4u, id.y * QUADS + id.x, labels", "blocks overlap"),
    ("softmax_cross_entropy_evaluate", "softmax_cross_entropy", "labels, labels != vec4u(MASKED));", 1, "labels, labels == labels);", "missing samples count"),
    ("softmax_cross_entropy_evaluate", "softmax_cross_entropy", "loss -= target_of(c, labels) * log_p", 1, "loss -= log_p", "the loss of every class"),
    ("softmax_cross_entropy_evaluate", "softmax_cross_entropy", "probabilities[at + c * QUADS] = exp(log_p)", 1, "probabilities[at + c * QUADS] = log_p", "a probability's logarithm"),

    ("subsample_forward", "subsample", "sum += x[", 1, "sum = x[", "only the last counts"),
    ("subsample_forward", "subsample", "activate(weight * sum + bias", 1, "activate(weight * sum", "a bias missing"),
    ("subsample_forward", "subsample", "id.y / (g.out_height * g.out_width);\n    let weight = parameters[g.weights + channel / 4u][channel % 4u];\n    let bias", 1, "id.y / g.out_width;\n    let weight = parameters[g.weights + channel / 4u][channel % 4u];\n    let bias", "a row's coefficient, not a channel's"),
    ("subsample_forward", "subsample", "parameters[g.bias + channel / 4u]", 1, "parameters[g.bias]", "the bias of the first four channels"),
    ("subsample_forward", "subsample", "(rows * SIZE * g.out_width + column) * SIZE", 1, "(rows * g.out_width + column) * SIZE", "rows overlap"),

    ("subsample_backward_input", "subsample", "id.x] * weight;", 1, "id.x];", "the coefficient missing"),
    ("subsample_backward_input", "subsample", "gradient * derivative(x[at], g.floor)", 1, "gradient", "a derivative missing"),
    ("subsample_backward_input", "subsample", "derivative(x[at], g.floor)", 1, "derivative(x[first], g.floor)", "the derivative of another value"),
    ("subsample_backward_input", "subsample", "i * g.out_width * SIZE + j", 1, "i * g.out_width + j", "rows of a block overlap"),
    ("subsample_backward_input", "subsample", "item / g.out_width", 1, "item / g.out_height", "height for width"),

    ("subsample_backward_weights", "subsample", "dot(gradient, vec4f(1.0))", 1, "gradient.x", "three samples dropped from the bias"),
    ("subsample_backward_weights", "subsample", "min(4u, g.channels - id.y * 4u)", 1, "4u", "channels past the last have a gradient"),
    ("subsample_backward_weights", "subsample", "min((id.z + 1u) * g.blocks_per_chunk, g.blocks)", 1, "(id.z + 1u) * g.blocks_per_chunk", "blocks past the last chunk"),
    ("subsample_backward_weights", "subsample", "block * g.channels * map + item", 1, "item", "only the first block"),
    ("subsample_backward_weights", "subsample", "slot + g.bias - g.weights + id.y", 1, "slot + g.bias - g.weights", "the bias of the first four channels"),
    ("subsample_backward_weights", "subsample", "(id.z * QUADS + id.x) * g.partials_stride", 1, "id.x * g.partials_stride", "chunks overlap"),

    ("dense_forward", "activation/rectified", "max(a, vec4f(floor))", 1, "max(a, vec4f())", "no activation is a ReLU"),
    ("dense_backward_input", "activation/rectified", "y > vec4f(floor)", 1, "y >= vec4f(floor)", "the derivative of ReLU at 0 is 1"),
    ("dense_forward", "activation/tanh", "return safe_tanh(a)", 1, "return safe_tanh(a * 1.001)", "tanh too steep"),
    ("conv2d_backward_input", "activation/tanh", "1.0 - y * y", 1, "1.0 - y", "the derivative of tanh without its square"),
    ("conv2d_forward", "activation/scaled_tanh", "1.7159 * safe_tanh", 1, "1.7 * safe_tanh", "another amplitude"),
    ("average_pool_backward", "activation/scaled_tanh", "y * y * (1.0 / 1.7159)", 1, "y * y", "the amplitude missing in the derivative"),
    ("conv2d_max_pool_forward", "activation/sigmoid", "exp(-clamp(a", 1, "exp(clamp(a", "the sigmoid mirrored"),
    ("max_pool_backward", "activation/sigmoid", "y * (1.0 - y)", 1, "y * (1.0 + y)", "a sign in the derivative"),
    ("dense_forward", "safe_tanh", "clamp(a, vec4f(-10.0), vec4f(10.0))", 1, "clamp(a, vec4f(-2.0), vec4f(2.0))", "tanh clamped where it still rises"),

    ("sum_scores", "sums", "i < arrayLength(&scores)", 1, "i + 1u < arrayLength(&scores)", "the last sample is dropped"),
    ("sum_scores", "sums", "metrics[step.row] =", 1, "metrics[0] =", "the row is ignored"),
    ("sum_scores", "sums", "sum += scores[i];", 1, "sum = scores[i];", "only the last counts"),
    ("sum_scores", "sums", "vec4f(sum.xyz, 0.0)", 1, "vec4f(sum.xzy, 0.0)", "hits and count swapped"),
    ("sum_scores", "sums", "for (var i = 0u; i < arrayLength(&scores)", 1, "for (var i = 32u; i < arrayLength(&scores)", "the first block is skipped"),

    ("sum_gradients", "sums", "slot < layer.z", 1, "slot + 1u < layer.z", "the last partial is skipped"),
    ("sum_gradients", "sums", ".x <= id.x", 1, ".x < id.x", "a layer's first parameters are its neighbour's"),
    ("sum_gradients", "sums", "+ slot * layer.y", 1, "+ slot", "slots overlap"),
    ("sum_gradients", "sums", "i < geometry.count", 1, "i + 1u < geometry.count", "the last layer is forgotten"),
    ("sum_gradients", "sums", "sum += partials[", 1, "sum = partials[", "only the last slot counts"),

    ("sgd", "optimizer", "step.momentum * momentum[id.x] + g;", 1, "step.beta2 * momentum[id.x] + g;", "the wrong field of the step"),
    ("sgd", "optimizer", "gradients[id.x] + step.weight_decay * w", 1, "gradients[id.x]", "no weight decay"),
    ("sgd", "optimizer", "g + step.momentum * m, NESTEROV", 1, "g + m, NESTEROV", "Nesterov without momentum"),
    ("sgd", "optimizer", "momentum[id.x] = m;\n    parameters[id.x] = w - step.learning_rate * select", 1, "momentum[id.x] = g;\n    parameters[id.x] = w - step.learning_rate * select", "the momentum is not kept"),
    ("sgd", "optimizer", "w - step.learning_rate * select", 1, "w + step.learning_rate * select", "uphill"),
    ("sgd", "optimizer", "if id.x >= arrayLength(&parameters) { return; }\n    let w", 1, "if id.x + 1u >= arrayLength(&parameters) { return; }\n    let w", "the last parameters stay"),

    ("adam", "optimizer", "* step.correction1", 1, "", "no correction of the first moment"),
    ("adam", "optimizer", "(1.0 - step.beta2) * g * g", 1, "(1.0 - step.beta2) * g", "the gradient is not squared"),
    ("adam", "optimizer", "+ step.epsilon", 1, "", "no epsilon"),
    ("adam", "optimizer", "sqrt(v * step.correction2)", 1, "sqrt(v) * step.correction2", "the correction outside the root"),
    ("adam", "optimizer", "if DECOUPLED {", 1, "if !DECOUPLED {", "Adam and AdamW swapped"),
    ("adam", "optimizer", "step.beta2 * variance[id.x]", 1, "step.momentum * variance[id.x]", "the wrong field of the step"),
    ("adam", "optimizer", "variance[id.x] = v;", 1, "variance[id.x] = m;", "a state swapped"),
];

fn shader(file: &str) -> String {
    std::fs::read_to_string(format!("{}/shaders/{file}.wgsl", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The first case that turns red when `altered` stands for `text` in the source of `kernel`.
fn caught(adapter: &Adapter, cases: &[Case], kernel: &str, text: &str, altered: &str) -> Option<String> {
    let sources = |k: &Kernel| {
        if k.entry == kernel { k.source().replacen(text, altered, 1) } else { k.source() }
    };
    let filter = Filter { kernel: Some(kernel.to_owned()), ..Filter::default() };
    let adapters = std::slice::from_ref(adapter);
    cases.iter().filter(|case| case.plan.ops.iter().any(|op| op.kind.name() == kernel)).find_map(|case| {
        let outcome = check_kernels(adapters, std::slice::from_ref(case), 1, &filter, &sources, &mut |_| ());
        let kernels = outcome.adapters[0].as_ref().unwrap_or_else(|e| panic!("{kernel}: {e}\n{altered}"));
        kernels.iter().any(|k| k.kernel == kernel && k.verdict == Verdict::Fail).then(|| case.name.clone())
    })
}

/// Without this, anything would count as caught.
fn passes_as_it_is(adapter: &Adapter, cases: &[Case]) {
    let shipped = |kernel: &Kernel| kernel.source();
    let adapters = std::slice::from_ref(adapter);
    let outcome = check_kernels(adapters, cases, 1, &Filter::default(), &shipped, &mut |_| ());
    for kernel in outcome.adapters[0].as_ref().unwrap() {
        assert_eq!(kernel.verdict, Verdict::Pass, "as it is: {kernel:#?}");
    }
}

/// Every operator, small constant, field and component of a shader changed, one at a time: those that no case
/// catches are listed. Some of them change nothing (an index that is clamped, a thread too many), so this is
/// for people: `SWEEP=conv2d cargo test --release --test mutants -- --ignored --nocapture`. `SWEEP_FROM` and
/// `SWEEP_STRIDE` take a part; a change that hangs has to be skipped by hand.
#[test]
#[ignore = "long, and its outcome needs to be read"]
fn sweep() {
    const CHANGES: &[(&str, &str)] = &[
        (" < ", " <= "),
        (" <= ", " < "),
        (" >= ", " > "),
        (" > ", " >= "),
        (" + ", " - "),
        (" - ", " + "),
        (" * ", " + "),
        (" / ", " * "),
        (" % ", " / "),
        (" += ", " = "),
        ("0u", "1u"),
        ("1u", "2u"),
        ("2u", "3u"),
        ("3u", "2u"),
        ("4u", "3u"),
        ("5u", "4u"),
        ("8u", "7u"),
        ("min(", "max("),
        ("max(", "min("),
        (".x", ".y"),
        (".y", ".z"),
        (".z", ".y"),
        (".w", ".z"),
        ("height", "width"),
        ("width", "height"),
        ("in_", "out_"),
        ("out_", "in_"),
        ("vec4f()", "vec4f(1.0)"),
        ("x1", "x2"),
        ("d1", "d0"),
        ("w1", "w0"),
        ("t1", "t0"),
        ("1.0", "1.001"),
        ("2.0", "2.001"),
        ("1.7159", "1.716"),
        ("10.0", "4.0"),
        ("80.0", "8.0"),
    ];
    let number = |name: &str, default| std::env::var(name).map_or(default, |value| value.parse().unwrap());
    let file = std::env::var("SWEEP").expect("SWEEP=<file of shaders/>");
    let text = shader(&file);
    let adapter = adapter::adapter();
    let cases = cases(&[Model::preset("lenet5").unwrap()], &[64], Effort::Normal).unwrap();
    let mut altered = Vec::new();
    let mut start = 0;
    for (row, line) in text.split_inclusive('\n').enumerate() {
        let code = line.split("//").next().unwrap_or("");
        let skipped = ["@", "fn ", "struct", "override", "done", "t++"].iter().any(|word| code.contains(word));
        for (from, to) in CHANGES.iter().filter(|_| !skipped) {
            for (at, _) in code.match_indices(from) {
                let at = start + at;
                let new = format!("{}{to}{}", &text[..at], &text[at + from.len()..]);
                altered.push((row + 1, format!("'{from}' -> '{to}' in: {}", code.trim()), new));
            }
        }
        start += line.len();
    }
    passes_as_it_is(&adapter, &cases);
    let (mut red, mut invalid) = (0, 0);
    for (index, (row, what, new)) in
        altered.iter().enumerate().skip(number("SWEEP_FROM", 0)).step_by(number("SWEEP_STRIDE", 1))
    {
        let sources = |k: &Kernel| k.source().replacen(&text, new, 1);
        let mut outcome = "SURVIVED";
        for case in &cases {
            let found = check_kernels(
                std::slice::from_ref(&adapter),
                std::slice::from_ref(case),
                1,
                &Filter::default(),
                &sources,
                &mut |_| (),
            );
            match &found.adapters[0] {
                Err(_) => outcome = "invalid",
                Ok(kernels) if kernels.iter().any(|k| k.verdict == Verdict::Fail) => outcome = "caught",
                Ok(_) => continue,
            }
            break;
        }
        red += usize::from(outcome == "caught");
        invalid += usize::from(outcome == "invalid");
        if outcome == "SURVIVED" {
            println!("{index}: {file}.wgsl:{row} {outcome} {what}");
        } else {
            println!("{index}: {outcome}");
        }
    }
    println!("{file}: {} changes, {invalid} do not compile, {red} caught", altered.len());
}

#[test]
fn every_planted_fault_is_caught() {
    let adapter = adapter::adapter();
    let cases = cases(&[Model::preset("lenet5").unwrap()], &[1, 64], Effort::Normal).unwrap();
    for (_, file, find, times, ..) in MUTANTS {
        let found = shader(file).matches(find).count();
        assert_eq!(found, *times, "'{find}' in shaders/{file}.wgsl: has the shader changed?");
    }
    passes_as_it_is(&adapter, &cases);
    let mut missed = Vec::new();
    println!("{:<34}{:<24}{:<52}find -> replace", "kernel", "caught by case", "fault");
    for (kernel, file, find, _, replace, what) in MUTANTS {
        // Only software adapters bind weights as a window.
        if *file == "conv2d/weights_uniform" && !Variant::of(&adapter).uniform_weights {
            continue;
        }
        let text = shader(file);
        let case = caught(&adapter, &cases, kernel, &text, &text.replace(find, replace));
        let line = |text: &str| text.replace('\n', " ");
        let shown = case.clone().unwrap_or_else(|| "MISSED".to_owned());
        println!("{kernel:<34}{shown:<24}{what:<52}{} -> {}", line(find), line(replace));
        if case.is_none() {
            missed.push(format!("{kernel}: {what}"));
        }
    }
    for (kernel, _) in shaders::entry_points() {
        let count = MUTANTS.iter().filter(|m| m.0 == kernel).count();
        assert!(count >= 5, "{kernel} has {count} faults");
    }
    for (_, file) in shaders::files().into_iter().filter(|(_, file)| file != "ceilings") {
        assert!(MUTANTS.iter().any(|m| m.1 == file), "{file} has no fault");
    }
    assert!(missed.is_empty(), "{} of {} missed: {missed:#?}", missed.len(), MUTANTS.len());
}
