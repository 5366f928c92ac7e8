//! Lowering: a model, a batch size and an optimiser -> a plan.

use super::op::blocks;
use super::*;
use crate::error::{Error, Result};
use crate::model::{Activation, Layer, LayerKind, Model, Shape};

/// The rule that turns gradients into new parameters. `w` is the parameter, `g` its gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Optimizer {
    /// `g += decay w; m = momentum m + g; w -= rate m` (Nesterov: `w -= rate (g + momentum m)`).
    Sgd {
        /// Look ahead along the momentum.
        nesterov: bool,
    },
    /// Adam (Kingma and Ba 2015), weight decay added to the gradient.
    Adam,
    /// Adam with weight decay applied to the parameter itself (Loshchilov and Hutter 2019).
    AdamW,
}

impl Optimizer {
    /// State buffers it keeps: 1 (momentum) or 2 (and variance).
    pub fn states(self) -> usize {
        match self {
            Self::Sgd { .. } => 1,
            Self::Adam | Self::AdamW => 2,
        }
    }
}

/// A training step of one model at one batch size.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The model it was lowered from.
    pub model: Model,
    /// Most samples a step.
    pub batch: usize,
    /// The dataset it has room for.
    pub data: DatasetShape,
    /// Every buffer; a [`BufferId`] is a place in this list.
    pub buffers: Vec<BufferSpec>,
    /// Every operation in order: first those of [`Phase::Evaluate`], then the rest of [`Phase::Train`].
    pub ops: Vec<Op>,
    /// How many of `ops` belong to [`Phase::Evaluate`].
    pub evaluate_ops: usize,
    /// Layout of the flat parameter buffers.
    pub layout: ParameterLayout,
    /// Images of the dataset, bytes, `[sample][row][column]`, four a word.
    pub images: BufferId,
    /// Labels of the dataset, one a word.
    pub labels: BufferId,
    /// Which sample of the dataset comes when: a permutation.
    pub order: BufferId,
    /// Flat parameters.
    pub parameters: BufferId,
    /// Flat gradients, summed over the batch.
    pub gradients: BufferId,
    /// State of the optimiser: momentum, and for Adam also variance.
    pub states: Vec<BufferId>,
    /// Logits of the last step, `[block][class][sample]`: the output of the last layer.
    pub logits: BufferId,
    /// Class probabilities of the last step, `[block][class][sample]`.
    pub probabilities: BufferId,
    /// Predicted class of each sample, by its place in `order`.
    pub predictions: BufferId,
    /// Metrics of the steps of a submission, one row a step.
    pub metrics: BufferId,
}

/// What the plan must know of a dataset: how many images at most, and their size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatasetShape {
    /// Most samples that will be loaded at one time.
    pub samples: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
}

/// Rows of the metrics buffer: the most steps one submission may have.
pub const MOST_STEPS: usize = 256;

/// Chunks that a batch is cut into for the weight gradients of a convolution, at most: enough to keep a
/// machine busy, few enough that adding them up stays cheap.
const CONV2D_CHUNKS: usize = 8;

/// The same for a dense layer, which has more weights: more threads without chunks, and more to add up.
const DENSE_CHUNKS: usize = 2;

impl Plan {
    /// Lowers `model` for steps of at most `batch` samples of a dataset of shape `data`.
    ///
    /// Errors: an image larger than the model's input, a batch of 0 or larger than the dataset.
    pub fn new(model: &Model, batch: usize, data: DatasetShape, optimizer: Optimizer) -> Result<Self> {
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
        Ok(Lowering::new(model, batch, data).plan(optimizer))
    }

    /// The operations of `phase`, in order.
    pub fn phase(&self, phase: Phase) -> &[Op] {
        match phase {
            Phase::Train => &self.ops,
            Phase::Evaluate => &self.ops[..self.evaluate_ops],
        }
    }

    /// The description of `buffer`.
    pub fn buffer(&self, buffer: BufferId) -> &BufferSpec {
        &self.buffers[buffer.0]
    }

    /// The buffer called `name`.
    pub fn find(&self, name: &str) -> Option<BufferId> {
        self.buffers.iter().position(|b| b.name == name).map(BufferId)
    }

    /// Blocks of samples in a step.
    pub fn blocks(&self) -> usize {
        blocks(self.batch)
    }

    /// Bytes of all buffers together.
    pub fn bytes(&self) -> u64 {
        self.buffers.iter().map(|b| 4 * b.words as u64).sum()
    }
}

/// An activation buffer as the next layer sees it.
#[derive(Clone, Copy)]
struct Flow {
    buffer: BufferId,
    /// Gradient of the loss with respect to the sums behind `buffer`; none for the input.
    gradient: Option<BufferId>,
    activation: Activation,
}

