//! One direction of a connection: reads, holds what is not yet to go, writes, and passes the end on.
//!
//! Without faults a piece is written before the next is read, so that who sends waits for who reads.

use super::Way;
use super::connection::Link;
use super::course::{Course, Strike};
use super::http2::{Orders, Wishes};
use super::pieces::Pieces;
use super::switchboard::Holding;
use bytes::BytesMut;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// A connection begins to read in pieces of this size, and doubles it while they are filled.
const READ_BYTES_MIN: usize = 16 << 10;

/// The largest piece. Larger ones are no cheaper: see docs/performance.md.
const READ_BYTES_MAX: usize = 128 << 10;

/// So much is read while nothing may go, or only slowly: enough to see that something came.
const HELD_BYTES_MAX: usize = 64 << 10;

/// So much may be under way where everything comes later. A delay of 100 ms leaves 80 MB/s of that.
const DELAYED_BYTES_MAX: usize = 8 << 20;

/// And so many pieces, which may be small.
const DELAYED_PIECES_MAX: usize = 16 << 10;

/// Why a connection is over before both ends have ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    /// Both ends are to see a reset: one of them has sent one or is gone, or a fault has it so.
    Reset,
    /// Both are to see an end in good order.
    Close,
}

/// One direction.
pub(super) struct Pump<'a> {
    link: &'a Link,
    way: Way,
    from: ReadHalf<'a>,
    to: WriteHalf<'a>,
    changes: watch::Receiver<Arc<Holding>>,
    course: Course,
    pieces: Pieces,
    buffer: BytesMut,
    read_bytes: usize,
    /// Bytes that have gone.
    gone: u64,
    end: End,
    slot: Option<Slot>,
    /// When there is something to say over HTTP/2 again.
    again: Option<Instant>,
    /// After so many bytes the connection is to be closed.
    close_at: Option<u64>,
}

/// Whether more may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    /// The sender has ended, then.
    Ended(Instant),
    /// The sender has reset, or is gone.
    Failed,
}

/// The right to write so many bytes from an instant on, where there is a pace.
#[derive(Debug, Clone, Copy)]
struct Slot {
    due: Instant,
    bytes: usize,
}

/// What is to be done with what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Nothing until something changes.
    Nothing,
    /// Nothing until then.
    At(Instant),
    /// At most so many bytes may go.
    Write(usize),
    /// Everything has gone, and the end may.
    End,
}

/// What happened.
enum Step {
    Changed,
    Due,
    Wrote(std::io::Result<usize>),
    Read(std::io::Result<usize>),
}

impl<'a> Pump<'a> {
    pub fn new(link: &'a Link, way: Way, from: ReadHalf<'a>, to: WriteHalf<'a>) -> Self {
        let mut changes = link.shared.board.follow();
        changes.mark_changed();
        Self {
            link,
            way,
            from,
            to,
            changes,
            course: Course::new(way),
            pieces: Pieces::default(),
            buffer: BytesMut::new(),
            read_bytes: READ_BYTES_MIN,
            gone: 0,
            end: End::Open,
            slot: None,
            again: None,
            close_at: None,
        }
    }

    /// Relays until the sender's end was passed on.
    ///
    /// # Errors
    /// [`Break`], if the whole connection is over.
    pub async fn run(mut self) -> Result<(), Break> {
        loop {
            self.follow();
            match self.course.strike(self.link, self.gone) {
                Some(Strike::Reset) => return Err(Break::Reset),
                Some(Strike::Close) => return Err(Break::Close),
                Some(Strike::HalfClose) => return self.throw_away().await,
                None if self.end == End::Failed && !self.course.holds_back() => return Err(Break::Reset),
                None if self.close_at.is_some_and(|at| self.gone >= at) => return Err(Break::Close),
                None => {}
            }
            self.interject();
            let next = self.next();
            if next == Next::End {
                return self.to.shutdown().await.map_err(|_| Break::Reset);
            }
            match self.step(next).await {
                Step::Changed | Step::Due => {}
                Step::Wrote(Ok(bytes @ 1..)) => self.wrote(bytes),
                Step::Wrote(_) => return Err(Break::Reset),
                Step::Read(Ok(0)) => self.end = End::Ended(Instant::now()),
                Step::Read(Ok(bytes)) => self.read(bytes),
                Step::Read(Err(_)) => self.end = End::Failed,
            }
        }
    }

    /// Takes up what holds now, if that has changed.
    fn follow(&mut self) {
        // The other end of the channel lives as long as the link.
        if self.changes.has_changed().unwrap_or_default() {
            let holding = Arc::clone(&self.changes.borrow_and_update());
            self.course.follow(&holding, self.link, (self.gone, self.pieces.bytes()));
            self.link.session().follow(Wishes::of(&holding, self.link.number));
            self.slot = None;
        }
    }

    /// Says what is to be said over HTTP/2, behind what is ready to go.
    fn interject(&mut self) {
        self.again = None;
        if self.course.holds_back() || self.pieces.bytes() > HELD_BYTES_MAX {
            return;
        }
        let Orders { frames, again, closes } = self.link.session().orders(self.way, self.link);
        self.again = again;
        if !frames.is_empty() {
            let end = self.gone + self.pieces.interject(BytesMut::from(&frames[..])) as u64;
            self.close_at = self.close_at.or(closes.then_some(end));
        }
    }

