//! How long a target holds a record is counted from when the record was sent, in the attempt that was the last: nobody can
//! deliver what it refused, or has not been given.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use spanproof_generators::identity::RunTag;
use spanproof_generators::plan::{BatchRule, Extent, Mix, Packing, Plan, PlanSpec, Rate, Shape};
use spanproof_generators::schedule::{Arrivals, Segment};
use spanproof_generators::seed::Seed;
use spanproof_generators::workload::Workload;
use spanproof_generators::workload::uniform::Uniform;
use spanproof_harness::chunks::OpenChunks;
use spanproof_harness::clock::RunClock;
use spanproof_harness::driver::{Driver, DriverConfig, RetryPolicy};
use spanproof_harness::judge::account::{Account, Counts};
use spanproof_harness::judge::outcomes::Outcomes;
use spanproof_harness::sink::recorder::Recorder;
use spanproof_harness::wire::Code;
use spanproof_harness::wire::client::{ClientConfig, Transport};
use spanproof_harness::wire::server::{Backend, Decision, Export, Refusal, ServerConfig, SinkServer};
use spanproof_reports::latency::LatencyRecorder;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A record that comes later than this is late: well above what a busy machine adds of its own.
const LATE_AFTER: Duration = Duration::from_secs(2);

/// What the targets here do for so long is too long by far.
const TOO_LONG: Duration = Duration::from_secs(4);

/// Three hundred spans in ten requests over a second.
fn plan(epoch_unix_ns: u64) -> Plan {
    let spec = PlanSpec {
        seed: Seed(3),
        tag: RunTag::new(1),
        lane: 0,
        epoch_unix_ns,
        workload: Workload::Uniform(Uniform { spans_per_trace: 3, span_bytes: 100, attributes: 1 }),
        mix: Mix::default(),
        packing: Packing::WholeTraces,
        batch: BatchRule { spans: 30, timeout_ns: 1_000_000_000 },
        request_bytes_max: 1 << 20,
        rate: Rate::Traces(100.0),
        shape: Shape { segments: vec![Segment { seconds: 1.0, from: 1.0, to: 1.0 }] },
        arrivals: Arrivals::Constant,
        extent: Extent::Profile,
    };
    Plan::new(spec).unwrap()
}

type Behaviour = dyn Fn(Export, &Arc<Recorder>) -> Decision + Send + Sync;

/// A target that delivers to the recorder in its own process.
struct Target {
    recorder: Arc<Recorder>,
    behaviour: Box<Behaviour>,
}

impl Backend for Target {
    fn export(&self, export: Export) -> Decision {
        (self.behaviour)(export, &self.recorder)
    }
}

/// Sends the plan to a target that behaves so, one request after the other, and draws up the account.
fn counts(behaviour: impl Fn(Export, &Arc<Recorder>) -> Decision + Send + Sync + 'static) -> Counts {
    let clock = RunClock::starting_in(Duration::from_millis(200));
    let plan = Arc::new(plan(clock.epoch_unix_ns()));
    let chunks = Arc::new(OpenChunks::new(Arc::clone(&plan), 4));
    let (outcomes, latency) = (Arc::new(Outcomes::default()), Arc::new(LatencyRecorder::new()));
    let recorder = Recorder::new(Arc::clone(&chunks), clock, Arc::clone(&latency), LATE_AFTER, Duration::ZERO);
    let recorder = Arc::new(recorder.with_outcomes(Arc::clone(&outcomes)));
    let target = Target { recorder: Arc::clone(&recorder), behaviour: Box::new(behaviour) };
    let server = ServerConfig { grpc: Some("127.0.0.1:0".parse().unwrap()), ..ServerConfig::default() };
    let server = SinkServer::start(server, Arc::new(target)).unwrap();
    let endpoint = format!("http://{}", server.grpc_addr().unwrap()).parse().unwrap();
    let [initial, max, budget] = [100, 200, 20_000].map(Duration::from_millis);
    let config = DriverConfig {
        client: ClientConfig { timeout: Duration::from_secs(30), ..ClientConfig::new(endpoint, Transport::Grpc) },
        connections: 1,
        queue: 1000,
        in_flight_per_connection: 1,
        retry: Some(RetryPolicy { initial, max, budget }),
        warm_up: Duration::ZERO,
        threads: 1,
        breaks_after: None,
    };
    let driver = Driver::start(config, chunks, clock, Arc::clone(&outcomes), latency).unwrap();
    driver.finish(Instant::now() + Duration::from_secs(60));
    wait_for(&recorder, plan.spans());
    Account::draw_up(&plan, recorder.ledger(), &outcomes.exceptions(), |_| true).counts
}

/// What is held back comes after the answers.
fn wait_for(recorder: &Recorder, spans: u64) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while recorder.ledger().unique() < spans {
        assert!(Instant::now() < deadline, "{} of {spans} spans came", recorder.ledger().unique());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn refused_for_now() -> Decision {
    Decision::Refuse(Refusal {
        grpc: Some(Code::UNAVAILABLE),
        http: http::StatusCode::SERVICE_UNAVAILABLE,
        message: "come again".to_owned(),
        retry_after: None,
    })
}

#[track_caller]
fn all_delivered(counts: &Counts) {
    assert_eq!((counts.planned, counts.acknowledged, counts.delivered), (300, 300, 300), "{counts:?}");
}

#[test]
fn what_a_target_first_refuses_and_then_delivers_at_once_is_not_late() {
    let began = Instant::now();
    let counts = counts(
        move |export, recorder| {
            if began.elapsed() < TOO_LONG { refused_for_now() } else { recorder.export(export) }
        },
    );
    all_delivered(&counts);
    assert_eq!(counts.late, 0, "{counts:?}");
}

#[test]
fn what_had_to_wait_until_the_target_answered_another_request_is_not_late() {
    let first = AtomicBool::new(true);
    let counts = counts(move |export, recorder| {
        let decision = recorder.export(export);
        let delay = if first.swap(false, Ordering::Relaxed) { TOO_LONG } else { Duration::ZERO };
        Decision::Delay(delay, Box::new(decision))
    });
    all_delivered(&counts);
    assert_eq!(counts.late, 0, "{counts:?}");
}

#[test]
fn what_a_target_refuses_accepts_and_then_keeps_for_too_long_is_late() {
    let began = Instant::now();
    let counts = counts(move |export, recorder| {
        if began.elapsed() < Duration::from_secs(1) {
            return refused_for_now();
        }
        let recorder = Arc::clone(recorder);
        std::thread::spawn(move || {
            std::thread::sleep(TOO_LONG);
            recorder.export(Export { received: Instant::now(), ..export })
        });
        Decision::Accept
    });
    all_delivered(&counts);
    assert_eq!(counts.late, 300, "{counts:?}");
}
