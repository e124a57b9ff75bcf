//! From the bytes of one request to its answer: decode, admit, do what the defects want, encode once, hand over.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tokio::time::{Instant, sleep};
use tonic::Code;

use super::admission::{Admission, Budget, Full};
use super::config::{EmbeddedConfig, FieldOrder, Guarantee};
use super::defects::{Answer, Bites, Defect, Misconduct, Passage, PlantedDefects, Stall, Stray, Victims, break_marked};
use super::descending;
use super::export::Manner;
use super::outlet::Outlet;
use super::queue::Parcel;
use super::sampling::Sampler;
use super::stats::{Counters, EmbeddedStats};

/// A field number of protobuf that never ends.
const GARBAGE: &[u8] = &[0xff; 3];

/// How often traces are decided.
const TICK: Duration = Duration::from_secs(1);

/// A count of rejected spans that cannot be.
const ODD_COUNT: i64 = -5;

/// A request's body in one of OTLP's two encodings.
#[derive(Debug)]
pub enum Payload {
    /// Binary protobuf.
    Protobuf(Bytes),
    /// OTLP's JSON.
    Json(Bytes),
}

/// Why a request is not accepted, in gRPC's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status code.
    pub code: Code,
    /// What the client is told.
    pub message: String,
    /// The wait that the client is asked for, if any.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal that names no wait.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }
}

impl From<Full> for Refusal {
    fn from(full: Full) -> Self {
        let message = match full {
            Full::Requests => "the queue is full",
            Full::Bytes => "the memory limit is reached",
        };
        Self::new(Code::Unavailable, message)
    }
}

/// What every receiver hands its requests to.
pub struct Intake {
    budget: Arc<Budget>,
    field_order: FieldOrder,
    guarantee: Guarantee,
    defects: Option<Mutex<PlantedDefects>>,
    stalls: Vec<Stall>,
    misconduct: Arc<Misconduct>,
    sampler: Option<Sampler>,
    outlets: Vec<Arc<Outlet>>,
    counters: Arc<Counters>,
}

impl Intake {
    /// The intake of a configured target.
    pub fn new(
        config: &EmbeddedConfig,
        outlets: Vec<Arc<Outlet>>,
        misconduct: Arc<Misconduct>,
        counters: Arc<Counters>,
    ) -> Self {
        let defects = PlantedDefects::new(&config.defects, config.seed);
        Self {
            budget: Budget::new(config.queue_requests.get(), config.memory_limit),
            field_order: config.field_order,
            guarantee: config.guarantee,
            defects: (!defects.is_empty()).then(|| Mutex::new(defects)),
            stalls: config.defects.iter().filter_map(Stall::planted).collect(),
            misconduct,
            sampler: config.sampling.clone().map(|sampling| Sampler::new(sampling, &config.defects)),
            outlets,
            counters,
        }
    }

    /// Takes one request that came over the connection numbered `connection`. Answers the number of spans that the
    /// destinations rejected, which only a synchronous target knows.
    pub async fn receive(&self, payload: Payload, connection: u64) -> Result<i64, Refusal> {
        for stall in &self.stalls {
            stall.hold_up().await;
        }
        let (message, bytes) = self.decode(payload)?;
        let spans = count_spans(&message);
        let outcome = self.accept(message, bytes, connection).await;
        match &outcome {
            Ok(_) => self.counters.accepted.add(spans),
            Err(_) => self.counters.refused.add(spans),
        }
        outcome
    }

    /// Counts a request that a receiver could not even read.
    pub fn count_malformed(&self) {
        self.counters.malformed.fetch_add(1, Ordering::Relaxed);
    }

    /// The figures now.
    pub fn stats(&self) -> EmbeddedStats {
        self.counters.read(self.budget.inside(), self.bites(), self.victims())
    }

    fn bites(&self) -> Vec<(Defect, Bites)> {
        let of_sampler = self.sampler.iter().flat_map(Sampler::bites);
        let bites = self.defects.as_ref().map(|defects| lock(defects).bites()).unwrap_or_default();
        bites
            .into_iter()
            .chain(self.stalls.iter().map(Stall::bites))
            .chain(self.misconduct.bites())
            .chain(of_sampler)
            .collect()
    }

    fn victims(&self) -> Vec<(Defect, Victims)> {
        let victims = self.defects.as_ref().map(|defects| lock(defects).victims()).unwrap_or_default();
        let of_stalls = self.stalls.iter().map(|stall| (stall.bites().0, Victims::default()));
        victims.into_iter().chain(of_stalls).chain(self.misconduct.victims()).collect()
    }

    fn decode(&self, payload: Payload) -> Result<(ExportTraceServiceRequest, u64), Refusal> {
        let (decoded, length) = match payload {
            Payload::Protobuf(body) => {
                let length = body.len();
                (ExportTraceServiceRequest::decode(body).map_err(|error| error.to_string()), length)
            }
            // By the sink's reader: the crate's own refuses much of what OTLP/JSON allows (null, texts for short numbers, "NaN").
            Payload::Json(body) => (of_json(&body), body.len()),
        };
        decoded.map(|message| (message, length as u64)).map_err(|error| {
            self.count_malformed();
            Refusal::new(Code::InvalidArgument, format!("the request is not OTLP: {error}"))
        })
    }

