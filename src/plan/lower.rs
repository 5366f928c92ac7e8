//! Lowering: a model at a batch size -> a plan, stage by stage.

use super::facts::Role;
use super::layout::{Blocks, PACK, QUAD};
use super::operations::Site;
use super::stage::{Stage, stages};
use super::{
    BufferId, BufferSpec, Content, DatasetShape, Element, Gather, Loss, MOST_STEPS, Op, OpKind, ParameterLayout,
    Partials, Phase, Plan, Segment,
};
use crate::error::{Error, Result};
use crate::model::{Activation, Model, Shape};
use crate::recipe::Optimizer;

impl Plan {
    /// Lowers `model` for training steps of at most `batch` samples of a dataset of shape `data`.
    ///
    /// Errors: an image larger than the model's input, a batch of 0 or larger than the dataset, a layer with the name
    /// of a buffer.
    pub fn training(model: &Model, batch: usize, data: DatasetShape, optimizer: Optimizer) -> Result<Self> {
        Lowering::new(model, batch, data)?.plan(Some(optimizer))
    }

    /// Lowers `model` for evaluation alone: no gradients, no state of an optimiser.
    ///
    /// Errors: those of [`Plan::training`].
    pub fn evaluation(model: &Model, batch: usize, data: DatasetShape) -> Result<Self> {
        Lowering::new(model, batch, data)?.plan(None)
    }
}

/// An activation buffer as the next stage sees it.
#[derive(Clone, Copy)]
struct Flow {
    buffer: BufferId,
    /// Gradient of the loss with respect to the sums behind `buffer`; none for the input.
    gradient: Option<BufferId>,
    activation: Activation,
}

/// Buffers that all stages share.
#[derive(Clone, Copy)]
struct Shared {
    parameters: BufferId,
    /// None in a plan that only evaluates.
    partials: Option<BufferId>,
}

struct Lowering<'a> {
    model: &'a Model,
    batch: usize,
    data: DatasetShape,
    layout: ParameterLayout,
    buffers: Vec<BufferSpec>,
    segments: Vec<Segment>,
    forward: Vec<Op>,
    /// Built front to back, run back to front: a layer's weights before its input.
    backward: Vec<Op>,
    /// Most steps per submission.
    steps: usize,
    blocks: Blocks,
}

/// Room for the gathered samples of a submission, bytes.
const GATHERED_BYTES: usize = 8 << 20;

impl<'a> Lowering<'a> {
    fn new(model: &'a Model, batch: usize, data: DatasetShape) -> Result<Self> {
        if data.height > model.input.height || data.width > model.input.width {
            return Err(Error::input(
                format!(
                    "images of {}x{} do not fit the input of {}, {}x{}",
                    data.height, data.width, model.name, model.input.height, model.input.width
                ),
                "use images no larger than the model's input",
            ));
        }
        if batch == 0 || batch > data.samples {
            return Err(Error::input(
                format!("a batch of {batch} samples: the data has {}", data.samples),
                "choose a batch from 1 to the number of samples",
            ));
        }
        let layout = ParameterLayout::new(model);
        let bytes = stages(model).first().is_some_and(Stage::is_fused);
        let step_bytes = Blocks::of(batch).samples() * model.input.elements() * if bytes { 1 } else { 4 };
        let steps = (GATHERED_BYTES / step_bytes).clamp(1, MOST_STEPS);
        let (buffers, segments, forward, backward) = Default::default();
        Ok(Self { model, batch, data, layout, buffers, segments, forward, backward, steps, blocks: Blocks::of(batch) })
    }

    fn buffer(&mut self, name: impl Into<String>, element: Element, words: usize, content: Content) -> BufferId {
        self.buffers.push(BufferSpec {
            name: name.into(),
            element,
            words: words.next_multiple_of(4).max(4),
            content,
            constant: None,
        });
        BufferId(self.buffers.len() - 1)
    }

    fn integers(&mut self, name: &str, words: usize) -> BufferId {
        self.buffer(name, Element::U32, words, Content::Other)
    }

    fn floats(&mut self, name: &str, words: usize) -> BufferId {
        self.buffer(name, Element::F32, words, Content::Other)
    }

    /// A buffer with one word per word of the parameters.
    fn per_parameter(&mut self, name: &str) -> BufferId {
        self.buffer(name, Element::F32, self.layout.words, Content::Parameters)
    }

    fn activations(&mut self, name: impl Into<String>, shape: Shape) -> BufferId {
        let words = self.blocks.samples() * shape.elements();
        self.buffer(name, Element::F32, words, Content::Activations(shape))
    }

