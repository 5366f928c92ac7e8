//! One layer: kind, shapes, costs.

use serde::{Deserialize, Serialize};

use super::codes::Codes;
use super::tensor::TensorSpec;
use crate::error::{Error, Result};

/// Most values of a sample in a layer or a model, and most parameters of one: a GPU counts in 32 bits, and has no
/// memory for more.
pub(super) const MOST: usize = 1 << 31;

/// The product of `factors`, or [`usize::MAX`] where it is larger.
fn product(factors: &[usize]) -> usize {
    factors.iter().copied().fold(1, usize::saturating_mul)
}

/// Shape of one sample: channels, then rows, then columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Feature maps.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// A shape of `channels` maps of `height` x `width`.
    pub const fn new(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width }
    }

    /// Values in one sample.
    pub const fn elements(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Checks that a device can hold it.
    ///
    /// Errors: an extent of 0, or more than 2^31 values.
    pub(super) fn check(&self) -> Result<()> {
        let Self { channels, height, width } = *self;
        for (field, extent) in [("channels", channels), ("height", height), ("width", width)] {
            if extent == 0 {
                return Err(Error::input(format!("{field} is 0"), "use at least 1"));
            }
        }
        if product(&[channels, height, width]) > MOST {
            return Err(Error::input(
                format!("channels x height x width = {channels} x {height} x {width} is over {MOST} values"),
                "use fewer channels or a smaller image",
            ));
        }
        Ok(())
    }
}

/// `6@28x28`, the notation of LeCun et al. 1998.
impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}x{}", self.channels, self.height, self.width)
    }
}

/// The function that a layer applies to its sums.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, strum::VariantArray, strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Activation {
    /// `a`
    #[default]
    Identity,
    /// `max(a, 0)`; its derivative at 0 is 0
    Relu,
    /// `tanh(a)`
    Tanh,
    /// `1.7159 tanh(2a/3)`, the squashing function of the 1998 paper
    ScaledTanh,
    /// `1 / (1 + exp(-a))`
    Sigmoid,
}

impl Activation {
    /// Whether it rises with its sum, which fusing a convolution with max-pooling needs: see [`crate::plan::stages`].
    pub const fn rises(self) -> bool {
        match self {
            Self::Identity | Self::Relu | Self::Tanh | Self::ScaledTanh | Self::Sigmoid => true,
        }
    }

    /// As it is written in the file of a model.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The computation of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum LayerKind {
    /// Valid convolution, stride 1, then an activation.
    Conv2d {
        /// Output feature maps.
        channels: usize,
        /// Rows and columns of the kernel; odd.
        kernel: usize,
        /// Applied to each sum.
        #[serde(default)]
        activation: Activation,
        /// The input maps of each output map; empty if each takes them all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        links: Vec<Vec<usize>>,
    },
    /// Largest value of each `size` x `size` pooling window, the first of equals in row order.
    MaxPool {
        /// Rows and columns of a pooling window, and the stride.
        size: usize,
    },
    /// Mean of each `size` x `size` pooling window.
    AveragePool {
        /// Rows and columns of a pooling window, and the stride.
        size: usize,
    },
    /// Sum of each `size` x `size` pooling window, times a coefficient per channel, plus a bias, then an activation: the
    /// trainable sub-sampling of the 1998 paper.
    Subsample {
        /// Rows and columns of a pooling window, and the stride.
        size: usize,
        /// Applied to each sum.
        #[serde(default)]
        activation: Activation,
    },
    /// Every input to every unit, then an activation. The input is flattened as `[channel, row, column]`.
    Dense {
        /// Output units.
        units: usize,
        /// Applied to each sum.
        #[serde(default)]
        activation: Activation,
    },
    /// Minus the squared distance of the input to the code of each class, a fixed bitmap: the radial basis functions
    /// that end the network of the 1998 paper. The nearest code has the largest output.
    Rbf {
        /// The codes, drawn: see [`Codes::read`].
        codes: Vec<String>,
    },
}

/// A layer of a model, with its shapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Lower case, unique in the model: `c1`, `s2`, `f6`.
    pub name: String,
    /// Its kind.
    pub kind: LayerKind,
    /// Shape of a sample coming in.
    pub input: Shape,
    /// Shape of a sample going out.
    pub output: Shape,
    rule: Rule,
}

/// The shapes and costs of a kind of layer behind its input.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    /// For reports: `convolution 5x5`.
    title: String,
    output: Shape,
    /// Shape of its weight in PyTorch's layout, outputs first; empty for a layer without weights.
    weight: Vec<usize>,
    /// Weights that do not exist.
    absent: usize,
    /// Whether its weight is trained; then it has a bias too.
    trained: bool,
    /// Inputs per output value, those of absent weights too.
    inputs: usize,
    /// Output values per input value, borders aside.
    outputs: usize,
    /// Multiply-adds per output value.
    multiply_adds: usize,
    activation: Activation,
}

