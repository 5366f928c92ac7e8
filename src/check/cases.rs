//! The plans that kernels are checked with: small models that reach every kernel (tests/operations.rs), every override
//! and the edges of every tile, and whole models.
//!
//! Few layers are square and few images fill their input, so that a kernel that mistakes rows for columns fails.

use strum::VariantArray;

use super::inputs::Inputs;
use super::models::{model, models};
use super::verdict::Effort;
use crate::error::{Error, Result};
use crate::model::{Activation, LayerKind, Loss, Model, Shape};
use crate::plan::{DatasetShape, Plan, Role, Step};
use crate::recipe::Optimizer;
use crate::shell;

/// A plan and a step, to be run with some kinds of input.
#[derive(Debug, Clone)]
pub struct Case {
    /// Unique; with the kind of input, the seed and the kernel it replays a finding.
    pub name: String,
    /// The plan whose operations run.
    pub plan: Plan,
    /// The row of the step.
    pub step: Step,
    /// Kinds of input.
    pub inputs: Vec<Inputs>,
    /// Arguments of `lenet-gpu check` that add it to the cases, with a space before them; empty for a synthetic case.
    pub flags: String,
}

const SGD: Optimizer = Optimizer::Sgd;

/// Room for steps: the part of each has neighbours on both sides.
const STEPS: usize = 3;

/// All cases of `effort`: the synthetic ones, then each of `models` at each of `batches`.
///
/// Errors: a batch of 0.
pub fn cases(models: &[Model], batches: &[usize], effort: Effort) -> Result<Vec<Case>> {
    let mut cases = Synthetic::new(effort).cases()?;
    for model in models {
        for batch in batches {
            let images = Images { height: model.input.height.min(28), width: model.input.width.min(28), count: *batch };
            let inputs = match effort {
                Effort::Thorough => Inputs::ALL.to_vec(),
                Effort::Normal => vec![Inputs::Unit, Inputs::Huge],
                Effort::Quick => vec![Inputs::Unit],
            };
            let name = format!("{}-b{batch}", model.name);
            let flags = format!(" --model {} --batch {batch}", shell::word(model.description().argument()));
            cases.push(Case { flags, ..case(name, model, *batch, images, SGD, everything(), &inputs)? });
        }
    }
    Ok(cases)
}

/// Names of the operations of `cases`, each once, in the order of a step.
pub fn operations(cases: &[Case]) -> Vec<&'static str> {
    let facts = cases.iter().flat_map(|case| &case.plan.ops).map(|op| op.kind.facts());
    let mut found: Vec<(Role, &'static str)> = Vec::new();
    for facts in facts {
        if found.iter().all(|(_, name)| *name != facts.name) {
            found.push((facts.role, facts.name));
        }
    }
    found.sort_by_key(|(role, _)| *role);
    found.into_iter().map(|(_, name)| name).collect()
}

/// The stored images of a case, and how many of them its step takes.
struct Images {
    height: usize,
    width: usize,
    count: usize,
}

fn case(
    name: String,
    model: &Model,
    batch: usize,
    images: Images,
    optimizer: Optimizer,
    step: Step,
    inputs: &[Inputs],
) -> Result<Case> {
    let data = DatasetShape { samples: batch + 5, height: images.height, width: images.width };
    let plan = Plan::training(model, batch, data, optimizer)?.with_steps(STEPS);
    Ok(Case {
        name,
        plan,
        step: Step { count: images.count as u32, ..step },
        inputs: inputs.to_vec(),
        flags: String::new(),
    })
}

/// A step whose fields all matter and all differ.
fn everything() -> Step {
    let step = Step {
        start: 3,
        count: 0,
        row: 1,
        learning_rate: 0.05,
        epsilon: 1e-8,
        weight_decay: 0.01,
        label_smoothing: 0.1,
        ..Step::default()
    };
    step.with_decays(0.9, 0.99, 3)
}

/// A step without momentum, decay and smoothing, in the last row and with a large epsilon.
fn plain() -> Step {
    Step {
        start: 0,
        row: STEPS as u32 - 1,
        learning_rate: 0.5,
        momentum: 0.0,
        beta2: 0.9,
        epsilon: 0.25,
        weight_decay: 0.0,
        label_smoothing: 0.0,
        ..everything()
    }
}

fn conv(channels: usize, kernel: usize, activation: Activation) -> LayerKind {
    LayerKind::conv2d(channels, kernel, activation)
}

fn dense(units: usize, activation: Activation) -> LayerKind {
    LayerKind::Dense { units, activation }
}

