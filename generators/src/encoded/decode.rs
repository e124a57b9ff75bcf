//! An encoded pool read back: shapes and topology as the workload made them.
//!
//! A pool as a model takes several times the memory that it takes encoded, so who needs a shape reads it back, one at a time.

use super::varying::{Slot, Varying};
use super::{EncodedContext, EncodedPool, SpanPlaces, SpanRecipe};
use crate::identity::{GHOST_ORDINAL, OWN_ID_KEY};
use crate::model::{
    Attribute, Emitter, EmitterId, Event, Link, Parent, Resource, Scope, ScopeId, Shape, Span, SpanKind, Status,
    Topology, Value,
};
use crate::protobuf::{MalformedError, Reader, Wire};

impl EncodedPool {
    /// A shape by its number, below [`EncodedPool::shapes`]; its weight, which is not kept, is 1.
    ///
    /// # Errors
    /// None for a pool of ours: its own bytes always read.
    ///
    /// # Panics
    /// When there is no such shape.
    pub fn shape(&self, number: u32) -> Result<Shape, MalformedError> {
        let shape = &self.shapes[number as usize];
        let recipes = &self.by_ordinal[shape.first_span as usize..(shape.first_span + shape.spans) as usize];
        let span = |recipe: &u32| self.span(&self.recipes[*recipe as usize], &self.places[*recipe as usize]);
        let spans = recipes.iter().map(span).collect::<Result<_, _>>()?;
        Ok(Shape { weight: 1.0, spans })
    }

    /// Who exports, and the libraries.
    ///
    /// # Errors
    /// As for [`EncodedPool::shape`].
    pub fn topology(&self) -> Result<Topology, MalformedError> {
        let emitter = |emitter: &super::EncodedEmitter| {
            let instances = emitter.instances.iter().map(resource).collect::<Result<_, MalformedError>>()?;
            Ok(Emitter { label: emitter.label.clone(), instances })
        };
        let emitters = self.emitters.iter().map(emitter).collect::<Result<_, MalformedError>>()?;
        Ok(Topology { emitters, scopes: self.scopes.iter().map(scope).collect::<Result<_, _>>()? })
    }

    fn span(&self, recipe: &SpanRecipe, places: &SpanPlaces) -> Result<Span, MalformedError> {
        let mut span = Span {
            emitter: EmitterId(recipe.emitter),
            scope: ScopeId(recipe.scope),
            variant: recipe.variant,
            parent: parent(recipe),
            trace_state: String::new(),
            flags: 0,
            name: String::new(),
            kind: SpanKind::Unspecified,
            start_ns: recipe.start_ns,
            duration_ns: recipe.end_ns - recipe.start_ns,
            attributes: Vec::new(),
            dropped_attributes: 0,
            events: Vec::new(),
            dropped_events: 0,
            links: Vec::new(),
            dropped_links: 0,
            status: Status::Unset,
        };
        let framed = self.span_in_run(places, self.run_of(places));
        fields(framed, |_, body| fields_of_span(body.bytes(), &mut span))?;
        self.varying_of(recipe).iter().for_each(|varying| put_varying(&mut span, varying));
        if recipe.variant.padded {
            // The encoder added it.
            span.attributes.retain(|attribute| attribute.key != OWN_ID_KEY);
        }
        Ok(span)
    }
}

fn parent(recipe: &SpanRecipe) -> Parent {
    match recipe.parent_ordinal.checked_sub(GHOST_ORDINAL) {
        _ if !recipe.has_parent => Parent::None,
        Some(number) => Parent::Ghost { number: number as u8 },
        None => Parent::Span { ordinal: recipe.parent_ordinal, variant: recipe.parent_variant },
    }
}

/// The value of a field: a number, or bytes.
#[derive(Clone, Copy)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    fn number(self) -> u64 {
        if let Self::Number(number) = self { number } else { 0 }
    }

    fn bytes(self) -> &'a [u8] {
        if let Self::Bytes(bytes) = self { bytes } else { &[] }
    }

    fn text(self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }
}

fn fields<'a>(
    message: &'a [u8],
    mut each: impl FnMut(u32, Field<'a>) -> Result<(), MalformedError>,
) -> Result<(), MalformedError> {
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        let value = match tag.wire {
            Wire::Varint => Field::Number(reader.varint()?),
            Wire::Fixed64 => Field::Number(reader.fixed64()?),
            Wire::Fixed32 => Field::Number(u64::from(reader.fixed32()?)),
            Wire::Bytes => Field::Bytes(reader.bytes()?),
            _ => {
                reader.skip(tag, 1)?;
                continue;
            }
        };
        each(tag.field, value)?;
    }
    Ok(())
}

fn fields_of_span(body: &[u8], span: &mut Span) -> Result<(), MalformedError> {
    fields(body, |field, value| {
        match field {
            3 => span.trace_state = value.text(),
            5 => span.name = value.text(),
            6 => span.kind = kind(value.number()),
            9 => span.attributes.push(attribute(value.bytes())?),
            10 => span.dropped_attributes = value.number() as u32,
            11 => span.events.push(event(value.bytes())?),
            12 => span.dropped_events = value.number() as u32,
            13 => span.links.push(link(value.bytes())?),
            14 => span.dropped_links = value.number() as u32,
            15 => span.status = status(value.bytes())?,
            16 => span.flags = value.number() as u32,
            _ => {}
        }
        Ok(())
    })
}

fn kind(number: u64) -> SpanKind {
    match number {
        1 => SpanKind::Internal,
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => SpanKind::Unspecified,
    }
}

