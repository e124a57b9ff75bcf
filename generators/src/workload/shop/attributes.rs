//! Attributes by protocol, under the names of the semantic conventions 1.37 to 1.44, and the attributes of an outcome.

use super::failure::{Cause, Failure, exception_type};
use super::libraries::Library;
use super::operations::{Operation, Protocol};
use super::rng::Dice;
use super::services::{Facts, Language, Service};
use crate::model::{Attribute, SpanKind, Status, Value};

const BROWSERS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "python-requests/2.32.5",
];

/// An HTTP request as both ends describe it.
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) route: &'static str,
    path: String,
    query: String,
    user_agent: String,
}

impl Request {
    pub(super) fn new(method: &'static str, route: &'static str, path: String, user_agent: String) -> Self {
        Self { method, route, path, query: String::new(), user_agent }
    }

    /// A request that the load generator makes in a browser's name.
    pub(super) fn by_user(dice: &mut Dice, method: &'static str, route: &'static str, path: String) -> Self {
        Self::new(method, route, path, dice.pick(&BROWSERS).to_owned())
    }

    /// A request of one service to another, whose route has no parameters.
    pub(super) fn internal(method: &'static str, route: &'static str, caller: Service) -> Self {
        let agent = match caller.facts().language {
            Language::Go => "Go-http-client/1.1",
            Language::Rust => "reqwest/0.12.23",
            _ => "undici",
        };
        Self::new(method, route, route.to_owned(), agent.to_owned())
    }

    pub(super) fn with_query(mut self, query: String) -> Self {
        self.query = query;
        self
    }

    fn url(&self, callee: &Facts) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("http://{}:{}{}{mark}{}", callee.name, callee.port, self.path, self.query)
    }
}

pub(super) fn http_server(dice: &mut Dice, callee: &Facts, request: &Request) -> Vec<Attribute> {
    let peer = dice.pod_address();
    let mut attributes = vec![
        Attribute::new("http.request.method", request.method),
        Attribute::new("url.scheme", "http"),
        Attribute::new("url.path", request.path.as_str()),
        Attribute::new("http.route", request.route),
        Attribute::new("server.address", callee.name),
        Attribute::new("server.port", callee.port),
        Attribute::new("client.address", peer.as_str()),
        Attribute::new("network.peer.address", peer),
        Attribute::new("network.peer.port", dice.ephemeral_port()),
        Attribute::new("network.protocol.version", "1.1"),
        Attribute::new("user_agent.original", request.user_agent.as_str()),
    ];
    if !request.query.is_empty() {
        attributes.push(Attribute::new("url.query", request.query.as_str()));
    }
    attributes
}

pub(super) fn http_client(dice: &mut Dice, callee: &Facts, request: &Request) -> Vec<Attribute> {
    vec![
        Attribute::new("http.request.method", request.method),
        Attribute::new("url.full", request.url(callee)),
        Attribute::new("server.address", callee.name),
        Attribute::new("server.port", callee.port),
        Attribute::new("network.peer.address", dice.pod_address()),
        Attribute::new("network.protocol.version", "1.1"),
    ]
}

pub(super) fn grpc_server(dice: &mut Dice, method: &'static str) -> Vec<Attribute> {
    vec![
        Attribute::new("rpc.system.name", "grpc"),
        Attribute::new("rpc.method", method),
        Attribute::new("network.peer.address", dice.pod_address()),
        Attribute::new("network.peer.port", dice.ephemeral_port()),
    ]
}

pub(super) fn grpc_client(dice: &mut Dice, callee: &Facts, method: &'static str) -> Vec<Attribute> {
    vec![
        Attribute::new("rpc.system.name", "grpc"),
        Attribute::new("rpc.method", method),
        Attribute::new("server.address", callee.name),
        Attribute::new("server.port", callee.port),
        Attribute::new("network.peer.address", dice.pod_address()),
    ]
}

/// A query to PostgreSQL.
pub(super) struct Query {
    pub(super) operation: &'static str,
    /// The table; empty for a query without one.
    pub(super) table: &'static str,
    /// The text, parameterised.
    pub(super) text: &'static str,
    pub(super) database: &'static str,
}

impl Query {
    /// `db.query.summary`, which is also the span's name.
    pub(super) fn summary(&self) -> String {
        format!("{} {}", self.operation, if self.table.is_empty() { self.database } else { self.table })
    }
}

pub(super) fn sql(dice: &mut Dice, query: &Query) -> Vec<Attribute> {
    let mut attributes = vec![
        Attribute::new("db.system.name", "postgresql"),
        Attribute::new("db.namespace", query.database),
        Attribute::new("db.operation.name", query.operation),
        Attribute::new("db.query.text", query.text),
        Attribute::new("db.query.summary", query.summary()),
        Attribute::new("server.address", "postgresql"),
        Attribute::new("server.port", 5432_i64),
        Attribute::new("network.peer.address", dice.pod_address()),
    ];
    if !query.table.is_empty() {
        attributes.push(Attribute::new("db.collection.name", query.table));
    }
    attributes
}

