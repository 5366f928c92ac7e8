//! The check is checked: faults planted in every kernel, each of which must turn it red, for the right kernel.

#[path = "common/adapter.rs"]
mod adapter;
#[path = "common/reduced.rs"]
mod reduced;
#[path = "common/shaders.rs"]
mod shaders;

use std::sync::atomic::{AtomicUsize, Ordering};

use lenet_gpu::check::{Case, Effort, Filter, Inputs, Verdict, cases, check_kernels};
use lenet_gpu::gpu::{Adapter, Kernel, Tile, unroll};
use lenet_gpu::model::Model;
use lenet_gpu::plan::{Kernels, Op, OpKind};
use reduced::reduced;

/// A fault: kernel, the set that it is planted in, file of `shaders/`, text to find there, its number of occurrences,
/// text that replaces it, and the effect.
///
/// A barrier that is left out is no fault here: where the threads of a workgroup run one after the other, each as far
/// as it can, the sums are right without it.
type Mutant = (&'static str, Kernels, &'static str, &'static str, usize, &'static str, &'static str);

const G: Kernels = Kernels::Gpu;
const S: Kernels = Kernels::Software;

#[rustfmt::skip]
const MUTANTS: &[Mutant] = &[
    ("gather", G, "gather", "byte % 4u * 8u", 1, "byte % 4u * 4u", "bytes overlap in their word"),
    ("gather", S, "gather", "quad * 4u + n < step.y", 1, "quad * 4u + n <= step.y", "one sample too many"),
    ("gather", G, "gather", "order[step.x + quad * 4u + n]", 1, "order[quad * 4u + n]", "the start is ignored"),
    ("gather", S, "gather", "geometry.background + geometry.scale", 1, "geometry.scale", "the background is 0"),
    ("gather", G, "gather", "(g.width - g.image_width) / 2u", 1, "(g.width - g.image_width + 1u) / 2u", "centred one column to the right"),
    ("gather", S, "gather", "(g.height - g.image_height) / 2u", 1, "(g.height - g.image_height + 1u) / 2u", "centred one row down"),
    ("gather", G, "gather", "< vec4u(g.image_width)", 1, "< vec4u(g.image_height)", "rows for columns"),
    ("gather", S, "gather", "labels[samples[n]]", 1, "labels[samples[n ^ 1u]]", "a sample's label is its neighbour's"),
    ("gather", G, "gather", "if samples[n] != MASKED { found", 1, "if true { found", "missing samples get a label"),
    ("gather", S, "gather", "step.z * g.blocks + id.y % g.blocks", 1, "id.y % g.blocks", "the row of the step is ignored"),
    ("gather", G, "gather", "% strips * TILE_COLUMNS, quad", 1, "% strips * (TILE_COLUMNS - 1u), quad", "strips overlap"),
    ("gather", G, "gather", "let strips = (geometry.width + TILE_COLUMNS - 1u) / TILE_COLUMNS;", 1, "let strips = geometry.width / TILE_COLUMNS;", "the last strip of the last row is skipped"),
    ("gather", S, "gather", "= transpose(quad)", 1, "= quad", "samples for columns"),
    ("gather", G, "gather", "x[to + k * QUADS]", 1, "x[to + k]", "columns for quads"),
    ("gather", S, "gather", "if column + k < geometry.width { x", 1, "if column + k <= geometry.width { x", "writes past a row"),
    ("gather", S, "gather", "column < min(p.column + TILE_COLUMNS, geometry.width); column += 4u", 2, "column + 4u < min(p.column + TILE_COLUMNS, geometry.width); column += 4u", "the last columns are skipped"),
    ("gather", G, "gather", "if id.x < QUADS {", 1, "if id.x + 1u < QUADS {", "the last quad has no targets"),

    ("gather_bytes", S, "gather", "order[step.x + quad * 4u + n]", 1, "order[quad * 4u + n]", "the start is ignored"),
    ("gather_bytes", G, "gather", "(g.width - g.image_width) / 2u", 1, "(g.width - g.image_width + 1u) / 2u", "centred one column to the right"),
    ("gather_bytes", S, "gather", "p.image_row < g.image_height", 1, "p.image_row <= g.image_height", "one row too many"),
    ("gather_bytes", G, "gather", "< vec4u(g.image_width)", 1, "<= vec4u(g.image_width)", "one column too many"),
    ("gather_bytes", S, "gather", "vec4u(0u, 1u, 2u, 3u) <", 1, "vec4u(0u, 1u, 2u, 2u) <", "of four columns the last is cut with its neighbour"),
    ("gather_bytes", G, "gather", "(images[word + 1] <<", 1, "(images[word] <<", "bytes of the next word are of the same"),
    ("gather_bytes", S, "gather", "<< (24u - shift)) << 8u", 1, "<< (32u - shift))", "a shift by 32, which is none"),
    ("gather_bytes", G, "gather", "images[max(word, 0)] >> shift", 1, "images[max(word, 0)]", "the word is not shifted to its byte"),
    ("gather_bytes", S, "gather", "<< vec4u(8u))", 1, "<< vec4u(4u))", "samples overlap in their word"),
    ("gather_bytes", G, "gather", "<< vec4u(24u))", 1, "<< vec4u(16u))", "the last two samples overlap"),
    ("gather_bytes", S, "gather", "p.samples[n] != MASKED && ", 1, "", "a missing sample has an image"),
    ("gather_bytes", G, "gather", "if column + k < geometry.width { input_bytes", 1, "if column + k <= geometry.width { input_bytes", "writes past a row"),
    ("gather_bytes", S, "gather", "if samples[n] != MASKED { found", 1, "if true { found", "missing samples get a label"),
    ("gather_bytes", G, "gather", "= words[k]", 1, "= words[0]", "every column is the first of four"),
    ("gather_bytes", S, "gather", "row % g.height - ", 1, "row - ", "channels but the first are empty"),
    ("gather_bytes", G, "gather", "let quad = id.x % QUADS;", 1, "let quad = 0u;", "every quad is the first"),
    ("gather_bytes", S, "gather", "let rows = g.channels * g.height;", 1, "let rows = g.height;", "blocks overlap"),

    ("conv2d_forward", G, "conv2d/forward", "for (var j = 1u; j < KERNEL; j++)", 1, "for (var j = 1u; j < KERNEL - 1u; j++)", "the last tap is dropped"),
    ("conv2d_forward", S, "conv2d/forward", "+ j], taps[j])", 1, "+ j], taps[j - 1u])", "a tap has its neighbour's weight"),
    ("conv2d_forward", G, "conv2d/forward", "outer(rows[s / 2u][s % 2u], taps[0])", 1, "outer(rows[s / 2u][0], taps[0])", "a column off by one"),
    ("conv2d_forward", S, "conv2d/forward", "rows[s / 2u][s % 2u + j]", 1, "rows[s % 2u][s / 2u + j]", "rows and columns of a cell swapped"),
    ("conv2d_forward", G, "conv2d/forward", "row + i + 1u, column", 1, "row + i, column", "the lower row of a cell is the upper"),
    ("conv2d_forward", S, "conv2d/forward", "x_at(planes + c, row + i, column", 1, "x_at(planes + c, row, column", "the kernel row is ignored"),
    ("conv2d_forward", G, "conv2d/forward", "x_at(planes + c, row + i, column", 1, "x_at(planes, row + i, column", "every channel is the first"),
    ("conv2d_forward", S, "conv2d/forward", "(pack * geometry.in_channels + c) * KERNEL", 1, "(c * PACKS + pack) * KERNEL", "inputs and outputs swapped"),
    ("conv2d_forward", G, "conv2d/forward", "* KERNEL + i) * KERNEL;", 1, "* KERNEL) * KERNEL;", "every row of taps is the first"),
    ("conv2d_forward", S, "conv2d/forward", "let pack = min(first_pack + p, PACKS - 1u);", 1, "let pack = min(first_pack, PACKS - 1u);", "the second pack has the weights of the first"),
    ("conv2d_forward", G, "conv2d/forward", "select(group.y * TILE_PACKS, 0u, PACKS <= TILE_PACKS)", 1, "0u", "every tile of packs is the first"),
    ("conv2d_forward", S, "conv2d/forward", "select(group.y * TILE_PACKS, 0u, PACKS <= TILE_PACKS)", 1, "0u", "every tile of packs is the first"),
    ("conv2d_forward", S, "conv2d/forward", "select(group.y * TILE_PACKS,", 1, "select(group.y * (TILE_PACKS - 1u),", "tiles of packs overlap"),
    ("conv2d_forward", S, "conv2d/forward", "own == cell && first_pack + p < PACKS", 1, "own == cell", "writes past the last pack"),
    ("conv2d_forward", G, "conv2d/forward", "min(own, HEIGHT * WIDTH - 1u)", 1, "own", "writes past the last cell"),
    ("conv2d_forward", S, "conv2d/forward", "min(own, HEIGHT * WIDTH - 1u)", 1, "own", "writes past the last cell"),
    ("conv2d_forward", G, "conv2d/forward", "cell / WIDTH * 2u", 1, "cell / HEIGHT * 2u", "height for width"),
    ("conv2d_forward", S, "conv2d/forward", "cell % WIDTH * 2u", 1, "cell % WIDTH", "cells overlap"),
    ("conv2d_forward", G, "conv2d/forward", "t < geometry.in_channels * (", 1, "t < (geometry.in_channels - 1u) * (", "the last input channel is dropped"),
    ("conv2d_forward", S, "conv2d/forward", "t < geometry.in_channels * (KERNEL / TILE_ROWS)", 1, "t + 1u < geometry.in_channels * (KERNEL / TILE_ROWS)", "the last row of taps is dropped"),
    ("conv2d_forward", G, "conv2d/forward", "let i = t % (KERNEL / TILE_ROWS) * TILE_ROWS + r;", 1, "let i = r;", "a kernel larger than 5 has one row of taps"),
    ("conv2d_forward", G, "conv2d/forward", "let c = t / (KERNEL / TILE_ROWS);", 1, "let c = t / KERNEL;", "channels are counted as if a turn took one row"),
    ("conv2d_forward", S, "conv2d/forward", "store_cell(sums[p], first_pack + p,", 1, "store_cell(sums[p], first_pack,", "the second pack is stored over the first"),

    ("conv2d_forward", G, "conv2d/unpooled", "sums[p][k] + bias[k]", 1, "sums[p][k]", "a bias missing"),
    ("conv2d_forward", S, "conv2d/unpooled", "sums[p][k] + bias[k]", 1, "sums[p][k] + bias[0]", "every channel has the first bias of its pack"),
    ("conv2d_forward", G, "conv2d/unpooled", "if exists && inside(cell, p)", 1, "if exists", "writes past an odd map"),
    ("conv2d_forward", S, "conv2d/unpooled", "vec2u(geometry.out_height,", 1, "vec2u(geometry.out_height + 1u,", "a row past an odd map"),
    ("conv2d_forward", G, "conv2d/unpooled", "geometry.out_width));", 1, "geometry.out_width + 1u));", "a column past an odd map"),
    ("conv2d_forward", S, "conv2d/unpooled", "pack * 4u + k < geometry.out_channels", 1, "pack * 4u + k <= geometry.out_channels", "writes past the last channel"),
    ("conv2d_forward", G, "conv2d/unpooled", "cell / WIDTH * 2u + p / 2u;", 1, "cell / WIDTH * 2u + p % 2u;", "rows for columns of a cell"),
    ("conv2d_forward", S, "conv2d/unpooled", "(block * geometry.out_channels + channel) * geometry.out_height", 1, "(block * PACKS * 4u + channel) * geometry.out_height", "channels that only pad are counted in y"),
    ("conv2d_forward", G, "conv2d/unpooled", "weight(geometry.bias + pack)", 1, "weight(geometry.bias)", "every pack has the first bias"),
    ("conv2d_backward_weights", G, "conv2d/unpooled", "select(Samples(), dy[index_of(block, channel, cell, p, lane)], inside(cell, p))", 1, "dy[index_of(block, channel, cell, p, lane)]", "gradients past an odd map"),
    ("conv2d_backward_weights", S, "conv2d/unpooled", " + g.sums[3]);", 1, ");", "the bias misses a sum of each cell"),
    ("conv2d_backward_weights", G, "conv2d/unpooled", "d * g.sums[3]", 1, "c * g.sums[3]", "a column for its neighbour"),
    ("conv2d_backward_weights", S, "conv2d/unpooled", "b * g.sums[1]", 1, "b * g.sums[2]", "rows for columns of a cell"),
    ("conv2d_backward_input", S, "conv2d/unpooled", "select(g.sums[1], g.sums[3], row == 1u)", 1, "g.sums[1]", "the lower row of a cell is the upper"),
    ("conv2d_backward_input", G, "conv2d/unpooled", "select(g.sums[0], g.sums[2], row == 1u)", 1, "select(g.sums[2], g.sums[0], row == 1u)", "the rows of a cell swapped"),
    ("conv2d_backward_input", S, "conv2d/unpooled", "geometry.out_width));", 1, "geometry.out_width + 1u));", "a column past an odd map counts"),

    ("conv2d_forward", G, "conv2d/max_pooled", "(sums[p][k] > largest)", 1, "(sums[p][k] >= largest)", "a tie goes to the last"),
    ("conv2d_forward", S, "conv2d/max_pooled", "(sums[p][k] > largest)", 1, "(sums[p][k] >= largest)", "a tie goes to the last"),
    ("conv2d_forward", G, "conv2d/max_pooled", "Places(2u * k)", 1, "Places(k)", "argmax of channels overlap in their byte"),
    ("conv2d_forward", S, "conv2d/max_pooled", "Places(2u * k)", 1, "Places(6u - 2u * k)", "argmax of channels in reverse"),
    ("conv2d_forward", G, "conv2d/max_pooled", "select(place, Places(p), larger)", 1, "select(place, Places(p % 2u * 2u + p / 2u), larger)", "row and column of the argmax swapped"),
    ("conv2d_forward", S, "conv2d/max_pooled", "for (var p = 1u; p < 4u; p++)", 1, "for (var p = 1u; p < 3u; p++)", "the last sum is never the largest"),
    ("conv2d_forward", G, "conv2d/max_pooled", "largest + bias[k]", 1, "largest + bias[0]", "every channel has the first bias of its pack"),
    ("conv2d_forward", S, "conv2d/max_pooled", "largest + bias[k]", 1, "largest", "a bias missing"),
    ("conv2d_forward", G, "conv2d/max_pooled", "weight(geometry.bias + pack)", 1, "weight(geometry.bias)", "every pack has the first bias"),
    ("conv2d_forward", S, "conv2d/max_pooled", "if pack * 4u + k < geometry.out_channels", 1, "if pack * 4u + k <= geometry.out_channels", "writes past the last channel"),
    ("conv2d_forward", G, "conv2d/max_pooled", "select(largest, sums[p][k], larger)", 1, "largest", "the first sum is always the largest"),
    ("conv2d_forward", G, "conv2d/max_pooled", "shared_places[me] = places;", 1, "shared_places[lane] = places;", "argmax of cells overlap in workgroup memory"),
    ("conv2d_forward", G, "conv2d/max_pooled", "shared_places[me + n / PER_LANE]", 1, "shared_places[me]", "every sample of a quad has the argmax of the first"),
    ("conv2d_forward", G, "conv2d/max_pooled", "shared_places[me + n / PER_LANE], n) << (8u * n)", 1, "shared_places[me + n / PER_LANE], n) << (4u * n)", "argmax of samples overlap in their word"),
    ("conv2d_forward", G, "conv2d/max_pooled", "shared_places[me + n / PER_LANE]", 1, "shared_places[me + 3u - n / PER_LANE]", "argmax of samples in reverse"),
    ("conv2d_forward", S, "conv2d/max_pooled", "place_of(places, n) << (8u * n)", 1, "place_of(places, n) << (8u * (3u - n))", "argmax of samples in reverse"),
    ("conv2d_forward", G, "conv2d/max_pooled", "lane * PER_LANE % 4u == 0u {", 1, "lane * PER_LANE % 4u == 1u {", "a quad begins with its second sample"),
    ("conv2d_forward", S, "conv2d/max_pooled", "new_argmax[((block * PACKS + pack)", 1, "new_argmax[((block + pack)", "argmax of blocks overlap"),
    ("conv2d_forward", G, "conv2d/max_pooled", "QUADS + lane * PER_LANE / 4u] = word", 1, "QUADS] = word", "argmax of quads overlap"),
    ("conv2d_forward", S, "conv2d/max_pooled", "let to = (block * geometry.out_channels + pack * 4u + k)", 1, "let to = ((block * PACKS + pack) * 4u + k)", "channels that only pad are counted in y"),
    ("conv2d_backward_input", S, "conv2d/max_pooled", "lane * PER_LANE / 4u], lane)", 1, "lane / 4u], lane)", "every quad has the argmax of the first"),
    ("conv2d_backward_input", G, "conv2d/max_pooled", "QUADS + lane * PER_LANE / 4u], lane)", 1, "QUADS], lane)", "every quad has the argmax of the first"),
    ("conv2d_backward_input", G, "conv2d/max_pooled", "(place & Places(2u)) != Places(), (place & Places(1u)) != Places()", 1, "(place & Places(1u)) != Places(), (place & Places(2u)) != Places()", "row and column of the argmax swapped"),
    ("conv2d_backward_input", S, "conv2d/max_pooled", "places >> Places(bit)", 1, "places", "every channel has the argmax of the first of its pack"),
    ("conv2d_backward_input", G, "conv2d/max_pooled", "places >> Places(bit)", 1, "places >> Places(bit / 2u)", "argmax of channels overlap"),
    ("conv2d_backward_input", S, "conv2d/max_pooled", "g.below == Choice(row == 1u)", 1, "g.below == Choice(row == 0u)", "the rows of a cell swapped"),
    ("conv2d_backward_input", G, "conv2d/max_pooled", "select(here, Samples(), g.right)", 1, "here", "the left column always has the gradient"),
    ("conv2d_backward_input", S, "conv2d/max_pooled", "select(Samples(), here, g.right)", 1, "here", "the right column always has the gradient"),
    ("conv2d_backward_input", G, "conv2d/max_pooled", "select(Samples(), g.largest, g.below == Choice(row == 1u))", 1, "g.largest", "both rows have the gradient"),
    ("conv2d_backward_weights", S, "conv2d/max_pooled", "dy[(block * geometry.out_channels + channel)", 1, "dy[(block * PACKS * 4u + channel)", "channels that only pad are counted in dy"),
    ("conv2d_backward_weights", G, "conv2d/max_pooled", "select(b, d, g.below), g.right", 1, "select(b, d, g.below), g.below", "the row decides the column"),
    ("conv2d_backward_weights", S, "conv2d/max_pooled", "select(a, c, g.below)", 1, "a", "the left column is always of the row above"),
    ("conv2d_backward_weights", G, "conv2d/max_pooled", "return total(g.largest);", 1, "return 0.0;", "no gradient of the bias"),
    ("conv2d_backward_weights", S, "conv2d/max_pooled", "(place & Places(2u)) != Places(), (place & Places(1u)) != Places()", 1, "(place & Places(1u)) != Places(), (place & Places(2u)) != Places()", "row and column of the argmax swapped"),
    ("conv2d_backward_weights", G, "conv2d/max_pooled", "bytes_of(argmax[((block * PACKS + pack)", 1, "bytes_of(argmax[((block + pack)", "argmax of blocks overlap"),

    ("conv2d_forward", G, "lanes/one", "return samples * channels;", 1, "return samples * channels.yxzw;", "two channels swapped"),
    ("conv2d_forward", S, "lanes/four", "samples * channels.w)", 1, "samples * channels.z)", "a channel is its neighbour"),
    ("conv2d_forward", G, "lanes/one", "lane % 4u * 8u", 1, "lane % 4u * 4u", "bytes overlap in their word"),
    ("conv2d_forward", S, "lanes/four", "vec4u(0u, 8u, 16u, 24u)", 1, "vec4u(0u, 8u, 16u, 16u)", "a sample has its neighbour's byte"),
    ("conv2d_forward", S, "lanes/four", "return p[n];", 1, "return p[0];", "every sample of a quad has the argmax of the first"),
    ("conv2d_backward_input", G, "lanes/one", "& 255u", 1, "& 127u", "the last bit of an argmax is lost"),
    ("conv2d_backward_input", S, "lanes/four", "vec4u(255u)", 1, "vec4u(127u)", "the last bit of an argmax is lost"),
    ("conv2d_backward_input", G, "lanes/one", "lane % 4u * 8u", 1, "(3u - lane % 4u) * 8u", "samples of a quad in reverse"),
    ("conv2d_backward_weights", G, "lanes/one", "f32 { return samples; }", 1, "f32 { return abs(samples); }", "a total without its sign"),
    ("conv2d_backward_weights", S, "lanes/four", "dot(samples, vec4f(1.0))", 1, "samples.x", "three samples of four are dropped"),
    ("subsample_backward_weights", S, "lanes/four", "dot(samples, vec4f(1.0))", 1, "dot(samples, vec4f(1.0, 1.0, 1.0, 0.0))", "a sample of four is dropped"),
    ("subsample_backward_weights", G, "lanes/one", "f32 { return samples; }", 1, "f32 { return abs(samples); }", "a total without its sign"),
    ("softmax_cross_entropy", G, "lanes/one", "u32 { return p; }", 1, "u32 { return p & 1u; }", "an index loses its upper bits"),
    ("softmax_cross_entropy", S, "lanes/four", "return p[n];", 1, "return p[0];", "every sample of a quad has the prediction of the first"),
    ("dense_forward", G, "lanes/four", "samples * channels.y,", 1, "samples * channels.x,", "an output is its neighbour"),

    ("conv2d_forward", S, "conv2d/inputs_bytes", "geometry.background + geometry.scale", 1, "geometry.scale", "the background is 0"),
    ("conv2d_forward", G, "conv2d/inputs_bytes", "* QUADS + lane * PER_LANE / 4u;", 1, "* QUADS;", "every quad is the first"),
    ("conv2d_forward", S, "conv2d/inputs_bytes", "* QUADS + lane * PER_LANE / 4u;", 1, "* QUADS + lane / 4u;", "every quad is the first"),
    ("conv2d_forward", G, "conv2d/inputs_bytes", "column * QUADS]", 1, "column]", "columns overlap"),
    ("conv2d_forward", S, "conv2d/inputs_bytes", "plane * geometry.in_height + near", 1, "plane * geometry.in_width + near", "width for height"),
    ("conv2d_backward_weights", G, "conv2d/inputs_bytes", "geometry.in_height - 1u)", 1, "geometry.in_height - 2u)", "the last row is the one before"),
    ("conv2d_backward_weights", S, "conv2d/inputs_bytes", "geometry.background + geometry.scale", 1, "geometry.scale", "the background is 0"),
    ("conv2d_forward", G, "conv2d/inputs_values", "min(row, geometry.in_height - 1u)", 1, "min(row, geometry.in_height - 2u)", "the last row is the one before"),
    ("conv2d_forward", S, "conv2d/inputs_values", "min(column, geometry.in_width - 1u)", 1, "min(column, geometry.in_width - 2u)", "the last column of an odd map is the one before"),
    ("conv2d_forward", G, "conv2d/inputs_values", "geometry.in_width * LANES + lane)", 1, "geometry.in_width * LANES)", "every lane is the first"),
    ("conv2d_forward", S, "conv2d/inputs_values", "+ beside * LANES", 1, "+ beside", "columns overlap"),
    ("conv2d_backward_weights", G, "conv2d/inputs_values", "select(column, min(column, geometry.in_width - 1u), geometry.out_width % 2u == 1u)", 1, "column", "reads past the last column of an odd map"),
    ("conv2d_backward_weights", S, "conv2d/inputs_values", "min(row, geometry.in_height - 1u)", 1, "row", "reads past the last row of an odd map"),
    ("conv2d_forward", S, "conv2d/weights_uniform", "window[at - WINDOW_START]", 1, "window[at]", "the window's start is ignored"),
    ("conv2d_forward", G, "conv2d/weights_uniform", "window[at - WINDOW_START]", 1, "window[at - WINDOW_START / 4u]", "the window's start in another unit"),
    ("conv2d_backward_input", S, "conv2d/weights_uniform", "window[at / 4u - WINDOW_START]", 1, "window[at / 4u]", "the window's start is ignored"),
    ("conv2d_backward_input", G, "conv2d/weights_uniform", "[at % 4u]", 1, "[at % 2u]", "a weight of another output"),
    ("conv2d_forward", G, "conv2d/weights_storage", "return parameters[at];", 1, "return parameters[at + 1u];", "every weight is its neighbour"),
    ("conv2d_backward_input", S, "conv2d/weights_storage", "return parameters_scalar[at];", 1, "return parameters_scalar[at ^ 1u];", "a weight of another output"),

    ("conv2d_backward_input", S, "conv2d/backward_input", " || row >= geometry.in_height", 1, "", "writes past the last row"),
    ("conv2d_backward_input", G, "conv2d/backward_input", "max(row + 1u, KERNEL) - KERNEL", 1, "min(max(row + 1u, KERNEL) - KERNEL + 1u, min(row, geometry.out_height - 1u))", "the first row of sums is dropped"),
    ("conv2d_backward_input", S, "conv2d/backward_input", "min(row + 1u, geometry.out_height)", 1, "row + 1u", "rows past the last count"),
    ("conv2d_backward_input", G, "conv2d/backward_input", "places_at(group.z, o / 4u,", 1, "places_at(group.z, 0u,", "every pack has the argmax of the first"),
    ("conv2d_backward_input", S, "conv2d/backward_input", "select(2u * k, o % 4u * 2u, TILE_OUTPUTS == 1u)", 1, "2u * k", "every output is the first of its pack"),
    ("conv2d_backward_input", G, "conv2d/backward_input", "select(2u * k, o % 4u * 2u, TILE_OUTPUTS == 1u)", 1, "2u * k", "a kernel larger than 5 takes every output for the first of its pack"),
    ("conv2d_backward_input", G, "conv2d/backward_input", "TILE_OUTPUTS == 1u || o + k < geometry.out_channels", 1, "true", "outputs past the last count"),
    ("conv2d_backward_input", G, "conv2d/backward_input", "|| o + k < geometry.out_channels", 1, "|| o + k + 1u < geometry.out_channels", "the last output is dropped"),
    ("conv2d_backward_input", S, "conv2d/backward_input", "+ min(column / 2u + n - BEFORE, WIDTH - 1u)", 1, "+ min(column / 2u + n, WIDTH - 1u)", "the argmax of another column"),
    ("conv2d_backward_input", G, "conv2d/backward_input", "let at = column / 2u + n - BEFORE;", 1, "let at = column / 2u + n;", "the gradients of another column"),
    ("conv2d_backward_input", S, "conv2d/backward_input", "pair[0], (at < WIDTH) & exists", 1, "pair[0], exists", "columns past the border count"),
    ("conv2d_backward_input", G, "conv2d/backward_input", "pair[1], (at < WIDTH) & exists", 1, "pair[1], exists", "columns past the border count"),
    ("conv2d_backward_input", G, "conv2d/backward_input", "select(Samples(), pair[1]", 1, "select(Samples(), pair[0]", "odd columns are taken for even ones"),
    ("conv2d_backward_input", S, "conv2d/backward_input", "min(first + c, geometry.in_channels - 1u)", 1, "min(first, geometry.in_channels - 1u)", "every channel has the weights of the first"),
    ("conv2d_backward_input", G, "conv2d/backward_input", "let plane = o / 4u * geometry.in_channels + ", 1, "let plane = ", "every pack has the weights of the first"),
    ("conv2d_backward_input", S, "conv2d/backward_input", "plane * KERNEL + row - r", 1, "plane * KERNEL", "every row of taps is the first"),
    ("conv2d_backward_input", G, "conv2d/backward_input", "* 4u + bit / 2u;", 1, "* 4u;", "every output has the weight of the first"),
    ("conv2d_backward_input", S, "conv2d/backward_input", "weight_scalar(w + j * 4u)", 1, "weight_scalar(w + j)", "outputs for taps"),
    ("conv2d_backward_input", S, "conv2d/backward_input", "p < j + geometry.out_width", 1, "p + 1u < j + geometry.out_width", "the last column is dropped"),
    ("conv2d_backward_input", S, "conv2d/backward_input", "p >= j", 1, "p > j", "the first column is dropped"),
    ("conv2d_backward_input", G, "conv2d/backward_input", "d[p + 2u * BEFORE - j]", 1, "d[p + j]", "the kernel is mirrored"),
    ("conv2d_backward_input", S, "conv2d/backward_input", "select(item / TILE_STRIPS, 0u, TILE_LINES == 1u)", 1, "0u", "every line of a workgroup is the first"),
    ("conv2d_backward_input", G, "conv2d/backward_input", "group.y / lines * TILE_CHANNELS", 1, "0u", "every tile of channels is the first"),
    ("conv2d_backward_input", S, "conv2d/backward_input", "(geometry.in_height + TILE_LINES - 1u) / TILE_LINES", 1, "max(geometry.in_height / TILE_LINES, 1u)", "the last rows are skipped"),
    ("conv2d_backward_input", G, "conv2d/backward_input", "group.x * TILE_STRIPS + item % TILE_STRIPS", 1, "group.x * TILE_STRIPS", "every strip of a workgroup is the first"),
    ("conv2d_backward_input", S, "conv2d/backward_input", "0u, TILE_COLUMNS >= geometry.in_width)", 1, "0u, true)", "every strip is the first"),
    ("conv2d_backward_input", G, "conv2d/backward_input", " * derivative(x[at], geometry.floor)", 1, "", "a derivative missing"),
    ("conv2d_backward_input", S, "conv2d/backward_input", "derivative(x[at], geometry.floor)", 1, "derivative(x[to], geometry.floor)", "the derivative of another value"),
    ("conv2d_backward_input", S, "conv2d/backward_input", "if first + c < geometry.in_channels", 1, "if first + c <= geometry.in_channels", "writes past the last channel"),
    ("conv2d_backward_input", G, "conv2d/backward_input", "column + p + k < geometry.in_width", 1, "column + p + k <= geometry.in_width", "writes past a row"),
    ("conv2d_backward_input", S, "conv2d/backward_input", "sums[c][k - 2u] = sums[c][k];", 1, "", "columns do not move up"),
    ("conv2d_backward_input", S, "conv2d/backward_input", "gradients_at(group.z, channel,", 1, "gradients_at(group.z, o / 4u * 4u,", "every output has the gradient of the first of its pack"),

    ("conv2d_backward_weights", G, "conv2d/backward_weights", "let c = item / TAP_ROWS % geometry.in_channels;", 1, "let c = item % geometry.in_channels;", "rows of taps for channels"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "min((slot + 1u) * geometry.rows_per_slot, geometry.blocks * HEIGHT)", 1, "(slot + 1u) * geometry.rows_per_slot", "the last slot reads past the blocks"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "geometry.blocks * HEIGHT)", 1, "geometry.blocks * HEIGHT - 1u)", "the last row of cells is dropped"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "var t = slot * geometry.rows_per_slot;", 1, "var t = slot;", "slots overlap"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "let block = t / HEIGHT;", 1, "let block = t / WIDTH;", "width for height"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "t % HEIGHT * 2u + item % TAP_ROWS * TILE_ROWS", 1, "t % HEIGHT * 2u", "a kernel larger than 5 takes the rows of its first turn"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "t % HEIGHT * 2u + item", 1, "t % HEIGHT + item", "cells overlap"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "j - 2u, lane)", 1, "j - 1u, lane)", "a row begins one column to the right"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "window[i][j - 2u] = window[i][j];", 1, "window[i][j - 1u] = window[i][j];", "the window slides by one column"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "column * 2u + KERNEL, lane", 1, "column * 2u + KERNEL - 1u, lane", "the last column is the one before"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "column * 2u + KERNEL - 1u, lane", 1, "column * 2u + KERNEL, lane", "a column is the next"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "column < WIDTH;", 1, "column + 1u < WIDTH;", "the last column of cells is dropped"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "t % HEIGHT * WIDTH + column", 1, "t % HEIGHT * HEIGHT + column", "height for width"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "cell, lane, places, 2u * k)", 1, "cell, lane, places, k)", "argmax of channels overlap"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "min(pack * 4u + k, geometry.out_channels - 1u)", 1, "min(pack * 4u, geometry.out_channels - 1u)", "every channel of a pack has the gradient of the first"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "window[i][j + 1u], window[i + 1u][j],", 1, "window[i + 1u][j], window[i][j + 1u],", "rows for columns of a cell"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "window[i + 1u][j + 1u], g)", 1, "window[i][j + 1u], g)", "the last sum of a cell met the row above"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "bias[k] += sum_of(g);", 1, "", "no gradient of the bias"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "let first = me / LANES * SHARED;", 1, "let first = 0u;", "items overlap in workgroup memory"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "let first = me / LANES * SHARED;", 1, "let first = 0u;", "items overlap in workgroup memory"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "(first + i * KERNEL + j) * LANES + lane", 1, "(first + i * KERNEL + j) * LANES", "lanes overlap in workgroup memory"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "(first + SHARED - 1u) * LANES + lane", 1, "(first + SHARED - 2u) * LANES + lane", "the bias lies over the last tap"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "for (var lane = 0u; lane < LANES; lane++)", 1, "for (var lane = 0u; lane < LANES - 1u; lane++)", "the last lane is left out"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "for (var lane = 0u; lane < LANES; lane++)", 1, "for (var lane = 1u; lane < LANES; lane++)", "the first lane is left out"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "s += TILE_SLOTS * ITEMS * LANES)", 1, "s += 2u * TILE_SLOTS * ITEMS * LANES)", "every second turn of sums is left out"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "s += TILE_SLOTS * ITEMS * LANES)", 1, "s += 2u * TILE_SLOTS * ITEMS * LANES)", "every second turn of sums is left out"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "group.y * TILE_SLOTS + s / (SHARED * ITEMS)", 1, "group.y * TILE_SLOTS", "the slots of a workgroup overlap"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "select(me / (LANES * ITEMS), 0u, TILE_SLOTS == 1u)", 1, "0u", "every slot of a workgroup is the first"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "if slot < geometry.slots {", 1, "if true {", "writes past the last slot"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "shared_sums[s * LANES + lane]", 1, "shared_sums[s + lane]", "sums in workgroup memory overlap"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "group.x * ITEMS + s / SHARED % ITEMS", 1, "group.x * ITEMS", "every item of a workgroup is stored as the first"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "item % TAP_ROWS * TILE_ROWS + s / KERNEL", 1, "s / KERNEL", "every row of taps is stored as the first"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "item % TAP_ROWS * TILE_ROWS + s / KERNEL", 1, "item % TAP_ROWS + s / KERNEL", "turns of a kernel larger than 5 overlap"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "channels < vec4u(geometry.out_channels)", 1, "channels <= vec4u(geometry.out_channels)", "channels that only pad get a gradient"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "select(vec4f(), sum, channels < vec4u(geometry.out_channels))", 1, "sum", "channels that only pad get a gradient"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "if row < KERNEL { partials", 1, "if true { partials", "writes past the kernel"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "(plane * KERNEL + row) * KERNEL", 1, "(plane * KERNEL + row) * TILE_ROWS", "rows of taps overlap"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "plane % geometry.in_channels == 0u &&", 1, "plane == 0u &&", "only the first pack has a gradient of the bias"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "- geometry.weights + pack] = masked", 1, "- geometry.weights + plane] = masked", "biases counted by input channel"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "slot * geometry.partials_stride", 1, "slot", "slots overlap"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "let to = geometry.partials + slot", 1, "let to = slot", "every layer writes into the slots of the first"),
    ("conv2d_backward_weights", G, "conv2d/backward_weights", "block_of_x(block) * geometry.in_channels", 1, "block * geometry.in_channels", "the row of the step is ignored"),
    ("conv2d_backward_weights", S, "conv2d/backward_weights", "let pack = min(item / (TAP_ROWS * geometry.in_channels), PACKS - 1u);", 1, "let pack = 0u;", "every pack has the gradients of the first"),

    ("conv2d_forward", G, "input/gathered", "step.row * geometry.blocks + block", 1, "block", "the row of the step is ignored"),
    ("conv2d_backward_weights", S, "input/gathered", "step.row * geometry.blocks + block", 1, "step.row + block", "rows of steps overlap"),
    ("dense_forward", S, "input/gathered", "step.row * geometry.blocks + block", 1, "step.row + block", "rows of steps overlap"),
    ("dense_backward_weights", G, "input/gathered", "step.row * geometry.blocks + block", 1, "block", "the row of the step is ignored"),
    ("average_pool_forward", G, "input/gathered", "step.row * geometry.blocks + block", 1, "block", "the row of the step is ignored"),
    ("conv2d_forward", S, "input/layer", "return block;", 1, "return 0u;", "every block is the first"),
    ("max_pool_forward", G, "input/layer", "return block;", 1, "return 0u;", "every block is the first"),
    ("dense_backward_weights", S, "input/layer", "return block;", 1, "return 0u;", "every block is the first"),

    ("max_pool_forward", G, "pool/max_pool", "(value > largest.value)", 1, "(value < largest.value)", "min for max"),
    ("max_pool_forward", S, "pool/max_pool", "Largest(x[first], Places())", 1, "Largest(Samples(), Places())", "negative windows become 0"),
    ("max_pool_forward", G, "pool/max_pool", "for (var i = 0u; i < SIZE; i++)", 2, "for (var i = 0u; i < SIZE - 1u; i++)", "the last row is dropped"),
    ("max_pool_forward", S, "pool/window", "item / geometry.out_width * SIZE * geometry.out_width", 1, "item / geometry.out_width * SIZE * geometry.out_height", "height for width"),
    ("max_pool_forward", G, "pool/window", "Output(item < g.channels * map,", 1, "Output(item + 1u < g.channels * map,", "the last output is skipped"),
    ("max_pool_forward", G, "pool/max_pool", "group.x * ITEMS + me / LANES", 2, "group.x * ITEMS", "every item of a workgroup is the first"),

    ("max_pool_backward", G, "pool/max_pool", "(value > largest.value)", 1, "(value >= largest.value)", "a tie goes to the last"),
    ("max_pool_backward", S, "pool/max_pool", "(value > largest.value)", 1, "(value >= largest.value)", "a tie goes to the last"),
    ("max_pool_backward", G, "pool/max_pool", " * derivative(largest.value, geometry.floor)", 1, "", "a derivative missing"),
    ("max_pool_backward", S, "pool/max_pool", "select(Samples(), gradient, largest.place == Places(i * SIZE + j))", 1, "gradient", "every value gets the gradient"),
    ("max_pool_backward", G, "pool/max_pool", "largest.place == Places(i * SIZE + j)", 1, "largest.place == Places(j * SIZE + i)", "row and column of the argmax swapped"),
    ("max_pool_backward", S, "pool/max_pool", "dy[output.y]", 1, "x[output.y]", "a buffer swapped"),
    ("max_pool_backward", G, "pool/max_pool", "select(largest.place, Places(i * SIZE + j), larger)", 1, "select(largest.place, Places(i * SIZE), larger)", "the argmax is always of the first column"),
    ("max_pool_backward", S, "pool/window", "(i * geometry.out_width * SIZE + j) * LANES", 1, "(i * geometry.out_width + j) * LANES", "rows of a window overlap"),

    ("average_pool_forward", G, "pool/average_pool", "sum_of_window(output.x) / f32(SIZE * SIZE)", 1, "sum_of_window(output.x) / f32(SIZE + SIZE)", "divided by the wrong count"),
    ("average_pool_forward", S, "pool/window", "sum += x[", 1, "sum = x[", "only the last counts"),
    ("average_pool_forward", G, "pool/window", "for (var j = 0u; j < SIZE; j++)", 1, "for (var j = 0u; j < SIZE - 1u; j++)", "a column is dropped"),
    ("average_pool_forward", S, "pool/window", "+ item % geometry.out_width) * SIZE;", 1, "+ item % geometry.out_width);", "windows overlap"),
    ("average_pool_forward", G, "pool/window", "(block * g.channels * map + item) * LANES + lane, in_x", 1, "item * LANES + lane, in_x", "every block of samples goes to the first"),
    ("average_pool_forward", S, "pool/window", "block_of_x(block) * g.channels * map + item) * LANES + lane;", 1, "block_of_x(block) * g.channels * map + item) * LANES;", "every lane is the first"),

    ("average_pool_backward", S, "pool/average_pool", "dy[output.y] / f32(SIZE * SIZE)", 1, "dy[output.y]", "not divided"),
    ("average_pool_backward", G, "pool/average_pool", "derivative(x[at], geometry.floor)", 1, "derivative(x[output.x], geometry.floor)", "the derivative of another value"),
    ("average_pool_backward", S, "pool/average_pool", "gradient * derivative(x[at], geometry.floor)", 1, "gradient", "a derivative missing"),
    ("average_pool_backward", G, "pool/window", "i * geometry.out_width * SIZE + j", 1, "i * geometry.out_width * SIZE + j + 1u", "a column off by one"),
    ("average_pool_backward", S, "pool/window", "item / geometry.out_width * SIZE", 1, "item / geometry.out_height * SIZE", "height for width"),
    ("average_pool_backward", G, "pool/window", "Output(item < g.channels * map,", 1, "Output(item + 1u < g.channels * map,", "the last output is skipped"),

    ("conv2d_forward", G, "conv2d/geometry", "(geometry.out_height + 1u) / 2u", 1, "max(geometry.out_height / 2u, 1u)", "an odd last row is dropped"),
    ("conv2d_forward", S, "conv2d/geometry", "(geometry.out_width + 1u) / 2u", 1, "max(geometry.out_width / 2u, 1u)", "an odd last column is dropped"),
    ("conv2d_forward", G, "conv2d/geometry", "(geometry.out_channels + 3u) / 4u", 1, "max(geometry.out_channels / 4u, 1u)", "channels past the last whole pack are dropped"),
    ("conv2d_backward_weights", S, "conv2d/geometry", "(geometry.out_channels + 3u) / 4u", 1, "max(geometry.out_channels / 4u, 1u)", "channels past the last whole pack are dropped"),
    ("dense_forward", G, "dense/geometry", "(block * units + unit) * QUADS + quad", 1, "(block * units + unit) * QUADS", "every quad is the first"),
    ("dense_backward_input", G, "dense/geometry", "min(pack * 4u + k, geometry.outputs - 1u)", 1, "pack * 4u + k", "reads past the last output"),
    ("dense_backward_input", S, "dense/geometry", "min(pack * 4u + k, geometry.outputs - 1u)", 1, "min(pack * 4u, geometry.outputs - 1u)", "every output of a pack has the gradient of the first"),
    ("dense_backward_weights", G, "dense/geometry", "k < 4u; k++", 1, "k < 3u; k++", "the last output of a pack has no gradient"),

    ("dense_forward", G, "dense/forward", "t += SLICES * AHEAD)", 1, "t += SLICES)", "inputs are counted several times"),
    ("dense_forward", G, "dense/forward", "var t = slice; t", 1, "var t = 0u; t", "every slice is the first"),
    ("dense_forward", S, "dense/forward", "t < geometry.inputs; t +=", 1, "t + 1u < geometry.inputs; t +=", "the last input is dropped"),
    ("dense_forward", G, "dense/forward", "AHEAD == 1u || t + a * SLICES < geometry.inputs", 1, "true", "inputs past the last count"),
    ("dense_forward", G, "dense/forward", "|| t + a * SLICES < geometry.inputs", 1, "|| t + a * SLICES <= geometry.inputs", "the last input counts twice"),
    ("dense_forward", G, "dense/forward", "row + min(t + a * SLICES, geometry.inputs - 1u)", 1, "row + min(t, geometry.inputs - 1u)", "inputs that are loaded together have the weights of the first"),
    ("dense_forward", S, "dense/forward", "let row = min(first + p, packs - 1u)", 1, "let row = min(first, packs - 1u)", "every pack of a tile has the weights of the first"),
    ("dense_forward", S, "dense/forward", "i, quad + q)];", 1, "i, quad)];", "every quad of a tile is the first"),
    ("dense_forward", G, "dense/forward", "slices[me] = sums[p][0];", 1, "slices[slice] = sums[p][0];", "tiles overlap in workgroup memory"),
    ("dense_forward", G, "dense/forward", "sum = slices[me % TILES][k];", 1, "sum = sums[p][0][k];", "the own slice counts twice, the first is left out"),
    ("dense_forward", G, "dense/forward", "s < SLICES; s++", 1, "s < SLICES - 1u; s++", "the last slice is left out"),
    ("dense_forward", G, "dense/forward", "slices[s * TILES + me % TILES][k]", 1, "slices[s * TILES][k]", "every tile has the sums of the first"),
    ("dense_forward", S, "dense/forward", "parameters[geometry.bias + first + p][k]", 1, "parameters[geometry.bias + first][k]", "every pack of a tile has the bias of the first"),
    ("dense_forward", G, "dense/forward", "parameters[geometry.bias + first + p][k]", 1, "parameters[geometry.bias + first + p][0]", "every output has the first bias of its pack"),
    ("dense_forward", S, "dense/forward", "if o < geometry.outputs &&", 1, "if o <= geometry.outputs &&", "writes past the last output"),
    ("dense_forward", G, "dense/forward", "if o < geometry.outputs &&", 1, "if o + 1u < geometry.outputs &&", "the last output is not written"),
    ("dense_forward", S, "dense/forward", "o, quad + q)] =", 1, "o, quad)] =", "the quads of a tile are stored as the first"),
    ("dense_forward", S, "dense/forward", "sums[p][r - 1u] = sums[p][r];", 1, "", "quads do not move up"),
    ("dense_forward", G, "dense/forward", "let quad = tile % (QUADS / TILE_QUADS) * TILE_QUADS;", 1, "let quad = 0u;", "every quad is the first"),
    ("dense_forward", S, "dense/forward", "tile % across / (QUADS / TILE_QUADS)", 1, "0u", "every block is the first"),
    ("dense_forward", G, "dense/forward", "let first = tile / across * TILE_PACKS;", 1, "let first = 0u;", "every pack is the first"),
    ("dense_forward", S, "dense/forward", "let first = tile / across * TILE_PACKS;", 1, "let first = tile / across;", "tiles of packs overlap"),
    ("dense_forward", S, "dense/forward", "sum + bias, geometry", 1, "sum, geometry", "a bias missing"),

    ("dense_backward_input", G, "dense/backward_input", "pack += SLICES", 1, "pack += 2u * SLICES", "packs past the first turn are dropped"),
    ("dense_backward_input", S, "dense/backward_input", "pack < packs;", 1, "pack + 1u < packs;", "the last pack of outputs is dropped"),
    ("dense_backward_input", G, "dense/backward_input", "var pack = slice;", 1, "var pack = 0u;", "every slice is the first"),
    ("dense_backward_input", S, "dense/backward_input", "pack * geometry.inputs + min", 1, "min", "every pack has the weights of the first"),
    ("dense_backward_input", G, "dense/backward_input", "min(first + i, geometry.inputs - 1u)", 1, "min(first, geometry.inputs - 1u)", "every input of a tile has the weights of the first"),
    ("dense_backward_input", S, "dense/backward_input", "d[q] * taps", 1, "d[0] * taps", "every quad of a tile has the gradient of the first"),
    ("dense_backward_input", G, "dense/backward_input", "slices[me * TILE_INPUTS + i] = sums[0][i];", 1, "slices[me * TILE_INPUTS] = sums[0][i];", "inputs overlap in workgroup memory"),
    ("dense_backward_input", G, "dense/backward_input", "for (var s = 0u; s < SLICES; s++)", 1, "for (var s = 1u; s < SLICES; s++)", "the first slice is left out"),
    ("dense_backward_input", G, "dense/backward_input", "(s * TILES + me % TILES) * TILE_INPUTS + j", 1, "(s * TILES) * TILE_INPUTS + j", "every tile has the sums of the first"),
    ("dense_backward_input", S, "dense/backward_input", "if first + i + j < geometry.inputs &&", 1, "if first + i + j <= geometry.inputs &&", "writes past the last input"),
    ("dense_backward_input", G, "dense/backward_input", " * derivative(x[to], geometry.floor)", 1, "", "a derivative missing"),
    ("dense_backward_input", S, "dense/backward_input", "derivative(x[to], geometry.floor)", 1, "derivative(x[i], geometry.floor)", "the derivative of another value"),
    ("dense_backward_input", S, "dense/backward_input", "tile / across * TILE_INPUTS", 1, "tile / across * (TILE_INPUTS - 1u)", "tiles overlap"),
    ("dense_backward_input", S, "dense/backward_input", "sums[q][j - STORED] = sums[q][j];", 1, "", "inputs do not move up"),
    ("dense_backward_input", G, "dense/backward_input", "let quad = tile % (QUADS / TILE_QUADS) * TILE_QUADS;", 1, "let quad = 0u;", "every quad is the first"),
    ("dense_backward_input", S, "dense/backward_input", "(geometry.outputs + 3u) / 4u", 1, "geometry.outputs / 4u", "the last pack of outputs is dropped"),
    ("dense_backward_input", G, "dense/backward_input", "tile % across / (QUADS / TILE_QUADS)", 1, "0u", "every block is the first"),

    ("dense_backward_weights", G, "dense/backward_weights", "t < geometry.blocks * QUADS;", 1, "t < geometry.blocks * QUADS - 1u;", "the last quad is dropped"),
    ("dense_backward_weights", S, "dense/backward_weights", "let block = t / QUADS;", 1, "let block = 0u;", "every block is the first"),
    ("dense_backward_weights", G, "dense/backward_weights", "t += SLICES", 1, "t += 2u * SLICES", "quads past the first turn are dropped"),
    ("dense_backward_weights", G, "dense/backward_weights", "var t = slice;", 1, "var t = 0u;", "every slice is the first"),
    ("dense_backward_weights", S, "dense/backward_weights", "bias[p] += vec4f(1.0) * d[p];", 1, "", "no gradient of the bias"),
    ("dense_backward_weights", G, "dense/backward_weights", "vec4f(1.0) * d[p]", 1, "vec4f(1.0, 1.0, 1.0, 0.0) * d[p]", "a sample of four is dropped from the bias"),
    ("dense_backward_weights", S, "dense/backward_weights", "min(input + i, geometry.inputs - 1u)", 1, "min(input, geometry.inputs - 1u)", "every input of a tile is the first"),
    ("dense_backward_weights", G, "dense/backward_weights", "t % QUADS)];", 1, "0u)];", "every quad of x is the first"),
    ("dense_backward_weights", S, "dense/backward_weights", "value * d[p]", 1, "value * d[0]", "every pack of a tile has the gradient of the first"),
    ("dense_backward_weights", S, "dense/backward_weights", "dy_of(block, first + p,", 1, "dy_of(block, first,", "every pack of a tile has the gradient of the first"),
    ("dense_backward_weights", G, "dense/backward_weights", "slices[me * SHARED + i] = sums[0][i];", 1, "slices[me * TILE_INPUTS + i] = sums[0][i];", "the stride in workgroup memory leaves no room for the bias"),
    ("dense_backward_weights", G, "dense/backward_weights", "(s * TILES + me % TILES) * SHARED + i", 1, "(s * TILES) * SHARED + i", "every tile has the sums of the first"),
    ("dense_backward_weights", G, "dense/backward_weights", "for (var s = 0u; s < SLICES; s++)", 1, "for (var s = 0u; s < SLICES - 1u; s++)", "the last slice is left out"),
    ("dense_backward_weights", S, "dense/backward_weights", "store_sum(first + p,", 2, "store_sum(first,", "the packs of a tile are stored as the first"),
    ("dense_backward_weights", S, "dense/backward_weights", "sums[p][j - STORED] = sums[p][j];", 1, "", "inputs do not move up"),
    ("dense_backward_weights", G, "dense/backward_weights", "slices[me * SHARED + TILE_INPUTS] = bias[0];", 1, "slices[me * SHARED] = bias[0];", "the bias lies over the first input"),
    ("dense_backward_weights", G, "dense/backward_weights", "i < SHARED; i += SLICES", 1, "i < TILE_INPUTS; i += SLICES", "no gradient of the bias is stored"),
    ("dense_backward_weights", G, "dense/backward_weights", "outputs < vec4u(geometry.outputs)", 1, "outputs <= vec4u(geometry.outputs)", "outputs that only pad get a gradient"),
    ("dense_backward_weights", S, "dense/backward_weights", "if pack * 4u >= geometry.outputs { return; }", 1, "", "writes past the last pack"),
    ("dense_backward_weights", S, "dense/backward_weights", "if first + i < geometry.inputs {", 1, "if true {", "writes past the last input"),
    ("dense_backward_weights", G, "dense/backward_weights", "if first + i < geometry.inputs {", 1, "if first + i + 1u < geometry.inputs {", "the last input is not written"),
    ("dense_backward_weights", S, "dense/backward_weights", "} else if first == 0u {", 1, "} else if first == 1u {", "no gradient of the bias is stored"),
    ("dense_backward_weights", G, "dense/backward_weights", "geometry.bias - geometry.weights + pack]", 1, "geometry.bias - geometry.weights]", "every pack writes the first bias"),
    ("dense_backward_weights", S, "dense/backward_weights", "partials[geometry.partials + pack * geometry.inputs", 1, "partials[pack * geometry.inputs", "every layer writes where the first does"),
    ("dense_backward_weights", G, "dense/backward_weights", "(geometry.inputs + TILE_INPUTS - 1u) / TILE_INPUTS", 1, "max(geometry.inputs / TILE_INPUTS, 1u)", "the last inputs are skipped"),

    ("softmax_cross_entropy", G, "softmax_cross_entropy", "value > largest", 1, "value >= largest", "a tie goes to the last class"),
    ("softmax_cross_entropy", S, "softmax_cross_entropy", "exponentials += exp(logits[first + c * LANES] - largest)", 1, "exponentials += exp(logits[first + c * LANES])", "the exponential overflows"),
    ("softmax_cross_entropy", G, "softmax_cross_entropy", "target_of(c, s.labels)) * scale", 1, "target_of(c, s.labels))", "the sum's gradient, not the mean's"),
    ("softmax_cross_entropy", S, "softmax_cross_entropy", "1.0 - step.label_smoothing + elsewhere", 1, "1.0 - step.label_smoothing", "smoothing leaves the label out"),
    ("softmax_cross_entropy", G, "softmax_cross_entropy", "let sample = step.start + (", 1, "let sample = (", "the start is ignored"),
    ("softmax_cross_entropy", S, "softmax_cross_entropy", "(block * LANES + lane) * PER_LANE + n", 1, "block * LANES + lane + n", "samples of a lane overlap"),
    ("softmax_cross_entropy", G, "softmax_cross_entropy", "if place_of(labels, n) != MASKED { predictions", 1, "if true { predictions", "missing samples are predicted"),
    ("softmax_cross_entropy", S, "softmax_cross_entropy", "select(Samples(), Samples(geometry.scale / f32(step.count)), s.labels != Places(MASKED))", 1, "Samples(geometry.scale / f32(step.count))", "missing samples have a gradient"),
    ("softmax_cross_entropy", G, "softmax_cross_entropy", "step.label_smoothing / f32(geometry.classes)", 1, "step.weight_decay / f32(geometry.classes)", "the wrong field of the step"),
    ("softmax_cross_entropy", S, "softmax_cross_entropy", "- s.largest - s.log_total", 1, "- s.log_total", "the exponential overflows"),
    ("softmax_cross_entropy", G, "softmax_cross_entropy", "exp(logits[s.first + c * LANES]", 1, "exp(logits[s.first]", "the probability of another class"),
    ("softmax_cross_entropy", S, "softmax_cross_entropy", "targets[(step.row * geometry.blocks + block)", 1, "targets[(block)", "the row of the step is ignored"),
    ("softmax_cross_entropy", G, "softmax_cross_entropy", "other < LANES; other++", 1, "other < LANES - 1u; other++", "the last lane's score is left out"),
    ("softmax_cross_entropy", S, "softmax_cross_entropy", "var other = 0u; other", 1, "var other = 1u; other", "the first lane's score is left out"),
    ("softmax_cross_entropy", G, "softmax_cross_entropy", "scores[lane] = vec4f", 1, "scores[lane / 4u] = vec4f", "scores overlap in workgroup memory"),
    ("softmax_cross_entropy", G, "softmax_cross_entropy", "largest = max(largest, Samples(geometry.rubbish));", 1, "", "the exponential of the rubbish overflows"),
    ("softmax_cross_entropy", S, "softmax_cross_entropy", "exponentials = exp(Samples(geometry.rubbish) - largest);", 1, "", "the rubbish has no share"),
    ("softmax_cross_entropy", G, "softmax_cross_entropy", "loss * geometry.scale", 1, "loss", "the loss is not scaled"),
    ("softmax_cross_entropy", S, "softmax_cross_entropy", "geometry.scale / f32(step.count)", 1, "1.0 / f32(step.count)", "the gradient is not scaled"),
    ("softmax_cross_entropy", G, "softmax_cross_entropy", "select(logits[first + c * LANES], log_p, RIVALS == 1u)", 1, "log_p", "the loss has rivals"),
    ("softmax_cross_entropy", S, "softmax_cross_entropy", "select(Samples(), p, RIVALS == 1u)", 1, "p", "the gradient has rivals"),

    ("softmax_cross_entropy_evaluate", G, "softmax_cross_entropy", "value > largest", 1, "value >= largest", "a tie goes to the last class"),
    ("softmax_cross_entropy_evaluate", S, "softmax_cross_entropy", "exponentials += exp(logits[first + c * LANES] - largest)", 1, "exponentials += exp(logits[first + c * LANES])", "the exponential overflows"),
    ("softmax_cross_entropy_evaluate", G, "softmax_cross_entropy", "let first = block * geometry.classes * LANES + lane;", 1, "let first = block * LANES + lane;", "blocks overlap"),
    ("softmax_cross_entropy_evaluate", S, "softmax_cross_entropy", "let present = labels != Places(MASKED);", 1, "let present = labels == labels;", "missing samples count"),
    ("softmax_cross_entropy_evaluate", G, "softmax_cross_entropy", "loss -= target_of(c, labels) * select", 1, "loss -= select", "the loss of every class"),
    ("softmax_cross_entropy_evaluate", S, "softmax_cross_entropy", "= exp(log_p)", 1, "= log_p", "a probability's logarithm"),
    ("softmax_cross_entropy_evaluate", G, "softmax_cross_entropy", "metrics[step.row * geometry.blocks + block]", 1, "metrics[block]", "the row of the step is ignored"),
    ("softmax_cross_entropy_evaluate", S, "softmax_cross_entropy", "metrics[step.row * geometry.blocks + block]", 1, "metrics[step.row + block]", "the rows of steps overlap"),
    ("softmax_cross_entropy_evaluate", G, "softmax_cross_entropy", "total(correct), total(ones), 0.0", 1, "total(ones), total(correct), 0.0", "hits and count swapped"),
    ("softmax_cross_entropy_evaluate", S, "softmax_cross_entropy", "sum += scores[other];", 1, "sum = scores[other];", "only the last lane counts"),
    ("softmax_cross_entropy_evaluate", G, "softmax_cross_entropy", "select(Samples(), ones, predicted == labels)", 1, "select(ones, Samples(), predicted == labels)", "misses for hits"),

    ("subsample_forward", S, "pool/window", "sum += x[", 1, "sum = x[", "only the last counts"),
    ("subsample_forward", G, "pool/subsample", "sum_of_window(output.x) + bias", 1, "sum_of_window(output.x)", "a bias missing"),
    ("subsample_forward", S, "pool/window", "item / map, (block", 1, "item / g.out_width, (block", "a row's coefficient, not a channel's"),
    ("subsample_forward", G, "pool/subsample", "parameters[geometry.bias * 4u + output.channel]", 1, "parameters[geometry.bias * 4u]", "every channel has the first bias"),
    ("subsample_forward", S, "pool/window", "item / geometry.out_width * SIZE * geometry.out_width", 1, "item / geometry.out_width * geometry.out_width", "rows overlap"),
    ("subsample_forward", G, "pool/subsample", "geometry.weights * 4u", 2, "geometry.weights", "the coefficients' place in another unit"),

    ("subsample_backward_input", S, "pool/subsample", "dy[output.y] * parameters[geometry.weights * 4u + output.channel]", 1, "dy[output.y]", "the coefficient missing"),
    ("subsample_backward_input", G, "pool/subsample", "gradient * derivative(x[at], geometry.floor)", 1, "gradient", "a derivative missing"),
    ("subsample_backward_input", S, "pool/subsample", "derivative(x[at], geometry.floor)", 1, "derivative(x[output.x], geometry.floor)", "the derivative of another value"),
    ("subsample_backward_input", G, "pool/window", "i * geometry.out_width * SIZE + j", 1, "i * geometry.out_width + j", "rows of a window overlap"),
    ("subsample_backward_input", S, "pool/window", "item / geometry.out_width * SIZE", 1, "item / geometry.out_height * SIZE", "height for width"),

    ("subsample_backward_weights", G, "pool/subsample", "min((group.y + 1u) * g.rows_per_slot, g.blocks * g.out_height)", 1, "((group.y + 1u) * g.rows_per_slot)", "rows past the last slot"),
    ("subsample_backward_weights", S, "pool/subsample", "g.blocks * g.out_height)", 1, "g.blocks * g.out_height - 1u)", "the last row is dropped"),
    ("subsample_backward_weights", G, "pool/subsample", "t < last; t += ITEMS", 1, "t < last; t += 2u * ITEMS", "every second turn is left out"),
    ("subsample_backward_weights", S, "pool/subsample", "g.out_width + me / LANES;", 1, "g.out_width;", "every item is the first"),
    ("subsample_backward_weights", G, "pool/subsample", "var other = 1u; other < LANES * ITEMS", 1, "var other = 2u; other < LANES * ITEMS", "a thread's sum is left out"),
    ("subsample_backward_weights", S, "pool/subsample", "other < LANES * ITEMS;", 1, "other < LANES * ITEMS - 1u;", "the last thread's sum is left out"),
    ("subsample_backward_weights", G, "pool/subsample", "shared_sums[me] = sums;", 1, "shared_sums[me / 2u] = sums;", "threads overlap in workgroup memory"),
    ("subsample_backward_weights", S, "pool/subsample", "select(vec2f(), sums, group.x < g.channels)", 1, "sums", "channels that only pad get a gradient"),
    ("subsample_backward_weights", G, "pool/subsample", "output_at(t / map,", 1, "output_at(0u,", "only the first block"),
    ("subsample_backward_weights", S, "pool/subsample", "(g.bias - g.weights) * 4u + group.x", 1, "(g.bias - g.weights) * 4u", "every channel writes the first bias"),
    ("subsample_backward_weights", G, "pool/subsample", "g.partials + group.y * g.partials_stride", 1, "g.partials", "slots overlap"),
    ("subsample_backward_weights", S, "pool/subsample", "min(group.x, g.channels - 1u) * map", 1, "0u", "every channel is the first"),

    ("rbf_forward", G, "rbf", "sum -= difference * difference", 1, "sum += difference * difference", "distances, not minus them"),
    ("rbf_forward", S, "rbf", "x[first + i * LANES] - code(c, i)", 1, "x[first + i * LANES] - code(0u, i)", "every class has the first code"),
    ("rbf_forward", G, "rbf", "if c >= geometry.classes", 1, "if c + 1u >= geometry.classes", "the last class is left out"),
    ("rbf_forward", S, "rbf", "+ c % 4u]", 1, "+ c % 2u]", "the codes of a pack overlap"),
    ("rbf_forward", G, "rbf", "(group.z * geometry.classes + c)", 1, "(group.z + c)", "blocks overlap"),
    ("rbf_forward", S, "rbf", "geometry.weights + c / 4u", 1, "c / 4u", "the place of the codes is ignored"),
    ("rbf_forward", G, "rbf", "i < geometry.inputs; i++", 1, "i + 1u < geometry.inputs; i++", "the last input is left out"),

    ("rbf_backward_input", G, "rbf", "sum -= 2.0 *", 1, "sum += 2.0 *", "away from the code"),
    ("rbf_backward_input", S, "rbf", "sum -= 2.0 *", 1, "sum -=", "half the gradient"),
    ("rbf_backward_input", G, "rbf", "dy[first + c * LANES]", 1, "dy[first]", "every class has the first gradient"),
    ("rbf_backward_input", S, "rbf", "sum * derivative(x[at], geometry.floor)", 1, "sum", "a derivative missing"),
    ("rbf_backward_input", G, "rbf", "if i >= geometry.inputs", 1, "if i + 1u >= geometry.inputs", "the last input is left out"),
    ("rbf_backward_input", S, "rbf", "let first = group.z * geometry.classes * LANES", 1, "let first = group.z * LANES", "blocks overlap"),
    ("rbf_backward_input", G, "rbf", "c < geometry.classes; c++", 1, "c + 1u < geometry.classes; c++", "the last class is left out"),
    ("rbf_backward_input", S, "rbf", "(x[at] - code(c, i))", 1, "(x[at] + code(c, i))", "a sign"),

    ("dense_forward", S, "activation/rectified", "a < Samples(floor)", 1, "a < Samples()", "no activation is a ReLU"),
    ("conv2d_forward", G, "activation/rectified", "a < Samples(floor)", 1, "a < Samples()", "no activation is a ReLU"),
    ("dense_backward_input", G, "activation/rectified", "y <= Samples(floor)", 1, "y < Samples(floor)", "the derivative of ReLU at 0 is 1"),
    ("conv2d_backward_input", S, "activation/rectified", "y <= Samples(floor)", 1, "y < Samples(floor)", "the derivative of ReLU at 0 is 1"),
    ("dense_forward", G, "activation/tanh", "return safe_tanh(a)", 1, "return safe_tanh(a * 1.001)", "tanh too steep"),
    ("conv2d_backward_input", G, "activation/tanh", "1.0 - y * y", 1, "1.0 - y", "the derivative of tanh without its square"),
    ("conv2d_forward", S, "activation/scaled_tanh", "1.7159 * safe_tanh", 1, "1.7 * safe_tanh", "another amplitude"),
    ("average_pool_backward", G, "activation/scaled_tanh", "y * y * (1.0 / 1.7159)", 1, "y * y", "the amplitude missing in the derivative"),
    ("conv2d_forward", G, "activation/sigmoid", "exp(-clamp(a", 1, "exp(clamp(a", "the sigmoid mirrored"),
    ("max_pool_backward", S, "activation/sigmoid", "y * (1.0 - y)", 1, "y * (1.0 + y)", "a sign in the derivative"),
    ("dense_forward", S, "activation/safe_tanh", "clamp(a, Samples(-10.0), Samples(10.0))", 1, "clamp(a, Samples(-2.0), Samples(2.0))", "tanh clamped where it still rises"),

    ("sum_gradients", G, "sums", "slot + a < layer.z", 1, "slot + a <= layer.z", "the last slot counts twice"),
    ("sum_gradients", S, "sums", "slot < layer.z;", 1, "slot + 1u < layer.z;", "the last slot is dropped"),
    ("sum_gradients", G, "sums", "slot += AHEAD", 1, "slot += 1u", "slots are counted several times"),
    ("sum_gradients", S, "sums", ".x <= at", 1, ".x < at", "a layer's first parameters are its neighbour's"),
    ("sum_gradients", G, "sums", "layer.z - 1u) * layer.y", 1, "layer.z - 1u)", "slots overlap"),
    ("sum_gradients", S, "sums", "i < LAYERS; i++", 1, "i < LAYERS - 1u; i++", "the last layer is forgotten"),
    ("sum_gradients", G, "sums", "sum += select", 1, "sum = select", "only the last slot counts"),
    ("sum_gradients", S, "sums", "layer.w + at - layer.x", 1, "layer.w + at", "a layer's first parameter is ignored"),
    ("sum_gradients", G, "sums", "if id.x < arrayLength(&new_gradients)", 1, "if id.x + 1u < arrayLength(&new_gradients)", "the last parameters have no gradient"),
    ("sum_gradients", G, "mask/none", "return change;", 1, "return vec4f();", "nothing is trained"),
    ("sum_gradients", S, "mask/fixed", "mask[at] != vec4f()", 1, "mask[at] == vec4f()", "what is not trained is, and the rest is not"),
    ("sum_gradients", G, "mask/fixed", "mask[at]", 1, "mask[0]", "every mask is the first"),

    ("sgd", G, "optimizer", "step.momentum * momentum[at] + g;", 1, "step.beta2 * momentum[at] + g;", "the wrong field of the step"),
    ("sgd", S, "optimizer", "gradient + step.weight_decay * w", 1, "gradient", "no weight decay"),
    ("sgd", G, "optimizer", "g + step.momentum * m, NESTEROV", 1, "g + m, NESTEROV", "Nesterov without momentum"),
    ("sgd", S, "optimizer", "momentum[at] = m;", 2, "momentum[at] = g;", "the momentum is not kept"),
    ("sgd", G, "optimizer", "w - step.learning_rate * select", 1, "w + step.learning_rate * select", "uphill"),
    ("sgd", S, "optimizer", "if id.x < arrayLength(&parameters) { step_of_sgd", 1, "if id.x + 1u < arrayLength(&parameters) { step_of_sgd", "the last parameters stay"),
    ("sgd", G, "optimizer", "step_of_sgd(id.x, gradients[id.x])", 1, "step_of_sgd(id.x, gradients[0])", "every parameter has the first gradient"),
    ("sgd", G, "mask/fixed", "select(vec4f(), change, mask[at] != vec4f())", 1, "change", "everything is trained"),
    ("sgd", S, "optimizer", "trained(at, gradient + step.weight_decay * w)", 1, "trained(at, gradient) + step.weight_decay * w", "decay of what is not trained"),

    ("adam", S, "optimizer", "* step.correction1", 1, "", "no correction of the first moment"),
    ("adam", G, "optimizer", "(1.0 - step.beta2) * g * g", 1, "(1.0 - step.beta2) * g", "the gradient is not squared"),
    ("adam", S, "optimizer", "+ step.epsilon", 1, "", "no epsilon"),
    ("adam", G, "optimizer", "sqrt(v * step.correction2)", 1, "sqrt(v) * step.correction2", "the correction outside the root"),
    ("adam", S, "optimizer", "DECOUPLED == 1u", 2, "DECOUPLED == 0u", "Adam and AdamW swapped"),
    ("adam", G, "optimizer", "step.beta2 * variance[at]", 1, "step.momentum * variance[at]", "the wrong field of the step"),
    ("adam", S, "optimizer", "variance[at] = v;", 1, "variance[at] = m;", "a state swapped"),
    ("adam", G, "optimizer", "step.learning_rate * step.weight_decay * old", 1, "step.weight_decay * old", "a decay that ignores the learning rate"),
    ("adam", S, "mask/fixed", "select(vec4f(), change, mask[at] != vec4f())", 1, "change", "everything is trained"),
    ("adam", G, "optimizer", "old - trained(at, step.learning_rate * step.weight_decay * old)", 1, "old - step.learning_rate * step.weight_decay * old", "decay of what is not trained"),

    ("sum_sgd", G, "sums", "slot + a < layer.z", 1, "slot + a <= layer.z", "the last slot counts twice"),
    ("sum_sgd", S, "sums", "slot < layer.z;", 1, "slot + 1u < layer.z;", "the last slot is dropped"),
    ("sum_sgd", G, "optimizer/fused", "new_gradients[id.x] = gradient;", 2, "", "the gradients are not kept"),
    ("sum_sgd", S, "optimizer/fused", "if id.x >= arrayLength(&parameters)", 2, "if id.x + 1u >= arrayLength(&parameters)", "the last parameters stay"),
    ("sum_sgd", G, "optimizer/fused", "step_of_sgd(id.x, gradient)", 1, "step_of_sgd(id.x, partials[id.x])", "a step with the first slot"),
    ("sum_sgd", S, "optimizer", "gradient + step.weight_decay * w", 1, "gradient", "no weight decay"),
    ("sum_sgd", G, "mask/fixed", "mask[at] != vec4f()", 1, "mask[at] == vec4f()", "what is not trained is, and the rest is not"),
    ("sum_sgd", S, "sums", "return trained(at, sum);", 1, "return sum;", "gradients of what is not trained"),

    ("sum_adam", S, "optimizer", "(1.0 - step.beta2) * g * g", 1, "(1.0 - step.beta2) * g", "the second moment is the first"),
    ("sum_adam", G, "optimizer/fused", "new_gradients[id.x] = gradient;", 2, "new_gradients[id.x] = -gradient;", "the gradients are kept with the wrong sign"),
    ("sum_adam", S, "optimizer/fused", "if id.x >= arrayLength(&parameters)", 2, "if id.x + 1u >= arrayLength(&parameters)", "the last parameters stay"),
    ("sum_adam", S, "optimizer", "variance[at] = v;", 1, "variance[at] = m;", "a state swapped"),
    ("sum_adam", G, "optimizer", "DECOUPLED == 1u", 2, "DECOUPLED == 0u", "Adam and AdamW swapped"),
    ("sum_adam", G, "mask/fixed", "select(vec4f(), change, mask[at] != vec4f())", 1, "change", "everything is trained"),
    ("sum_adam", S, "optimizer", "trained(at, select(gradient + step.weight_decay * old, gradient, DECOUPLED == 1u))", 1, "select(gradient + step.weight_decay * old, gradient, DECOUPLED == 1u)", "decay of what is not trained"),
];

fn shader(file: &str) -> String {
    std::fs::read_to_string(format!("{}/shaders/{file}.wgsl", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The adapter with the set `kernels`.
fn with(adapter: &Adapter, kernels: Kernels) -> Adapter {
    let mut adapter = adapter.clone();
    adapter.device.kernels = Some(kernels);
    adapter
}

/// `kernel` with `altered` for the text of its piece `file`.
fn planted(kernel: &Kernel, file: &str, altered: &str) -> lenet_gpu::Result<String> {
    let (whole, text) = (kernel.text(), shader(file));
    let has = kernel.pieces.iter().any(|piece| piece.file == file);
    assert!(!has || whole.contains(&text), "shaders/{file}.wgsl is newer than the program");
    unroll(&whole.replacen(&text, altered, 1)).map_err(|why| lenet_gpu::Error::input(why, ""))
}

/// The first of `cases` that turns red when `altered` stands for the text of the piece `file` of `entry`.
fn caught<'a>(adapter: &Adapter, cases: &'a [Case], entry: &str, file: &str, altered: &str) -> Option<&'a Case> {
    let sources = |k: &Kernel| if k.entry == entry { planted(k, file, altered) } else { k.source() };
    let filter = Filter { kernel: Some(entry.to_owned()), ..Filter::default() };
    let adapters = std::slice::from_ref(adapter);
    cases.iter().find(|case| {
        let has = |k: &Kernel| k.entry == entry && k.pieces.iter().any(|piece| piece.file == file);
        let Some(case) = reduced(adapter, case, has) else { return false };
        let outcome = check_kernels(adapters, &[case], 1, &filter, &sources, &mut |_| ());
        let kernels = outcome.adapters[0].as_ref().unwrap_or_else(|e| panic!("{entry}: {e}\n{altered}"));
        kernels.iter().any(|k| k.kernel == entry && k.verdict == Verdict::Fail)
    })
}

/// Without this, anything would count as caught.
fn passes_as_it_is(adapter: &Adapter, cases: &[Case]) {
    let adapters = std::slice::from_ref(adapter);
    let outcome = check_kernels(adapters, cases, 1, &Filter::default(), &Kernel::source, &mut |_| ());
    for kernel in outcome.adapters[0].as_ref().unwrap() {
        assert_eq!(kernel.verdict, Verdict::Pass, "as it is: {kernel:#?}");
    }
}

/// Every operator, small constant, field and component of a shader changed, one at a time: those that no case
/// catches are listed. Some of them change nothing (an index that is clamped, a thread too many), so this is
/// for people: `SWEEP=conv2d/forward cargo test --release --test mutants -- --ignored --nocapture`. `SWEEP_FROM` and
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
        let sources = |k: &Kernel| planted(k, &file, new);
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

/// The cases that faults are looked for in: first with one kind of input, those that cost least first, then with all.
fn ordered() -> Vec<Case> {
    let whole = cases(&[Model::preset("lenet5").unwrap()], &[1, 64], Effort::Normal).unwrap();
    let mut few: Vec<Case> = whole.iter().map(|case| Case { inputs: vec![Inputs::Unit], ..case.clone() }).collect();
    // Large kernels take long to compile.
    let large = |op: &Op| matches!(&op.kind, OpKind::Conv2d(_, conv) if conv.kernel > 7);
    few.sort_by_key(|case| (case.plan.ops.iter().any(large), case.plan.bytes()));
    [few, whole.into_iter().filter(|case| case.inputs != [Inputs::Unit]).collect()].concat()
}

#[test]
fn every_planted_fault_is_caught() {
    let adapter = adapter::adapter();
    for (_, _, file, find, times, ..) in MUTANTS {
        let found = shader(file).matches(find).count();
        assert_eq!(found, *times, "'{find}' in shaders/{file}.wgsl: has the shader changed?");
    }
    let cases = ordered();
    let next = AtomicUsize::new(0);
    let work = || {
        let (mut missed, mut used) = (Vec::new(), Vec::new());
        while let Some((entry, set, file, find, _, replace, what)) = MUTANTS.get(next.fetch_add(1, Ordering::Relaxed)) {
            // Only some software adapters bind weights as a window.
            if *file == "conv2d/weights_uniform" && !Tile::of(&adapter).uniform_weights {
                continue;
            }
            let begun = std::time::Instant::now();
            let case = caught(&with(&adapter, *set), &cases, entry, file, &shader(file).replace(find, replace));
            let shown = case.map_or("MISSED", |case| &case.name);
            let seconds = begun.elapsed().as_secs_f64();
            println!("{entry:<34}{:<10}{shown:<24}{seconds:<6.2}{what:<52}{find} -> {replace}", set.name());
            match case {
                Some(case) => used.push((*set, case)),
                None => missed.push(format!("{entry}, {}, {file}: {what}", set.name())),
            }
        }
        (missed, used)
    };
    let [(mut missed, mut used), (others, more)] = std::thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(work));
        threads.map(|thread| thread.join().unwrap())
    });
    missed.extend(others);
    used.extend(more);
    for set in [G, S] {
        let seen = |case: &&Case| used.iter().any(|(other, used)| *other == set && std::ptr::eq(*used, *case));
        passes_as_it_is(&with(&adapter, set), &cases.iter().filter(seen).cloned().collect::<Vec<_>>());
    }
    for (entry, _) in shaders::entry_points() {
        let count = MUTANTS.iter().filter(|m| m.0 == entry).count();
        assert!(count >= 5, "{entry} has {count} faults");
    }
    for (_, file) in shaders::files().into_iter().filter(|(_, file)| file != "ceilings") {
        assert!(MUTANTS.iter().any(|m| m.2 == file), "{file} has no fault");
    }
    assert!(missed.is_empty(), "{} of {} missed: {missed:#?}", missed.len(), MUTANTS.len());
}

