//! What the plan says of its records beyond their ids and times: the facts by which findings tell records apart.
//!
//! Records made from one **recipe** (a span of a shape) share everything that no trace changes, so facts are read once a
//! recipe, from its encoded bytes; what varies from trace to trace is told as present, without a value. Where a record
//! travels (request, position in it, exporter) differs from record to record: [`Chunk::for_each_placed`].

use super::Plan;
use super::chunk::Chunk;
use crate::encoded::{EncodedContext, SpanRecipe};
use crate::model::Ordinal;
use crate::protobuf::{MalformedError, Reader, Tag, Wire};

/// What all records made from one recipe have in common.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SpanFacts {
    /// What people call the service that exports it.
    pub service: String,
    /// Name of the instrumentation scope.
    pub scope: String,
    /// The span's name.
    pub name: String,
    /// OTLP's number of its kind.
    pub kind: u32,
    /// OTLP's number of its status code.
    pub status: u32,
    /// Its attributes; a value that varies, or is no plain one, is left out.
    pub attributes: Vec<(String, Option<String>)>,
    /// How many events it has.
    pub events: u32,
    /// The names of its events, each once, in the order in which they come.
    pub event_names: Vec<String>,
    /// How many links it has.
    pub links: u32,
    /// It has a trace state.
    pub trace_state: bool,
    /// Its flags.
    pub flags: u32,
    /// Bytes of the longest text in it: a value of an attribute of its own or of one of its events or links, wherever that stands in the
    /// value, its name, its trace state, or what its status says.
    pub longest_text: u32,
    /// Bytes of its encoding, without tag and length.
    pub bytes: u32,
    /// Its duration in nanoseconds.
    pub duration_ns: u64,
    /// Its ordinal in its trace, from 0.
    pub ordinal: Ordinal,
    /// It names no parent.
    pub root: bool,
    /// Number of the trace id that it is sent under; above 0 where propagation broke.
    pub variant: u8,
}

/// What all records of one exporter (an instance of a service) have in common.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExporterFacts {
    /// What people call the service.
    pub service: String,
    /// Which of its instances.
    pub instance: u16,
    /// How many instances it has.
    pub instances: u16,
    /// The attributes of its resource; a value that is no plain one is left out.
    pub attributes: Vec<(String, Option<String>)>,
}

/// Where a record of a chunk travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Number of the record inside the chunk.
    pub offset: u32,
    /// Its trace's place in the chunk.
    pub trace: u16,
    /// Number of the trace id that it is sent under, up to [`crate::encoded::EncodedPool::variant_max`].
    pub variant: u8,
    /// What it is made from, below [`Plan::recipes`].
    pub recipe: u32,
    /// Who exports it, below [`crate::encoded::EncodedPool::exporters`].
    pub exporter: u32,
    /// Its position among the spans of its request, from 0.
    pub position: u32,
}

impl Plan {
    /// How many recipes there are: one for every span of every shape.
    pub fn recipes(&self) -> usize {
        self.pool.recipes.len()
    }

    /// The facts of a recipe.
    ///
    /// # Panics
    /// When `recipe` is not below [`Plan::recipes`].
    pub fn span_facts(&self, recipe: u32) -> SpanFacts {
        let (recipe, places) = (&self.pool.recipes[recipe as usize], &self.pool.places[recipe as usize]);
        let emitter = &self.pool.emitters[usize::from(recipe.emitter)];
        let span = inside(self.pool.span_in_run(places, self.pool.run_of(places)));
        let mut facts = SpanFacts {
            service: emitter.label.clone(),
            scope: scope_name(&self.pool.scopes[usize::from(recipe.scope)]),
            bytes: span.len() as u32,
            duration_ns: recipe.end_ns - recipe.start_ns,
            ordinal: recipe.ordinal,
            root: !recipe.has_parent,
            variant: recipe.variant.number,
            ..SpanFacts::default()
        };
        // The pool's own bytes always read; were they not to, what was read so far is still true.
        let _ = read_span(span, &mut facts);
        self.leave_out_what_varies(recipe, &mut facts);
        facts
    }

