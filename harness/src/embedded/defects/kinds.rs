//! The list of planted defects: names, units, parameters.

use std::num::NonZeroU64;
use std::time::Duration;

use super::Defect;
use crate::embedded::sampling::Mistake;

/// What a planted defect does wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DefectKind {
    /// Loses one span in `every`.
    DropOneIn,
    /// Loses exactly one span, the Nth that arrives, counted from 1.
    DropNth(NonZeroU64),
    /// Repeats one span in `every`, right behind itself.
    DuplicateOneIn,
    /// Loses one span in `every` and repeats another of the same request, so that the totals stay right. A request of a single
    /// span is left alone.
    LoseAndRepeat,
    /// Gives a span with a parent another parent: a span of its trace in the same request, else an id that nobody has.
    Reparent,
    /// Takes away a span's parent.
    Unparent,
    /// Exchanges the values of two attributes of a span; their values differ.
    SwapAttributes,
    /// Cuts the last character off a span's string attribute.
    TruncateString,
    /// Puts bytes that are no UTF-8 in the place of the last character of a span's string attribute.
    BreakUtf8,
    /// Writes a question mark for every character beyond ASCII in the strings of a span's attributes.
    AsciiOnly,
    /// Removes an attribute from a span.
    LoseAttribute,
    /// Removes the attributes of a span whose values are set and hold nothing.
    LoseEmptyValues,
    /// Turns the doubles of a span's attributes that are no number, or infinite, or a negative zero, into zero.
    PlainNumbers,
    /// Writes the bits that every library has for the doubles of a span's attributes that are no number, whatever theirs are.
    CanonicalNan,
    /// Keeps the first 32 attributes of a span that has more.
    LimitAttributes,
    /// Cuts the strings of a span's attributes that are longer than 1,024 bytes, between two characters.
    LimitStrings,
    /// Writes the keys of a span's attributes in lower case.
    LowerCaseKeys,
    /// Turns the value of a span's attribute into another type that reads the same.
    ChangeValueType,
    /// Removes all events of a span that has some.
    LoseEvents,
    /// Removes all links of a span that has some.
    LoseLinks,
    /// Removes all links of a span but the first.
    FirstLinkOnly,
    /// Adds one nanosecond to one time of a span that has it.
    ShiftTime1ns(Time),
    /// Changes a span's kind.
    ChangeKind,
    /// Changes a span's status code.
    ChangeStatus,
    /// Takes away the status of a span that says that all went well.
    OkToUnset,
    /// Changes a span's name.
    ChangeName,
    /// Flips the sampled bit of a span's flags.
    ChangeFlags,
    /// Sets the sampled bit of a span's flags where it is not set.
    ForceSampled,
    /// Changes a span's `tracestate`.
    ChangeTraceState,
    /// Takes away a span's `tracestate` that is longer than 256 bytes.
    LimitTraceState,
    /// Turns the booleans, numbers and bytes of a resource's attributes into strings, with all spans under it. One in `every` resources.
    ResourceStrings,
    /// Moves a span under a scope of another name.
    ChangeScope,
    /// Moves a span under a resource with another `service.name`.
    ChangeService,
    /// Exchanges two different resources across two requests: spans arrive intact under the wrong one. Only the spans' requests
    /// number `every` begin a swap.
    SwapResources,
    /// Gives a span, and the spans of its trace behind it in the same request, another trace id.
    SplitTraceId,
    /// Adds a span that nobody sent.
    InventSpan(Invention),
    /// Acknowledges a whole request and drops it.
    AcknowledgeThenDrop,
    /// Sends a whole request twice.
    SendRequestTwice,
    /// Acknowledges a whole request and forwards it so much later, at most a day.
    DeliverLate(Duration),
    /// Refuses a whole request for good, and forwards it.
    RefuseButForward,
    /// Asks the client to come again with a whole request, and forwards it. Requests are known by their first span.
    DeferButForward(Again),
    /// Takes a whole request, and answers it with a success that says what none may say.
    OddAnswer,
    /// Exports a whole request in a compression that nobody has, so that nobody can take it.
    UnknownCompression,
    /// Exports, beside a whole request, one that is no OTLP.
    SendGarbage,
    /// Exports, beside a whole request, one of metrics.
    SendMetrics,
    /// Loses every span of the service with this `service.name`.
    DropService(String),
    /// Loses every span whose protobuf encoding is larger than so many bytes.
    DropOverBytes(u64),
    /// Acknowledges and drops every Nth request of the first connection that sends one.
    DropEveryNthRequestOfOneConnection(NonZeroU64),
    /// Stops answering for `length` at the end of every `period`, counted from the first request.
    Stall {
        /// How long nothing is answered; shorter than the period.
        length: Duration,
        /// From the end of one stall to the end of the next.
        period: Duration,
    },
    /// Loses whole traces, chosen by their trace id, so that all parts of a trace share its fate.
    DropWholeTraces {
        /// So many ...
        share: NonZeroU64,
        /// ... of so many; not less than `share`.
        of: NonZeroU64,
    },
    /// Sets one attribute on every span.
    CorruptEverything,
    /// Sends again what the destination has refused for good.
    ResendAfterFinal,
    /// Sends again what the destination has taken in part.
    ResendAfterPartial,
    /// Does not wait for as long as the destination asks.
    IgnoreRetryAfter,
    /// Waits without chance, so that all requests that failed together come back together.
    NoJitter,
    /// Acknowledges a request for which there is no room, and drops it.
    AcknowledgeBeforeQueueing,
    /// Asks the destination nothing any more when it has failed once.
    NeverRecover,
    /// Stops for so long when the destination takes something for the first time after a failure.
    StallAfterHeal(Duration),
    /// Makes a mistake in sampling.
    Missample(Mistake),
}

