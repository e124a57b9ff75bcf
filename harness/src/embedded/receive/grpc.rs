//! The gRPC door: framing and compression by tonic, everything behind it by [`Intake`](crate::embedded::intake::Intake).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use prost::Message;
use tonic::body::Body;
use tonic::codec::{CompressionEncoding, EnabledCompressionEncodings};
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::Receiver;
use crate::embedded::intake::{Payload, Refusal};
use crate::embedded::raw_codec::{EXPORT_PATH, RawCodec};

impl Receiver {
    /// Answers one gRPC request. Anything but traces is unimplemented.
    pub async fn answer_grpc(self: Arc<Self>, request: Request<Incoming>, connection: u64) -> Response<Body> {
        if request.uri().path() != EXPORT_PATH {
            return Status::unimplemented("the embedded target takes traces only").into_http();
        }
        if !is_grpc(&request) {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return response;
        }
        let mut accepted = EnabledCompressionEncodings::default();
        accepted.enable(CompressionEncoding::Gzip);
        accepted.enable(CompressionEncoding::Zstd);
        let mut grpc = Grpc::new(RawCodec)
            .apply_compression_config(accepted, EnabledCompressionEncodings::default())
            .apply_max_message_size_config(Some(self.max_request_bytes), None);
        let reached = Arc::new(AtomicBool::new(false));
        let export = Export { receiver: Arc::clone(&self), connection, reached: Arc::clone(&reached) };
        let mut response = grpc.unary(export, request).await;
        if !reached.load(Ordering::Relaxed) {
            self.intake.count_malformed();
            correct_oversize_code(&mut response);
        }
        response
    }
}

/// Whether it says that it is a call of gRPC, whatever the messages' encoding. Tonic does not ask.
fn is_grpc(request: &Request<Incoming>) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    kind.to_ascii_lowercase().starts_with(b"application/grpc")
}

/// Tonic answers a message above the limit with OUT_OF_RANGE, which OTLP has clients repeat for ever; OTLP wants
/// RESOURCE_EXHAUSTED.
fn correct_oversize_code(response: &mut Response<Body>) {
    if let Some(status) = response.headers_mut().get_mut("grpc-status")
        && *status == "11"
    {
        *status = HeaderValue::from_static("8");
    }
}

/// One call; notes whether tonic could read the request at all.
struct Export {
    receiver: Arc<Receiver>,
    connection: u64,
    reached: Arc<AtomicBool>,
}

impl UnaryService<Bytes> for Export {
    type Response = Bytes;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Bytes>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        self.reached.store(true, Ordering::Relaxed);
        let (receiver, connection) = (Arc::clone(&self.receiver), self.connection);
        Box::pin(async move {
            let payload = Payload::Protobuf(request.into_inner());
            let rejected = receiver.intake.receive(payload, connection).await.map_err(status)?;
            Ok(tonic::Response::new(response(rejected).encode_to_vec().into()))
        })
    }
}

/// OTLP's response, which tells of rejected spans and is empty without any.
pub(super) fn response(rejected_spans: i64) -> ExportTraceServiceResponse {
    let partial_success = (rejected_spans != 0)
        .then(|| ExportTracePartialSuccess { rejected_spans, error_message: "rejected by the destination".to_owned() });
    ExportTraceServiceResponse { partial_success }
}

/// The refusal with its details: when to come again, and of bad data what is wrong with it.
pub(super) fn status(refusal: Refusal) -> Status {
    // A refusal passed on from a destination can only carry a code that is not OK.
    let code = if refusal.code == Code::Ok { Code::Unknown } else { refusal.code };
    let Refusal { message, retry_after, .. } = refusal;
    let mut details = ErrorDetails::new();
    if retry_after.is_some() {
        details.set_retry_info(retry_after);
    }
    if code == Code::InvalidArgument {
        details.add_bad_request_violation("", message.clone());
    }
    if retry_after.is_none() && code != Code::InvalidArgument {
        return Status::new(code, message);
    }
    Status::with_error_details(code, message, details)
}
