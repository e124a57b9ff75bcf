//! What decides which traffic `gen` makes, as it was typed: enough to make the same plan again elsewhere.

use crate::knowledge::Harness;
use serde::{Deserialize, Serialize};
use spanproof_scenarios::load::{LoadOptions, Source, load};
use spanproof_scenarios::overrides::Overrides;
use spanproof_scenarios::problem::Problems;
use spanproof_scenarios::scenario::{Protocol, Scenario};

/// What `gen` does is a scenario without a sink; the sink's address is never used.
const SCENARIO: &str = "\
scenario: 1
name: gen
target: { external: { endpoint: \"http://127.0.0.1:4317\", sink: { grpc: \"127.0.0.1:1\" } } }
traffic: { workload: uniform, rate: 1000, packing: whole-traces }
run: { duration: 10s, seed: 7 }
";

/// Where OTLP/HTTP is taken when nobody says otherwise.
const HTTP_DEFAULT: &str = "http://127.0.0.1:4318";

/// The variables that name an endpoint.
const ENDPOINT_VARIABLES: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// The flags that decide the plan, as typed; what was not typed is as in [`SCENARIO`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GenTraffic {
    /// `--workload`
    pub(crate) workload: Option<String>,
    /// `--rate`
    pub(crate) rate: Option<String>,
    /// `--duration`
    pub(crate) duration: Option<String>,
    /// `--seed`
    pub(crate) seed: Option<String>,
    /// `--set`, in order.
    pub(crate) sets: Vec<String>,
}

/// Where and how `gen` sends; none of it is part of the plan.
#[derive(Debug, Clone, Default)]
pub(crate) struct Route {
    /// `--endpoint`
    pub(crate) endpoint: Option<String>,
    /// `--protocol`, in a scenario's words.
    pub(crate) protocol: Option<&'static str>,
    /// `--compression`, likewise.
    pub(crate) compression: Option<&'static str>,
    /// `--connections`
    pub(crate) connections: Option<u32>,
    /// `--allow-remote`
    pub(crate) allow_remote: Vec<String>,
    /// Environment variables to heed.
    pub(crate) environment: Vec<(String, String)>,
}

impl GenTraffic {
    /// The scenario of this traffic on a route. Flags win over the environment.
    pub(crate) fn scenario(&self, route: &Route) -> Result<Scenario, Problems> {
        let scenario = self.load(route)?;
        let named = |(name, value): &(String, String)| ENDPOINT_VARIABLES.contains(&name.as_str()) && !value.is_empty();
        let is_named = route.endpoint.is_some() || route.environment.iter().any(named);
        if is_named || scenario.traffic.transport.protocol != Protocol::Http {
            return Ok(scenario);
        }
        self.load(&Route { endpoint: Some(HTTP_DEFAULT.to_owned()), ..route.clone() })
    }

    fn load(&self, route: &Route) -> Result<Scenario, Problems> {
        let source = Source { name: "gen".to_owned(), text: SCENARIO.to_owned(), directory: ".".into() };
        let options = LoadOptions {
            overrides: self.overrides(route),
            allow_remote: route.allow_remote.clone(),
            knowledge: Some(&Harness),
        };
        load(&source, &options)
    }

    fn overrides(&self, route: &Route) -> Overrides {
        let mut overrides = Overrides::new();
        if let Some(endpoint) = &route.endpoint {
            overrides.endpoint(endpoint);
        }
        if let Some(protocol) = route.protocol {
            overrides.flag("--protocol", "traffic.transport.protocol", protocol);
        }
        if let Some(compression) = route.compression {
            overrides.flag("--compression", "traffic.transport.compression", compression);
        }
        if let Some(connections) = route.connections {
            overrides.flag("--connections", "traffic.transport.connections", &connections.to_string());
        }
        let typed = [
            ("--rate", "traffic.rate", &self.rate),
            ("--duration", "run.duration", &self.duration),
            ("--seed", "run.seed", &self.seed),
            ("--workload", "traffic.workload", &self.workload),
        ];
        for (flag, path, value) in typed {
            if let Some(value) = value {
                overrides.flag(flag, path, value);
            }
        }
        if self.workload.as_deref() == Some("shop") && !self.sets.iter().any(|set| set.starts_with("traffic.packing="))
        {
            overrides.set("traffic.packing=per-service");
        }
        for set in &self.sets {
            overrides.set(set);
        }
        overrides.environment(route.environment.iter().cloned());
        overrides
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic() -> GenTraffic {
        let text = |text: &str| Some(text.to_owned());
        GenTraffic { workload: None, rate: text("100"), duration: text("1s"), seed: text("3"), sets: vec![] }
    }

    fn endpoint(route: &Route) -> String {
        let scenario = traffic().scenario(route).unwrap();
        crate::run::client_config(&scenario, None, Vec::new()).unwrap().endpoint.to_string()
    }

    fn variable(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn without_an_endpoint_the_protocol_decides_the_port() {
        assert_eq!(endpoint(&Route::default()), "http://127.0.0.1:4317");
        assert_eq!(endpoint(&Route { protocol: Some("http"), ..Route::default() }), "http://127.0.0.1:4318");
        let environment = vec![variable("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")];
        assert_eq!(endpoint(&Route { environment, ..Route::default() }), "http://127.0.0.1:4318");
    }

    #[test]
    fn flags_win_over_variables_and_variables_for_traces_over_general_ones() {
        let environment = vec![
            variable("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
            variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:2/v1/traces"),
            variable("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            variable("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ];
        let route = Route { environment, ..Route::default() };
        assert_eq!(endpoint(&route), "http://127.0.0.1:2/v1/traces");
        let flags = Route {
            endpoint: Some("http://127.0.0.1:3".to_owned()),
            protocol: Some("grpc"),
            compression: Some("none"),
            connections: Some(2),
            ..route.clone()
        };
        assert_eq!(endpoint(&flags), "http://127.0.0.1:3");
        let (of_flags, of_variables) = (traffic().scenario(&flags).unwrap(), traffic().scenario(&route).unwrap());
        assert_eq!(of_variables.traffic.transport.protocol, Protocol::Http);
        assert_eq!(of_flags.traffic.transport.protocol, Protocol::Grpc);
        assert_ne!(of_flags.traffic.transport.compression, of_variables.traffic.transport.compression);
    }

    #[test]
    fn the_route_is_no_part_of_the_plan() {
        let tag = spanproof_generators::identity::RunTag::ZERO;
        let plan = |route: &Route| {
            let scenario = traffic().scenario(route).unwrap();
            spanproof_generators::plan::Plan::new(crate::run::plan_spec(&scenario, tag)).unwrap().fingerprint()
        };
        let other =
            Route { protocol: Some("http"), compression: Some("gzip"), connections: Some(7), ..Route::default() };
        assert_eq!(plan(&Route::default()), plan(&other));
    }
}
