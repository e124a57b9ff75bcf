//! The faults that `sink` and `proxy` are given by flag, and where faults are switched while they run.

use super::Exit;
use crate::control::{ControlError, ControlServer, Switchable};
use spanproof_scenarios::problem::{Problem, Problems};
use std::net::SocketAddr;
use std::sync::Arc;

/// Reads each `--fault` by `read`; the problems are those of all. No two may have the same name.
pub(super) fn faults<Switch>(
    texts: &[String],
    read: impl Fn(&str, &str) -> Result<Switch, Problems>,
    name: impl Fn(&Switch) -> &str,
) -> (Vec<Switch>, Vec<Problem>) {
    let (mut faults, mut problems) = (Vec::new(), Vec::new());
    for text in texts {
        match read("--fault", text) {
            Ok(switch) if faults.iter().any(|earlier| name(earlier) == name(&switch)) => {
                problems.push(Problem::of_twin("--fault", text, name(&switch)));
            }
            Ok(switch) => faults.push(switch),
            Err(wrong) => problems.extend(wrong.list().iter().cloned()),
        }
    }
    (faults, problems)
}

/// Listens at `--control`, where that is given. An address that is not loopback is a mistake of who typed it.
pub(super) fn control(
    address: Option<SocketAddr>,
    faults: Arc<dyn Switchable>,
) -> Result<Option<ControlServer>, (Box<dyn std::error::Error>, Exit)> {
    let control = address.map(|address| ControlServer::start(address, faults)).transpose();
    control.map_err(|error| {
        let exit = match error {
            ControlError::NotLoopback(_) => Exit::USAGE,
            _ => Exit::INCONCLUSIVE,
        };
        (error.into(), exit)
    })
}
