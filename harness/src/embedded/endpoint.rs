//! Reading a destination's endpoint: plain `http://host:port` with an optional path, nothing hidden in it.

use http::Uri;
use http::uri::{PathAndQuery, Scheme};
use thiserror::Error;

/// Why an endpoint cannot be exported to. None of the texts quotes the endpoint, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// It does not parse. Write it as `http://host:port`.
    #[error("is not a URL; write it as http://host:port")]
    NotAUrl,
    /// It is not plain HTTP. The embedded target speaks no TLS.
    #[error("does not start with http://, the only scheme the embedded target speaks")]
    NotPlainHttp,
    /// It names a user. The embedded target sends no credentials.
    #[error("holds a user name or password, which the embedded target does not send; remove it")]
    Credentials,
}

/// The parsed endpoint, checked.
pub fn parse(endpoint: &str) -> Result<Uri, EndpointError> {
    let uri: Uri = endpoint.parse().map_err(|_| EndpointError::NotAUrl)?;
    if uri.scheme() != Some(&Scheme::HTTP) {
        return Err(EndpointError::NotPlainHttp);
    }
    let authority = uri.authority().ok_or(EndpointError::NotAUrl)?;
    if authority.as_str().contains('@') {
        return Err(EndpointError::Credentials);
    }
    Ok(uri)
}

/// The URL that traces are posted to over HTTP: the endpoint with the path of OTLP's traces when it has none of its own.
pub fn traces_url(endpoint: Uri) -> Result<Uri, EndpointError> {
    if endpoint.path() != "/" {
        return Ok(endpoint);
    }
    let mut parts = endpoint.into_parts();
    parts.path_and_query = Some(PathAndQuery::from_static("/v1/traces"));
    Uri::from_parts(parts).map_err(|_| EndpointError::NotAUrl)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_without_a_path_posts_to_v1_traces() {
        for endpoint in ["http://127.0.0.1:4318", "http://127.0.0.1:4318/"] {
            let url = traces_url(parse(endpoint).unwrap()).unwrap();
            assert_eq!(url, "http://127.0.0.1:4318/v1/traces");
        }
    }

    #[test]
    fn a_path_of_its_own_is_kept() {
        let url = traces_url(parse("http://127.0.0.1:4318/otlp/v1/traces").unwrap()).unwrap();
        assert_eq!(url.path(), "/otlp/v1/traces");
    }

    #[test]
    fn anything_but_plain_http_without_credentials_is_refused() {
        assert_eq!(parse("127.0.0.1:4317"), Err(EndpointError::NotPlainHttp));
        assert_eq!(parse("https://127.0.0.1:4317"), Err(EndpointError::NotPlainHttp));
        assert_eq!(parse("http://me:secret@127.0.0.1"), Err(EndpointError::Credentials));
        assert_eq!(parse("http://"), Err(EndpointError::NotAUrl));
    }
}