/// `text`, whose entry point first fills all workgroup memory with NaN, or with an index that no class or place has.
fn poisoned(text: &str, entry: &str) -> String {
    let mut fill = String::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("var<workgroup> ")) {
        let (name, array) = line.split_once(": array<").unwrap();
        let (element, count) = array.split_once(">;").unwrap().0.split_once(", ").unwrap();
        let value = match element {
            "Places" => "Places(poison)",
            "vec2f" => "vec2f(bitcast<f32>(poison))",
            "vec4f" => "vec4f(bitcast<f32>(poison))",
            "mat4x4f" => "mat4x4f() * bitcast<f32>(poison)",
            other => panic!("workgroup memory of {other}"),
        };
        fill += &format!("for (var i = 0u; i < {count}; i++) {{ {name}[i] = {value}; }}\n");
    }
    let (before, after) = text.split_once(&format!("fn {entry}(")).unwrap();
    let (arguments, body) = after.split_once(") {").unwrap();
    format!("{before}fn {entry}({arguments}) {{\nvar poison = 0x7fc00000u;\n{fill}workgroupBarrier();\n{body}")
}

/// The program does not let a driver clear workgroup memory: a kernel that reads it before it writes it fails here.
#[test]
fn workgroup_memory_is_written_before_it_is_read() {
    let adapter = adapter::adapter();
    let cases = cases(&[Model::preset("lenet5").unwrap()], &[3], Effort::Quick).unwrap();
    let poison = |kernel: &Kernel| {
        unroll(&poisoned(&kernel.text(), kernel.entry)).map_err(|why| lenet_gpu::Error::input(why, ""))
    };
    for set in [G, S] {
        let adapters = [with(&adapter, set)];
        let shares = |kernel: &Kernel| kernel.text().contains("\nvar<workgroup> ");
        let cases: Vec<Case> = cases.iter().filter_map(|case| reduced(&adapters[0], case, shares)).collect();
        let outcome = check_kernels(&adapters, &cases, 1, &Filter::default(), &poison, &mut |_| ());
        for kernel in outcome.adapters[0].as_ref().unwrap() {
            assert_eq!(kernel.verdict, Verdict::Pass, "{}: {kernel:#?}", set.name());
        }
    }
}
