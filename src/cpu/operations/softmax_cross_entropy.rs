//! Softmax and cross-entropy: probabilities, class, the gradient, and sums of scores.

use crate::cpu::accumulator::Sum;
use crate::cpu::layout::Samples;
use crate::model;
use crate::plan::{self, MASKED, Step};

/// Outputs of [`forward`].
pub struct Loss<'a, W> {
    /// `[block][class][sample]` f32.
    pub probabilities: &'a mut [W],
    /// Gradient of the mean loss with respect to the logits, `[block][class][sample]` f32; empty if nobody wants it.
    pub dlogits: &'a mut [W],
    /// `[block][loss, correct, samples, 0]` f32, sums over the samples that are not masked.
    pub metrics: &'a mut [W],
    /// Class of each of the step's samples, `[count]` u32.
    pub predictions: &'a mut [W],
}

/// Loss of each sample and its gradient.
///
/// ```text
/// Shapes:  logits [block,class,n] f32  targets [block,n] u32  ->  the fields of Loss
/// Math:    p = softmax(logits), t = (1 - s) onehot(target) + s / classes with s the label smoothing;
///          loss = - scale * sum over classes of t log p; dlogits = scale * (p - t) / count; the prediction is the
///          first largest logit. A masked sample has a probability, but loss 0 and gradient 0.
///          Map: the softmax has one more logit, -j, which is no class.
///          Mse: loss = - scale * sum over classes of t * logit; dlogits = - scale * t / count
/// Source:  PyTorch's CrossEntropyLoss with label_smoothing and the mean reduction; LeCun et al. 1998, equations 8
///          and 9 with logits that are minus distances
/// ```
pub fn forward<S: Sum>(
    samples: Samples,
    op: &plan::Loss,
    step: &Step,
    logits: &[f32],
    targets: &[u32],
    loss: Loss<'_, S::Word>,
) {
    let (size, classes, scale) = (samples.size, op.classes, f64::from(op.scale));
    let rubbish = match op.kind {
        model::Loss::Map { j } => Some(f64::from(-j as f32)),
        model::Loss::SoftmaxCrossEntropy | model::Loss::Mse => None,
    };
    let rivals = op.kind != model::Loss::Mse;
    let smoothing = f64::from(step.label_smoothing);
    loss.dlogits.fill(S::ZERO.word());
    let mut sums = vec![[S::ZERO; 4]; targets.len() / size];
    for (n, target) in targets.iter().enumerate().filter(|(n, _)| n % size < samples.live) {
        let at = |class| (n / size * classes + class) * size + n % size;
        let best = (1..classes).fold(0, |best, class| if logits[at(class)] > logits[at(best)] { class } else { best });

        // Relative to the largest, so that exp does not overflow. An error e of its argument is a relative error e of
        // its value, hence 1 + |argument|.
        let largest = f64::from(logits[at(best)]).max(rubbish.unwrap_or(f64::NEG_INFINITY));
        let relative = |class| f64::from(logits[at(class)]) - largest;
        let exponential = |argument: f64| S::of(argument.exp(), argument.exp() * (1.0 + argument.abs()));
        let power = |class| exponential(relative(class));
        let total = rubbish.map_or(S::ZERO, |logit| exponential(logit - largest));
        let total = (0..classes).fold(total, |total, class| total.plus(power(class)));
        let total_spread = total.magnitude() / total.value();

        let mut sample_loss = S::ZERO;
        for class in 0..classes {
            let p = power(class).value() / total.value();
            let p = S::of(p, power(class).magnitude() / total.value() + p * total_spread);
            loss.probabilities[at(class)] = p.word();
            if *target == MASKED {
                continue;
            }
            let hot = if *target as usize == class { 1.0 - smoothing } else { 0.0 };
            let t = hot + smoothing / classes as f64;
            let dlogit = if rivals { p } else { S::ZERO }.plus(S::of(-t, t)).times(scale / f64::from(step.count));
            if let Some(word) = loss.dlogits.get_mut(at(class)) {
                *word = dlogit.word();
            }
            let surprise = match rivals {
                true => {
                    let terms = total.value().ln().abs() + total_spread + relative(class).abs();
                    S::of(total.value().ln() - relative(class), terms)
                }
                false => S::exact(-logits[at(class)]),
            };
            sample_loss = sample_loss.plus(surprise.times(t * scale));
        }
        if *target != MASKED {
            let correct = if *target as usize == best { 1.0 } else { 0.0 };
            let scores = [sample_loss, S::exact(correct), S::exact(1.0)];
            sums[n / size].iter_mut().zip(scores).for_each(|(sum, score)| *sum = sum.plus(score));
            loss.predictions[n] = S::integer(best as u32);
        }
    }
    loss.metrics.iter_mut().zip(sums.as_flattened()).for_each(|(word, sum)| *word = sum.word());
}
