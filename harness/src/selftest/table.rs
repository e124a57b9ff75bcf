//! The table: every planted defect, and the verdict and findings that it must lead to. The page `docs/selftest.md` is
//! written from it.

mod sampling;

use super::case::{Behind, Case, Counted, Expected, Traffic};
use super::{altered, settings};
use spanproof_reports::result::verdict::Verdict;
use std::time::Duration;

const LOST: Expected = Expected::failing(&["lost-acknowledged"]);
/// By the target's settings nothing would have been.
const LOST_UNFORESEEN: Expected = Expected { told: &["unforeseen"], ..LOST };
const REPEATED: Expected = Expected::failing(&["duplicated"]);
const LOST_AND_REPEATED: Expected = Expected::failing(&["duplicated", "lost-acknowledged"]);
const LOST_AND_FOREIGN: Expected = Expected::failing(&["foreign", "lost-acknowledged"]);

/// The id of a span may be hit too, and then it is nobody's.
const CHANGED_OR_UNKNOWN: Expected =
    Expected { fields: &["attributes["], ..Expected::failing(&["corrupted", "foreign", "lost-acknowledged"]) };

/// What the embedded target does by its own settings, and not by a defect, cannot stand behind a collector.
const OWN_SETTING: Behind = Behind::Untried("a setting of the embedded target or of the client, not a defect");

/// What a target makes of refusals, and of its own full queue.
const MISCONDUCT: Behind = Behind::Untried(
    "what a target makes of refusals and of a full queue rests on the embedded target's own settings, which cannot be set there",
);

/// Where the id of a span may be hit: then one of ours did not come, and one of nobody came instead.
const CHANGED_OR_UNKNOWN_COUNTED: Counted =
    Counted::Sums(&[&["corrupted", "foreign"], &["corrupted", "lost-acknowledged"]]);

/// Everything that is tried, and what must come of it.
pub fn table() -> Vec<Case> {
    [
        &CONTROLS[..],
        &PRESENCE,
        &CONTENT,
        &IDENTITY,
        &REQUESTS,
        &PADDED,
        &CIRCUMSTANCES,
        &REACTIONS,
        &CONFIGURED,
        &sampling::SAMPLING,
        &ALTERED,
        &ALTERED_WITHOUT_COLLECTOR,
    ]
    .concat()
}

const CONTROLS: [Case; 2] = [
    Case::without_defect("control", Traffic::AllAnomalies, &[], Expected::PASS, "nothing wrong, with every anomaly"),
    Case::without_defect(
        "control-padded",
        Traffic::Padded,
        &[],
        Expected::PASS,
        "nothing wrong, padded ids everywhere",
    ),
];

const PRESENCE: [Case; 9] = [
    Case::defect("drop-one-in", "drop-one-in=100", LOST, "spans lost here and there"),
    Case::defect(
        "drop-nth",
        "drop-nth=1000",
        Expected { limit: Some(("spans.lost_acknowledged == 0", Verdict::Fail)), ..LOST },
        "a single span lost; the limit on it says so too",
    ),
    Case::defect("duplicate-one-in", "duplicate-one-in=100", REPEATED, "spans repeated"),
    Case::defect(
        "lose-and-repeat",
        "lose-and-repeat,every=100",
        LOST_AND_REPEATED,
        "the totals are right all the time",
    ),
    Case::defect("drop-service", "drop-service=checkout", LOST, "every span of one service lost"),
    Case::defect("drop-over-bytes", "drop-over-bytes=2000", LOST, "large spans lost"),
    Case::defect("drop-whole-traces", "drop-whole-traces=1/20", LOST, "whole traces lost"),
    Case::defect(
        "invent-span=random-ids",
        "invent-span=random-ids,every=100",
        Expected::failing(&["foreign"]),
        "a span of nobody",
    ),
    Case::defect(
        "invent-span=real-trace",
        "invent-span=real-trace,every=100",
        Expected::failing(&["invented"]),
        "a span that claims to belong to a trace of ours",
    ),
];

