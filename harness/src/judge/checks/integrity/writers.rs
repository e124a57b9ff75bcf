//! What to try where spans arrive changed: by the field, what writes it in the pipelines that people run.

use crate::judge::evidence::Evidence;

/// By the beginning of a field's path; the first that fits.
const WRITERS: [(&str, &str); 14] = [
    ("resource.", "what writes resources: `resource`, `resourcedetection`, `k8sattributes`, `groupbyattrs`"),
    ("scope.", "what groups spans anew or converts them from another format: scopes are lost or merged there"),
    (
        "attributes[",
        "what writes attributes: `attributes`, `transform`, `redaction`, and limits on their number or length",
    ),
    ("events", "limits on events, and conversions through another format (Jaeger, Zipkin)"),
    ("links", "limits on links, and conversions through another format (Jaeger, Zipkin)"),
    ("start_time", "conversions through a format of coarser times (Jaeger and Zipkin: microseconds)"),
    ("end_time", "conversions through a format of coarser times (Jaeger and Zipkin: microseconds)"),
    ("trace_id", "what makes, pads or cuts ids: conversions through another format, proxies, gateways of a vendor"),
    ("span_id", "what makes, pads or cuts ids: conversions through another format, proxies, gateways of a vendor"),
    ("parent_span_id", "what makes ids, or takes spans out of the middle of a trace and joins the rest"),
    ("name", "what renames spans: `span`, `transform`, `redaction`"),
    ("status.", "what sets statuses: `span`, `transform`, conversions through another format (Zipkin)"),
    ("trace_state", "samplers, which write there, and conversions, which leave it out"),
    ("flags", "samplers, which write there, and conversions, which leave them out"),
];

/// Of whatever else differs.
const ANY_WRITER: &str = "what rewrites spans: `transform`, and conversions through another format";

/// What to try where these fields differ and nothing is known that may have meant it.
pub(super) fn suspects(evidence: &Evidence, fields: &[String]) -> String {
    let of = |field: &String| WRITERS.iter().find(|(begin, _)| field.starts_with(begin)).map(|(_, writers)| *writers);
    let writers = fields.iter().find_map(of).unwrap_or(ANY_WRITER);
    match evidence.pipelines.is_empty() {
        true => format!("{writers}; if it is meant, give the configuration that says so"),
        false => {
            format!("{writers}; the configuration asks for none of it here, so the target's own code or version too")
        }
    }
}
