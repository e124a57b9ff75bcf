//! Sending to a target as an exporter would.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use prost::Message;
use tonic::Status;
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;

use super::soon;

/// A gRPC client on a connection of its own.
pub async fn grpc(address: SocketAddr) -> TraceServiceClient<Channel> {
    soon("a connection", TraceServiceClient::connect(format!("http://{address}"))).await.unwrap()
}

/// Sends one request over gRPC.
pub async fn send(
    address: SocketAddr,
    request: ExportTraceServiceRequest,
    compression: Option<CompressionEncoding>,
) -> Result<ExportTraceServiceResponse, Status> {
    let client = grpc(address).await;
    let mut client = match compression {
        None => client,
        Some(encoding) => client.send_compressed(encoding),
    };
    soon("an answer", client.export(request)).await.map(tonic::Response::into_inner)
}

/// What came back over HTTP.
pub struct HttpAnswer {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

impl HttpAnswer {
    /// The code in an error's `google.rpc.Status`.
    pub fn code(&self) -> i32 {
        tonic_types::Status::decode(self.body.clone()).unwrap().code
    }
}

/// Makes one HTTP request.
pub async fn http(
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> HttpAnswer {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let mut request = Request::builder().method(method).uri(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).unwrap();
    let (parts, body) = soon("an answer", client.request(request)).await.unwrap().into_parts();
    let body = soon("the answer's body", body.collect()).await.unwrap().to_bytes();
    HttpAnswer { status: parts.status, headers: parts.headers, body }
}

pub const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
pub const JSON: (&str, &str) = ("content-type", "application/json");

/// Posts protobuf traces.
pub async fn post(address: SocketAddr, body: impl Into<Bytes>) -> HttpAnswer {
    http(address, Method::POST, "/v1/traces", &[PROTOBUF], body).await
}
