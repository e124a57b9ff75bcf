//! HTTP/2 with prior knowledge, on h2: any headers and any body. What h2 would not send is for `frames`.

use super::error::Unanswered;
use super::tap::Tap;
use super::{ANSWER_MAX, Fields, field};
use crate::conformance::trace::Trace;
use bytes::Bytes;
use h2::RecvStream;
use h2::client::SendRequest;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Windows for answers: of a stream what may come at all, of the connection a few of these.
const STREAM_WINDOW: u32 = ANSWER_MAX as u32;
const CONNECTION_WINDOW: u32 = 4 * ANSWER_MAX as u32;

/// The longest that the end of a connection is waited for when a call on it has failed because of it: it is there already.
const END_WITHIN: Duration = Duration::from_secs(2);

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `POST`.
    pub method: String,
    /// `/opentelemetry.proto.collector.trace.v1.TraceService/Export`.
    pub path: String,
    /// Besides the pseudo-headers.
    pub fields: Fields,
    /// The body, frames of gRPC included.
    pub body: Vec<u8>,
}

impl Call {
    /// A POST without headers of its own.
    pub fn post(path: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { method: "POST".to_owned(), path: path.into(), fields: Vec::new(), body: body.into() }
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn head(&self, authority: &str) -> Result<Request<()>, Unanswered> {
        let unsayable = |error: String| Unanswered::Unsayable(error);
        let method = Method::from_bytes(self.method.as_bytes()).map_err(|error| unsayable(error.to_string()))?;
        let uri = format!("http://{authority}{}", self.path);
        let request = Request::builder().method(method).uri(uri).version(http::Version::HTTP_2).body(());
        let mut request = request.map_err(|error| unsayable(error.to_string()))?;
        *request.headers_mut() = header_map(&self.fields)?;
        Ok(request)
    }
}

/// Header fields as the libraries want them.
///
/// # Errors
///
/// [`Unanswered::Unsayable`].
pub fn header_map(fields: &Fields) -> Result<HeaderMap, Unanswered> {
    let mut headers = HeaderMap::with_capacity(fields.len());
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes());
        let name = name.map_err(|error| Unanswered::Unsayable(error.to_string()))?;
        let value = HeaderValue::from_bytes(value.as_bytes());
        headers.append(name, value.map_err(|error| Unanswered::Unsayable(error.to_string()))?);
    }
    Ok(headers)
}

/// Header fields as we keep them.
pub fn fields(headers: &HeaderMap) -> Fields {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// Header fields.
    pub fields: Fields,
    /// The body.
    pub body: Vec<u8>,
    /// Fields after the body.
    pub trailers: Fields,
}

impl Answer {
    /// The value of a trailer, else of a header: an answer without a body has them there.
    pub fn last(&self, name: &str) -> Option<&str> {
        field(&self.trailers, name).or_else(|| field(&self.fields, name))
    }
}

/// A connection. Many calls may be under way on it.
pub struct Http2 {
    sender: SendRequest<Bytes>,
    driver: JoinHandle<()>,
    /// How the connection ended, once it has.
    end: watch::Receiver<Option<Unanswered>>,
    connection: u32,
    authority: String,
    within: Duration,
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Http2 {
    /// Connects and says the preface. Each call has `within` to be answered.
    ///
    /// # Errors
    ///
    /// [`Unanswered`].
    pub async fn connect(address: SocketAddr, trace: &Arc<Trace>, within: Duration) -> Result<Self, Unanswered> {
        let tap = Tap::connect(address, Arc::clone(trace), within).await?;
        let number = tap.connection();
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW).enable_push(false);
        let shaking = timeout(within, builder.handshake::<_, Bytes>(tap)).await;
        let (sender, connection) =
            shaking.map_err(|_| Unanswered::Late(within))?.map_err(|error| Unanswered::of_h2(&error))?;
        let (ended, end) = watch::channel(None);
        let driver = tokio::spawn(async move {
            let how = connection.await.map_or_else(|error| Unanswered::of_h2(&error), |()| Unanswered::Closed);
            ended.send_replace(Some(how));
        });
        Ok(Self { sender, driver, end, connection: number, authority: address.to_string(), within })
    }

    /// The number by which the trace knows it.
    pub fn connection(&self) -> u32 {
        self.connection
    }

    /// Makes a call and waits for its answer.
    ///
    /// # Errors
    ///
    /// [`Unanswered`], with what came instead.
    pub async fn call(&self, call: &Call) -> Result<Answer, Unanswered> {
        match timeout(self.within, self.called(call)).await {
            // To a call h2 says the same of every end of its connection.
            Ok(Err(Unanswered::Broken)) => Err(self.how_it_ended().await),
            Ok(answer) => answer,
            Err(_) => Err(Unanswered::Late(self.within)),
        }
    }

    async fn how_it_ended(&self) -> Unanswered {
        let mut end = self.end.clone();
        let ended = timeout(END_WITHIN, end.wait_for(Option::is_some)).await;
        ended.ok().and_then(|ended| ended.ok()?.clone()).unwrap_or(Unanswered::Broken)
    }

    async fn called(&self, call: &Call) -> Result<Answer, Unanswered> {
        let request = call.head(&self.authority)?;
        let failed = |error: h2::Error| Unanswered::of_h2(&error);
        let mut sender = self.sender.clone().ready().await.map_err(failed)?;
        let is_whole = call.body.is_empty();
        let (answer, mut stream) = sender.send_request(request, is_whole).map_err(failed)?;
        if !is_whole {
            let data = Bytes::copy_from_slice(&call.body);
            stream.send_data(data, true).map_err(failed)?;
        }
        let (head, body) = answer.await.map_err(failed)?.into_parts();
        let (body, trailers) = whole(body).await?;
        Ok(Answer { status: head.status.as_u16(), fields: fields(&head.headers), body, trailers })
    }
}

async fn whole(mut body: RecvStream) -> Result<(Vec<u8>, Fields), Unanswered> {
    let mut bytes = Vec::new();
    while let Some(data) = poll_fn(|cx| body.poll_data(cx)).await {
        let data = data.map_err(|error| Unanswered::of_h2(&error))?;
        if bytes.len() + data.len() > ANSWER_MAX {
            return Err(Unanswered::TooLong(ANSWER_MAX));
        }
        bytes.extend_from_slice(&data);
        // Fails only where the stream is gone, which the next read tells.
        let _ = body.flow_control().release_capacity(data.len());
    }
    let trailers = poll_fn(|cx| body.poll_trailers(cx)).await.map_err(|error| Unanswered::of_h2(&error))?;
    Ok((bytes, trailers.map(|trailers| fields(&trailers)).unwrap_or_default()))
}
