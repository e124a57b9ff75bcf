//! Which services the spans came from.

use spanproof_generators::protobuf::{Reader, Wire};
use spanproof_generators::walk::Walk;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Services told apart. A client that puts an id into its service name must not fill our memory.
const SERVICES_MAX: usize = 1_000;

/// Longer names are cut here.
const NAME_BYTES_MAX: usize = 256;

/// Spans by service.
#[derive(Debug, Default)]
pub(super) struct Services {
    by_name: BTreeMap<String, u64>,
    left_out: u64,
}

impl Services {
    /// Counts spans of a service.
    pub(super) fn add(&mut self, name: &str, spans: u64) {
        if let Some(count) = self.by_name.get_mut(name) {
            *count += spans;
        } else if self.by_name.len() < SERVICES_MAX {
            self.by_name.insert(name.to_owned(), spans);
        } else {
            self.left_out += spans;
        }
    }

    /// Spans by name.
    pub(super) fn by_name(&self) -> &BTreeMap<String, u64> {
        &self.by_name
    }

    /// Spans of services for which there was no room.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }
}

/// Calls `each` with service and number of spans for every group of a request.
pub(super) fn spans_by_service(walk: &Walk, body: &[u8], mut each: impl FnMut(&str, u64)) {
    for group in walk.spans.chunk_by(|one, next| one.filing == next.filing) {
        let place = &walk.filings[group[0].filing as usize].resource_spans;
        let name = service_name(&body[place.start as usize..place.end as usize]);
        each(&name, group.len() as u64);
    }
}

/// The `service.name` of a `ResourceSpans` message; empty when there is none or it is no string. Of several the first
/// counts.
fn service_name(resource_spans: &[u8]) -> Cow<'_, str> {
    let attributes = fields(resource_spans, 1).flat_map(|resource| fields(resource, 1));
    let named = attributes.filter(|attribute| fields(attribute, 1).last() == Some(b"service.name"));
    let text = named.flat_map(|attribute| fields(attribute, 2)).flat_map(|value| fields(value, 1)).next();
    let bytes = text.unwrap_or_default();
    String::from_utf8_lossy(&bytes[..bytes.len().min(NAME_BYTES_MAX)])
}

/// The values of one length-delimited field of a message. The walk has accepted the message, so it is well-formed; if it
/// were not, the values would end there.
fn fields(message: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    let mut reader = Reader::new(message);
    std::iter::from_fn(move || {
        while let Ok(Some(tag)) = reader.tag() {
            if tag.field == number && tag.wire == Wire::Bytes {
                return reader.bytes().ok();
            }
            reader.skip(tag, 100).ok()?;
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_names_is_bounded_and_its_spans_are_still_counted() {
        let mut services = Services::default();
        for name in 0..SERVICES_MAX + 5 {
            services.add(&name.to_string(), 2);
        }
        services.add("0", 1);
        assert_eq!((services.by_name().len(), services.by_name()["0"], services.left_out()), (SERVICES_MAX, 3, 10));
    }

    #[test]
    fn garbage_has_no_service() {
        assert_eq!(service_name(&[0x0a, 0xff, 0xff]), "");
        assert_eq!(service_name(&[]), "");
    }
}
