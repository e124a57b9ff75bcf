//! Drawing from weights in constant time: Vose's alias method (IEEE Transactions on Software Engineering 17(9), 1991).

/// A table from which indices are drawn in proportion to their weights.
#[derive(Debug, Clone, PartialEq)]
pub struct AliasTable {
    /// For each index: the chance, in 2^-32, to stay, and where to go otherwise.
    cells: Vec<(u32, u32)>,
}

impl AliasTable {
    /// A table for `weights`; `None` without weights, or when one is not finite or not above 0.
    pub fn new(weights: &[f64]) -> Option<Self> {
        let total: f64 = weights.iter().sum();
        let sound = weights.iter().all(|weight| weight.is_finite() && *weight > 0.0);
        if weights.is_empty() || !sound || !total.is_finite() || u32::try_from(weights.len()).is_err() {
            return None;
        }
        let mut scaled: Vec<f64> = weights.iter().map(|weight| weight / total * weights.len() as f64).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..scaled.len()).partition(|at| scaled[*at] < 1.0);
        let mut cells: Vec<(u32, u32)> = (0..scaled.len() as u32).map(|at| (u32::MAX, at)).collect();
        while let (Some(&low), Some(&high)) = (small.last(), large.last()) {
            small.pop();
            cells[low] = ((scaled[low] * 4_294_967_296.0).min(4_294_967_295.0) as u32, high as u32);
            scaled[high] -= 1.0 - scaled[low];
            if scaled[high] < 1.0 {
                large.pop();
                small.push(high);
            }
        }
        Some(Self { cells })
    }

    /// The index that a uniformly distributed `word` draws.
    #[inline]
    pub fn draw(&self, word: u64) -> u32 {
        let at = ((word >> 32) * self.cells.len() as u64) >> 32;
        let (stay, other) = self.cells[at as usize];
        if (word as u32) <= stay { at as u32 } else { other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use rand::Rng;

    #[test]
    fn draws_follow_the_weights() {
        let table = AliasTable::new(&[1.0, 7.0, 2.0]).unwrap();
        let mut rng = Seed(1).rng("test", 0);
        let mut counts = [0i32; 3];
        for _ in 0..100_000 {
            counts[table.draw(rng.next_u64()) as usize] += 1;
        }
        // Standard deviations are below 160; six of them.
        for (count, expected) in counts.iter().zip([10_000, 70_000, 20_000]) {
            assert!((count - expected).abs() < 960, "{counts:?}");
        }
    }

    #[test]
    fn weights_that_are_no_weights_are_refused() {
        assert_eq!(AliasTable::new(&[]), None);
        assert_eq!(AliasTable::new(&[1.0, 0.0]), None);
        assert_eq!(AliasTable::new(&[1.0, f64::NAN]), None);
        assert_eq!(AliasTable::new(&[f64::INFINITY]), None);
    }
}
