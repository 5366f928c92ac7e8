//! Which layers one operation computes together: the only place that fuses.

use crate::model::{Layer, LayerKind, Model};

/// Layers that are lowered together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage<'m> {
    /// A convolution, fused with 2x2 max-pooling if there is a `pool`.
    Conv2d {
        /// The convolution.
        conv: &'m Layer,
        /// The pooling behind it.
        pool: Option<&'m Layer>,
        /// Whether it reads the samples' bytes as they are, a quarter of the loads: if it is the first, and fused.
        bytes: bool,
    },
    /// A dense layer, or a convolution whose output is 1x1: a dense layer over its whole input.
    Dense(&'m Layer),
    /// Pooling on its own.
    Pool(&'m Layer),
}

impl<'m> Stage<'m> {
    /// The layer that computes the sums, and names the operations.
    pub fn first(&self) -> &'m Layer {
        match self {
            Self::Conv2d { conv: layer, .. } | Self::Dense(layer) | Self::Pool(layer) => layer,
        }
    }

    /// The layer whose output is the stage's.
    pub fn last(&self) -> &'m Layer {
        match self {
            Self::Conv2d { conv, pool, .. } => pool.unwrap_or(conv),
            Self::Dense(layer) | Self::Pool(layer) => layer,
        }
    }
}

/// The layers of `model` in stages, in order.
///
/// A convolution is fused with the 2x2 max-pooling behind it if its activation rises with its sum: only then is the
/// largest activation of a block that of the largest sum.
pub fn stages(model: &Model) -> Vec<Stage<'_>> {
    let mut stages = Vec::new();
    let mut layers = model.layers.iter().peekable();
    while let Some(layer) = layers.next() {
        stages.push(match layer.kind {
            LayerKind::Conv2d { activation, .. } if layer.output.height * layer.output.width > 1 => {
                let fuses = |next: &&Layer| activation.rises() && next.kind == LayerKind::MaxPool { size: 2 };
                let pool = layers.next_if(fuses);
                Stage::Conv2d { conv: layer, pool, bytes: stages.is_empty() && pool.is_some() }
            }
            LayerKind::Conv2d { .. } | LayerKind::Dense { .. } => Stage::Dense(layer),
            LayerKind::MaxPool { .. } | LayerKind::AveragePool { .. } => Stage::Pool(layer),
        });
    }
    stages
}
