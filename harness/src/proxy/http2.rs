//! The HTTP/2 of one connection, as far as faults need it: which frames are left out, and which of ours are put between others.
//!
//! To the client the proxy seems to be the server that misbehaves, and to the server a client that has changed its mind. What is left
//! out is made up for, so that both ends go on counting alike: windows of data that was dropped are given back, and answers to frames of
//! ours reach nobody. Header blocks always go on, since each changes how the next is read.

pub mod frame;

use super::Way;
use super::connection::Link;
use super::switchboard::{Holding, Switched};
use bytes::BytesMut;
use frame::{
    ACK, END_STREAM, Edited, Editor, Fate, Head, INITIAL_WINDOW_DEFAULT, INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS,
    kind,
};
use spanproof_scenarios::scenario::{Http2Error, LinkFault};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// PINGs of ours carry this, so that their answers are known.
const MARK: [u8; 8] = *b"spanprf\0";

/// The highest number of a stream: who is told that all up to it are looked at knows no more than that no others are wanted.
const LAST_STREAM: u32 = 0x7FFF_FFFF;

/// From the first GOAWAY of a graceful end to the second, which says what the last stream was: longer than frames are under way.
const GRACE: Duration = Duration::from_millis(100);

/// A flood comes in bursts this far apart.
const BURST: Duration = Duration::from_millis(10);

/// A client that answers nothing is flooded no further: what it has to answer is remembered. A server that goes on all the same is
/// no longer listened to.
const UNANSWERED_MAX: usize = 100_000;

/// Streams of which something is remembered: that they were reset and their last frames may still come, or how much of a window the
/// client was not told of. Of more the first are forgotten.
const STREAMS_MAX: usize = 10_000;

/// What is wished of a connection: the faults of HTTP/2 that hold for it.
#[derive(Default)]
pub(super) struct Wishes {
    goaway: Option<Arc<Switched>>,
    resets: Option<Arc<Switched>>,
    max_streams: Option<Arc<Switched>>,
    stalls: Option<Arc<Switched>>,
    floods: Vec<Arc<Switched>>,
}

impl Wishes {
    /// Of two of the same kind the one that was switched on later counts, except for floods.
    pub fn of(holding: &Holding, connection: u64) -> Self {
        let mut wishes = Self::default();
        for switched in holding.0.iter().filter(|switched| switched.touches(connection)) {
            let wished = Some(Arc::clone(switched));
            match switched.fault {
                LinkFault::Goaway { .. } => wishes.goaway = wished,
                LinkFault::ResetStream { .. } => wishes.resets = wished,
                LinkFault::MaxStreams { .. } => wishes.max_streams = wished,
                LinkFault::WindowStall => wishes.stalls = wished,
                LinkFault::SettingsFlood { .. } | LinkFault::PingFlood { .. } => wishes.floods.extend(wished),
                _ => {}
            }
        }
        wishes
    }
}

/// Whose SETTINGS a client has yet to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Server,
    Ours,
}

/// What is known of a connection.
pub(super) struct Session {
    client: Editor,
    server: Editor,
    wishes: Wishes,
    /// The last stream that the client has begun.
    last: u32,
    /// The last stream whose whole request was handed on.
    last_whole: u32,
    unanswered: VecDeque<Owner>,
    /// The limit that the server has set.
    limit: Option<u32>,
    /// The limit that we have set instead.
    our_limit: Option<u32>,
    /// The window of a stream that the server has set.
    window: u32,
    /// Whether we have set it to nothing instead.
    is_stalled: bool,
    /// Windows that the client was not told of, by stream.
    withheld: BTreeMap<u32, u64>,
    /// Streams whose data goes nowhere.
    reset: BTreeSet<u32>,
    leaving: Leaving,
    floods: BTreeMap<u64, Flood>,
    /// Frames of ours for either end.
    to_client: Vec<u8>,
    to_server: Vec<u8>,
}

/// How far a GOAWAY is, of the fault of this episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    Not,
    /// The second is due then.
    Announced {
        episode: u64,
        second: Instant,
    },
    Said {
        episode: u64,
    },
    /// The server has sent more SETTINGS than anybody answers; to be said as soon as there is room.
    Overrun,
    /// Said, and nothing more is handed on.
    Closing,
}

