//! Which shape each trace has: strata in exact proportion, shapes within them by weight.

use crate::encoded::EncodedPool;
use crate::model::Stratum;
use crate::seed::Seed;
use rand::Rng;
use std::collections::BTreeMap;

/// A share in parts per billion, so that 0.01 % is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ppb(pub u64);

impl Ppb {
    /// The whole.
    pub const ONE: Self = Self(1_000_000_000);
}

/// How many of each anomaly; what is left is [`Stratum::Normal`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mix {
    /// The share of each anomaly among all traces. Together at most [`Ppb::ONE`]; what goes beyond is cut, last first.
    pub shares: BTreeMap<Stratum, Ppb>,
}

impl Mix {
    /// The anomalies with a share above 0.
    pub fn anomalies(&self) -> Vec<Stratum> {
        self.shares
            .iter()
            .filter(|(stratum, share)| **stratum != Stratum::Normal && share.0 > 0)
            .map(|(s, _)| *s)
            .collect()
    }
}

/// Draws the shapes of a chunk.
#[derive(Debug, Clone)]
pub(super) struct Draw {
    seed: Seed,
    /// The anomalies' shares and strata, then the normal stratum, which takes the rest.
    shares: Vec<(u64, usize)>,
    normal: usize,
    strata: Vec<crate::encoded::EncodedStratum>,
    mean_spans: f64,
}

impl Draw {
    pub(super) fn new(pool: &EncodedPool, mix: &Mix, seed: Seed) -> Self {
        let position = |wanted| pool.strata.iter().position(|stratum| stratum.stratum == wanted);
        let normal = position(Stratum::Normal).unwrap_or(0);
        let mut left = Ppb::ONE.0;
        let mut shares = Vec::new();
        for stratum in mix.anomalies() {
            if let (Some(at), Some(share)) = (position(stratum), mix.shares.get(&stratum)) {
                let share = share.0.min(left);
                left -= share;
                shares.push((share, at));
            }
        }
        let mean = |(share, at): &(u64, usize)| *share as f64 / Ppb::ONE.0 as f64 * pool.strata[*at].mean_spans;
        let mean_spans = shares.iter().map(mean).sum::<f64>() + mean(&(left, normal));
        Self { seed, shares, normal, strata: pool.strata.clone(), mean_spans }
    }

    pub(super) fn mean_spans(&self) -> f64 {
        self.mean_spans
    }

    /// The shapes of the `count` traces from number `first` on.
    ///
    /// A stratum of share s holds floor(s * n) of the first n traces whatever n is (counted at chunk ends), so that rare
    /// anomalies come exactly as often as asked; where in the chunk they stand is random.
    pub(super) fn shapes(&self, first: u64, count: usize) -> Vec<u32> {
        let mut rng = self.seed.rng("draw", first);
        let mut strata = Vec::with_capacity(count);
        for (share, at) in &self.shares {
            let upto = |traces: u64| (u128::from(*share) * u128::from(traces) / u128::from(Ppb::ONE.0)) as u64;
            let quota = (upto(first + count as u64) - upto(first)) as usize;
            strata.resize((strata.len() + quota).min(count), *at as u16);
        }
        strata.resize(count, self.normal as u16);
        shuffle(&mut strata, &mut rng);
        strata
            .into_iter()
            .map(|at| {
                let stratum = &self.strata[usize::from(at)];
                stratum.first_shape + stratum.draw.draw(rng.next_u64())
            })
            .collect()
    }
}

/// Fisher and Yates, written out so that the order never depends on a library's version.
fn shuffle(items: &mut [u16], rng: &mut impl Rng) {
    for last in (1..items.len()).rev() {
        let other = (u128::from(rng.next_u64()) * (last as u128 + 1)) >> 64;
        items.swap(last, other as usize);
    }
}
