//! Each end against an independent implementation: tonic with the stubs of `opentelemetry-proto`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::StatusCode;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use spanproof_harness::wire::client::{Answer, ClientConfig, Exporter, RefusalCode};
use spanproof_harness::wire::server::{BrokenAnswer, Decision, Limits, Reason, Refusal, RetryAfter};
use spanproof_harness::wire::{Code, Compression, PartialSuccess, Signal};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::codec::CompressionEncoding;
use tonic_types::{ErrorDetails, StatusExt};

use crate::rig::{GRPC, Rig, send};

fn request(spans: usize) -> ExportTraceServiceRequest {
    let span = |number: usize| Span { name: format!("span {number}"), span_id: vec![7; 8], ..Span::default() };
    let scope_spans = vec![ScopeSpans { spans: (0..spans).map(span).collect(), ..ScopeSpans::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
}

async fn tonic_client(rig: &Rig) -> TraceServiceClient<tonic::transport::Channel> {
    TraceServiceClient::connect(format!("http://{}", rig.grpc())).await.unwrap()
}

#[tokio::test]
async fn a_tonic_client_is_served_with_every_compression() {
    let rig = Rig::accepting();
    for (encoding, compression) in [
        (None, Compression::None),
        (Some(CompressionEncoding::Gzip), Compression::Gzip),
        (Some(CompressionEncoding::Zstd), Compression::Zstd),
    ] {
        let mut client = tonic_client(&rig).await;
        if let Some(encoding) = encoding {
            client = client.send_compressed(encoding).accept_compressed(encoding);
        }
        for spans in [0, 1, 5000] {
            let response = client.export(request(spans)).await.unwrap().into_inner();
            assert_eq!(response.partial_success, None);
            let [export] = rig.seen().try_into().unwrap();
            assert_eq!(export.compression, compression);
            assert_eq!(ExportTraceServiceRequest::decode(export.body).unwrap(), request(spans));
        }
    }
}

#[tokio::test]
async fn a_tonic_client_reads_our_partial_success_and_our_errors() {
    let rig = Rig::deciding(Decision::Partial { rejected: 3, message: "three of them".into() });
    let partial = tonic_client(&rig).await.export(request(5)).await.unwrap().into_inner().partial_success.unwrap();
    assert_eq!((partial.rejected_spans, partial.error_message.as_str()), (3, "three of them"));

    let refusal = Refusal {
        grpc: Some(Code::RESOURCE_EXHAUSTED),
        http: StatusCode::TOO_MANY_REQUESTS,
        message: "später: 100 %".into(),
        retry_after: Some(RetryAfter::Wait(Duration::from_millis(2500))),
    };
    let status = tonic_client(&Rig::deciding(Decision::Refuse(refusal))).await.export(request(1)).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (tonic::Code::ResourceExhausted, "später: 100 %"));
    assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_millis(2500)));

    let refusal = Refusal {
        grpc: Some(Code(42)),
        http: StatusCode::INTERNAL_SERVER_ERROR,
        message: "a number of our own".into(),
        retry_after: None,
    };
    let status = tonic_client(&Rig::deciding(Decision::Refuse(refusal))).await.export(request(1)).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unknown);

    let malformed = Rig::deciding(Decision::Malformed { message: "bad tag".into() });
    let status = tonic_client(&malformed).await.export(request(1)).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].description, "bad tag");
}

#[tokio::test]
async fn a_tonic_client_takes_none_of_our_broken_answers_for_a_success() {
    use BrokenAnswer::{Bomb, Empty, Garbage, NoStatus, Oversize, Truncated, WrongType};
    let mut heard = Vec::new();
    for shape in [Empty, WrongType, Garbage, Oversize, Truncated, Bomb, NoStatus] {
        let rig = Rig::deciding(Decision::Broken(shape));
        let mut client = tonic_client(&rig).await.accept_compressed(CompressionEncoding::Gzip);
        let answer = client.export(request(1)).await.map(|response| response.into_inner());
        heard.push((shape, answer.unwrap_err().code()));
    }
    use tonic::Code::{Internal, OutOfRange, ResourceExhausted, Unknown};
    let expected = [
        (Empty, Internal),
        (WrongType, Internal),
        (Garbage, Internal),
        (Oversize, OutOfRange),
        (Truncated, Internal),
        (Bomb, ResourceExhausted),
        (NoStatus, Unknown),
    ];
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn a_tonic_client_that_sends_too_much_hears_resource_exhausted_without_retry_info() {
    let limits = Limits { request_bytes_max: 100_000, ..Limits::default() };
    let rig = Rig::start(limits, |_| Decision::Accept);
    for encoding in [None, Some(CompressionEncoding::Gzip), Some(CompressionEncoding::Zstd)] {
        let mut client = tonic_client(&rig).await;
        if let Some(encoding) = encoding {
            client = client.send_compressed(encoding);
        }
        let status = client.export(request(50_000)).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::ResourceExhausted, "{encoding:?} {status:?}");
        assert!(status.get_details_retry_info().is_none());
        client.export(request(10)).await.unwrap();
    }
    assert_eq!(rig.counters().refused(Reason::TooLarge), 3);
    assert_eq!(rig.counters().connections, 3, "the connections stay usable");
}

