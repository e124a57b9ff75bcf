//! Our own client and sink with a proxy in between.

use super::rig::PATIENCE;
use super::sink::{GRPC, HTTP, Rig as Sink, bytes, send};
use spanproof_harness::proxy::{ProxyConfig, ProxyServer};
use spanproof_harness::wire::client::{Answer, ClientConfig, Exporter, Transport};
use spanproof_scenarios::scenario::LinkSwitch;
use std::time::{Duration, Instant};

/// A sink, a proxy before it, and a client that sends through both.
pub fn through(transport: Transport) -> (Sink, ProxyServer, Exporter) {
    let sink = Sink::accepting();
    let behind = if transport == GRPC { sink.grpc() } else { sink.http() };
    let proxy = ProxyServer::start(ProxyConfig::new("127.0.0.1:0".parse().unwrap(), vec![behind])).unwrap();
    let endpoint = format!("http://{}", proxy.address()).parse().unwrap();
    let config = ClientConfig { timeout: Duration::from_secs(2), ..ClientConfig::new(endpoint, transport) };
    let exporter = Exporter::new(config).unwrap();
    (sink, proxy, exporter)
}

pub fn switch_on(proxy: &ProxyServer, fault: &str) {
    proxy.handle().switch_on(LinkSwitch::read("test", fault).unwrap()).unwrap();
}

pub fn is_accepted(answer: &Answer) -> bool {
    matches!(answer, Answer::Accepted { .. })
}

async fn until_none_is_open(proxy: &ProxyServer) {
    let deadline = Instant::now() + PATIENCE;
    while proxy.handle().state().connections.open > 0 {
        assert!(Instant::now() < deadline, "{:?}", proxy.handle().state());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Sends until it is accepted: after a failure a client pauses before it connects again.
pub async fn until_accepted(exporter: &Exporter, message: &[u8]) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = send(exporter, message).await;
        if is_accepted(&answer) {
            return;
        }
        assert!(Instant::now() < deadline, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_arrive_unchanged_and_are_answered() {
    for transport in [GRPC, HTTP] {
        let (sink, proxy, exporter) = through(transport);
        let message = bytes(300_000);
        for _ in 0..20 {
            assert!(is_accepted(&send(&exporter, &message).await));
        }
        let seen = sink.seen();
        assert_eq!(seen.len(), 20);
        assert!(seen.iter().all(|export| export.body == message));
        assert!(proxy.handle().state().bytes.upstream > 6_000_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_goes_on_after_each_fault() {
    for transport in [GRPC, HTTP] {
        let (_sink, proxy, exporter) = through(transport);
        let message = bytes(30_000);
        until_accepted(&exporter, &message).await;
        for fault in [
            "refuse",
            "reset",
            "{name: midway, fault: {reset: {after: 10KiB, direction: upstream}}}",
            "black_hole",
            "stall: {direction: downstream}",
            "truncate: {after: 10KiB, direction: upstream}",
            "half_close: {direction: upstream}",
            "half_close: {direction: downstream}",
            "corrupt: {one_in: 1B}",
        ] {
            switch_on(&proxy, fault);
            let answer = send(&exporter, &message).await;
            assert!(!is_accepted(&answer), "{fault}: {answer:?}");
            let state = proxy.handle().state();
            let touched = state.faults.iter().find(|fault| fault.on).unwrap();
            assert!(touched.touched.connections > 0, "{touched:?}");
            // Ends what has got out of step: who was told of a long frame waits for all of it.
            switch_on(&proxy, "reset");
            until_none_is_open(&proxy).await;
            proxy.handle().switch_all_off().unwrap();
            until_accepted(&exporter, &message).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_later_by_the_latency_of_both_directions() {
    let (_sink, proxy, exporter) = through(GRPC);
    until_accepted(&exporter, b"").await;
    switch_on(&proxy, "latency: {by: 100ms}");
    let began = Instant::now();
    assert!(is_accepted(&send(&exporter, &bytes(1000)).await));
    assert!(began.elapsed() >= Duration::from_millis(200));
}