    fn plan(mut self, optimizer: Option<Optimizer>) -> Result<Plan> {
        let data = self.data;
        let images = self.integers("images", (data.samples * data.height * data.width).div_ceil(4));
        let labels = self.integers("labels", data.samples);
        let order = self.integers("order", data.samples);
        let parameters = self.per_parameter("parameters");
        let targets = self.integers("targets", self.steps * self.blocks.samples());
        // Its length is known once every layer has its segment.
        let partials = optimizer.map(|_| self.floats("partials", 0));
        let gradients = optimizer.map(|_| self.per_parameter("gradients"));
        let states = optimizer.map_or(&[][..], Optimizer::states);
        let states: Vec<BufferId> = states.iter().map(|name| self.per_parameter(name)).collect();
        let mask = optimizer.and_then(|_| self.layout.mask()).map(|mask| {
            let buffer = self.per_parameter("mask");
            self.buffers[buffer.0].constant = Some(bytemuck::cast_vec(mask));
            buffer
        });

        let model = self.model;
        let stages = stages(model);
        let mut flow = self.gather(&stages, [images, labels, order, targets]);
        for stage in &stages {
            flow = self.stage(stage, flow, Shared { parameters, partials });
        }
        let [probabilities, predictions, metrics] = self.loss(flow, targets);
        let mut ops = self.forward;
        let input = ops[0].buffers[3];
        let mut phases = vec![(Phase::Evaluate, (0..ops.len()).collect())];
        if let (Some(optimizer), Some(partials), Some(gradients)) = (optimizer, partials, gradients) {
            let update = |kind: OpKind| {
                let argument = |name| match name {
                    "partials" => partials,
                    "gradients" | "new_gradients" => gradients,
                    "mask" => mask.expect("a masked operation is of a plan with a mask"),
                    "parameters" => parameters,
                    state => states[optimizer.states().iter().position(|s| *s == state).expect("a state")],
                };
                let buffers = kind.facts().arguments.iter().map(|a| argument(a.name)).collect();
                Op { layer: "update".to_owned(), kind, buffers }
            };
            self.buffers[partials.0].words = self.segments.iter().map(|s| s.partials.length()).sum::<usize>().max(4);
            ops.extend(self.backward.into_iter().rev());
            let (segments, words, masked) = (self.segments, self.layout.words, mask.is_some());
            let before = ops.len();
            ops.push(update(OpKind::SumGradients { segments: segments.clone(), masked }));
            ops.push(update(OpKind::Update { optimizer, words, masked }));
            ops.push(update(OpKind::SumAndUpdate { segments, optimizer, words, masked }));
            phases.push((Phase::Gradients, (0..=before).collect()));
            phases.push((Phase::Update, vec![before + 1]));
            phases.push((Phase::Train, (0..before).chain([before + 2]).collect()));
        }
        unique_names(model, &self.buffers)?;
        Ok(Plan {
            model: model.clone(),
            batch: self.batch,
            steps: self.steps,
            blocks: self.blocks,
            data,
            buffers: self.buffers,
            ops,
            phases,
            layout: self.layout,
            images,
            labels,
            order,
            input,
            targets,
            parameters,
            gradients,
            states,
            logits: flow.buffer,
            probabilities,
            predictions,
            metrics,
        })
    }

    /// Adds the samples of a submission: as bytes if the first stage is fused, a quarter of the words, else as values.
    fn gather(&mut self, stages: &[Stage], [images, labels, order, targets]: [BufferId; 4]) -> Flow {
        let input = self.model.input;
        let bytes = stages.first().is_some_and(Stage::is_fused);
        let buffer = if bytes {
            let words = self.steps * self.blocks.samples() / QUAD * input.elements();
            self.buffer("input.bytes", Element::U32, words, Content::Bytes(input))
        } else {
            let words = self.steps * self.blocks.samples() * input.elements();
            self.buffer("input", Element::F32, words, Content::Activations(input))
        };
        let kind = OpKind::Gather(Gather {
            image_height: self.data.height,
            image_width: self.data.width,
            input,
            levels: self.model.levels(),
            bytes,
        });
        self.forward.push(Op {
            layer: "input".to_owned(),
            kind,
            buffers: vec![images, labels, order, buffer, targets],
        });
        Flow { buffer, gradient: None, activation: Activation::Identity }
    }

