//! The ceilings of an adapter: peak arithmetic, memory bandwidth, and the times of a dispatch, submission, read-back.

use web_time::Instant;

use super::Adapter;
use super::device::Gpu;
use super::dispatch::{bind_group_layout, pipeline};
use super::kernels::{Kernel, Piece};
use crate::error::Result;
use crate::plan::{Argument, Use, now};

/// Entry points of `shaders/ceilings.wgsl`.
const ENTRIES: [&str; 5] = ["multiply_add", "read_memory", "write_memory", "dependent", "independent"];

/// Size of the buffers that are read and written (bytes): larger than most caches, half of the 128 MiB that any
/// WebGPU adapter can bind.
const BYTES: u64 = 64 << 20;

/// One part in so many of a buffer is read repeatedly, to measure a cache: 64 MiB / 32 = 2 MiB.
const CACHED: u32 = 32;

/// Values of type vec4f that a thread reads or writes, `EACH` in the shader.
const EACH: u64 = 8;

/// Multiply-adds per thread and round of `multiply_add`: 32, of the four components of a vec4f.
const PER_ROUND: u64 = 4 * 32;

/// Dispatches in the pass that measures the time of one.
const DISPATCHES: usize = 1_000;

/// The kernels that measure an adapter.
pub fn ceiling_kernels() -> impl Iterator<Item = Kernel> {
    ENTRIES.into_iter().map(|entry| kernel(entry, 16))
}

/// The kernel of `entry`, with `rounds` rounds of its loop.
fn kernel(entry: &'static str, rounds: usize) -> Kernel {
    let text = include_str!("../../shaders/ceilings.wgsl");
    // Without the buffer that others write, wgpu waits for none of them.
    let sink = (entry != "independent").then_some(Argument { name: "sink", usage: Use::Write });
    Kernel {
        entry,
        pieces: vec![Piece { file: "ceilings", text: text.into() }],
        arguments: [Argument { name: "source", usage: Use::Read }].into_iter().chain(sink).collect(),
        constants: vec![("ROUNDS", rounds)],
        geometry: Vec::new(),
        shared: false,
        layers: Vec::new(),
        window: None,
        rolled: true,
        once: false,
        workgroups: [1, 1, 1],
    }
}

/// Samples of each figure of one adapter.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Ceilings {
    /// Peak arithmetic (GFLOP/s): multiply-adds in registers, two operations each.
    pub fma_gflops: Vec<f64>,
    /// Reading a storage buffer of 64 MiB (GB/s).
    pub read_gb_per_s: Vec<f64>,
    /// Reading 2 MiB of it repeatedly, from a cache if there is one (GB/s).
    pub cached_read_gb_per_s: Vec<f64>,
    /// Writing a storage buffer of 64 MiB (GB/s).
    pub write_gb_per_s: Vec<f64>,
    /// One dispatch of one workgroup that reads what the one before wrote, in a pass of 1,000 (s).
    pub dispatch_s: Vec<f64>,
    /// One dispatch of one workgroup that only reads, in a pass of 1,000 (s); empty in older files.
    #[serde(default)]
    pub independent_dispatch_s: Vec<f64>,
    /// Submitting one pass with one dispatch and waiting for it (s).
    pub submission_s: Vec<f64>,
    /// Reading 4 KiB back to the host (s).
    pub read_back_s: Vec<f64>,
}

