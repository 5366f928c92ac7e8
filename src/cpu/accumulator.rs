//! One accumulator trait, so that every operation is written once and runs plain or traced.

/// A sum in f64, and the word that an output stores of it.
///
/// `f64` is the fast form: it keeps the value and stores it rounded to f32. [`Traced`] also keeps the
/// sum of the magnitudes of what was added, by which a result in f32 is judged: rounding moves it by
/// at most a small multiple of `2^-24` times that sum.
pub trait Sum: Copy + Send + Sync {
    /// An element of an output.
    type Word: Copy + Send + Sync;

    /// The empty sum.
    const ZERO: Self;

    /// A sum of this value and magnitude.
    fn of(value: f64, magnitude: f64) -> Self;

    /// The value.
    fn value(self) -> f64;

    /// Sum of the magnitudes of everything added; 0 in `f64`, which does not keep it.
    fn magnitude(self) -> f64;

    /// Adds `a * b`.
    fn add_product(&mut self, a: f64, b: f64);

    /// As an element of an f32 buffer.
    fn word(self) -> Self::Word;

    /// `value` as an element of a u32 buffer.
    fn integer(value: u32) -> Self::Word;

    /// As another operation reads an element of an f32 buffer.
    fn loaded(word: Self::Word) -> Self;

    /// An element of a u32 buffer that rounding decides: any value passes.
    fn undecided() -> Self::Word {
        Self::of(0.0, f64::INFINITY).word()
    }

    /// Adds `a`.
    fn add(&mut self, a: f64) {
        self.add_product(a, 1.0);
    }

    /// The exact input `value`.
    fn exact(value: f32) -> Self {
        Self::of(f64::from(value), f64::from(value).abs())
    }

    /// Both sums together.
    fn plus(self, other: Self) -> Self {
        Self::of(self.value() + other.value(), self.magnitude() + other.magnitude())
    }

    /// Every term times `factor`.
    fn times(self, factor: f64) -> Self {
        Self::of(self.value() * factor, self.magnitude() * factor.abs())
    }
}

impl Sum for f64 {
    /// The bits of the rounded f32, or the integer.
    type Word = u32;

    const ZERO: Self = 0.0;

    fn of(value: f64, _: f64) -> Self {
        value
    }

    fn value(self) -> f64 {
        self
    }

    fn magnitude(self) -> f64 {
        0.0
    }

    fn add_product(&mut self, a: f64, b: f64) {
        *self += a * b;
    }

    fn word(self) -> u32 {
        (self as f32).to_bits()
    }

    fn integer(value: u32) -> u32 {
        value
    }

    fn loaded(word: u32) -> Self {
        Self::from(f32::from_bits(word))
    }
}

/// A value and the sum of the magnitudes that were added to get it.
///
/// An integer (element of a u32 buffer) has magnitude 0: another device must give it exactly. An infinite magnitude
/// means: any value passes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Traced {
    /// The sum, not rounded to f32.
    pub value: f64,
    /// Sum of the absolute values of its terms, carried through activations and products.
    pub magnitude: f64,
}

impl Sum for Traced {
    type Word = Self;

    const ZERO: Self = Self { value: 0.0, magnitude: 0.0 };

    fn of(value: f64, magnitude: f64) -> Self {
        Self { value, magnitude }
    }

    fn value(self) -> f64 {
        self.value
    }

    fn magnitude(self) -> f64 {
        self.magnitude
    }

    fn add_product(&mut self, a: f64, b: f64) {
        self.value += a * b;
        self.magnitude += (a * b).abs();
    }

    fn word(self) -> Self {
        self
    }

    fn integer(value: u32) -> Self {
        Self { value: f64::from(value), magnitude: 0.0 }
    }

    fn loaded(word: Self) -> Self {
        let value = f64::from(word.value as f32);
        Self { value, magnitude: word.magnitude.max(value.abs()) }
    }
}
