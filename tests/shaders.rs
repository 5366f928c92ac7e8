//! Every pipeline that the program can create, without a GPU: naga translates it for each backend, checkers
//! that are not naga accept the result, and the shader declares the bindings of the kernel table.
//!
//! MSL alone has snapshots, since no compiler here judges it: one per entry point and set of pieces, activations apart.
//! A changed shader or another naga shows there as a diff; after reading it,
//! `INSTA_UPDATE=always cargo test --release --test shaders` accepts it.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::{offset_of, size_of};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use lenet_gpu::check::{Pipeline, pipelines, shader_files};
use lenet_gpu::gpu::{Resource, WINDOW_BYTES};
use lenet_gpu::plan::{Kernels, Step};
use naga::{AddressSpace, Module, StorageAccess, TypeInner};
use rayon::prelude::*;

#[path = "common/shaders.rs"]
mod shaders;
#[path = "common/translate.rs"]
mod translate;

use translate::{Translated, bindings, parse, translate};

/// Every pipeline, and what naga makes of it: once for all tests.
static ALL: LazyLock<Vec<(Pipeline, Translated)>> = LazyLock::new(|| {
    let pipelines = pipelines().unwrap().into_par_iter();
    pipelines.map(|pipeline| (pipeline.clone(), translate(&pipeline))).collect()
});

fn all() -> impl Iterator<Item = &'static Pipeline> {
    ALL.iter().map(|(pipeline, _)| pipeline)
}

#[test]
fn every_entry_point_has_a_pipeline_that_other_compilers_judge() {
    let declared: BTreeSet<String> = shaders::entry_points().into_iter().map(|(entry, _)| entry).collect();
    let listed: BTreeSet<String> = all().map(|p| p.kernel.entry.to_owned()).collect();
    let missing: Vec<_> = declared.difference(&listed).collect();
    assert!(missing.is_empty(), "no model of src/check/models.rs reaches {missing:?}");
}

#[test]
fn every_pipeline_translates_for_every_backend() {
    for (pipeline, translated) in ALL.iter() {
        assert!(translated.hlsl.contains(pipeline.kernel.entry), "{}", pipeline.name);
        assert!(translated.msl.contains("kernel void"), "{}", pipeline.name);
    }
}

#[test]
fn msl_is_as_in_the_snapshots() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _guard = settings.bind_to_scope();
    // Of pipelines that differ in sizes alone, the first by name: the order of models does not matter.
    let mut chosen: BTreeMap<String, &(Pipeline, Translated)> = BTreeMap::new();
    // Metal has no software adapter.
    for both in ALL.iter().filter(|(pipeline, _)| pipeline.sets.contains(&Kernels::Gpu)) {
        let (pipeline, _) = both;
        // The pieces of which a kernel takes one.
        let choices = ["conv2d/inputs_", "conv2d/max_pooled", "conv2d/unpooled", "input/gathered", "mask/fixed"];
        let pieces = pipeline.kernel.pieces.iter().filter(|piece| choices.iter().any(|c| piece.file.starts_with(c)));
        let pieces = pieces.map(|piece| format!("-{}", piece.file.split_once('/').map_or("", |(_, name)| name)));
        let name = format!("{}{}.msl", pipeline.kernel.entry, pieces.collect::<String>());
        if chosen.get(&name).is_none_or(|other| pipeline.name < other.0.name) {
            chosen.insert(name, both);
        }
    }
    for (name, (_, translated)) in &chosen {
        insta::assert_snapshot!(name.as_str(), translated.msl);
    }
    let files: BTreeSet<String> = chosen.keys().map(|name| format!("{name}.snap")).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").read_dir().unwrap();
    let there = folder.map(|f| f.unwrap().file_name().into_string().unwrap()).filter(|f| f.ends_with(".msl.snap"));
    let stale: Vec<_> = there.filter(|file| !files.contains(file)).collect();
    assert!(stale.is_empty(), "delete the snapshots that no entry point has: {stale:?}");
}

/// Runs `tool` on a file with `contents`. Returns its output if it refuses them.
fn refusal(tool: &str, arguments: &[&str], contents: &[u8]) -> Option<String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), contents).unwrap();
    let output = Command::new(tool).args(arguments).arg(file.path()).output().unwrap_or_else(|e| {
        panic!(
            "{tool} does not run ({e}). `scripts/test` installs it on Debian and Ubuntu: \
             apt-get install spirv-tools glslang-tools; on macOS: brew install spirv-tools glslang; \
             elsewhere it comes with the Vulkan SDK"
        )
    });
    let text = [output.stdout, output.stderr].concat();
    (!output.status.success()).then(|| String::from_utf8_lossy(&text).into_owned())
}

