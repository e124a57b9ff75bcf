//! A pool encoded once, with the places noted where a trace's own values go.
//!
//! Every shape becomes **pieces**: the spans that one emitter exports of it, already as protobuf bytes with tags and lengths,
//! grouped by scope into **runs**. All that varies has a fixed width (ids, fixed64 times, doubles, digits), so the length
//! of any request is known before it is written, and writing one is copying runs and patching them.

mod decode;
mod patch;
mod span;
mod varying;

use patch::PATCH_BYTES;
pub(crate) use patch::Patch;
pub use varying::Frame;
pub(crate) use varying::{Varying, put_digits, uniform};

use crate::content;
use crate::model::{
    Attribute, Ordinal, PoolToMake, Resource, Scope, Shape, Shapes, Span, Stratum, Topology, TraceVariant,
};
use crate::protobuf::{put_bytes, put_text, put_uint, varint_length};
use std::ops::Range;

/// Most scopes that one emitter may use: a request's sizes are summed per scope on the stack.
pub(crate) const SCOPES_MAX: usize = 64;

/// How a shape is cut into pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PieceLimits {
    /// Most spans in one piece; a request holds at least one piece.
    pub spans: u32,
    /// Most bytes in one piece.
    pub bytes: u32,
}

/// One span of a shape: what must come out. As large as a line of the cache, and aligned to it: whoever judges spans in
/// the order of their arrival meets each far away in memory, and pays by the line.
#[derive(Debug, Clone, PartialEq)]
#[repr(align(64))]
pub(crate) struct SpanRecipe {
    pub start_ns: u64,
    pub end_ns: u64,
    /// Hash of all content that no trace changes; see [`crate::content`].
    pub content: u64,
    pub trace_state: u64,
    pub ordinal: Ordinal,
    /// Means nothing without a parent.
    pub parent_ordinal: Ordinal,
    /// Where its run begins in the arena.
    pub run_start: u32,
    pub first_varying: u32,
    pub varyings: u16,
    pub emitter: u16,
    pub scope: u16,
    /// Which piece of its shape it is in.
    pub piece: u16,
    pub variant: TraceVariant,
    pub parent_variant: TraceVariant,
    pub has_parent: bool,
}

/// Where a span's bytes are patched: the other half of its recipe, at the same index. Who patches many reads [`Patch`]es.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpanPlaces {
    /// Offset of the trace id's bytes in its run; the span id follows 18 bytes behind it.
    pub trace_id_at: u32,
    /// Offset of the parent's span id in its run; 0 without a parent.
    pub parent_at: u32,
    /// Offset of the start time in its run; the end follows 9 bytes behind it.
    pub times_at: u32,
    /// Bytes it takes in a request, its tag and length included.
    pub bytes: u32,
    /// Which run it is in.
    pub run: u32,
}

/// The spans of one piece that share a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// Index into the emitter's own list of scopes.
    pub scope: u16,
    /// Its bytes in the arena.
    pub bytes: Range<u32>,
    /// Its recipes.
    pub recipes: Range<u32>,
}

/// What one emitter exports of one shape in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub emitter: u16,
    /// When its last span has ended, nanoseconds from the start of the trace.
    pub ready_ns: u64,
    pub spans: u32,
    pub bytes: u32,
    pub runs: Range<u32>,
}

/// One shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EncodedShape {
    pub stratum: Stratum,
    pub pieces: Range<u32>,
    /// First of its entries in `by_ordinal`.
    pub first_span: u32,
    pub spans: u32,
    /// When its last span has ended.
    pub end_ns: u64,
}

/// A resource or scope with the fields around it, ready to be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EncodedContext {
    /// The field `resource` or `scope`, tag and length included.
    pub field: Vec<u8>,
    /// The field `schema_url`, tag and length included; empty for none.
    pub schema_field: Vec<u8>,
    pub hash: u64,
    pub schema_hash: u64,
}

/// One emitter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EncodedEmitter {
    pub label: String,
    pub instances: Vec<EncodedContext>,
    /// The scopes its spans use, as indices into [`EncodedPool::scopes`].
    pub scopes: Vec<u16>,
    /// Number of its first exporter; its instances count on from there.
    pub first_exporter: u32,
}

