//! The names in a checkpoint: parameters, and the state of the optimiser that belongs to each.

use strum::VariantArray;

use super::Weights;
use crate::model::{Tensor, TensorSpec};
use crate::recipe::Optimizer;

/// The name of the state `state` of the parameter `tensor`, in a checkpoint.
pub(crate) fn state_name(state: &str, tensor: &str) -> String {
    format!("{state}.{tensor}")
}

impl Weights {
    /// The tensors that are parameters, not optimiser state: a checkpoint serves as a weights file too.
    pub fn parameters(&self) -> Vec<Tensor> {
        // A parameter is `<layer>.<kind>`, and a state has its own name before that.
        let is_state = |name: &str| {
            let rest = |state| name.strip_prefix(state).and_then(|rest| rest.strip_prefix('.'));
            let states = Optimizer::VARIANTS.iter().flat_map(|optimizer| optimizer.states());
            states.into_iter().filter_map(rest).any(|rest| rest.contains('.'))
        };
        self.tensors.iter().filter(|t| !is_state(&t.spec.name)).cloned().collect()
    }

    /// The optimiser's state called `state`: a tensor per parameter, by the parameter's name.
    pub fn state(&self, state: &str) -> Vec<Tensor> {
        let of = |t: &Tensor| {
            let name = t.spec.name.strip_prefix(state)?.strip_prefix('.')?.to_owned();
            Some(Tensor { spec: TensorSpec { name, shape: t.spec.shape.clone() }, values: t.values.clone() })
        };
        self.tensors.iter().filter_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_states_of_a_checkpoint_are_told_apart() {
        let named = |name: String| Tensor { values: vec![1.0], spec: TensorSpec { name, shape: vec![1] } };
        let parameters = ["c1.weight", "c1.bias"].map(|name| named(name.to_owned()));
        let states = parameters.clone().map(|t| named(state_name("momentum", &t.spec.name)));
        let checkpoint = Weights { tensors: [parameters.clone(), states].concat(), metadata: Default::default() };
        assert_eq!(checkpoint.parameters(), parameters);
        assert_eq!(checkpoint.state("momentum"), parameters);
        assert_eq!(checkpoint.state("variance"), []);
    }
}
