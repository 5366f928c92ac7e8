//! Every operation has an entry point, an oracle, a case, a pipeline. The entry points are read out of shaders/, the
//! operations out of the cases: there is no list to remember.

#[path = "common/shaders.rs"]
mod shaders;

use std::collections::BTreeSet;
use std::path::Path;

use lenet_gpu::check::{Effort, cases, operations};
use lenet_gpu::plan::Facts;

/// The facts of every operation of the cases.
fn facts() -> Vec<Facts> {
    let mut found: Vec<Facts> = Vec::new();
    for case in cases(&[], &[], Effort::Normal).unwrap() {
        for facts in case.plan.ops.iter().map(|op| op.kind.facts()) {
            if found.iter().all(|f| f.name != facts.name || f.arguments != facts.arguments) {
                found.push(facts);
            }
        }
    }
    found
}

#[test]
fn every_entry_point_is_judged() {
    let declared: BTreeSet<String> = shaders::entry_points().into_iter().map(|(entry, _)| entry).collect();
    for effort in [Effort::Quick, Effort::Normal, Effort::Thorough] {
        let cases = cases(&[], &[], effort).unwrap();
        let judged: BTreeSet<String> = operations(&cases).into_iter().map(str::to_owned).collect();
        assert_eq!(judged, declared, "a {effort:?} check runs every entry point, and no other");
    }
}

#[test]
fn every_operation_is_in_the_files_of_its_family() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = shaders::entry_points();
    for facts in facts() {
        let file = entries.iter().find(|(entry, _)| entry == facts.name).map_or("", |(_, file)| file);
        assert!(file.split('/').any(|part| part == facts.family), "{} of {} is in {file}", facts.name, facts.family);
        assert!(root.join(format!("src/cpu/operations/{}.rs", facts.family)).is_file(), "the oracle of {}", facts.name);
    }
}

#[test]
fn every_buffer_of_an_operation_has_one_slot_and_reads_come_first() {
    for case in cases(&[], &[], Effort::Normal).unwrap() {
        for op in &case.plan.ops {
            let facts = op.kind.facts();
            let names: BTreeSet<&str> = facts.arguments.iter().map(|argument| argument.name).collect();
            assert_eq!(names.len(), op.buffers.len(), "{}: {:?}", facts.name, facts.arguments);
            let first_written = op.buffers.len() - op.outputs().len();
            assert_eq!(op.buffers[first_written..], op.outputs(), "{}", facts.name);
        }
    }
}

/// The page "Add an operation" is true: every file of its table exists, and has every item that it names.
#[test]
fn the_page_on_adding_an_operation_names_what_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("src/lib.rs")).unwrap();
    let page = text.split("//! # Add an operation").nth(1).unwrap().split("//! # ").next().unwrap();
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let mut rows = 0;
    for row in page.lines().filter_map(|line| line.strip_prefix("//! | `")) {
        let cells: Vec<&str> = row.split('|').collect();
        let file = row.split('`').next().unwrap();
        let code = std::fs::read_to_string(root.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        for item in quoted(cells[1]) {
            let declared = ["enum ", "fn ", "const "].iter().any(|word| code.contains(&format!("{word}{item}")));
            assert!(declared, "{file} declares {item}");
        }
        let held = cells[2].split_whitespace().find_map(|word| word.strip_suffix(".rs:"));
        assert!(held.is_none_or(|test| root.join(format!("{test}.rs")).is_file()), "{}", cells[2]);
        rows += 1;
    }
    assert!(rows > 5, "{page}");
    for family in facts().iter().map(|facts| facts.family).filter(|family| ["conv2d", "dense"].contains(family)) {
        assert!(root.join(format!("src/plan/operations/{family}.rs")).is_file());
    }
}
