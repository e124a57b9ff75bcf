//! Reads a response body within a limit, and tells what it says.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use prost::Message;

use super::answer::{Answer, Breakage};
use crate::wire::PartialSuccess;
use crate::wire::message::ExportResponse;

/// A whole response body and its trailers.
pub(super) struct Collected {
    pub data: Bytes,
    pub trailers: Option<HeaderMap>,
}

/// Reads to the end, or to the limit.
pub(super) async fn collect(mut body: Incoming, limit: usize) -> Result<Collected, Answer> {
    let mut data = Bytes::new();
    let mut trailers = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Answer::broken(&error, true))?;
        match frame.into_data() {
            Ok(piece) if data.is_empty() => data = piece,
            Ok(piece) => {
                let mut joined = BytesMut::from(data);
                joined.extend_from_slice(&piece);
                data = joined.freeze();
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
        if data.len() > limit {
            return Err(Answer::Broken { what: Breakage::ResponseTooLarge { limit }, sent_any: true });
        }
    }
    Ok(Collected { data, trailers })
}

/// What a success says. An undecodable body does not undo the success.
pub(super) fn accepted(message: &[u8]) -> Answer {
    match ExportResponse::decode(message) {
        Ok(response) => {
            let partial = response.partial_success.filter(|partial| *partial != PartialSuccess::default());
            Answer::Accepted { partial, unreadable: false }
        }
        Err(_) => Answer::Accepted { partial: None, unreadable: true },
    }
}
