//! Models by name: presets, and files.

use std::path::Path;

use super::description::Description;
use super::model::Model;
use crate::error::{Error, Result};
use crate::table::nearest;

macro_rules! presets {
    ($($name:literal),*) => { [$(($name, include_str!(concat!("../../assets/models/", $name, ".toml")))),*] };
}

/// Names of the presets, each with its file.
pub const PRESETS: [(&str, &str); 3] = presets!["lenet5", "lenet5-keras", "lenet5-1998"];

/// The ending of the name of a file that describes a model.
const ENDING: &str = ".toml";

impl Description {
    /// The preset called `name`.
    ///
    /// Errors: an unknown name; the known ones are named.
    pub fn preset(name: &str) -> Result<Self> {
        let Some((_, text)) = PRESETS.iter().find(|(preset, _)| *preset == name) else {
            let names = || PRESETS.iter().map(|(name, _)| *name);
            let meant = nearest(name, names()).map_or(String::new(), |name| format!("did you mean {name}? "));
            let names = names().collect::<Vec<_>>().join(", ");
            return Err(Error::input(
                format!("no model is called '{name}'"),
                format!("{meant}choose one of: {names}; or a file of your own whose name ends in {ENDING}"),
            ));
        };
        Self::from_toml(text)
    }

    /// The preset called `model`, or the description in the file `model` if that ends in `.toml`; checked.
    ///
    /// Errors: an unknown name; a file that cannot be read or describes no model, with file, layer and field.
    pub fn find(model: &str) -> Result<Self> {
        if !model.ends_with(ENDING) {
            return Self::preset(model);
        }
        let hint = "name a preset or a file that describes a model: lenet-gpu summary --toml prints one";
        let text = std::fs::read_to_string(model).map_err(|e| Error::input(format!("{model}: {e}"), hint))?;
        let read = || {
            let description = Self { file: Some(Path::new(model).to_owned()), ..Self::from_toml(&text)? };
            description.model().map(|_| description)
        };
        read().map_err(|e| e.context(model))
    }
}

impl Model {
    /// The preset called `name`.
    ///
    /// Errors: an unknown name; the known ones are named.
    pub fn preset(name: &str) -> Result<Self> {
        Description::preset(name)?.model()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_lenet5_have_the_parameters_of_the_paper() {
        for name in ["lenet5", "lenet5-keras"] {
            let model = Model::preset(name).unwrap();
            let parameters: Vec<usize> = model.layers.iter().map(|l| l.parameters()).collect();
            assert_eq!(parameters, [156, 0, 2_416, 0, 48_120, 10_164, 850]);
            assert_eq!(model.parameters(), 61_706);
            assert_eq!(model.multiply_adds(), 416_520);
            assert_eq!(model.layers[2].connections(), 241_600);
        }
    }

    /// Its table of parameters and connections, layer by layer.
    #[test]
    fn the_network_of_1998_is_the_paper_s() {
        let model = Model::preset("lenet5-1998").unwrap();
        let rows: Vec<_> = model
            .layers
            .iter()
            .map(|l| (l.name.as_str(), l.parameters(), l.connections(), l.output.to_string()))
            .collect();
        let row = |name, parameters, connections, output: &str| (name, parameters, connections, output.to_owned());
        assert_eq!(
            rows,
            [
                row("c1", 156, 122_304, "6@28x28"),
                row("s2", 12, 5_880, "6@14x14"),
                row("c3", 1_516, 151_600, "16@10x10"),
                row("s4", 32, 2_000, "16@5x5"),
                row("c5", 48_120, 48_120, "120@1x1"),
                row("f6", 10_164, 10_164, "84@1x1"),
                row("output", 0, 840, "10@1x1"),
            ]
        );
        assert_eq!(model.parameters(), 60_000);
        assert_eq!(rows.iter().map(|row| row.2).sum::<usize>(), 340_908);
        assert_eq!(model.levels(), [-0.1, 1.175]);
    }

    /// Uniform in +-2.4 over the inputs of a unit, biases too; what is not trained has its values.
    #[test]
    fn the_network_of_1998_starts_as_the_paper_says() {
        let model = Model::preset("lenet5-1998").unwrap();
        let tensors = model.initial_weights(1);
        let largest = |values: &[f32]| values.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
        let within = |values: &[f32], inputs: usize| {
            let bound = 2.4 / inputs as f32;
            assert!(largest(values) <= bound && largest(values) > 0.5 * bound, "{inputs}: {}", largest(values));
        };
        let get = |name: &str| &tensors.iter().find(|t| t.spec.name == name).unwrap().values;
        for (layer, inputs) in [("c1", 25), ("s2", 4), ("s4", 4), ("c5", 400), ("f6", 120)] {
            within(get(&format!("{layer}.weight")), inputs);
            within(get(&format!("{layer}.bias")), inputs);
        }
        for (map, inputs) in [(0, 75), (6, 100), (15, 150)] {
            within(&get("c3.weight")[map * 150..][..150], inputs);
        }
        assert_eq!(get("c3.weight").iter().filter(|w| **w == 0.0).count(), (96 - 60) * 25);
        assert!(get("c3.weight")[..75].iter().all(|w| *w != 0.0) && get("c3.weight")[75..150] == [0.0; 75]);
        assert!(get("output.weight").iter().all(|code| code.abs() == 1.0));
    }

    #[test]
    fn an_unknown_preset_lists_the_known_ones() {
        let error = Model::preset("lenet6").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        for part in ["did you mean lenet5?", "lenet5-keras", ".toml"] {
            assert!(error.hint().contains(part), "{}", error.hint());
        }
    }

    #[test]
    fn every_file_of_the_folder_is_a_preset_of_its_name() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/models");
        let mut files: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        let mut names: Vec<_> = PRESETS.iter().map(|(name, _)| format!("{name}{ENDING}")).collect();
        names.sort();
        assert_eq!(files, names);
        for (name, text) in PRESETS {
            let description = Description::preset(name).unwrap();
            assert_eq!(description.name, name);
            assert!(description.about.is_some(), "{name}");
            assert_eq!(description, Description::from_toml(text).unwrap());
            assert_eq!(description, Description::from_toml(&description.to_toml()).unwrap());
        }
    }
}
