//! `spanproof explain`: what a collector's configuration does to traces. Nothing is started or sent.

use super::{Exit, Format, fail, print, say};
use crate::explain::traffic::{Sample, SpanRate, TraceName, TrafficError};
use crate::explain::{Asked, Explanation, Problem, Subject, explain, tell, text};
use clap::Args;
use spanproof_generators::sampling::version::Version;
use std::io::Read;

/// What a file may hold at most: more is no configuration.
const BYTES_MAX: u64 = 16 << 20;

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// Configuration files, merged in this order as the collector merges them; `-` for stdin. Each may be a Kubernetes ConfigMap or an
    /// OpenTelemetryCollector resource
    #[arg(value_name = "CONFIG", required = true)]
    files: Vec<String>,
    /// Which configuration of a file that holds several: the key of a ConfigMap, or the name of a resource
    #[arg(long, value_name = "NAME")]
    pick: Option<String>,
    /// Hold it against the traffic of a workload: shop or uniform
    #[arg(long, value_name = "NAME")]
    workload: Option<String>,
    /// The number from which the workload's traces follow
    #[arg(long, value_name = "N", default_value_t = 7, requires = "workload")]
    seed: u64,
    /// Spans per second of that traffic
    #[arg(long, value_name = "RATE", requires = "workload")]
    rate: Option<String>,
    /// Say step by step what each stage decides about one trace of the workload [default workload: shop]
    #[arg(long, value_name = "SEED:INDEX")]
    trace: Option<String>,
    /// The collector that is meant [default: what the image's tag says, else 0.155, which everything was measured on]
    #[arg(long, value_name = "VERSION")]
    collector_version: Option<String>,
    /// How it is printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Explains. 0 when it could be read, warnings or not; 2 when not.
pub(crate) fn run(arguments: &ExplainArguments) -> Exit {
    let format = arguments.format;
    let (version, against) = match (arguments.version(), arguments.against()) {
        (Ok(version), Ok(against)) => (version, against),
        (Err(error), _) => return fail(error.as_ref(), Exit::USAGE, format),
        (_, Err(error)) => return fail(&error, Exit::USAGE, format),
    };
    let files = match files(&arguments.files) {
        Ok(files) => files,
        Err(problems) => return complain(&problems, format),
    };
    // A name or value that is not UTF-8 is none that a configuration could ask for.
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let traffic = against.workload.as_ref().map(|sample| sample.figures(against.rate));
    let asked = Asked { files, pick: arguments.pick.clone(), version, variables: variables.collect(), traffic };
    let explanation = match Subject::read(&asked) {
        Ok(subject) => against.explain(subject),
        Err(problems) => return complain(&problems, format),
    };
    match format {
        Format::Text => print(&text::text(&explanation)),
        Format::Json => match serde_json::to_string_pretty(&explanation) {
            Ok(text) => print(&format!("{text}\n")),
            Err(error) => return fail(&error, Exit::USAGE, format),
        },
    }
    Exit::PASS
}

impl ExplainArguments {
    fn version(&self) -> Result<Option<Version>, Box<dyn std::error::Error>> {
        let parsed = self.collector_version.as_deref().map(str::parse::<Version>).transpose();
        parsed.map_err(Into::into)
    }

    fn against(&self) -> Result<Against, TrafficError> {
        let rate = self.rate.as_deref().map(str::parse::<SpanRate>).transpose()?;
        let workload = self.workload.as_deref().map(|name| Sample::of(name, self.seed, 0)).transpose()?;
        let name = self.trace.as_deref().map(str::parse::<TraceName>).transpose()?;
        let source = self.workload.as_deref().unwrap_or("shop");
        let sample = name.map(|name| Sample::of(source, name.seed, name.index)).transpose()?;
        Ok(Against { rate, workload, trace: sample.zip(name) })
    }
}

/// What the configuration is held against.
struct Against {
    rate: Option<SpanRate>,
    workload: Option<Sample>,
    trace: Option<(Sample, TraceName)>,
}

impl Against {
    fn explain(&self, subject: Subject) -> Explanation {
        let subject = match &self.workload {
            Some(sample) => subject.held_against(sample),
            None => subject,
        };
        let trace = self.trace.as_ref().and_then(|(sample, name)| tell(&subject, sample, *name));
        Explanation { trace, ..explain(&subject) }
    }
}

/// The texts of all files; or every file that cannot be read.
fn files(names: &[String]) -> Result<Vec<(String, String)>, Vec<Problem>> {
    let (mut texts, mut problems) = (Vec::new(), Vec::new());
    for name in names {
        let shown = if name == "-" { "(stdin)" } else { name };
        match read(name) {
            Ok(text) => texts.push((shown.to_owned(), text)),
            Err(error) => problems.push(Problem::unread(shown, &error)),
        }
    }
    if problems.is_empty() { Ok(texts) } else { Err(problems) }
}

fn read(name: &str) -> std::io::Result<String> {
    let mut text = String::new();
    let source: Box<dyn Read> =
        if name == "-" { Box::new(std::io::stdin().lock()) } else { Box::new(std::fs::File::open(name)?) };
    source.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > BYTES_MAX {
        return Err(std::io::Error::other("it is larger than 16 MiB"));
    }
    Ok(text)
}

fn complain(problems: &[Problem], format: Format) -> Exit {
    match format {
        Format::Text => say(text::problems(problems).trim_end()),
        Format::Json => match serde_json::to_string_pretty(problems) {
            Ok(text) => print(&format!("{text}\n")),
            Err(error) => return fail(&error, Exit::USAGE, format),
        },
    }
    Exit::USAGE
}
