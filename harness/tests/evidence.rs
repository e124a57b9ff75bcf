//! Evidence end to end: a small run writes it, and whatever happens to it, `judge` and `show` say nothing that is not so.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails best where it stands")]

#[path = "evidence/broken.rs"]
mod broken;
#[path = "evidence/holding.rs"]
mod holding;
#[path = "evidence/judging.rs"]
mod judging;
#[path = "evidence/kept.rs"]
mod kept;
#[path = "evidence/rig.rs"]
mod rig;
#[path = "evidence/showing.rs"]
mod showing;
#[path = "evidence/withheld.rs"]
mod withheld;
