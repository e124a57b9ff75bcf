//! Every vector of every algorithm in `data/sampling-vectors.json`: decisions that were measured on the real samplers. A section
//! that nothing here reads is a failure, and so is a comparison too few.

use crate::spans::{sampler_config, span, trace_of};
use serde_json::{Map, Value};
use spanproof_generators::sampling::config::{
    HeadSampler, Mode, Policy, ProbabilisticSampler, RatioAlgorithm, Rule, TailSampling,
};
use spanproof_generators::sampling::hash::{Salted, SeededHash, buckets_kept, tail_threshold};
use spanproof_generators::sampling::head::{Parent, Question};
use spanproof_generators::sampling::probabilistic::{ReadySampler, Written};
use spanproof_generators::sampling::tail::{Outcome, TailSampler};
use spanproof_generators::sampling::threshold::{Randomness, Threshold};
use spanproof_generators::sampling::version::{Model, Version};

const FILE: &str = include_str!("../data/sampling-vectors.json");

type Id = [u8; 16];

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no string: {value}"))
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

fn id(text: &str) -> Id {
    u128::from_str_radix(text, 16).unwrap().to_be_bytes()
}

/// Compares, and counts that it did.
struct Count(usize);

impl Count {
    fn same<T: PartialEq + std::fmt::Debug>(&mut self, ours: T, theirs: T, what: &str) {
        assert_eq!(ours, theirs, "{what}");
        self.0 += 1;
    }

    /// A decision for every percentage.
    fn decisions(&mut self, percents: &Value, what: &str, keeps: impl Fn(&str) -> bool) {
        for (percent, keep) in object(percents) {
            self.same(keeps(percent), keep.as_bool().unwrap(), &format!("{what} at {percent} %"));
        }
    }
}

fn kept_by_sampler(mode: Mode, seed: u32, percent: &str, id: &Id) -> bool {
    let config = ProbabilisticSampler { hash_seed: seed, ..sampler_config(mode, number(percent) as f32) };
    ReadySampler::new(&config).decide(id, &span()).keep
}

fn tail_hash(count: &mut Count, salts: &Value, id: &Id) {
    for (name, expected) in object(salts) {
        let salt = if name == "(unset)" { "" } else { name };
        let used = if salt.is_empty() { Rule::DEFAULT_SALT } else { salt };
        let hash = format!("{:016x}", Salted::new(used).hash(id));
        count.same(hash.as_str(), text(&expected["fnv1a64_hex"]), name);
        count.decisions(&expected["keep_at_percent"], name, |percent| {
            let rule = Rule::Probabilistic { percentage: number(percent), hash_salt: salt.to_owned() };
            let config = TailSampling::of([Policy::new("p", rule)]);
            let sampler = TailSampler::new(&config, Model::actual(Version::MEASURED)).unwrap();
            sampler.decide(&trace_of(*id, vec![span()])).outcome == Outcome::Keep
        });
    }
}

fn seeded_hash(count: &mut Count, seeds: &Value, id: &Id) {
    for (seed, expected) in object(seeds) {
        let number: u32 = seed.parse().unwrap();
        let hash = SeededHash::new(number);
        count.same(format!("{:08x}", hash.hash(id)).as_str(), text(&expected["fnv1a32_hex"]), "hash");
        count.same(u64::from(hash.bucket(id)), expected["bucket14"].as_u64().unwrap(), "bucket");
        count.same(hash.randomness(id).to_string().as_str(), text(&expected["rv"]), "rv");
        count.decisions(&expected["keep_at_percent"], "hash_seed", |percent| {
            kept_by_sampler(Mode::HashSeed, number, percent, id)
        });
    }
}

fn by_randomness(count: &mut Count, expected: &Value, mode: Mode, id: &Id) {
    let randomness = Randomness::of_trace_id(id).to_string();
    count.same(randomness.as_str(), text(&expected["randomness56_hex"]), "randomness");
    count.decisions(&expected["keep_at_percent"], "mode", |percent| kept_by_sampler(mode, 0, percent, id));
}

fn head(count: &mut Count, percents: &Value, id: &Id, sampler: impl Fn(f64) -> HeadSampler) {
    count.decisions(percents, "head", |percent| {
        sampler(number(percent) / 100.0).keeps(Question { id, parent: Parent::None, randomness: None })
    });
}

fn one_vector(count: &mut Count, vector: &Value) {
    let id = id(text(&vector["trace_id"]));
    let ratio = |algorithm| move |ratio| HeadSampler::TraceIdRatio { ratio, algorithm };
    for (section, expected) in object(vector) {
        match section.as_str() {
            "name" | "trace_id" => {}
            "tail_sampling_probabilistic" => tail_hash(count, expected, &id),
            "probabilistic_sampler_hash_seed" => seeded_hash(count, expected, &id),
            "probabilistic_sampler_proportional" => by_randomness(count, expected, Mode::Proportional, &id),
            "probabilistic_sampler_equalizing" => by_randomness(count, expected, Mode::Equalizing, &id),
            "sdk_go_traceidratio" => {
                head(count, expected, &id, ratio(RatioAlgorithm::Go));
                head(count, expected, &id, ratio(RatioAlgorithm::Rust));
            }
            "sdk_java_traceidratio" => head(count, expected, &id, ratio(RatioAlgorithm::Java)),
            "otep235_full_precision" => {
                head(count, expected, &id, |ratio| HeadSampler::Consistent { ratio, precision: 14 });
            }
            unread => panic!("section {unread} of a vector is not read"),
        }
    }
}