pub(super) fn valkey(dice: &mut Dice, command: &'static str, text: &'static str) -> Vec<Attribute> {
    vec![
        // The conventions know no other name for a server that speaks Redis' protocol.
        Attribute::new("db.system.name", "redis"),
        Attribute::new("db.operation.name", command),
        Attribute::new("db.query.text", text),
        Attribute::new("db.namespace", "0"),
        Attribute::new("server.address", "valkey-cart"),
        Attribute::new("server.port", 6379_i64),
        Attribute::new("network.peer.address", dice.pod_address()),
    ]
}

fn kafka(operation: &'static str) -> Vec<Attribute> {
    vec![
        Attribute::new("messaging.system", "kafka"),
        Attribute::new("messaging.operation.name", operation),
        Attribute::new("messaging.operation.type", operation),
        Attribute::new("messaging.destination.name", "orders"),
        Attribute::new("server.address", "kafka"),
        Attribute::new("server.port", 9092_i64),
    ]
}

pub(super) fn kafka_send(dice: &mut Dice) -> Vec<Attribute> {
    let mut attributes = kafka("send");
    attributes.push(Attribute::new("messaging.client.id", "checkout-producer"));
    attributes.push(Attribute::new("messaging.destination.partition.id", dice.between(0, 11).to_string()));
    attributes.push(Attribute::new("messaging.kafka.offset", dice.between(10_000, 9_000_000) as i64));
    attributes.push(Attribute::new("messaging.message.body.size", dice.between(300, 1_800) as i64));
    attributes
}

pub(super) fn kafka_process(dice: &mut Dice, consumer: &Facts) -> Vec<Attribute> {
    let mut attributes = kafka("process");
    attributes.push(Attribute::new("messaging.consumer.group.name", consumer.name));
    attributes.push(Attribute::new("messaging.client.id", format!("{}-{}", consumer.name, dice.between(1, 2))));
    attributes.push(Attribute::new("messaging.destination.partition.id", dice.between(0, 11).to_string()));
    attributes.push(Attribute::new("messaging.kafka.offset", dice.between(10_000, 9_000_000) as i64));
    attributes
}

/// The attributes and the status that say how an operation ended.
///
/// A server's span is not an error when the fault is the caller's (HTTP 4xx, gRPC NOT_FOUND and CANCELLED); the caller's
/// span of the same call is. A status description appears only where it says more than the code.
pub(super) fn outcome(operation: &Operation, failure: Option<&Failure>) -> (Vec<Attribute>, Status) {
    let mut attributes: Vec<Attribute> = code(operation, failure).into_iter().collect();
    let Some(failure) = failure else { return (attributes, success(operation)) };
    let blames_caller = matches!(failure.cause, Cause::NotFound | Cause::Cancelled);
    if operation.kind == SpanKind::Server && blames_caller {
        return (attributes, Status::Unset);
    }
    attributes.push(Attribute::new("error.type", error_type(operation, failure)));
    let describes = operation.protocol != Protocol::Http;
    (attributes, Status::Error(if describes { failure.description() } else { String::new() }))
}

/// Libraries are told to leave the status of what went well unset; code written by hand declares it, and some with words.
fn success(operation: &Operation) -> Status {
    match operation.library() {
        Library::CurrencyApp => Status::Ok(String::new()),
        Library::NodeApp => Status::Ok("charged".to_owned()),
        _ => Status::Unset,
    }
}

fn code(operation: &Operation, failure: Option<&Failure>) -> Option<Attribute> {
    let cause = failure.map(|failure| failure.cause);
    let unreached = failure.is_some_and(|failure| failure.unreached);
    match operation.protocol {
        // Nobody answered, so there is no status code.
        Protocol::Http if unreached => None,
        Protocol::Http => Some(Attribute::new("http.response.status_code", cause.map_or(200, Cause::http_status))),
        Protocol::Grpc => Some(Attribute::new("rpc.response.status_code", cause.map_or("OK", Cause::grpc_code))),
        Protocol::Sql => cause.map(|cause| Attribute::new("db.response.status_code", cause.sql_state())),
        Protocol::Valkey | Protocol::Kafka | Protocol::Internal => None,
    }
}

fn error_type(operation: &Operation, failure: &Failure) -> Value {
    match operation.protocol {
        Protocol::Http if !failure.unreached => Value::Str(failure.cause.http_status().to_string()),
        Protocol::Grpc => failure.cause.grpc_code().into(),
        Protocol::Sql => failure.cause.sql_state().into(),
        Protocol::Kafka if operation.kind == SpanKind::Producer => failure.cause.kafka_error().into(),
        _ => exception_type(operation.service.facts().language, failure.cause).into(),
    }
}
