//! A pipeline in the languages that drivers take, written by naga with the options that wgpu gives it.

use std::collections::BTreeMap;

use lenet_gpu::check::Pipeline;
use lenet_gpu::gpu::Resource;
use naga::back::{glsl, hlsl, msl, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{Module, ResourceBinding, ShaderStage};

/// The program of one pipeline for each backend.
pub struct Translated {
    /// Vulkan 1.1: SPIR-V 1.3.
    pub spirv: Vec<u32>,
    /// Metal, of the text as it is read: unrolled, it is too long to be read, and the same to a compiler.
    pub msl: String,
    /// DirectX 12, shader model 5.1: the input of FXC, which every Windows has, its loops not unrolled. The entry point
    /// keeps its name.
    pub hlsl: String,
    /// OpenGL ES 3.1.
    pub glsl: String,
}

/// The entry point of a pipeline and everything that it uses, with every optional feature of naga refused.
pub fn parse(pipeline: &Pipeline) -> (Module, ModuleInfo) {
    parse_text(pipeline, pipeline.kernel.source().unwrap_or_else(|e| panic!("{}: {e}", pipeline.name)))
}

fn parse_text(pipeline: &Pipeline, source: String) -> (Module, ModuleInfo) {
    let mut module = naga::front::wgsl::parse_str(&source)
        .unwrap_or_else(|e| panic!("{}: {}", pipeline.name, e.emit_to_string(&source)));
    module.entry_points.retain(|entry| entry.name == pipeline.kernel.entry);
    naga::compact::compact(&mut module, naga::compact::KeepUnused::No);
    let info = validate(&pipeline.name, &module);
    (module, info)
}

fn validate(name: &str, module: &Module) -> ModuleInfo {
    Validator::new(ValidationFlags::all(), Capabilities::empty())
        .validate(module)
        .unwrap_or_else(|e| panic!("{name}: {e:?}"))
}

/// Bindings of a pipeline with whether the shader may write them.
pub fn bindings(pipeline: &Pipeline) -> BTreeMap<u32, bool> {
    let writes = |resource| matches!(resource, Resource::Buffer { writes: true, .. });
    pipeline.kernel.resources().into_iter().map(|(binding, resource)| (binding, writes(resource))).collect()
}

/// `pipeline` in SPIR-V of `version`, with the checks that `policies` ask for.
pub fn spirv(pipeline: &Pipeline, version: (u8, u8), policies: BoundsCheckPolicies) -> Vec<u32> {
    let (module, info) = parse(pipeline);
    let binding = |binding: u32| {
        let target = spv::BindingInfo { descriptor_set: 0, binding, binding_array_size: None };
        (ResourceBinding { group: 0, binding }, target)
    };
    let options = spv::Options {
        lang_version: version,
        // The default depends on the profile.
        flags: spv::WriterFlags::empty(),
        fake_missing_bindings: false,
        binding_map: bindings(pipeline).into_keys().map(binding).collect(),
        bounds_check_policies: policies,
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        ..Default::default()
    };
    let entry_point = pipeline.kernel.entry.to_owned();
    let pipeline_options = spv::PipelineOptions { shader_stage: ShaderStage::Compute, entry_point };
    spv::write_vec(&module, &info, &options, Some(&pipeline_options))
        .unwrap_or_else(|e| panic!("{}, SPIR-V: {e}", pipeline.name))
}

/// Writes `pipeline` in every language. A binding keeps its number as its slot or register.
pub fn translate(pipeline: &Pipeline) -> Translated {
    let name = &pipeline.name;
    let entry = pipeline.kernel.entry.to_owned();
    let (module, info) = parse(pipeline);
    let stage = ShaderStage::Compute;
    let bindings = bindings(pipeline);
    let step = pipeline.kernel.resources().into_iter().find(|(_, resource)| *resource == Resource::Step);
    let resource = |binding| ResourceBinding { group: 0, binding };
    // The checks that wgpu asks for if the driver has none.
    let checked = BoundsCheckPolicies {
        index: BoundsCheckPolicy::Restrict,
        buffer: BoundsCheckPolicy::Restrict,
        image_load: BoundsCheckPolicy::Restrict,
        binding_array: BoundsCheckPolicy::Unchecked,
    };

    let spirv = spirv(pipeline, (1, 3), checked);

    let options = msl::Options {
        lang_version: (2, 3),
        per_entry_point_map: BTreeMap::from([(
            entry.clone(),
            msl::EntryPointResources {
                resources: bindings
                    .iter()
                    .map(|(b, mutable)| {
                        let target =
                            msl::BindTarget { buffer: Some(*b as u8), mutable: *mutable, ..Default::default() };
                        (resource(*b), target)
                    })
                    .collect(),
                immediates_buffer: None,
                // Behind all bindings.
                sizes_buffer: bindings.keys().max().map(|last| *last as u8 + 1),
            },
        )]),
        fake_missing_bindings: false,
        bounds_check_policies: checked,
        zero_initialize_workgroup_memory: false,
        ..Default::default()
    };
    let pipeline_options = msl::PipelineOptions { entry_point: Some((stage, entry.clone())), ..Default::default() };
    let (read, read_info) = parse_text(pipeline, pipeline.kernel.text());
    let (msl, _) = msl::write_string(&read, &read_info, &options, &pipeline_options)
        .unwrap_or_else(|e| panic!("{name}, MSL: {e}"));

    let options = hlsl::Options {
        shader_model: hlsl::ShaderModel::V5_1,
        fake_missing_bindings: false,
        binding_map: bindings
            .keys()
            .map(|b| {
                let target = hlsl::BindTarget {
                    register: *b,
                    dynamic_storage_buffer_offsets_index: (step.map(|(binding, _)| binding) == Some(*b)).then_some(0),
                    restrict_indexing: true,
                    ..Default::default()
                };
                (resource(*b), target)
            })
            .collect(),
        dynamic_storage_buffer_offsets_targets: BTreeMap::from([(
            0,
            hlsl::OffsetsBindTarget { space: 1, register: 0, size: 1 },
        )]),
        ..Default::default()
    };
    let pipeline_options = hlsl::PipelineOptions { entry_point: Some((stage, entry.clone())) };
    let mut hlsl = String::new();
    // On DirectX loops are left to the driver's compiler.
    let mut rolled = pipeline.clone();
    rolled.kernel.rolled = true;
    let (rolled, rolled_info) = parse(&rolled);
    hlsl::Writer::new(&mut hlsl, &options, &pipeline_options)
        .write(&rolled, &rolled_info, None)
        .unwrap_or_else(|e| panic!("{name}, HLSL: {e}"));

    let options = glsl::Options {
        version: glsl::Version::new_gles(310),
        binding_map: bindings.keys().map(|b| (resource(*b), *b as u8)).collect(),
        zero_initialize_workgroup_memory: false,
        ..Default::default()
    };
    let pipeline_options = glsl::PipelineOptions { shader_stage: stage, entry_point: entry, multiview: None };
    let mut glsl = String::new();
    // OpenGL bounds its buffers itself.
    glsl::Writer::new(&mut glsl, &module, &info, &options, &pipeline_options, BoundsCheckPolicies::default())
        .and_then(|mut writer| writer.write())
        .unwrap_or_else(|e| panic!("{name}, GLSL: {e}"));

    Translated { spirv, msl, hlsl, glsl }
}
