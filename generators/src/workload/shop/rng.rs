//! Seeded draws for the shop: one independent stream a label, floats through `libm` only.
//!
//! Every shape has a stream of its own, so that adding an anomaly or a shape never shifts the draws of another one.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use sha2::{Digest, Sha256};

/// Draws beyond this many standard deviations are cut, so that one shape cannot stretch a whole run.
const NORMAL_LIMIT: f64 = 3.5;

/// A stream of draws.
pub(super) struct Dice(Xoshiro256PlusPlus);

impl Dice {
    /// The stream that belongs to `label` under `seed`.
    pub(super) fn new(seed: u64, label: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"spanproof.shop/");
        hash.update(seed.to_le_bytes());
        hash.update(label.as_bytes());
        let mut state = [0; 32];
        state.copy_from_slice(&hash.finalize());
        Self(Xoshiro256PlusPlus::from_seed(state))
    }

    /// A double in `0.0..1.0`, all 53 bits drawn.
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A double in `low..high`.
    pub(super) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with `probability`.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// What `draw` makes, with `probability`.
    pub(super) fn sometimes<T>(&mut self, probability: f64, draw: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.chance(probability).then(|| draw(self))
    }

    /// An integer in `0..end`; 0 when `end` is 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.0.next_u64()) * end as u128) >> 64) as usize
    }

    /// An integer in `low..=high`.
    pub(super) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// One of the table's entries.
    pub(super) fn pick<T: Copy, const N: usize>(&mut self, table: &[T; N]) -> T {
        table[self.below(N)]
    }

    /// An index drawn in proportion to `weights`; the last one when they are all zero.
    pub(super) fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        let heavy = |weight: &f64| {
            left -= weight;
            left < 0.0
        };
        weights.iter().position(heavy).unwrap_or(weights.len().saturating_sub(1))
    }

    /// A standard normal draw (Box and Muller), cut at 3.5 deviations.
    pub(super) fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        let angle = 2.0 * core::f64::consts::PI * self.unit();
        (radius * libm::cos(angle)).clamp(-NORMAL_LIMIT, NORMAL_LIMIT)
    }

    /// A lognormal draw with the given median and shape.
    pub(super) fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * libm::exp(sigma * self.normal())
    }

    /// A draw from the Pareto law of shape `alpha` bounded to `low..high`, by inverting its distribution function.
    pub(super) fn bounded_pareto(&mut self, alpha: f64, low: f64, high: f64) -> f64 {
        let tail = 1.0 - libm::pow(low / high, alpha);
        low / libm::pow(1.0 - self.unit() * tail, 1.0 / alpha)
    }

    /// `count` random bytes.
    pub(super) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// `digits` lower-case hexadecimal digits.
    pub(super) fn hex(&mut self, digits: usize) -> String {
        (0..digits).map(|_| self.pick(b"0123456789abcdef") as char).collect()
    }

    /// A string in the form of a random (version 4) UUID.
    pub(super) fn uuid(&mut self) -> String {
        let variant = self.pick(b"89ab") as char;
        format!("{}-{}-4{}-{variant}{}-{}", self.hex(8), self.hex(4), self.hex(3), self.hex(3), self.hex(12))
    }

    /// A suffix as Kubernetes gives its pods and replica sets: letters and digits that spell no words.
    pub(super) fn pod_suffix(&mut self, length: usize) -> String {
        (0..length).map(|_| self.pick(b"bcdfghjklmnpqrstvwxz2456789") as char).collect()
    }

    /// An address of the cluster's pod network.
    pub(super) fn pod_address(&mut self) -> String {
        format!("10.244.{}.{}", self.between(0, 7), self.between(2, 250))
    }

    /// A client's port.
    pub(super) fn ephemeral_port(&mut self) -> i64 {
        self.between(32_768, 60_999) as i64
    }
}
