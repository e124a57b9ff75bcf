//! Stands before what takes requests until the run's clock is known: what arrives earlier is told to come again.

use crate::wire::Code;
use crate::wire::server::{Backend, Decision, Export, Refusal};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// A backend that refuses as retryable until it is opened.
#[derive(Default)]
pub(super) struct Gate {
    backend: OnceLock<Arc<dyn Backend>>,
    refused: AtomicU64,
}

impl Gate {
    /// From now on `backend` takes everything.
    pub(super) fn open(&self, backend: Arc<dyn Backend>) {
        // Only the first opening counts; a run opens its gate once.
        drop(self.backend.set(backend));
    }

    /// Requests refused before it was opened: nothing of this run was in them.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Backend for Gate {
    fn export(&self, export: Export) -> Decision {
        match self.backend.get() {
            Some(backend) => backend.export(export),
            None => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Decision::Refuse(Refusal {
                    grpc: Some(Code::UNAVAILABLE),
                    http: http::StatusCode::SERVICE_UNAVAILABLE,
                    message: "the run has not begun".to_owned(),
                    retry_after: None,
                })
            }
        }
    }
}
