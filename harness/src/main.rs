//! The binary.
fn main() {
    spanproof_harness::process::become_keeper_if_asked();
}
