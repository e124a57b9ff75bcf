//! Resources of every instance, and the emitters that exist only for an anomaly of the service's name.
//!
//! Resources depend on the seed and the emitter's label alone, so a topology with anomalies holds the topology without.

use std::collections::BTreeMap;

use super::edges;
use super::libraries;
use super::rng::Dice;
use super::services::{Facts, Language, Service};
use crate::model::{Attribute, Emitter, EmitterId, Resource, Stratum, Topology, Value};

/// Services whose name goes wrong when that anomaly is asked for. Every root operation touches at least one of them;
/// not all services, because each is one more exporter with batches of its own.
pub(super) const RENAMED: [Service; 7] = [
    Service::ProductCatalog,
    Service::Cart,
    Service::Ad,
    Service::Shipping,
    Service::Payment,
    Service::Email,
    Service::ImageProvider,
];

/// The topology, and where in it the emitters of each anomaly stand.
pub(super) struct Directory {
    pub(super) topology: Topology,
    renamed: BTreeMap<(Stratum, Service), EmitterId>,
}

impl Directory {
    /// The shop under `seed`, with further emitters for those of `anomalies` that concern the service's name.
    pub(super) fn new(seed: u64, anomalies: &[Stratum]) -> Self {
        let emitters = Service::all().map(|service| ordinary(seed, service.facts())).collect();
        let mut directory =
            Self { topology: Topology { emitters, scopes: libraries::scopes() }, renamed: BTreeMap::new() };
        for &stratum in anomalies {
            if let Some(fault) = NameFault::of(stratum) {
                directory.add(seed, stratum, fault);
            }
        }
        directory
    }

    fn add(&mut self, seed: u64, stratum: Stratum, fault: NameFault) {
        for service in RENAMED {
            let id = EmitterId(self.topology.emitters.len() as u16);
            self.topology.emitters.push(fault.emitter(seed, service.facts()));
            self.renamed.insert((stratum, service), id);
        }
    }

    /// The emitter that stands in for `service` in traces of `stratum`.
    pub(super) fn renamed(&self, stratum: Stratum, service: Service) -> Option<EmitterId> {
        self.renamed.get(&(stratum, service)).copied()
    }
}

/// What is wrong with a service's name.
#[derive(Debug, Clone, Copy)]
enum NameFault {
    Missing,
    Empty,
    Blank,
    Unknown,
}

impl NameFault {
    fn of(stratum: Stratum) -> Option<Self> {
        match stratum {
            Stratum::ServiceNameMissing => Some(Self::Missing),
            Stratum::ServiceNameEmpty => Some(Self::Empty),
            Stratum::ServiceNameBlank => Some(Self::Blank),
            Stratum::ServiceNameUnknown => Some(Self::Unknown),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Empty => "empty",
            Self::Blank => "blank",
            Self::Unknown => "unknown",
        }
    }

    fn name(self, facts: &Facts) -> Option<String> {
        match self {
            Self::Missing => None,
            Self::Empty => Some(String::new()),
            Self::Blank => Some([" ", "   ", "\t"][facts.service as usize % 3].to_owned()),
            Self::Unknown => Some(unknown_name(facts)),
        }
    }

    /// A single pod: a deployment that somebody configured badly.
    fn emitter(self, seed: u64, facts: &Facts) -> Emitter {
        let label = format!("{} (service.name {})", facts.name, self.word());
        let instances = vec![resource(seed, &label, 0, self.name(facts), facts)];
        Emitter { label, instances }
    }
}

/// What an SDK calls a service without a configured name: `unknown_service:` and the executable, or the bare word
/// where the SDK does not know the executable.
fn unknown_name(facts: &Facts) -> String {
    match facts.language {
        Language::Cpp | Language::Ruby => "unknown_service".to_owned(),
        _ => format!("unknown_service:{}", facts.executable),
    }
}

fn ordinary(seed: u64, facts: &Facts) -> Emitter {
    let instances = (0..facts.instances)
        .map(|instance| resource(seed, facts.name, instance, Some(facts.name.to_owned()), facts))
        .collect();
    Emitter { label: facts.name.to_owned(), instances }
}

fn resource(seed: u64, label: &str, instance: usize, name: Option<String>, facts: &Facts) -> Resource {
    // All pods of one deployment share its replica set, hence two streams.
    let replica_set = format!("{}-{}", facts.name, Dice::new(seed, &format!("replicaset/{label}")).pod_suffix(10));
    let mut dice = Dice::new(seed, &format!("resource/{label}/{instance}"));
    let pod = format!("{replica_set}-{}", dice.pod_suffix(5));
    let mut attributes: Vec<Attribute> = name.map(|name| Attribute::new("service.name", name)).into_iter().collect();
    attributes.push(Attribute::new("service.version", facts.version));
    attributes.push(Attribute::new("service.instance.id", dice.uuid()));
    attributes.push(Attribute::new("k8s.pod.name", pod.as_str()));
    attributes.extend(sdk(facts.language));
    if facts.language == Language::Php {
        attributes.extend(detected(&mut dice));
    }
    if facts.rich {
        attributes.extend(cluster(&mut dice, facts, pod, replica_set));
        attributes.extend(process(&mut dice, facts));
    }
    // Detectors of every kind at once, and a limit on attributes.
    let dropped_attributes = if facts.language == Language::Php { 3 } else { 0 };
    Resource { attributes, dropped_attributes, schema_url: schema_url(facts.language).to_owned() }
}