/// The shapes of one stratum and how they are drawn.
#[derive(Debug, Clone)]
pub(crate) struct EncodedStratum {
    pub stratum: Stratum,
    pub first_shape: u32,
    pub draw: crate::alias::AliasTable,
    /// Mean spans of a trace drawn from it.
    pub mean_spans: f64,
}

/// A pool, encoded.
#[derive(Debug, Clone)]
pub struct EncodedPool {
    /// Runs, each with its patches behind it.
    arena: Vec<u8>,
    pub(crate) recipes: Vec<SpanRecipe>,
    /// For each recipe.
    pub(crate) places: Vec<SpanPlaces>,
    pub(crate) by_ordinal: Vec<u32>,
    pub(crate) varying: Vec<Varying>,
    pub(crate) runs: Vec<Run>,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) shapes: Vec<EncodedShape>,
    pub(crate) emitters: Vec<EncodedEmitter>,
    pub(crate) scopes: Vec<EncodedContext>,
    pub(crate) strata: Vec<EncodedStratum>,
    pub(crate) exporters: u32,
}

/// A pool that cannot be encoded: a workload's mistake, or limits that one span already exceeds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// One span is larger than a request may be. Raise `request_bytes_max` or choose smaller spans.
    #[error("a span of {bytes} bytes is above request_bytes_max ({limit} bytes)")]
    SpanTooLarge {
        /// Its encoded size.
        bytes: u32,
        /// The limit.
        limit: u32,
    },
    /// The encoded pool exceeds 4 GiB. Choose a smaller pool or smaller spans.
    #[error("the encoded pool of shapes exceeds 4 GiB; choose a smaller pool or smaller spans")]
    PoolTooLarge,
    /// A set without shapes, a shape without spans, or an index that points nowhere.
    #[error("the workload's pool is not sound: {0}")]
    Unsound(&'static str),
}

impl EncodedPool {
    /// Makes and encodes every shape of `pool`, one at a time, cut to `limits`.
    ///
    /// # Errors
    /// See [`EncodeError`].
    pub fn new(pool: PoolToMake, limits: PieceLimits) -> Result<Self, EncodeError> {
        let mut encoded = Self::with_topology(&pool.topology);
        for (stratum, shapes) in pool.sets {
            encoded.add_set(stratum, shapes, limits)?;
        }
        if encoded.strata.is_empty() {
            return Err(EncodeError::Unsound("it holds no shapes"));
        }
        Ok(encoded)
    }

    fn with_topology(topology: &Topology) -> Self {
        let mut exporters = 0;
        let mut emitters = Vec::with_capacity(topology.emitters.len());
        for emitter in &topology.emitters {
            let instances: Vec<_> = emitter.instances.iter().map(encode_resource).collect();
            let first_exporter = exporters;
            exporters += instances.len() as u32;
            emitters.push(EncodedEmitter {
                label: emitter.label.clone(),
                instances,
                scopes: Vec::new(),
                first_exporter,
            });
        }
        Self {
            arena: Vec::new(),
            recipes: Vec::new(),
            places: Vec::new(),
            by_ordinal: Vec::new(),
            varying: Vec::new(),
            runs: Vec::new(),
            pieces: Vec::new(),
            shapes: Vec::new(),
            emitters,
            scopes: topology.scopes.iter().map(encode_scope).collect(),
            strata: Vec::new(),
            exporters,
        }
    }

    fn add_set(&mut self, stratum: Stratum, shapes: Shapes, limits: PieceLimits) -> Result<(), EncodeError> {
        let first_shape = self.shapes.len() as u32;
        let (mut weights, mut spans) = (Vec::new(), 0.0);
        for shape in shapes {
            self.add_shape(stratum, &shape, limits)?;
            weights.push(shape.weight);
            spans += shape.weight * shape.spans.len() as f64;
        }
        let draw =
            crate::alias::AliasTable::new(&weights).ok_or(EncodeError::Unsound("a set's weights are no weights"))?;
        let total: f64 = weights.iter().sum();
        self.strata.push(EncodedStratum { stratum, first_shape, draw, mean_spans: spans / total });
        Ok(())
    }

