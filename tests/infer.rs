//! Trained weights and images from Rust, as `eval` and `predict` use them.

use lenet_gpu::cpu::CpuRunner;
use lenet_gpu::data::{Dataset, Source, Split};
use lenet_gpu::infer::{Predictor, Trained, evaluate};
use lenet_gpu::plan::{Plan, Runner, now};
use lenet_gpu::recipe::Optimizer;

/// The first images of MNIST's test half: one block and a part of a second.
fn images() -> Dataset {
    let mut data = Dataset::load(&Source::Embedded, Split::Test, (32, 32)).unwrap();
    data.images.truncate(40 * data.height * data.width);
    data.labels.truncate(40);
    data
}

fn predictor(trained: &Trained, data: &Dataset) -> Predictor {
    let plan = trained.plan(data).unwrap();
    let runner = Box::new(CpuRunner::new(&plan));
    Predictor::new(trained, plan, runner).unwrap()
}

#[test]
fn logits_probabilities_and_top_agree_with_the_labels() {
    let (trained, data) = (Trained::load(None, None).unwrap(), images());
    let mut predictor = predictor(&trained, &data);
    let evaluation = now(predictor.evaluate(&data)).unwrap();
    assert!(evaluation.score.accuracy() > Some(0.9), "{evaluation:?}");
    let logits = now(predictor.logits(&data)).unwrap();
    let probabilities = now(predictor.probabilities(&data)).unwrap();
    let top = now(predictor.top(&data, 2)).unwrap();
    assert_eq!((logits.len(), probabilities.len(), top.len()), (40 * 10, 40 * 10, 40));
    for (sample, (logits, probabilities)) in logits.chunks(10).zip(probabilities.chunks(10)).enumerate() {
        assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        let [(first, p), (second, q)] = top[sample][..] else { panic!("two classes were asked for") };
        assert_eq!((p, q), (probabilities[first], probabilities[second]));
        assert!(p >= q && logits.iter().all(|logit| *logit <= logits[first]));
    }
    let right = top.iter().zip(&data.labels).filter(|(top, label)| top[0].0 == usize::from(**label)).count();
    assert_eq!(right as f64, evaluation.score.correct);
}

#[test]
fn the_plan_has_no_gradients_and_no_optimiser_and_gives_the_results_of_one_that_has() {
    let (trained, data) = (Trained::load(None, None).unwrap(), images());
    let plan = trained.plan(&data).unwrap();
    let training = Plan::training(&trained.model, plan.batch, plan.data, Optimizer::Adam).unwrap();
    assert_eq!((plan.gradients, plan.states.len()), (None, 0));
    assert!(plan.bytes() < training.bytes(), "{} and {} bytes", plan.bytes(), training.bytes());

    let mut runner = CpuRunner::new(&training);
    let flat = training.layout.pack(&trained.tensors).unwrap();
    runner.write_f32(training.parameters, 0, &flat).unwrap();
    let expected = now(evaluate(&mut runner, &training, &data)).unwrap();
    assert_eq!(now(predictor(&trained, &data).evaluate(&data)).unwrap(), expected);
}

#[test]
fn images_that_the_plan_is_not_for_are_refused() {
    let (trained, data) = (Trained::load(None, None).unwrap(), images());
    let mut predictor = predictor(&trained, &data);
    let smaller = Dataset::unlabelled("drawings", (14, 14), vec![0; 4 * 14 * 14]).unwrap();
    let error = now(predictor.top(&smaller, 1)).unwrap_err();
    assert_eq!(error.to_string(), "drawings: images of 14x14, but the plan is for images of 28x28");
    let more = Dataset::unlabelled("drawings", (28, 28), vec![0; 41 * 28 * 28]).unwrap();
    assert!(now(predictor.top(&more, 1)).unwrap_err().to_string().contains("do not fit buffer images"));
    let mislabelled = Dataset { labels: vec![10; 40], ..data };
    assert!(now(predictor.evaluate(&mislabelled)).unwrap_err().to_string().contains("sample 0 has label 10"));
    let error = Dataset::unlabelled("drawings", (28, 28), vec![0; 29 * 28]).unwrap_err();
    assert_eq!(error.to_string(), "drawings: 812 bytes are not whole images of 28x28");
}
