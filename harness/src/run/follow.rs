//! What the embedded target follows of a collector's configuration: samplers, as far as it has the like.

use crate::collector_config::{Does, Pipelines};
use crate::embedded::{Policy, Sampling, SamplingRule};
use crate::judge::sampling::Rules;
use spanproof_generators::sampling::config::{self, Mode, ProbabilisticSampler, TailSampling};
use spanproof_generators::sampling::version::Version;
use std::time::Duration;

/// The digits that the embedded target writes of a threshold.
const PRECISION: u8 = 4;

/// How the embedded target leaves out what these ways to the sink leave out; `None` if they leave out nothing.
///
/// # Errors
/// It cannot: why, in words.
pub(super) fn sampling(ours: &Pipelines) -> Result<Option<Sampling>, String> {
    if ours.absence_is_explained_by().is_empty() {
        return Ok(None);
    }
    let rules = Rules::of(ours, Some(Version::MEASURED))
        .ok_or("there are several ways to the sink, or settings that no collector takes")?;
    let subject = rules.subject()?;
    let steps = subject.stages.ways.iter().flat_map(|way| &way.steps);
    let deciding: Vec<_> = steps.filter(|step| !matches!(step.does, Does::Neutral | Does::Limits(_))).collect();
    let [step] = deciding.as_slice() else { return Err("it follows one sampler and nothing beside it".to_owned()) };
    match &step.does {
        Does::SamplesTraces(tail) => tail_sampling(tail).map(Some),
        Does::SamplesSpans(sampler) => probabilistic_sampler(sampler).map(Some),
        _ => Err(format!("it does not know `{}`", step.component)),
    }
}

/// How long a trace is held before it is decided.
pub(super) fn holds(sampling: &Sampling) -> Duration {
    match sampling {
        Sampling::Traces { wait, .. } => *wait + Duration::from_secs(1),
        Sampling::Spans { .. } => Duration::ZERO,
    }
}

fn tail_sampling(tail: &TailSampling) -> Result<Sampling, String> {
    let plain = TailSampling {
        decision_wait: tail.decision_wait,
        num_traces: tail.num_traces,
        policies: tail.policies.clone(),
        ..TailSampling::default()
    };
    if *tail != plain {
        return Err("of `tail_sampling` it knows policies, decision_wait and num_traces".to_owned());
    }
    let policies = tail.policies.iter().map(policy).collect::<Result<Vec<_>, String>>()?;
    Ok(Sampling::Traces { wait: Duration::from_secs(tail.ticks()), policies })
}

fn policy(policy: &config::Policy) -> Result<Policy, String> {
    let rule = match &policy.rule {
        config::Rule::AlwaysSample => SamplingRule::Always,
        config::Rule::StatusCode(codes) => SamplingRule::Status(codes.iter().map(|code| number(*code)).collect()),
        config::Rule::Latency { threshold_ms, upper_threshold_ms: 0 } => {
            SamplingRule::Latency { threshold_ms: u64::try_from(*threshold_ms).unwrap_or(0) }
        }
        config::Rule::SpanCount { min_spans, max_spans } => SamplingRule::SpanCount {
            min: u64::try_from(*min_spans).unwrap_or(0),
            max: u64::try_from(*max_spans).unwrap_or(0),
        },
        config::Rule::StringAttribute(text) if !text.regex && !text.invert => {
            SamplingRule::Text { key: text.key.clone(), values: text.values.clone() }
        }
        config::Rule::Probabilistic { percentage, hash_salt } => {
            SamplingRule::Probabilistic { percent: *percentage, salt: hash_salt.clone() }
        }
        config::Rule::RateLimiting(limit) => {
            SamplingRule::Rate { per_second: limit.per_second as f64, burst: limit.capacity() as f64 }
        }
        other => {
            return Err(format!(
                "it does not know the policy `{}` of type `{}`",
                policy.name.escape_debug(),
                other.kind()
            ));
        }
    };
    Ok(Policy::new(rule))
}

/// OTLP's number of a status code.
fn number(code: config::StatusCode) -> i32 {
    match code {
        config::StatusCode::Unset => 0,
        config::StatusCode::Ok => 1,
        config::StatusCode::Error => 2,
    }
}

fn probabilistic_sampler(sampler: &ProbabilisticSampler) -> Result<Sampling, String> {
    match sampler.mode {
        Mode::Proportional | Mode::Equalizing if sampler.precision == PRECISION => {
            Ok(Sampling::Spans { percent: f64::from(sampler.percentage) })
        }
        _ => Err("of `probabilistic_sampler` it knows the modes proportional and equalizing, with a precision of 4"
            .to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector_config::{CollectorConfig, Source};
    use std::collections::BTreeMap;

    fn followed(processors: &str, names: &str) -> Result<Option<Sampling>, String> {
        let text = format!(
            "receivers: {{ otlp: {{}} }}\nprocessors: {{ batch: {{}}, {processors} }}\nexporters: {{ otlp_grpc: {{ endpoint: 'x:1' }} }}\n\
             service: {{ pipelines: {{ traces: {{ receivers: [otlp], processors: [{names}], exporters: [otlp_grpc] }} }} }}"
        );
        let config = CollectorConfig::read(&[Source { name: "c", text: &text }], &BTreeMap::new()).unwrap();
        sampling(&config.pipelines().unwrap())
    }

    #[test]
    fn what_it_has_the_like_of_is_followed_and_all_else_is_told() {
        let tail = |settings: &str| format!("tail_sampling: {{ decision_wait: 2500ms, {settings} }}");
        let errors = tail("policies: [{ name: e, type: status_code, status_code: { status_codes: [ERROR, OK] } }]");
        let policies = vec![Policy::new(SamplingRule::Status(vec![2, 1]))];
        let wait = Duration::from_secs(2);
        assert_eq!(followed(&errors, "tail_sampling"), Ok(Some(Sampling::Traces { wait, policies })));
        assert_eq!(followed("", "batch"), Ok(None));
        let probabilistic = "probabilistic_sampler: { sampling_percentage: 10, mode: equalizing }";
        assert_eq!(followed(probabilistic, "probabilistic_sampler"), Ok(Some(Sampling::Spans { percent: 10.0 })));
        let why = |processors: &str, names: &str| followed(processors, names).unwrap_err();
        assert!(why("filter: { traces: { span: ['name == \"a\"'] } }", "filter").contains("`filter`"));
        assert!(
            why(&tail("policies: [{ name: f, type: trace_flags }]"), "tail_sampling")
                .contains("`f` of type `trace_flags`")
        );
        let cached = tail("decision_cache: { sampled_cache_size: 5 }, policies: [{ name: a, type: always_sample }]");
        assert!(why(&cached, "tail_sampling").contains("decision_wait and num_traces"));
        assert!(
            why("probabilistic_sampler: { sampling_percentage: 10 }", "probabilistic_sampler").contains("equalizing")
        );
    }
}
