//! Exporting over gRPC.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use super::{Attempt, Manner, NOBODYS_COMPRESSION, RESPONSE_BYTES_MAX};
use crate::embedded::config::Compression;
use crate::embedded::intake::Refusal;
use crate::embedded::raw_codec::{EXPORT_PATH, METRICS_PATH, RawCodec};
use crate::embedded::retry::grpc_is_retryable;

/// One lazily connected HTTP/2 channel.
pub struct GrpcExporter {
    client: Grpc<Channel>,
    compression: Compression,
    timeout: Duration,
}

impl GrpcExporter {
    /// Connects on first use and again whenever the connection is gone.
    pub fn new(endpoint: Uri, compression: Compression, timeout: Duration) -> Self {
        let channel = Endpoint::from(endpoint).connect_timeout(timeout).tcp_nodelay(true).connect_lazy();
        let client = Grpc::new(channel).max_decoding_message_size(RESPONSE_BYTES_MAX);
        Self { client: client.accept_compressed(CompressionEncoding::Gzip), compression, timeout }
    }

    /// One attempt.
    pub async fn attempt(&self, body: Bytes, manner: Manner) -> Attempt {
        let mut client = self.client(manner);
        if let Err(error) = client.ready().await {
            return Attempt::broken(format!("the destination cannot be reached: {error}"));
        }
        let mut request = Request::new(body);
        request.set_timeout(self.timeout);
        if manner == Manner::UnknownCompression {
            request.metadata_mut().insert("grpc-encoding", MetadataValue::from_static(NOBODYS_COMPRESSION));
        }
        let path = if manner == Manner::Metrics { METRICS_PATH } else { EXPORT_PATH };
        match client.unary(request, PathAndQuery::from_static(path), RawCodec).await {
            Ok(response) => Attempt::acknowledged(response.into_inner()),
            Err(status) => judge(&status),
        }
    }
}

impl GrpcExporter {
    /// The client, which itself says how a request is compressed if it compresses it.
    fn client(&self, manner: Manner) -> Grpc<Channel> {
        let client = self.client.clone();
        match (self.compression, manner) {
            (Compression::None, _) | (_, Manner::UnknownCompression) => client,
            (Compression::Gzip, _) => client.send_compressed(CompressionEncoding::Gzip),
        }
    }
}

fn judge(status: &Status) -> Attempt {
    if is_ours(status) {
        return Attempt::broken(format!("the connection to the destination failed: {}", status.message()));
    }
    let retry_info = status.get_details_retry_info();
    let after = retry_info.as_ref().and_then(|info| info.retry_delay);
    let refusal = Refusal { code: status.code(), message: status.message().to_owned(), retry_after: after };
    if grpc_is_retryable(status.code(), retry_info.is_some()) {
        Attempt::Retryable { refusal, after }
    } else {
        Attempt::Permanent(refusal)
    }
}

/// True when the status was made on this side because the connection failed, where OTLP asks for a retry. Tonic gives such a
/// status a source, and the code UNKNOWN for most of them. A stream that the server reset as INTERNAL stays what it is.
fn is_ours(status: &Status) -> bool {
    status.source().is_some() && matches!(status.code(), Code::Unknown | Code::Unavailable | Code::Cancelled)
}
