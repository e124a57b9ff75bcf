//! What is wrong with a scenario's `faults:`, and what they mean if nothing is.

use super::{
    Command, Commands, Fault, FaultKind, LinkSite, Reach, RetryAfter, SinkFault, SinkSwitch, TargetFault, Windows,
};
use crate::document::{FieldPath, Step};
use crate::problem::ProblemKind;
use crate::scenario::bounds::WINDOWS_MAX;
use crate::scenario::checker::Checker;
use crate::scenario::link;
use crate::scenario::{Extent, Run, Target, is_name};
use crate::spec::{
    CpuSpec, ExecSpec, FaultKindSpec, FaultSite, FaultSpec, GrpcStatus, Http2Error, HttpStatusSpec, LinkFaultSpec,
    ReachOf, RetryAfterForm, SinkSwitchSpec,
};
use crate::units::{Count, HumanDuration, Ppb};
use std::time::Duration;

/// A command that takes longer than this hangs, unless the scenario knows better.
const COMMAND_WITHIN: Duration = Duration::from_secs(30);

/// For each fault latencies are kept apart, in 1.7 MB.
const FAULTS_MAX: usize = 64;

pub(in crate::scenario) fn resolve(
    specs: &[FaultSpec],
    run: Option<&Run>,
    target: Option<&Target>,
    checker: &mut Checker<'_>,
) -> Option<Vec<Fault>> {
    let mut faults: Vec<Fault> = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let mut part = Part::of_list(checker, index);
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
    Part::of_list(checker, index).report("at", ProblemKind::Contradiction, message, hint);
}

/// What a sink's fault means that somebody switches on by hand; `None` if something is wrong with it.
pub(super) fn resolve_switch(spec: &SinkSwitchSpec, checker: &mut Checker<'_>) -> Option<SinkSwitch> {
    let mut part = Part { checker, path: FieldPath::new(Vec::new()) };
    let alone = FaultSpec {
        name: spec.name.clone(),
        share: spec.share,
        share_of: spec.share_of,
        fault: spec.fault.clone(),
        ..FaultSpec::default()
    };
    let named = alone.name.as_deref().is_none_or(|name| part.check_name(name));
    let FaultKind::Sink { fault, reach } = part.kind(&alone)? else {
        let hint = "write what a broken backend does, such as `hang`, or `grpc_status: {code: UNAVAILABLE}`";
        part.report("fault", ProblemKind::Contradiction, "this is nothing that happens to a sink", hint);
        return None;
    };
    let name = alone.name.unwrap_or_else(|| fault.kind().replace('_', "-"));
    named.then_some(SinkSwitch { name, fault, reach })
}

/// One fault, while it is checked.
struct Part<'a, 'c> {
    checker: &'a mut Checker<'c>,
    /// Where it is written.
    path: FieldPath,
}

impl<'a, 'c> Part<'a, 'c> {
    /// One element of a scenario's list.
    fn of_list(checker: &'a mut Checker<'c>, index: usize) -> Self {
        let list = FieldPath::keys("faults");
        let path = list.then(Step::Index(checker.document.element_index(&list, index)));
        Self { checker, path }
    }

    fn resolve(&mut self, spec: &FaultSpec, run: Option<&Run>, target: Option<&Target>) -> Option<Fault> {
        let name = self.required("name", spec.name.clone(), "add a name such as `name: backend-down`");
        let name = name.filter(|name| self.check_name(name));
        let windows = self.windows(spec, run);
        let kind = self.kind(spec);
        if let Some(kind) = &kind {
            self.check_site(kind, spec);
            self.check_target(kind, target);
        }
        Some(Fault { name: name?, windows: windows?, kind: kind? })
    }

