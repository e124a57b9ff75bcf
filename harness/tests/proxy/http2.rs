//! Faults of HTTP/2, seen by a client that writes its frames by hand, and by ours.

use super::rig::PATIENCE;
use super::sink::{GRPC, HTTP, Rig as Sink, bytes, send};
use super::telemetry::{is_accepted, switch_on, through, until_accepted};
use spanproof_harness::proxy::http2::frame::{self, ACK, END_HEADERS, END_STREAM, INITIAL_WINDOW_SIZE, PREFACE, kind};
use spanproof_harness::proxy::{ProxyConfig, ProxyServer, Touched};
use spanproof_scenarios::scenario::Http2Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A frame that came.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Frame {
    fn number(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// A client with a proxy before a sink.
struct Rig {
    sink: Sink,
    proxy: ProxyServer,
    socket: TcpStream,
    next: u32,
}

impl Rig {
    fn start(fault: Option<&str>) -> Self {
        let sink = Sink::accepting();
        let proxy = ProxyServer::start(ProxyConfig::new("127.0.0.1:0".parse().unwrap(), vec![sink.grpc()])).unwrap();
        if let Some(fault) = fault {
            switch_on(&proxy, fault);
        }
        let mut socket = TcpStream::connect(proxy.address()).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.write_all(PREFACE).unwrap();
        let mut rig = Self { sink, proxy, socket, next: 1 };
        rig.say(frame::frame(kind::SETTINGS, 0, 0, &[]));
        rig
    }

    fn touched(&self) -> Touched {
        let state = self.proxy.handle().state();
        self.proxy.handle().touched(&state.faults[0].name).unwrap()
    }

    fn say(&mut self, frame: Vec<u8>) {
        self.socket.write_all(&frame).unwrap();
    }

    /// Begins a call; its stream.
    fn begin(&mut self) -> u32 {
        let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        let fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "sink"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ];
        let field = |(name, value): (&str, &str)| {
            [&[0, name.len() as u8], name.as_bytes(), &[value.len() as u8], value.as_bytes()].concat()
        };
        let block: Vec<u8> = fields.into_iter().flat_map(field).collect();
        let stream = self.next;
        self.next += 2;
        self.say(frame::frame(kind::HEADERS, END_HEADERS, stream, &block));
        stream
    }

    /// The message of a call: an empty one.
    fn end(&mut self, stream: u32) {
        self.say(frame::frame(kind::DATA, END_STREAM, stream, &[0; 5]));
    }

    /// The next frame; `None` at the end of the connection. SETTINGS are answered, as they have to be.
    fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.socket.read_exact(&mut head).ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.socket.read_exact(&mut payload).ok()?;
        if kind == kind::SETTINGS && flags & ACK == 0 {
            self.say(frame::frame(kind::SETTINGS, ACK, 0, &[]));
        }
        Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    /// Frames up to one of which something is true, that one last.
    fn until(&mut self, what: &str, is_last: impl Fn(&Frame) -> bool) -> Vec<Frame> {
        let (mut frames, deadline) = (Vec::new(), Instant::now() + PATIENCE);
        loop {
            assert!(Instant::now() < deadline, "waited for {what}: {frames:?}");
            let frame = self.read().unwrap_or_else(|| panic!("waited for {what}: {frames:?}"));
            frames.push(frame);
            if frames.last().is_some_and(&is_last) {
                return frames;
            }
        }
    }

    fn until_kind(&mut self, wanted: u8) -> Frame {
        self.until("a frame of a kind", |frame| frame.kind == wanted).pop().unwrap()
    }

    /// A whole call; the frames that came until it was answered.
    fn call(&mut self) -> Vec<Frame> {
        let stream = self.begin();
        self.end(stream);
        self.until("an answer", |frame| {
            frame.stream == stream && frame.kind == kind::HEADERS && frame.flags & END_STREAM != 0
        })
    }
}

#[test]
fn a_graceful_goaway_is_said_twice_and_what_is_under_way_is_answered() {
    let mut rig = Rig::start(None);
    rig.call();
    let under_way = rig.begin();
    switch_on(&rig.proxy, "goaway");
    let first = rig.until_kind(kind::GOAWAY);
    assert_eq!((first.number(0), first.number(4)), (0x7FFF_FFFF, 0));
    let second = rig.until_kind(kind::GOAWAY);
    assert_eq!((second.number(0), second.number(4)), (under_way, 0));
    rig.end(under_way);
    rig.until("an answer", |frame| frame.stream == under_way && frame.flags & END_STREAM != 0);
    assert_eq!(rig.sink.seen().len(), 2);
    assert_eq!((rig.touched().connections, rig.touched().times), (1, 1));
}

#[test]
fn an_abrupt_goaway_names_what_may_have_been_taken_and_closes() {
    let mut rig = Rig::start(None);
    rig.call();
    rig.begin();
    switch_on(&rig.proxy, "goaway: {abrupt: true, error: ENHANCE_YOUR_CALM}");
    let goaway = rig.until_kind(kind::GOAWAY);
    assert_eq!((goaway.number(0), goaway.number(4), &goaway.payload[8..]), (1, 11, &b"too_many_pings"[..]));
    assert_eq!(rig.read(), None);
    assert_eq!(rig.sink.seen().len(), 1, "the second was never whole");
}

#[test]
fn new_streams_are_reset_with_each_error_and_reach_nobody() {
    let mut rig = Rig::start(None);
    rig.call();
    for error in Http2Error::ALL {
        switch_on(&rig.proxy, &format!("{{name: streams, fault: {{reset_stream: {{error: {}}}}}}}", error.name()));
        let stream = rig.begin();
        let reset = rig.until_kind(kind::RST_STREAM);
        assert_eq!((reset.stream, reset.number(0)), (stream, error.number()));
        rig.end(stream);
        rig.proxy.handle().switch_off("streams").unwrap();
        rig.call();
    }
    assert_eq!(rig.sink.seen().len(), 1 + Http2Error::ALL.len());
}

#[test]
fn a_limit_of_streams_is_set_and_taken_back() {
    let mut rig = Rig::start(Some("max_streams: {streams: 0}"));
    let limit = |frame: &Frame| frame::value_of(frame::MAX_CONCURRENT_STREAMS, &frame.payload);
    let is_settings = |frame: &Frame| frame.kind == kind::SETTINGS && frame.flags & ACK == 0;
    let servers = rig.until("the server's settings", |frame| is_settings(frame)).pop().unwrap();
    let ours = rig.until("other settings", |frame| is_settings(frame)).pop().unwrap();
    assert!(limit(&servers).is_some_and(|limit| limit > 0) && limit(&ours) == Some(0), "{servers:?} {ours:?}");
    rig.proxy.handle().switch_all_off().unwrap();
    let again = rig.until("the settings of before", |frame| is_settings(frame)).pop().unwrap();
    assert_eq!(limit(&again), limit(&servers));
    rig.call();
    rig.call();
    assert_eq!(rig.touched().times, 1);
}

#[test]
fn windows_are_withheld_and_made_up_for() {
    let mut rig = Rig::start(Some("window_stall"));
    let set =
        |frame: &Frame| frame::value_of(INITIAL_WINDOW_SIZE, &frame.payload).filter(|_| frame.kind == kind::SETTINGS);
    // No stream may send data from then on. An answer can be as quick as that.
    let mut frames = rig.until("a window of nothing", |frame| set(frame) == Some(0));
    frames.extend(rig.call());
    assert!(frames.iter().all(|frame| frame.kind != kind::WINDOW_UPDATE));
    let withheld = rig.touched();
    assert!(withheld.times > 0);
    rig.proxy.handle().switch_all_off().unwrap();
    let given_back = rig.until_kind(kind::SETTINGS);
    assert!(set(&given_back) > Some(0), "{given_back:?}");
    let update = rig.until_kind(kind::WINDOW_UPDATE);
    assert!(update.stream == 0 && update.number(0) > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_goes_on_after_each_fault_of_http2() {
    for fault in [
        "goaway",
        "goaway: {abrupt: true}",
        "reset_stream: {error: REFUSED_STREAM}",
        "reset_stream: {error: INTERNAL_ERROR}",
        "max_streams: {streams: 0}",
    ] {
        let (sink, proxy, exporter) = through(GRPC);
        until_accepted(&exporter, &bytes(1000)).await;
        assert_eq!(sink.seen().len(), 1);
        switch_on(&proxy, fault);
        // A client that is told by a frame may hear of it before or after it is asked to send.
        let is_told = fault.starts_with("goaway") || fault.starts_with("max_streams");
        let deadline = Instant::now() + PATIENCE;
        while proxy.handle().state().faults[0].touched.times == 0 {
            assert!(Instant::now() < deadline, "{fault}");
            assert!(!is_accepted(&send(&exporter, &bytes(300_000)).await) || is_told, "{fault}");
        }
        // Once it has heard of the limit nothing goes any more.
        while fault.starts_with("max_streams") && is_accepted(&send(&exporter, &bytes(300_000)).await) {
            assert!(Instant::now() < deadline, "{fault}");
        }
        proxy.handle().switch_all_off().unwrap();
        until_accepted(&exporter, &bytes(300_000)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_window_no_request_gets_through() {
    let (_sink, proxy, exporter) = through(GRPC);
    switch_on(&proxy, "window_stall");
    for length in [300_000, 1_000] {
        assert!(!is_accepted(&send(&exporter, &bytes(length)).await), "{length}");
    }
    proxy.handle().switch_all_off().unwrap();
    until_accepted(&exporter, &bytes(300_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_are_answered_to_nobody_but_us() {
    let (sink, proxy, exporter) = through(GRPC);
    for fault in ["settings_flood: {per_second: 500}", "ping_flood: {per_second: 500}", "max_streams: {streams: 1}"] {
        switch_on(&proxy, fault);
        let deadline = Instant::now() + PATIENCE;
        let touched = |proxy: &ProxyServer| proxy.handle().state().faults.last().unwrap().touched.times;
        while touched(&proxy) == 0 || touched(&proxy) < 50 && fault.contains("flood") {
            assert!(Instant::now() < deadline, "{fault}");
            assert!(is_accepted(&send(&exporter, &bytes(30_000)).await), "{fault}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        proxy.handle().switch_all_off().unwrap();
        until_accepted(&exporter, &bytes(300_000)).await;
    }
    assert_eq!(sink.counters().reset, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http2_is_not_touched() {
    let (_sink, proxy, exporter) = through(HTTP);
    for fault in
        ["goaway", "reset_stream", "max_streams: {streams: 0}", "window_stall", "ping_flood: {per_second: 1000}"]
    {
        switch_on(&proxy, fault);
    }
    assert!(is_accepted(&send(&exporter, &bytes(300_000)).await));
    assert!(proxy.handle().state().faults.iter().all(|fault| fault.touched.times == 0));
}
