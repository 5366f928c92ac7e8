//! A plan on an adapter: its buffers, its pipelines, and steps recorded into one pass.

use std::collections::{HashMap, VecDeque};

use super::Adapter;
use super::device::{Gpu, device_error};
use super::kernels::{GEOMETRY, Kernel, STEP, Variant, WINDOW, WINDOW_BYTES, check_layers, kernel};
use crate::error::{Error, Result};
use crate::plan::{BufferId, Clock, Device, MOST_STEPS, Metrics, Phase, Plan, Runner, Step};

/// Runs a plan on an adapter.
pub struct GpuRunner {
    description: Device,
    gpu: Gpu,
    buffers: Vec<Guarded>,
    metrics: BufferId,
    /// The rows of the steps of a submission, `step_stride` bytes apart.
    steps: wgpu::Buffer,
    step_stride: u32,
    train: usize,
    evaluate: usize,
    dispatches: Vec<Dispatch>,
    pending: VecDeque<Pending>,
}

/// One operation, ready to record.
struct Dispatch {
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    reads_step: bool,
    workgroups: [u32; 3],
}

impl Dispatch {
    /// Records the operation, reading the step's row at `offset` bytes.
    fn record(&self, pass: &mut wgpu::ComputePass, offset: u32) {
        let [x, y, z] = self.workgroups;
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[offset][..usize::from(self.reads_step)]);
        pass.dispatch_workgroups(x, y, z);
    }
}

/// A submission whose metrics have not been collected.
struct Pending {
    submission: wgpu::SubmissionIndex,
    staging: wgpu::Buffer,
    steps: usize,
}

impl GpuRunner {
    /// Opens `adapter` and prepares every buffer and pipeline of `plan`; the buffers are zero.
    ///
    /// Errors: limits that the plan exceeds (name, need, have), more layers with weights than
    /// [`super::most_layers`], an adapter that will not open, out of memory.
    pub fn new(adapter: &Adapter, plan: &Plan) -> Result<Self> {
        Self::with_sources(adapter, plan, &|kernel| kernel.source.to_owned())
    }

    /// [`GpuRunner::new`] with the WGSL that `source` gives for each kernel: how a test plants a fault.
    pub fn with_sources(adapter: &Adapter, plan: &Plan, source: &dyn Fn(&Kernel) -> String) -> Result<Self> {
        check_layers(plan)?;
        let kernels: Vec<Kernel> = {
            let variant = Variant::of(adapter);
            plan.ops.iter().map(|op| kernel(&op.kind, plan, variant)).collect()
        };
        let limits = limits(adapter, plan, &kernels)?;
        let gpu = Gpu::open(adapter, limits.clone())?;

        let memory = gpu.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let buffers = plan
            .buffers
            .iter()
            .map(|b| {
                let windows = b.name == plan.buffer(plan.parameters).name && kernels.iter().any(|k| k.window.is_some());
                Guarded::new(&gpu, &b.name, 4 * b.words as u64, windows)
            })
            .collect();
        let row = size_of::<Step>() as u32;
        let step_stride = row.next_multiple_of(limits.min_storage_buffer_offset_alignment);
        let table = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let steps = gpu.buffer("steps", u64::from(step_stride) * MOST_STEPS as u64, table);
        let mut runner = Self {
            description: adapter.device.clone(),
            gpu,
            buffers,
            metrics: plan.metrics,
            steps,
            step_stride,
            train: plan.ops.len(),
            evaluate: plan.evaluate_ops,
            dispatches: Vec::new(),
            pending: VecDeque::new(),
        };
        runner.dispatches = runner.prepare(plan, &kernels, source);
        if let Some(error) = pollster::block_on(memory.pop()) {
            let need = format!(" (the plan needs {} MiB)", plan.bytes().div_ceil(1 << 20));
            return Err(device_error(&error, &need));
        }
        runner.gpu.check()?;
        Ok(runner)
    }

