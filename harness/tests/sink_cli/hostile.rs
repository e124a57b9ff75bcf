//! Peers that send what is no telemetry.

use super::rig::{PATIENCE, Sink, generate};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// Posts a body and gives the first line of the answer.
fn post(to: SocketAddr, headers: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: sink\r\nconnection: close\r\ncontent-type: application/x-protobuf\r\n\
         content-length: {}\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

fn gzipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn what_is_no_telemetry_is_refused_and_counted_and_the_sink_goes_on() {
    let sink = Sink::start(&[]);
    let garbage = post(sink.http, "", b"\xff\xff\xff this is no protobuf");
    assert!(garbage.contains(" 400 "), "{garbage}");
    let mut cut = gzipped(&[7; 4096]);
    cut.truncate(cut.len() - 9);
    let truncated = post(sink.http, "content-encoding: gzip\r\n", &cut);
    assert!(truncated.contains(" 400 "), "{truncated}");
    let bomb = post(sink.http, "content-encoding: gzip\r\n", &gzipped(&vec![0; 65 << 20]));
    assert!(bomb.contains(" 413 "), "{bomb}");
    assert_eq!(generate(sink.http, &["--protocol", "http", "--rate", "200", "--duration", "500ms"]).code, Some(0));
    let ended = sink.interrupt();
    assert_eq!((ended.code, ended.spans()), (Some(0), 100), "{ended:?}");
    let refused = ended.line("refused");
    assert!(
        refused.contains("3 requests") && refused.contains("1 malformed") && refused.contains("1 too large"),
        "{refused}"
    );
}

#[test]
fn a_service_name_cannot_write_on_the_terminal() {
    let sink = Sink::start(&[]);
    let json = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"\u001b[2Jevil\n9 spans"}}]},
        "scopeSpans":[{"spans":[{"traceId":"01010101010101010101010101010101","spanId":"0202020202020202","name":"x"}]}]}]}"#;
    let mut stream = TcpStream::connect(sink.http).unwrap();
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: sink\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{json}",
        json.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let ended = sink.interrupt();
    assert_eq!(ended.spans(), 1, "{ended:?}");
    assert!(!ended.out.contains('\u{1b}') && ended.out.lines().count() == 2, "{ended:?}");
}

/// A request of so many spans without content, each of two bytes.
fn empty_spans(number: usize) -> Vec<u8> {
    let spans = [0x12, 0].repeat(number);
    [2, 1].into_iter().fold(spans, |inside, field: u8| {
        let mut outside = vec![field << 3 | 2];
        prost::encoding::encode_varint(inside.len() as u64, &mut outside);
        [outside, inside].concat()
    })
}

#[test]
fn a_request_of_too_many_spans_is_too_large_and_not_malformed() {
    let sink = Sink::start(&[]);
    let answer = post(sink.http, "", &empty_spans((1 << 20) + 1));
    assert!(answer.contains(" 413 "), "{answer}");
    let ended = sink.interrupt();
    assert!(ended.line("refused").contains("1 refused by the backend"), "{ended:?}");
}

#[test]
fn connections_beyond_the_limit_and_silent_ones_are_counted() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();

    let sink = Sink::start(&[]);
    let open: Vec<TcpStream> = (0..1027).map(|_| TcpStream::connect(sink.http).unwrap()).collect();
    let mut last = open.last().unwrap();
    last.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(last.read(&mut [0]).unwrap(), 0, "it is closed at once");
    let mut first = &open[0];
    first.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(matches!(first.read(&mut [0; 64]), Ok(_) | Err(_)), "it is closed when no request comes");
    let ended = sink.interrupt();
    assert_eq!(ended.line("refused"), "refused   3 connections: beyond 1,024 at once", "{ended:?}");
    assert!(ended.line("closed").ends_with("connections: no request came in time"), "{ended:?}");
}
