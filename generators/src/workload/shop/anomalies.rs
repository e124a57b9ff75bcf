//! Turns ordinary work or an ordinary trace into an anomalous one whose truth is known.
//!
//! Error and slow traces are prepared before the walk, by deciding which operation fails or stalls; broken names and
//! broken propagation are made after it, in spans that all succeed, so that each trace shows one defect.

use super::operations::Operation;
use super::rng::Dice;
use super::services::Service;
use super::timing;
use super::topology::{Directory, RENAMED};
use super::walk::SAMPLED;
use crate::model::{EmitterId, Ordinal, Parent, Span, SpanKind, Stratum, TraceVariant};

/// The second id of a trace whose propagation breaks; consumers stay attached in such traces, so it is free.
const SECOND: u8 = 1;

/// Makes one operation of `root` fail, and its failure reach the entry.
///
/// Which one is drawn from how likely each is to do so in ordinary traffic; everything else succeeds.
pub(super) fn doom(dice: &mut Dice, root: &mut Operation) {
    let mut weights = Vec::new();
    fatal_weights(root, 1.0, &mut weights);
    let mut chosen = dice.weighted(&weights);
    root.calm();
    doom_path(root, &mut chosen);
}

/// How likely the failure of each awaited operation, callers first, is to reach the root.
fn fatal_weights(operation: &mut Operation, reach: f64, weights: &mut Vec<f64>) {
    weights.push(operation.failure * reach);
    for callee in operation.callees_mut() {
        fatal_weights(callee, reach * callee.propagation, weights);
    }
}

/// Makes the operation that comes after `left` others fail, and opens the way from there to the root.
fn doom_path(operation: &mut Operation, left: &mut usize) -> bool {
    if *left == 0 {
        operation.failure = 1.0;
        return true;
    }
    *left -= 1;
    for callee in operation.callees_mut() {
        if doom_path(callee, left) {
            callee.propagation = 1.0;
            return true;
        }
    }
    false
}

/// Makes one operation of `root` slow; everything succeeds.
pub(super) fn stall(dice: &mut Dice, root: &mut Operation) {
    root.calm();
    let mut candidates = 0;
    root.for_each_awaited(&mut |operation| candidates += usize::from(can_stall(operation)));
    let mut left = dice.below(candidates);
    let stall_ns = timing::stall_ns(dice);
    root.for_each_awaited(&mut |operation| {
        if can_stall(operation) {
            operation.stall_ns = if left == 0 { stall_ns } else { 0 };
            left = left.wrapping_sub(1);
        }
    });
}

/// Handlers and queries are slow by themselves; a caller is slow because of them.
fn can_stall(operation: &Operation) -> bool {
    operation.kind == SpanKind::Server || (operation.kind == SpanKind::Client && operation.steps.is_empty())
}

/// Breaks a trace of ordinary spans in the way of `stratum`; leaves it alone for strata that do not concern spans.
pub(super) fn distort(dice: &mut Dice, directory: &Directory, stratum: Stratum, spans: &mut Vec<Span>) {
    match stratum {
        Stratum::ServiceNameMissing
        | Stratum::ServiceNameEmpty
        | Stratum::ServiceNameBlank
        | Stratum::ServiceNameUnknown => rename(dice, directory, stratum, spans),
        Stratum::ParentMissing => lose_parent(dice, spans),
        Stratum::NewRoot => continue_under(dice, spans, false, |_| Parent::None),
        Stratum::TraceIdChanged => continue_under(dice, spans, false, |parent| parent),
        Stratum::TraceIdPadded => continue_under(dice, spans, true, |parent| parent),
        Stratum::Normal | Stratum::ErrorTrace | Stratum::SlowTrace | Stratum::HealthCheck => {}
    }
}

/// Gives all spans of one service to the emitter whose resource has the broken name.
fn rename(dice: &mut Dice, directory: &Directory, stratum: Stratum, spans: &mut [Span]) {
    let emitter_of = |service: Service| EmitterId(service as u16);
    let present: Vec<Service> =
        RENAMED.into_iter().filter(|&service| spans.iter().any(|span| span.emitter == emitter_of(service))).collect();
    let Some(&service) = present.get(dice.below(present.len())) else { return };
    let Some(replacement) = directory.renamed(stratum, service) else { return };
    spans.iter_mut().filter(|span| span.emitter == emitter_of(service)).for_each(|span| span.emitter = replacement);
}

/// A server span called by another service, at which propagation can break.
fn draw_callee(dice: &mut Dice, spans: &[Span]) -> Option<usize> {
    let is_callee = |span: &Span| span.kind == SpanKind::Server && matches!(span.parent, Parent::Span { .. });
    let callees: Vec<usize> = (0..spans.len()).filter(|&index| is_callee(&spans[index])).collect();
    callees.get(dice.below(callees.len())).copied()
}

/// Makes a callee name a parent that nobody sends. Half of the time something between the two rewrote the header, and the
/// caller's span exists; else the caller's span is the one that was never sent.
fn lose_parent(dice: &mut Dice, spans: &mut Vec<Span>) {
    let Some(callee) = draw_callee(dice, spans) else { return };
    let caller = spans[callee].parent;
    spans[callee].parent = Parent::Ghost { number: 0 };
    if let Parent::Span { ordinal, .. } = caller
        && dice.chance(0.5)
    {
        remove(spans, ordinal);
    }
}

/// Takes out a span that is nobody's parent any more; ordinals behind it move down.
fn remove(spans: &mut Vec<Span>, removed: Ordinal) {
    spans.remove(removed as usize);
    let shift = |ordinal: &mut Ordinal| *ordinal -= u32::from(*ordinal > removed);
    for span in spans {
        if let Parent::Span { ordinal, .. } = &mut span.parent {
            shift(ordinal);
        }
        span.links.iter_mut().for_each(|link| shift(&mut link.ordinal));
    }
}

/// Sends a callee and everything below it under the trace's second id; `parent` says what becomes of the callee's parent.
fn continue_under(dice: &mut Dice, spans: &mut [Span], padded: bool, parent: impl Fn(Parent) -> Parent) {
    let Some(callee) = draw_callee(dice, spans) else { return };
    let second = TraceVariant { number: SECOND, padded };
    let mut below = vec![false; spans.len()];
    below[callee] = true;
    for index in callee + 1..spans.len() {
        if let Parent::Span { ordinal, variant } = &mut spans[index].parent {
            below[index] = below[*ordinal as usize];
            if below[index] {
                *variant = second;
            }
        }
    }
    for (span, below) in spans.iter_mut().zip(&below) {
        if *below {
            span.variant = second;
        }
    }
    for link in spans.iter_mut().flat_map(|span| &mut span.links) {
        if below[link.ordinal as usize] {
            link.variant = second;
        }
    }
    spans[callee].parent = parent(spans[callee].parent);
    if spans[callee].parent == Parent::None {
        spans[callee].flags = SAMPLED;
    }
}
