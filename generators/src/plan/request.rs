//! Putting a chunk's pieces into requests, and writing a request's bytes.

use super::chunk::{Chunk, Part, Request};
use super::{CHUNK_TRACES, Plan};
use crate::encoded::{EncodedContext, Frame, Patch, Run, SCOPES_MAX};
use crate::protobuf::{put_tag, put_varint, varint_length};

/// Room that a request keeps for what is not spans: tags, lengths, and one resource with its scopes and schema URLs.
pub(super) const OVERHEAD_MAX: u32 = 16 * 1024;

/// A piece that waits to be batched.
#[derive(Debug, Clone, Copy)]
struct Ready {
    at_ns: u64,
    part: Part,
    spans: u32,
    bytes: u32,
}

/// Each exporter batches its own pieces in the order in which they end.
pub(super) fn pack_per_service(chunk: &mut Chunk, plan: &Plan) {
    let mut queues: Vec<Vec<Ready>> = vec![Vec::new(); plan.pool.exporters as usize];
    for (trace, shape) in chunk.shapes.iter().enumerate() {
        let pieces = plan.pool.shapes[*shape as usize].pieces.clone();
        for number in pieces {
            let (exporter, ready) = ready(chunk, plan, trace, number);
            queues[exporter as usize].push(ready);
        }
    }
    for (exporter, queue) in queues.iter_mut().enumerate() {
        queue.sort_unstable_by_key(|ready| (ready.at_ns, ready.part.trace, ready.part.piece));
        cut_batches(chunk, plan, queue, |_| exporter as u32, 1);
    }
    order_by_due_time(chunk);
}

/// Whole traces are batched in the order in which they end; a request then holds several resources.
pub(super) fn pack_whole_traces(chunk: &mut Chunk, plan: &Plan) {
    let mut order: Vec<(u64, usize)> = chunk
        .shapes
        .iter()
        .enumerate()
        .map(|(trace, shape)| (chunk.starts_ns[trace] + plan.pool.shapes[*shape as usize].end_ns, trace))
        .collect();
    order.sort_unstable();
    let first = (chunk.number * CHUNK_TRACES) as u32;
    let mut queue = Vec::new();
    for (at_ns, trace) in order {
        for number in plan.pool.shapes[chunk.shapes[trace] as usize].pieces.clone() {
            let (_, mut ready) = ready(chunk, plan, trace, number);
            ready.at_ns = at_ns;
            queue.push(ready);
        }
    }
    cut_batches(chunk, plan, &queue, |request| first.wrapping_add(request), u32::MAX);
    order_by_due_time(chunk);
}

fn ready(chunk: &Chunk, plan: &Plan, trace: usize, number: u32) -> (u32, Ready) {
    let piece = &plan.pool.pieces[number as usize];
    let emitter = &plan.pool.emitters[usize::from(piece.emitter)];
    let instance = chunk.keys[trace].instance(piece.emitter, emitter.instances.len() as u16);
    let ready = Ready {
        at_ns: chunk.starts_ns[trace] + piece.ready_ns,
        part: Part { trace: trace as u16, instance, piece: number },
        spans: piece.spans,
        bytes: piece.bytes,
    };
    (emitter.first_exporter + u32::from(instance), ready)
}

