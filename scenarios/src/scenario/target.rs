//! What receives the traffic and how it is started.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use super::checker::{Checker, nonzero};
use super::client::{Retry, retry};
use super::endpoint::Endpoint;
use crate::document::Origin;
use crate::problem::ProblemKind;
use crate::spec::{Compression, EmbeddedSpec, EncodingOrder, ExternalSpec, ProcessSpec, Protocol, ReadyOn};
use crate::spec::{ReadySpec, SinkSpec, TargetSpec};
use crate::units::ByteSize;

/// How long a target may take to start, whoever starts it: a collector is there within a second or two, a container within some.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// What receives the traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The collector inside spanproof.
    Embedded(Embedded),
    /// A binary to start.
    Process(Process),
    /// An endpoint that somebody else runs.
    External(External),
}

impl Target {
    /// The name in scenario files and results.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Embedded(_) => "embedded",
            Self::Process(_) => "process",
            Self::External(_) => "external",
        }
    }
}

/// Settings of the embedded target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embedded {
    /// Encoded bytes that may wait for export.
    pub memory_limit: u64,
    /// Requests that may wait for export.
    pub queue_size: NonZeroU32,
    /// Requests exported at the same time.
    pub consumers: NonZeroU32,
    /// How failed exports are repeated; None gives each one attempt.
    pub retry: Option<Retry>,
    /// Compression of what it exports.
    pub compression: Compression,
    /// Order in which it writes fields.
    pub encoding_order: EncodingOrder,
    /// Planted defects, as written; whoever builds the target reads them.
    pub defects: Vec<String>,
}

/// A process to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// A path, or a bare name to look up in PATH.
    pub command: PathBuf,
    /// Arguments before those that carry the configuration.
    pub args: Vec<String>,
    /// Environment variables for the process alone.
    pub env: BTreeMap<String, String>,
    /// When it counts as started.
    pub ready: Ready,
    /// Time between SIGTERM and SIGKILL.
    pub stop_grace: Duration,
}

/// When a process counts as started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// How long it may take.
    pub timeout: Duration,
    /// The receiver that must take connections; None when the health address alone decides. This or the other is set.
    pub receiver: Option<Protocol>,
    /// What the health address must answer with 200; None when it is not asked.
    pub health_path: Option<String>,
}

/// An endpoint that somebody else runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// Where to send. Loopback, typed as a flag, or allowed by name.
    pub endpoint: Endpoint,
    /// Where the sink listens for OTLP/gRPC. This or the other is set.
    pub sink_grpc: Option<SocketAddr>,
    /// Where the sink listens for OTLP/HTTP.
    pub sink_http: Option<SocketAddr>,
    /// For how long it is tried whether anybody takes a connection at the endpoint; zero tries once.
    pub ready_within: Duration,
}

/// Works out the target; `protocol` is what traffic comes over.
pub(super) fn resolve(spec: Option<&TargetSpec>, protocol: Protocol, checker: &mut Checker<'_>) -> Option<Target> {
    match spec {
        None if checker.document.has_failed(&crate::document::FieldPath::keys("target")) => None,
        None => Some(Target::Embedded(embedded(&EmbeddedSpec::default(), checker))),
        Some(TargetSpec::Embedded(spec)) => Some(Target::Embedded(embedded(spec, checker))),
        Some(TargetSpec::Process(spec)) => process(spec, protocol, checker).map(Target::Process),
        Some(TargetSpec::External(spec)) => external(spec, protocol, checker).map(Target::External),
    }
}

fn embedded(spec: &EmbeddedSpec, checker: &mut Checker<'_>) -> Embedded {
    let memory_limit = spec.memory_limit.unwrap_or(ByteSize::from_mib(512));
    if memory_limit.0 == 0 {
        checker.invalid("target.embedded.memory_limit", "nothing fits into no memory", "give a size such as `512MiB`");
    }
    for (index, defect) in spec.defects.iter().enumerate() {
        let objection = checker.knowledge.and_then(|knowledge| knowledge.defect(defect));
        checker.object_element("target.embedded.defects", index, objection);
    }
    Embedded {
        memory_limit: memory_limit.0,
        queue_size: checker.positive("target.embedded.queue_size", spec.queue_size, nonzero(1000)),
        consumers: checker.positive("target.embedded.consumers", spec.consumers, nonzero(10)),
        retry: retry("target.embedded.retry", spec.retry.as_ref(), true, &Retry::COLLECTOR, checker),
        compression: spec.compression.unwrap_or_default(),
        encoding_order: spec.encoding_order.unwrap_or_default(),
        defects: spec.defects.clone(),
    }
}

fn process(spec: &ProcessSpec, protocol: Protocol, checker: &mut Checker<'_>) -> Option<Process> {
    let field = "target.process.command";
    let command = checker.required(field, spec.command.as_deref(), "name the binary, such as `command: otelcol`");
    let command = command.filter(|command| !command.trim().is_empty());
    if command.is_none() && spec.command.is_some() {
        checker.invalid(field, "the command is empty", "name the binary, such as `command: otelcol`");
    }
    // A bare name is for PATH; anything with a slash is a file, relative to whoever wrote it.
    let command = command.map(|command| match command.contains('/') {
        true => checker.resolve_path(field, command),
        false => PathBuf::from(command),
    });
    let ready = ready(&spec.ready.clone().unwrap_or_default(), protocol, checker);
    Some(Process {
        command: command?,
        args: spec.args.clone(),
        env: spec.env.clone(),
        ready,
        stop_grace: spec.stop_grace.map_or(Duration::from_secs(5), |grace| grace.0),
    })
}

