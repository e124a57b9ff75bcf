//! Calls between services and to stores: the caller's span with the callee's span inside it.

use super::{Operation, Protocol};
use crate::model::{Attribute, SpanKind};
use crate::workload::shop::attributes::{self, Request};
use crate::workload::shop::rng::Dice;
use crate::workload::shop::services::{SelfTime, Service};

/// How often a query to a store fails; the traffic model gives failures of services only.
const STORE_FAILURE: f64 = 0.000_2;

/// A server span that fails as often as its service's table line says.
pub(super) fn server(service: Service, protocol: Protocol, name: impl Into<String>) -> Operation {
    let facts = service.facts();
    Operation {
        self_time: facts.self_time,
        failure: facts.failure,
        ..Operation::new(service, SpanKind::Server, protocol, name)
    }
}

/// A call over gRPC; `work` says what the callee does.
pub(super) fn grpc(
    dice: &mut Dice,
    caller: Service,
    callee: Service,
    method: &'static str,
    work: impl FnOnce(&mut Dice, &mut Operation),
) -> Operation {
    let mut server = server(callee, Protocol::Grpc, method);
    server.attributes = attributes::grpc_server(dice, method);
    work(dice, &mut server);
    let mut client = Operation::new(caller, SpanKind::Client, Protocol::Grpc, method);
    client.attributes = attributes::grpc_client(dice, callee.facts(), method);
    client.propagation = callee.facts().propagation;
    client.call(server);
    client
}

/// A call over HTTP; `work` says what the callee does.
pub(super) fn http(
    dice: &mut Dice,
    caller: Service,
    callee: Service,
    request: &Request,
    work: impl FnOnce(&mut Dice, &mut Operation),
) -> Operation {
    let mut server = server(callee, Protocol::Http, format!("{} {}", request.method, request.route));
    server.attributes = attributes::http_server(dice, callee.facts(), request);
    work(dice, &mut server);
    let mut client = Operation::new(caller, SpanKind::Client, Protocol::Http, request.method);
    client.attributes = attributes::http_client(dice, callee.facts(), request);
    client.propagation = callee.facts().propagation;
    client.call(server);
    client
}

/// A query to PostgreSQL.
pub(super) fn sql(dice: &mut Dice, service: Service, query: &attributes::Query) -> Operation {
    Operation {
        attributes: attributes::sql(dice, query),
        self_time: SelfTime::new(2.0, 1.0),
        failure: STORE_FAILURE,
        ..Operation::new(service, SpanKind::Client, Protocol::Sql, query.summary())
    }
}

/// A command to Valkey.
pub(super) fn valkey(dice: &mut Dice, service: Service, command: &'static str, text: &'static str) -> Operation {
    Operation {
        attributes: attributes::valkey(dice, command, text),
        self_time: SelfTime::new(0.3, 0.6),
        failure: STORE_FAILURE,
        ..Operation::new(service, SpanKind::Client, Protocol::Valkey, format!("{command} valkey-cart:6379"))
    }
}

/// Asks flagd for a flag inside `operation` and notes the answer as an event.
pub(super) fn flag(dice: &mut Dice, operation: &mut Operation, key: &'static str) {
    let method = "flagd.evaluation.v1.Service/ResolveBoolean";
    let resolve = grpc(dice, operation.service, Service::Flagd, method, |_, server| {
        server.note("feature_flag.key", key);
    });
    operation.call(resolve);
    operation.event(
        "feature_flag.evaluation",
        vec![
            Attribute::new("feature_flag.key", key),
            Attribute::new("feature_flag.provider.name", "flagd"),
            Attribute::new("feature_flag.result.variant", "off"),
            Attribute::new("feature_flag.result.reason", "static"),
        ],
    );
}
