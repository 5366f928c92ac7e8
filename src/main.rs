//! The `lenet-gpu` command.
fn main() {}
