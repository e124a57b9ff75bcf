//! A throwaway backend that keeps what it gets and answers from a script.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Status};

use super::eventually;

/// An answer to one request; when the script is empty everything is accepted.
#[derive(Clone)]
pub enum Answer {
    Grpc(Status),
    Http(u16, Option<&'static str>),
    Partial(i64),
    Hang,
    /// Accepts once told to.
    Hold(Arc<Notify>),
}

#[derive(Default)]
struct State {
    attempts: Mutex<u64>,
    accepted: Mutex<Vec<Bytes>>,
    script: Mutex<VecDeque<Answer>>,
}

impl State {
    fn next(&self) -> Option<Answer> {
        *self.attempts.lock().unwrap() += 1;
        self.script.lock().unwrap().pop_front()
    }

    fn accept(&self, body: Bytes) {
        self.accepted.lock().unwrap().push(body);
    }
}

/// A running backend; its tasks end with it.
pub struct Sink {
    pub address: SocketAddr,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

impl Sink {
    pub async fn grpc(script: impl IntoIterator<Item = Answer>) -> Self {
        Self::grpc_at("127.0.0.1:0".parse().unwrap(), script).await
    }

    pub async fn grpc_at(address: SocketAddr, script: impl IntoIterator<Item = Answer>) -> Self {
        let (listener, address, state) = begin(address, script).await;
        let service = TraceServiceServer::new(GrpcSink(Arc::clone(&state)))
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(64 << 20);
        let mut tasks = JoinSet::new();
        let server = tonic::transport::Server::builder().add_service(service);
        tasks.spawn(async move { server.serve_with_incoming(TcpListenerStream::new(listener)).await.unwrap() });
        Self { address, state, _tasks: tasks }
    }

    pub async fn http(script: impl IntoIterator<Item = Answer>) -> Self {
        let (listener, address, state) = begin("127.0.0.1:0".parse().unwrap(), script).await;
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&state);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| answer_http(Arc::clone(&state), request));
                connections.spawn(async move {
                    let builder = Builder::new(TokioExecutor::new());
                    drop(builder.serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        Self { address, state, _tasks: tasks }
    }

    /// How many requests came, whatever was answered.
    pub fn attempts(&self) -> u64 {
        *self.state.attempts.lock().unwrap()
    }

    /// The accepted bodies, decompressed.
    pub fn bodies(&self) -> Vec<Bytes> {
        self.state.accepted.lock().unwrap().clone()
    }

    /// The accepted requests once there are so many.
    pub async fn accepted(&self, count: usize) -> Vec<ExportTraceServiceRequest> {
        eventually(&format!("the sink had {count} requests"), || self.bodies().len() >= count).await;
        self.bodies().into_iter().map(|body| ExportTraceServiceRequest::decode(body).unwrap()).collect()
    }
}

async fn begin(address: SocketAddr, script: impl IntoIterator<Item = Answer>) -> (TcpListener, SocketAddr, Arc<State>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let state = State { script: Mutex::new(script.into_iter().collect()), ..State::default() };
    (listener, address, Arc::new(state))
}

struct GrpcSink(Arc<State>);

#[tonic::async_trait]
impl TraceService for GrpcSink {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, Status> {
        let body = request.into_inner().encode_to_vec().into();
        match self.0.next() {
            None => self.0.accept(body),
            Some(Answer::Partial(rejected)) => {
                self.0.accept(body);
                return Ok(tonic::Response::new(partial(rejected)));
            }
            Some(Answer::Grpc(status)) => return Err(status),
            Some(Answer::Hang) => tokio::time::sleep(Duration::from_secs(3600)).await,
            Some(Answer::Hold(released)) => {
                released.notified().await;
                self.0.accept(body);
            }
            Some(Answer::Http(..)) => return Err(Status::new(Code::Internal, "a gRPC sink has no HTTP answers")),
        }
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

fn partial(rejected_spans: i64) -> ExportTraceServiceResponse {
    let partial_success = ExportTracePartialSuccess { rejected_spans, error_message: "some".to_owned() };
    ExportTraceServiceResponse { partial_success: Some(partial_success) }
}

async fn answer_http(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    assert_eq!(request.uri().path(), "/v1/traces");
    assert_eq!(request.headers()["content-type"], "application/x-protobuf");
    let gzip = request.headers().get("content-encoding").is_some_and(|encoding| encoding == "gzip");
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = if gzip { gunzip(&body) } else { body };
    let mut response = Response::new(Full::default());
    match state.next() {
        None => state.accept(body),
        Some(Answer::Partial(rejected)) => {
            state.accept(body);
            *response.body_mut() = Full::new(partial(rejected).encode_to_vec().into());
        }
        Some(Answer::Http(status, retry_after)) => {
            *response.status_mut() = status.try_into().unwrap();
            if let Some(wait) = retry_after {
                response.headers_mut().insert("retry-after", wait.parse().unwrap());
            }
        }
        Some(Answer::Hang) => tokio::time::sleep(Duration::from_secs(3600)).await,
        Some(Answer::Hold(released)) => {
            released.notified().await;
            state.accept(body);
        }
        Some(Answer::Grpc(_)) => *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR,
    }
    Ok(response)
}

fn gunzip(body: &[u8]) -> Bytes {
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(body), &mut plain).unwrap();
    plain.into()
}