    fn add_shape(&mut self, stratum: Stratum, shape: &Shape, limits: PieceLimits) -> Result<(), EncodeError> {
        if shape.spans.is_empty() {
            return Err(EncodeError::Unsound("a shape has no spans"));
        }
        let first_span = self.by_ordinal.len() as u32;
        let first_piece = self.pieces.len() as u32;
        self.by_ordinal.resize(self.by_ordinal.len() + shape.spans.len(), u32::MAX);
        for emitter in emitters_of(shape) {
            let mut ordinals: Vec<Ordinal> = (0..shape.spans.len() as Ordinal)
                .filter(|ordinal| shape.spans[*ordinal as usize].emitter.0 == emitter)
                .collect();
            ordinals.sort_by_key(|ordinal| (shape.spans[*ordinal as usize].end_ns(), *ordinal));
            self.add_pieces(shape, emitter, &ordinals, first_span, first_piece, limits)?;
        }
        self.shapes.push(EncodedShape {
            stratum,
            pieces: first_piece..self.pieces.len() as u32,
            first_span,
            spans: shape.spans.len() as u32,
            end_ns: shape.spans.iter().map(Span::end_ns).max().unwrap_or(0),
        });
        if self.arena.len() > u32::MAX as usize { Err(EncodeError::PoolTooLarge) } else { Ok(()) }
    }

    /// Cuts the spans of one emitter, in the order in which they end, into pieces within the limits.
    fn add_pieces(
        &mut self,
        shape: &Shape,
        emitter: u16,
        ordinals: &[Ordinal],
        first_span: u32,
        first_piece: u32,
        limits: PieceLimits,
    ) -> Result<(), EncodeError> {
        let mut encoded = Vec::with_capacity(ordinals.len());
        for &ordinal in ordinals {
            let bytes = span::encode(&shape.spans[ordinal as usize], ordinal);
            if bytes.framed_length() > limits.bytes {
                return Err(EncodeError::SpanTooLarge { bytes: bytes.framed_length(), limit: limits.bytes });
            }
            encoded.push(bytes);
        }
        let mut start = 0;
        while start < encoded.len() {
            let (mut end, mut bytes) = (start, 0);
            while end < encoded.len()
                && (end - start) < limits.spans.max(1) as usize
                && bytes + encoded[end].framed_length() <= limits.bytes
            {
                bytes += encoded[end].framed_length();
                end += 1;
            }
            let piece = u16::try_from(self.pieces.len() as u32 - first_piece)
                .map_err(|_| EncodeError::Unsound("a shape has more than 65,535 pieces"))?;
            self.add_piece(shape, emitter, &ordinals[start..end], &encoded[start..end], first_span, piece)?;
            start = end;
        }
        Ok(())
    }

    fn add_piece(
        &mut self,
        shape: &Shape,
        emitter: u16,
        ordinals: &[Ordinal],
        encoded: &[span::EncodedSpan],
        first_span: u32,
        piece: u16,
    ) -> Result<(), EncodeError> {
        let first_run = self.runs.len() as u32;
        let (mut scopes, mut bytes, mut ready_ns) = (Vec::new(), 0, 0);
        for &ordinal in ordinals {
            let scope = shape.spans[ordinal as usize].scope.0;
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
            ready_ns = ready_ns.max(shape.spans[ordinal as usize].end_ns());
        }
        for scope in scopes {
            let arena_start = self.arena.len() as u32;
            let first_recipe = self.recipes.len() as u32;
            for (&ordinal, encoded) in ordinals.iter().zip(encoded) {
                let span = &shape.spans[ordinal as usize];
                if span.scope.0 == scope {
                    self.by_ordinal[(first_span + ordinal) as usize] = self.recipes.len() as u32;
                    self.add_span(span, ordinal, encoded, arena_start, piece)?;
                    bytes += encoded.framed_length();
                }
            }
            let scope = self.scope_of(emitter, scope)?;
            let run = Run {
                scope,
                bytes: arena_start..self.arena.len() as u32,
                recipes: first_recipe..self.recipes.len() as u32,
            };
            self.put_patches(&run);
            self.runs.push(run);
        }
        self.pieces.push(Piece {
            emitter,
            ready_ns,
            spans: ordinals.len() as u32,
            bytes,
            runs: first_run..self.runs.len() as u32,
        });
        Ok(())
    }