/// Enough spans that what a few in a thousand have is among them.
const MANY: &[&str] = &["run.spans=12000", "traffic.rate=12000"];

const CONTENT: [Case; 31] = [
    changed("swap-attributes", "swap-attributes,every=100", &["attributes["], "two values exchanged"),
    changed("truncate-string", "truncate-string,every=100", &["attributes["], "a value one character short"),
    changed("break-utf8", "break-utf8,every=100", &["attributes["], "a value that is no UTF-8 any more"),
    changed("ascii-only", "ascii-only,every=1", &["attributes["], "text with question marks for what is not ASCII"),
    changed("lose-attribute", "lose-attribute,every=100", &["attributes["], "an attribute gone"),
    changed("lose-empty-values", "lose-empty-values,every=1", &["attributes["], "attributes gone that hold nothing"),
    changed("plain-numbers", "plain-numbers,every=1", &["attributes["], "zero for what is no number, or infinite"),
    changed("canonical-nan", "canonical-nan,every=1", &["attributes["], "the usual bits for all that is no number")
        .with(MANY),
    changed("limit-attributes", "limit-attributes,every=1", &["attributes["], "no more than 32 attributes"),
    changed("limit-strings", "limit-strings,every=1", &["attributes["], "strings cut at 1,024 bytes").with(MANY),
    changed("lower-case-keys", "lower-case-keys,every=1", &["attributes["], "keys in lower case"),
    changed("change-value-type", "change-value-type,every=100", &["attributes["], "a value of another type"),
    changed("lose-events", "lose-events,every=5", &["events"], "a span's events gone"),
    changed("lose-links", "lose-links,every=2", &["links"], "a span's links gone"),
    changed("first-link-only", "first-link-only,every=1", &["links"], "all links gone but the first"),
    changed(
        "shift-time-1ns=start",
        "shift-time-1ns=start,every=100",
        &["start_time_unix_nano"],
        "a start one nanosecond late",
    ),
    changed(
        "shift-time-1ns=end",
        "shift-time-1ns=end,every=100",
        &["end_time_unix_nano"],
        "an end one nanosecond late",
    ),
    changed(
        "shift-time-1ns=event",
        "shift-time-1ns=event,every=5",
        &["events[].time_unix_nano"],
        "an event one nanosecond late",
    ),
    changed("change-kind", "change-kind,every=100", &["kind"], "another kind"),
    changed("change-status", "change-status,every=100", &["status.code"], "another status"),
    changed("ok-to-unset", "ok-to-unset,every=20", &["status"], "a success that is not declared any more"),
    changed("change-name", "change-name,every=100", &["name"], "another name"),
    changed("change-flags", "change-flags,every=100", &["flags"], "another sampled bit"),
    changed("force-sampled", "force-sampled,every=1", &["flags"], "a sampled bit that was not set"),
    changed("change-trace-state", "change-trace-state,every=100", &["trace_state"], "another trace state"),
    changed("limit-trace-state", "limit-trace-state,every=1", &["trace_state"], "no trace state above 256 bytes")
        .with(MANY),
    changed(
        "resource-strings",
        "resource-strings,every=3",
        &["resource.attributes["],
        "strings for a resource's booleans, numbers and bytes",
    ),
    changed("change-scope", "change-scope,every=100", &["scope.name"], "under a scope of another name"),
    changed(
        "change-service",
        "change-service,every=100",
        &["resource.attributes[\"service.name\"]"],
        "under another service",
    ),
    Case::defect(
        "swap-resources",
        "swap-resources,every=3",
        Expected::corrupted(&["resource."]),
        "two requests' resources exchanged",
    ),
    changed(
        "corrupt-everything",
        "corrupt-everything",
        &["attributes[\"planted.defect\"]"],
        "every span changed alike",
    ),
];