fn status(body: &[u8]) -> Result<Status, MalformedError> {
    let (mut code, mut message) = (0, String::new());
    fields(body, |field, value| {
        match field {
            2 => message = value.text(),
            3 => code = value.number(),
            _ => {}
        }
        Ok(())
    })?;
    Ok(match code {
        1 => Status::Ok(message),
        2 => Status::Error(message),
        _ => Status::Unset,
    })
}

fn event(body: &[u8]) -> Result<Event, MalformedError> {
    let mut event = Event { offset_ns: 0, name: String::new(), attributes: Vec::new(), dropped_attributes: 0 };
    fields(body, |field, value| {
        match field {
            2 => event.name = value.text(),
            3 => event.attributes.push(attribute(value.bytes())?),
            4 => event.dropped_attributes = value.number() as u32,
            _ => {}
        }
        Ok(())
    })?;
    Ok(event)
}

fn link(body: &[u8]) -> Result<Link, MalformedError> {
    let mut link = Link {
        ordinal: 0,
        variant: crate::model::TraceVariant::default(),
        trace_state: String::new(),
        attributes: Vec::new(),
        dropped_attributes: 0,
        flags: 0,
    };
    fields(body, |field, value| {
        match field {
            3 => link.trace_state = value.text(),
            4 => link.attributes.push(attribute(value.bytes())?),
            5 => link.dropped_attributes = value.number() as u32,
            6 => link.flags = value.number() as u32,
            _ => {}
        }
        Ok(())
    })?;
    Ok(link)
}

fn attribute(pair: &[u8]) -> Result<Attribute, MalformedError> {
    let (mut key, mut read) = (String::new(), Value::Empty);
    fields(pair, |field, value| {
        match field {
            1 => key = value.text(),
            2 => read = any_value(value.bytes())?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(Attribute { key, value: read })
}

fn any_value(any: &[u8]) -> Result<Value, MalformedError> {
    let mut read = Value::Empty;
    fields(any, |field, value| {
        read = match field {
            1 => Value::Str(value.text()),
            2 => Value::Bool(value.number() != 0),
            3 => Value::Int(value.number() as i64),
            4 => Value::Double(f64::from_bits(value.number())),
            5 => Value::Array(elements(value.bytes(), any_value)?),
            6 => Value::Map(elements(value.bytes(), attribute)?),
            7 => Value::Bytes(value.bytes().to_vec()),
            _ => Value::Empty,
        };
        Ok(())
    })?;
    Ok(read)
}

fn elements<T>(body: &[u8], read: fn(&[u8]) -> Result<T, MalformedError>) -> Result<Vec<T>, MalformedError> {
    let mut elements = Vec::new();
    fields(body, |_, value| {
        elements.push(read(value.bytes())?);
        Ok(())
    })?;
    Ok(elements)
}

/// What stood as zeros in the bytes, since it varies or depends on the trace.
fn put_varying(span: &mut Span, varying: &Varying) {
    let number = varying.number as usize;
    match varying.slot {
        Slot::EventTime { offset_ns, .. } => {
            if let Some(event) = span.events.get_mut(number) {
                event.offset_ns = offset_ns;
            }
        }
        Slot::Link { ordinal, variant, .. } => {
            if let Some(link) = span.links.get_mut(number) {
                (link.ordinal, link.variant) = (ordinal, variant);
            }
        }
        Slot::Digits { digits_at, digits, .. } => {
            let Some(attribute) = span.attributes.get_mut(number) else { return };
            let Value::Str(text) = &attribute.value else { return };
            let (prefix, rest) = text.split_at(digits_at as usize);
            let (prefix, suffix) = (prefix.to_owned(), rest[usize::from(digits)..].to_owned());
            attribute.value = Value::Digits { prefix, digits, suffix };
        }
        Slot::Double { low, high, .. } => {
            if let Some(attribute) = span.attributes.get_mut(number) {
                attribute.value = Value::Uniform { low, high };
            }
        }
        Slot::OwnId { .. } => {}
    }
}

/// The body of a context's field and its schema URL.
fn context(context: &EncodedContext) -> Result<(&[u8], String), MalformedError> {
    let (mut body, mut schema_url): (&[u8], _) = (&[], String::new());
    fields(&context.field, |_, value| {
        body = value.bytes();
        Ok(())
    })?;
    fields(&context.schema_field, |_, value| {
        schema_url = value.text();
        Ok(())
    })?;
    Ok((body, schema_url))
}

fn resource(encoded: &EncodedContext) -> Result<Resource, MalformedError> {
    let (body, schema_url) = context(encoded)?;
    let mut resource = Resource { schema_url, ..Resource::default() };
    fields(body, |field, value| {
        match field {
            1 => resource.attributes.push(attribute(value.bytes())?),
            2 => resource.dropped_attributes = value.number() as u32,
            _ => {}
        }
        Ok(())
    })?;
    Ok(resource)
}

fn scope(encoded: &EncodedContext) -> Result<Scope, MalformedError> {
    let (body, schema_url) = context(encoded)?;
    let mut scope = Scope { schema_url, ..Scope::default() };
    fields(body, |field, value| {
        match field {
            1 => scope.name = value.text(),
            2 => scope.version = value.text(),
            3 => scope.attributes.push(attribute(value.bytes())?),
            4 => scope.dropped_attributes = value.number() as u32,
            _ => {}
        }
        Ok(())
    })?;
    Ok(scope)
}
