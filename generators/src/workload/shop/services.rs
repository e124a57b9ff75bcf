//! The services of the shop as one table: language, size, latency, failure.
//!
//! Medians and spreads are those of the traffic model's profile `shop`: in-house calls from 0.3 to 25 ms.

/// A service of the shop. Its number is its emitter's index in the topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub(super) enum Service {
    LoadGenerator,
    FrontendProxy,
    Frontend,
    ProductCatalog,
    Cart,
    Recommendation,
    Ad,
    Currency,
    Checkout,
    Shipping,
    Quote,
    Payment,
    Email,
    Accounting,
    FraudDetection,
    Flagd,
    ImageProvider,
}

/// What a service is written in; decides its SDK, its instrumentation libraries and the look of its stack traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Cpp,
    Dotnet,
    Go,
    Java,
    Node,
    Php,
    Python,
    Ruby,
    Rust,
}

/// How long a piece of work takes by itself: lognormal, median in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SelfTime {
    pub(super) median_ms: f64,
    pub(super) sigma: f64,
}

impl SelfTime {
    pub(super) const fn new(median_ms: f64, sigma: f64) -> Self {
        Self { median_ms, sigma }
    }
}

/// What the table says about one service.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) service: Service,
    /// `service.name`.
    pub(super) name: &'static str,
    pub(super) language: Language,
    /// `service.version`.
    pub(super) version: &'static str,
    /// The executable, for `process.*` and `unknown_service:*`.
    pub(super) executable: &'static str,
    /// How many pods run.
    pub(super) instances: usize,
    /// True for the long Kubernetes resource, false for the short one.
    pub(super) rich: bool,
    /// The port it listens on.
    pub(super) port: i64,
    pub(super) self_time: SelfTime,
    /// How often a request fails by the service's own fault.
    pub(super) failure: f64,
    /// How often a failed call to the service makes its caller fail too; otherwise the caller has a substitute.
    pub(super) propagation: f64,
}

macro_rules! services {
    ($($service:ident $name:literal $language:ident $version:literal $executable:literal $instances:literal
       $rich:literal $port:literal ($median:literal $sigma:literal) $failure:literal $propagation:literal;)*) => {
        static FACTS: [Facts; 17] = [$(Facts {
            service: Service::$service,
            name: $name,
            language: Language::$language,
            version: $version,
            executable: $executable,
            instances: $instances,
            rich: $rich,
            port: $port,
            self_time: SelfTime::new($median, $sigma),
            failure: $failure,
            propagation: $propagation,
        }),*];
    };
}

services! {
    LoadGenerator   "load-generator"  Python "2.1.3"  "python3.12"       1 false 8089 (0.5 0.5) 0.0    1.0;
    FrontendProxy   "frontend-proxy"  Cpp    "1.36.2" "envoy"            2 true  8080 (0.4 0.6) 0.0005 1.0;
    Frontend        "frontend"        Node   "4.8.0"  "node"             3 true  8080 (6.0 0.8) 0.001  0.9;
    ProductCatalog  "product-catalog" Go     "1.14.2" "product-catalog"  3 true  3550 (0.8 0.7) 0.001  1.0;
    Cart            "cart"            Dotnet "3.2.0"  "dotnet"           3 true  7070 (0.7 0.6) 0.002  1.0;
    Recommendation  "recommendation"  Python "1.9.4"  "python3.12"       2 true  9001 (3.0 0.7) 0.002  0.2;
    Ad              "ad"              Java   "2.0.7"  "java"             2 true  9555 (2.0 0.8) 0.005  0.0;
    Currency        "currency"        Cpp    "1.3.1"  "currency"         2 true  7001 (0.3 0.5) 0.0005 1.0;
    Checkout        "checkout"        Go     "1.22.0" "checkout"         3 true  5050 (2.0 0.7) 0.003  1.0;
    Shipping        "shipping"        Rust   "0.9.12" "shipping"         2 true  50050 (1.5 0.7) 0.002 1.0;
    Quote           "quote"           Php    "1.1.0"  "php-fpm"          2 false 8090 (1.0 0.6) 0.001  1.0;
    Payment         "payment"         Node   "2.7.5"  "node"             3 true  50051 (25.0 0.6) 0.01 1.0;
    Email           "email"           Ruby   "1.0.8"  "ruby"             2 true  6060 (8.0 0.9) 0.005  0.0;
    Accounting      "accounting"      Dotnet "1.5.2"  "dotnet"           2 true  0    (4.0 0.8) 0.003  1.0;
    FraudDetection  "fraud-detection" Java   "1.6.0"  "java"             2 true  0    (4.0 0.8) 0.003  1.0;
    Flagd           "flagd"           Go     "0.12.9" "flagd"            1 false 8013 (0.3 0.5) 0.0002 0.0;
    ImageProvider   "image-provider"  Cpp    "1.29.0" "nginx"            2 true  8081 (3.0 1.0) 0.0002 0.0;
}

impl Service {
    /// The service's line of the table.
    pub(super) fn facts(self) -> &'static Facts {
        &FACTS[self as usize]
    }

    /// Every service, in the order of their numbers.
    pub(super) fn all() -> impl Iterator<Item = Service> {
        FACTS.iter().map(|facts| facts.service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_services_numbers() {
        let numbers: Vec<u16> = Service::all().map(|service| service as u16).collect();
        assert_eq!(numbers, (0..17).collect::<Vec<u16>>());
    }
}