fn thresholds(count: &mut Count, percents: &Value) {
    for (percent, expected) in object(percents) {
        let (double, float) = (number(percent), number(percent) as f32);
        for (field, expected) in object(expected) {
            let what = format!("{field} at {percent} %");
            match field.as_str() {
                "hash_seed_scaled_of_16384" => {
                    count.same(u64::from(buckets_kept(float)), expected.as_u64().unwrap(), &what);
                }
                "tail_threshold_u64_hex" => {
                    count.same(format!("{:016x}", tail_threshold(double)).as_str(), text(expected), &what);
                }
                other => {
                    let precision = other.strip_prefix("th_precision_").unwrap().parse().unwrap();
                    let threshold = Threshold::of_probability(f64::from(float) / 100.0, precision).unwrap();
                    count.same(threshold.to_string().as_str(), text(expected), &what);
                    count.same(Threshold::parse(text(expected)), Some(threshold), &what);
                }
            }
        }
    }
}

fn mode(name: &str) -> Mode {
    match name {
        "hash_seed" => Mode::HashSeed,
        "proportional" => Mode::Proportional,
        "equalizing" => Mode::Equalizing,
        other => panic!("mode {other} is not read"),
    }
}

fn incoming(count: &mut Count, case: &Value, ids: &[Id]) {
    let config = ProbabilisticSampler {
        fail_closed: case["fail_closed"].as_bool().unwrap(),
        ..sampler_config(mode(text(&case["mode"])), case["percent"].as_f64().unwrap() as f32)
    };
    let (sampler, header) = (ReadySampler::new(&config), text(&case["incoming_tracestate"]));
    let mut first = None;
    let kept: Vec<Id> = case["kept"].as_array().unwrap().iter().map(|kept| id(text(kept))).collect();
    for id in ids {
        let mut span = span();
        span.trace_state = header.into();
        let fate = sampler.decide(id, &span);
        count.same(fate.keep, kept.contains(id), &format!("{case}: {id:02x?}"));
        if fate.keep && first.is_none() {
            first = Some(match fate.trace_state {
                Written::Unchanged => header.to_owned(),
                Written::Replaced(text) => text,
                Written::Unknown => panic!("{case}"),
            });
        }
    }
    count.same(kept.len() as u64, case["kept_of_24"].as_u64().unwrap(), "kept_of_24");
    count.same(first.unwrap_or_default().as_str(), text(&case["outgoing_tracestate_of_first_kept"]), &case.to_string());
    let known =
        ["fail_closed", "incoming_tracestate", "kept", "kept_of_24", "mode", "outgoing_tracestate_of_first_kept"];
    assert!(object(case).keys().all(|key| key == "percent" || known.contains(&key.as_str())), "{case}");
}

fn outgoing(count: &mut Count, key: &str, expected: &str) {
    let mut parts = key.split('/');
    let (mode, percent) = (mode(parts.next().unwrap()), number(parts.next().unwrap()) as f32);
    let seed = parts.next().map_or(0, |seed| seed.strip_prefix("seed").unwrap().parse().unwrap());
    // Where no id is named, what is written does not depend on it: this one is always kept.
    let id = parts.next().map_or([0xff; 16], id);
    let config = ProbabilisticSampler { hash_seed: seed, ..sampler_config(mode, percent) };
    let written = ReadySampler::new(&config).decide(&id, &span()).trace_state;
    count.same(written, Written::Replaced(expected.to_owned()), key);
}

#[test]
fn every_vector_matches_and_every_section_is_read() {
    let file: Value = serde_json::from_str(FILE).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    let ids: Vec<Id> = vectors.iter().map(|vector| id(text(&vector["trace_id"]))).collect();
    let mut counts = Vec::new();
    for (section, value) in object(&file) {
        let mut count = Count(0);
        match section.as_str() {
            "description" | "verification" => continue,
            "vectors" => vectors.iter().for_each(|vector| one_vector(&mut count, vector)),
            "thresholds_by_percent" => thresholds(&mut count, value),
            "incoming_tracestate_cases" => {
                value.as_array().unwrap().iter().for_each(|case| incoming(&mut count, case, &ids));
            }
            "outgoing_tracestate_samples" => {
                object(value).iter().for_each(|(key, expected)| outgoing(&mut count, key, text(expected)));
            }
            unread => panic!("section {unread} is not read"),
        }
        counts.push((section.as_str(), count.0));
    }
    // 24 ids x (7 lists of decisions with 11 percentages each, of which hash_seed and tail_sampling are two lists, plus those of
    // Go again for Rust; 2 x 3 + 2 + 2 intermediate values). 19 percentages x (2 + 2 x 4). 54 cases x (24 + 2). 47 samples.
    let expected = [
        ("incoming_tracestate_cases", 54 * 26),
        ("outgoing_tracestate_samples", 47),
        ("thresholds_by_percent", 19 * 10),
        ("vectors", 24 * (11 * 10 + 10)),
    ];
    assert_eq!(counts, expected);
}