/// Measures every figure of `adapter` `samples` times, after a warm-up.
///
/// Errors: those of the device.
pub fn measure(adapter: &Adapter, samples: usize) -> Result<Ceilings> {
    let limits = wgpu::Limits::default().or_worse_values_from(&adapter.handle.limits());
    let gpu = now(Gpu::open(adapter, limits))?;
    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
    let source = gpu.buffer("source", BYTES, usage);
    let sink = gpu.buffer("sink", BYTES, usage);
    // Factors that keep every chain finite and far from denormals.
    gpu.queue.write_buffer(&source, 0, bytemuck::cast_slice(&[0.999_f32, 0.999, 0.999, 0.999, 0.5, 0.5, 0.5, 0.5]));
    let kernel = |entry, rounds| Ceiling::new(&gpu, &kernel(entry, rounds), [&source, &sink]);

    // The rounds double until a dispatch takes 0.05 s: long enough to time on any adapter.
    let threads = 64 * 1024;
    let mut rounds = 16;
    while rounds < 1 << 20 {
        let trial = kernel("multiply_add", rounds);
        trial.seconds(&gpu, threads / 64, 1)?;
        if trial.seconds(&gpu, threads / 64, 1)? > 0.05 {
            break;
        }
        rounds *= 2;
    }
    let multiply_add = kernel("multiply_add", rounds);
    let (read, write) = (kernel("read_memory", 1), kernel("write_memory", 1));
    let (dependent, independent) = (kernel("dependent", 1), kernel("independent", 1));
    let copies = (BYTES / (16 * EACH * 64)) as u32;
    let small = gpu.buffer("small", 4096, usage);
    let flops = 2.0 * (PER_ROUND * rounds as u64 * u64::from(threads)) as f64;

    let mut ceilings = Ceilings {
        fma_gflops: Vec::new(),
        read_gb_per_s: Vec::new(),
        cached_read_gb_per_s: Vec::new(),
        write_gb_per_s: Vec::new(),
        dispatch_s: Vec::new(),
        independent_dispatch_s: Vec::new(),
        submission_s: Vec::new(),
        read_back_s: Vec::new(),
    };
    for sample in 0..=samples {
        let fma = flops / multiply_add.seconds(&gpu, threads / 64, 1)? / 1e9;
        // Each thread also writes one vec4f, 1 / EACH of the vec4f that it reads.
        let read_bytes = (BYTES + BYTES / EACH) as f64;
        let reading = read_bytes / read.seconds(&gpu, copies, 1)? / 1e9;
        let cached_reading = read_bytes / read.seconds(&gpu, copies / CACHED, CACHED as usize)? / 1e9;
        let writing = BYTES as f64 / write.seconds(&gpu, copies, 1)? / 1e9;
        let dispatch = dependent.seconds(&gpu, 1, DISPATCHES)? / DISPATCHES as f64;
        let independent_dispatch = independent.seconds(&gpu, 1, DISPATCHES)? / DISPATCHES as f64;
        let started = Instant::now();
        now(gpu.finish(dependent.commands(&gpu)))?;
        let submission = started.elapsed().as_secs_f64();
        let started = Instant::now();
        now(gpu.read(&small, 0..small.size()))?;
        let read_back = started.elapsed().as_secs_f64();
        if sample == 0 {
            continue;
        }
        ceilings.fma_gflops.push(fma);
        ceilings.read_gb_per_s.push(reading);
        ceilings.cached_read_gb_per_s.push(cached_reading);
        ceilings.write_gb_per_s.push(writing);
        ceilings.dispatch_s.push(dispatch);
        ceilings.independent_dispatch_s.push(independent_dispatch);
        ceilings.submission_s.push(submission);
        ceilings.read_back_s.push(read_back);
    }
    Ok(ceilings)
}

/// A kernel that measures a ceiling, ready to run.
struct Ceiling {
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
}

impl Ceiling {
    fn new(gpu: &Gpu, kernel: &Kernel, buffers: [&wgpu::Buffer; 2]) -> Self {
        let module = gpu.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(kernel.entry),
            source: wgpu::ShaderSource::Wgsl(kernel.text().into()),
        });
        let layout = bind_group_layout(&gpu.device, kernel);
        let entries: Vec<_> = kernel
            .resources()
            .into_iter()
            .zip(buffers)
            .map(|((binding, _), buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let descriptor = wgpu::BindGroupDescriptor { label: Some(kernel.entry), layout: &layout, entries: &entries };
        let bind_group = gpu.device.create_bind_group(&descriptor);
        Self { pipeline: pipeline(&gpu.device, kernel, &module, &layout), bind_group }
    }

    fn record(&self, pass: &mut wgpu::ComputePass, workgroups: u32, times: usize) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        (0..times).for_each(|_| pass.dispatch_workgroups(workgroups, 1, 1));
    }

    fn seconds(&self, gpu: &Gpu, workgroups: u32, times: usize) -> Result<f64> {
        Ok(now(gpu.time(|pass| self.record(pass, workgroups, times)))?.0)
    }

    fn commands(&self, gpu: &Gpu) -> wgpu::CommandBuffer {
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        self.record(&mut encoder.begin_compute_pass(&Default::default()), 1, 1);
        encoder.finish()
    }
}
