//! Whether the guarantee that a scenario declares can be what the target's configuration gives.

use crate::collector_config::{Guarantee, Pipelines, WeakestLink};
use spanproof_scenarios::locate::locate;
use spanproof_scenarios::scenario::{self, Collector};

/// A warning where the declared guarantee is more than these pipelines give, with the line that says so. `texts` are the
/// configuration's names and texts.
pub(super) fn warning(collector: &Collector, pipelines: &Pipelines, texts: &[(String, String)]) -> Option<String> {
    let declared = declared(collector.guarantee)?;
    let name = collector.guarantee.name();
    let link = pipelines.weakest_link()?;
    let keys: Vec<&str> = link.keys.iter().map(String::as_str).collect();
    let place = place(&keys, collector, texts);
    match link.guarantee {
        Some(given) if declared <= given => None,
        Some(given) => Some(format!("guarantee `{name}` cannot hold: {place} {}", why(&link, given))),
        None => Some(format!(
            "guarantee `{name}` cannot be confirmed: {place} has `{}`, which is not a component that we know",
            link.component
        )),
    }
}

/// The same for the embedded target, which queues in memory whatever the configuration of others says.
pub(super) fn warning_for_embedded(collector: &Collector) -> Option<String> {
    let declared = declared(collector.guarantee)?;
    (declared > Guarantee::Memory).then(|| {
        let name = collector.guarantee.name();
        format!(
            "guarantee `{name}` cannot hold: the embedded target keeps its queue in memory, which dies with the process"
        )
    })
}

/// `None` when the scenario promises nothing.
fn declared(guarantee: scenario::Guarantee) -> Option<Guarantee> {
    match guarantee {
        scenario::Guarantee::Sync => Some(Guarantee::Sync),
        scenario::Guarantee::Disk => Some(Guarantee::Disk),
        scenario::Guarantee::Memory => Some(Guarantee::Memory),
        scenario::Guarantee::Batch => Some(Guarantee::Batch),
        scenario::Guarantee::Unknown => None,
    }
}

fn why(link: &WeakestLink, given: Guarantee) -> String {
    let component = &link.component;
    match given {
        Guarantee::TailSampling => format!(
            "has `{component}`, which keeps spans until their trace is complete: errors behind it reach no client"
        ),
        Guarantee::Batch => format!("has `{component}` before the queue, so refusals never reach clients"),
        Guarantee::Memory => format!("has `{component}` with a queue in memory, which dies with the process"),
        Guarantee::Disk => format!("has `{component}` with a queue on disk, which says yes before the backend does"),
        Guarantee::Sync => format!("has `{component}`"),
    }
}

/// `FILE:LINE` of a setting, as far as its keys are found; the last text that has most of them, since later ones override.
pub(super) fn place(keys: &[&str], collector: &Collector, texts: &[(String, String)]) -> String {
    let found = texts.iter().filter_map(|(name, text)| Some((name, locate(text, keys)?)));
    match (found.max_by_key(|(_, located)| located.depth), &collector.start) {
        (Some((_, located)), Some(start)) => format!("{}:{}", start.file, start.lines_before + located.line),
        (Some((name, located)), None) => format!("{name}:{}", located.line),
        (None, _) => "the configuration".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector_config::{CollectorConfig, Source};
    use scenario::Guarantee::{Batch, Disk, Memory, Sync, Unknown};
    use std::collections::BTreeMap;

    const GATEWAY: &str = "receivers: {otlp: {}}
processors: {batch: {}, strange: {}, tail_sampling: {}}
exporters:
  otlp_grpc:
    endpoint: backend:4317
    sending_queue: { queue_size: 10 }
service:
  pipelines:
    traces: { receivers: [otlp], processors: [PROCESSORS], exporters: [otlp_grpc] }
";

    fn warned(declared: scenario::Guarantee, processors: &str) -> Option<String> {
        let text = GATEWAY.replace("PROCESSORS", processors);
        let source = Source { name: "gateway.yaml", text: &text };
        let pipelines = CollectorConfig::read(&[source], &BTreeMap::new()).unwrap().pipelines().unwrap();
        let collector = Collector { guarantee: declared, ..Collector::default() };
        warning(&collector, &pipelines, &[("gateway.yaml".to_owned(), text)])
    }

    #[test]
    fn what_the_configuration_gives_is_not_warned_of() {
        for (declared, processors) in
            [(Memory, ""), (Batch, ""), (Batch, "batch"), (Unknown, "batch"), (Unknown, "strange")]
        {
            assert_eq!(warned(declared, processors), None, "{declared:?} with [{processors}]");
        }
    }

    #[test]
    fn what_it_cannot_give_is_told_with_the_line_that_says_so() {
        let all = [
            warned(Memory, "batch"),
            warned(Disk, ""),
            warned(Sync, ""),
            warned(Batch, "tail_sampling, batch"),
            warned(Memory, "batch, strange"),
        ];
        let all: Vec<String> = all.into_iter().flatten().collect();
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn the_embedded_target_gives_a_queue_in_memory_whatever_the_configuration_says() {
        let warned = |guarantee| warning_for_embedded(&Collector { guarantee, ..Collector::default() });
        assert_eq!([warned(Unknown), warned(Batch), warned(Memory)], [None, None, None]);
        for promised in [Disk, Sync] {
            assert!(warned(promised).unwrap().contains("the embedded target keeps its queue in memory"));
        }
    }

    #[test]
    fn lines_of_an_inline_configuration_are_those_of_the_scenario() {
        let text = GATEWAY.replace("PROCESSORS", "batch");
        let pipelines =
            CollectorConfig::read(&[Source { name: "x", text: &text }], &BTreeMap::new()).unwrap().pipelines();
        let start = Some(scenario::ConfigStart { file: "my.yaml".to_owned(), lines_before: 20 });
        let collector = Collector { guarantee: Memory, start, ..Collector::default() };
        let warning = warning(&collector, &pipelines.unwrap(), &[("x".to_owned(), text)]).unwrap();
        assert!(warning.contains("my.yaml:29 has `batch`"), "{warning}");
    }
}
