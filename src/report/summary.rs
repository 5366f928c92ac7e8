//! The layers of a model and what they cost.

use serde_json::{Value, json};

use super::text::{table, thousands};
use crate::model::{Codes, Layer, LayerKind, Loss, Model};

/// The table of layers with totals.
pub fn summary_text(model: &Model) -> String {
    let header = ["Layer", "Kind", "Output shape", "Parameters", "Connections", "Multiply-adds"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    let input = ["Input".to_owned(), String::new(), model.input.to_string()];
    rows.push(input.into_iter().chain(["0"; 3].map(str::to_owned)).collect());
    for layer in &model.layers {
        rows.push(vec![
            if layer.name == "output" { "Output".to_owned() } else { layer.name.to_uppercase() },
            layer.title(),
            shape(layer),
            thousands(layer.parameters() as u64),
            thousands(layer.connections() as u64),
            thousands(layer.multiply_adds() as u64),
        ]);
    }
    let connections: usize = model.layers.iter().map(Layer::connections).sum();
    rows.push(vec![
        "Total".to_owned(),
        String::new(),
        String::new(),
        thousands(model.parameters() as u64),
        thousands(connections as u64),
        thousands(model.multiply_adds() as u64),
    ]);
    let (low, high) = (model.background, model.foreground);
    format!(
        "{}: input {}, byte 0 as {low}, byte 255 as {high}\n\n{}{}",
        model.name,
        model.input,
        table(&rows, &[false, false, false, true, true, true]),
        distances(model)
    )
}

/// What the outputs of radial basis functions are, and the loss of them; nothing for other models.
fn distances(model: &Model) -> String {
    let Some(Layer { kind: LayerKind::Rbf { .. }, input, .. }) = model.layers.last() else { return String::new() };
    let loss = match model.loss {
        Loss::Map { j } => format!("map with j = {j}"),
        loss => loss.name().to_owned(),
    };
    format!(
        "\n\nAn output is minus the squared distance to the code of its class (summary --codes draws them), so that the\n\
         nearest class has the largest. Loss: {loss}, scaled by {:.5} (the outputs have {} inputs).",
        model.loss_scale(),
        input.elements()
    )
}

/// The code of each class, drawn; none for a model without radial basis functions.
pub fn codes_text(model: &Model) -> Option<String> {
    let Some(Layer { kind: LayerKind::Rbf { codes }, .. }) = model.layers.last() else { return None };
    let Codes { classes, height, width, values } = Codes::read(codes).ok()?;
    let heading = (0..classes).map(|class| format!("{class:<width$}")).collect::<Vec<_>>().join(" ");
    let mut lines =
        vec![format!("{}: codes of {width}x{height}, # as 1 and . as -1\n\n{}", model.name, heading.trim_end())];
    for row in 0..height {
        let bit = |value: &f32| if *value > 0.0 { '#' } else { '.' };
        let drawn = |class| values[(class * height + row) * width..][..width].iter().map(bit).collect::<String>();
        lines.push((0..classes).map(drawn).collect::<Vec<_>>().join(" "));
    }
    Some(lines.join("\n"))
}

/// The same as one object.
pub fn summary_json(model: &Model) -> Value {
    let extents = |shape: crate::model::Shape| json!([shape.channels, shape.height, shape.width]);
    let layers: Vec<Value> = model
        .layers
        .iter()
        .map(|layer| {
            json!({
                "name": layer.name,
                "kind": layer.title(),
                "output": extents(layer.output),
                "parameters": layer.parameters(),
                "connections": layer.connections(),
                "multiply_adds": layer.multiply_adds(),
            })
        })
        .collect();
    json!({
        "model": model.name,
        "loss": model.loss,
        "input": extents(model.input),
        "layers": layers,
        "parameters": model.parameters(),
        "connections": model.layers.iter().map(Layer::connections).sum::<usize>(),
        "multiply_adds": model.multiply_adds(),
    })
}

/// A plain number for a vector of a dense layer.
fn shape(layer: &Layer) -> String {
    match layer.kind {
        LayerKind::Dense { .. } | LayerKind::Rbf { .. } => layer.output.elements().to_string(),
        _ => layer.output.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Description, PRESETS};
    use crate::report::snapshot;

    /// Every kind of layer, more than one channel, and an activation by name.
    const OTHER: &str = r#"
name = "other"
input = { channels = 3, height = 20, width = 12 }
levels = [0.0, 0.5]
layers = [
    { name = "c1", kind = "conv2d", channels = 8, kernel = 5, activation = "scaled-tanh" },
    { name = "s2", kind = "subsample", size = 2, activation = "scaled-tanh" },
    { name = "c3", kind = "conv2d", channels = 1024, kernel = 1 },
    { name = "s4", kind = "average-pool", size = 2 },
    { name = "s5", kind = "max-pool", size = 2 },
    { name = "f6", kind = "dense", units = 12, activation = "sigmoid" },
    { name = "output", kind = "dense", units = 3 },
]
"#;

    #[test]
    fn every_form_is_as_in_its_snapshot() {
        for (name, _) in PRESETS {
            let preset = Description::preset(name).unwrap();
            snapshot::assert(&format!("summary_{name}"), &summary_text(&preset.model().unwrap()));
            snapshot::assert(&format!("summary_toml_{name}"), &preset.to_toml());
            if let Some(codes) = codes_text(&preset.model().unwrap()) {
                snapshot::assert(&format!("summary_codes_{name}"), &codes);
            }
        }
        let other = Description::from_toml(OTHER).unwrap().model().unwrap();
        snapshot::assert("summary_other", &summary_text(&other));
    }
}