    /// One pipeline for each distinct kernel and overrides, one bind group an operation.
    fn prepare(&self, plan: &Plan, kernels: &[Kernel], source: &dyn Fn(&Kernel) -> String) -> Vec<Dispatch> {
        let device = &self.gpu.device;
        let mut modules: HashMap<String, wgpu::ShaderModule> = HashMap::new();
        let mut pipelines: HashMap<_, (wgpu::ComputePipeline, wgpu::BindGroupLayout)> = HashMap::new();
        let table = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let mut dispatches = Vec::new();
        for (op, kernel) in plan.ops.iter().zip(kernels) {
            let source = source(kernel);
            let key = (source.clone(), kernel.entry, format!("{:?}", kernel.overrides));
            let module = modules.entry(source.clone()).or_insert_with(|| {
                device.create_shader_module(wgpu::ShaderModuleDescriptor {
                    label: Some(kernel.entry),
                    source: wgpu::ShaderSource::Wgsl(source.into()),
                })
            });
            let (pipeline, layout) = pipelines.entry(key).or_insert_with(|| {
                let layout = bind_group_layout(device, kernel, op.kind.reads());
                let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                    label: Some(kernel.entry),
                    layout: Some(&device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                        label: Some(kernel.entry),
                        bind_group_layouts: &[Some(&layout)],
                        immediate_size: 0,
                    })),
                    module,
                    entry_point: Some(kernel.entry),
                    compilation_options: wgpu::PipelineCompilationOptions {
                        constants: &kernel.overrides,
                        zero_initialize_workgroup_memory: false,
                    },
                    cache: None,
                });
                (pipeline, layout)
            });

            let geometry = (!kernel.geometry.is_empty()).then(|| {
                let bytes: &[u8] = bytemuck::cast_slice(&kernel.geometry);
                let geometry = self.gpu.buffer("geometry", bytes.len().next_multiple_of(16) as u64, table);
                self.gpu.queue.write_buffer(&geometry, 0, bytes);
                geometry
            });
            // A driver confines accesses to what is bound. With the guard bound too, a kernel that overruns a
            // buffer writes into it or reads its NaN; unless the kernel asks how long the buffer is.
            let guard_behind = if kernel.source.contains("arrayLength") { 0 } else { GUARD_BYTES };
            let mut entries: Vec<wgpu::BindGroupEntry> = op
                .buffers
                .iter()
                .zip(kernel.bindings)
                .map(|(id, binding)| wgpu::BindGroupEntry {
                    binding: *binding,
                    resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                        buffer: &self.buffers[id.0].handle,
                        offset: GUARD_BYTES,
                        size: wgpu::BufferSize::new(4 * plan.buffer(*id).words as u64 + guard_behind),
                    }),
                })
                .collect();
            entries.extend(
                geometry.iter().map(|g| wgpu::BindGroupEntry { binding: GEOMETRY, resource: g.as_entire_binding() }),
            );
            entries.extend(kernel.window.map(|first| wgpu::BindGroupEntry {
                binding: WINDOW,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: &self.buffers[plan.parameters.0].handle,
                    offset: GUARD_BYTES + 4 * first as u64,
                    size: wgpu::BufferSize::new(WINDOW_BYTES),
                }),
            }));
            if kernel.reads_step {
                entries.push(wgpu::BindGroupEntry {
                    binding: STEP,
                    resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                        buffer: &self.steps,
                        offset: 0,
                        size: wgpu::BufferSize::new(size_of::<Step>() as u64),
                    }),
                });
            }
            dispatches.push(Dispatch {
                pipeline: pipeline.clone(),
                bind_group: device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some(kernel.entry),
                    layout,
                    entries: &entries,
                }),
                reads_step: kernel.reads_step,
                workgroups: kernel.workgroups,
            });
        }
        dispatches
    }

    /// Where a guard around a buffer no longer holds its pattern: the buffer, and the word relative to its
    /// first, so that an underrun is negative. None if all is well. The guards are whole afterwards.
    ///
    /// What it proves: no kernel wrote up to 256 bytes past the end of a buffer. What is before a buffer, or
    /// behind one whose length a kernel asks for, is not bound, and most drivers confine accesses to what is:
    /// there, an overrun may show as a wrong value or not at all.
    pub fn broken_guard(&self) -> Result<Option<(BufferId, i64)>> {
        let staging = self.gpu.staging(2 * GUARD_BYTES * self.buffers.len() as u64);
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        for (place, buffer) in self.buffers.iter().enumerate() {
            let to = 2 * GUARD_BYTES * place as u64;
            encoder.copy_buffer_to_buffer(&buffer.handle, 0, &staging, to, GUARD_BYTES);
            encoder.copy_buffer_to_buffer(&buffer.handle, buffer.end(), &staging, to + GUARD_BYTES, GUARD_BYTES);
        }
        let words = self.gpu.map(&staging, self.gpu.queue.submit([encoder.finish()]))?;
        let guard = GUARD_BYTES as usize / 4;
        Ok(words.iter().position(|word| *word != GUARD_WORD).map(|broken| {
            self.buffers.iter().for_each(|buffer| buffer.write_guards(&self.gpu));
            let (place, word) = (broken / (2 * guard), broken % (2 * guard));
            let inside = self.buffers[place].bytes as usize / 4;
            let word = if word < guard { word as i64 - guard as i64 } else { (inside + word - guard) as i64 };
            (BufferId(place), word)
        }))
    }
}

