//! Targets of our own that the suite is tried on: one that does everything right, and the same behind a script that makes one thing
//! wrong.
//!
//! Two stand behind it. [`Reference::sink`] is spanproof's own sink, which takes every signal in every way. It keeps what it took
//! itself, rejects by a partial success what no receiver wants, and so provokes what a collector seldom shows.
//! [`Reference::embedded`] is the embedded target, spans alone, with such a sink behind it: there what came out has gone through a
//! decoder and an encoder that are others than ours.

use super::deviations::{Deviation, Twist};
use super::profile::Profile;
use super::raw::Unanswered;
use super::raw::http1::{self, Http1, Request};
use super::raw::http2::{Call, Http2};
use super::readback::{ReadBack, Sink, Store};
use super::scripted::{Answer, Asked, Deed, Script, Scripted};
use super::trace::Trace;
use crate::embedded::{Compression, Destination, EmbeddedConfig, EmbeddedError, EmbeddedTarget, Guarantee, Protocol};
use crate::wire::Signal;
use crate::wire::server::{Backend, Decision, Export, Limits, ServerConfig, ServerError, SinkServer};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message;
use spanproof_scenarios::conformance::Feature;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The largest request that these take: small, so that trying more costs little.
pub const BYTES_MAX: usize = 5 << 20;

/// How long what was taken may need to come out: everything is in this process, and the machine may be busy.
const SETTLE: Duration = Duration::from_secs(5);

