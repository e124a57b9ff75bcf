//! What is broken while the load runs, when, and for how long.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::checker::Checker;
use super::{Extent, Run, Target, is_name};
use crate::document::{FieldPath, Step};
use crate::problem::ProblemKind;
use crate::spec::{FaultKindSpec, FaultSite, FaultSpec, GrpcStatus, Http2Error};
use crate::units::{Count, HumanDuration, Ppb};

/// Something that is broken for a while and then whole again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Names it in limits and reports; no two have the same.
    pub name: String,
    /// When it holds.
    pub windows: Windows,
    /// What happens.
    pub kind: FaultKind,
}

/// What happens, and to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The sink is broken.
    Sink {
        /// How.
        fault: SinkFault,
        /// Which share of the requests it touches.
        share: Ppb,
    },
    /// Something happens to the target's process.
    Target(TargetFault),
}

/// What happens to a target's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetFault {
    /// It is stopped by SIGSTOP, and goes on at the end.
    Freeze,
    /// It is killed by SIGKILL, and started again at the end.
    Kill,
    /// It is asked to end by SIGTERM, and started again at the end.
    Terminate,
}

/// When something holds: once, or again and again. Counted from the start of the load; a window's end is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// The first beginning.
    pub at: Duration,
    /// How long each window lasts; above zero.
    pub lasting: Duration,
    /// From one beginning to the next; not shorter than a window.
    pub every: Duration,
    /// How many windows there are; at least one.
    pub times: u32,
}

/// What a broken backend does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkFault {
    /// Refuses with a gRPC status; over HTTP with the status that stands for it.
    GrpcStatus {
        /// Which.
        code: GrpcStatus,
        /// Asks to come again after this long.
        retry_after: Option<Duration>,
    },
    /// Refuses with an HTTP status, over gRPC too.
    HttpStatus {
        /// From 300 to 599.
        status: u16,
        /// Asks to come again after this long.
        retry_after: Option<Duration>,
    },
    /// Takes the request and answers late.
    Slow {
        /// By how much.
        by: Duration,
    },
    /// Takes nothing and never answers.
    Hang,
    /// Takes nothing and resets the stream.
    Reset {
        /// With which error.
        error: Http2Error,
    },
    /// Takes the request and resets the stream instead of answering.
    LostAnswer,
}

/// More windows than this are a fault of the scenario: each one is kept track of.
const WINDOWS_MAX: u32 = 10_000;

/// For each fault latencies are kept apart, in 1.7 MB.
const FAULTS_MAX: usize = 64;

impl Windows {
    /// Each window: when it begins and when it ends.
    pub fn all(&self) -> impl Iterator<Item = (Duration, Duration)> + '_ {
        (0..self.times).map(|number| self.window(number))
    }

    /// Window `number`, counted from 0.
    pub fn window(&self, number: u32) -> (Duration, Duration) {
        let begin = self.at.saturating_add(self.every.saturating_mul(number));
        (begin, begin.saturating_add(self.lasting))
    }

    /// Whether an instant lies in a window.
    pub fn hold(&self, at: Duration) -> bool {
        let Some(since) = at.checked_sub(self.at) else { return false };
        if self.times == 1 {
            return since < self.lasting;
        }
        let (every, since) = (self.every.as_nanos(), since.as_nanos());
        since / every < u128::from(self.times) && since % every < self.lasting.as_nanos()
    }

    /// When the last window ends.
    pub fn end(&self) -> Duration {
        self.window(self.times - 1).1
    }
}

impl FaultKind {
    /// How long it asks a target to wait before it comes again.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Sink {
                fault: SinkFault::GrpcStatus { retry_after, .. } | SinkFault::HttpStatus { retry_after, .. },
                ..
            } => *retry_after,
            Self::Sink { .. } | Self::Target(_) => None,
        }
    }
}

impl Display for FaultKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sink { fault, share: Ppb::WHOLE } => write!(f, "the sink {fault}, every request"),
            Self::Sink { fault, share } => write!(f, "the sink {fault}, {share} of requests"),
            Self::Target(fault) => write!(f, "the target {fault}"),
        }
    }
}

impl Display for TargetFault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Freeze => "is stopped by SIGSTOP, and goes on at the end",
            Self::Kill => "is killed by SIGKILL, and started again at the end",
            Self::Terminate => "is ended by SIGTERM, and started again at the end",
        })
    }
}

