//! From a scenario's words to a target's settings.

use crate::embedded::{
    Compression, Defect, Destination, EmbeddedConfig, FieldOrder, Guarantee, ParseDefectError, Protocol, RetryConfig,
};
use crate::process::{Arguments, ConfigFile, ProcessSpec, ReadyWhen, ReceiverPort, SinkAddresses, Variables};
use spanproof_scenarios::scenario::{self, CollectorConfig, EncodingOrder};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Export attempts of the embedded collector end after this long.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest request that the embedded collector takes: what OTLP recommends.
const REQUEST_BYTES_MAX: usize = 64 << 20;

/// Settings of the embedded collector.
///
/// # Errors
/// A planted defect that is not one.
pub fn embedded_config(embedded: &scenario::Embedded, seed: u64) -> Result<EmbeddedConfig, ParseDefectError> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let defects = embedded.defects.iter().map(|text| text.parse()).collect::<Result<Vec<Defect>, _>>()?;
    let protocol = Protocol::Grpc;
    let compression = match embedded.compression {
        scenario::Compression::None => Compression::None,
        scenario::Compression::Gzip => Compression::Gzip,
    };
    Ok(EmbeddedConfig {
        listen_grpc: any,
        listen_http: any,
        // The endpoint is filled in when the sink listens.
        export: vec![Destination { endpoint: String::new(), protocol, compression }],
        memory_limit: embedded.memory_limit,
        queue_requests: NonZeroUsize::try_from(embedded.queue_size).unwrap_or(NonZeroUsize::MIN),
        consumers: NonZeroUsize::try_from(embedded.consumers).unwrap_or(NonZeroUsize::MIN),
        retry: embedded.retry.as_ref().map(|retry| RetryConfig {
            initial_interval: retry.initial_interval,
            max_interval: retry.max_interval,
            multiplier: 1.5,
            randomization: 0.5,
            max_elapsed: Some(retry.budget),
        }),
        timeout: EXPORT_TIMEOUT,
        field_order: match embedded.encoding_order {
            EncodingOrder::Ascending => FieldOrder::Ascending,
            EncodingOrder::Descending => FieldOrder::Descending,
        },
        max_request_bytes: REQUEST_BYTES_MAX,
        guarantee: Guarantee::Queue,
        // Filled in where the collector's configuration is read.
        sampling: None,
        defects,
        seed,
    })
}

/// The sink as a destination of the embedded collector.
pub(super) fn sink_destination(config: &EmbeddedConfig, sink: SinkAddresses) -> Destination {
    let first = config.export.first();
    let protocol = first.map_or(Protocol::Grpc, |destination| destination.protocol);
    let address = match protocol {
        Protocol::Grpc => sink.grpc,
        Protocol::Http => sink.http,
    };
    let compression = first.map_or(Compression::None, |destination| destination.compression);
    Destination { endpoint: format!("http://{address}"), protocol, compression }
}

/// Settings of a process target: its own folder, log and configuration files are in `directory`.
///
/// # Errors
/// A configuration file that cannot be read.
pub fn process_spec(
    process: &scenario::Process,
    collector: &scenario::Collector,
    directory: &Path,
) -> Result<ProcessSpec, std::io::Error> {
    let folder = directory.join("target");
    let mut spec = ProcessSpec::collector(&process.command, &folder, config_files(collector)?);
    if !process.args.is_empty() {
        spec.arguments = Arguments::Custom(with_config(&process.args));
    }
    let mut env: BTreeMap<String, String> = collector.env.clone().into_iter().chain(process.env.clone()).collect();
    env.insert(STATE.to_owned(), empty_state(&folder)?.display().to_string());
    spec.env = Variables(env);
    spec.ready = ReadyWhen {
        receiver: process.ready.receiver.map(|protocol| match protocol {
            scenario::Protocol::Grpc => ReceiverPort::Grpc,
            scenario::Protocol::Http => ReceiverPort::Http,
        }),
        health_path: process.ready.health_path.clone(),
    };
    spec.start_deadline = process.ready.timeout;
    spec.stop_grace = process.stop_grace;
    spec.log_path = super::log_path(directory);
    Ok(spec)
}

/// The variable that names a folder for what the target keeps from start to start.
pub const STATE: &str = "SPANPROOF_STATE";

/// That folder, absolute and empty: what an earlier run left in it would come out in this one.
fn empty_state(folder: &Path) -> Result<PathBuf, std::io::Error> {
    let state = std::path::absolute(folder.join("state"))?;
    match std::fs::remove_dir_all(&state) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::create_dir_all(&state)?;
    Ok(state)
}

/// The scenario's arguments, and behind them those that carry the configuration unless they say themselves where it goes.
fn with_config(arguments: &[String]) -> Vec<String> {
    let placed = arguments.iter().any(|argument| argument.contains("{config}"));
    let behind = (!placed).then(|| "--config={config}".to_owned());
    arguments.iter().cloned().chain(behind).collect()
}

fn config_files(collector: &scenario::Collector) -> Result<Vec<ConfigFile>, std::io::Error> {
    match &collector.config {
        CollectorConfig::None => Ok(Vec::new()),
        CollectorConfig::Inline(text) => Ok(vec![ConfigFile::new("collector.yaml", text.clone())]),
        CollectorConfig::Files(paths) => paths
            .iter()
            .enumerate()
            .map(|(number, path)| {
                Ok(ConfigFile::new(format!("collector-{number}.yaml"), std::fs::read_to_string(path)?))
            })
            .collect(),
    }
}
