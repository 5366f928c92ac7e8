//! The operations of a plan, ready to record: pipelines and bind groups.

use std::collections::HashMap;

use super::device::Gpu;
use super::guarded::{GUARD_BYTES, Guarded};
use super::kernels::{Kernel, Resource};
use super::tile::WINDOW_BYTES;
use crate::error::Result;
use crate::plan::{Plan, Step};

/// One operation, ready to record.
pub(super) struct Dispatch {
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    reads_step: bool,
    /// Whether it runs once per submission, for all its steps.
    pub once: bool,
    workgroups: [u32; 3],
}

impl Dispatch {
    /// Records the operation for the step whose row begins at `offset` bytes, or from there on for `steps`.
    pub fn record(&self, pass: &mut wgpu::ComputePass, offset: u32, steps: u32) {
        let [x, y, z] = self.workgroups;
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[offset][..usize::from(self.reads_step)]);
        pass.dispatch_workgroups(x, if self.once { y * steps } else { y }, z);
    }
}

/// Gives the WGSL of a kernel; `None` leaves the kernel out.
pub type Source<'a> = &'a dyn Fn(&Kernel) -> Result<Option<String>>;

/// Makes the dispatches of a plan: one pipeline per distinct source and entry point, one bind group per
/// operation.
pub(super) struct Dispatches<'a> {
    /// The opened adapter.
    pub gpu: &'a Gpu,
    /// The plan whose operations are prepared.
    pub plan: &'a Plan,
    /// The buffers of the plan.
    pub buffers: &'a [Guarded],
    /// The rows of the steps.
    pub steps: &'a wgpu::Buffer,
    /// Gives the WGSL of each kernel.
    pub source: Source<'a>,
    /// Pipelines made so far, by source and entry point.
    pub pipelines: HashMap<(String, &'static str), (wgpu::ComputePipeline, wgpu::BindGroupLayout)>,
}

impl Dispatches<'_> {
    /// The dispatches of `kernels`, one per operation of the plan, in order; `None` for one that is left out.
    ///
    /// Errors: those of the source.
    pub fn of(mut self, kernels: &[Kernel]) -> Result<Vec<Option<Dispatch>>> {
        let mut modules = HashMap::new();
        kernels.iter().enumerate().map(|(op, kernel)| self.dispatch(op, kernel, &mut modules)).collect()
    }

    fn dispatch(
        &mut self,
        op: usize,
        kernel: &Kernel,
        modules: &mut HashMap<String, wgpu::ShaderModule>,
    ) -> Result<Option<Dispatch>> {
        let device = &self.gpu.device;
        let Some(source) = (self.source)(kernel)? else { return Ok(None) };
        let key = (source.clone(), kernel.entry);
        let (pipeline, layout) = self
            .pipelines
            .entry(key)
            .or_insert_with(|| {
                let module = modules.entry(source.clone()).or_insert_with(|| {
                    device.create_shader_module(wgpu::ShaderModuleDescriptor {
                        label: Some(kernel.entry),
                        source: wgpu::ShaderSource::Wgsl(source.into()),
                    })
                });
                let layout = bind_group_layout(device, kernel);
                (pipeline(device, kernel, module, &layout), layout)
            })
            .clone();
        let reads_step = kernel.resources().iter().any(|(_, resource)| *resource == Resource::Step);
        let (once, workgroups) = (kernel.once, kernel.workgroups);
        Ok(Some(Dispatch { pipeline, bind_group: self.bind_group(op, kernel, &layout), reads_step, once, workgroups }))
    }

    fn bind_group(&self, op: usize, kernel: &Kernel, layout: &wgpu::BindGroupLayout) -> wgpu::BindGroup {
        let geometry = kernel.shared_geometry();
        let geometry = (!geometry.is_empty()).then(|| self.geometry(&geometry));
        // A driver confines accesses to the bound range. The guard is bound too: a kernel that overruns its buffer
        // writes into the guard or reads its NaN. A kernel that calls arrayLength must get the buffer's length.
        let asks_length = kernel.pieces.iter().any(|piece| {
            piece.text.contains("arrayLength(&new_gradients)") || piece.text.contains("arrayLength(&parameters)")
        });
        let guard_behind = if asks_length { 0 } else { GUARD_BYTES };
        let part = |buffer, offset, bytes| {
            wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset, size: wgpu::BufferSize::new(bytes) })
        };
        let resource = |resource| match resource {
            Resource::Buffer { index, .. } => {
                let buffer = &self.buffers[self.plan.ops[op].buffers[index].0];
                part(&buffer.handle, GUARD_BYTES, buffer.bytes + guard_behind)
            }
            Resource::Geometry => geometry.as_ref().expect("the kernel has a geometry").as_entire_binding(),
            Resource::Step => part(self.steps, 0, size_of::<Step>() as u64),
            Resource::Steps => self.steps.as_entire_binding(),
            Resource::Window => {
                let offset = GUARD_BYTES + 4 * kernel.window.unwrap_or(0) as u64;
                part(&self.buffers[self.plan.parameters.0].handle, offset, WINDOW_BYTES)
            }
        };
        let entries: Vec<_> = kernel
            .resources()
            .into_iter()
            .map(|(binding, what)| wgpu::BindGroupEntry { binding, resource: resource(what) })
            .collect();
        let label = Some(kernel.entry);
        self.gpu.device.create_bind_group(&wgpu::BindGroupDescriptor { label, layout, entries: &entries })
    }

    fn geometry(&self, words: &[u32]) -> wgpu::Buffer {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let geometry = self.gpu.buffer("geometry", 4 * words.len().next_multiple_of(4) as u64, usage);
        self.gpu.queue.write_buffer(&geometry, 0, bytemuck::cast_slice(words));
        geometry
    }
}

/// The pipeline of `kernel`, whose WGSL is `module`.
pub(super) fn pipeline(
    device: &wgpu::Device,
    kernel: &Kernel,
    module: &wgpu::ShaderModule,
    layout: &wgpu::BindGroupLayout,
) -> wgpu::ComputePipeline {
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(kernel.entry),
        layout: Some(&device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(kernel.entry),
            bind_group_layouts: &[Some(layout)],
            immediate_size: 0,
        })),
        module,
        entry_point: Some(kernel.entry),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: &[],
            zero_initialize_workgroup_memory: false,
        },
        cache: None,
    })
}

/// The layout of everything that `kernel` binds.
pub(super) fn bind_group_layout(device: &wgpu::Device, kernel: &Kernel) -> wgpu::BindGroupLayout {
    let storage = |read_only| wgpu::BufferBindingType::Storage { read_only };
    let entry = |(binding, resource): (u32, Resource)| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty: match resource {
                Resource::Buffer { writes, .. } => storage(!writes),
                Resource::Geometry | Resource::Step | Resource::Steps => storage(true),
                Resource::Window => wgpu::BufferBindingType::Uniform,
            },
            has_dynamic_offset: resource == Resource::Step,
            min_binding_size: None,
        },
        count: None,
    };
    let entries: Vec<_> = kernel.resources().into_iter().map(entry).collect();
    let label = Some(kernel.entry);
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries })
}
