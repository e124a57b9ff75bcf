//! Attributes of spans that are no text any more. A decoded message cannot hold that, since its strings are UTF-8: what is to be
//! broken is marked there, and broken where the marks stand once the request is encoded.

use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::content::{has_text, pick_value};
use super::fields::{AlterSpans, Alteration};
use super::{Defect, DefectKind, Passage, Tamper};

/// What stands in the place of a character until it is broken: two that Unicode assigns to nobody, and so many that chance brings no
/// such bytes into ids and times.
const MARK: &str = "\u{10ffff}\u{10fffe}";

/// A byte that UTF-8 never has.
const BROKEN: u8 = 0xff;

pub fn tamper(defect: &Defect, seed: u64) -> Option<Box<dyn Tamper>> {
    if *defect.kind() != DefectKind::BreakUtf8 {
        return None;
    }
    Some(Box::new(BreakUtf8(AlterSpans::new(MARK_TEXT, defect.every, seed))))
}

const MARK_TEXT: Alteration = Alteration {
    eligible: |span| span.attributes.iter().any(has_text),
    alter: |span, rng| {
        if let Some(Value::StringValue(text)) = pick_value(span, has_text, rng) {
            text.pop();
            text.push_str(MARK);
        }
    },
};

struct BreakUtf8(AlterSpans);

impl Tamper for BreakUtf8 {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        let bites = self.0.tamper(passage);
        passage.has_marked |= bites > 0;
        bites
    }
}

/// Breaks what is marked in an encoded request. Lengths stay, so all around it does, too.
pub fn break_marked(encoded: &mut [u8]) {
    let mut from = 0;
    while let Some(at) = encoded[from..].windows(MARK.len()).position(|bytes| bytes == MARK.as_bytes()) {
        let end = from + at + MARK.len();
        encoded[from + at..end].fill(BROKEN);
        from = end;
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::KeyValue;
    use prost::Message;

    use super::super::sample::{Diff, request, run};
    use super::*;
    use crate::embedded::descending;

    #[test]
    fn one_text_of_a_span_loses_its_last_character_to_a_mark() {
        let Diff { changed, lost, added, repeated, bites, .. } = run("break-utf8,every=5", 100);
        assert!(bites > 0 && lost.is_empty() && added.is_empty() && repeated.is_empty());
        assert_eq!(changed.len() as u64, bites);
        for (before, after) in changed {
            let marked = after.attributes.iter().zip(&before.attributes).filter(|(after, before)| after != before);
            let [(after, before)] = &marked.collect::<Vec<_>>()[..] else { panic!("{before:?}") };
            let text = |attribute: &KeyValue| match attribute.value.clone().and_then(|value| value.value) {
                Some(Value::StringValue(text)) => text,
                other => panic!("{other:?}"),
            };
            let (sent, marked) = (text(before), text(after));
            let kept = marked.strip_suffix(MARK).unwrap();
            assert!(sent.starts_with(kept) && sent.chars().count() == kept.chars().count() + 1, "{sent} {marked}");
        }
    }

    /// In whatever order fields are written.
    #[test]
    fn what_is_marked_is_broken_once_it_is_encoded_and_nothing_else() {
        let mut tamper = tamper(&"break-utf8,every=3".parse().unwrap(), 3).unwrap();
        let mut passage = Passage::new(request(0), 0);
        assert_eq!((tamper.tamper(&mut passage), passage.has_marked), (4, true));
        for whole in [passage.message.encode_to_vec(), descending::encode(&passage.message)] {
            let mut broken = whole.clone();
            break_marked(&mut broken);
            let differing: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != broken[*at]).collect();
            assert_eq!((broken.len(), differing.len()), (whole.len(), 4 * MARK.len()));
            assert!(differing.iter().all(|at| broken[*at] == BROKEN));
            let error = ExportTraceServiceRequest::decode(&broken[..]).unwrap_err();
            assert!(error.to_string().contains("UTF-8"), "{error}");
        }
    }

    #[test]
    fn what_is_not_marked_stays() {
        let mut tamper = tamper(&"break-utf8".parse().unwrap(), 3).unwrap();
        let mut passage = Passage::new(ExportTraceServiceRequest::default(), 0);
        assert_eq!((tamper.tamper(&mut passage), passage.has_marked), (0, false));
        let whole = request(0).encode_to_vec();
        let mut same = whole.clone();
        break_marked(&mut same);
        assert_eq!(same, whole);
    }
}
