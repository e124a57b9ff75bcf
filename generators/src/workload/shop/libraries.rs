//! The instrumentation libraries as one table, and which of them makes which span.

use super::edges;
use super::operations::Protocol;
use super::services::{Language, Service};
use crate::model::{Attribute, Scope, SpanKind};

/// A library. Its number is its scope's index in the topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Library {
    Envoy,
    Nginx,
    CurrencyApp,
    AspNetCore,
    GrpcNetClient,
    StackExchangeRedis,
    Npgsql,
    DotnetKafka,
    OtelGrpc,
    OtelHttp,
    OtelSql,
    CheckoutApp,
    JavaGrpc,
    JavaKafka,
    NodeHttp,
    NodeGrpc,
    NextJs,
    NodeApp,
    PhpSlim,
    PhpApp,
    PythonRequests,
    PythonGrpc,
    LoadGeneratorApp,
    RecommendationApp,
    RubySinatra,
    Actix,
    RustReqwest,
}

/// Name, version and schema URL, in the order of the numbers. Several SDKs send no schema URL.
static LIBRARIES: [(Library, &str, &str, &str); 27] = [
    (Library::Envoy, "envoy", "1.36.2", ""),
    (Library::Nginx, "nginx", "1.29.0", ""),
    (Library::CurrencyApp, "currency", "1.3.1", ""),
    (Library::AspNetCore, "Microsoft.AspNetCore", "", ""),
    (Library::GrpcNetClient, "OpenTelemetry.Instrumentation.GrpcNetClient", "1.12.0-beta.1", ""),
    (Library::StackExchangeRedis, "OpenTelemetry.Instrumentation.StackExchangeRedis", "1.12.0-beta.1", ""),
    (Library::Npgsql, "Npgsql", "9.0.3", ""),
    (Library::DotnetKafka, "OpenTelemetry.Instrumentation.ConfluentKafka", "0.1.0-alpha.3", ""),
    (
        Library::OtelGrpc,
        "go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc",
        "0.63.0",
        "https://opentelemetry.io/schemas/1.37.0",
    ),
    (
        Library::OtelHttp,
        "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp",
        "0.63.0",
        "https://opentelemetry.io/schemas/1.37.0",
    ),
    (Library::OtelSql, "github.com/XSAM/otelsql", "0.40.0", ""),
    (Library::CheckoutApp, "checkout", "1.22.0", ""),
    (Library::JavaGrpc, "io.opentelemetry.grpc-1.6", "2.20.1-alpha", "https://opentelemetry.io/schemas/1.37.0"),
    (Library::JavaKafka, "io.opentelemetry.kafka-clients-0.11", "2.20.1-alpha", ""),
    (Library::NodeHttp, "@opentelemetry/instrumentation-http", "0.205.0", ""),
    (Library::NodeGrpc, "@opentelemetry/instrumentation-grpc", "0.205.0", ""),
    (Library::NextJs, "next.js", "0.0.1", ""),
    (Library::NodeApp, "payment", "2.7.5", ""),
    (Library::PhpSlim, "io.opentelemetry.contrib.php.slim", "1.1.2", "https://opentelemetry.io/schemas/1.32.0"),
    (Library::PhpApp, "manual-instrumentation", "", ""),
    (
        Library::PythonRequests,
        "opentelemetry.instrumentation.requests",
        "0.58b0",
        "https://opentelemetry.io/schemas/1.11.0",
    ),
    (Library::PythonGrpc, "opentelemetry.instrumentation.grpc", "0.58b0", "https://opentelemetry.io/schemas/1.11.0"),
    (Library::LoadGeneratorApp, "locustfile", "", ""),
    (Library::RecommendationApp, "recommendation", "1.9.4", ""),
    (Library::RubySinatra, "OpenTelemetry::Instrumentation::Sinatra", "0.26.1", ""),
    (Library::Actix, "opentelemetry-instrumentation-actix-web", "0.23.0", "https://opentelemetry.io/schemas/1.34.0"),
    (Library::RustReqwest, "reqwest-tracing", "0.5.8", ""),
];

/// The scopes of the topology, in the order of the libraries' numbers.
pub(super) fn scopes() -> Vec<Scope> {
    LIBRARIES.iter().map(|&(library, name, version, schema_url)| scope(library, name, version, schema_url)).collect()
}

fn scope(library: Library, name: &str, version: &str, schema_url: &str) -> Scope {
    let attributes = match library {
        // Scope attributes are rare in life; one tracer of ours sets them as its maintainers' mark.
        Library::CheckoutApp => {
            let own =
                [Attribute::new("app.team", "Käufe & Bestellungen"), Attribute::new("app.notice", edges::notice())];
            own.into_iter().chain(edges::catalogue()).collect()
        }
        _ => Vec::new(),
    };
    Scope {
        name: name.to_owned(),
        version: version.to_owned(),
        attributes,
        dropped_attributes: u32::from(library == Library::NextJs),
        schema_url: schema_url.to_owned(),
    }
}

impl Library {
    /// The library that makes spans of this kind and protocol in `service`.
    pub(super) fn of(service: Service, protocol: Protocol, kind: SpanKind) -> Self {
        match service.facts().language {
            Language::Cpp => match service {
                Service::FrontendProxy => Self::Envoy,
                Service::ImageProvider => Self::Nginx,
                _ => Self::CurrencyApp,
            },
            Language::Dotnet => Self::dotnet(protocol, kind),
            Language::Go => match protocol {
                Protocol::Grpc => Self::OtelGrpc,
                Protocol::Http => Self::OtelHttp,
                Protocol::Sql => Self::OtelSql,
                _ => Self::CheckoutApp,
            },
            Language::Java => match protocol {
                Protocol::Kafka => Self::JavaKafka,
                _ => Self::JavaGrpc,
            },
            Language::Node => match (protocol, service) {
                (Protocol::Http, _) => Self::NodeHttp,
                (Protocol::Grpc, _) => Self::NodeGrpc,
                (_, Service::Frontend) => Self::NextJs,
                _ => Self::NodeApp,
            },
            Language::Php => match protocol {
                Protocol::Internal => Self::PhpApp,
                _ => Self::PhpSlim,
            },
            Language::Python => match (protocol, service) {
                (Protocol::Http, _) => Self::PythonRequests,
                (Protocol::Grpc, _) => Self::PythonGrpc,
                (_, Service::LoadGenerator) => Self::LoadGeneratorApp,
                _ => Self::RecommendationApp,
            },
            Language::Ruby => Self::RubySinatra,
            Language::Rust if kind == SpanKind::Client => Self::RustReqwest,
            Language::Rust => Self::Actix,
        }
    }

    fn dotnet(protocol: Protocol, kind: SpanKind) -> Self {
        match protocol {
            Protocol::Valkey => Self::StackExchangeRedis,
            Protocol::Sql => Self::Npgsql,
            Protocol::Kafka => Self::DotnetKafka,
            _ if kind == SpanKind::Client => Self::GrpcNetClient,
            _ => Self::AspNetCore,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_libraries_numbers() {
        for (index, (library, ..)) in LIBRARIES.iter().enumerate() {
            assert_eq!(*library as usize, index);
        }
    }
}