    fn leave_out_what_varies(&self, recipe: &SpanRecipe, facts: &mut SpanFacts) {
        for varying in self.pool.varying_of(recipe).iter().filter_map(crate::encoded::Varying::attribute) {
            if let Some((_, value)) = facts.attributes.get_mut(varying as usize) {
                *value = None;
            }
        }
    }

    /// The facts of an exporter.
    ///
    /// # Panics
    /// When there is no such exporter.
    pub fn exporter_facts(&self, exporter: u32) -> ExporterFacts {
        let emitters = &self.pool.emitters;
        let emitter = &emitters[emitters.partition_point(|emitter| emitter.first_exporter <= exporter) - 1];
        let instance = exporter - emitter.first_exporter;
        let mut attributes = Vec::new();
        let resource = inside(&emitter.instances[instance as usize].field);
        // As above: these are the pool's own bytes.
        let _ = each_field(resource, |field, value| {
            if let (1, Field::Bytes(pair)) = (field, value) {
                attributes.extend(key_value(pair));
            }
        });
        let (instance, instances) = (instance as u16, emitter.instances.len() as u16);
        ExporterFacts { service: emitter.label.clone(), instance, instances, attributes }
    }
}

impl Chunk {
    /// Calls `each` for the spans of a request, in the order in which they stand in it.
    pub fn for_each_placed(&self, plan: &Plan, request: u32, mut each: impl FnMut(Placed)) {
        let mut position = 0;
        super::request::for_each_span(self, plan, &self.requests()[request as usize], |part, recipe| {
            let emitter = &plan.pool.emitters[usize::from(plan.pool.pieces[part.piece as usize].emitter)];
            let made_from = &plan.pool.recipes[recipe as usize];
            each(Placed {
                offset: self.offset_of(usize::from(part.trace), made_from.ordinal),
                trace: part.trace,
                variant: made_from.variant.number,
                recipe,
                exporter: emitter.first_exporter + u32::from(part.instance),
                position,
            });
            position += 1;
        });
    }

    /// How many spans the trace at this place in the chunk has.
    pub fn trace_spans(&self, plan: &Plan, trace: usize) -> u32 {
        plan.pool.shapes[self.shapes[trace] as usize].spans
    }

    /// What kind of trace stands at this place in the chunk.
    pub fn stratum(&self, plan: &Plan, trace: usize) -> crate::model::Stratum {
        plan.pool.shapes[self.shapes[trace] as usize].stratum
    }
}

/// What is in a field of bytes that stands with its tag and length.
fn inside(framed: &[u8]) -> &[u8] {
    let mut reader = Reader::new(framed);
    match reader.tag() {
        Ok(Some(_)) => reader.bytes().unwrap_or_default(),
        _ => &[],
    }
}

/// The value of a field.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn each_field(message: &[u8], mut each: impl FnMut(u32, Field<'_>)) -> Result<(), MalformedError> {
    let mut reader = Reader::new(message);
    while let Some(Tag { field, wire }) = reader.tag()? {
        match wire {
            Wire::Varint => each(field, Field::Number(reader.varint()?)),
            Wire::Fixed64 => each(field, Field::Number(reader.fixed64()?)),
            Wire::Fixed32 => each(field, Field::Number(reader.fixed32()?.into())),
            Wire::Bytes => each(field, Field::Bytes(reader.bytes()?)),
            _ => reader.skip(Tag { field, wire }, 1)?,
        }
    }
    Ok(())
}

