//! The filter of the kernels' check.

use super::cases::{Case, operations};
use super::inputs::Inputs;
use crate::error::{Error, Result};

/// The kernel, case and kind of input to keep; `None` keeps all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Name of an operation.
    pub kernel: Option<String>,
    /// Name of a case.
    pub case: Option<String>,
    /// A kind of input.
    pub inputs: Option<Inputs>,
}

impl Filter {
    /// Whether it keeps `kernel`.
    pub fn wants(&self, kernel: &str) -> bool {
        self.kernel.as_ref().is_none_or(|only| only == kernel)
    }
}

/// Errors: a kernel, case or kind of input that does not exist; the existing ones are named.
pub fn check_filter(filter: &Filter, cases: &[Case]) -> Result<()> {
    let refuse = |what: &str, name: &str, names: Vec<&str>| {
        Err(Error::input(format!("no {what} is called '{name}'"), format!("choose one of: {}", names.join(", "))))
    };
    let kernels = operations(cases);
    if let Some(kernel) = filter.kernel.as_deref().filter(|kernel| !kernels.contains(kernel)) {
        return refuse("kernel", kernel, kernels);
    }
    if let Some(name) = filter.case.as_deref().filter(|name| cases.iter().all(|case| case.name != *name)) {
        return refuse("case", name, cases.iter().map(|case| case.name.as_str()).collect());
    }
    Ok(())
}