const IDENTITY: [Case; 3] = [
    changed("re-parent", "re-parent,every=100", &["parent_span_id"], "another parent"),
    changed("unparent", "unparent,every=100", &["parent_span_id"], "no parent"),
    Case::defect(
        "split-trace-id",
        "split-trace-id,every=100",
        LOST_AND_FOREIGN,
        "the rest of a trace under an id that nobody sent: spans of nobody came, and ours did not",
    ),
];

const REQUESTS: [Case; 12] = [
    Case::defect("acknowledge-then-drop", "acknowledge-then-drop,every=10", LOST, "whole requests acknowledged and lost"),
    Case::defect(
        "drop-every-nth-request-of-one-connection",
        "drop-every-nth-request-of-one-connection=2",
        LOST,
        "every second request of one connection lost",
    ),
    Case::defect("send-request-twice", "send-request-twice,every=10", REPEATED, "whole requests repeated"),
    Case::defect(
        "deliver-late",
        "deliver-late=20s,every=10",
        Expected::failing(&["late"]),
        "acknowledged, and delivered 20 s later; settling waits for it, and it is not called lost",
    )
    // Longer than the delay, so that it ends when the last span has come and not before.
    .with(&["run.settle=40s"]),
    Case::defect(
        "refuse-but-forward",
        "refuse-but-forward,every=3",
        Expected { open: &["refused"], ..Expected::failing(&["refused-delivered"]) },
        "refused for good and delivered all the same",
    )
    .behind(Behind::Differs(
        Expected::PASS,
        "the client is answered by the collector, which believes the refusal and drops what has been delivered: nothing is \
         lost, repeated or changed",
    )),
    Case::defect(
        "defer-but-forward=accept",
        "defer-but-forward=accept,every=5",
        Expected { told: &["duplicated-explained"], ..Expected::PASS },
        "taken, and asked for again: what was sent twice may come twice",
    )
    .with(&[settings::CLIENT_RETRIES, settings::COLLECTOR_RETRIES])
    .behind(Behind::Differs(
        REPEATED,
        "the collector is asked, and sends again what its client sent once: repeats that nothing explains",
    )),
    Case::defect(
        "defer-but-forward=refuse",
        "defer-but-forward=refuse,every=3",
        Expected { open: &["refused"], told: &["refused-delivered-explained"], ..Expected::PASS },
        "taken, asked for again, and then refused for good: the first attempt may have delivered it",
    )
    .with(&[settings::CLIENT_RETRIES, settings::COLLECTOR_RETRIES])
    .behind(Behind::Differs(
        Expected::PASS,
        "the client is answered by the collector, which comes again itself, believes the refusal, and drops what the first attempt \
         has delivered: nothing is lost, repeated or changed",
    )),
    Case::defect(
        "odd-answer",
        "odd-answer,every=3",
        Expected { told: &["odd-answer"], ..Expected::PASS },
        "a success that counts -5 spans as rejected",
    )
    .behind(Behind::Differs(Expected::PASS, "the collector is answered so, and has taken the spans all the same")),
    Case::defect(
        "unknown-compression",
        "unknown-compression,every=10",
        Expected::open(&["lost-acknowledged", "sink-refused"]),
        "requests in a compression that the sink has not, and another backend might: absence is open",
    )
    // The sink counts requests.
    .counted(Counted::Sums(&[&["lost-acknowledged"]])),
    Case::defect(
        "send-garbage",
        "send-garbage,every=10",
        Expected::failing(&["malformed"]),
        "requests that are no OTLP come to the sink",
    ),
    Case::defect(
        "send-metrics",
        "send-metrics,every=10",
        Expected::failing(&["foreign-signal"]),
        "requests of another signal come to the sink",
    ),
    Case::defect(
        "stall",
        "stall=500ms/1s",
        Expected { limit: Some(("latency.intended_to_delivered.max < 300ms", Verdict::Fail)), ..Expected::PASS },
        "nothing is answered for a while, again and again: it shows in a limit on latency and nowhere else",
    )
    // A burst of requests after each stall makes the driver late by itself where there are many.
    .with(&["run.spans=2000", "traffic.rate=1000"])
    .not_counted("it takes time and touches no span")
    .rests_on_time(),
];

