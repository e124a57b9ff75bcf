//! What to change in the target's configuration so that the scenario's outages cost nothing, with the arithmetic.

use crate::collector_config::{Exporting, Retry};
use crate::judge::evidence::Remedies;
use crate::predict::Broken;
use spanproof_reports::figures::count;
use spanproof_scenarios::units::HumanDuration;
use std::time::Duration;

/// How the settings of a target are called, and where they stand.
pub(super) enum Settings<'a> {
    /// Keys of a collector's configuration; tells the line of the last of these that is there.
    Collector(&'a dyn Fn(&[&str]) -> String),
    /// `target.embedded` of the scenario, whose fields can be given as flags.
    Embedded,
}

/// An outage that a target can outlast.
pub(super) struct Outage<'a> {
    /// Its name in the scenario.
    pub name: &'a str,
    /// How long each of its windows lasts.
    pub lasting: Duration,
    /// What a target meets.
    pub broken: Broken,
}

impl Settings<'_> {
    fn budget(&self, exporter: &str) -> String {
        self.named(&["exporters", exporter, "retry_on_failure", "max_elapsed_time"], "retry.budget")
    }

    fn retries(&self, exporter: &str) -> String {
        self.named(&["exporters", exporter, "retry_on_failure", "enabled"], "retry.enabled")
    }

    fn queue_size(&self, exporter: &str) -> String {
        self.named(&["exporters", exporter, "sending_queue", "queue_size"], "queue_size")
    }

    fn named(&self, keys: &[&str], embedded: &str) -> String {
        match self {
            Self::Collector(place) => format!("{} `{}`", place(keys), keys[keys.len() - 1]),
            Self::Embedded => format!("`target.embedded.{embedded}`"),
        }
    }
}

/// What to change. `needed` is how many requests the queue would hold at most, were it large enough.
pub(super) fn remedies(
    exporting: &Exporting,
    longest: Option<Outage<'_>>,
    needed: u64,
    settings: &Settings<'_>,
) -> Remedies {
    Remedies {
        retries: longest.and_then(|outage| longer_retries(exporting, &outage, settings)),
        queue: (needed > exporting.queue_size).then(|| larger_queue(exporting, needed, settings)),
    }
}

/// An item that comes as an outage begins is tried for the first time after it at most one pause behind its end, and is given up if
/// that is over its budget. Where nothing answers, the last try that fails may begin just before the end and waits in vain.
fn longer_retries(exporting: &Exporting, outage: &Outage<'_>, settings: &Settings<'_>) -> Option<String> {
    let lasts = format!("`{}` lasts {}", outage.name, HumanDuration(outage.lasting));
    let Some(retry) = exporting.retry else {
        return Some(format!("{} false -> true: {lasts}", settings.retries(&exporting.exporter)));
    };
    let beyond = match outage.broken {
        Broken::Refuses { retry_after } => longest_pause(retry).max(retry_after.unwrap_or_default()),
        Broken::Hangs => longest_pause(retry).saturating_add(exporting.timeout),
        Broken::RefusesForGood => return None,
    };
    let needed = whole_seconds(outage.lasting.saturating_add(beyond));
    let budget = retry.max_elapsed_time.filter(|budget| *budget < needed)?;
    Some(format!(
        "{} {} -> {}: {lasts}, and the first try after it may come {} later",
        settings.budget(&exporting.exporter),
        HumanDuration(budget),
        HumanDuration(needed),
        HumanDuration(beyond)
    ))
}

fn longest_pause(retry: Retry) -> Duration {
    retry.max_interval.max(retry.initial_interval).mul_f64(1.0 + retry.randomization_factor)
}

fn larger_queue(exporting: &Exporting, needed: u64, settings: &Settings<'_>) -> String {
    // A little more than it takes with this very traffic.
    let roomy = needed.saturating_add(needed.div_ceil(10));
    format!(
        "{} {} -> {}: {} requests come until the backend has taken what waits",
        settings.queue_size(&exporting.exporter),
        count(exporting.queue_size),
        count(roomy),
        count(needed)
    )
}

fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs() + u64::from(duration.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector_config::Protocol;

    const SECOND: Duration = Duration::from_secs(1);
    const REFUSES: Broken = Broken::Refuses { retry_after: None };

    fn exporting(budget: Option<Duration>) -> Exporting {
        Exporting {
            exporter: "otlp_grpc/a".to_owned(),
            protocol: Protocol::Grpc,
            queue_size: 1000,
            consumers: 10,
            retry: Some(Retry {
                initial_interval: SECOND,
                multiplier: 1.5,
                randomization_factor: 0.5,
                max_interval: 3 * SECOND,
                max_elapsed_time: budget,
            }),
            timeout: 5 * SECOND,
        }
    }

    fn told(exporting: &Exporting, broken: Broken, needed: u64) -> Remedies {
        let outage = Outage { name: "long", lasting: 20 * SECOND, broken };
        remedies(exporting, Some(outage), needed, &Settings::Collector(&|keys| keys.join(".")))
    }

    #[test]
    fn a_budget_is_to_outlast_the_outage_and_a_pause() {
        let short = told(&exporting(Some(24 * SECOND)), REFUSES, 0);
        let expected = "exporters.otlp_grpc/a.retry_on_failure.max_elapsed_time `max_elapsed_time` 24s -> 25s: `long` lasts 20s, \
                        and the first try after it may come 4500ms later";
        assert_eq!(short.retries.unwrap(), expected);
        assert_eq!(told(&exporting(Some(25 * SECOND)), REFUSES, 0), Remedies::default());
        assert_eq!(told(&exporting(None), REFUSES, 0), Remedies::default());
        let never = told(&Exporting { retry: None, ..exporting(None) }, REFUSES, 0).retries.unwrap();
        assert!(never.ends_with("`enabled` false -> true: `long` lasts 20s"), "{never}");
    }

    #[test]
    fn a_pause_that_is_asked_for_and_an_answer_that_never_comes_take_longer() {
        let of = |broken| told(&exporting(Some(SECOND)), broken, 0).retries.unwrap();
        let asked = of(Broken::Refuses { retry_after: Some(7 * SECOND) });
        assert!(asked.contains(" 1s -> 27s: ") && asked.ends_with("may come 7s later"), "{asked}");
        let hangs = of(Broken::Hangs);
        assert!(hangs.contains(" 1s -> 30s: ") && hangs.ends_with("may come 9500ms later"), "{hangs}");
    }

    #[test]
    fn no_wait_outlasts_an_answer_that_is_final() {
        assert_eq!(told(&exporting(Some(SECOND)), Broken::RefusesForGood, 0), Remedies::default());
        assert_eq!(remedies(&exporting(Some(SECOND)), None, 0, &Settings::Embedded), Remedies::default());
    }

    #[test]
    fn a_queue_is_to_hold_what_comes_and_a_little_more() {
        assert_eq!(told(&exporting(None), REFUSES, 1000).queue, None);
        let larger = told(&exporting(None), REFUSES, 1001).queue.unwrap();
        assert!(
            larger.ends_with("`queue_size` 1,000 -> 1,102: 1,001 requests come until the backend has taken what waits"),
            "{larger}"
        );
    }

    #[test]
    fn the_collector_inside_spanproof_has_its_settings_in_the_scenario() {
        let outage = || Some(Outage { name: "long", lasting: 20 * SECOND, broken: REFUSES });
        let of = |exporting: &Exporting| remedies(exporting, outage(), 2000, &Settings::Embedded);
        let both = of(&exporting(Some(SECOND)));
        assert!(both.retries.as_ref().unwrap().starts_with("`target.embedded.retry.budget` 1s -> 25s: "), "{both:?}");
        assert!(both.queue.as_ref().unwrap().starts_with("`target.embedded.queue_size` 1,000 -> 2,200: "), "{both:?}");
        let never = of(&Exporting { retry: None, ..exporting(None) }).retries.unwrap();
        assert_eq!(never, "`target.embedded.retry.enabled` false -> true: `long` lasts 20s");
    }
}
