//! Writes every pipeline of the program into a folder, for compilers other than naga: `scripts/portability`
//! gives them to Tint, FXC and DXC, `scripts/occupancy` to a GPU's driver.
//!
//!     cargo run --release --example dump_shaders -- FOLDER
//!
//! A pipeline NAME becomes NAME.wgsl, NAME.spv, NAME.msl, NAME.hlsl and NAME.glsl;
//! `pipelines.json` lists each one's name, entry point and the set of kernels that has it. Prints a line for each: name
//! and entry point.
//!
//! `gpu/` has the pipelines of a GPU at batch 64, as wgpu gives them to a Vulkan 1.3 driver that bounds buffers itself
//! (`robustBufferAccess2`). `gpu.txt` has a line for each, parted by tabs: name, entry point, bindings, and the layers
//! that run it.

use std::path::{Path, PathBuf};

use lenet_gpu::check::{gpu_pipelines, pipelines};
use lenet_gpu::gpu::Resource;
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};

#[path = "../tests/common/translate.rs"]
mod translate;

/// The checks that wgpu 30 asks for if the driver bounds buffers itself.
const ROBUST: BoundsCheckPolicies = BoundsCheckPolicies {
    index: BoundsCheckPolicy::Restrict,
    buffer: BoundsCheckPolicy::Unchecked,
    image_load: BoundsCheckPolicy::Unchecked,
    binding_array: BoundsCheckPolicy::Unchecked,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: dump_shaders FOLDER")?);
    std::fs::create_dir_all(&folder)?;
    let mut list = Vec::new();
    for pipeline in pipelines()? {
        let translated = translate::translate(&pipeline);
        let file = |extension: &str| folder.join(format!("{}.{extension}", pipeline.name));
        std::fs::write(file("wgsl"), pipeline.kernel.source()?)?;
        std::fs::write(file("spv"), bytemuck::cast_slice::<u32, u8>(&translated.spirv))?;
        std::fs::write(file("msl"), translated.msl)?;
        std::fs::write(file("hlsl"), translated.hlsl)?;
        std::fs::write(file("glsl"), translated.glsl)?;
        let kernels = match pipeline.sets[..] {
            [set] => set.name(),
            _ => "both",
        };
        list.push(serde_json::json!({
            "name": pipeline.name,
            "entry": pipeline.kernel.entry,
            "kernels": kernels,
        }));
        println!("{} {}", pipeline.name, pipeline.kernel.entry);
    }
    std::fs::write(folder.join("pipelines.json"), serde_json::to_string_pretty(&list)?)?;
    dump_gpu(&folder)
}

fn dump_gpu(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all(folder.join("gpu"))?;
    let mut lines = String::new();
    for (pipeline, runs) in gpu_pipelines(64)? {
        let spirv = translate::spirv(&pipeline, (1, 6), ROBUST);
        let file = folder.join(format!("gpu/{}.spv", pipeline.name));
        std::fs::write(file, bytemuck::cast_slice::<u32, u8>(&spirv))?;
        let binding = |(number, resource)| {
            let kind = match resource {
                Resource::Buffer { .. } | Resource::Geometry | Resource::Steps => "storage",
                Resource::Step => "step",
                Resource::Window => "uniform",
            };
            format!("{number}:{kind}")
        };
        let bindings: Vec<_> = pipeline.kernel.resources().into_iter().map(binding).collect();
        let fields = [&pipeline.name, pipeline.kernel.entry, &bindings.join(","), &runs.join(",")];
        lines += &(fields.join("\t") + "\n");
    }
    std::fs::write(folder.join("gpu.txt"), lines)?;
    Ok(())
}