/// Spans of traces with padded ids are known by an attribute, their ids are content: the same defects, other names.
const PADDED: [Case; 7] = [
    Case::padded("padded:lose-attribute", "lose-attribute,every=5", CHANGED_OR_UNKNOWN, LOST_ID)
        .counted(CHANGED_OR_UNKNOWN_COUNTED),
    Case::padded("padded:truncate-string", "truncate-string,every=5", CHANGED_OR_UNKNOWN, LOST_ID)
        .counted(CHANGED_OR_UNKNOWN_COUNTED),
    Case::padded("padded:change-value-type", "change-value-type,every=5", CHANGED_OR_UNKNOWN, LOST_ID)
        .counted(CHANGED_OR_UNKNOWN_COUNTED),
    Case::padded(
        "padded:split-trace-id",
        "split-trace-id,every=100",
        Expected { fields: &["trace_id"], ..Expected::failing(&["corrupted", "foreign", "lost-acknowledged"]) },
        "where the id is content, another one is a change; where it is not, spans of nobody came and ours did not",
    )
    .counted(CHANGED_OR_UNKNOWN_COUNTED),
    Case::padded(
        "padded:invent-span=random-ids",
        "invent-span=random-ids,every=20",
        Expected { fields: &["trace_id", "span_id"], ..Expected::failing(&["corrupted", "duplicated", "foreign"]) },
        "a copy that carries a span's attribute and other ids is a second, changed copy of it",
    )
    .counted(Counted::Sums(&[&["corrupted", "foreign"], &["duplicated", "foreign"]])),
    Case::padded(
        "padded:invent-span=real-trace",
        "invent-span=real-trace,every=20",
        Expected { fields: &["span_id"], ..Expected::failing(&["corrupted", "duplicated", "invented"]) },
        "likewise",
    )
    .counted(Counted::Sums(&[&["corrupted", "invented"], &["duplicated", "invented"]])),
    Case::padded("padded:drop-one-in", "drop-one-in=100", LOST, "lost is lost"),
];

const LOST_ID: &str =
    "where it hits `spanproof.id`, nobody knows the span: one of nobody came, and one of ours did not";