/// Bytes before and after each buffer of a plan that no kernel may touch: as long as a binding's offset must
/// be a multiple of, at most, on any adapter.
const GUARD_BYTES: u64 = 256;

/// A buffer of a plan between two guards.
struct Guarded {
    handle: wgpu::Buffer,
    /// Bytes between the guards.
    bytes: u64,
}

impl Guarded {
    /// Zeros between guards. If `windows`, a part of [`WINDOW_BYTES`] from anywhere in it can be a uniform
    /// buffer: it is that much longer, behind the guard.
    fn new(gpu: &Gpu, name: &str, bytes: u64, windows: bool) -> Self {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let (usage, more) = if windows { (usage | wgpu::BufferUsages::UNIFORM, WINDOW_BYTES) } else { (usage, 0) };
        let buffer = Self { handle: gpu.buffer(name, bytes + 2 * GUARD_BYTES + more, usage), bytes };
        buffer.write_guards(gpu);
        buffer
    }

    fn write_guards(&self, gpu: &Gpu) {
        let guard = [GUARD_WORD; GUARD_BYTES as usize / 4];
        gpu.queue.write_buffer(&self.handle, 0, bytemuck::cast_slice(&guard));
        gpu.queue.write_buffer(&self.handle, self.end(), bytemuck::cast_slice(&guard));
    }

    /// Where the second guard begins.
    fn end(&self) -> u64 {
        GUARD_BYTES + self.bytes
    }
}

/// What guards hold: a NaN that no kernel would write.
const GUARD_WORD: u32 = 0xffba_dbad;

impl Runner for GpuRunner {
    fn device(&self) -> &Device {
        &self.description
    }

    fn write(&mut self, buffer: BufferId, first: usize, words: &[u32]) -> Result<()> {
        let offset = GUARD_BYTES + 4 * first as u64;
        let end = offset + 4 * words.len() as u64;
        if end > self.buffers[buffer.0].end() {
            return Err(Error::input(
                format!("{} words from word {first} on do not fit buffer {}", words.len(), buffer.0),
                "make the plan for at least as many samples as are written",
            ));
        }
        self.gpu.queue.write_buffer(&self.buffers[buffer.0].handle, offset, bytemuck::cast_slice(words));
        self.gpu.check()
    }

    fn read(&mut self, buffer: BufferId) -> Result<Vec<u32>> {
        let buffer = &self.buffers[buffer.0];
        self.gpu.read(&buffer.handle, GUARD_BYTES..buffer.end())
    }