/// Cuts a queue into requests: full by spans or bytes, or over the timeout since their first piece ended.
///
/// With `resources` above 1, every piece may bring a resource of its own, so room is kept for that.
fn cut_batches(chunk: &mut Chunk, plan: &Plan, queue: &[Ready], exporter: impl Fn(u32) -> u32, resources: u32) {
    let rule = plan.spec.batch;
    let room = plan.spec.request_bytes_max.saturating_sub(OVERHEAD_MAX);
    let mut start = 0;
    while start < queue.len() {
        let deadline = queue[start].at_ns + rule.timeout_ns;
        let (mut end, mut spans, mut bytes) = (start, 0, 0);
        while end < queue.len() && queue[end].at_ns <= deadline {
            let extra = if resources > 1 { context_bytes(plan, queue[end].part) } else { 0 };
            let next = (spans + queue[end].spans, bytes + queue[end].bytes + extra);
            let whole = resources > 1 && end > start && queue[end].part.trace == queue[end - 1].part.trace;
            if end > start && ((next.0 > rule.spans && !whole) || next.1 > room) {
                break;
            }
            (spans, bytes) = next;
            end += 1;
        }
        let full = end < queue.len() && queue[end].at_ns <= deadline || spans >= rule.spans;
        let due_ns = if full { queue[end - 1].at_ns } else { deadline };
        let first = chunk.parts.len() as u32;
        chunk.parts.extend(queue[start..end].iter().map(|ready| ready.part));
        if resources > 1 {
            group_by_resource(&mut chunk.parts[first as usize..], plan);
        }
        let number = chunk.requests.len() as u32;
        let parts = first..chunk.parts.len() as u32;
        chunk.requests.push(Request { due_ns, exporter: exporter(number), spans, parts });
        start = end;
    }
}

fn context_bytes(plan: &Plan, part: Part) -> u32 {
    let emitter = &plan.pool.emitters[usize::from(plan.pool.pieces[part.piece as usize].emitter)];
    let size = |context: &EncodedContext| context.field.len() + context.schema_field.len() + 16;
    let scopes: usize = emitter.scopes.iter().map(|scope| size(&plan.pool.scopes[usize::from(*scope)])).sum();
    (size(&emitter.instances[usize::from(part.instance)]) + scopes) as u32
}

fn group_by_resource(parts: &mut [Part], plan: &Plan) {
    parts.sort_by_key(|part| (plan.pool.pieces[part.piece as usize].emitter, part.instance));
}

fn order_by_due_time(chunk: &mut Chunk) {
    chunk.requests.sort_by_key(|request| (request.due_ns, request.exporter, request.parts.start));
}

/// Appends the request's bytes.
pub(super) fn encode(chunk: &Chunk, plan: &Plan, request: &Request, out: &mut Vec<u8>) {
    let parts = &chunk.parts[request.parts.start as usize..request.parts.end as usize];
    let resource = |part: &Part| (plan.pool.pieces[part.piece as usize].emitter, part.instance);
    for group in parts.chunk_by(|a, b| resource(a) == resource(b)) {
        encode_resource_spans(chunk, plan, group, out);
    }
}

/// Calls `each` with the part and the recipe of every span of a request, in the order in which [`encode`] writes them.
pub(super) fn for_each_span(chunk: &Chunk, plan: &Plan, request: &Request, mut each: impl FnMut(&Part, u32)) {
    let parts = &chunk.parts[request.parts.start as usize..request.parts.end as usize];
    let resource = |part: &Part| (plan.pool.pieces[part.piece as usize].emitter, part.instance);
    for group in parts.chunk_by(|a, b| resource(a) == resource(b)) {
        let emitter = &plan.pool.emitters[usize::from(plan.pool.pieces[group[0].piece as usize].emitter)];
        for local in 0..emitter.scopes.len() {
            for part in group {
                for run in runs(plan, *part).iter().filter(|run| usize::from(run.scope) == local) {
                    run.recipes.clone().for_each(|recipe| each(part, recipe));
                }
            }
        }
    }
}

