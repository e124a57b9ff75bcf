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
