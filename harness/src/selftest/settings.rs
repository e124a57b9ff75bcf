//! Settings of cases that take more than a word: texts put together when this is compiled, so that the table stays a constant.

/// The collector's configuration with these processors, and with more settings of its exporter. The embedded target reads none.
macro_rules! configured {
    (processors: $processors:literal, pipeline: $pipeline:literal, exporter: $exporter:literal) => {
        concat!(
            "collector.config_inline=\"{",
            "receivers: {otlp: {protocols: {grpc: {endpoint: '${env:SPANPROOF_RECEIVER_GRPC}'}}}}, ",
            "processors: ",
            $processors,
            ", exporters: {otlp_grpc: {endpoint: '${env:SPANPROOF_SINK_GRPC}', tls: {insecure: true}",
            $exporter,
            "}}, service: {pipelines: {traces: {receivers: [otlp], processors: ",
            $pipeline,
            ", exporters: [otlp_grpc]}}, telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: ",
            "{host: '${env:SPANPROOF_TELEMETRY_HOST}', port: '${env:SPANPROOF_TELEMETRY_PORT}'}}}}]}}}}\""
        )
    };
}

/// A target out of which nothing comes. Any program that takes OTLP would do, and the sink is at hand.
macro_rules! sink_as_target {
    ($more:literal) => {
        concat!(
            "target={process: {command: /bin/sh, args: [-c, 'exec \"$0\" sink --quiet --grpc \"$SPANPROOF_RECEIVER_GRPC\" ",
            "--http \"$SPANPROOF_RECEIVER_HTTP\" ",
            $more,
            "', {spanproof}, '{config}']}}"
        )
    };
}

/// A client that does as it is asked to, soon enough for a short run.
pub(super) const CLIENT_RETRIES: &str =
    "traffic.client.retry={enabled: true, initial_interval: 50ms, max_interval: 200ms, budget: 20s}";

/// A collector, should there be one, that does so too.
pub(super) const COLLECTOR_RETRIES: &str =
    configured!(processors: "{}", pipeline: "[]", exporter: ", retry_on_failure: {initial_interval: 50ms}");

/// A filter that has something to leave out.
pub(super) const FILTER: &str = configured!(
    processors: "{filter: {trace_conditions: [span.kind == SPAN_KIND_PRODUCER]}}", pipeline: "[filter]", exporter: ""
);

/// A sampler that leaves nothing out, and writes into the trace state that it did not.
pub(super) const SAMPLER: &str = configured!(
    processors: "{probabilistic_sampler: {sampling_percentage: 100}}", pipeline: "[probabilistic_sampler]", exporter: ""
);

/// A processor of attributes that may remove any, as far as its settings say. It removes what is not there, so that whatever changes
/// is a defect's doing.
pub(super) const ATTRIBUTES: &str = configured!(
    processors: "{attributes: {actions: [{pattern: ^spanproof.nothing, action: delete}]}}", pipeline: "[attributes]", exporter: ""
);

/// A batch processor that may hold everything back for longer than a run lasts.
pub(super) const BATCH: &str = configured!(processors: "{batch: {timeout: 20s}}", pipeline: "[batch]", exporter: "");

/// A target out of which nothing comes.
pub(super) const SWALLOWING_TARGET: &str = sink_as_target!("");

/// The same, and it ends in mid-run.
pub(super) const ENDING_TARGET: &str = sink_as_target!("--until \"spans >= 200\"");