impl LayerKind {
    /// A convolution in which every output map takes every input map.
    pub const fn conv2d(channels: usize, kernel: usize, activation: Activation) -> Self {
        Self::Conv2d { channels, kernel, activation, links: Vec::new() }
    }

    /// One arm per kind: its shapes and costs behind `input`.
    ///
    /// Errors: an extent of 0, or one that does not fit the input.
    fn rule(&self, input: Shape) -> Result<Rule> {
        let refuse = |why: String, hint: &str| Err(Error::input(why, hint));
        let positive = |field: &str, value: usize| match value {
            0 => Err(Error::input(format!("{field} is 0"), "use at least 1")),
            _ => Ok(()),
        };
        let pool = |title: &str, size: usize| {
            positive("size", size)?;
            if !input.height.is_multiple_of(size) || !input.width.is_multiple_of(size) {
                return refuse(
                    format!("blocks of size {size}x{size} do not divide an input of {input}"),
                    "use a size that divides both the rows and the columns",
                );
            }
            Ok(Rule {
                title: format!("{title} {size}x{size}"),
                output: Shape::new(input.channels, input.height / size, input.width / size),
                weight: Vec::new(),
                absent: 0,
                trained: true,
                inputs: size * size,
                outputs: 1,
                multiply_adds: 0,
                activation: Activation::Identity,
            })
        };
        match *self {
            Self::Conv2d { channels, kernel, activation, ref links } => {
                positive("channels", channels)?;
                if kernel % 2 == 0 {
                    return refuse(format!("a kernel of {kernel}x{kernel} is even"), "use an odd kernel: 1, 3, 5, ...");
                }
                if kernel > input.height || kernel > input.width {
                    return refuse(
                        format!("a kernel of {kernel}x{kernel} does not fit an input of {input}"),
                        "use a kernel no larger than the input",
                    );
                }
                let inputs = input.channels * kernel * kernel;
                let absent = absent(links, input.channels, channels)?;
                let count = channels.saturating_mul(input.channels) - absent;
                let table = if links.is_empty() { String::new() } else { format!(", {count} links") };
                Ok(Rule {
                    title: format!("convolution {kernel}x{kernel}{table}"),
                    output: Shape::new(channels, input.height - kernel + 1, input.width - kernel + 1),
                    weight: vec![channels, input.channels, kernel, kernel],
                    absent: absent * kernel * kernel,
                    trained: true,
                    inputs,
                    outputs: channels.saturating_mul(kernel * kernel),
                    multiply_adds: inputs,
                    activation,
                })
            }
            Self::MaxPool { size } => pool("max-pooling", size),
            Self::AveragePool { size } => pool("average-pooling", size),
            Self::Subsample { size, activation } => {
                Ok(Rule { weight: vec![input.channels], multiply_adds: 1, activation, ..pool("sub-sampling", size)? })
            }
            Self::Dense { units, activation } => {
                positive("units", units)?;
                let inputs = input.elements();
                Ok(Rule {
                    title: "dense".to_owned(),
                    output: Shape::new(units, 1, 1),
                    weight: vec![units, inputs],
                    absent: 0,
                    trained: true,
                    inputs,
                    outputs: units,
                    multiply_adds: inputs,
                    activation,
                })
            }
            Self::Rbf { ref codes } => {
                let (Codes { classes, height, width, .. }, inputs) = (Codes::read(codes)?, input.elements());
                if height * width != inputs {
                    return refuse(
                        format!(
                            "codes: {height} rows of {width} are {}, but the input has {inputs} values",
                            height * width
                        ),
                        "draw codes of as many # and . as the layer has inputs",
                    );
                }
                Ok(Rule {
                    title: format!("radial basis functions, {width}x{height}"),
                    output: Shape::new(classes, 1, 1),
                    weight: vec![classes, inputs],
                    absent: 0,
                    trained: false,
                    inputs,
                    outputs: classes,
                    multiply_adds: inputs,
                    activation: Activation::Identity,
                })
            }
        }
    }
}

