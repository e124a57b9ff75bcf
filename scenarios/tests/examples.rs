//! Every shipped example is loaded on every change.

use spanproof_scenarios::load::{LoadOptions, Source, load};
use std::path::Path;

#[test]
fn every_example_is_a_good_scenario() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut loaded = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let source = Source::read(&path).unwrap();
        load(&source, &LoadOptions::default()).unwrap_or_else(|problems| panic!("{problems}"));
        loaded += 1;
    }
    assert!(loaded > 0, "there are examples");
}
