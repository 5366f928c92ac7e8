//! Stages: which layers are fused.

use crate::model::{Layer, LayerKind, Model};

/// Layers that are lowered together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage<'m> {
    /// One layer.
    Layer(&'m Layer),
    /// A convolution and the 2x2 max-pooling behind it.
    Fused(&'m Layer, &'m Layer),
}

impl<'m> Stage<'m> {
    /// The layer that computes the sums, and names the operations.
    pub fn first(&self) -> &'m Layer {
        let (Self::Layer(layer) | Self::Fused(layer, _)) = self;
        layer
    }

    /// The layer whose output is the stage's.
    pub fn last(&self) -> &'m Layer {
        let (Self::Layer(layer) | Self::Fused(_, layer)) = self;
        layer
    }

    /// Whether it is more than one layer.
    pub fn is_fused(&self) -> bool {
        matches!(self, Self::Fused(..))
    }
}

/// The layers of `model` in stages, in order.
///
/// A convolution is fused with the 2x2 max-pooling behind it if its activation rises with its sum: only then is the
/// largest activation of a pooling window that of the largest sum.
pub fn stages(model: &Model) -> Vec<Stage<'_>> {
    let mut stages = Vec::new();
    let mut layers = model.layers.iter().peekable();
    while let Some(layer) = layers.next() {
        let rises = matches!(&layer.kind, LayerKind::Conv2d { activation, .. } if activation.rises());
        let pool = layers.next_if(|next| rises && next.kind == LayerKind::MaxPool { size: 2 });
        stages.push(pool.map_or(Stage::Layer(layer), |pool| Stage::Fused(layer, pool)));
    }
    stages
}
