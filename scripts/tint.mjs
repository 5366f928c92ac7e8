// Creates every pipeline of a folder written by examples/dump_shaders.rs with Tint and Dawn, Chromium's WebGPU:
// for scripts/portability.
//
//   node tint.mjs PACKAGE FOLDER [DAWN_OPTION...]      PACKAGE: the folder of npm's webgpu
//
// Prints the adapter, then a line for each pipeline: `NAME ok`, or NAME and the first error.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [webgpu, folder, ...options] = process.argv.slice(2);
const { create, globals } = await import(pathToFileURL(resolve(webgpu, 'index.js')));
Object.assign(globalThis, globals);

let gpu = create(options);
const adapter = await gpu.requestAdapter();
if (!adapter) throw new Error('Dawn finds no adapter');
console.log(`adapter ${adapter.info.description || 'null backend'}`);
const device = await adapter.requestDevice();

async function refusal(code, entryPoint, constants) {
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code });
  const { messages } = await module.getCompilationInfo();
  let thrown;
  try {
    await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint, constants } });
  } catch (error) {
    thrown = error.message;
  }
  const scoped = await device.popErrorScope();
  const error = messages.find((m) => m.type === 'error');
  const why = error ? `${error.lineNum}:${error.linePos} ${error.message}` : (thrown ?? scoped?.message);
  return why?.split('\n')[0];
}

// A barrier that some invocations skip. naga accepts it, so a refusal shows that Tint judges.
const barrier = '@compute @workgroup_size(64) fn f(@builtin(local_invocation_index) i: u32) { if i < 3u { workgroupBarrier(); } }';
if (!(await refusal(barrier, 'f', {}))) throw new Error('a barrier in non-uniform control flow was not refused');

let refused = 0;
for (const { name, entry, overrides } of JSON.parse(readFileSync(join(folder, 'pipelines.json')))) {
  const why = await refusal(readFileSync(join(folder, `${name}.wgsl`), 'utf8'), entry, overrides);
  refused += why ? 1 : 0;
  console.log(`${name} ${why ?? 'ok'}`);
}
device.destroy();
// Node ends only when nothing refers to the GPU.
gpu = undefined;
process.exitCode = refused ? 1 : 0;