    /// Puts behind a run what its spans are patched with.
    fn put_patches(&mut self, run: &Run) {
        let recipes = run.recipes.start as usize..run.recipes.end as usize;
        for (recipe, places) in self.recipes[recipes.clone()].iter().zip(&self.places[recipes]) {
            Patch::of(recipe, places).put(&mut self.arena);
        }
    }

    /// The emitter's own number for a scope.
    fn scope_of(&mut self, emitter: u16, scope: u16) -> Result<u16, EncodeError> {
        let emitter =
            self.emitters.get_mut(usize::from(emitter)).ok_or(EncodeError::Unsound("a span names no emitter"))?;
        if usize::from(scope) >= self.scopes.len() {
            return Err(EncodeError::Unsound("a span names no scope"));
        }
        if let Some(known) = emitter.scopes.iter().position(|known| *known == scope) {
            return Ok(known as u16);
        }
        if emitter.scopes.len() >= SCOPES_MAX {
            return Err(EncodeError::Unsound("an emitter uses more than 64 scopes"));
        }
        emitter.scopes.push(scope);
        Ok(emitter.scopes.len() as u16 - 1)
    }

    fn add_span(
        &mut self,
        span: &Span,
        ordinal: Ordinal,
        encoded: &span::EncodedSpan,
        run_start: u32,
        piece: u16,
    ) -> Result<(), EncodeError> {
        let header = 1 + varint_length(encoded.body.len() as u64) as u32;
        let at = self.arena.len() as u32 - run_start + header;
        put_bytes(&mut self.arena, 2, &encoded.body);
        let first_varying = self.varying.len() as u32;
        self.varying.extend(encoded.varying.iter().map(|varying| varying.moved(at)));
        let view = crate::walk::read_span(0..encoded.body.len() as u32, &encoded.body, 0)
            .map_err(|_| EncodeError::Unsound("an encoded span does not read back"))?;
        let placeholders =
            encoded.varying.iter().fold(0u64, |sum, varying| sum.wrapping_add(varying.placeholder(&encoded.body)));
        let (parent_ordinal, parent_variant) = span::parent_of(span);
        self.recipes.push(SpanRecipe {
            start_ns: span.start_ns,
            end_ns: span.end_ns(),
            content: view.content.wrapping_sub(placeholders),
            trace_state: view.trace_state,
            ordinal,
            parent_ordinal,
            run_start,
            first_varying,
            varyings: u16::try_from(encoded.varying.len())
                .map_err(|_| EncodeError::Unsound("a span has more than 65,535 varying parts"))?,
            emitter: span.emitter.0,
            scope: span.scope.0,
            piece,
            variant: span.variant,
            parent_variant,
            has_parent: encoded.parent_at.is_some(),
        });
        self.places.push(SpanPlaces {
            trace_id_at: at + encoded.trace_id_at,
            parent_at: encoded.parent_at.map_or(0, |parent| at + parent),
            times_at: at + encoded.times_at,
            bytes: encoded.framed_length(),
            run: self.runs.len() as u32,
        });
        Ok(())
    }

    /// The index of a span's recipe; `None` if the shape has no such span.
    #[inline]
    pub(crate) fn recipe(&self, shape: u32, ordinal: Ordinal) -> Option<u32> {
        let shape = &self.shapes[shape as usize];
        (ordinal < shape.spans).then(|| self.by_ordinal[(shape.first_span + ordinal) as usize])
    }

    /// The parts of a span that vary.
    #[inline(always)]
    pub(crate) fn varying_of(&self, recipe: &SpanRecipe) -> &[Varying] {
        self.varying_from(recipe.first_varying, recipe.varyings)
    }

    /// So many varying parts from this one on: those of one span.
    #[inline(always)]
    pub(crate) fn varying_from(&self, first: u32, parts: u16) -> &[Varying] {
        let first = first as usize;
        &self.varying[first..first + usize::from(parts)]
    }

    /// The bytes, as encoded, of a run.
    #[inline(always)]
    pub(crate) fn bytes_of(&self, run: &Run) -> &[u8] {
        &self.arena[run.bytes.start as usize..run.bytes.end as usize]
    }

