//! A network as data, as a file describes it.

use std::fmt::Display;
use std::path::PathBuf;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::initializer::Initializer;
use super::layer::{LayerKind, Shape};
use crate::error::{Error, Result};
use crate::table::{self, Table};

/// Most letters of the name of a model or layer, which becomes part of file names and of lines.
const LONGEST: usize = 40;

/// The reason why writing a description cannot fail.
const WRITABLE: &str = "a description holds what TOML and JSON can";

/// A network as data. TOML and JSON have the names of these fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Name of the model, after which runs and weights are called: `[a-z][a-z0-9_-]*`, at most 40 letters, like the
    /// name of a layer.
    pub name: String,
    /// Description in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Number of outputs; the units of the last layer if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Outputs>,
    /// Shape of one input sample.
    #[serde(deserialize_with = "input")]
    pub input: Shape,
    /// Levels of the input: the values of byte 0 (also of padding) and of byte 255.
    pub levels: [f64; 2],
    /// How untrained weights are drawn.
    #[serde(default)]
    pub initializer: Initializer,
    /// The loss.
    #[serde(default, deserialize_with = "loss")]
    pub loss: Loss,
    /// The layers in order.
    #[serde(deserialize_with = "layers")]
    pub layers: Vec<LayerDescription>,
    /// Its recipe, a table that [`crate::recipe::Recipe::read`] reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Table>,
    /// Its recipe for `--fast`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast: Option<Table>,
    /// The file that it was read from; none for a preset and for the description in a file of weights.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

/// A layer, before its shapes are known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerDescription {
    /// Unique in the model.
    pub name: String,
    /// Its kind.
    #[serde(flatten)]
    pub kind: LayerKind,
}

/// The loss that training minimises, a mean over samples. `mse` and `map` are of the distances of the last layer, `rbf`,
/// and means over its inputs too: see [`super::Model::loss_scale`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[strum(serialize_all = "kebab-case")]
pub enum Loss {
    /// Cross-entropy of the softmax of the outputs
    #[default]
    SoftmaxCrossEntropy,
    /// The distance of the label's code (LeCun et al. 1998, equation 8)
    Mse,
    /// Maximum a posteriori: that distance `y`, and `log(exp(-j) + sum over classes of exp(-y))`, so that the other codes
    /// are pushed away (equation 9)
    Map {
        /// The distance of the code of rubbish, which is no class.
        j: f64,
    },
}

impl Loss {
    /// As it is written in the file of a model.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The number of outputs of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Outputs {
    /// `"data"`: one for each class of the data that it is trained with.
    Data,
    /// As many as the last layer has units.
    Units(usize),
}

impl TryFrom<Value> for Outputs {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value.as_u64().map(usize::try_from) {
            Some(Ok(units)) => Ok(Self::Units(units)),
            _ if value == "data" => Ok(Self::Data),
            _ => Err(format!("{value} is neither \"data\" nor a number of outputs")),
        }
    }
}

impl From<Outputs> for Value {
    fn from(outputs: Outputs) -> Self {
        match outputs {
            Outputs::Data => "data".into(),
            Outputs::Units(units) => units.into(),
        }
    }
}

fn input<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Shape, D::Error> {
    let placed = |e: &dyn Display| D::Error::custom(format!("input: {e}"));
    table::read(&Table::deserialize(deserializer).map_err(|e| placed(&e))?, &[]).map_err(|e| placed(&e))
}

fn loss<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Loss, D::Error> {
    serde_json::from_value(Value::deserialize(deserializer)?).map_err(|e| D::Error::custom(format!("loss: {e}")))
}

/// Fields whose functions here name the place of a mistake themselves.
const PLACED: &[&str] = &["input", "loss", "layers"];

/// A layer's table without its name is that of its kind.
fn layers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<LayerDescription>, D::Error> {
    let tables = Vec::<Table>::deserialize(deserializer).map_err(|e| D::Error::custom(format!("layers: {e}")))?;
    let read = |(index, mut table): (usize, Table)| match table.remove("name") {
        Some(Value::String(name)) => match table::read(&table, &[]) {
            Ok(kind) => Ok(LayerDescription { name, kind }),
            Err(message) => Err(D::Error::custom(format!("layer {name}: {message}"))),
        },
        Some(_) => Err(D::Error::custom(format!("layer {}: its name is no text", index + 1))),
        None => Err(D::Error::custom(format!("layer {}: missing field `name`", index + 1))),
    };
    tables.into_iter().enumerate().map(read).collect()
}

