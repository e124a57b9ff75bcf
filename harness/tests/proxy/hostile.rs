//! A server that means harm to the proxy before it: what is remembered of a connection has an end.

use super::rig::PATIENCE;
use spanproof_harness::proxy::http2::frame::{self, PREFACE, kind};
use spanproof_harness::proxy::{ProxyConfig, ProxyServer};
use spanproof_scenarios::scenario::Http2Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// So many answers the client may owe to SETTINGS.
const ANSWERS_MAX: usize = 100_000;

#[test]
fn a_server_that_floods_settings_is_cut_off_and_the_client_is_told_why() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy =
        ProxyServer::start(ProxyConfig::new("127.0.0.1:0".parse().unwrap(), vec![listener.local_addr().unwrap()]))
            .unwrap();
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(PREFACE).unwrap();
    client.write_all(&frame::frame(kind::SETTINGS, 0, 0, &[])).unwrap();
    let flood = std::thread::spawn(move || {
        let (mut server, _) = listener.accept().unwrap();
        server.set_write_timeout(Some(PATIENCE)).unwrap();
        let flood = frame::frame(kind::SETTINGS, 0, 0, &[]).repeat(10 * ANSWERS_MAX);
        // It may well be cut off while it is at it.
        let _ = server.write_all(&flood);
        server
    });
    let mut came = Vec::new();
    client.read_to_end(&mut came).unwrap();
    let (settings, goaway) = came.split_at(came.iter().position(|byte| *byte == b'o').unwrap() - 18);
    assert_eq!(goaway, frame::goaway(0, Http2Error::EnhanceYourCalm.number(), b"too_many_settings"));
    assert_eq!(settings.len(), 9 * ANSWERS_MAX);
    drop(flood.join().unwrap());
}
