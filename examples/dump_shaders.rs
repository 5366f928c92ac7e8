//! Writes every pipeline of the program into a folder, for compilers other than naga: `scripts/portability`
//! gives them to Tint, FXC and DXC.
//!
//!     cargo run --release --example dump_shaders -- FOLDER
//!
//! A pipeline NAME becomes NAME.wgsl, NAME.spv, NAME.msl, NAME.hlsl and NAME.glsl;
//! `pipelines.json` lists each one's name, entry point and the set of kernels that has it. Prints a line for each: name and entry point.

use std::path::PathBuf;

#[path = "../tests/common/translate.rs"]
mod translate;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: dump_shaders FOLDER")?);
    std::fs::create_dir_all(&folder)?;
    let mut list = Vec::new();
    for pipeline in lenet_gpu::check::pipelines()? {
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
    Ok(())
}
