//! Flags and environment variables that change a scenario before it is checked.
//!
//! They change the document, not the result, so that a value from a flag passes the same checks as one from the file, and
//! a problem with it names the flag. Flags win over the environment, the environment over the file.

mod apply;
mod assignment;
mod endpoint;

use assignment::Assignment;

/// Changes to a scenario, in the order given.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    flags: Vec<Assignment>,
    environment: Vec<Assignment>,
}

impl Overrides {
    /// No changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// `--set path=value`: any field, its value read as YAML.
    pub fn set(&mut self, assignment: &str) -> &mut Self {
        self.flags.push(Assignment::set(assignment));
        self
    }

    /// A flag that stands for a field; what is wrong with its value is said of the flag.
    pub fn flag(&mut self, flag: &str, path: &str, value: &str) -> &mut Self {
        self.flags.push(Assignment::flag(flag, path, value));
        self
    }

    /// `--rate`
    pub fn rate(&mut self, rate: &str) -> &mut Self {
        self.flag("--rate", "traffic.rate", rate)
    }

    /// `--duration`; replaces `run.spans` too.
    pub fn duration(&mut self, duration: &str) -> &mut Self {
        self.flag("--duration", "run.duration", duration)
    }

    /// `--seed`
    pub fn seed(&mut self, seed: &str) -> &mut Self {
        self.flag("--seed", "run.seed", seed)
    }

    /// `--target kind[:argument]`: `embedded`, `process:COMMAND` or `external[:ENDPOINT]`. Settings that the file has for
    /// the same kind are kept.
    pub fn target(&mut self, target: &str) -> &mut Self {
        self.flags.push(Assignment::target(target));
        self
    }

    /// `--endpoint`: where an external target listens. Typing it is consent to send there.
    pub fn endpoint(&mut self, endpoint: &str) -> &mut Self {
        self.flag("--endpoint", "target.external.endpoint", endpoint)
    }

    /// `--sink-grpc`: where an external target delivers OTLP/gRPC.
    pub fn sink_grpc(&mut self, address: &str) -> &mut Self {
        self.flag("--sink-grpc", "target.external.sink.grpc", address)
    }

    /// `--sink-http`: where an external target delivers OTLP/HTTP.
    pub fn sink_http(&mut self, address: &str) -> &mut Self {
        self.flag("--sink-http", "target.external.sink.http", address)
    }

    /// `--foreign`: what records of others mean.
    pub fn foreign(&mut self, meaning: &str) -> &mut Self {
        self.flag("--foreign", "foreign", meaning)
    }

    /// `--absence`: what an acknowledged span that never came out means.
    pub fn absence(&mut self, meaning: &str) -> &mut Self {
        self.flag("--absence", "absence", meaning)
    }

    /// `--plant`: one more planted defect of the embedded target.
    pub fn plant(&mut self, defect: &str) -> &mut Self {
        self.flags.push(Assignment::plant(defect));
        self
    }

    /// Takes what it understands of OpenTelemetry's exporter variables; it counts only for an external target, and only
    /// for what no flag has set. Variables for traces win over general ones; empty ones count as unset. Headers are not
    /// taken, since their values are secrets and never enter a document. Certificates and keys are refused: traffic is not
    /// encrypted, and whoever names them expects that it is.
    pub fn environment(&mut self, variables: impl IntoIterator<Item = (String, String)>) -> &mut Self {
        let variables: std::collections::BTreeMap<String, String> = variables.into_iter().collect();
        self.environment.extend(assignment::from_environment(&variables));
        self
    }
}