fn encode_resource_spans(chunk: &Chunk, plan: &Plan, group: &[Part], out: &mut Vec<u8>) {
    let emitter = &plan.pool.emitters[usize::from(plan.pool.pieces[group[0].piece as usize].emitter)];
    let resource = &emitter.instances[usize::from(group[0].instance)];
    let mut sizes = [0usize; SCOPES_MAX];
    let sizes = &mut sizes[..emitter.scopes.len()];
    for part in group {
        for run in runs(plan, *part) {
            sizes[usize::from(run.scope)] += run.bytes.len();
        }
    }
    for (size, scope) in sizes.iter_mut().zip(&emitter.scopes) {
        if *size > 0 {
            let scope = &plan.pool.scopes[usize::from(*scope)];
            *size += scope.field.len() + scope.schema_field.len();
        }
    }
    let framed = |size: &usize| if *size == 0 { 0 } else { 1 + varint_length(*size as u64) + size };
    let body = resource.field.len() + resource.schema_field.len() + sizes.iter().map(framed).sum::<usize>();
    out.reserve(body + 16);
    put_tag(out, 1, 2);
    put_varint(out, body as u64);
    out.extend_from_slice(&resource.field);
    for (local, size) in sizes.iter().enumerate().filter(|(_, size)| **size > 0) {
        let scope = &plan.pool.scopes[usize::from(emitter.scopes[local])];
        put_tag(out, 2, 2);
        put_varint(out, *size as u64);
        out.extend_from_slice(&scope.field);
        for part in group {
            let frame = chunk.frame(plan, usize::from(part.trace));
            for run in runs(plan, *part).iter().filter(|run| usize::from(run.scope) == local) {
                append_run(plan, run, &frame, out);
            }
        }
        out.extend_from_slice(&scope.schema_field);
    }
    out.extend_from_slice(&resource.schema_field);
}

#[inline(always)]
fn runs(plan: &Plan, part: Part) -> &[Run] {
    let piece = &plan.pool.pieces[part.piece as usize];
    &plan.pool.runs[piece.runs.start as usize..piece.runs.end as usize]
}

/// Copies a run and patches it.
#[inline(always)]
fn append_run(plan: &Plan, run: &Run, frame: &Frame<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(plan.pool.bytes_of(run));
    let bytes = &mut out[start..];
    for patch in plan.pool.patches_of(run) {
        apply(plan, bytes, &patch, frame);
    }
}

#[inline(always)]
fn apply(plan: &Plan, run: &mut [u8], patch: &Patch, frame: &Frame<'_>) {
    let keys = frame.keys(patch.variant);
    let at = patch.trace_id_at as usize;
    run[at..at + 16].copy_from_slice(&keys.id);
    run[at + 18..at + 26].copy_from_slice(&keys.span_id(patch.ordinal).to_le_bytes());
    if patch.parent_at > 0 {
        let parent = if patch.parent_variant == patch.variant { keys } else { frame.keys(patch.parent_variant) };
        let at = patch.parent_at as usize;
        run[at..at + 8].copy_from_slice(&parent.span_id(patch.parent_ordinal).to_le_bytes());
    }
    let at = patch.times_at as usize;
    run[at..at + 8].copy_from_slice(&(frame.start_unix_ns + patch.start_ns).to_le_bytes());
    run[at + 9..at + 17].copy_from_slice(&(frame.start_unix_ns + patch.end_ns).to_le_bytes());
    for varying in plan.pool.varying_from(patch.first_varying, patch.varyings) {
        varying.patch(run, frame);
    }
}

/// Appends a request with one record only.
pub(super) fn encode_record(chunk: &Chunk, plan: &Plan, offset: u32, out: &mut Vec<u8>) {
    let (trace, ordinal) = chunk.trace_of(offset);
    let Some(recipe) = plan.pool.recipe(chunk.shapes[trace], ordinal) else { return };
    let (recipe, places) = (&plan.pool.recipes[recipe as usize], &plan.pool.places[recipe as usize]);
    let frame = chunk.frame(plan, trace);
    let emitter = &plan.pool.emitters[usize::from(recipe.emitter)];
    let instance = frame.keys.instance(recipe.emitter, emitter.instances.len() as u16);
    let resource = &emitter.instances[usize::from(instance)];
    let scope = &plan.pool.scopes[usize::from(recipe.scope)];
    let mut run = plan.pool.run_of(places).to_vec();
    apply(plan, &mut run, &Patch::of(recipe, places), &frame);
    let span = plan.pool.span_in_run(places, &run);
    let scope_spans = [&scope.field[..], span, &scope.schema_field].concat();
    let mut resource_spans = resource.field.clone();
    crate::protobuf::put_bytes(&mut resource_spans, 2, &scope_spans);
    resource_spans.extend_from_slice(&resource.schema_field);
    crate::protobuf::put_bytes(out, 1, &resource_spans);
}