/// What settings of the run or a signal lead to, alone or together with a defect.
const CIRCUMSTANCES: [Case; 12] = [
    Case::without_defect(
        "refuse-everything",
        Traffic::Common,
        &["target.embedded.memory_limit=1", "run.settle=1s"],
        Expected::open(&["nothing-delivered", "unknown"]),
        "a target without memory answers `later` to everything",
    )
    .behind(OWN_SETTING),
    Case::defect(
        "client-queue-full",
        "stall=300ms/400ms",
        Expected::open(&["not-sent"]),
        "the target answers so slowly that the client's queue is full most of the time",
    )
    .with(&["traffic.client.queue=1", "traffic.client.max_in_flight=1"])
    .not_counted("it takes time and touches no span")
    .behind(OWN_SETTING),
    Case::without_defect(
        "never-bit",
        Traffic::Common,
        &["target.embedded.defects=[drop-service=nobody]"],
        Expected::open(&["never-bit"]),
        "a defect that finds nothing to bite: that nothing is wrong shows nothing",
    )
    .behind(OWN_SETTING),
    Case::without_defect(
        "unforeseen",
        Traffic::Common,
        &[
            "faults=[{name: down, at: 300ms, for: 500ms, fault: {grpc_status: {code: UNAVAILABLE}}}]",
            "target.embedded.retry={initial_interval: 100ms, max_interval: 500ms, budget: 5s}",
            "target.embedded.defects=[drop-one-in=100]",
        ],
        Expected { told: &["unforeseen"], ..LOST },
        "an outage that costs nothing by the target's settings, and spans lost all the same",
    )
    .counted(Counted::Each)
    .behind(OWN_SETTING),
    Case::without_defect(
        "cut-short",
        Traffic::Common,
        &["abort=[spans.sent > 500]"],
        Expected::open(&["cut-short"]),
        "an abort limit ends the run early",
    ),
    Case::defect(
        "interrupted",
        "drop-one-in=100",
        Expected::open(&["cut-short", "lost-acknowledged"]),
        "SIGINT in mid-run: absent spans might still have come",
    )
    .with(&["run.spans=40000"])
    .not_counted("it may have hit what was under way at the interrupt, of which nothing is known")
    .interrupted(),
    Case::defect(
        "stood-still",
        "deliver-late=700ms,every=1",
        Expected { may_come: &["duplicated", "not-sent"], ..Expected::open(&["late"]) },
        "SIGSTOP in mid-run, and SIGCONT 5 s later: what comes late then need not be the target's doing",
    )
    .with(&["run.spans=40000", "run.late_after=2s"])
    .not_counted("only what was under way when it was paused comes late")
    .paused(Duration::from_secs(5)),
    Case::defect(
        "settled-short",
        "deliver-late=20s,every=10",
        Expected::open(&["settled-short"]),
        "what comes out only when the target is stopped, since it was not waited for, is open",
    )
    .with(&["run.settle=1s", "run.late_after=30s"])
    .not_counted("whatever else was under way when settling ended counts, too"),
    Case::defect(
        "absence-unknown",
        "drop-one-in=100",
        Expected::open(&["absent-by-design"]),
        "absence is no loss where the target is said to leave spans out on purpose",
    )
    .with(&["absence=unknown"]),
    Case::without_defect(
        "target-ends",
        Traffic::Common,
        &["traffic.rate=2000", "run.spans=8000", settings::ENDING_TARGET],
        // Whether many requests were under way at its end is chance.
        Expected { open: &["not-sent", "target-ended"], may_come: &["unknown"], ..LOST },
        "the target's process ends in mid-run",
    )
    .behind(OWN_SETTING),
    Case::without_defect(
        "killed",
        Traffic::Common,
        // After the load, so that nothing is sent while it is down.
        &[
            settings::SWALLOWING_TARGET,
            settings::BATCH,
            "collector.guarantee=batch",
            "run.settle=1s",
            "faults=[{name: killed, at: 3s, for: 500ms, fault: kill}]",
        ],
        Expected { told: &["lost-declared"], ..Expected::open(&["nothing-delivered"]) },
        "a target that is killed with everything inside: its guarantee permits that, and nothing is shown by it",
    )
    .behind(OWN_SETTING),
    Case::without_defect(
        "overdriven",
        Traffic::Uniform,
        &[
            "traffic.rate=50000000",
            "run.spans=300000",
            "traffic.packing=whole-traces",
            "traffic.client.queue=100000",
            // A busy machine takes its time over so much at once, which nobody asked about here.
            "run.late_after=60s",
        ],
        Expected {
            told: &["harness-was-the-limit"],
            limit: Some(("latency.intended_to_acknowledged.p99 < 1m", Verdict::Inconclusive)),
            ..Expected::PASS
        },
        "more than the harness can send: no latency is told, and a limit on one is inconclusive",
    )
    .behind(OWN_SETTING),
];

/// A target that tries again soon, and for longer than any outage here lasts.
const RETRIES: &str = "target.embedded.retry={initial_interval: 300ms, max_interval: 300ms, budget: 3s}";

/// The backend refuses everything for a while.
macro_rules! outage {
    ($fault:literal) => {
        concat!("faults=[{name: down, at: 300ms, for: 1s, fault: {", $fault, "}}]")
    };
}

