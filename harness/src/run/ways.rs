//! Which ways through a collector's configuration lead to the sink. Of the others nothing can come out here: what filters,
//! changes or holds back only there is no excuse, and no reason to wait.

use crate::collector_config::{ComponentId, Path, Pipelines, Protocol};
use spanproof_reports::plain_text::one_line;
use std::collections::{BTreeMap, BTreeSet};

/// The variables with the sink's addresses. Before the sink listens, each stands in for itself: no host has such a name. Whoever
/// names a port names the sink, since the rest of the address is then a name for this machine; the names begin alike for that.
pub(super) const SINK_GRPC: &str = "SPANPROOF_SINK_GRPC";
pub(super) const SINK_GRPC_PORT: &str = "SPANPROOF_SINK_GRPC_PORT";
pub(super) const SINK_HTTP: &str = "SPANPROOF_SINK_HTTP";
pub(super) const SINK_HTTP_PORT: &str = "SPANPROOF_SINK_HTTP_PORT";

/// Characters of an endpoint that are shown.
const ENDPOINT_SHOWN: usize = 120;

/// What is known of the ways to the sink.
#[derive(Debug, PartialEq)]
pub(super) enum Ways {
    /// These lead there, and no others.
    Known(Pipelines),
    /// None does as far as the configuration shows, but it does not show all: why, in words.
    Unsure(String),
    /// None does: what to tell.
    None(String),
}

/// Follows every exporter. `open` is why the configuration does not say everything, if so.
pub(super) fn to_sink(pipelines: &Pipelines, open: Option<String>) -> Ways {
    let ours = pipelines.only(leads_to_sink);
    if !ours.paths().is_empty() {
        return Ways::Known(ours);
    }
    let none = none_in_words(pipelines);
    match open {
        Some(open) => Ways::Unsure(format!("{none}; {open}, so this may be otherwise")),
        None => Ways::None(none),
    }
}

/// Why what the configuration says of endpoints may not be all, if so.
pub(super) fn left_open(arguments: &[String], pipelines: &Pipelines, missing: &[String]) -> Option<String> {
    if !missing.is_empty() {
        return Some(format!("the configuration needs variables that are not set ({})", missing.join(", ")));
    }
    if pipelines.paths().iter().filter_map(Path::endpoint).any(|endpoint| endpoint.contains("${")) {
        return Some("an endpoint is one that only the collector can resolve".to_owned());
    }
    if pipelines.paths().is_empty() {
        return Some("a receiver that we do not know may take what is sent".to_owned());
    }
    let says_more = |argument: &String| argument.contains("{sink_") || argument.starts_with("--set");
    arguments.iter().any(says_more).then(|| "the target's arguments say more than its configuration".to_owned())
}

/// An OTLP exporter leads to the sink by the address of its own protocol; any other exporter if it is told an address of the
/// sink at all.
fn leads_to_sink(path: &Path) -> bool {
    match path.protocol() {
        Some(Protocol::Grpc) => path.endpoint().is_some_and(|endpoint| endpoint.contains(SINK_GRPC)),
        Some(Protocol::Http) => path.endpoint().is_some_and(|endpoint| endpoint.contains(SINK_HTTP)),
        None => path.exporter_mentions(SINK_GRPC) || path.exporter_mentions(SINK_HTTP),
    }
}

fn none_in_words(pipelines: &Pipelines) -> String {
    let shown = |path: &Path| match (path.protocol(), path.endpoint()) {
        (None, _) => format!("`{}` is no OTLP exporter", path.exporter),
        (_, None) => format!("`{}` has no endpoint", path.exporter),
        (_, Some(endpoint)) => format!("`{}` has the endpoint `{}`", path.exporter, without_secrets(endpoint)),
    };
    let exporters: BTreeSet<String> = pipelines.paths().iter().map(shown).collect();
    let exporters: Vec<String> = exporters.into_iter().collect();
    let exporters = match exporters.is_empty() {
        true => "no traces pipeline has both an `otlp` receiver and an exporter".to_owned(),
        false => exporters.join(", "),
    };
    format!(
        "no traces pipeline in service leads to the sink, so nothing can come out: {exporters}; give an exporter of type \
         otlp_grpc the endpoint `${{env:{SINK_GRPC}}}` and `tls: {{ insecure: true }}`, or one of type otlp_http the endpoint \
         `http://${{env:{SINK_HTTP}}}`"
    )
}

