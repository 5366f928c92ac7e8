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
pub const PRESETS: [(&str, &str); 2] = presets!["lenet5", "lenet5-keras"];

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
