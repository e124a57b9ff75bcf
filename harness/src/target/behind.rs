//! The embedded collector standing *behind* the target, between it and the sink: planted defects for a real collector.

use super::{TargetEnd, TargetError};
use crate::embedded::{EmbeddedConfig, EmbeddedTarget};
use crate::process::SinkAddresses;
use std::time::Duration;

/// The embedded collector as the target's destination.
pub struct Behind(EmbeddedTarget);

impl Behind {
    /// Starts it in front of `sink`.
    ///
    /// # Errors
    /// An address or a thread that cannot be had.
    pub fn start(mut config: EmbeddedConfig, sink: SinkAddresses) -> Result<Self, TargetError> {
        config.export = vec![super::settings::sink_destination(&config, sink)];
        Ok(Self(EmbeddedTarget::start(config)?))
    }

    /// Where the target is to deliver.
    pub fn addresses(&self) -> SinkAddresses {
        SinkAddresses { grpc: self.0.grpc_addr(), http: self.0.http_addr() }
    }

    /// Stops it when the target has stopped; what it still holds is delivered first.
    pub fn stop(self, deadline: Duration) -> TargetEnd {
        super::Target::Embedded(self.0).stop(deadline)
    }
}