/// The times of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Time {
    /// When it began.
    Start,
    /// When it ended.
    End,
    /// When one of its events was.
    Event,
}

/// The forms of an invented span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Invention {
    /// Trace id and span id are random: nobody's span.
    RandomIds,
    /// The trace id is one that was really sent, the span id random: a span that claims to be known.
    RealTrace,
}

/// What becomes of a request that was deferred when it comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Again {
    /// It is taken, and so forwarded twice.
    Accept,
    /// It is refused for good, and not forwarded again.
    Refuse,
}

/// What a defect's counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Spans lost, repeated, changed or added. Of a pair, the pair.
    Spans,
    /// Requests.
    Requests,
}

/// Seldom enough that one record stands out of a run, often enough that a short run has some.
const EVERY_SPANS: NonZeroU64 = NonZeroU64::MIN.saturating_add(999);

/// Requests hold hundreds of spans, so there are fewer of them.
const EVERY_REQUESTS: NonZeroU64 = NonZeroU64::MIN.saturating_add(9);

impl DefectKind {
    /// The name, as it is written before any parameter.
    pub fn name(&self) -> &'static str {
        match self {
            Self::DropOneIn => "drop-one-in",
            Self::DropNth(_) => "drop-nth",
            Self::DuplicateOneIn => "duplicate-one-in",
            Self::LoseAndRepeat => "lose-and-repeat",
            Self::Reparent => "re-parent",
            Self::Unparent => "unparent",
            Self::SwapAttributes => "swap-attributes",
            Self::TruncateString => "truncate-string",
            Self::BreakUtf8 => "break-utf8",
            Self::AsciiOnly => "ascii-only",
            Self::LoseAttribute => "lose-attribute",
            Self::LoseEmptyValues => "lose-empty-values",
            Self::PlainNumbers => "plain-numbers",
            Self::CanonicalNan => "canonical-nan",
            Self::LimitAttributes => "limit-attributes",
            Self::LimitStrings => "limit-strings",
            Self::LowerCaseKeys => "lower-case-keys",
            Self::ChangeValueType => "change-value-type",
            Self::LoseEvents => "lose-events",
            Self::LoseLinks => "lose-links",
            Self::FirstLinkOnly => "first-link-only",
            Self::ShiftTime1ns(_) => "shift-time-1ns",
            Self::ChangeKind => "change-kind",
            Self::ChangeStatus => "change-status",
            Self::OkToUnset => "ok-to-unset",
            Self::ChangeName => "change-name",
            Self::ChangeFlags => "change-flags",
            Self::ForceSampled => "force-sampled",
            Self::ChangeTraceState => "change-trace-state",
            Self::LimitTraceState => "limit-trace-state",
            Self::ResourceStrings => "resource-strings",
            Self::ChangeScope => "change-scope",
            Self::ChangeService => "change-service",
            Self::SwapResources => "swap-resources",
            Self::SplitTraceId => "split-trace-id",
            Self::InventSpan(_) => "invent-span",
            Self::AcknowledgeThenDrop => "acknowledge-then-drop",
            Self::SendRequestTwice => "send-request-twice",
            Self::DeliverLate(_) => "deliver-late",
            Self::RefuseButForward => "refuse-but-forward",
            Self::DeferButForward(_) => "defer-but-forward",
            Self::OddAnswer => "odd-answer",
            Self::UnknownCompression => "unknown-compression",
            Self::SendGarbage => "send-garbage",
            Self::SendMetrics => "send-metrics",
            Self::DropService(_) => "drop-service",
            Self::DropOverBytes(_) => "drop-over-bytes",
            Self::DropEveryNthRequestOfOneConnection(_) => "drop-every-nth-request-of-one-connection",
            Self::Stall { .. } => "stall",
            Self::DropWholeTraces { .. } => "drop-whole-traces",
            Self::CorruptEverything => "corrupt-everything",
            Self::ResendAfterFinal => "resend-after-final",
            Self::ResendAfterPartial => "resend-after-partial",
            Self::IgnoreRetryAfter => "ignore-retry-after",
            Self::NoJitter => "no-jitter",
            Self::AcknowledgeBeforeQueueing => "acknowledge-before-queueing",
            Self::NeverRecover => "never-recover",
            Self::StallAfterHeal(_) => "stall-after-heal",
            Self::Missample(_) => "missample",
        }
    }

    /// What its counter counts.
    pub fn unit(&self) -> Unit {
        match self {
            Self::SwapResources
            | Self::AcknowledgeThenDrop
            | Self::SendRequestTwice
            | Self::DeliverLate(_)
            | Self::RefuseButForward
            | Self::DeferButForward(_)
            | Self::OddAnswer
            | Self::UnknownCompression
            | Self::SendGarbage
            | Self::SendMetrics
            | Self::DropEveryNthRequestOfOneConnection(_)
            | Self::Stall { .. } => Unit::Requests,
            misconduct if misconduct.is_misconduct() => Unit::Requests,
            _ => Unit::Spans,
        }
    }

    /// Whether it is about what a target makes of refusals, and changes no request.
    pub(super) fn is_misconduct(&self) -> bool {
        matches!(
            self,
            Self::ResendAfterFinal
                | Self::ResendAfterPartial
                | Self::IgnoreRetryAfter
                | Self::NoJitter
                | Self::AcknowledgeBeforeQueueing
                | Self::NeverRecover
                | Self::StallAfterHeal(_)
        )
    }

    /// One in how many is hit unless told otherwise; `None` where the kind itself says what is hit.
    pub(super) fn every_by_default(&self) -> Option<NonZeroU64> {
        match self {
            Self::DropNth(_)
            | Self::DropService(_)
            | Self::DropOverBytes(_)
            | Self::DropEveryNthRequestOfOneConnection(_)
            | Self::Stall { .. }
            | Self::DropWholeTraces { .. }
            | Self::CorruptEverything
            | Self::Missample(_) => None,
            misconduct if misconduct.is_misconduct() => None,
            other => Some(match other.unit() {
                Unit::Spans => EVERY_SPANS,
                Unit::Requests => EVERY_REQUESTS,
            }),
        }
    }
}