/// `telemetry.sdk.*`.
fn sdk(language: Language) -> [Attribute; 3] {
    let (name, version) = match language {
        Language::Cpp => ("cpp", "1.22.0"),
        Language::Dotnet => ("dotnet", "1.12.0"),
        Language::Go => ("go", "1.38.0"),
        Language::Java => ("java", "1.54.1"),
        Language::Node => ("nodejs", "2.1.0"),
        Language::Php => ("php", "1.7.1"),
        Language::Python => ("python", "1.37.0"),
        Language::Ruby => ("ruby", "1.10.0"),
        Language::Rust => ("rust", "0.31.0"),
    };
    [
        Attribute::new("telemetry.sdk.name", "opentelemetry"),
        Attribute::new("telemetry.sdk.language", name),
        Attribute::new("telemetry.sdk.version", version),
    ]
}

/// How many labels a pod has whose operators label everything.
const LABELS: usize = 16;

/// What a detector of its own finds, of every type that there is, and all labels of the pod.
fn detected(dice: &mut Dice) -> Vec<Attribute> {
    let labels = (0..LABELS).map(|label| Attribute::new(format!("k8s.pod.label.Tier-{label}"), dice.hex(6)));
    let command = Attribute::new("process.command_line", edges::notice());
    labels.chain([command]).chain(edges::catalogue()).collect()
}

/// Where the pod runs: 13 keys.
fn cluster(dice: &mut Dice, facts: &Facts, pod: String, replica_set: String) -> Vec<Attribute> {
    let zone = dice.pick(&["a", "b", "c"]);
    let tags = vec![Value::from(facts.version), Value::Str(format!("{}-{}", facts.version, dice.hex(7)))];
    vec![
        Attribute::new("service.namespace", "shop"),
        Attribute::new("deployment.environment.name", "production"),
        Attribute::new("k8s.cluster.name", "shop-eu-1"),
        Attribute::new("k8s.namespace.name", "shop"),
        Attribute::new("k8s.node.name", format!("node-{zone}-{:02}", dice.between(1, 12))),
        Attribute::new("k8s.pod.uid", dice.uuid()),
        Attribute::new("k8s.replicaset.name", replica_set),
        Attribute::new("k8s.deployment.name", facts.name),
        Attribute::new("container.id", dice.hex(64)),
        Attribute::new("container.image.name", format!("registry.shop.example/{}", facts.name)),
        Attribute { key: "container.image.tags".to_owned(), value: Value::Array(tags) },
        Attribute::new("host.name", pod),
        Attribute::new("cloud.availability_zone", format!("eu-central-1{zone}")),
    ]
}

/// What runs in the pod: 5 keys.
fn process(dice: &mut Dice, facts: &Facts) -> [Attribute; 5] {
    let (runtime, version) = match facts.language {
        Language::Cpp => ("gcc", "14.2.0"),
        Language::Dotnet => (".NET", "8.0.19"),
        Language::Go => ("go", "go1.25.1"),
        Language::Java => ("OpenJDK Runtime Environment", "21.0.8+9-LTS"),
        Language::Node => ("nodejs", "22.19.0"),
        Language::Php => ("fpm-fcgi", "8.4.12"),
        Language::Python => ("cpython", "3.12.11"),
        Language::Ruby => ("ruby", "3.4.5"),
        Language::Rust => ("rustc", "1.89.0"),
    };
    [
        Attribute::new("os.type", "linux"),
        Attribute::new("process.pid", dice.between(1, 40) as i64),
        Attribute::new("process.executable.name", facts.executable),
        Attribute::new("process.runtime.name", runtime),
        Attribute::new("process.runtime.version", version),
    ]
}

fn schema_url(language: Language) -> &'static str {
    match language {
        Language::Go => "https://opentelemetry.io/schemas/1.37.0",
        Language::Java => "https://opentelemetry.io/schemas/1.24.0",
        Language::Php => "https://opentelemetry.io/schemas/1.32.0",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rich_resource_has_25_keys_a_short_one_7_and_one_whose_detector_finds_everything_more_than_32() {
        let directory = Directory::new(1, &[]);
        for (emitter, service) in directory.topology.emitters.iter().zip(Service::all()) {
            let facts = service.facts();
            let expected = match (facts.rich, facts.language) {
                (true, _) => 25,
                (false, Language::Php) => 7 + LABELS + 1 + edges::catalogue().len(),
                (false, _) => 7,
            };
            assert!(facts.language != Language::Php || expected > 32);
            for instance in &emitter.instances {
                assert_eq!(instance.attributes.len(), expected, "{}", emitter.label);
            }
        }
    }

    #[test]
    fn an_unnamed_service_keeps_the_rest_of_its_resource() {
        let directory = Directory::new(1, &[Stratum::ServiceNameMissing]);
        let id = directory.renamed(Stratum::ServiceNameMissing, Service::Cart).unwrap();
        let emitter = &directory.topology.emitters[usize::from(id.0)];
        assert_eq!(emitter.label, "cart (service.name missing)");
        assert_eq!(emitter.instances[0].attributes.len(), 24);
    }
}