fn refused_spirv(words: &[u32]) -> Option<String> {
    refusal("spirv-val", &["--target-env", "vulkan1.1"], bytemuck::cast_slice(words))
}

fn refused_glsl(text: &str) -> Option<String> {
    refusal("glslangValidator", &["-S", "comp"], text.as_bytes())
}

#[test]
fn spirv_val_accepts_every_pipeline() {
    ALL.par_iter().for_each(|(pipeline, translated)| {
        assert_eq!(refused_spirv(&translated.spirv), None, "{}", pipeline.name);
    });
}

#[test]
fn glslang_accepts_every_pipeline() {
    ALL.par_iter().for_each(|(pipeline, translated)| {
        assert_eq!(refused_glsl(&translated.glsl), None, "{}", pipeline.name);
    });
}

#[test]
fn the_checkers_refuse_what_is_wrong() {
    let (_, translated) = &ALL[0];
    // A binding that is not decorated, and a type that does not fit.
    let mut undecorated = translated.spirv.clone();
    let decorate_binding = |w: &[u32]| w[0] == (4 << 16 | 71) && w[2] == 33;
    let at = undecorated.windows(4).position(decorate_binding).unwrap();
    undecorated.drain(at..at + 4);
    assert!(refused_spirv(&undecorated).is_some());
    assert!(refused_glsl(&translated.glsl.replacen("uint", "vec2", 1)).is_some());
}

/// Type of the global variable at `binding`, with its access.
fn globals(module: &Module) -> BTreeMap<u32, (StorageAccess, &naga::Type)> {
    let mut found = BTreeMap::new();
    for (_, variable) in module.global_variables.iter() {
        let Some(binding) = &variable.binding else { continue };
        assert_eq!(binding.group, 0);
        let access = match variable.space {
            AddressSpace::Storage { access } => access,
            AddressSpace::Uniform => StorageAccess::LOAD,
            space => panic!("binding {} is a {space:?} buffer", binding.binding),
        };
        found.insert(binding.binding, (access, &module.types[variable.ty]));
    }
    found
}

/// Type of the variable that the pipeline binds as `resource`.
fn bound<'a>(pipeline: &Pipeline, module: &'a Module, resource: Resource) -> Option<&'a naga::Type> {
    let (binding, _) = pipeline.kernel.resources().into_iter().find(|(_, bound)| *bound == resource)?;
    globals(module).get(&binding).map(|(_, ty)| *ty)
}

#[test]
fn shaders_bind_what_the_kernel_table_binds() {
    for pipeline in all() {
        let (module, _) = parse(pipeline);
        let declared: BTreeMap<u32, bool> = globals(&module)
            .into_iter()
            .map(|(binding, (access, _))| (binding, access.contains(StorageAccess::STORE)))
            .collect();
        let mut bound = bindings(pipeline);
        // Kernels that measure an adapter bind both buffers whether they use them or not.
        if pipeline.kernel.pieces.iter().any(|piece| piece.file == "ceilings") {
            bound.retain(|binding, _| declared.contains_key(binding));
        }
        assert_eq!(declared, bound, "{}: binding -> whether it is written", pipeline.name);
    }
}

#[test]
fn geometry_has_the_fields_of_the_shaders_struct() {
    let mut judged = 0;
    for pipeline in all().filter(|pipeline| !pipeline.kernel.geometry.is_empty()) {
        let (module, _) = parse(pipeline);
        let of = |(_, ty): (_, &naga::Type)| match &ty.inner {
            TypeInner::Struct { members, .. } if ty.name.as_deref() == Some("Geometry") => Some(members.clone()),
            _ => None,
        };
        let members = module.types.iter().find_map(of).unwrap_or_else(|| panic!("{}: no Geometry", pipeline.name));
        let declared: Vec<_> = members.iter().map(|m| m.name.as_deref().unwrap_or_default()).collect();
        let given: Vec<_> = pipeline.kernel.geometry.iter().map(|(name, _)| *name).collect();
        assert_eq!(declared, given, "{}", pipeline.name);
        judged += 1;
    }
    assert!(judged > 20);
}

/// The unroller changes how a kernel runs, not what it is: each text is valid WGSL without it.
#[test]
fn every_text_is_valid_as_it_is_read() {
    for pipeline in all() {
        let text = pipeline.kernel.text();
        let module = naga::front::wgsl::parse_str(&text);
        module.unwrap_or_else(|e| panic!("{}: {}", pipeline.name, e.emit_to_string(&text)));
    }
}

