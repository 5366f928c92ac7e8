//! Races between workgroups: every kernel of both sets again, its workgroups in other orders, must give the same bits.
//!
//! An adapter may run the workgroups of a dispatch in any order, and a software adapter takes them nearly in that of
//! their ids. So here the ids change places: a workgroup that overwrites or reads what another writes gives other bits.

#[path = "common/adapter.rs"]
mod adapter;
#[path = "common/kind.rs"]
mod kind;
#[path = "common/reduced.rs"]
mod reduced;
#[path = "common/shaders.rs"]
mod shaders;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use kind::kind;
use lenet_gpu::check::{Case, Effort, Inputs, UNWRITTEN, awkward, cases};
use lenet_gpu::gpu::{Adapter, GpuRunner, Kernel, unroll};
use lenet_gpu::model::Model;
use lenet_gpu::plan::{Kernels, Op, Runner, Use, now};
use reduced::reduced;

/// An order: its name, and which of `count` workgroups takes the place of the one at `at`, in WGSL.
type Order = (&'static str, &'static str);

/// The second mixes the three dimensions.
const OTHERS: [Order; 2] = [
    ("from last to first", "count - 1u - at"),
    ("odd ones first", "select(2u * at + 1u, 2u * (at - count / 2u), at >= count / 2u)"),
];

/// `text`, in which the workgroups of `entry` have the places that `order` gives.
fn ordered(text: &str, entry: &str, (_, order): Order) -> String {
    let (before, after) = text.split_once(&format!("fn {entry}(")).unwrap();
    let (arguments, body) = after.split_once(") {").unwrap();
    let size = before.rsplit_once("@workgroup_size(").unwrap().1.split_once(")\n").unwrap().0;
    let mut inputs = "@builtin(workgroup_id) own_group: vec3u, @builtin(num_workgroups) all_groups: vec3u".to_owned();
    let mut places = String::new();
    for argument in arguments.split(", ") {
        let (builtin, name) = argument.split_once(") ").unwrap();
        let name = name.split(':').next().unwrap();
        match builtin {
            "@builtin(workgroup_id" => places += &format!("let {name} = elsewhere(own_group, all_groups);\n"),
            "@builtin(global_invocation_id" => {
                inputs += ", @builtin(local_invocation_id) own_place: vec3u";
                places +=
                    &format!("let {name} = elsewhere(own_group, all_groups) * vec3u({size}, 1u, 1u) + own_place;\n");
            }
            "@builtin(local_invocation_index" => inputs += &format!(", {argument}"),
            other => panic!("{entry} has {other}"),
        }
    }
    format!(
        "{before}fn {entry}({inputs}) {{\n{places}{body}
fn elsewhere(own: vec3u, groups: vec3u) -> vec3u {{
    let at = (own.z * groups.y + own.y) * groups.x + own.x;
    let count = groups.x * groups.y * groups.z;
    let to = {order};
    return vec3u(to % groups.x, to / groups.x % groups.y, to / (groups.x * groups.y));
}}\n"
    )
}

/// What the operations of `case` write, one after the other; each has the WGSL of `text`.
fn outputs(adapter: &Adapter, case: &Case, text: &dyn Fn(&Kernel) -> String) -> Vec<Vec<Vec<u32>>> {
    let source = |kernel: &Kernel| unroll(&text(kernel)).map(Some).map_err(|why| lenet_gpu::Error::input(why, ""));
    let plan = &case.plan;
    let mut runner = now(GpuRunner::open(adapter, plan, &source)).unwrap_or_else(|e| panic!("{}: {e}", case.name));
    let buffers = awkward(plan, 1, Inputs::Unit);
    let run = |(index, op): (usize, &Op)| {
        for (argument, buffer) in op.bound() {
            let unwritten = || vec![UNWRITTEN; plan.buffer(buffer).words];
            let words = if argument.usage == Use::Write { unwritten() } else { buffers.u32(buffer).to_vec() };
            runner.write(buffer, 0, &words).unwrap();
        }
        runner.run_op_now(index, &case.step, 1).unwrap();
        op.outputs().iter().map(|buffer| runner.read_now(*buffer).unwrap()).collect()
    };
    plan.ops.iter().enumerate().map(run).collect()
}