impl Defect {
    /// Every defect there is, with a parameter that suits most runs; those with several forms in each.
    pub fn catalogue() -> Vec<Self> {
        let number = |number: u64| NonZeroU64::MIN.saturating_add(number - 1);
        let kinds = [
            DefectKind::DropOneIn,
            DefectKind::DropNth(number(1000)),
            DefectKind::DuplicateOneIn,
            DefectKind::LoseAndRepeat,
            DefectKind::Reparent,
            DefectKind::Unparent,
            DefectKind::SwapAttributes,
            DefectKind::TruncateString,
            DefectKind::BreakUtf8,
            DefectKind::AsciiOnly,
            DefectKind::LoseAttribute,
            DefectKind::LoseEmptyValues,
            DefectKind::PlainNumbers,
            DefectKind::CanonicalNan,
            DefectKind::LimitAttributes,
            DefectKind::LimitStrings,
            DefectKind::LowerCaseKeys,
            DefectKind::ChangeValueType,
            DefectKind::LoseEvents,
            DefectKind::LoseLinks,
            DefectKind::FirstLinkOnly,
            // The end first: it is what is meant where no time is named.
            DefectKind::ShiftTime1ns(Time::End),
            DefectKind::ShiftTime1ns(Time::Start),
            DefectKind::ShiftTime1ns(Time::Event),
            DefectKind::ChangeKind,
            DefectKind::ChangeStatus,
            DefectKind::OkToUnset,
            DefectKind::ChangeName,
            DefectKind::ChangeFlags,
            DefectKind::ForceSampled,
            DefectKind::ChangeTraceState,
            DefectKind::LimitTraceState,
            DefectKind::ResourceStrings,
            DefectKind::ChangeScope,
            DefectKind::ChangeService,
            DefectKind::SwapResources,
            DefectKind::SplitTraceId,
            DefectKind::InventSpan(Invention::RandomIds),
            DefectKind::InventSpan(Invention::RealTrace),
            DefectKind::AcknowledgeThenDrop,
            DefectKind::SendRequestTwice,
            DefectKind::DeliverLate(Duration::from_secs(20)),
            DefectKind::RefuseButForward,
            DefectKind::DeferButForward(Again::Accept),
            DefectKind::DeferButForward(Again::Refuse),
            DefectKind::OddAnswer,
            DefectKind::UnknownCompression,
            DefectKind::SendGarbage,
            DefectKind::SendMetrics,
            DefectKind::DropService("checkout".to_owned()),
            DefectKind::DropOverBytes(4096),
            DefectKind::DropEveryNthRequestOfOneConnection(number(3)),
            DefectKind::Stall { length: Duration::from_secs(1), period: Duration::from_secs(10) },
            DefectKind::DropWholeTraces { share: number(1), of: number(100) },
            DefectKind::CorruptEverything,
            DefectKind::ResendAfterFinal,
            DefectKind::ResendAfterPartial,
            DefectKind::IgnoreRetryAfter,
            DefectKind::NoJitter,
            DefectKind::AcknowledgeBeforeQueueing,
            DefectKind::NeverRecover,
            DefectKind::StallAfterHeal(Duration::from_secs(5)),
        ];
        kinds.into_iter().chain(Mistake::ALL.map(DefectKind::Missample)).map(Self::new).collect()
    }
}
