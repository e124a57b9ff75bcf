//! What a rate lets through stays within the bounds, whoever comes first and whenever within the windows.

use proptest::prelude::*;
use spanproof_generators::sampling::limit::{Bounds, Bucket, Counter, Tick};

const SECOND: u64 = 1_000_000_000;

fn tick(at: u64, costs: &[u64]) -> Tick {
    Tick { from_ns: at, to_ns: at, costs: costs.to_vec() }
}

/// A token bucket as `golang.org/x/time/rate` has it: full at first, nothing spent by what is refused.
struct Real {
    per_second: f64,
    capacity: f64,
    tokens: f64,
    last_ns: u64,
}

impl Real {
    fn admits(&mut self, at_ns: u64, cost: u64) -> bool {
        let earned = at_ns.saturating_sub(self.last_ns) as f64 / 1e9 * self.per_second;
        let tokens = f64::min(self.capacity, self.tokens + earned) - cost as f64;
        let admitted = cost as f64 <= self.capacity && -tokens / self.per_second * 1e9 < 1.0;
        if admitted {
            (self.tokens, self.last_ns) = (tokens, at_ns);
        }
        admitted
    }
}

/// A run: when each tick comes within its window, and in which order its traces.
fn arrangements() -> impl Strategy<Value = (Vec<Tick>, Vec<u64>, u64, u64)> {
    let costs = proptest::collection::vec(1u64..40, 0..12);
    let ticks = proptest::collection::vec((costs, 0u64..200_000_000, 0.0f64..1.0), 1..12);
    (ticks, 1u64..80, 1u64..160).prop_map(|(ticks, per_second, capacity)| {
        let mut instants = Vec::new();
        let ticks = ticks.into_iter().enumerate().map(|(at, (costs, width, part))| {
            let from_ns = (at as u64 + 1) * SECOND;
            instants.push(from_ns + (width as f64 * part) as u64);
            Tick { from_ns, to_ns: from_ns + width, costs }
        });
        (ticks.collect(), instants, per_second, capacity)
    })
}

proptest! {
    #[test]
    fn a_token_bucket_keeps_to_its_bounds((ticks, instants, per_second, capacity) in arrangements(), shuffle: u64) {
        let (per_second, capacity) = (per_second as f64, capacity as f64);
        let mut real = Real { per_second, capacity, tokens: capacity, last_ns: 0 };
        let mut kept = 0;
        for (tick, at) in ticks.iter().zip(instants) {
            let mut costs = tick.costs.clone();
            if !costs.is_empty() {
                let by = (shuffle % costs.len() as u64) as usize;
                costs.rotate_left(by);
            }
            kept += costs.iter().filter(|cost| real.admits(at, **cost)).sum::<u64>();
        }
        let Bounds { min, max } = Bucket { per_second, capacity }.bounds(&ticks);
        prop_assert!(min <= kept as f64 + 1e-6 && kept as f64 <= max + 1e-6, "{min} <= {kept} <= {max}");
    }

    #[test]
    fn a_counter_keeps_to_its_bounds((ticks, instants, per_second, _) in arrangements(), offset in 0u64..SECOND) {
        let (mut second, mut counted, mut kept) = (u64::MAX, 0, 0);
        for (tick, at) in ticks.iter().zip(instants) {
            let now = (at + offset) / SECOND;
            if now != second {
                (second, counted) = (now, 0);
            }
            for cost in &tick.costs {
                if counted + cost <= per_second {
                    counted += cost;
                    kept += cost;
                }
            }
        }
        let Bounds { min, max } = Counter { per_second }.bounds(&ticks);
        prop_assert!(min <= kept as f64 && kept as f64 <= max, "{min} <= {kept} <= {max}");
    }
}

#[test]
fn bounds_close_in_on_what_is_certain() {
    let bucket = Bucket { per_second: 10.0, capacity: 20.0 };
    // All of it fits; nothing of it does; what is larger than the bucket does not count.
    assert_eq!(bucket.bounds(&[tick(SECOND, &[5, 5, 5])]).min, 15.0);
    assert_eq!(bucket.bounds(&[tick(SECOND, &[21, 50])]), Bounds { min: 0.0, max: 0.0 });
    // Of unit costs, exactly what is there but for one.
    let many = [1; 100];
    let one = bucket.bounds(&[tick(SECOND, &many)]);
    assert_eq!((one.min, one.max.floor()), (19.0, 20.0));
    let ten: Vec<_> = (1..=10).map(|at| tick(at * SECOND, &many)).collect();
    let all = bucket.bounds(&ten);
    assert_eq!((all.min, all.max.floor()), (109.0, 110.0));
    assert_eq!(bucket.bounds(&[]), Bounds { min: 0.0, max: 0.0 });
}

#[test]
fn a_counter_starts_anew_each_second() {
    let ticks: Vec<_> = (1..=10).map(|at| tick(at * SECOND, &[1; 50])).collect();
    assert_eq!(Counter { per_second: 20 }.bounds(&ticks), Bounds { min: 95.0, max: 220.0 });
    assert_eq!(Counter { per_second: 60 }.bounds(&ticks).max, 500.0);
}