    async fn accept(&self, message: ExportTraceServiceRequest, bytes: u64, connection: u64) -> Result<i64, Refusal> {
        let admission = match self.budget.admit(bytes) {
            Err(_) if self.misconduct.acknowledges_without_room(&message) => return Ok(0),
            admitted => admitted?,
        };
        let mut passage = Passage::new(message, connection);
        if let Some(defects) = &self.defects {
            lock(defects).tamper(&mut passage);
        }
        self.send_strays(&passage, &admission);
        let (answer, rejected) = (passage.answer, self.forward(passage, admission).await);
        match answer {
            Answer::Honest => rejected.map(|rejected| i64::try_from(rejected).unwrap_or(i64::MAX)),
            Answer::Odd => rejected.map(|_| ODD_COUNT),
            Answer::Refused => Err(Refusal::new(Code::InvalidArgument, "refused for good, as planted")),
            Answer::Later => Err(Refusal::new(Code::Unavailable, "to come again, as planted")),
        }
    }

    /// Nobody waits for these, whatever an acknowledgement promises.
    fn send_strays(&self, passage: &Passage, admission: &Arc<Admission>) {
        for (stray, outlet) in passage.strays.iter().flat_map(|stray| self.outlets.iter().map(move |to| (stray, to))) {
            let (bytes, manner) = match stray {
                Stray::Garbage => (GARBAGE, Manner::Proper),
                // A request without a single metric is a whole one.
                Stray::Metrics => (&[][..], Manner::Metrics),
            };
            let bytes = Bytes::from_static(bytes);
            outlet.queue.push(Parcel::new(bytes, 0, manner, Arc::clone(admission), Arc::clone(&self.counters)));
        }
    }

    async fn forward(&self, mut passage: Passage, admission: Arc<Admission>) -> Result<u64, Refusal> {
        if let Some(sampler) = &self.sampler {
            for _ in 0..passage.copies {
                let at_once = sampler.take(passage.message.clone(), Instant::now());
                self.send_on(at_once, &admission);
            }
            passage.message.resource_spans.clear();
        }
        let spans = count_spans(&passage.message);
        if spans == 0 {
            return Ok(0);
        }
        let mut bytes = self.encode(&passage.message);
        if passage.has_marked {
            break_marked(&mut bytes);
        }
        let bytes = Bytes::from(bytes);
        let manner = passage.manner;
        let parcel = || Parcel::new(bytes.clone(), spans, manner, Arc::clone(&admission), Arc::clone(&self.counters));
        match self.guarantee {
            Guarantee::Queue => {
                self.enqueue(passage.copies, passage.delay, parcel);
                Ok(0)
            }
            Guarantee::Synchronous => self.deliver(passage.copies, passage.delay, parcel).await,
        }
    }

    /// Sends on what a sampler lets go.
    fn send_on(&self, messages: Vec<ExportTraceServiceRequest>, admission: &Arc<Admission>) {
        for message in messages {
            let (spans, bytes) = (count_spans(&message), Bytes::from(self.encode(&message)));
            let parcel =
                || Parcel::new(bytes.clone(), spans, Manner::Proper, Arc::clone(admission), Arc::clone(&self.counters));
            self.enqueue(1, Duration::ZERO, parcel);
        }
    }

    /// Decides traces as their time comes, for as long as the target runs.
    pub async fn sample(&self) {
        let Some(sampler) = &self.sampler else { return };
        let mut seconds = tokio::time::interval(TICK);
        loop {
            seconds.tick().await;
            self.let_go(sampler.tick(Instant::now()));
        }
    }

    /// Decides all traces that are left: nothing more will come.
    pub fn sample_the_rest(&self) {
        if let Some(sampler) = &self.sampler {
            self.let_go(sampler.end(Instant::now()));
        }
    }

    /// What was held has been acknowledged long ago: it finds room, or is lost, as in a collector.
    fn let_go(&self, messages: Vec<ExportTraceServiceRequest>) {
        for message in messages {
            let bytes = message.encoded_len() as u64;
            match self.budget.admit(bytes) {
                Ok(admission) => self.send_on(vec![message], &admission),
                Err(_) => self.counters.abandoned.add(count_spans(&message)),
            }
        }
    }

    fn encode(&self, message: &ExportTraceServiceRequest) -> Vec<u8> {
        match self.field_order {
            FieldOrder::Ascending => message.encode_to_vec(),
            FieldOrder::Descending => descending::encode(message),
        }
    }

    fn enqueue(&self, copies: u32, delay: Duration, parcel: impl Fn() -> Parcel) {
        for _ in 0..copies {
            for outlet in &self.outlets {
                if delay.is_zero() {
                    outlet.queue.push(parcel());
                } else {
                    outlet.queue.push_delayed(parcel(), Instant::now() + delay);
                }
            }
        }
    }

    /// Every destination gets its copy even when one before it refused; the first refusal is the answer.
    async fn deliver(&self, copies: u32, delay: Duration, parcel: impl Fn() -> Parcel) -> Result<u64, Refusal> {
        sleep(delay).await;
        let mut outcome = Ok(0);
        for _ in 0..copies {
            for outlet in &self.outlets {
                let delivered = outlet.deliver(parcel()).await;
                outcome = outcome.and_then(|most: u64| delivered.map(|rejected| most.max(rejected)));
            }
        }
        outcome
    }
}

fn of_json(json: &[u8]) -> Result<ExportTraceServiceRequest, String> {
    let protobuf = crate::wire::server::json::traces(json).map_err(|error| error.to_string())?;
    ExportTraceServiceRequest::decode(&protobuf[..]).map_err(|error| error.to_string())
}

fn lock(defects: &Mutex<PlantedDefects>) -> std::sync::MutexGuard<'_, PlantedDefects> {
    defects.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count_spans(message: &ExportTraceServiceRequest) -> u64 {
    let scopes = message.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    scopes.map(|scope| scope.spans.len() as u64).sum()
}
