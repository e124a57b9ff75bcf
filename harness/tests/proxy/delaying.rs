//! Faults that hold bytes up, or change them. Only lower bounds are asserted on time: a busy machine adds to it.

use super::rig::{PATIENCE, Rig, end, is_silent, noise, rest, say_all, take};
use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

#[test]
fn a_black_hole_lets_nothing_through_and_everything_afterwards() {
    let rig = Rig::start();
    let (mut client, mut server) = rig.pair();
    rig.switch_on("black_hole");
    say_all(&mut client, &noise(100_000));
    server.write_all(b"answer").unwrap();
    assert!(is_silent(&mut client) && is_silent(&mut server), "not even an end");
    let mut new = rig.connect();
    new.write_all(b"hello?").unwrap();
    assert!(is_silent(&mut new));
    assert_eq!(rig.upstream.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    let gone = rig.connect();
    rig.until("three connections", |state| state.connections.open == 3);
    drop(gone);
    rig.until("the one that has gone to be forgotten", |state| state.connections.open == 2);
    let touched = rig.touched("black-hole");
    assert_eq!(touched.connections, 3);
    assert!(touched.bytes > 6, "what came was seen: {touched:?}");
    rig.switch_off("black-hole");
    assert_eq!(take(&mut client, 6), b"answer");
    assert!(rest(&mut server) == noise(100_000));
    assert_eq!(take(&mut rig.accept(), 6), b"hello?");
}

#[test]
fn a_black_hole_that_nothing_comes_to_has_touched_nothing() {
    let rig = Rig::start();
    let (_client, _server) = rig.pair();
    rig.switch_on("black_hole");
    rig.switch_off("black-hole");
    assert_eq!(rig.touched("black-hole"), spanproof_harness::proxy::Touched::default());
}

#[test]
fn a_reset_in_a_black_hole_is_seen_afterwards() {
    let rig = Rig::start();
    let (client, mut server) = rig.pair();
    rig.switch_on("black_hole");
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    assert!(is_silent(&mut server));
    rig.switch_off("black-hole");
    assert_eq!(end(&mut server), Err(ErrorKind::ConnectionReset));
}

#[test]
fn a_stall_holds_one_direction_up_and_not_the_other() {
    let rig = Rig::start();
    let (mut client, mut server) = rig.pair();
    rig.switch_on("stall: {direction: downstream}");
    client.write_all(b"request").unwrap();
    assert_eq!(take(&mut server, 7), b"request");
    say_all(&mut server, b"answer");
    assert!(is_silent(&mut client));
    assert_eq!((rig.touched("stall").connections, rig.touched("stall").bytes), (1, 6));
    rig.switch_off("stall");
    assert_eq!(rest(&mut client), b"answer");
}

#[test]
fn latency_is_added_in_its_direction_and_bytes_keep_their_order() {
    let rig = Rig::broken("latency: {by: 60ms, jitter: 30ms}");
    let (mut client, mut server) = rig.pair();
    let began = Instant::now();
    let mut sent = client.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        for piece in noise(20_000).chunks(100) {
            sent.write_all(piece).unwrap();
            std::thread::sleep(Duration::from_micros(200));
        }
    });
    assert!(take(&mut server, 20_000) == noise(20_000));
    sending.join().unwrap();
    server.write_all(b"answer").unwrap();
    assert_eq!(take(&mut client, 6), b"answer");
    assert!(began.elapsed() >= 2 * Duration::from_millis(30), "{:?}", began.elapsed());
    let touched = rig.touched("latency");
    assert_eq!((touched.connections, touched.bytes), (1, 20_006));

    rig.switch_off("latency");
    rig.switch_on("{name: answers, fault: {latency: {by: 300ms, direction: downstream}}}");
    let began = Instant::now();
    client.write_all(b"request").unwrap();
    assert_eq!(take(&mut server, 7), b"request");
    server.write_all(b"answer").unwrap();
    assert_eq!(take(&mut client, 6), b"answer");
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(rig.touched("answers").bytes, 6, "requests were not delayed");
}

