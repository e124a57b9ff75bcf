//! Health checks: what an orchestrator asks every pod every few seconds, one or two spans each.

use super::calls::{grpc, http, server, sql, valkey};
use super::{Operation, Protocol};
use crate::workload::shop::attributes::{self, Query, Request};
use crate::workload::shop::rng::Dice;
use crate::workload::shop::services::{SelfTime, Service};

/// What the kubelet calls itself, and what the proxy calls its own checks.
const PROBE_AGENT: &str = "kube-probe/1.33";
const PROXY_AGENT: &str = "Envoy/HC";

const OVER_HTTP: [Service; 5] =
    [Service::Frontend, Service::Shipping, Service::Quote, Service::Email, Service::ImageProvider];

const OVER_GRPC: [Service; 8] = [
    Service::ProductCatalog,
    Service::Cart,
    Service::Recommendation,
    Service::Ad,
    Service::Currency,
    Service::Checkout,
    Service::Payment,
    Service::Flagd,
];

const GRPC_METHOD: &str = "grpc.health.v1.Health/Check";

/// Draws one probe: over HTTP or gRPC by the orchestrator, or by a service that watches what it calls.
pub(in crate::workload::shop) fn draw(dice: &mut Dice) -> Operation {
    match dice.weighted(&[0.45, 0.45, 0.1]) {
        0 => over_http(dice),
        1 => over_grpc(dice),
        _ => by_caller(dice),
    }
}

/// Paths that are asked over HTTP, with the names of the spans: whether a pod lives, and whether it is ready.
const LIVES: (&str, &str) = ("/healthz", "GET /healthz");
const READY: (&str, &str) = ("/readyz", "GET /readyz");

fn probe(route: &'static str, agent: &str) -> Request {
    Request::new("GET", route, route.to_owned(), agent.to_owned())
}

fn quick(operation: &mut Operation) {
    operation.self_time = SelfTime::new(0.3, 0.5);
    operation.failure = 0.0;
}

fn over_http(dice: &mut Dice) -> Operation {
    let service = dice.pick(&OVER_HTTP);
    // An orchestrator asks both in the same rhythm.
    let (route, name) = dice.pick(&[LIVES, READY]);
    let mut check = server(service, Protocol::Http, name);
    check.attributes = attributes::http_server(dice, service.facts(), &probe(route, PROBE_AGENT));
    quick(&mut check);
    check
}

fn over_grpc(dice: &mut Dice) -> Operation {
    let service = dice.pick(&OVER_GRPC);
    let mut check = server(service, Protocol::Grpc, GRPC_METHOD);
    check.attributes = attributes::grpc_server(dice, GRPC_METHOD);
    check.note("user_agent.original", PROBE_AGENT);
    quick(&mut check);
    if let Some(mut ping) = store(dice, service).filter(|_| dice.chance(0.5)) {
        quick(&mut ping);
        check.call(ping);
    }
    check
}

/// The question that a service with a store asks before it calls itself healthy.
fn store(dice: &mut Dice, service: Service) -> Option<Operation> {
    match service {
        Service::Cart => Some(valkey(dice, service, "PING", "PING")),
        Service::ProductCatalog => {
            let query = Query { operation: "SELECT", table: "", text: "SELECT 1", database: "catalog" };
            Some(sql(dice, service, &query))
        }
        _ => None,
    }
}

/// A caller's active check of its callee: a client span without a parent and the server span it causes.
fn by_caller(dice: &mut Dice) -> Operation {
    let mut check = if dice.chance(0.5) {
        let upstream = dice.pick(&[Service::Frontend, Service::ImageProvider]);
        // What is not ready gets no traffic: that is what a proxy wants to know.
        http(dice, Service::FrontendProxy, upstream, &probe(READY.0, PROXY_AGENT), |_, server| quick(server))
    } else {
        grpc(dice, Service::Checkout, Service::Flagd, GRPC_METHOD, |_, server| quick(server))
    };
    quick(&mut check);
    check
}