/// (channels, height, width), convolutions (channels, kernel, fused with 2x2 max-pooling), classes.
type Convolutions = ((usize, usize, usize), &'static [(usize, usize, bool)], usize);

/// Kernels of 1 to 11, maps around the width of a strip (10 forward, 14 backward), channels around 3 and 4.
const EDGES: &[Convolutions] = &[
    ((1, 8, 16), &[(1, 1, false), (1, 5, false), (3, 3, false)], 3),
    ((2, 9, 14), &[(4, 3, false), (3, 3, false), (2, 5, false)], 4),
    ((1, 19, 18), &[(5, 5, false), (7, 7, false), (1, 1, false)], 5),
    ((3, 13, 23), &[(7, 7, false), (8, 7, false)], 7),
    ((1, 11, 21), &[(8, 3, false), (2, 9, false)], 2),
    ((2, 5, 30), &[(1, 5, false), (13, 1, false)], 13),
    ((4, 4, 33), &[(6, 1, false), (9, 3, false)], 3),
    ((5, 6, 12), &[(2, 1, false), (4, 3, false), (6, 3, false)], 3),
    ((1, 6, 14), &[(3, 1, false), (5, 5, false)], 6),
    ((1, 13, 25), &[(2, 1, false), (3, 11, false)], 3),
    ((1, 21, 6), &[(3, 3, false), (5, 3, false)], 9),
];

/// Convolutions fused with max-pooling: kernels of 1 to 11, maps of odd extents, of one column, and around the strip
/// backward, channels around packs of 4 and pairs of packs, weights too many for a window. The first has ties.
const FUSED: &[Convolutions] = &[
    ((1, 12, 20), &[(3, 1, true), (2, 3, true), (4, 1, false)], 3),
    ((2, 12, 16), &[(5, 3, true), (8, 1, false), (6, 3, false)], 4),
    ((1, 16, 28), &[(9, 5, true), (13, 3, true)], 3),
    ((3, 26, 34), &[(4, 7, true), (7, 9, true)], 5),
    ((2, 20, 16), &[(1, 5, true), (12, 5, true), (1, 1, false)], 3),
    ((1, 12, 36), &[(6, 1, false), (5, 3, true), (3, 3, false)], 3),
    ((2, 14, 30), &[(3, 3, false), (4, 7, true), (11, 3, false)], 3),
    ((1, 14, 16), &[(16, 3, false), (9, 11, true), (5, 1, false)], 3),
];

/// Units of dense layers around tiles of 4, 8, 12, 16, 48 and 64.
const UNITS: &[usize] = &[1, 25, 13, 48, 49, 97, 64, 65, 5];

/// Builds the synthetic cases.
struct Synthetic {
    effort: Effort,
    /// Every kind of input that the effort has.
    all: Vec<Inputs>,
    cases: Vec<Case>,
}

const ONE: &[Inputs] = &[Inputs::Unit];
const TWO: &[Inputs] = &[Inputs::Unit, Inputs::Huge];

impl Synthetic {
    fn new(effort: Effort) -> Self {
        let all = if effort == Effort::Quick { TWO.to_vec() } else { Inputs::ALL.to_vec() };
        Self { effort, all, cases: Vec::new() }
    }

    fn cases(mut self) -> Result<Vec<Case>> {
        self.activations()?;
        self.convolutions("edge", EDGES)?;
        self.convolutions("pooled", FUSED)?;
        self.dense()?;
        self.pools()?;
        self.chunks()?;
        Ok(self.cases)
    }

    fn is_quick(&self) -> bool {
        self.effort == Effort::Quick
    }

    /// A case with SGD and a step in which everything matters.
    fn add(&mut self, name: String, model: &Model, batch: usize, images: Images, inputs: &[Inputs]) -> Result<()> {
        self.cases.push(case(name, model, batch, images, SGD, everything(), inputs)?);
        Ok(())
    }

    /// The small models; images of odd sizes, with an odd border.
    fn activations(&mut self) -> Result<()> {
        let all = self.all.clone();
        for activation in Activation::VARIANTS.iter().copied() {
            for (index, model) in models(activation)?.iter().enumerate() {
                // A quick check takes the first with every activation, the others with one.
                if index > 0 && self.is_quick() && activation != Activation::Tanh {
                    continue;
                }
                let name = format!("{}-{}", model.name, activation.name());
                let images = Images { height: model.input.height - 3, width: model.input.width - 3, count: 35 };
                self.add(name, model, 37, images, if index == 0 { &all } else { TWO })?;
            }
        }
        Ok(())
    }

    fn convolutions(&mut self, name: &str, table: &[Convolutions]) -> Result<()> {
        // A quick check takes every fourth: their pipelines take long to compile.
        let every = if self.is_quick() { 4 } else { 1 };
        for (index, ((channels, height, width), convolutions, classes)) in table.iter().enumerate().step_by(every) {
            let pool = |fused: bool| fused.then_some(LayerKind::MaxPool { size: 2 });
            let layer =
                |(c, k, fused): &(usize, usize, bool)| [conv(*c, *k, Activation::Relu)].into_iter().chain(pool(*fused));
            let layers: Vec<LayerKind> = convolutions.iter().flat_map(layer).collect();
            let model = model(name, Shape::new(*channels, *height, *width), &layers, *classes)?;
            // Images end at each of the four bytes of a word.
            let images = Images { height: height - 1, width: width - 2 - index % 4, count: 35 };
            self.add(format!("{name}-{}", index + 1), &model, 35, images, ONE)?;
        }
        Ok(())
    }

    /// Every optimiser, one block nearly full; and a plan without gradients.
    fn dense(&mut self) -> Result<()> {
        let layers: Vec<LayerKind> = UNITS.iter().map(|units| dense(*units, Activation::Relu)).collect();
        let chain = model("dense", Shape::new(1, 5, 7), &layers, 47)?;
        let masked =
            models(Activation::Tanh)?.into_iter().find(|model| model.loss == Loss::Mse).expect("a model with codes");
        // Nesterov and AdamW run all lines of the kernels of SGD and Adam but one each.
        let every = if self.is_quick() { 2 } else { 1 };
        for optimizer in Optimizer::VARIANTS.iter().copied().skip(every - 1).step_by(every) {
            let mut add = |name: String, step, inputs: &[Inputs]| {
                let images = Images { height: 5, width: 7, count: 31 };
                self.cases.push(case(name, &chain, 31, images, optimizer, step, inputs)?);
                Ok::<(), Error>(())
            };
            add(format!("dense-{}", optimizer.name()), everything(), &self.all)?;
            if self.effort != Effort::Quick {
                add(format!("dense-{}-plain", optimizer.name()), plain(), TWO)?;
            }
            // With parameters that are not trained.
            let images = Images { height: masked.input.height, width: masked.input.width, count: 2 };
            let name = format!("{}-{}", masked.name, optimizer.name());
            self.cases.push(case(name, &masked, 2, images, optimizer, everything(), ONE)?);
        }
        let plan = Plan::evaluation(&chain, 67, DatasetShape { samples: 72, height: 5, width: 7 })?.with_steps(STEPS);
        let step = Step { count: 66, ..everything() };
        let (name, inputs) = ("dense-evaluate".to_owned(), self.all.clone());
        self.cases.push(Case { name, plan, step, inputs, flags: String::new() });
        Ok(())
    }

    fn pools(&mut self) -> Result<()> {
        let sizes: &[usize] = if self.is_quick() { &[3] } else { &[1, 3, 4] };
        for &size in sizes {
            let pools = [LayerKind::MaxPool { size }, LayerKind::AveragePool { size }];
            let layers = [&[conv(3, 1, Activation::Tanh)][..], &pools].concat();
            let model = model("pool", Shape::new(2, size * size, 2 * size * size), &layers, 10)?;
            self.add(format!("pool-{size}"), &model, 33, Images { height: 1, width: 1, count: 33 }, TWO)?;
        }
        let conv = conv(2, 3, Activation::Identity);
        let first = [LayerKind::AveragePool { size: 2 }, LayerKind::MaxPool { size: 1 }, conv];
        let first = model("pool-first", Shape::new(3, 10, 12), &first, 2)?;
        self.add("pool-first".to_owned(), &first, 3, Images { height: 7, width: 10, count: 2 }, TWO)
    }

    /// Batches with several blocks per chunk and a last chunk that is not full; a convolution to a point.
    fn chunks(&mut self) -> Result<()> {
        use Activation::{Relu, Tanh};
        let pool = LayerKind::MaxPool { size: 2 };
        let layers = [conv(3, 3, Relu), conv(5, 3, Relu), pool, conv(6, 3, Tanh), dense(5, Tanh)];
        let chunks = model("chunks", Shape::new(1, 10, 10), &layers, 4)?;
        let batches: &[usize] = if self.is_quick() { &[261] } else { &[129, 261, 600] };
        for &batch in batches {
            let images = Images { height: 9, width: 6, count: batch - 1 };
            self.add(format!("chunks-b{batch}"), &chunks, batch, images, ONE)?;
        }
        if !self.is_quick() {
            for model in models(Tanh)? {
                let images = Images { height: model.input.height - 2, width: model.input.width - 3, count: 260 };
                self.add(format!("chunks-{}", model.name), &model, 261, images, ONE)?;
            }
        }
        Ok(())
    }
}