#[derive(Debug, Clone, Copy)]
struct Flood {
    due: Instant,
    /// Frames that were due and less than a whole one.
    rest: f64,
}

/// What a pump is to do for it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Orders {
    /// Frames that go next.
    pub frames: Vec<u8>,
    /// When there is something to do again.
    pub again: Option<Instant>,
    /// When they have gone, the connection is to be closed.
    pub closes: bool,
}

impl Session {
    pub fn new() -> Self {
        Self {
            client: Editor::of_client(),
            server: Editor::of_server(),
            wishes: Wishes::default(),
            last: 0,
            last_whole: 0,
            unanswered: VecDeque::new(),
            limit: None,
            our_limit: None,
            window: INITIAL_WINDOW_DEFAULT,
            is_stalled: false,
            withheld: BTreeMap::new(),
            reset: BTreeSet::new(),
            leaving: Leaving::Not,
            floods: BTreeMap::new(),
            to_client: Vec::new(),
            to_server: Vec::new(),
        }
    }

    /// What is wished has changed.
    pub fn follow(&mut self, wishes: Wishes) {
        self.wishes = wishes;
    }

    /// Takes out of a piece what is not to go on. The direction in which there is now something to say of ours, if there is one.
    pub fn edit(&mut self, way: Way, piece: &mut BytesMut, link: &Link) -> Option<Way> {
        if way == Way::Downstream && self.client.is_foreign() && !self.server.is_foreign() {
            let held = self.server.give_up();
            *piece = BytesMut::from(&[&held, &piece[..]].concat()[..]);
        }
        let editor = match way {
            Way::Upstream => &mut self.client,
            Way::Downstream => &mut self.server,
        };
        let mut editor = std::mem::replace(editor, Editor::of_something_else());
        let edited = editor.edit(piece, &mut |head, payload| match way {
            Way::Upstream => self.of_client(head, payload, link),
            Way::Downstream => self.of_server(head, payload, link),
        });
        match edited {
            Edited::First(bytes) => piece.truncate(bytes),
            Edited::Other(bytes) => *piece = BytesMut::from(&bytes[..]),
        }
        match way {
            Way::Upstream => {
                self.client = editor;
                (!self.to_client.is_empty()).then_some(Way::Downstream)
            }
            Way::Downstream => {
                self.server = editor;
                match self.leaving {
                    Leaving::Overrun => Some(Way::Downstream),
                    _ => (!self.to_server.is_empty()).then_some(Way::Upstream),
                }
            }
        }
    }

    /// What was held back of a direction that has ended.
    pub fn rest(&mut self, way: Way) -> Vec<u8> {
        match way {
            Way::Upstream => self.client.give_up(),
            Way::Downstream => self.server.give_up(),
        }
    }

    /// What is to be said next in one direction, where something of ours may be.
    pub fn orders(&mut self, way: Way, link: &Link) -> Orders {
        match way {
            Way::Upstream if self.client.is_between_frames() => {
                Orders { frames: std::mem::take(&mut self.to_server), ..Orders::default() }
            }
            Way::Downstream if self.server.is_between_frames() && self.client.is_http2() => self.say_to_client(link),
            _ => Orders::default(),
        }
    }

    fn of_client(&mut self, head: &Head, payload: &[u8], link: &Link) -> Fate {
        if self.leaving == Leaving::Closing {
            return Fate::Drop;
        }
        let is_reset = self.reset.contains(&head.stream);
        match head.kind {
            kind::SETTINGS if head.has(ACK) => match self.unanswered.pop_front() {
                Some(Owner::Ours) => return Fate::Drop,
                Some(Owner::Server) | None => {}
            },
            kind::PING if head.has(ACK) && payload == MARK => return Fate::Drop,
            kind::HEADERS if head.stream > self.last => {
                self.last = head.stream;
                self.begun(head, link);
            }
            kind::DATA if is_reset => {
                self.to_client.extend(frame::window_updates(0, head.length as u64));
                return Fate::Drop;
            }
            kind::DATA if head.has(END_STREAM) => self.last_whole = self.last_whole.max(head.stream),
            kind::RST_STREAM if is_reset => return Fate::Drop,
            _ => {}
        }
        Fate::Pass
    }