    /// The bytes from this place of the arena on, where a run begins.
    #[inline(always)]
    pub(crate) fn bytes_from(&self, run_start: u32) -> &[u8] {
        &self.arena[run_start as usize..]
    }

    /// What each span of a run is patched with.
    #[inline(always)]
    pub(crate) fn patches_of(&self, run: &Run) -> impl Iterator<Item = Patch> {
        let start = run.bytes.end as usize;
        let patches = &self.arena[start..start + run.recipes.len() * PATCH_BYTES];
        patches.as_chunks().0.iter().map(Patch::read)
    }

    /// The bytes, as encoded, of the run that holds a span.
    pub(crate) fn run_of(&self, places: &SpanPlaces) -> &[u8] {
        self.bytes_of(&self.runs[places.run as usize])
    }

    /// The bytes of all runs, one after another.
    pub(crate) fn runs_bytes(&self) -> impl Iterator<Item = &[u8]> {
        self.runs.iter().map(|run| self.bytes_of(run))
    }

    /// The span's own bytes, tag and length included, in the bytes of its run.
    pub(crate) fn span_in_run<'a>(&self, places: &SpanPlaces, run: &'a [u8]) -> &'a [u8] {
        // The trace id is the span's first field: its tag and length stand two bytes before it, the span's own before that.
        let body = places.bytes as usize;
        let header = (1..=6).find(|header| header - 1 == varint_length((body - header) as u64)).unwrap_or(2);
        let start = places.trace_id_at as usize - 2 - header;
        &run[start..start + body]
    }

    /// How many simulated service instances export: each has batches of its own.
    pub fn exporters(&self) -> u32 {
        self.exporters
    }

    /// The highest number of a trace id's variant that any span is sent under.
    pub fn variant_max(&self) -> u8 {
        self.recipes.iter().map(|recipe| recipe.variant.number).max().unwrap_or(0)
    }

    /// How many shapes there are, over all strata.
    pub fn shapes(&self) -> usize {
        self.shapes.len()
    }

    /// Bytes of all encoded spans, each shape once.
    pub fn encoded_bytes(&self) -> usize {
        self.arena.len() - self.recipes.len() * PATCH_BYTES
    }

    /// Mean bytes of an encoded span, each shape counted once.
    pub fn span_bytes_mean(&self) -> f64 {
        self.encoded_bytes() as f64 / self.recipes.len().max(1) as f64
    }
}

/// The emitters of a shape, in order of first appearance.
fn emitters_of(shape: &Shape) -> Vec<u16> {
    let mut emitters = Vec::new();
    for span in &shape.spans {
        if !emitters.contains(&span.emitter.0) {
            emitters.push(span.emitter.0);
        }
    }
    emitters
}

fn encode_attributes(out: &mut Vec<u8>, field: u32, attributes: &[Attribute]) {
    for attribute in attributes {
        put_bytes(out, field, &span::key_value(attribute).0);
    }
}

fn encode_resource(resource: &Resource) -> EncodedContext {
    let mut body = Vec::new();
    encode_attributes(&mut body, 1, &resource.attributes);
    put_uint(&mut body, 2, u64::from(resource.dropped_attributes));
    let hash = content::resource_sum(&body, &mut false).unwrap_or(0);
    context(&body, hash, &resource.schema_url)
}

fn encode_scope(scope: &Scope) -> EncodedContext {
    let mut body = Vec::new();
    put_text(&mut body, 1, &scope.name);
    put_text(&mut body, 2, &scope.version);
    encode_attributes(&mut body, 3, &scope.attributes);
    put_uint(&mut body, 4, u64::from(scope.dropped_attributes));
    let hash = content::scope_sum(&body, &mut false).unwrap_or(0);
    context(&body, hash, &scope.schema_url)
}

fn context(body: &[u8], hash: u64, schema_url: &str) -> EncodedContext {
    let mut field = Vec::new();
    put_bytes(&mut field, 1, body);
    let mut schema_field = Vec::new();
    put_text(&mut schema_field, 3, schema_url);
    EncodedContext { field, schema_field, hash, schema_hash: content::schema_url(schema_url.as_bytes()) }
}
