//! The workload `shop`: a web shop of seventeen services in nine languages.
//!
//! A load generator plays users in front of a proxy, a frontend and the services behind it, over HTTP, gRPC, PostgreSQL,
//! Valkey and Kafka. Where to start: `operations/storefront.rs` says what users do, `walk.rs` turns that into spans with
//! times and failures, `anomalies.rs` breaks them on request, `services.rs` is the table of the services.
//!
//! A trace has about 21 spans of about 410 B in the mean; half have 12 or fewer, a hundredth more than 150.

mod anomalies;
mod attributes;
mod edges;
mod failure;
mod libraries;
mod operations;
mod rng;
mod services;
mod stacktrace;
#[cfg(test)]
mod tests;
mod timing;
mod topology;
mod walk;

use self::operations::storefront::Root;
use self::rng::Dice;
use self::topology::Directory;
use self::walk::{Consumers, walk};
use crate::model::{Pool, PoolToMake, Shape, Shapes, Span, Stratum};
use std::rc::Rc;

/// Parameters of the workload `shop`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shop {
    /// How many shapes the normal stratum holds, at least one for each of the eight things that users do. More shapes,
    /// more variety and more memory (about 9 KB each).
    pub pool_size: u32,
}

impl Default for Shop {
    /// 4,096 shapes: more than the caches of one core hold, and some hundred of the rarest and largest operation.
    fn default() -> Self {
        Self { pool_size: 4_096 }
    }
}

/// The fewest shapes of an anomaly's set.
const ANOMALY_SHAPES_MIN: usize = 64;

/// The normal set is this many times the size of an anomaly's, where that leaves the anomaly enough.
const ANOMALY_FRACTION: usize = 16;

/// However rare an operation is, a pool that is large enough holds so many shapes of it.
const RARE_SHAPES_MIN: usize = 32;

impl Shop {
    /// Traces have at least so many spans in the mean, whatever seed, pool and mix, those of [`Stratum::HealthCheck`] aside, which
    /// may have a single one. It says what a plan cannot hold before any shape is made, and is far below the usual 21.
    pub const MEAN_SPANS_MIN: u32 = 8;

    /// The keys of all attributes whose values differ from trace to trace (`Value::Digits` and `Value::Uniform`).
    pub const VARYING_KEYS: [&str; 6] = [
        "app.order.amount",
        "app.order.id",
        "app.payment.amount",
        "app.payment.transaction.id",
        "app.shipping.tracking.id",
        "session.id",
    ];

    /// Makes the pool for `seed`: the normal set first, then one set for each of `anomalies` in the order of
    /// [`Stratum::ANOMALIES`], however often and in whatever order they were asked for.
    ///
    /// Normal traces last at most 3 s, slow ones 1 to 20 s. Emitters of services with a broken name exist only if that
    /// anomaly was asked for, and stand behind the ordinary ones. But for the numbers of those emitters, the shapes of one
    /// stratum do not depend on which others were asked for.
    pub fn pool(&self, seed: u64, anomalies: &[Stratum]) -> Pool {
        self.pool_to_make(seed, anomalies).make()
    }

    /// The same, its shapes still to be made.
    pub(super) fn pool_to_make(&self, seed: u64, anomalies: &[Stratum]) -> PoolToMake {
        let wanted: Vec<Stratum> =
            Stratum::ANOMALIES.into_iter().filter(|stratum| anomalies.contains(stratum)).collect();
        let directory = Rc::new(Directory::new(seed, &wanted));
        let size = self.pool_size as usize;
        let anomaly_size = (size / ANOMALY_FRACTION).max(ANOMALY_SHAPES_MIN);
        let mut sets = vec![(Stratum::Normal, visits(seed, &directory, Stratum::Normal, size))];
        sets.extend(wanted.into_iter().map(|stratum| match stratum {
            Stratum::HealthCheck => (stratum, probes(seed, anomaly_size)),
            _ => (stratum, visits(seed, &directory, stratum, anomaly_size)),
        }));
        PoolToMake { topology: directory.topology.clone(), sets }
    }
}

/// `count` users' visits of `stratum`, each thing that users do with its share of the weight and enough shapes.
fn visits(seed: u64, directory: &Rc<Directory>, stratum: Stratum, count: usize) -> Shapes {
    let parts = allocate(count).into_iter();
    let each = parts.flat_map(|(root, share, count)| (0..count).map(move |index| (root, share / count as f64, index)));
    let directory = Rc::clone(directory);
    Box::new(each.map(move |(root, weight, index)| {
        let mut dice = Dice::new(seed, &format!("{}/{}/{index}", stratum.name(), root.name()));
        Shape { weight, spans: visit(&mut dice, &directory, stratum, root) }
    }))
}

/// How many of `count` shapes each root gets, with its share of the traffic. The most frequent one takes what the others
/// leave, since a floor under the rare ones costs it least.
fn allocate(count: usize) -> Vec<(Root, f64, usize)> {
    let floor = (count / 16).clamp(1, RARE_SHAPES_MIN);
    let total: f64 = Root::SHARES.iter().map(|(_, share)| share).sum();
    let mut parts: Vec<_> = Root::SHARES
        .into_iter()
        .map(|(root, share)| (root, share, ((count as f64 * share / total) as usize).max(floor)))
        .collect();
    let others: usize = parts.iter().filter(|(root, ..)| *root != Root::Browse).map(|(.., count)| count).sum();
    for (root, _, part) in &mut parts {
        if *root == Root::Browse {
            *part = count.saturating_sub(others).max(1);
        }
    }
    parts
}

fn visit(dice: &mut Dice, directory: &Directory, stratum: Stratum, root: Root) -> Vec<Span> {
    let mut operation = root.draw(dice);
    match stratum {
        Stratum::Normal => {}
        Stratum::ErrorTrace => anomalies::doom(dice, &mut operation),
        Stratum::SlowTrace => anomalies::stall(dice, &mut operation),
        _ => operation.calm(),
    }
    // A second trace id is an anomaly's mark; detached consumers would blur it.
    let consumers = if stratum == Stratum::Normal { Consumers::MayDetach } else { Consumers::StayAttached };
    let mut spans = walk(dice, &operation, consumers);
    let limit_ns = if stratum == Stratum::SlowTrace { timing::SLOW_LIMIT_NS } else { timing::ORDINARY_LIMIT_NS };
    timing::shrink_to(&mut spans, limit_ns);
    anomalies::distort(dice, directory, stratum, &mut spans);
    spans
}

fn probes(seed: u64, count: usize) -> Shapes {
    let probe = move |index| {
        let mut dice = Dice::new(seed, &format!("{}/{index}", Stratum::HealthCheck.name()));
        let operation = operations::health::draw(&mut dice);
        let mut spans = walk(&mut dice, &operation, Consumers::StayAttached);
        timing::fit_probe(&mut spans);
        Shape { weight: 1.0, spans }
    };
    Box::new((0..count).map(probe))
}