impl Display for SinkFault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let asking = |f: &mut Formatter<'_>, after: &Option<Duration>| match after {
            Some(after) => write!(f, ", asking to come again after {}", HumanDuration(*after)),
            None => Ok(()),
        };
        match self {
            Self::GrpcStatus { code, retry_after } => {
                write!(f, "refuses with {}", name_of(code))?;
                asking(f, retry_after)
            }
            Self::HttpStatus { status, retry_after } => {
                write!(f, "refuses with HTTP {status}")?;
                asking(f, retry_after)
            }
            Self::Slow { by } => write!(f, "answers {} late", HumanDuration(*by)),
            Self::Hang => f.write_str("never answers"),
            Self::Reset { error } => write!(f, "resets the stream with {}", name_of(error)),
            Self::LostAnswer => f.write_str("takes requests and resets the stream instead of answering"),
        }
    }
}

/// As it is written in a scenario: `RESOURCE_EXHAUSTED` of `ResourceExhausted`.
fn name_of(variant: &impl fmt::Debug) -> String {
    let mut name = String::new();
    for letter in format!("{variant:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

pub(super) fn resolve(
    specs: &[FaultSpec],
    run: Option<&Run>,
    target: Option<&Target>,
    checker: &mut Checker<'_>,
) -> Option<Vec<Fault>> {
    let mut faults: Vec<Fault> = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let mut part = Part { checker, index };
        faults.extend(part.resolve(spec, run, target));
        if spec.name.is_some() && specs[..index].iter().any(|earlier| earlier.name == spec.name) {
            let name = spec.name.as_deref().unwrap_or_default();
            let message = format!("another fault is called `{}`", crate::document::shortened(name));
            part.report("name", ProblemKind::Contradiction, message, "give each fault a name of its own");
        }
    }
    refuse_overlaps(&faults, specs, checker);
    if specs.len() > FAULTS_MAX {
        let message = format!("{} faults are more than can be kept apart", specs.len());
        checker.report("faults", ProblemKind::InvalidValue, message, format!("write at most {FAULTS_MAX}"));
    }
    (faults.len() == specs.len()).then_some(faults)
}

/// A process is one at a time: what happens to it twice at once would be undone by the first end.
fn refuse_overlaps(faults: &[Fault], specs: &[FaultSpec], checker: &mut Checker<'_>) {
    let of_target = faults.iter().filter(|fault| matches!(fault.kind, FaultKind::Target(_)));
    let mut windows: Vec<_> =
        of_target.flat_map(|fault| fault.windows.all().map(move |window| (window, fault))).collect();
    windows.sort_by_key(|(window, _)| *window);
    let clash = windows.windows(2).find(|pair| pair[1].0.0 < pair[0].0.1);
    let Some([(_, earlier), (_, later)]) = clash else { return };
    let index = specs.iter().position(|spec| spec.name.as_deref() == Some(&later.name)).unwrap_or_default();
    let message = format!("`{}` has not ended when this begins", earlier.name);
    let hint = "let nothing else happen to the target until one has ended";
    Part { checker, index }.report("at", ProblemKind::Contradiction, message, hint);
}

/// One element of the list, while it is checked.
struct Part<'a, 'c> {
    checker: &'a mut Checker<'c>,
    index: usize,
}

impl Part<'_, '_> {
    fn resolve(&mut self, spec: &FaultSpec, run: Option<&Run>, target: Option<&Target>) -> Option<Fault> {
        let name = self.required("name", spec.name.clone(), "add a name such as `name: backend-down`");
        let name = name.filter(|name| self.check_name(name));
        let windows = self.windows(spec, run);
        let hint = "say what happens, such as `fault: {grpc_status: {code: UNAVAILABLE}}`";
        let kind = self.required("fault", spec.fault.as_ref(), hint);
        let kind = kind.and_then(|kind| self.kind(kind, spec.share));
        if let Some(kind) = kind {
            self.check_site(kind, spec);
            self.check_target(kind, target);
        }
        Some(Fault { name: name?, windows: windows?, kind: kind? })
    }

    /// What happens says where; `on` and `share` may not say otherwise.
    fn check_site(&mut self, kind: FaultKind, spec: &FaultSpec) {
        let (site, name) = match kind {
            FaultKind::Sink { .. } => (FaultSite::Sink, "sink"),
            FaultKind::Target(_) => (FaultSite::Target, "target"),
        };
        if spec.on.is_some_and(|on| on != site) {
            let message = format!("this happens to the {name}");
            self.report("on", ProblemKind::Contradiction, message, format!("write `on: {name}`, or leave it out"));
        }
        if matches!(kind, FaultKind::Target(_)) && spec.share.is_some() {
            let message = "a process has no share that this could touch";
            self.report("share", ProblemKind::Contradiction, message, "remove it");
        }
    }

    /// Only a process that the harness itself started is stopped or ended.
    fn check_target(&mut self, kind: FaultKind, target: Option<&Target>) {
        let (FaultKind::Target(_), Some(target)) = (kind, target) else { return };
        let message = match target {
            Target::Process(_) => return,
            Target::Embedded(_) => "the embedded target has no process of its own",
            Target::External(_) => "an external target is somebody else's process",
        };
        self.report("fault", ProblemKind::Contradiction, message, "use `--target process:/path/to/collector`");
    }

    fn check_name(&mut self, name: &str) -> bool {
        let fits = is_name(name);
        if !fits {
            let message = format!("`{}` is no name for a fault", crate::document::shortened(name));
            let hint = "use lowercase letters and digits with single dashes between, such as `backend-down`";
            self.invalid("name", message, hint);
        }
        fits
    }

    fn windows(&mut self, spec: &FaultSpec, run: Option<&Run>) -> Option<Windows> {
        let at = self.required("at", spec.at, "say when it begins, such as `at: 30s`");
        let lasting = self.required("for", spec.lasting, "say how long it lasts, such as `for: 1m`");
        let lasting = lasting.filter(|lasting| self.is_lasting("for", *lasting));
        let every = spec.every.filter(|every| self.is_lasting("every", *every));
        let times = self.times(spec, every.is_some())?;
        let (HumanDuration(at), HumanDuration(lasting)) = (at?, lasting?);
        let every = every.map_or(lasting, |every| every.0);
        if every < lasting {
            let message = format!("it would begin again before it has ended, after {}", HumanDuration(lasting));
            self.invalid("every", message, "make `every` at least as long as `for`");
        }
        if let Some(run) = run
            && let Extent::Duration(duration) = run.extent
            && at.saturating_add(every.saturating_mul(times - 1)) >= run.warmup.saturating_add(duration)
        {
            let field = if at >= run.warmup + duration { "at" } else { "times" };
            let message = format!("the load has ended by then, after {}", HumanDuration(run.warmup + duration));
            self.invalid(field, message, "let all of it begin earlier, or lengthen `run.duration`");
        }
        Some(Windows { at, lasting, every, times })
    }

    fn times(&mut self, spec: &FaultSpec, comes_again: bool) -> Option<u32> {
        let hint = "add both, such as `every: 20s` and `times: 3`";
        match (spec.times, comes_again) {
            (None, false) => Some(1),
            (None, true) => {
                self.report("times", ProblemKind::MissingField, "it comes again, and nobody says how often", hint);
                None
            }
            (Some(_), false) if spec.every.is_none() => {
                self.report("every", ProblemKind::MissingField, "it comes again, and nobody says when", hint);
                None
            }
            (Some(Count(times)), _) => {
                let times = u32::try_from(times).ok().filter(|times| (1..=WINDOWS_MAX).contains(times));
                if times.is_none() {
                    self.invalid("times", "so often is not possible", format!("give a number from 1 to {WINDOWS_MAX}"));
                }
                times
            }
        }
    }

    fn is_lasting(&mut self, field: &str, duration: HumanDuration) -> bool {
        if duration.0.is_zero() {
            self.invalid(field, "a duration of zero is not possible here", "give a duration above 0s");
        }
        !duration.0.is_zero()
    }

    fn kind(&mut self, spec: &FaultKindSpec, share: Option<Ppb>) -> Option<FaultKind> {
        let share = share.unwrap_or(Ppb::WHOLE);
        if share == Ppb(0) || share > Ppb::WHOLE {
            self.invalid("share", "this touches nothing, or more than all", "give a share above 0% and up to 100%");
        }
        let fault = match spec {
            FaultKindSpec::GrpcStatus(spec) => SinkFault::GrpcStatus {
                code: self.required(
                    "fault.grpc_status.code",
                    spec.code,
                    "name a status, such as `code: UNAVAILABLE`",
                )?,
                retry_after: spec.retry_after.map(|after| after.0),
            },
            FaultKindSpec::HttpStatus(spec) => SinkFault::HttpStatus {
                status: self.http_status(spec.status)?,
                retry_after: spec.retry_after.map(|after| after.0),
            },
            FaultKindSpec::Slow(spec) => {
                let by = self.required("fault.slow.by", spec.by, "say how late answers are, such as `by: 4s`")?;
                SinkFault::Slow { by: Some(by).filter(|by| self.is_lasting("fault.slow.by", *by))?.0 }
            }
            FaultKindSpec::Hang(_) => SinkFault::Hang,
            FaultKindSpec::Reset(spec) => SinkFault::Reset { error: spec.error.unwrap_or(Http2Error::Cancel) },
            FaultKindSpec::LostAnswer(_) => SinkFault::LostAnswer,
            FaultKindSpec::Freeze(_) => return Some(FaultKind::Target(TargetFault::Freeze)),
            FaultKindSpec::Kill(_) => return Some(FaultKind::Target(TargetFault::Kill)),
            FaultKindSpec::Terminate(_) => return Some(FaultKind::Target(TargetFault::Terminate)),
        };
        Some(FaultKind::Sink { fault, share })
    }

    fn http_status(&mut self, status: Option<Count>) -> Option<u16> {
        const FIELD: &str = "fault.http_status.status";
        let Count(number) = self.required(FIELD, status, "give a status, such as `status: 503`")?;
        let status = u16::try_from(number).ok().filter(|status| (300..600).contains(status));
        if status.is_none() {
            self.invalid(FIELD, format!("`{number}` is no HTTP status that refuses"), "give one from 300 to 599");
        }
        status
    }

    fn path(&self, field: &str) -> FieldPath {
        let list = FieldPath::keys("faults");
        let index = self.checker.document.element_index(&list, self.index);
        field.split('.').fold(list.then(Step::Index(index)), |path, key| path.then(Step::Key(key.to_owned())))
    }

    fn required<T>(&mut self, field: &str, value: Option<T>, hint: &str) -> Option<T> {
        let path = self.path(field);
        self.checker.required_at(&path, value, hint)
    }

    fn invalid(&mut self, field: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.report(field, ProblemKind::InvalidValue, message, hint);
    }

    fn report(&mut self, field: &str, kind: ProblemKind, message: impl Into<String>, hint: impl Into<String>) {
        let path = self.path(field);
        self.checker.report_at(&path, kind, message, hint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAPPING: Windows = Windows {
        at: Duration::from_secs(10),
        lasting: Duration::from_secs(2),
        every: Duration::from_secs(5),
        times: 3,
    };

    #[test]
    fn windows_hold_from_their_beginning_until_before_their_end() {
        let seconds: Vec<u64> = (0..40).filter(|second| FLAPPING.hold(Duration::from_secs(*second))).collect();
        assert_eq!(seconds, [10, 11, 15, 16, 20, 21]);
        assert_eq!(FLAPPING.all().count(), 3);
        assert_eq!(FLAPPING.end(), Duration::from_secs(22));
        let once = Windows { times: 1, ..FLAPPING };
        let seconds: Vec<u64> = (0..40).filter(|second| once.hold(Duration::from_secs(*second))).collect();
        assert_eq!((seconds, once.end()), (vec![10, 11], Duration::from_secs(12)));
    }

    #[test]
    fn every_window_of_the_list_holds_and_nothing_else_does() {
        for ms in 0..40_000 {
            let at = Duration::from_millis(ms);
            assert_eq!(FLAPPING.hold(at), FLAPPING.all().any(|(begin, end)| (begin..end).contains(&at)), "{ms}");
        }
    }

    #[test]
    fn codes_are_shown_as_they_are_written() {
        let shown = SinkFault::GrpcStatus { code: GrpcStatus::ResourceExhausted, retry_after: None }.to_string();
        assert_eq!(shown, "refuses with RESOURCE_EXHAUSTED");
        assert_eq!(SinkFault::Reset { error: Http2Error::Cancel }.to_string(), "resets the stream with CANCEL");
    }
}