#[test]
fn what_is_under_way_on_a_slow_link_is_bounded() {
    let rig = Rig::broken("latency: {by: 30s}");
    let (mut client, _server) = rig.pair();
    client.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let (piece, mut sent) = (noise(64 << 10), 0);
    while let Ok(bytes) = client.write(&piece) {
        sent += bytes;
        assert!(sent < 64 << 20, "it is all taken");
    }
    let held = rig.touched("latency").bytes;
    assert!((8 << 20..9 << 20).contains(&held), "{held}");
}

#[test]
fn a_slow_line_is_shared_by_all_connections() {
    let rig = Rig::broken("bandwidth: {per_second: 200kB, direction: upstream}");
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (mut client, mut server) = rig.pair();
            scope.spawn(move || say_all(&mut client, &noise(50_000)));
            scope.spawn(move || assert!(rest(&mut server) == noise(50_000)));
        }
    });
    // 100 kB at 200 kB/s, less what may be made up for.
    assert!(began.elapsed() >= Duration::from_millis(450), "{:?}", began.elapsed());
    let touched = rig.touched("bandwidth");
    assert_eq!((touched.connections, touched.bytes), (2, 100_000));
}

#[test]
fn a_slow_line_that_becomes_fast_again_lets_all_go_at_once() {
    let rig = Rig::broken("bandwidth: {per_second: 1B}");
    let (mut client, mut server) = rig.pair();
    say_all(&mut client, &noise(10_000));
    rig.until("the line to be taken", |state| state.faults[0].touched.bytes > 0);
    rig.switch_off("bandwidth");
    assert!(rest(&mut server) == noise(10_000));
    assert!(rig.touched("bandwidth").bytes < 10_000);
}

#[test]
fn the_end_of_a_connection_is_passed_on_late() {
    let rig = Rig::broken("slow_close: {by: 200ms, direction: upstream}");
    let (mut client, mut server) = rig.pair();
    let began = Instant::now();
    say_all(&mut client, b"all");
    assert_eq!(take(&mut server, 3), b"all");
    assert_eq!(rest(&mut server), b"");
    assert!(began.elapsed() >= Duration::from_millis(200));
    say_all(&mut server, b"");
    assert_eq!(rest(&mut client), b"");
    let touched = rig.touched("slow-close");
    assert_eq!((touched.connections, touched.times), (1, 1));
}

#[test]
fn one_bit_in_so_many_bytes_is_flipped_the_same_under_the_same_seed() {
    let corrupted = |seed: u64| {
        let rig = Rig::configured(|config| spanproof_harness::proxy::ProxyConfig { seed, ..config });
        rig.switch_on("corrupt: {one_in: 1KiB, direction: upstream}");
        let (mut client, mut server) = rig.pair();
        let sending = std::thread::spawn(move || say_all(&mut client, &noise(256 << 10)));
        let came = rest(&mut server);
        sending.join().unwrap();
        assert_eq!((rig.touched("corrupt").times, rig.touched("corrupt").connections), (256, 1));
        came
    };
    let of_seven = corrupted(7);
    let differing: Vec<u32> =
        of_seven.iter().zip(noise(256 << 10)).map(|(came, sent)| (came ^ sent).count_ones()).collect();
    assert!(differing.chunks(1 << 10).all(|block| block.iter().sum::<u32>() == 1), "one in each block");
    assert!(corrupted(7) == of_seven);
    assert!(corrupted(8) != of_seven);
}

#[test]
fn faults_that_hold_together_all_do_what_they_do() {
    let rig = Rig::broken("latency: {by: 50ms}");
    rig.switch_on("corrupt: {one_in: 100B, direction: upstream}");
    rig.switch_on("truncate: {after: 1000B, direction: upstream}");
    let (mut client, mut server) = rig.pair();
    let began = Instant::now();
    client.write_all(&[0; 4000]).unwrap();
    let came = rest(&mut server);
    assert_eq!((came.len(), came.iter().map(|byte| byte.count_ones()).sum::<u32>()), (1000, 10));
    assert!(began.elapsed() >= Duration::from_millis(50) && began.elapsed() < PATIENCE);
    assert_eq!(rig.until_all_ended().bytes.upstream, 1000);
}
