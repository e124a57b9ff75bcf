//! Faults that end connections, or let none begin.

use super::rig::{Rig, end, is_silent, noise, rest, say_all, take};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

#[test]
fn who_refuses_takes_no_connection_and_resets_those_there_are() {
    let rig = Rig::start();
    for time in 1..=2 {
        let (mut client, mut server) = rig.pair();
        client.write_all(b"before").unwrap();
        assert_eq!(take(&mut server, 6), b"before");
        rig.switch_on("refuse");
        assert_eq!(TcpStream::connect(rig.address()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(end(&mut client), Err(ErrorKind::ConnectionReset));
        assert_eq!(end(&mut server), Err(ErrorKind::ConnectionReset));
        rig.switch_off("refuse");
        assert_eq!((rig.touched("refuse").connections, rig.touched("refuse").times), (time, time));
    }
    let (mut client, mut server) = rig.pair();
    say_all(&mut client, b"after");
    assert_eq!(rest(&mut server), b"after");
}

#[test]
fn a_reset_at_once_meets_old_connections_and_new_ones() {
    let rig = Rig::start();
    let (mut client, mut server) = rig.pair();
    rig.switch_on("reset");
    assert_eq!(end(&mut client), Err(ErrorKind::ConnectionReset));
    assert_eq!(end(&mut server), Err(ErrorKind::ConnectionReset));
    let mut new = rig.connect();
    assert_eq!(end(&mut new), Err(ErrorKind::ConnectionReset));
    rig.until_all_ended();
    assert_eq!(rig.upstream.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "it was never led on");
    let touched = rig.touched("reset");
    assert_eq!((touched.connections, touched.times, touched.bytes), (2, 2, 0));
    let (first, last) = touched.between.unwrap();
    assert!(first <= last);
}

#[test]
fn a_reset_in_mid_stream_comes_after_so_many_bytes_of_its_direction() {
    let rig = Rig::start();
    let (mut client, mut server) = rig.pair();
    client.write_all(b"not counted").unwrap();
    assert_eq!(take(&mut server, 11), b"not counted");
    rig.switch_on("reset: {after: 64B, direction: upstream}");
    server.write_all(&noise(1000)).unwrap();
    assert_eq!(take(&mut client, 1000), noise(1000), "the other direction does not count");
    client.write_all(&noise(63)).unwrap();
    assert_eq!(take(&mut server, 63), noise(63));
    assert!(is_silent(&mut server));
    client.write_all(&noise(100)).unwrap();
    assert_eq!(end(&mut client), Err(ErrorKind::ConnectionReset));
    assert_eq!(end(&mut server), Err(ErrorKind::ConnectionReset));
    assert_eq!(rig.until_all_ended().bytes.upstream, 11 + 64);
}

#[test]
fn what_is_truncated_ends_in_good_order_after_so_many_bytes() {
    let rig = Rig::broken("truncate: {after: 1000B, direction: downstream}");
    let (mut client, mut server) = rig.pair();
    client.write_all(b"request").unwrap();
    assert_eq!(take(&mut server, 7), b"request");
    server.write_all(&noise(5000)).unwrap();
    assert_eq!(rest(&mut client), noise(1000));
    assert_eq!(rest(&mut server), b"");
    let touched = rig.touched("truncate");
    assert_eq!((touched.connections, touched.times), (1, 1));
}

#[test]
fn a_direction_that_is_ended_leaves_the_other_open() {
    let rig = Rig::broken("half_close: {after: 10B, direction: downstream}");
    let (mut client, mut server) = rig.pair();
    server.write_all(&noise(25)).unwrap();
    assert_eq!(rest(&mut client), noise(25)[..10]);
    client.write_all(b"are you there?").unwrap();
    assert_eq!(take(&mut server, 14), b"are you there?");
    say_all(&mut server, &noise(100));
    say_all(&mut client, b"");
    rig.until_all_ended();
    let touched = rig.touched("half-close");
    assert_eq!((touched.connections, touched.times, touched.bytes), (1, 1, 115), "15 and 100 bytes were thrown away");
}

#[test]
fn a_share_of_the_connections_is_drawn_by_the_seed() {
    let met = |seed: u64| {
        let rig = Rig::configured(|config| spanproof_harness::proxy::ProxyConfig { seed, ..config });
        rig.switch_on("{name: some, share: 30%, fault: reset}");
        let met: Vec<bool> = (0..100)
            .map(|_| {
                let mut client = rig.connect();
                is_reset(&rig, &mut client)
            })
            .collect();
        assert_eq!(rig.touched("some").connections, met.iter().filter(|met| **met).count() as u64);
        met
    };
    let of_seven = met(7);
    let count = of_seven.iter().filter(|met| **met).count();
    // Four standard deviations of a binomial of 100 draws at 30 %.
    assert!((12..=48).contains(&count), "{count}");
    assert_eq!(of_seven, met(7));
    assert_ne!(of_seven, met(8));
}

/// Waits until the connection was either reset or led on.
fn is_reset(rig: &Rig, client: &mut TcpStream) -> bool {
    client.set_nonblocking(true).unwrap();
    let deadline = std::time::Instant::now() + super::rig::PATIENCE;
    loop {
        match client.read(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            ended => return ended.is_err(),
        }
        if rig.upstream.accept().is_ok() {
            return false;
        }
        assert!(std::time::Instant::now() < deadline, "waited for a connection to be reset or led on");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

#[test]
fn as_many_faults_are_kept_account_of_as_there_may_be() {
    let rig = Rig::start();
    let switch = |number: usize| {
        let text = format!("{{name: fault-{number}, fault: {{latency: {{by: 1ms}}}}}}");
        let switch = spanproof_scenarios::scenario::LinkSwitch::read("test", &text).unwrap();
        rig.proxy.handle().switch_on(switch)
    };
    (0..64).for_each(|number| switch(number).unwrap());
    assert!(switch(64).unwrap_err().to_string().contains("64 faults"));
    switch(63).unwrap();
    rig.proxy.handle().switch_all_off().unwrap();
    assert!(rig.proxy.handle().state().faults.iter().all(|fault| !fault.on));
    assert!(!rig.proxy.handle().switch_off("other").unwrap());
}