    /// Adds the operations of `stage`, behind `from`. Each names its buffers as arguments.
    fn stage(&mut self, stage: &Stage, from: Flow, shared: Shared) -> Flow {
        let last = stage.last();
        let buffer = self.activations(last.name.clone(), last.output);
        let gradient = shared.partials.map(|_| self.activations(format!("{}.gradient", last.name), last.output));
        let argmax = stage.is_fused().then(|| {
            let Shape { channels, height, width } = last.output;
            let words = self.blocks.samples() / QUAD * channels.div_ceil(PACK) * height * width;
            self.buffer(format!("{}.argmax", last.name), Element::U32, words, Content::Argmax(last.output))
        });
        let layer = &stage.first().name;
        let bytes = self.buffers[from.buffer.0].element == Element::U32;
        let levels = bytes.then(|| self.model.levels());
        let segment = &mut |rows, per_slot, slots| self.segment(layer, rows, per_slot, slots);
        let kinds = OpKind::of(stage, &mut Site { input_activation: from.activation, bytes: levels, segment });
        let argument = |name| match name {
            "x" | "input_bytes" => Some(from.buffer),
            "y" => Some(buffer),
            "dy" => gradient,
            "x_gradient" => from.gradient,
            "argmax" | "new_argmax" => argmax,
            "parameters" => Some(shared.parameters),
            "partials" => shared.partials,
            other => panic!("no stage has a buffer for the argument {other}"),
        };
        for kind in kinds {
            let facts = kind.facts();
            // An operation without one of its buffers is left out: without gradients, or into the input.
            let Some(buffers) = facts.arguments.iter().map(|s| argument(s.name)).collect() else { continue };
            let op = Op { layer: layer.clone(), kind, buffers };
            if facts.role == Role::Forward { self.forward.push(op) } else { self.backward.push(op) }
        }
        Flow { buffer, gradient, activation: stage.first().activation() }
    }

    /// Adds loss and metrics. Returns the buffers of probabilities, predictions and metrics.
    fn loss(&mut self, logits: Flow, targets: BufferId) -> [BufferId; 3] {
        let (classes, batch) = (self.model.classes(), self.batch);
        let probabilities = self.activations("probabilities", Shape::new(classes, 1, 1));
        let predictions = self.integers("predictions", self.data.samples);
        let metrics = self.floats("metrics", self.steps * self.blocks.count * 4);
        let (kind, scale) = (self.model.loss, self.model.loss_scale());
        let loss = Loss { classes, kind, scale, batch, gradient: logits.gradient.is_some() };
        let buffers = [logits.buffer, targets, probabilities, metrics, predictions].into_iter().chain(logits.gradient);
        let (layer, kind) = ("loss".to_owned(), OpKind::SoftmaxCrossEntropy(loss));
        self.forward.push(Op { layer, kind, buffers: buffers.collect() });
        [probabilities, predictions, metrics]
    }

    /// Adds a layer's segment. Returns the first words of its weights and bias, and the layout of its partials.
    fn segment(
        &mut self,
        layer: &str,
        rows_per_block: usize,
        fewest_rows: usize,
        most_slots: usize,
    ) -> (usize, usize, Partials) {
        let tensor =
            |kind: &str| self.layout.get(&format!("{layer}.{kind}")).map(|placed| (placed.first, placed.words));
        let (weights, weight_words) = tensor("weight").expect("a layer with a segment has a weight");
        let (bias, bias_words) = tensor("bias").unwrap_or((weights + weight_words, 0));
        let rows = self.blocks.count * rows_per_block;
        let rows_per_slot = rows.div_ceil(most_slots.max(1)).max(fewest_rows.min(rows)).max(1);
        let partials = Partials {
            first: self.segments.last().map_or(0, |s| s.partials.first + s.partials.length()),
            words: weight_words + bias_words,
            slots: rows.div_ceil(rows_per_slot),
            rows_per_slot,
            samples: self.blocks.size,
        };
        self.segments.push(Segment { first: weights, partials });
        (weights, bias, partials)
    }
}

/// Errors: a layer with the name of a buffer.
fn unique_names(model: &Model, buffers: &[BufferSpec]) -> Result<()> {
    let mut names: Vec<&str> = buffers.iter().map(|buffer| buffer.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => Err(Error::input(
            format!("model {}: a layer is named {}, which is the name of a buffer", model.name, pair[0]),
            "give the layer another name",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Other programs crash where memory grows faster than the batch.
    #[test]
    fn memory_grows_by_the_same_for_each_image() {
        let model = Model::preset("lenet5").unwrap();
        let data = DatasetShape { samples: 60_000, height: 28, width: 28 };
        let bytes = |batch| Plan::training(&model, batch, data, Optimizer::Sgd).unwrap().bytes() as f64;
        let an_image = |from: usize, to: usize| (bytes(to) - bytes(from)) / (to - from) as f64;
        assert!(an_image(2048, 4096) <= 1.05 * an_image(512, 1024));
        assert!(bytes(4096) > bytes(1));
    }
}