/// Why a reference did not start.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// The sink did not.
    #[error(transparent)]
    Sink(#[from] ServerError),
    /// The embedded target did not.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The deviating server did not.
    #[error("start the server that deviates: {0}")]
    Deviating(#[from] std::io::Error),
}

/// A running target of our own. Dropping it ends it; that blocks for a moment, so drop it outside of tasks.
pub struct Reference {
    /// What the suite is told of it.
    pub profile: Profile,
    /// How what comes out of it is read back.
    pub readback: ReadBack,
    running: Vec<Running>,
}

/// What has to be kept while it runs; it ends when dropped.
#[expect(dead_code, reason = "they are kept for their end")]
enum Running {
    Server(SinkServer),
    Sink(Sink),
    Embedded(Box<EmbeddedTarget>),
    Scripted(Scripted),
}

fn anywhere() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

impl Reference {
    /// Our own sink.
    ///
    /// # Errors
    ///
    /// [`ReferenceError`].
    pub fn sink() -> Result<Self, ReferenceError> {
        let store = Arc::new(Store::default());
        let limits = Limits { request_bytes_max: BYTES_MAX, ..Limits::default() };
        let (grpc, http) = (Some(anywhere()), Some(anywhere()));
        let config = ServerConfig { grpc, http, threads: NonZeroUsize::MIN, limits, pulse: None };
        let server = SinkServer::start(config, Arc::new(Choosy(Arc::clone(&store))))?;
        let mut profile = Profile::usual(server.grpc_addr(), server.http_addr());
        profile.features.insert(Feature::Profiles);
        (profile.grpc_bytes_max, profile.http_bytes_max) = (Some(BYTES_MAX), Some(BYTES_MAX));
        let readback = ReadBack { store, settle: SETTLE };
        Ok(Self { profile, readback, running: vec![Running::Server(server)] })
    }

    /// The embedded target, with a sink behind it.
    ///
    /// # Errors
    ///
    /// [`ReferenceError`].
    pub fn embedded() -> Result<Self, ReferenceError> {
        let sink = Sink::start(Some(anywhere()), None)?;
        let endpoint = format!("http://{}", sink.grpc().unwrap_or_else(anywhere));
        let config = EmbeddedConfig {
            export: vec![Destination { endpoint, protocol: Protocol::Grpc, compression: Compression::None }],
            guarantee: Guarantee::Synchronous,
            max_request_bytes: BYTES_MAX,
            ..EmbeddedConfig::default()
        };
        let target = EmbeddedTarget::start(config)?;
        let lacks = [Feature::Metrics, Feature::Logs];
        let mut profile = Profile::usual(Some(target.grpc_addr()), Some(target.http_addr())).without(&lacks);
        (profile.grpc_bytes_max, profile.http_bytes_max) = (Some(BYTES_MAX), Some(BYTES_MAX));
        let readback = ReadBack { store: Arc::clone(sink.store()), settle: SETTLE };
        // Ended in this order: who sends first.
        Ok(Self { profile, readback, running: vec![Running::Embedded(Box::new(target)), Running::Sink(sink)] })
    }

    /// The same with a deviation before it.
    ///
    /// # Errors
    ///
    /// [`ReferenceError`].
    pub async fn deviating(mut self, deviation: Deviation) -> Result<Self, ReferenceError> {
        for address in [&mut self.profile.grpc, &mut self.profile.http] {
            let Some(behind) = *address else { continue };
            let script = Arc::new(Deviating { behind, deviation });
            let server = Scripted::start(anywhere(), script).await?;
            *address = Some(server.address());
            // Before what it passes requests to, so that it ends first.
            self.running.insert(0, Running::Scripted(server));
        }
        Ok(self)
    }
}

/// The backend of a sink that rejects by a partial success what no receiver wants: spans whose trace id is none, points without a value.
struct Choosy(Arc<Store>);

impl Backend for Choosy {
    fn export(&self, request: Export) -> Decision {
        let (kept, rejected) = match request.signal {
            Signal::Traces => match ExportTraceServiceRequest::decode(request.body.clone()) {
                Ok(message) => without_bad_spans(message),
                Err(error) => return Decision::Malformed { message: error.to_string() },
            },
            Signal::Metrics => match ExportMetricsServiceRequest::decode(request.body.clone()) {
                Ok(message) => without_bad_points(message),
                Err(error) => return Decision::Malformed { message: error.to_string() },
            },
            Signal::Logs | Signal::Profiles => (request.body.to_vec(), 0),
        };
        match (self.0.take(request.signal, &kept), rejected) {
            (Err(error), _) => Decision::Malformed { message: error.to_string() },
            (Ok(()), 0) => Decision::Accept,
            (Ok(()), rejected) => {
                Decision::Partial { rejected, message: "items that are none as OTLP has them".to_owned() }
            }
        }
    }
}

fn without_bad_spans(mut message: ExportTraceServiceRequest) -> (Vec<u8>, i64) {
    let mut rejected = 0;
    for scope in message.resource_spans.iter_mut().flat_map(|resource| &mut resource.scope_spans) {
        let before = scope.spans.len();
        scope.spans.retain(|span| span.trace_id.len() == 16 && span.trace_id.iter().any(|byte| *byte != 0));
        rejected += before - scope.spans.len();
    }
    (message.encode_to_vec(), rejected as i64)
}

fn without_bad_points(mut message: ExportMetricsServiceRequest) -> (Vec<u8>, i64) {
    let mut rejected = 0;
    let scopes = message.resource_metrics.iter_mut().flat_map(|resource| &mut resource.scope_metrics);
    for metric in scopes.flat_map(|scope| &mut scope.metrics) {
        if let Some(Data::Gauge(gauge)) = &mut metric.data {
            let before = gauge.data_points.len();
            // A point that says that nothing was recorded has no value either.
            let is_good = |value: bool, flags: u32, time: u64| (value || flags & 1 == 1) && time > 0;
            gauge.data_points.retain(|point| is_good(point.value.is_some(), point.flags, point.time_unix_nano));
            rejected += before - gauge.data_points.len();
        }
    }
    (message.encode_to_vec(), rejected as i64)
}

/// Passes everything on to the server behind it, and does one thing wrong.
struct Deviating {
    behind: SocketAddr,
    deviation: Deviation,
}

/// The longest that the server behind may take.
const BEHIND_WITHIN: Duration = Duration::from_secs(30);

impl Script for Deviating {
    fn decide(self: Arc<Self>, asked: Asked) -> Pin<Box<dyn Future<Output = Deed> + Send>> {
        Box::pin(async move {
            let mut asked = asked;
            match self.deviation.twist {
                Twist::Asked(twist) => twist(&mut asked),
                Twist::Instead(twist) => {
                    if let Some(deed) = twist(&asked) {
                        return deed;
                    }
                }
                Twist::Answer(_) => {}
            }
            let Ok(mut answer) = pass_on(self.behind, &asked).await else { return Deed::Close };
            if let Twist::Answer(twist) = self.deviation.twist {
                twist(&asked, &mut answer);
            }
            Deed::Answer(answer)
        })
    }
}

/// Asks the server behind, in the same protocol. Headers of the connection are its own.
async fn pass_on(behind: SocketAddr, asked: &Asked) -> Result<Answer, Unanswered> {
    let trace = Arc::new(Trace::default());
    let own = ["host", "content-length", "transfer-encoding", "connection", "expect"];
    let fields = asked.fields.iter().filter(|(name, _)| !own.contains(&name.as_str())).cloned().collect();
    if asked.is_http2 {
        let call = Call { method: asked.method.clone(), fields, ..Call::post(asked.path.clone(), asked.body.clone()) };
        let answer = Http2::connect(behind, &trace, BEHIND_WITHIN).await?.call(&call).await?;
        let fields = answer.fields.into_iter().filter(|(name, _)| name != "content-length").collect();
        return Ok(Answer { status: answer.status, fields, body: answer.body, trailers: answer.trailers });
    }
    let request =
        Request { method: asked.method.clone(), fields, ..Request::post(asked.path.clone(), asked.body.clone()) };
    let answer: http1::Answer = Http1::connect(behind, &trace, BEHIND_WITHIN).await?.exchange(&request).await?;
    let fields = answer.fields.into_iter().filter(|(name, _)| !own.contains(&name.as_str())).collect();
    Ok(Answer { status: answer.status, fields, body: answer.body, trailers: Vec::new() })
}
