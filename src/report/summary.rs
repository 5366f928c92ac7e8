//! The layers of a model and what they cost.

use serde_json::{Value, json};

use super::text::{table, thousands};
use crate::model::{Layer, LayerKind, Model};

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
        "{}: input {}, byte 0 as {low}, byte 255 as {high}\n\n{}",
        model.name,
        model.input,
        table(&rows, &[false, false, false, true, true, true])
    )
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
        LayerKind::Dense { units, .. } => units.to_string(),
        _ => layer.output.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_totals() {
        let text = summary_text(&Model::preset("lenet5").unwrap());
        let total = text.lines().last().unwrap();
        assert!(total.starts_with("Total") && total.contains("61,706") && total.ends_with("416,520"), "{text}");
        for row in ["C1", "S2", "C3", "S4", "C5", "F6", "Output"] {
            assert!(text.lines().any(|line| line.starts_with(row)), "{text}");
        }
    }
}