    /// Waits for whatever comes first.
    async fn step(&mut self, next: Next) -> Step {
        let more = self.wants_more();
        if more && self.buffer.capacity() < self.read_bytes / 2 {
            self.buffer.reserve(self.read_bytes);
        }
        let (writes, limit) = if let Next::Write(limit) = next { (true, limit) } else { (false, 0) };
        let due = if let Next::At(due) = next { Some(due) } else { None };
        let due = due.into_iter().chain(self.again).min();
        let Self { link, way, from, to, changes, pieces, buffer, .. } = self;
        tokio::select! {
            biased;
            _ = changes.changed() => {
                // To have waited for it is to have seen it, and it has yet to be taken up.
                changes.mark_changed();
                Step::Changed
            }
            () = link.woken(*way) => Step::Changed,
            wrote = to.write(pieces.front(limit)), if writes => Step::Wrote(wrote),
            () = until(due), if due.is_some() => Step::Due,
            read = from.read_buf(buffer), if more => Step::Read(read),
        }
    }

    fn wants_more(&self) -> bool {
        let held = self.pieces.bytes();
        self.end == End::Open
            && match self.course.holds_back() || self.course.paces() {
                _ if held == 0 => true,
                true => held < HELD_BYTES_MAX,
                false if self.course.delays() => held < DELAYED_BYTES_MAX && self.pieces.number() < DELAYED_PIECES_MAX,
                false => false,
            }
    }

    fn next(&mut self) -> Next {
        if self.course.holds_back() {
            return Next::Nothing;
        }
        let bytes = loop {
            match self.pieces.due() {
                None => return self.next_end(),
                Some(Some(due)) if due > Instant::now() => return Next::At(due),
                Some(_) => self.make_ready(),
            }
            match self.pieces.front(usize::MAX).len() {
                // All of it was left out.
                0 => self.pieces.advance(0),
                bytes => break bytes,
            }
        };
        let cut = self.close_at.map_or(usize::MAX, |at| usize::try_from(at - self.gone).unwrap_or(usize::MAX));
        let bytes = self.course.before_cut(self.gone, bytes.min(cut));
        if !self.course.paces() {
            return Next::Write(bytes);
        }
        let slot = self.slot.get_or_insert_with(|| {
            let (bytes, due) = self.course.reserve(self.link, bytes);
            Slot { due, bytes }
        });
        if slot.due > Instant::now() { Next::At(slot.due) } else { Next::Write(bytes.min(slot.bytes)) }
    }

    /// Makes the first piece what is to go: without the frames that are left out, and with bits flipped.
    fn make_ready(&mut self) {
        let Self { course, link, gone, pieces, way, .. } = self;
        pieces.make_ready(|piece| {
            let told = link.session().edit(*way, piece, link);
            if let Some(way) = told {
                link.wake(way);
            }
            let bytes = course.before_cut(*gone, piece.len());
            course.corrupt(link, *gone, &mut piece[..bytes]);
        });
    }

    fn next_end(&mut self) -> Next {
        let End::Ended(ended) = self.end else { return Next::Nothing };
        let rest = self.link.session().rest(self.way);
        if !rest.is_empty() {
            self.pieces.interject(BytesMut::from(&rest[..]));
            return Next::Write(rest.len());
        }
        let due = ended.checked_add(self.course.ends_late(self.link));
        match due {
            Some(due) if due <= Instant::now() => Next::End,
            Some(due) => Next::At(due),
            None => Next::Nothing,
        }
    }

    fn read(&mut self, bytes: usize) {
        if self.buffer.capacity() == self.buffer.len() {
            self.read_bytes = (self.read_bytes * 2).min(READ_BYTES_MAX);
        }
        let due = self.course.came(self.link, bytes);
        self.pieces.push(self.buffer.split(), due);
    }

    fn wrote(&mut self, bytes: usize) {
        self.pieces.advance(bytes);
        self.gone += bytes as u64;
        self.link.relayed(self.way, bytes);
        if let Some(slot) = &mut self.slot {
            slot.bytes = slot.bytes.saturating_sub(bytes);
            self.slot = self.slot.filter(|slot| slot.bytes > 0);
        }
    }

    /// Ends this direction, and reads on so that the sender does not have to wait for ever.
    async fn throw_away(mut self) -> Result<(), Break> {
        self.again = None;
        let waiting = self.pieces.clear();
        self.course.threw_away(self.link, waiting);
        self.to.shutdown().await.map_err(|_| Break::Reset)?;
        while self.end == End::Open {
            self.buffer.clear();
            self.buffer.reserve(READ_BYTES_MIN);
            match self.step(Next::Nothing).await {
                Step::Read(Ok(bytes @ 1..)) => self.course.threw_away(self.link, bytes),
                Step::Read(Ok(_)) => return Ok(()),
                Step::Read(Err(_)) | Step::Wrote(_) => return Err(Break::Reset),
                Step::Changed | Step::Due => {
                    self.follow();
                    if self.course.strike(self.link, self.gone) == Some(Strike::Reset) {
                        return Err(Break::Reset);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Sleeps until an instant; for ever without one.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