struct Lowering<'a> {
    model: &'a Model,
    batch: usize,
    data: DatasetShape,
    layout: ParameterLayout,
    buffers: Vec<BufferSpec>,
    segments: Vec<Segment>,
}

impl<'a> Lowering<'a> {
    fn new(model: &'a Model, batch: usize, data: DatasetShape) -> Self {
        Self { model, batch, data, layout: ParameterLayout::new(model), buffers: Vec::new(), segments: Vec::new() }
    }

    fn buffer(&mut self, name: impl Into<String>, element: Element, words: usize) -> BufferId {
        self.buffers.push(BufferSpec { name: name.into(), element, words: words.next_multiple_of(4).max(4) });
        BufferId(self.buffers.len() - 1)
    }

    fn activations(&mut self, name: impl Into<String>, shape: Shape) -> BufferId {
        self.buffer(name, Element::F32, blocks(self.batch) * BLOCK * shape.elements())
    }

    fn plan(mut self, optimizer: Optimizer) -> Plan {
        let model = self.model;
        let data = self.data;
        let images = self.buffer("images", Element::U32, (data.samples * data.height * data.width).div_ceil(4));
        let labels = self.buffer("labels", Element::U32, data.samples);
        let order = self.buffer("order", Element::U32, data.samples);
        let parameters = self.buffer("parameters", Element::F32, self.layout.words);
        let partials = BufferId(self.buffers.len());
        self.buffers.push(BufferSpec { name: "partials".to_owned(), element: Element::F32, words: 0 });
        let gradients = self.buffer("gradients", Element::F32, self.layout.words);
        let states: Vec<BufferId> = ["momentum", "variance"][..optimizer.states()]
            .iter()
            .map(|name| self.buffer(*name, Element::F32, self.layout.words))
            .collect();
        // A convolution with max-pooling reads bytes as they are: a quarter of the loads.
        let bytes = matches!(
            model.layers[..],
            [Layer { kind: LayerKind::Conv2d { .. }, .. }, Layer { kind: LayerKind::MaxPool { size: 2 }, .. }, ..]
        );
        let levels = [model.background, model.foreground];
        let x = match bytes {
            true => self.buffer("input.bytes", Element::U32, blocks(self.batch) * QUADS * model.input.elements()),
            false => self.activations("input", model.input),
        };
        let targets = self.buffer("targets", Element::U32, blocks(self.batch) * BLOCK);

        let mut ops = vec![Op {
            layer: "input".to_owned(),
            kind: OpKind::Gather(Gather {
                image_height: data.height,
                image_width: data.width,
                input: model.input,
                levels,
                bytes,
            }),
            buffers: vec![images, labels, order, x, targets],
        }];
        let mut backward: Vec<Op> = Vec::new();
        let mut flow = Flow { buffer: x, gradient: None, activation: Activation::Identity };
        let mut layers = model.layers.iter().peekable();
        while let Some(layer) = layers.next() {
            let maps = layer.output.height * layer.output.width > 1;
            let convolves = matches!(layer.kind, LayerKind::Conv2d { .. }) && maps;
            // What the layer and the pooling that is one with it put out together.
            let pooling = layers.next_if(|next| convolves && next.kind == LayerKind::MaxPool { size: 2 });
            let last = pooling.unwrap_or(layer);
            let y = self.activations(last.name.clone(), last.output);
            let dy = self.activations(format!("{}.gradient", last.name), last.output);
            let op = |kind, buffers| Op { layer: layer.name.clone(), kind, buffers };
            let x = flow.buffer;
            // Built front to back, run back to front: a layer's weights before its input.
            match layer.kind {
                LayerKind::Conv2d { kernel, activation, .. } if maps => {
                    let (weights, bias, partial) = self.parameters(&layer.name, CONV2D_CHUNKS, QUADS);
                    let conv = Conv2d {
                        input: layer.input,
                        output: layer.output,
                        max_pool: pooling.is_some(),
                        levels: (bytes && flow.gradient.is_none()).then_some(levels),
                        kernel,
                        activation,
                        input_activation: flow.activation,
                        weights,
                        bias,
                        partials: partial,
                    };
                    let winners = pooling.map(|pooling| {
                        let words = conv.winner_words(blocks(self.batch));
                        self.buffer(format!("{}.winners", pooling.name), Element::U32, words)
                    });
                    let with_winners =
                        |buffers: &[BufferId], rest: &[BufferId]| [buffers, winners.as_slice(), rest].concat();
                    ops.push(op(OpKind::Conv2dForward(conv), with_winners(&[x, parameters, y], &[])));
                    if let Some(dx) = flow.gradient {
                        let buffers = with_winners(&[dy, parameters, x], &[dx]);
                        backward.push(op(OpKind::Conv2dBackwardInput(conv), buffers));
                    }
                    let buffers = with_winners(&[x, dy], &[partials]);
                    backward.push(op(OpKind::Conv2dBackwardWeights(conv), buffers));
                }
                // A convolution whose output is 1x1 is a dense layer over its whole input.
                LayerKind::Conv2d { activation, .. } | LayerKind::Dense { activation, .. } => {
                    let (weights, bias, partial) = self.parameters(&layer.name, DENSE_CHUNKS, 1);
                    let dense = Dense {
                        inputs: layer.input.elements(),
                        outputs: layer.output.elements(),
                        activation,
                        input_activation: flow.activation,
                        weights,
                        bias,
                        partials: partial,
                    };
                    ops.push(op(OpKind::DenseForward(dense), vec![x, parameters, y]));
                    if let Some(dx) = flow.gradient {
                        backward.push(op(OpKind::DenseBackwardInput(dense), vec![dy, parameters, x, dx]));
                    }
                    backward.push(op(OpKind::DenseBackwardWeights(dense), vec![x, dy, partials]));
                }
                LayerKind::MaxPool { size } | LayerKind::AveragePool { size } => {
                    let pool =
                        Pool { input: layer.input, output: layer.output, size, input_activation: flow.activation };
                    let (forward, back) = match layer.kind {
                        LayerKind::MaxPool { .. } => (OpKind::MaxPoolForward(pool), OpKind::MaxPoolBackward(pool)),
                        _ => (OpKind::AveragePoolForward(pool), OpKind::AveragePoolBackward(pool)),
                    };
                    ops.push(op(forward, vec![x, y]));
                    if let Some(dx) = flow.gradient {
                        backward.push(op(back, vec![x, dy, dx]));
                    }
                }
            }
            flow = Flow { buffer: y, gradient: Some(dy), activation: layer.activation() };
        }

        let classes = model.classes();
        let probabilities = self.activations("probabilities", Shape::new(classes, 1, 1));
        let scores = self.buffer("scores", Element::F32, blocks(self.batch) * BLOCK * 4);
        let predictions = self.buffer("predictions", Element::U32, data.samples);
        let metrics = self.buffer("metrics", Element::F32, MOST_STEPS * 4);
        let loss = |kind, buffers| Op { layer: "loss".to_owned(), kind, buffers };
        let dlogits = flow.gradient.unwrap_or(flow.buffer);
        ops.push(loss(
            OpKind::SoftmaxCrossEntropy { classes },
            vec![flow.buffer, targets, probabilities, dlogits, scores, predictions],
        ));
        ops.push(loss(OpKind::SumScores, vec![scores, metrics]));
        let evaluate_ops = ops.len();

        backward.reverse();
        ops.extend(backward);
        let update = |kind, buffers| Op { layer: "update".to_owned(), kind, buffers };
        ops.push(update(OpKind::SumGradients(self.segments.clone()), vec![partials, gradients]));
        let written = [vec![gradients, parameters], states.clone()].concat();
        ops.push(update(OpKind::Update { optimizer, words: self.layout.words }, written));

        self.buffers[partials.0].words =
            self.segments.iter().map(|s| s.partials.words * s.partials.slots).sum::<usize>().max(4);
        Plan {
            model: model.clone(),
            batch: self.batch,
            data,
            buffers: self.buffers,
            ops,
            evaluate_ops,
            layout: self.layout,
            images,
            labels,
            order,
            parameters,
            gradients,
            states,
            logits: flow.buffer,
            probabilities,
            predictions,
            metrics,
        }
    }

    /// First words of a layer's weights and bias, and the place of its partial gradients.
    fn parameters(&mut self, layer: &str, most_chunks: usize, slots_per_chunk: usize) -> (usize, usize, Partials) {
        let place = |kind: &str| {
            let placed = self.layout.get(&format!("{layer}.{kind}")).expect("every trained layer has its tensors");
            (placed.first, placed.words)
        };
        let ((weights, weight_words), (bias, bias_words)) = (place("weight"), place("bias"));
        let blocks = blocks(self.batch);
        let blocks_per_chunk = blocks.div_ceil(most_chunks);
        let partials = Partials {
            first: self.segments.last().map_or(0, |s| s.partials.first + s.partials.words * s.partials.slots),
            words: weight_words + bias_words,
            slots: blocks.div_ceil(blocks_per_chunk) * slots_per_chunk,
            blocks_per_chunk,
        };
        self.segments.push(Segment { first: weights, partials });
        (weights, bias, partials)
    }
}
