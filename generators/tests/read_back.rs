//! An encoded pool gives back the shapes and the topology that it was made from.

use spanproof_generators::encoded::{EncodedPool, PieceLimits};
use spanproof_generators::model::{Shape, Stratum};
use spanproof_generators::workload::Workload;
use spanproof_generators::workload::shop::Shop;

#[test]
fn a_pool_reads_back_as_it_was_made() {
    let workload = Workload::Shop(Shop { pool_size: 128 });
    let pool = || workload.pool(3, &Stratum::ANOMALIES).unwrap();
    let encoded = EncodedPool::new(pool(), PieceLimits { spans: 64, bytes: 1 << 20 }).unwrap();
    let made = pool().make();
    assert_eq!(encoded.topology().unwrap(), made.topology);
    let shapes: Vec<&Shape> = made.sets.iter().flat_map(|set| &set.shapes).collect();
    assert_eq!(shapes.len(), encoded.shapes());
    for (number, shape) in shapes.into_iter().enumerate() {
        assert_eq!(encoded.shape(number as u32).unwrap().spans, shape.spans, "shape {number}");
    }
}