/// The operations of `case` that write other bits in another order than as they are: kernel, layer, case and order.
fn differences(adapter: &Adapter, case: &Case, text: &dyn Fn(&Kernel) -> String) -> Vec<String> {
    let expected = outputs(adapter, case, text);
    let mut found = Vec::new();
    for order in OTHERS {
        let again = outputs(adapter, case, &|kernel| ordered(&text(kernel), kernel.entry, order));
        let pairs = case.plan.ops.iter().zip(expected.iter().zip(&again));
        let different = pairs.filter(|(_, (expected, again))| expected != again);
        let named = |op: &Op| format!("{} of {} in case {}, {}", op.kind.name(), op.layer, case.name, order.0);
        found.extend(different.map(|(op, _)| named(op)));
    }
    found
}

/// The cases of a quick check, each with those of its operations alone that `wanted` accepts and that have several
/// workgroups; the last first, which have the most.
fn several(adapter: &Adapter, mut wanted: impl FnMut(&Kernel) -> bool) -> Vec<Case> {
    let cases = cases(&[Model::preset("lenet5").unwrap()], &[65], Effort::Quick).unwrap();
    let mut several = |kernel: &Kernel| kernel.workgroups.iter().product::<u32>() > 1 && wanted(kernel);
    cases.iter().rev().filter_map(|case| reduced(adapter, case, &mut several)).collect()
}

#[test]
fn other_orders_of_workgroups_give_the_same_bits() {
    let adapters = [Kernels::Gpu, Kernels::Software].map(|set| adapter::adapter().with_kernels(set));
    let mut work = Vec::new();
    for adapter in &adapters {
        // Which workgroup writes what depends on neither the activation nor the layer.
        let (mut seen, mut entries) = (BTreeSet::new(), BTreeSet::new());
        let first = |kernel: &Kernel| {
            entries.insert(kernel.entry.to_owned());
            seen.insert(kind(kernel))
        };
        work.extend(several(adapter, first).into_iter().map(|case| (adapter, case)));
        let all = shaders::entry_points().into_iter().map(|(entry, _)| entry);
        assert_eq!(entries, all.collect(), "every kernel has several workgroups in a case");
    }
    let next = AtomicUsize::new(0);
    let found = || {
        let mut found = Vec::new();
        while let Some((adapter, case)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
            found.extend(differences(adapter, case, &Kernel::text));
        }
        found
    };
    let found = std::thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(found));
        threads.map(|thread| thread.join().unwrap()).concat()
    });
    assert!(found.is_empty(), "{found:#?}");
}

/// Kernel, text in its WGSL, text that makes a race of it.
const RACES: &[(&str, &str, &str)] = &[
    // Slots of the weight gradients overlap: workgroups write different sums of the same weights.
    ("conv2d_backward_weights", "geometry.partials_stride", "0u * geometry.partials_stride"),
    // Cells of all maps have the place of the first.
    ("average_pool_forward", "y[output.y]", "y[me]"),
    // A workgroup reads the momentum of its neighbour, which may have been written.
    ("sgd", "step.momentum * momentum[at]", "step.momentum * momentum[at ^ 64u]"),
];

#[test]
fn a_planted_race_is_found() {
    for set in [Kernels::Gpu, Kernels::Software] {
        let adapter = adapter::adapter().with_kernels(set);
        for (entry, find, replace) in RACES {
            let planted = |kernel: &Kernel| {
                assert!(kernel.text().contains(find), "'{find}' in {entry}: has the shader changed?");
                kernel.text().replace(find, replace)
            };
            let cases = several(&adapter, |kernel| kernel.entry == *entry);
            let found = cases.iter().any(|case| !differences(&adapter, case, &planted).is_empty());
            assert!(found, "{entry}, {} set: {find} -> {replace}", set.name());
        }
    }
}