/// A target that takes one protocol alone is ready when that one is: so the receiver follows the traffic.
fn ready(spec: &ReadySpec, protocol: Protocol, checker: &mut Checker<'_>) -> Ready {
    let timeout = checker.lasting("target.process.ready.timeout", spec.timeout, READY_WITHIN);
    let receiver = match spec.on {
        None => Some(protocol),
        Some(ReadyOn::Grpc) => Some(Protocol::Grpc),
        Some(ReadyOn::Http) => Some(Protocol::Http),
        Some(ReadyOn::Health) => None,
    };
    if spec.health_path.as_ref().is_some_and(|path| !path.starts_with('/') || path.contains(char::is_whitespace)) {
        let message = "this is no path to ask for";
        checker.invalid("target.process.ready.health_path", message, "begin it with a slash, such as `/healthz`");
    }
    let alone = receiver.is_none().then(|| "/".to_owned());
    Ready { timeout, receiver, health_path: spec.health_path.clone().or(alone) }
}

fn external(spec: &ExternalSpec, protocol: Protocol, checker: &mut Checker<'_>) -> Option<External> {
    let hint = "add it, or pass `--endpoint http://127.0.0.1:4317`";
    let text = checker.required("target.external.endpoint", spec.endpoint.as_deref(), hint);
    let endpoint = text.and_then(|text| endpoint(text, protocol, checker));
    let sink = spec.sink.clone().unwrap_or_default();
    let sinks = sinks(&sink, checker);
    let (sink_grpc, sink_http) = sinks?;
    let ready_within = spec.ready.as_ref().and_then(|ready| ready.timeout).map_or(READY_WITHIN, |timeout| timeout.0);
    Some(External { endpoint: endpoint?, sink_grpc, sink_http, ready_within })
}

fn endpoint(text: &str, protocol: Protocol, checker: &mut Checker<'_>) -> Option<Endpoint> {
    const FIELD: &str = "target.external.endpoint";
    let endpoint = match text.parse::<Endpoint>() {
        Ok(endpoint) => endpoint,
        Err(error) => {
            checker.invalid(FIELD, error.message, error.hint);
            return None;
        }
    };
    checker.object(FIELD, checker.knowledge.and_then(|knowledge| knowledge.endpoint(&endpoint, protocol)));
    // Typing an endpoint as a flag is consent; finding one in a file or the environment is not.
    let consented =
        checker.origin(FIELD) == Origin::Flag || checker.allow_remote.iter().any(|host| host == endpoint.host());
    if !endpoint.is_loopback() && !consented {
        let host = endpoint.host().to_owned();
        let message = format!("`{host}` is not this machine, and nobody has allowed traffic to it");
        let hint = format!("if you mean it, pass `--allow-remote {host}`");
        checker.report(FIELD, ProblemKind::RemoteEndpoint { host }, message, hint);
    }
    Some(endpoint)
}

type SinkAddresses = (Option<SocketAddr>, Option<SocketAddr>);

fn sinks(spec: &SinkSpec, checker: &mut Checker<'_>) -> Option<SinkAddresses> {
    let missing = spec.grpc.is_none() && spec.http.is_none();
    if missing && !checker.document.has_failed(&crate::document::FieldPath::keys("target.external.sink")) {
        let message = "the sink has no address, so the target could not deliver to it";
        let hint = "add `sink: {grpc: 127.0.0.1:5317}`, or pass `--sink-grpc` or `--sink-http`";
        checker.report("target.external.sink", ProblemKind::MissingField, message, hint);
    }
    let grpc = address("target.external.sink.grpc", spec.grpc.as_deref(), checker);
    let http = address("target.external.sink.http", spec.http.as_deref(), checker);
    if let (Some(Some(grpc)), Some(Some(http))) = (grpc, http)
        && grpc == http
    {
        let message = "the sink cannot take gRPC and HTTP on the same address";
        let fields = ["target.external.sink.http", "target.external.sink.grpc"];
        let field = checker.to_blame(&fields).unwrap_or(fields[0]);
        checker.report(field, ProblemKind::Contradiction, message, "give it another port");
    }
    Some((grpc?, http?))
}

/// None for a problem, Some(None) for no address.
fn address(field: &str, text: Option<&str>, checker: &mut Checker<'_>) -> Option<Option<SocketAddr>> {
    let Some(text) = text else { return Some(None) };
    match text.parse::<SocketAddr>() {
        Ok(address) => Some(Some(address)),
        Err(_) => {
            let message = format!("`{}` is no address to listen on", crate::document::shortened(text));
            checker.invalid(field, message, "write an IP address and a port, such as `127.0.0.1:5317`");
            None
        }
    }
}
