//! Where traces go when a variable of OpenTelemetry's exporters names an endpoint.

/// An endpoint that a variable names. The path that it leads to depends on the protocol, which flags and the scenario have a say in,
/// so it is known only when the endpoint is written into the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NamedEndpoint {
    /// That of all signals: over HTTP a base, and each signal has a path of its own below it.
    Base(String),
    /// That of traces alone, used as it stands: over HTTP one without a path leads to the root.
    Traces(String),
}

impl NamedEndpoint {
    /// The endpoint of traces in a scenario's words. Of a base without a path the client knows the path itself.
    pub(super) fn of_traces(&self, is_http: bool) -> String {
        match self {
            Self::Base(base) => {
                let base = base.trim_end_matches('/');
                if is_http && has_path(base) { format!("{base}/v1/traces") } else { base.to_owned() }
            }
            Self::Traces(endpoint) if is_http && !has_path(endpoint) => format!("{endpoint}/"),
            Self::Traces(endpoint) => endpoint.clone(),
        }
    }
}

fn has_path(endpoint: &str) -> bool {
    endpoint.split_once("://").is_some_and(|(_, rest)| rest.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_http_the_endpoint_of_all_signals_is_a_base() {
        let endpoint = |base: &str, is_http| NamedEndpoint::Base(base.to_owned()).of_traces(is_http);
        assert_eq!(endpoint("http://h:4318", true), "http://h:4318");
        assert_eq!(endpoint("http://h:4318/", true), "http://h:4318");
        assert_eq!(endpoint("http://h:4318/otlp", true), "http://h:4318/otlp/v1/traces");
        assert_eq!(endpoint("http://h:4318/otlp/", true), "http://h:4318/otlp/v1/traces");
        // No cleverness: the specification has it twice, too.
        assert_eq!(endpoint("http://h:4318/v1/traces", true), "http://h:4318/v1/traces/v1/traces");
        assert_eq!(endpoint("http://h:4317/otlp", false), "http://h:4317/otlp");
    }

    #[test]
    fn the_endpoint_of_traces_is_used_as_it_stands() {
        let endpoint = |endpoint: &str, is_http| NamedEndpoint::Traces(endpoint.to_owned()).of_traces(is_http);
        assert_eq!(endpoint("http://h:4318", true), "http://h:4318/");
        assert_eq!(endpoint("http://h:4318/x/", true), "http://h:4318/x/");
        assert_eq!(endpoint("http://h:4317", false), "http://h:4317");
    }
}
