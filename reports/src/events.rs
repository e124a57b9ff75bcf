//! `events.ndjson`: what happened during a run, one JSON object a line, in order of writing.

use crate::plain_text::one_line;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The longest message, in characters.
const MESSAGE_MAX: usize = 1_000;

/// The longest line, in bytes; the fields of a longer one are dropped.
const LINE_MAX: usize = 16 << 10;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Event {
    /// When, in seconds from the epoch of the run.
    pub at_seconds: f64,
    /// What sort of thing, e.g. `fault`, `target`, `settle`.
    pub kind: String,
    /// What happened, one sentence.
    pub message: String,
    /// Details for programs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
}

impl Event {
    /// An event without details.
    pub fn new(at_seconds: f64, kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { at_seconds, kind: kind.into(), message: message.into(), fields: BTreeMap::new() }
    }

    /// The event with one more detail.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }
}

/// Writes events up to a number of bytes, then only counts them: a target that fails a thousand times a second must not
/// fill the disk.
pub struct EventWriter<W> {
    out: W,
    left: usize,
    dropped: u64,
    last_at: f64,
}

impl<W: Write> EventWriter<W> {
    /// A writer of at most about `bytes_max` bytes. It does not buffer, so that what was written survives a crash.
    pub fn new(out: W, bytes_max: usize) -> Self {
        Self { out, left: bytes_max, dropped: 0, last_at: 0.0 }
    }

    /// Writes an event, or counts it as dropped when the room is used up.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write(&mut self, event: &Event) -> io::Result<()> {
        self.last_at = event.at_seconds;
        let line = line(event)?;
        if line.len() > self.left {
            // From here on nothing is written, so that the file ends at one instant and not in a sieve.
            self.left = 0;
            self.dropped += 1;
            return Ok(());
        }
        self.left -= line.len();
        self.out.write_all(&line)
    }

    /// How many events were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Says how many events were dropped, if any, and flushes.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(mut self) -> io::Result<W> {
        if self.dropped > 0 {
            let message = "further events were not written: the file is at its limit";
            let event = Event::new(self.last_at, "events-dropped", message).with("count", self.dropped);
            self.out.write_all(&line(&event)?)?;
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

fn line(event: &Event) -> io::Result<Vec<u8>> {
    let mut event =
        Event { message: one_line(&event.message, MESSAGE_MAX), kind: one_line(&event.kind, 100), ..event.clone() };
    let mut line = serde_json::to_vec(&event)?;
    if line.len() > LINE_MAX {
        event.fields = BTreeMap::from([("fields_dropped".to_owned(), event.fields.len().into())]);
        line = serde_json::to_vec(&event)?;
    }
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::samples::HOSTILE;

    fn read(bytes: &[u8]) -> Vec<Event> {
        bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).unwrap()).collect()
    }

    #[test]
    fn events_read_back_a_line_each() {
        let mut writer = EventWriter::new(Vec::new(), 1 << 20);
        let events = [
            Event::new(30.0, "fault", "backend-down: sink answers UNAVAILABLE").with("fault", "backend-down"),
            Event::new(90.5, "fault", "healed").with("requests", 58),
        ];
        events.iter().for_each(|event| writer.write(event).unwrap());
        assert_eq!(read(&writer.finish().unwrap()), events);
    }

    #[test]
    fn a_flood_is_cut_and_counted() {
        let mut writer = EventWriter::new(Vec::new(), 10_000);
        for i in 0..10_000 {
            writer.write(&Event::new(f64::from(i), "target", "export failed")).unwrap();
        }
        let dropped = writer.dropped();
        let bytes = writer.finish().unwrap();
        assert!(bytes.len() < 11_000);
        let events = read(&bytes);
        let last = events.last().unwrap();
        assert_eq!((last.kind.as_str(), last.fields["count"].as_u64()), ("events-dropped", Some(dropped)));
        assert_eq!(events.len() as u64 - 1 + dropped, 10_000);
    }

    #[test]
    fn hostile_and_huge_events_stay_one_short_line() {
        let mut writer = EventWriter::new(Vec::new(), 1 << 20);
        writer.write(&Event::new(0.0, HOSTILE, HOSTILE.repeat(1_000)).with(HOSTILE, HOSTILE.repeat(1_000))).unwrap();
        let bytes = writer.finish().unwrap();
        assert!(bytes.len() < LINE_MAX && bytes.iter().filter(|b| **b < 0x20).count() == 1);
        assert_eq!(read(&bytes)[0].fields["fields_dropped"], 1);
    }
}