/// What a target may do wrong when the backend refuses, or when there is no room.
const REACTIONS: [Case; 9] = [
    Case::without_defect(
        "reactions",
        Traffic::Common,
        &[outage!("grpc_status: {code: UNAVAILABLE}"), RETRIES],
        Expected::PASS,
        "an outage, and a target that does as OTLP asks: nothing is lost and nothing told",
    )
    .behind(OWN_SETTING),
    Case::defect(
        "resend-after-final",
        "resend-after-final",
        Expected { told: &["unforeseen"], ..Expected::failing(&["resent-after-final"]) },
        "what was refused for good comes again",
    )
    .with(&[outage!("grpc_status: {code: INVALID_ARGUMENT}"), RETRIES])
    .counted(Counted::Sums(&[&["resent-after-final"]]))
    .behind(MISCONDUCT),
    Case::defect(
        "resend-after-partial",
        "resend-after-partial",
        Expected::failing(&["duplicated", "resent-after-final"]),
        "what was taken in part comes again, and with it what had been taken",
    )
    .with(&[outage!("partial_success: {rejected: 1}"), RETRIES])
    .counted(Counted::Sums(&[&["resent-after-final"]]))
    .behind(MISCONDUCT),
    Case::defect(
        "ignore-retry-after",
        "ignore-retry-after",
        Expected { told: &["resent-too-early"], ..Expected::PASS },
        "who is asked to wait for a second comes after 300 ms",
    )
    .with(&[outage!("grpc_status: {code: UNAVAILABLE, retry_after: 1s}"), RETRIES])
    .not_counted("how soon a request came again hangs on the machine as well")
    .behind(MISCONDUCT),
    Case::defect(
        "no-jitter",
        "no-jitter",
        Expected { told: &["resent-in-step"], ..Expected::PASS },
        "all that failed together comes back together",
    )
    // Each consumer waits with a request of its own, and of a few nothing can be told.
    .with(&[outage!("grpc_status: {code: UNAVAILABLE}"), RETRIES, "target.embedded.consumers=50"])
    .not_counted("it bites pauses, and the finding counts those of the fault that are compared")
    .behind(MISCONDUCT)
    // How alike the pauses are is measured, and a machine that is too busy pulls them apart.
    .rests_on_time(),
    Case::defect(
        "acknowledge-before-queueing",
        "acknowledge-before-queueing",
        LOST_UNFORESEEN,
        "an outage, and yes is said to what there is no room for",
    )
    .with(&[outage!("grpc_status: {code: UNAVAILABLE}"), RETRIES, "target.embedded.queue_size=12"])
    .counted(Counted::Sums(&[&["lost-acknowledged"]]))
    .behind(MISCONDUCT),
    Case::defect(
        "never-recover",
        "never-recover",
        LOST_UNFORESEEN,
        "after an outage the backend is asked nothing any more",
    )
    .with(&[
        outage!("grpc_status: {code: UNAVAILABLE}"),
        "target.embedded.retry={initial_interval: 100ms, max_interval: 200ms, budget: 1s}",
    ])
    .not_counted("it bites attempts, several for each request")
    .behind(MISCONDUCT),
    Case::defect(
        "stall-after-heal",
        "stall-after-heal=5s",
        Expected { limit: Some(("recovery.drained < 3s after down", Verdict::Fail)), ..Expected::PASS },
        "all comes, but long after the backend is well again: it shows in a limit on the time until all is drained",
    )
    .with(&[outage!("grpc_status: {code: UNAVAILABLE}"), RETRIES])
    .not_counted("it takes time and touches no span")
    .behind(MISCONDUCT)
    .rests_on_time(),
    Case::without_defect(
        "lost-answers",
        Traffic::Common,
        &[outage!("lost_answer: {}"), RETRIES],
        Expected { told: &["duplicated-explained"], ..Expected::PASS },
        "what comes twice because no answer came is no fault of the target's",
    )
    .behind(OWN_SETTING),
];

