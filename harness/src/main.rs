//! The binary: turns what was typed into an exit code.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    spanproof_harness::process::become_keeper_if_asked();
    spanproof_harness::cli::main()
}