fn read_span(span: &[u8], facts: &mut SpanFacts) -> Result<(), MalformedError> {
    each_field(span, |field, value| match (field, value) {
        (3, Field::Bytes(state)) => {
            facts.trace_state = !state.is_empty();
            facts.note_text(state);
        }
        (5, Field::Bytes(name)) => {
            facts.name = text(name);
            facts.note_text(name);
        }
        (6, Field::Number(kind)) => facts.kind = kind as u32,
        (9, Field::Bytes(pair)) => {
            facts.attributes.extend(key_value(pair));
            facts.note_texts_of(pair);
        }
        (11, Field::Bytes(event)) => facts.note_event(event),
        (13, Field::Bytes(link)) => {
            facts.links += 1;
            facts.note_attributes(link, 4);
        }
        (15, Field::Bytes(status)) => facts.note_status(status),
        (16, Field::Number(flags)) => facts.flags = flags as u32,
        _ => {}
    })
}

// What is noted here are the pool's own bytes, which always read; were they not to, what was read so far is still true.
impl SpanFacts {
    fn note_text(&mut self, text: &[u8]) {
        self.longest_text = self.longest_text.max(text.len() as u32);
    }

    /// All texts in the value of an attribute.
    fn note_texts_of(&mut self, pair: &[u8]) {
        let _ = each_field(pair, |field, value| {
            if let (2, Field::Bytes(any)) = (field, value) {
                self.note_value(any);
            }
        });
    }

    fn note_value(&mut self, any: &[u8]) {
        let _ = each_field(any, |field, value| match (field, value) {
            (1, Field::Bytes(text)) => self.note_text(text),
            (5, Field::Bytes(array)) => {
                let _ = each_field(array, |_, value| {
                    if let Field::Bytes(any) = value {
                        self.note_value(any);
                    }
                });
            }
            (6, Field::Bytes(map)) => {
                let _ = each_field(map, |_, value| {
                    if let Field::Bytes(pair) = value {
                        self.note_texts_of(pair);
                    }
                });
            }
            _ => {}
        });
    }

    /// The attributes of an event or a link, which stand in this field of it.
    fn note_attributes(&mut self, holder: &[u8], attributes: u32) {
        let _ = each_field(holder, |field, value| {
            if let Field::Bytes(pair) = value
                && field == attributes
            {
                self.note_texts_of(pair);
            }
        });
    }

    fn note_event(&mut self, event: &[u8]) {
        self.events += 1;
        let mut name = String::new();
        let _ = each_field(event, |field, value| {
            if let (2, Field::Bytes(bytes)) = (field, value) {
                name = text(bytes);
            }
        });
        if !self.event_names.contains(&name) {
            self.event_names.push(name);
        }
        self.note_attributes(event, 3);
    }

    fn note_status(&mut self, status: &[u8]) {
        let _ = each_field(status, |field, value| match (field, value) {
            (2, Field::Bytes(message)) => self.note_text(message),
            (3, Field::Number(number)) => self.status = number as u32,
            _ => {}
        });
    }
}

fn key_value(pair: &[u8]) -> Option<(String, Option<String>)> {
    let (mut key, mut shown) = (None, None);
    each_field(pair, |field, value| match (field, value) {
        (1, Field::Bytes(bytes)) => key = Some(text(bytes)),
        (2, Field::Bytes(bytes)) => shown = plain_value(bytes),
        _ => {}
    })
    .ok()?;
    Some((key?, shown))
}

/// A value that a line of text can hold: a string, a boolean, a number.
fn plain_value(any: &[u8]) -> Option<String> {
    let mut shown = None;
    each_field(any, |field, value| {
        shown = match (field, value) {
            (1, Field::Bytes(bytes)) => Some(text(bytes)),
            (2, Field::Number(truth)) => Some((truth != 0).to_string()),
            (3, Field::Number(number)) => Some((number as i64).to_string()),
            (4, Field::Number(bits)) => Some(f64::from_bits(bits).to_string()),
            _ => None,
        };
    })
    .ok()?;
    shown
}

fn scope_name(scope: &EncodedContext) -> String {
    let mut name = String::new();
    let _ = each_field(inside(&scope.field), |field, value| {
        if let (1, Field::Bytes(bytes)) = (field, value) {
            name = text(bytes);
        }
    });
    name
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