/// A defect behind a collector whose configuration has a processor that may change spans on purpose.
const CONFIGURED: [Case; 3] = [
    Case::defect(
        "sampler",
        "change-trace-state,every=100",
        Expected::open(&["changed-by-design"]),
        "another trace state is no corruption behind a sampler, which writes it",
    )
    .with(&[settings::SAMPLER])
    .not_counted("the sampler writes the trace state of every span itself")
    .behind(ONLY_CONFIGURED),
    Case::defect(
        "attributes",
        "lose-attribute,every=100",
        Expected::open(&["changed-by-design"]),
        "a lost attribute is none behind a processor that may change any attribute",
    )
    .with(&[settings::ATTRIBUTES])
    .behind(ONLY_CONFIGURED),
    Case::defect(
        "attributes-only",
        "re-parent,every=100",
        Expected::corrupted(&["parent_span_id"]),
        "that processor is no excuse for another parent",
    )
    .with(&[settings::ATTRIBUTES])
    .behind(ONLY_CONFIGURED),
];

const ONLY_CONFIGURED: Behind = Behind::Only("the embedded target has no configuration");

/// What only an error of spanproof could bring about.
const ALTERED: [Case; 5] = [
    Case::altered(
        "altered:account",
        "control",
        altered::account,
        Expected::open(&["account-broken"]),
        "an account that does not add up is told, not judged",
    ),
    Case::altered(
        "altered:changes",
        "control",
        altered::changes,
        Expected::open(&["account-broken"]),
        "so is a changed span of which nobody says what changed",
    ),
    Case::altered(
        "altered:sums",
        "control",
        altered::sums,
        Expected::open(&["account-broken"]),
        "so is a count of the driver that is not that of its requests",
    ),
    Case::altered(
        "altered:never-left",
        "control",
        altered::never_left,
        Expected::open(&["delivered-not-sent"]),
        "so is a span that arrived and never left",
    ),
    Case::altered(
        "altered:disagreement",
        "control",
        altered::disagreement,
        Expected::open(&["judges-disagree"]),
        "so is a span about which hash and full comparison disagree",
    ),
];

/// What is planted behind a collector, which has a configuration; without one the evidence has to be altered.
const ALTERED_WITHOUT_COLLECTOR: [Case; 3] = [
    Case::altered(
        "altered:sampler",
        "change-trace-state",
        altered::sampler,
        Expected::open(&["changed-by-design"]),
        "had the target a sampler that writes the trace state, that would be no corruption",
    )
    .counted(Counted::Each)
    .behind(Behind::Untried("`sampler` is planted there")),
    Case::altered(
        "altered:attributes",
        "lose-attribute",
        altered::attributes,
        Expected::open(&["changed-by-design"]),
        "had it a processor that writes attributes, a lost one would be no corruption",
    )
    .counted(Counted::Each)
    .behind(Behind::Untried("`attributes` is planted there")),
    Case::altered(
        "altered:attributes-only",
        "re-parent",
        altered::attributes,
        Expected::corrupted(&["parent_span_id"]),
        "that processor is no excuse for another parent",
    )
    .counted(Counted::Each)
    .behind(Behind::Untried("`attributes-only` is planted there")),
];

/// Spans arrive changed in a field that begins so, as many as the defect says.
const fn changed(
    name: &'static str,
    plant: &'static str,
    fields: &'static [&'static str],
    shows: &'static str,
) -> Case {
    Case::defect(name, plant, Expected::corrupted(fields), shows)
}

