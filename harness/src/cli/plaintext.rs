//! What the environment says of TLS without a certificate. Traffic is never encrypted; certificates and `https` are refused
//! when a scenario is loaded, and what is left changes nothing and is merely told.

/// The variables that say whether an endpoint without a scheme is spoken to without TLS; those for traces win.
const INSECURE: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_INSECURE", "OTEL_EXPORTER_OTLP_INSECURE"];

/// A note for people if the environment asks for TLS in a way that has no effect.
pub(crate) fn note() -> Option<String> {
    note_of(|name| std::env::var(name).ok())
}

fn note_of(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let set = |name: &'static str| Some((name, variable(name).filter(|value| !value.trim().is_empty())?));
    let (name, value) = INSECURE.into_iter().find_map(set)?;
    let secure = !value.trim().eq_ignore_ascii_case("true");
    secure.then(|| {
        format!(
            "note: {name} asks for TLS and has no effect: that is for endpoints without a scheme, and here every endpoint \
             says http://, which is sent in the clear"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_asks_for_tls_is_told_and_traces_win() {
        let with = |traces: Option<&str>, general: Option<&str>| {
            note_of(|name| if name.contains("TRACES") { traces } else { general }.map(str::to_owned))
        };
        assert_eq!(with(None, None), None);
        assert_eq!(with(Some("TRUE"), Some("false")), None);
        assert_eq!(with(Some(""), Some("true")), None);
        assert!(with(None, Some("false")).unwrap().contains("OTEL_EXPORTER_OTLP_INSECURE"));
        assert!(with(Some("no"), Some("true")).unwrap().contains("OTEL_EXPORTER_OTLP_TRACES_INSECURE"));
    }
}
