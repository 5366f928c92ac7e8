//! Activations: the value from the sum, and the derivative from the value.

use crate::cpu::accumulator::Sum;
use crate::model::Activation;

/// Amplitude of the scaled tanh of LeCun et al. 1998.
const SCALE: f64 = 1.7159;
/// Factor of its argument.
const SLOPE: f64 = 2.0 / 3.0;

/// `f(a)`.
pub fn activate(activation: Activation, a: f64) -> f64 {
    match activation {
        Activation::Identity => a,
        // The comparison is false for a NaN, which so stays a NaN.
        Activation::Relu => {
            if a < 0.0 {
                0.0
            } else {
                a
            }
        }
        Activation::Tanh => a.tanh(),
        Activation::ScaledTanh => SCALE * (SLOPE * a).tanh(),
        Activation::Sigmoid => 1.0 / (1.0 + (-a).exp()),
    }
}

/// `f'(a)` from `y = f(a)`, with the magnitude of its terms.
fn derivative<S: Sum>(activation: Activation, y: f64) -> S {
    match activation {
        Activation::Identity => S::of(1.0, 1.0),
        Activation::Relu => {
            // As in PyTorch the gradient passes where the value is NaN.
            let one = if y <= 0.0 { 0.0 } else { 1.0 };
            S::of(one, one)
        }
        Activation::Tanh => S::of(1.0 - y * y, 1.0 + y * y),
        Activation::ScaledTanh => S::of(SLOPE * (SCALE - y * y / SCALE), SLOPE * (SCALE + y * y / SCALE)),
        Activation::Sigmoid => S::of(y * (1.0 - y), y.abs() * (1.0 + y.abs())),
    }
}

/// Forward: the output `f(sum)` of a layer.
///
/// ```text
/// Math:    identity a; relu max(a, 0); tanh; scaled tanh 1.7159 tanh(2a/3); sigmoid 1 / (1 + exp(-a))
/// Source:  LeCun et al. 1998, appendix A (scaled tanh)
/// ```
pub fn forward<S: Sum>(activation: Activation, sum: S) -> S {
    let y = activate(activation, sum.value());
    // Error of f(a): |f'| x error of a, doubled because f' may double within that error, plus one rounding of f
    // itself; exp's grows with |a|.
    let slope = 2.0 * derivative::<S>(activation, y).value().abs() * sum.magnitude();
    match activation {
        Activation::Identity | Activation::Relu => S::of(y, sum.magnitude()),
        Activation::Tanh | Activation::ScaledTanh => S::of(y, slope + y.abs()),
        Activation::Sigmoid => S::of(y, slope + y * (1.0 + sum.value().abs())),
    }
}

/// Backward: the gradient with respect to a sum, from the gradient `dx` with respect to `x = f(sum)`.
///
/// ```text
/// Math:    dx * f'(sum), from x: relu x > 0 (0 at 0); tanh 1 - x^2; scaled tanh
///          (2/3)(1.7159 - x^2/1.7159); sigmoid x(1 - x)
/// ```
pub fn backward<S: Sum>(activation: Activation, dx: S, x: f32) -> S {
    let slope: S = derivative(activation, f64::from(x));
    S::of(dx.value() * slope.value(), dx.magnitude() * slope.magnitude())
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn an_activation_rises_if_it_says_so() {
        for activation in Activation::VARIANTS {
            let values: Vec<f64> = (-400..=400).map(|i| activate(*activation, f64::from(i) / 20.0)).collect();
            let rises = values.windows(2).all(|pair| pair[0] <= pair[1]);
            assert_eq!(activation.rises(), rises, "{}", activation.name());
        }
    }

    /// Kernels compute the derivative from the value: an activation must allow that.
    #[test]
    fn the_derivative_from_the_value_is_the_slope() {
        for activation in Activation::VARIANTS {
            for a in [-6.0, -1.5, -0.1, 0.2, 0.9, 4.0] {
                let slope = (activate(*activation, a + 1e-6) - activate(*activation, a - 1e-6)) / 2e-6;
                let from_value: f64 = derivative(*activation, activate(*activation, a));
                assert!((slope - from_value).abs() < 1e-8, "{} at {a}: {slope}, {from_value}", activation.name());
            }
        }
    }
}