/// An endpoint for people: neither user and password, nor a query, which may be a key.
fn without_secrets(endpoint: &str) -> String {
    let plain = endpoint.split('?').next().unwrap_or_default();
    let (scheme, rest) = plain.split_once("://").map_or(("", plain), |(scheme, rest)| (scheme, rest));
    let rest = rest.rsplit('@').next().unwrap_or_default();
    let shown = if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") };
    one_line(&shown, ENDPOINT_SHOWN)
}

/// The pipelines and exporters by which one span may reach the sink more than once; empty unless there are two or more. A span
/// comes in by one receiver, and a connector that chooses sends it one way.
pub(super) fn repeats(ours: &Pipelines) -> Vec<String> {
    let mut of_receiver: BTreeMap<&ComponentId, Vec<&Path>> = BTreeMap::new();
    for path in ours.paths().iter().filter(|path| !path.is_chosen()) {
        of_receiver.entry(&path.receiver).or_default().push(path);
    }
    let most = of_receiver.into_values().max_by_key(Vec::len).unwrap_or_default();
    let named = |path: &&Path| format!("{} by {}", path.pipeline, path.exporter);
    if most.len() < 2 { Vec::new() } else { most.iter().map(named).collect() }
}

/// Each way in words, with all that a span passes on it: `traces: otlp -> batch -> otlp_grpc`.
pub(super) fn in_words(ours: &Pipelines) -> Vec<String> {
    let told = |path: &Path| {
        let first = path.stages.first().map_or(&path.pipeline, |stage| &stage.pipeline);
        let passed = path.stages.iter().map(|stage| &stage.component);
        let all = std::iter::once(&path.receiver).chain(passed).chain([&path.exporter]);
        let all: Vec<String> = all.map(ToString::to_string).collect();
        format!("{first}: {}", all.join(" -> "))
    };
    ours.paths().iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector_config::{CollectorConfig, Source};
    use crate::run::settle::target_variables;

    const CONFIG: &str = "
receivers: {otlp: {}, otlp/b: {}}
processors: {batch: {}, batch/a: {}}
connectors: {routing: {}, forward: {}}
exporters:
  otlp_grpc: {endpoint: '${env:SPANPROOF_SINK_GRPC}'}
  otlp_grpc/port: {endpoint: '127.0.0.1:5317'}
  otlp_grpc/wrong: {endpoint: '${env:SPANPROOF_SINK_HTTP}'}
  otlp_grpc/file: {endpoint: '${file:x}'}
  otlp_http: {endpoint: 'http://${SPANPROOF_SINK_HTTP}'}
  otlp_http/name: {endpoint: 'http://localhost:${env:SPANPROOF_SINK_HTTP_PORT}'}
  otlp_http/secret: {endpoint: 'https://me:hunter2@example.org/v1?key=hunter2'}
  loadbalancing: {resolver: {static: {hostnames: ['${env:SPANPROOF_SINK_GRPC}']}}}
  debug: {}
  nop: {}
service: {pipelines: {PIPELINES}}
";

    fn pipelines(pipelines: &str) -> Pipelines {
        let text = CONFIG.replace("PIPELINES", pipelines);
        let source = Source { name: "c.yaml", text: &text };
        CollectorConfig::read(&[source], &target_variables(&BTreeMap::new())).unwrap().pipelines().unwrap()
    }

    fn with_exporters(exporters: &str) -> Pipelines {
        pipelines(&format!("traces: {{receivers: [otlp], exporters: [{exporters}]}}"))
    }

    #[test]
    fn only_exporters_with_an_address_of_the_sink_lead_there() {
        let all = "otlp_grpc, otlp_grpc/port, otlp_grpc/wrong, otlp_http, otlp_http/name, loadbalancing, debug";
        let Ways::Known(ours) = to_sink(&with_exporters(all), None) else { panic!("no way") };
        let exporters: Vec<String> = ours.paths().iter().map(|path| path.exporter.to_string()).collect();
        assert_eq!(exporters, ["otlp_grpc", "otlp_http", "otlp_http/name", "loadbalancing"]);
    }

    #[test]
    fn where_none_leads_there_the_variable_and_what_the_endpoints_are_is_told_without_secrets() {
        let Ways::None(told) =
            to_sink(&with_exporters("debug, otlp_grpc/port, otlp_grpc/wrong, otlp_http/secret"), None)
        else {
            panic!("a way")
        };
        for part in [
            "`debug` is no OTLP exporter",
            "`otlp_grpc/port` has the endpoint `127.0.0.1:5317`",
            "`otlp_grpc/wrong` has the endpoint `SPANPROOF_SINK_HTTP`",
            "`otlp_http/secret` has the endpoint `https://example.org/v1`",
            "`${env:SPANPROOF_SINK_GRPC}`",
            "`http://${env:SPANPROOF_SINK_HTTP}`",
        ] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn what_the_configuration_leaves_open_is_no_mistake() {
        let open = |config: &Pipelines, args: &[&str], missing: &[&str]| {
            let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            left_open(&owned(args), config, &owned(missing))
        };
        let plain = with_exporters("otlp_grpc/port");
        assert_eq!(open(&plain, &["--config={config}"], &[]), None);
        assert!(open(&plain, &[], &["BACKEND"]).unwrap().contains("(BACKEND)"));
        assert!(open(&plain, &["--set=exporters.otlp_grpc.endpoint={sink_grpc}"], &[]).is_some());
        assert!(open(&with_exporters("otlp_grpc/file"), &[], &[]).is_some());
        assert!(open(&pipelines("traces: {receivers: [routing], exporters: [debug]}"), &[], &[]).is_some());
        let Ways::Unsure(told) = to_sink(&plain, Some("why".to_owned())) else { panic!("sure") };
        assert!(told.ends_with("; why, so this may be otherwise"), "{told}");
    }

    #[test]
    fn a_way_is_told_from_its_receiver_to_its_exporter() {
        assert_eq!(in_words(&with_exporters("otlp_grpc")), ["traces: otlp -> otlp_grpc"]);
        let through = "traces/in: {receivers: [otlp/b], processors: [batch/a], exporters: [forward]}, \
                       traces/out: {receivers: [forward], processors: [batch], exporters: [otlp_grpc, otlp_http]}";
        let begin = "traces/in: otlp/b -> batch/a -> forward -> batch";
        let both = ["otlp_grpc", "otlp_http"].map(|exporter| format!("{begin} -> {exporter}"));
        assert_eq!(in_words(&pipelines(through)), both);
    }

    #[test]
    fn two_ways_of_one_receiver_repeat_unless_a_connector_chooses() {
        assert_eq!(repeats(&with_exporters("otlp_grpc")), [""; 0]);
        assert_eq!(repeats(&with_exporters("otlp_grpc, otlp_http")), ["traces by otlp_grpc", "traces by otlp_http"]);
        let two = "traces/a: {receivers: [otlp], exporters: [otlp_grpc]}, traces/b: {receivers: [RECEIVER], exporters: [otlp_grpc]}";
        assert_eq!(repeats(&pipelines(&two.replace("RECEIVER", "otlp"))).len(), 2);
        assert_eq!(repeats(&pipelines(&two.replace("RECEIVER", "otlp/b"))).len(), 0, "a span comes in once");
        let through = |connector: &str| {
            let first = format!("traces: {{receivers: [otlp], exporters: [{connector}]}}");
            format!("{first}, {}", two.replace("RECEIVER", connector).replace("[otlp]", &format!("[{connector}]")))
        };
        assert_eq!(repeats(&pipelines(&through("forward"))).len(), 2);
        assert_eq!(repeats(&pipelines(&through("routing"))).len(), 0);
    }
}