    /// What happens says where; `on` and `share` may not say otherwise.
    fn check_site(&mut self, kind: &FaultKind, spec: &FaultSpec) {
        let (site, name) = match kind {
            FaultKind::Sink { .. } => (FaultSite::Sink, "sink"),
            FaultKind::Target(_) => (FaultSite::Target, "target"),
            FaultKind::Link { .. } => return,
            FaultKind::Commands(_) => return self.check_commands_alone(spec),
        };
        if spec.on.is_some_and(|on| on != site) {
            let message = format!("this happens to the {name}");
            self.report("on", ProblemKind::Contradiction, message, format!("write `on: {name}`, or leave it out"));
        }
        if matches!(kind, FaultKind::Target(_)) {
            self.refuse_shares(spec, "a process has no share that this could touch", "remove it");
        }
    }

    /// Says of every share that is given that it has no place here; whether there was one.
    fn refuse_shares(&mut self, spec: &FaultSpec, message: &str, hint: &str) -> bool {
        let shares = [
            ("share", spec.share.is_some()),
            ("share_to", spec.share_to.is_some()),
            ("share_of", spec.share_of.is_some()),
        ];
        let given = shares.into_iter().filter(|(_, given)| *given);
        given.map(|(field, _)| self.report(field, ProblemKind::Contradiction, message, hint)).count() > 0
    }

