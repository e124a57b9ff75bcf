//! Starting and stopping: nothing hangs, nothing is left behind, and what is lost is said.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use spanproof_harness::embedded::{Destination, EmbeddedConfig, EmbeddedError, EmbeddedTarget, Tally};
use tonic::{Code, Status};

use super::client::{grpc, send};
use super::sink::{Answer, Sink};
use super::{PATIENCE, config, eventually, grpc_to, request, shutdown, timed};

/// Fails while anything listens there.
fn assert_free(address: SocketAddr) {
    drop(TcpListener::bind(address).unwrap());
}

#[tokio::test]
async fn a_shutdown_drains_the_queue_and_frees_the_ports() {
    // Every request fails once, so that some wait for their retry when the shutdown begins.
    let sink = Sink::grpc(vec![Answer::Grpc(Status::unavailable("busy")); 20]).await;
    let target = EmbeddedTarget::start(config(vec![grpc_to(sink.address)])).unwrap();
    let (grpc_addr, http_addr) = (target.grpc_addr(), target.http_addr());
    let mut client = grpc(grpc_addr).await;
    for number in 0..20 {
        client.export(request(number, 3)).await.unwrap();
    }
    let report = shutdown(target, PATIENCE).await;
    assert!(report.drained);
    assert_eq!((report.lost, report.stats.sent.spans, sink.bodies().len()), (Tally::default(), 60, 20));
    assert_free(grpc_addr);
    assert_free(http_addr);
    assert_eq!(client.export(request(1, 1)).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_shutdown_ends_at_its_deadline_and_says_what_is_lost() {
    let sink = Sink::grpc(vec![Answer::Hang; 100]).await;
    let config = EmbeddedConfig { timeout: Duration::from_secs(3600), ..config(vec![grpc_to(sink.address)]) };
    let target = EmbeddedTarget::start(config).unwrap();
    let (grpc_addr, http_addr) = (target.grpc_addr(), target.http_addr());
    for number in 0..15 {
        send(grpc_addr, request(number, 2), None).await.unwrap();
    }
    eventually("all consumers hang", || sink.attempts() == 10).await;
    let (report, took) = timed(shutdown(target, Duration::from_millis(300))).await;
    assert!(!report.drained);
    assert_eq!((report.lost, report.stats.queue_requests), (Tally { requests: 15, spans: 30 }, 0));
    // The grace that a shutdown allows itself beyond its deadline is 5 s.
    assert!(took < Duration::from_millis(5_300), "{took:?}");
    assert_free(grpc_addr);
    assert_free(http_addr);
}

#[tokio::test]
async fn what_is_delayed_is_acknowledged_at_once_and_becomes_due_at_shutdown() {
    let sink = Sink::grpc([]).await;
    let defects = vec!["deliver-late=1h,every=1".parse().unwrap()];
    let target = EmbeddedTarget::start(EmbeddedConfig { defects, ..config(vec![grpc_to(sink.address)]) }).unwrap();
    send(target.grpc_addr(), request(1, 2), None).await.unwrap();
    assert_eq!((sink.attempts(), target.stats().queue_requests), (0, 1));
    let report = shutdown(target, PATIENCE).await;
    assert!(report.drained);
    assert_eq!(sink.bodies().len(), 1);
}

#[tokio::test]
async fn dropping_a_target_frees_its_ports_at_once() {
    let sink = Sink::grpc(vec![Answer::Hang; 10]).await;
    let target = EmbeddedTarget::start(config(vec![grpc_to(sink.address)])).unwrap();
    let (grpc_addr, http_addr) = (target.grpc_addr(), target.http_addr());
    send(grpc_addr, request(1, 2), None).await.unwrap();
    let (_, took) = timed(async { drop(target) }).await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_free(grpc_addr);
    assert_free(http_addr);
}

#[tokio::test]
async fn a_port_in_use_is_named_and_nothing_is_left_listening() {
    let sink = Sink::grpc([]).await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    // Of an address that no other test listens on.
    let free = TcpListener::bind("127.83.0.1:0").unwrap().local_addr().unwrap();
    let config = EmbeddedConfig { listen_grpc: free, listen_http: address, ..config(vec![grpc_to(sink.address)]) };
    let error = EmbeddedTarget::start(config).err().unwrap();
    assert!(matches!(error, EmbeddedError::Listen { address: named, .. } if named == address));
    assert!(error.to_string().starts_with(&format!("listen on {address}: ")), "{error}");
    assert_free(free);
}

#[tokio::test]
async fn a_destination_that_cannot_be_used_is_an_error_that_keeps_its_secrets() {
    let none = EmbeddedTarget::start(config(Vec::new())).err().unwrap();
    insta::assert_snapshot!(none, @"start the embedded target without a destination; give it at least one");
    let endpoint = |endpoint: &str| {
        let usable = grpc_to("127.0.0.1:1".parse().unwrap());
        let unusable = Destination { endpoint: endpoint.to_owned(), ..usable.clone() };
        EmbeddedTarget::start(config(vec![usable, unusable])).err().unwrap().to_string()
    };
    insta::assert_snapshot!(endpoint("https://127.0.0.1:4317"), @"use the endpoint of destination 2: it does not start with http://, the only scheme the embedded target speaks");
    insta::assert_snapshot!(endpoint("http://me:hunter2@127.0.0.1:4317"), @"use the endpoint of destination 2: it holds a user name or password, which the embedded target does not send; remove it");
    insta::assert_snapshot!(endpoint("::::"), @"use the endpoint of destination 2: it is not a URL; write it as http://host:port");
}

/// Threads of this process whose name begins like the target's.
fn target_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("sp-target-")).count()
}

#[tokio::test]
async fn the_work_is_done_on_threads_named_for_the_target() {
    let sink = Sink::grpc([]).await;
    let target = EmbeddedTarget::start(config(vec![grpc_to(sink.address)])).unwrap();
    // A thread names itself once it runs. Other tests of this process run targets of their own.
    eventually("its threads have their names", || target_threads() >= 2).await;
    drop(target);
}
