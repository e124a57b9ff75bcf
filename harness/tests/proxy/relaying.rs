//! Without faults a proxy is not noticed, and its bounds hold.

use super::rig::{Rig, end, is_silent, noise, rest, say_all, take};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::num::NonZeroUsize;
use std::time::Duration;

#[test]
fn everything_goes_through_both_ways_unchanged() {
    for threads in [1, 2] {
        let rig = Rig::configured(|config| spanproof_harness::proxy::ProxyConfig {
            threads: NonZeroUsize::new(threads).unwrap(),
            ..config
        });
        let (up, down) = (noise(3 << 20), noise(5_000_000));
        let (mut client, mut server) = rig.pair();
        std::thread::scope(|scope| {
            let (mut to_server, mut to_client) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let (up, down) = (&up, &down);
            scope.spawn(move || say_all(&mut to_server, up));
            scope.spawn(move || say_all(&mut to_client, down));
            let came = scope.spawn(|| rest(&mut server));
            assert!(rest(&mut client) == *down);
            assert!(came.join().unwrap() == *up);
        });
        let state = rig.until_all_ended();
        assert_eq!((state.bytes.upstream, state.bytes.downstream), (3 << 20, 5_000_000));
        assert_eq!((state.connections.taken, state.connections.unreachable), (1, 0));
    }
}

#[test]
fn who_has_ended_may_still_be_answered() {
    let rig = Rig::start();
    let (mut client, mut server) = rig.pair();
    say_all(&mut client, b"request");
    assert_eq!(rest(&mut server), b"request");
    say_all(&mut server, b"answer");
    assert_eq!(rest(&mut client), b"answer");
    rig.until_all_ended();
}

#[test]
fn a_reset_of_either_end_reaches_the_other() {
    let rig = Rig::start();
    for client_goes in [true, false] {
        let (client, server) = rig.pair();
        let (gone, mut left) = if client_goes { (client, server) } else { (server, client) };
        socket2::SockRef::from(&gone).set_linger(Some(Duration::ZERO)).unwrap();
        drop(gone);
        assert_eq!(end(&mut left), Err(ErrorKind::ConnectionReset));
    }
    rig.until_all_ended();
}

#[test]
fn who_sends_waits_for_who_reads() {
    let rig = Rig::start();
    let (mut client, mut server) = rig.pair();
    client.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let (piece, mut sent) = (noise(64 << 10), 0);
    loop {
        match client.write(&piece) {
            Ok(bytes) => sent += bytes,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                break;
            }
        }
        // The kernel's buffers of two connections, and one piece of ours.
        assert!(sent < 64 << 20, "nobody reads, and all is taken");
    }
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut server).len(), sent);
}

#[test]
fn an_upstream_that_is_not_there_resets_the_client() {
    let rig = Rig::start();
    let Rig { proxy, upstream } = rig;
    drop(upstream);
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    assert_eq!(end(&mut client), Err(ErrorKind::ConnectionReset));
    assert_eq!(proxy.handle().state().connections.unreachable, 1);
}

#[test]
fn more_connections_than_there_are_places_for_are_closed_at_once() {
    let rig = Rig::configured(|config| spanproof_harness::proxy::ProxyConfig { connections_max: 1, ..config });
    let (mut first, mut server) = rig.pair();
    let mut second = rig.connect();
    assert!(matches!(second.read(&mut [0]), Ok(0) | Err(_)));
    first.write_all(b"still here").unwrap();
    assert_eq!(take(&mut server, 10), b"still here");
    assert_eq!(rig.proxy.handle().state().connections.refused, 1);
}

#[test]
fn a_proxy_that_stops_waits_for_its_connections_and_then_cuts_them() {
    let mut rig = Rig::start();
    let (mut client, mut server) = rig.pair();
    assert_eq!(rig.proxy.shutdown(Duration::from_millis(50)), 1);
    assert!(end(&mut client).is_ok() || !is_silent(&mut client));
    assert!(end(&mut server).is_ok() || !is_silent(&mut server));
    assert!(TcpStream::connect(rig.address()).is_err());
    assert_eq!((rig.proxy.shutdown(Duration::ZERO), rig.proxy.handle().state().connections.open), (0, 0));

    let mut rig = Rig::start();
    let (mut client, mut server) = rig.pair();
    let ending = std::thread::spawn(move || {
        say_all(&mut client, b"last words");
        assert_eq!(rest(&mut server), b"last words");
        drop(server);
        rest(&mut client);
    });
    assert_eq!(rig.proxy.shutdown(super::rig::PATIENCE), 0);
    ending.join().unwrap();
    // Nothing that is switched afterwards takes connections again.
    rig.switch_on("refuse");
    rig.switch_off("refuse");
    assert!(TcpStream::connect(rig.address()).is_err());
}
