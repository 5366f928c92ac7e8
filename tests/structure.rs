//! The structure: imports run one way, between files and between rooms, as the crate documentation says.
//!
//! Read from the sources: every path that begins with `crate::` or `super::`, resolved to the file that defines its
//! item, through the re-exports of each mod.rs. Unit tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A module: its path such as `["plan", "stage"]`, and its text without comments and unit tests.
struct Module {
    path: Vec<String>,
    text: String,
    /// Whether its file is a mod.rs or lib.rs.
    parent: bool,
}

fn modules() -> Vec<Module> {
    fn walk(folder: &Path, path: &[String], found: &mut Vec<Module>) {
        for entry in folder.read_dir().unwrap() {
            let file = entry.unwrap().path();
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            if file.is_dir() {
                walk(&file, &[path, &[name]].concat(), found);
            } else if file.extension().is_some_and(|e| e == "rs") && name != "main" {
                let parent = name == "mod" || name == "lib";
                let path = if parent { path.to_vec() } else { [path, &[name]].concat() };
                let text = std::fs::read_to_string(&file).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                let code = text.lines().map(|line| line.split("//").next().unwrap_or(""));
                let text = code.collect::<Vec<_>>().join(" ");
                // A module of fixtures is for tests.
                if !text.contains("#![cfg(test)]") {
                    found.push(Module { path, text, parent });
                }
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut found);
    found
}

/// `a::{b, c::{d, e}}` as `a::b`, `a::c::d`, `a::c::e`.
fn expand(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((prefix, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap().trim();
        return vec![path.strip_suffix("::self").unwrap_or(path).to_owned()];
    };
    let inside = &rest[..rest.rfind('}').unwrap_or(rest.len())];
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for c in inside.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if c == ',' && depth == 0 {
            parts.push(String::new());
        } else {
            parts.last_mut().unwrap().push(c);
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| expand(&format!("{prefix}{}", part.trim()))).collect()
}

/// Every path in `text` that begins with `start`, up to its end; trees of a `use` are expanded.
fn paths(text: &str, start: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(start) {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &text[at..];
        if text[..at].trim_end().ends_with("use") {
            found.extend(expand(rest.split(';').next().unwrap()));
        } else {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len());
            found.push(rest[..end].to_owned());
        }
    }
    found
}

struct House {
    modules: Vec<Module>,
    by_path: BTreeMap<Vec<String>, usize>,
    /// Per module, the items of its `pub use` and their origins.
    exports: Vec<BTreeMap<String, Vec<String>>>,
}

impl House {
    fn open() -> Self {
        let modules = modules();
        let by_path = modules.iter().enumerate().map(|(i, m)| (m.path.clone(), i)).collect();
        let mut house = Self { modules, by_path, exports: Vec::new() };
        house.exports = (0..house.modules.len()).map(|module| house.exports_of(module)).collect();
        house
    }

    fn exports_of(&self, module: usize) -> BTreeMap<String, Vec<String>> {
        let text = &self.modules[module].text;
        let uses = text.match_indices("pub use ").chain(text.match_indices("pub(crate) use "));
        let trees = uses.map(|(at, word)| text[at + word.len()..].split(';').next().unwrap());
        let here = &self.modules[module].path;
        let mut items = BTreeMap::new();
        for path in trees.flat_map(expand) {
            let from: Vec<String> = here.iter().cloned().chain(path.split("::").map(str::to_owned)).collect();
            let (item, all) = from.split_last().unwrap();
            if item != "*" {
                items.insert(item.clone(), from);
            } else if let Some(other) = self.by_path.get(all) {
                // Its own items, and its re-exports.
                let text = &self.modules[*other].text;
                let declared = ["pub enum ", "pub struct ", "pub fn "].iter().flat_map(|word| text.split(word).skip(1));
                let name =
                    |rest: &str| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap().to_owned();
                items.extend(declared.map(name).map(|item| (item.clone(), [all, &[item]].concat())));
                items.extend(self.exports_of(*other));
            }
        }
        items
    }

    /// The module that defines what `path` names, in `module`.
    fn resolve(&self, module: usize, path: &str) -> Option<usize> {
        let mut here = self.modules[module].path.clone();
        let mut full: Vec<String> = Vec::new();
        for (index, word) in path.split("::").enumerate() {
            match word {
                "crate" => here.clear(),
                "super" => drop(here.pop()),
                "self" if index == 0 => (),
                word => full.push(word.to_owned()),
            }
        }
        here.extend(full);
        self.definer(&here, 0)
    }

    fn definer(&self, path: &[String], depth: usize) -> Option<usize> {
        assert!(depth < 9, "{path:?} is re-exported in a circle");
        let length = (0..=path.len()).rev().find(|length| self.by_path.contains_key(&path[..*length]))?;
        let module = self.by_path[&path[..length]];
        match path.get(length).and_then(|item| self.exports[module].get(item)) {
            Some(from) => self.definer(from, depth + 1),
            None => Some(module),
        }
    }

    fn name(&self, module: usize) -> String {
        let Module { path, parent, .. } = &self.modules[module];
        format!("src/{}{}", path.join("/"), if *parent { "/mod.rs" } else { ".rs" })
    }

    /// The modules that each module imports from. A list of names imports nothing.
    fn imports(&self) -> Vec<BTreeSet<usize>> {
        let of = |module: usize| {
            let Module { text, path, parent } = &self.modules[module];
            let mut named = [paths(text, "crate::"), paths(text, "super::")].concat();
            if *parent {
                // Code beside the names uses its children and their re-exports without a path.
                let names =
                    |part: &&str| ["use ", "mod "].iter().any(|word| part.contains(word) && !part.contains('{'));
                let code: Vec<&str> = text.split(';').filter(|part| !names(part) && !part.contains("use ")).collect();
                let code = code.join(";");
                let words: BTreeSet<&str> = code.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
                let uses = |item: &str| words.contains(item);
                let children =
                    self.modules.iter().filter(|m| m.path.len() == path.len() + 1 && m.path.starts_with(path));
                let children = children.filter_map(|m| m.path.last());
                named.extend(children.filter(|c| code.contains(&format!("{c}::"))).map(|c| format!("self::{c}")));
                let exported = self.exports[module].keys().filter(|item| uses(item));
                named.extend(exported.map(|item| format!("self::{item}")));
            }
            let found = named.into_iter().filter_map(|path| self.resolve(module, &path));
            found.filter(|other| *other != module).collect()
        };
        (0..self.modules.len()).map(of).collect()
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let house = House::open();
    let imports = house.imports();
    assert!(imports.iter().map(BTreeSet::len).sum::<usize>() > 200, "the imports were read");
    let reaches = |from: usize, to: usize| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(module) = next.pop() {
            next.extend(imports[module].iter().copied().filter(|other| seen.insert(*other)));
        }
        seen.contains(&to)
    };
    let arrows = (0..imports.len()).flat_map(|from| imports[from].iter().map(move |to| (from, *to)));
    let circle: Vec<String> = arrows
        .filter(|(from, to)| reaches(*to, *from))
        .map(|(from, to)| format!("{} -> {}", house.name(from), house.name(to)))
        .collect();
    assert!(circle.is_empty(), "{circle:#?}");
}

/// Files beside the rooms.
const FOR_ALL: [&str; 4] = ["error", "date", "shell", "table"];

/// `| [`plan`] | what it holds | `model`, `recipe` |` in src/lib.rs.
#[test]
fn rooms_import_what_the_crate_documentation_says() {
    let house = House::open();
    let mut measured: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, imports) in house.imports().iter().enumerate() {
        let room = |module: usize| house.modules[module].path.first().cloned();
        let Some(here) = room(module) else { continue };
        let others = imports.iter().filter_map(|other| room(*other));
        let entry = measured.entry(here.clone()).or_default();
        entry.extend(others.filter(|other| *other != here && !FOR_ALL.contains(&other.as_str())));
    }
    FOR_ALL.iter().for_each(|room| drop(measured.remove(*room)));
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | [`"));
    let documented: BTreeMap<String, BTreeSet<String>> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').collect();
            let names = cells[2].split(',').map(|name| name.trim().trim_matches('`').to_owned());
            (row.split('`').next().unwrap().to_owned(), names.filter(|name| !name.is_empty()).collect())
        })
        .collect();
    assert_eq!(documented, measured, "the table of rooms in src/lib.rs -> what the files import");
}
