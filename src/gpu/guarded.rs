//! Buffers between guards, which no kernel may touch.

use super::device::Gpu;
use super::tile::WINDOW_BYTES;
use crate::error::Result;

/// Length of the guards before and after each buffer of a plan (bytes): the largest alignment that WebGPU lets an
/// adapter ask of a binding's offset.
pub(super) const GUARD_BYTES: u64 = 256;

/// A buffer of a plan between two guards.
pub(super) struct Guarded {
    pub handle: wgpu::Buffer,
    /// Bytes between the guards.
    pub bytes: u64,
}

impl Guarded {
    /// A zeroed buffer between guards. With `windows`, [`WINDOW_BYTES`] from any aligned word of it can be bound as a
    /// uniform buffer: it is longer by that, behind the second guard.
    pub fn new(gpu: &Gpu, name: &str, bytes: u64, windows: bool) -> Self {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let (usage, more) = if windows { (usage | wgpu::BufferUsages::UNIFORM, WINDOW_BYTES) } else { (usage, 0) };
        let buffer = Self { handle: gpu.buffer(name, bytes + 2 * GUARD_BYTES + more, usage), bytes };
        buffer.write_guards(gpu);
        buffer
    }

    pub fn write_guards(&self, gpu: &Gpu) {
        let guard = [GUARD_WORD; GUARD_BYTES as usize / 4];
        gpu.queue.write_buffer(&self.handle, 0, bytemuck::cast_slice(&guard));
        gpu.queue.write_buffer(&self.handle, self.end(), bytemuck::cast_slice(&guard));
    }

    /// Offset of the second guard (bytes).
    pub fn end(&self) -> u64 {
        GUARD_BYTES + self.bytes
    }
}

/// The word that fills guards: a NaN that arithmetic does not give.
pub(super) const GUARD_WORD: u32 = 0xffba_dbad;

/// The first broken guard around `buffers`: the index of the buffer, and the word, counted from the buffer's first and
/// so negative before it. `None` if all guards are whole. Restores the guards.
///
/// Errors: those of the device.
pub(super) async fn broken_guard(gpu: &Gpu, buffers: &[Guarded]) -> Result<Option<(usize, i64)>> {
    let staging = gpu.staging(2 * GUARD_BYTES * buffers.len() as u64);
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    for (index, buffer) in buffers.iter().enumerate() {
        let to = 2 * GUARD_BYTES * index as u64;
        encoder.copy_buffer_to_buffer(&buffer.handle, 0, &staging, to, GUARD_BYTES);
        encoder.copy_buffer_to_buffer(&buffer.handle, buffer.end(), &staging, to + GUARD_BYTES, GUARD_BYTES);
    }
    let words = gpu.map(staging, gpu.queue.submit([encoder.finish()])).await?;
    let guard = GUARD_BYTES as usize / 4;
    Ok(words.iter().position(|word| *word != GUARD_WORD).map(|broken| {
        buffers.iter().for_each(|buffer| buffer.write_guards(gpu));
        let (index, word) = (broken / (2 * guard), broken % (2 * guard));
        let inside = buffers[index].bytes as usize / 4;
        let word = if word < guard { word as i64 - guard as i64 } else { (inside + word - guard) as i64 };
        (index, word)
    }))
}
