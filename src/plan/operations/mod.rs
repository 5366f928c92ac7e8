//! The table of operations: the kinds, and the facts of each. Each family has a file of its extents and costs.

mod conv2d;
mod dense;
mod gather;
mod loss;
mod op;
mod pool;
mod rbf;
mod site;
mod subsample;
mod update;

pub use conv2d::Conv2d;
pub use dense::Dense;
pub use gather::Gather;
pub use loss::Loss;
pub use op::Op;
pub use pool::Pool;
pub use rbf::Rbf;
pub use site::Pass;
pub(super) use site::Site;
pub use subsample::Subsample;

use super::Segment;
use super::facts::Facts;
use super::stage::Stage;
use crate::model::LayerKind;
use crate::recipe::Optimizer;

/// The kind of an operation, with its extents; [`OpKind::facts`] has the rest.
#[derive(Debug, Clone, PartialEq)]
pub enum OpKind {
    /// The samples of a step, padded, and scaled unless they stay bytes.
    Gather(Gather),
    /// Convolution, fused with max-pooling or not.
    Conv2d(Pass, Conv2d),
    /// Largest value of each pooling window.
    MaxPool(Pass, Pool),
    /// Mean of each pooling window.
    AveragePool(Pass, Pool),
    /// Trainable sub-sampling.
    Subsample(Pass, Subsample),
    /// Matrix product.
    Dense(Pass, Dense),
    /// Minus the squared distance to each code.
    Rbf(Pass, Rbf),
    /// Per sample the probabilities, loss and class; the gradient of the logits in a plan that trains.
    SoftmaxCrossEntropy(Loss),
    /// Adds the slots of partial gradients of every layer, in order.
    SumGradients {
        /// The slots of every layer.
        segments: Vec<Segment>,
        /// Whether a mask says which parameters are trained.
        masked: bool,
    },
    /// One step of the optimiser over all parameters.
    Update {
        /// The optimiser.
        optimizer: Optimizer,
        /// Length of the flat parameter buffer, f32.
        words: usize,
        /// Whether a mask says which parameters are trained.
        masked: bool,
    },
    /// `SumGradients` and `Update` in one: what a training step runs.
    SumAndUpdate {
        /// The slots of every layer.
        segments: Vec<Segment>,
        /// The optimiser.
        optimizer: Optimizer,
        /// Length of the flat parameter buffer, f32.
        words: usize,
        /// Whether a mask says which parameters are trained.
        masked: bool,
    },
}

impl OpKind {
    /// The operations of `stage`, forward first, then the gradient of its input, then that of its weights if any.
    pub(super) fn of(stage: &Stage, site: &mut Site) -> Vec<Self> {
        let layer = stage.first();
        match &layer.kind {
            LayerKind::Conv2d { kernel, .. } if layer.output.height * layer.output.width > 1 => {
                let conv = Conv2d::of(layer, *kernel, stage.is_fused(), site);
                Pass::ALL.map(|pass| Self::Conv2d(pass, conv)).to_vec()
            }
            LayerKind::Conv2d { .. } | LayerKind::Dense { .. } => {
                let dense = Dense::of(layer, site);
                Pass::ALL.map(|pass| Self::Dense(pass, dense)).to_vec()
            }
            LayerKind::Subsample { size, .. } => {
                let subsample = Subsample::of(layer, *size, site);
                Pass::ALL.map(|pass| Self::Subsample(pass, subsample)).to_vec()
            }
            LayerKind::MaxPool { size } => {
                let pool = Pool::of(layer, *size, site);
                vec![Self::MaxPool(Pass::Forward, pool), Self::MaxPool(Pass::BackwardInput, pool)]
            }
            LayerKind::Rbf { .. } => {
                let rbf = Rbf::of(layer, site);
                vec![Self::Rbf(Pass::Forward, rbf), Self::Rbf(Pass::BackwardInput, rbf)]
            }
            LayerKind::AveragePool { size } => {
                let pool = Pool::of(layer, *size, site);
                vec![Self::AveragePool(Pass::Forward, pool), Self::AveragePool(Pass::BackwardInput, pool)]
            }
        }
    }

    /// Its name: [`Facts::name`].
    pub fn name(&self) -> &'static str {
        self.facts().name
    }

    /// Its facts.
    pub fn facts(&self) -> Facts {
        match self {
            Self::Gather(gather) => gather.facts(),
            Self::Conv2d(pass, conv) => conv.facts(*pass),
            Self::MaxPool(pass, pool) => pool.max_facts(*pass),
            Self::AveragePool(pass, pool) => pool.average_facts(*pass),
            Self::Subsample(pass, subsample) => subsample.facts(*pass),
            Self::Dense(pass, dense) => dense.facts(*pass),
            Self::Rbf(pass, rbf) => rbf.facts(*pass),
            Self::SoftmaxCrossEntropy(loss) => loss.facts(),
            Self::SumGradients { segments, masked } => update::sum_gradients(segments, *masked),
            Self::Update { optimizer, words, masked } => update::optimizer(*optimizer, *words, *masked),
            Self::SumAndUpdate { segments, optimizer, words, masked } => {
                update::fused(segments, *optimizer, *words, *masked)
            }
        }
    }
}