#[test]
fn the_window_is_as_long_as_what_is_bound_and_as_any_device_allows() {
    let mut windows = 0;
    for pipeline in all() {
        let (module, _) = parse(pipeline);
        if let Some(ty) = bound(pipeline, &module, Resource::Window) {
            assert_eq!(u64::from(ty.inner.size(module.to_ctx())), WINDOW_BYTES, "{}", pipeline.name);
            windows += 1;
        }
    }
    assert!(windows > 0);
    assert!(WINDOW_BYTES <= wgpu::Limits::default().max_uniform_buffer_binding_size);
}

#[test]
fn the_step_has_the_fields_of_the_shaders_struct() {
    let fields = [
        ("start", offset_of!(Step, start)),
        ("count", offset_of!(Step, count)),
        ("row", offset_of!(Step, row)),
        ("learning_rate", offset_of!(Step, learning_rate)),
        ("momentum", offset_of!(Step, momentum)),
        ("beta2", offset_of!(Step, beta2)),
        ("epsilon", offset_of!(Step, epsilon)),
        ("weight_decay", offset_of!(Step, weight_decay)),
        ("label_smoothing", offset_of!(Step, label_smoothing)),
        ("correction1", offset_of!(Step, correction1)),
        ("correction2", offset_of!(Step, correction2)),
    ];
    for pipeline in all() {
        let (module, _) = parse(pipeline);
        if let Some(ty) = bound(pipeline, &module, Resource::Step) {
            let TypeInner::Struct { members, span } = &ty.inner else { panic!("{}: step is a struct", pipeline.name) };
            let declared: Vec<_> =
                members.iter().map(|m| (m.name.as_deref().unwrap_or_default(), m.offset as usize)).collect();
            assert_eq!(declared, fields[..members.len()], "{}", pipeline.name);
            assert!(*span as usize <= size_of::<Step>());
        }
    }
}

#[test]
fn every_pipeline_keeps_to_the_default_limits_of_webgpu() {
    let limits = wgpu::Limits::default();
    for pipeline in all() {
        let name = &pipeline.name;
        let (module, _) = parse(pipeline);
        let [x, y, z] = module.entry_points[0].workgroup_size;
        assert!(x <= limits.max_compute_workgroup_size_x, "{name}");
        assert!(y <= limits.max_compute_workgroup_size_y, "{name}");
        assert!(z <= limits.max_compute_workgroup_size_z, "{name}");
        assert!(x * y * z <= limits.max_compute_invocations_per_workgroup, "{name}");
        assert!(
            pipeline.kernel.storage_buffers() <= u64::from(limits.max_storage_buffers_per_shader_stage),
            "{name} binds {} storage buffers",
            pipeline.kernel.storage_buffers()
        );
        let shared: u32 = module
            .global_variables
            .iter()
            .filter(|(_, variable)| variable.space == AddressSpace::WorkGroup)
            .map(|(_, variable)| module.types[variable.ty].inner.size(module.to_ctx()))
            .sum();
        assert!(shared <= limits.max_compute_workgroup_storage_size, "{name}: {shared} bytes of workgroup memory");
    }
}

/// naga knows the reserved words of HLSL, but not the namespaces of DXC: a buffer called `dx` is refused there as
/// "redefinition of 'dx' as different kind of symbol".
#[test]
fn no_module_declares_a_namespace_of_dxc() {
    for pipeline in all() {
        let (module, _) = parse(pipeline);
        let names: Vec<_> = (module.global_variables.iter().map(|(_, v)| &v.name))
            .chain(module.constants.iter().map(|(_, c)| &c.name))
            .chain(module.types.iter().map(|(_, t)| &t.name))
            .chain(module.functions.iter().map(|(_, f)| &f.name))
            .flatten()
            .collect();
        for namespace in ["dx", "vk"] {
            assert!(!names.iter().any(|n| *n == namespace), "{}: {namespace}", pipeline.name);
        }
    }
}

/// naga's GLSL writer ignores both, so that a struct would lie differently on OpenGL.
#[test]
fn no_shader_sets_sizes_or_alignments() {
    for (path, _) in shaders::files() {
        let text = std::fs::read_to_string(&path).unwrap();
        for attribute in ["@size", "@align"] {
            assert!(!text.contains(attribute), "{}: {attribute}", path.display());
        }
    }
}

#[test]
fn every_shader_of_a_model_is_known_by_its_file() {
    let known: Vec<String> = shader_files().unwrap().into_keys().map(str::to_owned).collect();
    let files = shaders::files().into_iter().map(|(_, name)| name).filter(|name| name != "ceilings");
    let files: BTreeSet<String> = files.collect();
    assert_eq!(known, files.into_iter().collect::<Vec<_>>());
}
