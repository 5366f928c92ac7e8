//! The tiles: how much of an operation a thread, and a workgroup, computes. One table for both sets of kernels.

use super::Adapter;
use crate::plan::{Blocks, Kernels};

/// Constants of a shader by name, written in front of its text.
pub type Constants = Vec<(&'static str, usize)>;

/// Most workgroups in one dimension: WebGPU's default limit.
pub const MOST_GROUPS: usize = 65_535;

/// Size of a window of the parameters, bound as a uniform buffer (bytes): the limit that every WebGPU adapter has.
pub const WINDOW_BYTES: u64 = 65_536;

/// Workgroup memory that a kernel may use (bytes). WebGPU's default limit is 16,384; a little less lets a unit of GCN,
/// which has four times that, hold enough subgroups (docs/occupancy.md).
const WORKGROUP_BYTES: usize = 15_360;

/// Threads that a software adapter runs together, in a vector register: a workgroup should be a multiple of it.
const VECTOR: usize = 8;

/// The tiles of a set of kernels.
///
/// A GPU wants many threads with few sums each, and the same weights in all threads of a workgroup. A CPU wants few
/// threads with many sums each, so that it uses every load several times (docs/kernels.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// The set.
    pub kernels: Kernels,
    /// Weights of convolutions from a uniform buffer. On llvmpipe a fifth less time for `conv2d_backward_input`;
    /// on SwiftShader a tenth more, and a third more for C1 forward (docs/performance.md). Not measured on a GPU,
    /// where reads of different weights by the threads of a subgroup may be serialised.
    pub uniform_weights: bool,
    /// Marked loops are left to the driver's compiler: DirectX's FXC needs a minute and more for one unrolled kernel.
    pub rolled: bool,
}

/// The tiles of a set for the blocks of a plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiles {
    pub kernels: Kernels,
    pub blocks: Blocks,
}

use Kernels::{Gpu, Software};

impl Tile {
    /// For `adapter`: the only place that asks for a name.
    pub fn of(adapter: &Adapter) -> Self {
        let room = adapter.handle.limits().max_uniform_buffer_binding_size >= WINDOW_BYTES;
        let uniform_weights = adapter.device.name.contains("llvmpipe") && room;
        let rolled = adapter.device.backend == "dx12";
        Self { kernels: adapter.device.kernels.unwrap_or(Gpu), uniform_weights, rolled }
    }
}

impl Tiles {
    /// Threads per block of samples, in kernels whose thread computes one sample (GPU) or four (software).
    pub fn lanes(self) -> usize {
        match self.kernels {
            Gpu => self.blocks.size,
            Software => self.blocks.quads(),
        }
    }

    /// Columns of a thread, a multiple of four.
    pub fn gather(self) -> Constants {
        match self.kernels {
            Gpu => vec![("TILE_COLUMNS", 4)],
            Software => vec![("TILE_COLUMNS", 64)],
        }
    }

    /// Kernels in which a thread computes one value: items per workgroup.
    pub fn per_value(self) -> Constants {
        vec![("ITEMS", 64 / self.lanes())]
    }

    /// Packs of channels and rows of taps of a thread, cells per workgroup.
    pub fn conv2d_forward(self, kernel: usize, cells: usize) -> Constants {
        match self.kernels {
            // All rows of taps at once, where a body of code that long fits an instruction cache.
            Gpu => vec![
                ("ITEMS", 64 / self.lanes()),
                ("TILE_PACKS", 1),
                ("TILE_ROWS", if kernel <= 5 { kernel } else { 1 }),
            ],
            Software => {
                // The fewest threads without a cell: such a thread costs what the others do.
                let least = VECTOR / self.lanes();
                let items = (4..=8).rev().map(|n| n * least).min_by_key(|items| cells.next_multiple_of(*items));
                let items = items.unwrap_or(least);
                vec![("ITEMS", items), ("TILE_PACKS", 2), ("TILE_ROWS", 1)]
            }
        }
    }

    /// Columns and channels of a thread, output channels per turn; strips and lines per workgroup.
    pub fn conv2d_backward_input(self, kernel: usize) -> Constants {
        let [strips, lines, columns, channels, outputs] = match self.kernels {
            // The weights of more outputs of a large kernel do not fit the scalar registers of GCN and RDNA.
            Gpu => [64 / self.lanes(), 1, 2, 3, if kernel <= 5 { 4 } else { 1 }],
            // 14 columns are a whole row of C3's input, 3 divides its 6 channels.
            Software => [1, 8, 14, 3, 1],
        };
        vec![
            ("ITEMS", strips * lines),
            ("TILE_STRIPS", strips),
            ("TILE_LINES", lines),
            ("TILE_COLUMNS", columns),
            ("TILE_CHANNELS", channels),
            ("TILE_OUTPUTS", outputs),
        ]
    }

    /// Rows of taps of a thread; items per workgroup, as many as its memory holds sums for, and slots, where a layer
    /// has fewer items than a vector. `planes` counts pairs of an input channel and a pack.
    pub fn conv2d_backward_weights(self, kernel: usize, planes: usize) -> Constants {
        let rows = match self.kernels {
            Gpu => 1,
            Software => (25 / kernel).clamp(1, kernel),
        };
        let bytes = self.lanes() * (rows * kernel + 1) * 16;
        let least = VECTOR / self.lanes().min(VECTOR);
        let [items, slots] = match self.kernels {
            Gpu => [kernel.min(WORKGROUP_BYTES / bytes).max(1), 1],
            Software => {
                let items = least.min((planes * kernel.div_ceil(rows)).next_power_of_two());
                [items, least / items]
            }
        };
        vec![("ITEMS", items), ("TILE_SLOTS", slots), ("TILE_ROWS", rows)]
    }

    /// Quads and packs of a thread, inputs per turn; tiles per workgroup, threads per tile.
    pub fn dense_forward(self) -> Constants {
        let [tiles, slices, quads, packs, ahead] = match self.kernels {
            Gpu => [8, 16, 1, 1, 5],
            Software => [8, 1, self.blocks.quads().min(4), 3, 1],
        };
        vec![("TILES", tiles), ("SLICES", slices), ("TILE_QUADS", quads), ("TILE_PACKS", packs), ("AHEAD", ahead)]
    }

    /// Quads and inputs of a thread, inputs stored per turn; tiles per workgroup, threads per tile.
    pub fn dense_backward_input(self) -> Constants {
        let [tiles, slices, quads, inputs, stored] = match self.kernels {
            Gpu => [8, 8, 1, 4, 4],
            Software => [8, 1, self.blocks.quads().min(4), 12, 1],
        };
        vec![("TILES", tiles), ("SLICES", slices), ("TILE_QUADS", quads), ("TILE_INPUTS", inputs), ("STORED", stored)]
    }

    /// Packs and inputs of a thread, inputs stored per turn; tiles per workgroup, threads per tile.
    pub fn dense_backward_weights(self) -> Constants {
        let [tiles, slices, packs, inputs, stored] = match self.kernels {
            Gpu => [8, 8, 1, 4, 4],
            Software => [8, 1, 3, 16, 1],
        };
        vec![("TILES", tiles), ("SLICES", slices), ("TILE_PACKS", packs), ("TILE_INPUTS", inputs), ("STORED", stored)]
    }

    /// Slots that are loaded together.
    pub fn sums(self) -> Constants {
        match self.kernels {
            Gpu => vec![("AHEAD", 4)],
            Software => vec![("AHEAD", 1)],
        }
    }
}
