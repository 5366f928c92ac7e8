//! Accuracy, loss, precision and recall per class, confusion matrix.

use serde_json::{Value, json};

use super::text::{percent, table, thousands};
use crate::infer::Evaluation;
use crate::plan::Device;

/// For people.
pub fn evaluation_text(evaluation: &Evaluation) -> String {
    let Evaluation { score, confusion } = evaluation;
    let classes = confusion.len();
    let mut measures = vec![["class", "precision", "recall", "images"].map(str::to_owned).to_vec()];
    measures.extend((0..classes).map(|class| {
        let images = confusion[class].iter().sum();
        vec![
            class.to_string(),
            percent(evaluation.precision(class), 2),
            percent(evaluation.recall(class), 2),
            thousands(images),
        ]
    }));
    let mut matrix = vec![std::iter::once(String::new()).chain((0..classes).map(|c| c.to_string())).collect()];
    matrix.extend(confusion.iter().enumerate().map(|(label, row)| {
        std::iter::once(label.to_string()).chain(row.iter().map(u64::to_string)).collect::<Vec<_>>()
    }));
    format!(
        "accuracy  {} ({} of {} images)\nloss      {}\n\n{}\n\nconfusion, a row per label, a column per prediction\n{}",
        percent(score.accuracy(), 2),
        thousands(score.correct as u64),
        thousands(score.count as u64),
        score.mean_loss().map_or("-".to_owned(), |loss| format!("{loss:.5}")),
        table(&measures, &[true; 4]),
        table(&matrix, &vec![true; classes + 1])
    )
}

/// As one object; `confusion` has a row per label and a column per prediction.
pub fn evaluation_json(evaluation: &Evaluation, weights: &str, split: &str, device: &Device) -> Value {
    let Evaluation { score, confusion } = evaluation;
    let each = |measure: &dyn Fn(usize) -> Option<f64>| (0..confusion.len()).map(measure).collect::<Vec<_>>();
    json!({
        "accuracy": score.accuracy(),
        "loss": score.mean_loss(),
        "samples": score.count as u64,
        "split": split,
        "precision": each(&|class| evaluation.precision(class)),
        "recall": each(&|class| evaluation.recall(class)),
        "confusion": confusion,
        "weights": weights,
        "adapter": device.name,
        "backend": device.backend,
        "kernel_set": device.kernels,
        "shaders": device.shaders,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::Score;
    use crate::report::snapshot;

    #[test]
    fn every_form_is_as_in_its_snapshot() {
        // Nothing is of class 2, and nothing was taken for it.
        let confusion = vec![vec![1_200, 34, 0], vec![5, 678, 0], vec![0, 0, 0]];
        let score = Score { loss: 123.4, correct: 1_878.0, count: 1_917.0 };
        snapshot::assert("evaluation_text", &evaluation_text(&Evaluation { score, confusion }));
        let nothing = Evaluation { score: Score::default(), confusion: vec![vec![0; 2]; 2] };
        snapshot::assert("evaluation_text_of_no_image", &evaluation_text(&nothing));
    }
}