    /// Only a process that the harness itself started is stopped or ended, and only to such a target clients are led by a detour.
    fn check_target(&mut self, kind: &FaultKind, target: Option<&Target>) {
        if let (FaultKind::Link { site: LinkSite::Ingress, .. }, Some(Target::External(_))) = (kind, target) {
            let message = "an external target is sent to where its endpoint is";
            let hint = "put `spanproof proxy` before it, and its address into `target.external.endpoint`";
            self.report("on", ProblemKind::Contradiction, message, hint);
        }
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

    fn kind(&mut self, spec: &FaultSpec) -> Option<FaultKind> {
        let hint = "say what happens, such as `fault: {grpc_status: {code: UNAVAILABLE}}`";
        let fault = match self.required("fault", spec.fault.as_ref(), hint)? {
            FaultKindSpec::Freeze(_) => return Some(FaultKind::Target(TargetFault::Freeze)),
            FaultKindSpec::Kill(_) => return Some(FaultKind::Target(TargetFault::Kill)),
            FaultKindSpec::Terminate(_) => return Some(FaultKind::Target(TargetFault::Terminate)),
            FaultKindSpec::Cpu(cpu) => return self.of_cpu(cpu),
            FaultKindSpec::Descriptors(_) => return Some(FaultKind::Target(TargetFault::Descriptors)),
            FaultKindSpec::Reload(_) => return Some(FaultKind::Target(TargetFault::Reload)),
            FaultKindSpec::Link(link) => return self.of_link(link, spec),
            FaultKindSpec::Exec(exec) => return self.of_commands(exec),
            of_sink => self.of_sink(of_sink),
        };
        let reach = self.reach(spec);
        Some(FaultKind::Sink { fault: fault?, reach: reach? })
    }

    fn of_cpu(&mut self, spec: &CpuSpec) -> Option<FaultKind> {
        let hint = "say for how much of the time it runs, such as `share: 20%`";
        let share = self.required("fault.cpu.share", spec.share, hint)?;
        let percent = Ppb::WHOLE.0 / 100;
        if !(percent..=99 * percent).contains(&share.0) {
            self.invalid("fault.cpu.share", "so little or so much is not possible", "give a share from 1% to 99%");
            return None;
        }
        Some(FaultKind::Target(TargetFault::Cpu { share }))
    }

    fn of_commands(&mut self, spec: &ExecSpec) -> Option<FaultKind> {
        let start = self.command("start", spec.start.as_deref(), "say what breaks it, such as `start: [./break.sh]`");
        let undo = self.command("undo", spec.undo.as_deref(), "say what makes it whole again, or `undo: [\"true\"]`");
        let hint = "say what ends with 0 when the fault bites, such as `evidence: [./is-broken.sh]`";
        let evidence = self.command("evidence", spec.evidence.as_deref(), hint);
        let within = spec.within.unwrap_or(HumanDuration(COMMAND_WITHIN));
        let lasts = self.is_lasting("fault.exec.within", within);
        let commands = Commands { start: start?, undo: undo?, evidence: evidence?, within: within.0 };
        lasts.then_some(FaultKind::Commands(commands))
    }

    fn command(&mut self, field: &str, words: Option<&[String]>, hint: &str) -> Option<Command> {
        let field = format!("fault.exec.{field}");
        let words = self.required(&field, words, hint)?;
        let path = self.path(&field).then(Step::Index(0));
        let command = Command::new(words, |program| self.checker.resolve_path_at(&path, program));
        if command.is_none() {
            self.invalid(&field, "this names no program", hint);
        }
        command
    }

    /// What commands touch nobody knows here.
    fn check_commands_alone(&mut self, spec: &FaultSpec) {
        let message = "commands do what they do where they do it";
        if spec.on.is_some() {
            self.report("on", ProblemKind::Contradiction, message, "remove it");
        }
        self.refuse_shares(spec, message, "remove it");
    }

    fn of_link(&mut self, link: &LinkFaultSpec, spec: &FaultSpec) -> Option<FaultKind> {
        let site = match spec.on {
            None | Some(FaultSite::Egress) => Some(LinkSite::Egress),
            Some(FaultSite::Ingress) => Some(LinkSite::Ingress),
            Some(FaultSite::Sink | FaultSite::Target) => {
                let message = "this happens on a way";
                self.report("on", ProblemKind::Contradiction, message, "write `on: egress` or `on: ingress`");
                None
            }
        };
        if spec.share_to.is_some() {
            let message = "connections last, so their share does not change";
            self.report("share_to", ProblemKind::Contradiction, message, "remove it");
        }
        if spec.share_of == Some(ReachOf::Requests) {
            let message = "on the way there are connections and no requests";
            self.report("share_of", ProblemKind::Contradiction, message, "remove it");
        }
        let path = self.path("fault.link");
        let fault = link::resolve(link, &path, self.checker);
        let (share_path, share) = (self.path("share"), spec.share.unwrap_or(Ppb::WHOLE));
        let touches = link::check_share(share, fault, &share_path, self.checker);
        Some(FaultKind::Link { site: site?, fault: fault?, share: touches.then_some(share)? })
    }

    fn of_sink(&mut self, spec: &FaultKindSpec) -> Option<SinkFault> {
        Some(match spec {
            FaultKindSpec::GrpcStatus(spec) => SinkFault::GrpcStatus {
                code: self.required(
                    "fault.grpc_status.code",
                    spec.code,
                    "name a status, such as `code: UNAVAILABLE`",
                )?,
                retry_after: spec.retry_after.map(|after| after.0),
            },
            FaultKindSpec::HttpStatus(spec) => {
                let (status, retry_after) = (self.http_status(spec.status), self.retry_after(spec));
                SinkFault::HttpStatus { status: status?, retry_after: retry_after? }
            }
            FaultKindSpec::Poison(spec) => SinkFault::Poison {
                one_in: self.one_in(spec.one_in)?,
                code: spec.code.unwrap_or(GrpcStatus::InvalidArgument.into()),
            },
            FaultKindSpec::PartialSuccess(spec) => {
                let hint = "say how many spans of a request are rejected, such as `rejected: 3`";
                SinkFault::Partial { rejected: self.required("fault.partial_success.rejected", spec.rejected, hint)?.0 }
            }
            FaultKindSpec::Slow(spec) => {
                let by = self.required("fault.slow.by", spec.by, "say how late answers are, such as `by: 4s`")?;
                SinkFault::Slow { by: Some(by).filter(|by| self.is_lasting("fault.slow.by", *by))?.0 }
            }
            FaultKindSpec::Hang(_) => SinkFault::Hang,
            FaultKindSpec::Reset(spec) => SinkFault::Reset { error: spec.error.unwrap_or(Http2Error::Cancel) },
            FaultKindSpec::LostAnswer(spec) => SinkFault::LostAnswer {
                error: spec.error.unwrap_or(Http2Error::Cancel),
                after_headers: spec.after_headers.unwrap_or_default(),
            },
            FaultKindSpec::BrokenAnswer(spec) => {
                let hint = "say what it looks like, such as `shape: garbage`";
                SinkFault::BrokenAnswer(self.required("fault.broken_answer.shape", spec.shape, hint)?)
            }
            FaultKindSpec::Discard(_) => SinkFault::Discard,
            FaultKindSpec::Freeze(_)
            | FaultKindSpec::Kill(_)
            | FaultKindSpec::Terminate(_)
            | FaultKindSpec::Cpu(_)
            | FaultKindSpec::Descriptors(_)
            | FaultKindSpec::Reload(_)
            | FaultKindSpec::Link(_)
            | FaultKindSpec::Exec(_) => return None,
        })
    }

    /// Which requests it touches; of those with poisoned spans it touches all.
    fn reach(&mut self, spec: &FaultSpec) -> Option<Reach> {
        if let Some(FaultKindSpec::Poison(_)) = spec.fault {
            let message = "which requests are touched follows from the spans that are poisoned";
            let refused = self.refuse_shares(spec, message, "remove it, and write `one_in`");
            return (!refused).then_some(Reach::WHOLE);
        }
        let from = spec.share.unwrap_or(Ppb::WHOLE);
        let to = spec.share_to.unwrap_or(from);
        let too_much = |share| share > Ppb::WHOLE;
        let nothing = from == Ppb(0) && to == Ppb(0);
        if too_much(from) || nothing {
            self.invalid("share", "this touches nothing, or more than all", "give a share above 0% and up to 100%");
        }
        if too_much(to) && spec.share_to.is_some() {
            self.invalid("share_to", "this is more than all", "give a share up to 100%");
        }
        let fits = !(too_much(from) || too_much(to) || nothing);
        fits.then(|| Reach { from, to, of: spec.share_of.unwrap_or(ReachOf::Requests) })
    }

    fn one_in(&mut self, one_in: Option<Count>) -> Option<u64> {
        const FIELD: &str = "fault.poison.one_in";
        let Count(one_in) = self.required(FIELD, one_in, "say how rare they are, such as `one_in: 10_000`")?;
        if one_in == 0 {
            self.invalid(FIELD, "one span in none is not possible", "give a number from 1 on");
        }
        (one_in > 0).then_some(one_in)
    }

    /// What `Retry-After` says: the forms that name a time need one, the others have none.
    fn retry_after(&mut self, spec: &HttpStatusSpec) -> Option<Option<RetryAfter>> {
        const FIELD: &str = "fault.http_status.retry_after";
        let Some(form) = spec.retry_after_form else {
            return Some(spec.retry_after.map(|after| RetryAfter::Seconds(after.0)));
        };
        let timed = match form {
            RetryAfterForm::Seconds => RetryAfter::Seconds,
            RetryAfterForm::Date => RetryAfter::Date,
            RetryAfterForm::Twice => RetryAfter::Twice,
            RetryAfterForm::Words => return self.without_time(spec, RetryAfter::Words),
            RetryAfterForm::Negative => return self.without_time(spec, RetryAfter::Negative),
            RetryAfterForm::Huge => return self.without_time(spec, RetryAfter::Huge),
            RetryAfterForm::Empty => return self.without_time(spec, RetryAfter::Empty),
        };
        let after = self.required(FIELD, spec.retry_after, "say after how long, such as `retry_after: 5s`")?;
        Some(Some(timed(after.0)))
    }

    fn without_time(&mut self, spec: &HttpStatusSpec, form: RetryAfter) -> Option<Option<RetryAfter>> {
        if spec.retry_after.is_some() {
            let message = "this form of `Retry-After` says no time";
            self.report(
                "fault.http_status.retry_after",
                ProblemKind::Contradiction,
                message,
                "remove it, or write `retry_after_form: seconds`",
            );
            return None;
        }
        Some(Some(form))
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
        field.split('.').fold(self.path.clone(), |path, key| path.then(Step::Key(key.to_owned())))
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
