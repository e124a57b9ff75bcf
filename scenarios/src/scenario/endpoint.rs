//! Where an external target listens, taken apart just enough to know the host.

use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;
use std::str::FromStr;

use crate::units::ValueError;

/// `http://host:port` or `https://host:port`, perhaps with a path behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    text: String,
    host: String,
    port: u16,
    secure: bool,
}

const HINT: &str = "write it as `http://127.0.0.1:4317`";

impl Endpoint {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host: a name or an address, without the brackets of IPv6.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 80 or 443 when none is written.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// True for `https`.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// True when nothing sent there leaves this machine.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// True when nothing sent to this name or address leaves this machine, or gets anywhere: names below `localhost` and `invalid` are
/// reserved for that (RFC 6761). What listens on every address is here, too.
pub fn stays_here(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let is_reserved = [".localhost", ".invalid"].iter().any(|end| name.ends_with(end));
    let is_here = |address: IpAddr| address.is_loopback() || address.is_unspecified();
    name == "localhost" || is_reserved || name.parse().is_ok_and(is_here)
}

impl Display for Endpoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Endpoint {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (secure, rest) = if let Some(rest) = text.strip_prefix("http://") {
            (false, rest)
        } else if let Some(rest) = text.strip_prefix("https://") {
            (true, rest)
        } else {
            return Err(ValueError::new(0, "the endpoint does not start with `http://` or `https://`", HINT));
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            let hint = "send credentials as a header, with `traffic.transport.headers_env`";
            return Err(ValueError::new(0, "the endpoint carries a user name or password", hint));
        }
        let (host, port) = split_port(authority)?;
        let port = port.unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { text: text.to_owned(), host: host.to_owned(), port, secure })
    }
}

/// Host and port of `host`, `host:port` or `[v6]:port`.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), ValueError> {
    let refused = || ValueError::new(0, "the endpoint names no host and port", HINT);
    let (host, rest) = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']').ok_or_else(refused)?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || !host.chars().all(fits) {
        return Err(refused());
    }
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Ok((host, None)),
        None => Err(refused()),
        Some(port) => match port.parse::<u16>() {
            Ok(port) if port > 0 => Ok((host, Some(port))),
            _ => Err(refused()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_told_from_the_rest_of_the_world() {
        let local = |text: &str| text.parse::<Endpoint>().unwrap().is_loopback();
        assert!(local("http://127.0.0.1:4317") && local("http://localhost:4318/v1") && local("http://[::1]:4317"));
        assert!(local("http://127.9.9.9"));
        assert!(
            !local("http://10.0.0.1:4317") && !local("https://localhost.example.com") && !local("http://0.0.0.0:1")
        );
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for text in
            ["", "127.0.0.1:4317", "grpc://x:1", "http://", "http://:1", "http://a:b", "http://a:0", "http://a b:1"]
        {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
        let error = "http://me:secret@host:1".parse::<Endpoint>().unwrap_err();
        assert!(!format!("{error:?}").contains("secret"));
        assert_eq!("https://a".parse::<Endpoint>().unwrap().port(), 443);
    }
}