impl Description {
    /// Reads TOML.
    ///
    /// Errors: text that is no TOML, with the line; an unknown or missing field or a value of a wrong type, with the
    /// layer and the field. Names and shapes are checked by [`Description::model`].
    pub fn from_toml(text: &str) -> Result<Self> {
        let table: Table = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            Error::input(format!("line {line}: {}", e.message().replace('\n', ", ")), "see https://toml.io")
        })?;
        table::read(&table, PLACED).map_err(|message| table::mistake(&message))
    }

    /// Reads JSON that [`Description::to_json`] wrote.
    ///
    /// Errors: as those of [`Description::from_toml`].
    pub fn from_json(text: &str) -> Result<Self> {
        let table: Table = serde_json::from_str(text)
            .map_err(|e| Error::input(format!("description: {e}"), "name the model with --model"))?;
        table::read(&table, PLACED).map_err(|message| table::mistake(&message).context("description"))
    }

    /// TOML that [`Description::from_toml`] reads as the same.
    pub fn to_toml(&self) -> String {
        let Self { name, about, outputs, input, levels, initializer, loss, layers, recipe, fast, file: _ } = self;
        let mut text = String::new();
        let mut line = |key: &str, value: Option<String>| {
            text.extend(value.map(|value| format!("{key} = {value}\n")));
        };
        line("name", Some(inline(name)));
        line("about", about.as_ref().map(inline));
        line("outputs", outputs.as_ref().map(inline));
        line("input", Some(inline(input)));
        line("levels", Some(inline(levels)));
        line("initializer", Some(inline(initializer)));
        line("loss", Some(inline(loss)));
        // A drawing has a line per row.
        let drawn = |layer| inline(layer).replace("\", \"", "\",\n        \"").replace("[\"", "[\n        \"");
        let layers: String = layers.iter().map(|layer| format!("    {},\n", drawn(layer))).collect();
        line("layers", Some(format!("[\n{layers}]")));
        for (key, table) in [("recipe", recipe), ("fast", fast)] {
            let Some(table) = table else { continue };
            let named = Table::from_iter([(key.to_owned(), table.clone().into())]);
            text += &format!("\n{}", toml::to_string(&named).expect(WRITABLE));
        }
        text
    }

    /// The network alone, without recipes and file.
    pub fn network(&self) -> Self {
        Self { recipe: None, fast: None, file: None, ..self.clone() }
    }

    /// Compact JSON of the network alone, for the metadata of weights.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.network()).expect(WRITABLE)
    }

    /// Its value of `--model`: the file that it was read from, otherwise its name.
    pub fn argument(&self) -> String {
        self.file.as_ref().map_or(self.name.clone(), |file| file.display().to_string())
    }

    /// The same with `units` outputs, if it leaves their number to the data.
    pub fn for_data(&self, units: usize) -> Self {
        let mut description = self.clone();
        if self.outputs == Some(Outputs::Data) {
            description.outputs = Some(Outputs::Units(units));
            if let Some(LayerDescription { kind: LayerKind::Dense { units: last, .. }, .. }) =
                description.layers.last_mut()
            {
                *last = units;
            }
        }
        description
    }

    /// Errors: a name that is not plain, levels that f32 does not hold, a number of outputs that the last layer does
    /// not have, a loss that does not fit it.
    pub(super) fn check(&self) -> Result<()> {
        plain("name", &self.name)?;
        for (index, layer) in self.layers.iter().enumerate() {
            plain("name", &layer.name).map_err(|e| e.context(format!("layer {}", index + 1)))?;
        }
        if let Some(level) = self.levels.iter().find(|level| !(**level as f32).is_finite()) {
            return Err(Error::input(format!("levels: {level:e} is too large"), "use levels such as 0.0 and 1.0"));
        }
        let last = self.layers.last().map(|layer| &layer.kind);
        if let (Some(Outputs::Units(outputs)), Some(LayerKind::Dense { units, .. })) = (self.outputs, last)
            && outputs != *units
        {
            return Err(Error::input(
                format!("outputs is {outputs}, but the last layer has {units} units"),
                "make them equal, or use outputs = \"data\" to have as many as the data has classes",
            ));
        }
        let codes = matches!(last, Some(LayerKind::Rbf { .. }));
        if codes && self.outputs.is_some() {
            return Err(Error::input("outputs: the last layer has one per code", "leave outputs out"));
        }
        match self.loss {
            Loss::Mse | Loss::Map { .. } if !codes => Err(Error::input(
                format!("loss: {} is of distances, but the last layer is not rbf", self.loss.name()),
                "end the layers with rbf, or use the loss softmax-cross-entropy",
            )),
            Loss::Map { j } if !(j > 0.0 && (j as f32).is_finite()) => {
                Err(Error::input(format!("loss: map: j is {j}"), "use a number above 0, such as 0.1"))
            }
            _ => Ok(()),
        }
    }
}

/// `value` on one line of TOML.
fn inline(value: &impl Serialize) -> String {
    let mut text = String::new();
    value.serialize(toml::ser::ValueSerializer::new(&mut text)).expect(WRITABLE);
    text
}

/// Errors: `name` is not `[a-z][a-z0-9_-]*`, or is too long.
fn plain(field: &str, name: &str) -> Result<()> {
    let letter = |c: char| c.is_ascii_lowercase();
    let good = |c: char| letter(c) || c.is_ascii_digit() || c == '_' || c == '-';
    if name.starts_with(letter) && name.chars().all(good) && name.len() <= LONGEST {
        return Ok(());
    }
    Err(Error::input(
        format!("{field}: {:?} is no plain name", name.chars().take(LONGEST + 1).collect::<String>()),
        format!("use a to z, then also 0 to 9, - and _, at most {LONGEST} in all"),
    ))
}
