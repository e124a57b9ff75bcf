//! Settings of cases that take more than a word: texts put together when this is compiled, so that the table stays a constant.

/// The collector's configuration with these processors, and with more settings of its exporter. The embedded target reads none.
macro_rules! configured {
    (processors: $processors:expr, pipeline: $pipeline:literal, exporter: $exporter:literal) => {
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

/// A filter of which nobody here can tell what it leaves out.
pub(super) const FILTER: &str = configured!(
    processors: "{filter: {trace_conditions: [Hour(span.start_time) == 25]}}", pipeline: "[filter]", exporter: ""
);

/// A sampler that is decided when all of a trace is there: errors, long traces, and a part of the rest.
macro_rules! tail {
    ($wait:literal, $policies:expr) => {
        configured!(
            processors: concat!("{tail_sampling: {decision_wait: ", $wait, ", policies: [", $policies, "]}}"),
            pipeline: "[tail_sampling]", exporter: ""
        )
    };
}

/// The policies of a team that wants errors, long traces, and a part of the rest.
macro_rules! policies {
    () => {
        concat!(
            "{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}, ",
            "{name: long, type: span_count, span_count: {min_spans: 12}}, ",
            "{name: rest, type: probabilistic, probabilistic: {sampling_percentage: 20, hash_salt: pepper}}"
        )
    };
}

/// Decided when all of a trace is there.
pub(super) const TAIL: &str = tail!("3s", policies!());

/// Decided while slow traces go on.
pub(super) const HASTY_TAIL: &str = tail!("1s", policies!());

/// Less than is sent.
pub(super) const LOW_RATE: &str =
    tail!("3s", "{name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 50, burst_capacity: 400}}");

/// Enough for some of what is sent.
pub(super) const HIGH_RATE: &str =
    tail!("3s", "{name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 1000}}");

/// A rate of bytes.
pub(super) const BYTES: &str =
    tail!("1s", "{name: bytes, type: bytes_limiting, bytes_limiting: {bytes_per_second: 1000}}");

/// A sampler of spans by a threshold, which it writes into what it keeps.
pub(super) const EQUALIZING: &str = configured!(
    processors: "{probabilistic_sampler: {sampling_percentage: 20, mode: equalizing}}", pipeline: "[probabilistic_sampler]",
    exporter: ""
);

/// A sampler that leaves nothing out, and writes into the trace state that it did not. By itself it leaves out spans whose trace state it
/// cannot read, as one with 32 members, so it is told not to.
pub(super) const SAMPLER: &str = configured!(
    processors: "{probabilistic_sampler: {sampling_percentage: 100, fail_closed: false}}", pipeline: "[probabilistic_sampler]", exporter: ""
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
