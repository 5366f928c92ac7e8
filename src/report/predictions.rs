//! Predicted classes of images.

use serde_json::{Value, json};

/// The likeliest classes of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Its path, or `-` for stdin.
    pub image: String,
    /// Classes with their probabilities (0 to 1), likeliest first.
    pub classes: Vec<(usize, f32)>,
}

/// `seven.png: 7 (99.8 %)  9 (0.1 %)  2 (0.0 %)`
pub fn prediction_text(prediction: &Prediction) -> String {
    let classes: Vec<String> =
        prediction.classes.iter().map(|(class, p)| format!("{class} ({:.1} %)", 100.0 * p)).collect();
    format!("{}: {}", prediction.image, classes.join("  "))
}

/// The same as one object.
pub fn prediction_json(prediction: &Prediction, weights: &str) -> Value {
    let classes: Vec<Value> =
        prediction.classes.iter().map(|(class, p)| json!({ "class": class, "probability": p })).collect();
    json!({ "image": prediction.image, "predictions": classes, "weights": weights })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::snapshot;

    #[test]
    fn the_text_is_as_in_its_snapshot() {
        let prediction = |image: &str, classes: &[(usize, f32)]| {
            prediction_text(&Prediction { image: image.to_owned(), classes: classes.to_vec() })
        };
        let sure = prediction("photos/seven.png", &[(7, 0.998), (9, 0.0015), (2, 0.0004)]);
        let unsure = prediction("-", &[(25, 0.5), (3, 0.25), (0, 0.25)]);
        snapshot::assert("prediction_text", &format!("{sure}\n{unsure}"));
    }
}