/// The number of pairs of an input map and one of `channels` output maps that `links` leaves out.
///
/// Errors: another number of lists than output maps, a list that is empty or names a map twice or one that is not there.
fn absent(links: &[Vec<usize>], inputs: usize, channels: usize) -> Result<usize> {
    if links.is_empty() {
        return Ok(0);
    }
    let refuse =
        |why: String| Err(Error::input(format!("links: {why}"), "list the input maps of each output map, from 0 on"));
    if links.len() != channels {
        return refuse(format!("{} lists for {channels} output maps", links.len()));
    }
    for (map, from) in links.iter().enumerate() {
        if from.is_empty() {
            return refuse(format!("output map {map} has no input map"));
        }
        for (index, input) in from.iter().enumerate() {
            if *input >= inputs {
                return refuse(format!("output map {map} takes input map {input}, but there are {inputs}"));
            }
            if from[..index].contains(input) {
                return refuse(format!("output map {map} takes input map {input} twice"));
            }
        }
    }
    Ok(links.iter().map(|from| inputs - from.len()).sum())
}

impl Layer {
    /// Errors: a shape that does not fit, or is too large for a device; the layer is named.
    pub(super) fn new(name: &str, kind: LayerKind, input: Shape) -> Result<Self> {
        let context = |e: Error| e.context(format!("layer {name}"));
        let rule = kind.rule(input).map_err(context)?;
        rule.output.check().map_err(|e| context(e.context("its output")))?;
        if product(&rule.weight) > MOST && !rule.weight.is_empty() {
            return Err(context(Error::input(
                format!("over {MOST} parameters, with an input of {input}"),
                "use fewer channels or units, or more pooling before it",
            )));
        }
        Ok(Self { name: name.to_owned(), kind, input, output: rule.output, rule })
    }

    /// For reports: `convolution 5x5, relu`.
    pub fn title(&self) -> String {
        match self.rule.activation {
            Activation::Identity => self.rule.title.clone(),
            activation => format!("{}, {}", self.rule.title, activation.name()),
        }
    }

    /// Inputs of a value of output channel `channel`, without the bias.
    pub fn fan_in(&self, channel: usize) -> usize {
        match &self.kind {
            LayerKind::Conv2d { kernel, links, .. } if !links.is_empty() => links[channel].len() * kernel * kernel,
            _ => self.rule.inputs,
        }
    }

    /// Output values per input value, borders aside; the mean over input channels.
    pub fn fan_out(&self) -> usize {
        self.rule.outputs - self.rule.absent / self.input.channels
    }

    /// Trainable parameters: weights and biases.
    pub fn parameters(&self) -> usize {
        let all: usize = self.tensors().iter().map(TensorSpec::elements).sum();
        if self.rule.trained { all - self.rule.absent } else { 0 }
    }

    /// Its weights that are not trained: the index in its weight, and the value that they keep. An absent link is a
    /// weight that stays 0, a code one that stays 1 or -1.
    pub fn fixed(&self) -> Vec<(usize, f32)> {
        match &self.kind {
            LayerKind::Conv2d { kernel, links, .. } => {
                let (maps, taps) = (self.input.channels, kernel * kernel);
                let absent = |(output, from): (usize, &Vec<usize>)| {
                    let others: Vec<usize> = (0..maps).filter(|map| !from.contains(map)).collect();
                    others.into_iter().flat_map(move |map| ((output * maps + map) * taps..).take(taps))
                };
                links.iter().enumerate().flat_map(absent).map(|index| (index, 0.0)).collect()
            }
            LayerKind::Rbf { codes } => {
                Codes::read(codes).map_or(Vec::new(), |codes| codes.values.into_iter().enumerate().collect())
            }
            _ => Vec::new(),
        }
    }

    /// Connections as the 1998 paper counts them: every input of every output value, and one more for its bias, which
    /// the paper counts for pooling too.
    pub fn connections(&self) -> usize {
        self.used(self.rule.inputs + usize::from(self.rule.trained))
    }

    /// Multiply-adds of one forward pass of one sample.
    pub fn multiply_adds(&self) -> usize {
        self.used(self.rule.multiply_adds)
    }

    /// The uses of `each` weights per output value, without those that are absent.
    fn used(&self, each: usize) -> usize {
        self.output.elements() * each - self.output.height * self.output.width * self.rule.absent
    }

    /// The activation of this layer; identity for pooling without one.
    pub fn activation(&self) -> Activation {
        self.rule.activation
    }

    /// Its tensors, weight before bias, in PyTorch's layout.
    pub fn tensors(&self) -> Vec<TensorSpec> {
        let Some(outputs) = self.rule.weight.first() else { return Vec::new() };
        let weight = TensorSpec { name: format!("{}.weight", self.name), shape: self.rule.weight.clone() };
        let bias = TensorSpec { name: format!("{}.bias", self.name), shape: vec![*outputs] };
        if self.rule.trained { vec![weight, bias] } else { vec![weight] }
    }
}