    fn submit(&mut self, phase: Phase, steps: &[Step]) -> Result<()> {
        let mut rows = vec![0u8; steps.len() * self.step_stride as usize];
        for (row, step) in rows.chunks_exact_mut(self.step_stride as usize).zip(steps) {
            row[..size_of::<Step>()].copy_from_slice(bytemuck::bytes_of(step));
        }
        self.gpu.queue.write_buffer(&self.steps, 0, &rows);

        let dispatches = match phase {
            Phase::Train => &self.dispatches[..self.train],
            Phase::Evaluate => &self.dispatches[..self.evaluate],
        };
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            for index in 0..steps.len() as u32 {
                for dispatch in dispatches {
                    dispatch.record(&mut pass, index * self.step_stride);
                }
            }
        }
        let bytes = (steps.len() * size_of::<Metrics>()) as u64;
        let staging = self.gpu.staging(bytes);
        encoder.copy_buffer_to_buffer(&self.buffers[self.metrics.0].handle, GUARD_BYTES, &staging, 0, bytes);
        let submission = self.gpu.queue.submit([encoder.finish()]);
        self.pending.push_back(Pending { submission, staging, steps: steps.len() });
        self.gpu.check()
    }

    fn collect(&mut self) -> Result<Vec<Metrics>> {
        let Some(pending) = self.pending.pop_front() else {
            return Ok(Vec::new());
        };
        let words = self.gpu.map(&pending.staging, pending.submission)?;
        let metrics: Vec<Metrics> = bytemuck::pod_collect_to_vec(&words);
        debug_assert_eq!(metrics.len(), pending.steps);
        Ok(metrics)
    }

    fn run_op(&mut self, index: usize, step: &Step, times: usize) -> Result<(f64, Clock)> {
        self.gpu.queue.write_buffer(&self.steps, 0, bytemuck::bytes_of(step));
        self.gpu.time(|pass| (0..times).for_each(|_| self.dispatches[index].record(pass, 0)))
    }

    fn capacity(&self) -> usize {
        MOST_STEPS
    }
}

fn bind_group_layout(device: &wgpu::Device, kernel: &Kernel, reads: usize) -> wgpu::BindGroupLayout {
    let entry = |binding, ty, has_dynamic_offset| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset, min_binding_size: None },
        count: None,
    };
    let mut entries: Vec<_> = kernel
        .bindings
        .iter()
        .enumerate()
        .map(|(i, b)| entry(*b, wgpu::BufferBindingType::Storage { read_only: i < reads }, false))
        .collect();
    if !kernel.geometry.is_empty() {
        entries.push(entry(GEOMETRY, wgpu::BufferBindingType::Storage { read_only: true }, false));
    }
    if kernel.window.is_some() {
        entries.push(entry(WINDOW, wgpu::BufferBindingType::Uniform, false));
    }
    if kernel.reads_step {
        entries.push(entry(STEP, wgpu::BufferBindingType::Storage { read_only: true }, true));
    }
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(kernel.entry), entries: &entries })
}

/// WebGPU's default limits, raised only where a buffer of the plan needs more and the adapter has it.
fn limits(adapter: &Adapter, plan: &Plan, kernels: &[Kernel]) -> Result<wgpu::Limits> {
    let have = adapter.handle.limits();
    let mut limits = wgpu::Limits::default().or_worse_values_from(&have);
    let largest = plan.buffers.iter().map(|b| 4 * b.words as u64).max().unwrap_or(0);
    let allocated = largest + 2 * GUARD_BYTES + WINDOW_BYTES;
    let storage_buffers = kernels.iter().map(Kernel::storage_buffers).max().unwrap_or(0);
    let workgroups = kernels.iter().flat_map(|k| k.workgroups).max().unwrap_or(0);
    let needs = [
        ("max_storage_buffer_binding_size", largest + GUARD_BYTES, have.max_storage_buffer_binding_size),
        ("max_buffer_size", allocated, have.max_buffer_size),
        ("max_storage_buffers_per_shader_stage", storage_buffers, u64::from(have.max_storage_buffers_per_shader_stage)),
        ("max_compute_invocations_per_workgroup", 64, u64::from(have.max_compute_invocations_per_workgroup)),
        (
            "max_compute_workgroups_per_dimension",
            u64::from(workgroups),
            u64::from(have.max_compute_workgroups_per_dimension),
        ),
    ];
    for (name, need, have) in needs {
        if need > have {
            return Err(Error::input(
                format!("adapter {}: limit {name} is {have}, and this needs {need}", adapter.device.name),
                "use a smaller --batch or data set, another --adapter, or --backend cpu",
            ));
        }
    }
    limits.max_storage_buffer_binding_size = limits.max_storage_buffer_binding_size.max(largest + GUARD_BYTES);
    limits.max_buffer_size = limits.max_buffer_size.max(allocated);
    limits.max_compute_workgroups_per_dimension = limits.max_compute_workgroups_per_dimension.max(workgroups);
    Ok(limits)
}