    /// A stream has begun: it is reset at both ends, if that is wished, and else counts as handed on when its request is whole.
    fn begun(&mut self, head: &Head, link: &Link) {
        let resets = self.wishes.resets.as_ref();
        let Some((switched, error)) = resets.and_then(|switched| match switched.fault {
            LinkFault::ResetStream { error } => Some((switched, error)),
            _ => None,
        }) else {
            if head.has(END_STREAM) {
                self.last_whole = self.last_whole.max(head.stream);
            }
            return;
        };
        note(switched, link, 1);
        self.to_client.extend(frame::rst_stream(head.stream, error.number()));
        self.to_server.extend(frame::rst_stream(head.stream, Http2Error::Cancel.number()));
        self.reset.insert(head.stream);
        if self.reset.len() > STREAMS_MAX {
            self.reset.pop_first();
        }
    }

    fn of_server(&mut self, head: &Head, payload: &[u8], link: &Link) -> Fate {
        if self.leaving == Leaving::Overrun {
            return Fate::Drop;
        }
        let is_reset = self.reset.contains(&head.stream);
        match head.kind {
            kind::SETTINGS if !head.has(ACK) => {
                if self.unanswered.len() >= UNANSWERED_MAX {
                    self.leaving = Leaving::Overrun;
                    return Fate::Drop;
                }
                self.unanswered.push_back(Owner::Server);
                if let Some(limit) = frame::value_of(MAX_CONCURRENT_STREAMS, payload) {
                    // What the client is told now is the server's; ours comes behind it again.
                    (self.limit, self.our_limit) = (Some(limit), None);
                }
                if let Some(window) = frame::value_of(INITIAL_WINDOW_SIZE, payload) {
                    (self.window, self.is_stalled) = (window, false);
                }
            }
            kind::WINDOW_UPDATE => {
                if let Some(switched) = &self.wishes.stalls {
                    note(switched, link, 1);
                    self.withhold(head.stream, frame::increment(payload));
                    return Fate::Drop;
                }
            }
            kind::DATA if is_reset => {
                self.to_server.extend(frame::window_updates(0, head.length as u64));
                self.forget(head);
                return Fate::Drop;
            }
            kind::HEADERS if is_reset => self.forget(head),
            kind::RST_STREAM if is_reset => {
                self.reset.remove(&head.stream);
                return Fate::Drop;
            }
            _ => {}
        }
        Fate::Pass
    }

    fn withhold(&mut self, stream: u32, bytes: u32) {
        *self.withheld.entry(stream).or_default() += u64::from(bytes);
        if self.withheld.len() > STREAMS_MAX {
            // The connection has a window of its own, which comes first.
            let oldest = self.withheld.keys().copied().find(|stream| *stream != 0);
            oldest.map(|stream| self.withheld.remove(&stream));
        }
    }

    /// A stream that was reset has ended for the server, too.
    fn forget(&mut self, head: &Head) {
        if head.has(END_STREAM) {
            self.reset.remove(&head.stream);
        }
    }

    fn say_to_client(&mut self, link: &Link) -> Orders {
        let now = Instant::now();
        let mut orders = Orders { frames: std::mem::take(&mut self.to_client), ..Orders::default() };
        if self.leaving == Leaving::Closing {
            return orders;
        }
        if self.leaving == Leaving::Overrun {
            let error = Http2Error::EnhanceYourCalm.number();
            orders.frames.extend(frame::goaway(self.last_whole, error, b"too_many_settings"));
            orders.closes = true;
            self.leaving = Leaving::Closing;
            return orders;
        }
        self.limit_streams(link, &mut orders);
        self.stall(link, &mut orders);
        self.flood(link, now, &mut orders);
        self.leave(link, now, &mut orders);
        orders
    }

    /// Takes the windows of all streams from the client, or gives them back with all that was withheld.
    fn stall(&mut self, link: &Link, orders: &mut Orders) {
        let wished = self.wishes.stalls.as_ref();
        if wished.is_some() != self.is_stalled {
            if let Some(switched) = wished {
                note(switched, link, 1);
            }
            self.is_stalled = wished.is_some();
            let window = if self.is_stalled { 0 } else { self.window };
            self.set(INITIAL_WINDOW_SIZE, window, orders);
        }
        if !self.is_stalled {
            for (stream, bytes) in std::mem::take(&mut self.withheld) {
                orders.frames.extend(frame::window_updates(stream, bytes));
            }
        }
    }