#[tokio::test]
async fn a_tonic_client_reaches_the_other_signals() {
    let rig = Rig::accepting();
    let mut client = LogsServiceClient::connect(format!("http://{}", rig.grpc())).await.unwrap();
    client.export(ExportLogsServiceRequest::default()).await.unwrap();
    assert_eq!(rig.seen()[0].signal, Signal::Logs);
}

/// A tonic server that answers as told.
#[derive(Clone)]
struct Peer {
    answer: Arc<Mutex<Result<ExportTraceServiceResponse, tonic::Status>>>,
    seen: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

#[tonic::async_trait]
impl TraceService for Peer {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        self.seen.lock().unwrap().push(request.into_inner());
        self.answer.lock().unwrap().clone().map(tonic::Response::new)
    }
}

/// Serves until the test's runtime ends.
async fn peer(answer: Result<ExportTraceServiceResponse, tonic::Status>) -> (Peer, SocketAddr) {
    let peer = Peer { answer: Arc::new(Mutex::new(answer)), seen: Arc::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = TraceServiceServer::new(peer.clone())
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(1 << 20);
    let serving = tonic::transport::Server::builder().add_service(service);
    tokio::spawn(serving.serve_with_incoming(TcpListenerStream::new(listener)));
    (peer, address)
}

fn exporter(address: SocketAddr, compression: Compression) -> Exporter {
    let mut config = ClientConfig::new(format!("http://{address}").parse().unwrap(), GRPC);
    config.compression = compression;
    Exporter::new(config).unwrap()
}

#[tokio::test]
async fn a_tonic_server_takes_what_we_send() {
    let (peer, address) = peer(Ok(ExportTraceServiceResponse::default())).await;
    for compression in [Compression::None, Compression::Gzip] {
        let exporter = exporter(address, compression);
        for spans in [0, 1, 3000] {
            assert_eq!(send(&exporter, &request(spans).encode_to_vec()).await, Answer::ACCEPTED);
            assert_eq!(peer.seen.lock().unwrap().pop().unwrap(), request(spans));
        }
    }
}

/// A corked socket that nobody pushes keeps the end of every request for 200 ms: four seconds for these.
#[tokio::test]
async fn nothing_is_kept_back_when_a_request_has_been_written() {
    let (_peer, address) = peer(Ok(ExportTraceServiceResponse::default())).await;
    let exporter = exporter(address, Compression::None);
    let begun = std::time::Instant::now();
    for spans in [1, 3000].repeat(10) {
        assert_eq!(send(&exporter, &request(spans).encode_to_vec()).await, Answer::ACCEPTED);
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn we_read_what_a_tonic_server_says() {
    let (peer, address) = peer(Ok(ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess { rejected_spans: 2, error_message: "two".into() }),
    }))
    .await;
    let exporter = exporter(address, Compression::None);
    let partial = Some(PartialSuccess { rejected: 2, message: "two".into() });
    assert_eq!(send(&exporter, b"").await, Answer::Accepted { partial, unreadable: false });

    let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(700)));
    *peer.answer.lock().unwrap() =
        Err(tonic::Status::with_error_details(tonic::Code::ResourceExhausted, "busy", details));
    let expected = Answer::Refused {
        code: RefusalCode::Grpc(Code::RESOURCE_EXHAUSTED),
        message: "busy".into(),
        retryable: true,
        retry_after: Some(Duration::from_millis(700)),
    };
    assert_eq!(send(&exporter, b"").await, expected);

    *peer.answer.lock().unwrap() = Err(tonic::Status::resource_exhausted("full"));
    assert!(!send(&exporter, b"").await.retryable());
}

#[tokio::test]
async fn tonics_answer_to_an_oversized_request_is_understood_as_it_is() {
    let (_peer, address) = peer(Ok(ExportTraceServiceResponse::default())).await;
    let answer = send(&exporter(address, Compression::None), &request(100_000).encode_to_vec()).await;
    let Answer::Refused { code: RefusalCode::Grpc(code), .. } = answer else { panic!("{answer:?}") };
    assert!([Code::OUT_OF_RANGE, Code::RESOURCE_EXHAUSTED].contains(&code), "{code}");
}