#[cfg(test)]
mod tests {
    use super::super::case::Source;
    use super::super::needed::all_ids;
    use super::super::page::page;
    use super::*;
    use crate::embedded::Defect;
    use spanproof_scenarios::limits::Limit;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_defect_of_the_catalogue_is_tried_in_ordinary_traffic() {
        let tried = |wanted: &Defect| {
            table().iter().any(|case| match case.source {
                Source::Run { traffic: Traffic::Common, plant, .. } => {
                    plant.parse::<Defect>().is_ok_and(|defect| alike(&defect, wanted))
                }
                _ => false,
            })
        };
        for defect in Defect::catalogue() {
            assert!(tried(&defect), "{defect} is not tried");
        }
    }

    /// The same defect, whatever its parameter; of those with several forms the same form.
    fn alike(one: &Defect, other: &Defect) -> bool {
        let form = |defect: &Defect| defect.to_string().split(',').next().map(str::to_owned);
        let has_forms = ["shift-time-1ns", "invent-span", "defer-but-forward", "missample"].contains(&one.name());
        one.name() == other.name() && (!has_forms || form(one) == form(other))
    }

    #[test]
    fn names_are_told_apart_and_what_is_altered_is_there() {
        let names: BTreeSet<&str> = table().iter().map(|case| case.name).collect();
        assert_eq!(names.len(), table().len());
        for case in table() {
            if let Source::Altered { of, .. } = case.source {
                assert!(names.contains(of), "{}", case.name);
            }
        }
    }

    #[test]
    fn whatever_fails_a_check_is_planted() {
        let planted = table().into_iter().flat_map(|case| {
            let behind = match case.behind {
                Behind::Differs(expected, _) => expected.failing,
                Behind::Same | Behind::Untried(_) | Behind::Only(_) => &[],
            };
            [case.expected.failing, behind].concat()
        });
        assert_eq!(planted.collect::<BTreeSet<_>>(), BTreeSet::from(crate::judge::checks::FAILURES));
    }

    /// An id in the checks' sources that no case expects could vanish unnoticed.
    #[test]
    fn every_finding_that_a_check_can_make_is_expected_by_a_case() {
        let expected: BTreeSet<String> =
            table().iter().flat_map(|case| all_ids(&case.expected)).map(str::to_owned).collect();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/judge/checks");
        assert_eq!(super::super::made::ids_below(&folder), Ok(expected));
    }

    /// What may come or stay away must not change the verdict, which is compared.
    #[test]
    fn what_may_stay_away_never_decides() {
        for case in table().iter().filter(|case| !case.expected.may_come.is_empty()) {
            assert_ne!(case.expected.verdict(), Verdict::Pass, "{}", case.name);
        }
    }

    /// A limit is found again by the text that its parsed form has.
    #[test]
    fn limits_are_written_as_results_write_them() {
        for (text, _) in table().iter().filter_map(|case| case.expected.limit) {
            assert_eq!(text.parse::<Limit>().unwrap().to_string(), text);
        }
    }

    /// Where a defect is planted its count is compared, or the table says why it cannot be.
    #[test]
    fn what_is_planted_is_counted_or_has_a_reason_not_to_be() {
        for case in table().iter().filter(|case| !case.plant().is_empty()) {
            let is_decided = match case.counted {
                Counted::Each => true,
                Counted::Sums(sums) => {
                    sums.iter().flat_map(|ids| *ids).all(|id| all_ids(&case.expected).any(|one| one == *id))
                }
                Counted::Not(why) => !why.is_empty(),
                Counted::NoDefect => false,
            };
            assert!(is_decided, "{}", case.name);
        }
    }

    #[test]
    fn fields_are_expected_where_a_corruption_is() {
        for case in table() {
            assert_eq!(case.expected.failing.contains(&"corrupted"), !case.expected.fields.is_empty(), "{}", case.name);
        }
    }

    #[test]
    fn the_page_in_the_docs_is_this_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/selftest.md");
        let text = std::fs::read_to_string(path).unwrap();
        let table = page(&table());
        assert!(text.contains(&table), "put the table of `spanproof selftest --list` into docs/selftest.md:\n{table}");
    }
}