    /// Sets the limit of streams that is wished, or the server's again.
    fn limit_streams(&mut self, link: &Link, orders: &mut Orders) {
        let wished = self.wishes.max_streams.as_ref().and_then(|switched| match switched.fault {
            LinkFault::MaxStreams { streams } => Some((switched, streams)),
            _ => None,
        });
        let limit = wished.map(|(_, streams)| streams);
        if limit == self.our_limit {
            return;
        }
        if let Some((switched, _)) = wished {
            note(switched, link, 1);
        }
        self.our_limit = limit;
        // Without a limit of the server's there is none.
        let told = limit.or(self.limit).unwrap_or(u32::MAX);
        self.set(MAX_CONCURRENT_STREAMS, told, orders);
    }

    /// Tells the client a setting, which it will answer.
    fn set(&mut self, setting: u16, value: u32, orders: &mut Orders) {
        orders.frames.extend(frame::setting(setting, value));
        self.unanswered.push_back(Owner::Ours);
    }

    fn flood(&mut self, link: &Link, now: Instant, orders: &mut Orders) {
        let holding: BTreeSet<u64> = self.wishes.floods.iter().map(|switched| switched.episode).collect();
        self.floods.retain(|episode, _| holding.contains(episode));
        for switched in &self.wishes.floods {
            let (per_second, settings) = match switched.fault {
                LinkFault::SettingsFlood { per_second } => (per_second.0, true),
                LinkFault::PingFlood { per_second } => (per_second.0, false),
                _ => continue,
            };
            let flood = self.floods.entry(switched.episode).or_insert(Flood { due: now, rest: 0.0 });
            if now >= flood.due {
                flood.due = now + BURST;
                let due = flood.rest + per_second as f64 * BURST.as_secs_f64();
                flood.rest = due.fract();
                let frames = (due as usize).min(UNANSWERED_MAX.saturating_sub(self.unanswered.len()));
                let one = if settings {
                    frame::frame(kind::SETTINGS, 0, 0, &[])
                } else {
                    frame::frame(kind::PING, 0, 0, &MARK)
                };
                orders.frames.extend(one.repeat(frames));
                if settings {
                    self.unanswered.extend(std::iter::repeat_n(Owner::Ours, frames));
                }
                if frames > 0 {
                    note(switched, link, frames as u64);
                }
            }
            orders.again = earlier(orders.again, flood.due);
        }
    }

    fn leave(&mut self, link: &Link, now: Instant, orders: &mut Orders) {
        let Some(switched) = self.wishes.goaway.clone() else { return };
        let LinkFault::Goaway { error, abrupt } = switched.fault else { return };
        let words: &[u8] = if error == Http2Error::EnhanceYourCalm { b"too_many_pings" } else { b"" };
        let episode = switched.episode;
        match self.leaving {
            Leaving::Said { episode: said } if said == episode => {}
            Leaving::Announced { episode: announced, second } if announced == episode => {
                if now >= second {
                    orders.frames.extend(frame::goaway(self.last, error.number(), words));
                    self.leaving = Leaving::Said { episode };
                } else {
                    orders.again = earlier(orders.again, second);
                }
            }
            _ if abrupt => {
                note(&switched, link, 1);
                // What was not whole when this is said is never handed on.
                orders.frames.extend(frame::goaway(self.last_whole, error.number(), words));
                orders.closes = true;
                self.leaving = Leaving::Closing;
            }
            _ => {
                note(&switched, link, 1);
                orders.frames.extend(frame::goaway(LAST_STREAM, error.number(), words));
                let second = now + GRACE;
                orders.again = earlier(orders.again, second);
                self.leaving = Leaving::Announced { episode, second };
            }
        }
    }
}

fn earlier(one: Option<Instant>, other: Instant) -> Option<Instant> {
    Some(one.map_or(other, |one| one.min(other)))
}

fn note(switched: &Switched, link: &Link, times: u64) {
    switched.account.note(link.is_new_to(&switched.account), 0, times);
}
