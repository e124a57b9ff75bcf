//! Bytes that were read in one direction and not handed on yet, in order, each piece with the instant from which on it may go.

use bytes::{Buf, BytesMut};
use std::collections::VecDeque;
use tokio::time::Instant;

/// The pieces of one direction.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    queue: VecDeque<Piece>,
    bytes: usize,
}

#[derive(Debug)]
struct Piece {
    bytes: BytesMut,
    /// None: at once.
    due: Option<Instant>,
    /// Nothing more is to be changed in it.
    is_ready: bool,
}

impl Pieces {
    /// Adds a piece. It is due no earlier than those before it: bytes keep their order.
    pub fn push(&mut self, bytes: BytesMut, due: Option<Instant>) {
        let due = due.max(self.queue.back().and_then(|last| last.due));
        self.bytes += bytes.len();
        self.queue.push_back(Piece { bytes, due, is_ready: false });
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn number(&self) -> usize {
        self.queue.len()
    }

    /// When the first piece is due, if there is one.
    pub fn due(&self) -> Option<Option<Instant>> {
        self.queue.front().map(|piece| piece.due)
    }

    /// Makes the first piece what is to go: `change` is called once for each.
    pub fn make_ready(&mut self, change: impl FnOnce(&mut BytesMut)) {
        if let Some(piece) = self.queue.front_mut()
            && !std::mem::replace(&mut piece.is_ready, true)
        {
            let before = piece.bytes.len();
            change(&mut piece.bytes);
            self.bytes = self.bytes - before + piece.bytes.len();
        }
    }

    /// Puts something in behind what is ready, to go as it is; after how many bytes it will have gone.
    pub fn interject(&mut self, bytes: BytesMut) -> usize {
        let ready = self.queue.front().filter(|piece| piece.is_ready).map(|piece| piece.bytes.len());
        self.bytes += bytes.len();
        let end = ready.unwrap_or(0) + bytes.len();
        self.queue.insert(usize::from(ready.is_some()), Piece { bytes, due: None, is_ready: true });
        end
    }

    /// The first bytes of the first piece, at most so many.
    pub fn front(&self, limit: usize) -> &[u8] {
        self.queue.front().map_or(&[], |piece| &piece.bytes[..limit.min(piece.bytes.len())])
    }

    /// So many bytes of the first piece have gone.
    pub fn advance(&mut self, bytes: usize) {
        let Some(piece) = self.queue.front_mut() else { return };
        piece.bytes.advance(bytes);
        self.bytes -= bytes;
        if piece.bytes.is_empty() {
            self.queue.pop_front();
        }
    }

    /// Throws everything away; how many bytes that was.
    pub fn clear(&mut self) -> usize {
        self.queue.clear();
        std::mem::take(&mut self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn pieces_keep_their_order_whatever_their_delay() {
        let (mut pieces, now) = (Pieces::default(), Instant::now());
        let later = |ms| Some(now + Duration::from_millis(ms));
        for (bytes, due) in [(&b"abc"[..], later(30)), (b"de", later(10)), (b"f", None), (b"g", later(40))] {
            pieces.push(bytes.into(), due);
        }
        assert_eq!((pieces.bytes(), pieces.number()), (7, 4));
        let mut seen = Vec::new();
        while let Some(due) = pieces.due() {
            pieces.make_ready(|bytes| bytes.iter_mut().for_each(|byte| *byte ^= b'a' ^ b'A'));
            seen.push((String::from_utf8_lossy(pieces.front(1)).into_owned(), due));
            pieces.advance(1);
        }
        let dues = [30, 30, 30, 30, 30, 30, 40].map(later);
        let letters = ["A", "B", "C", "D", "E", "F", "G"].map(str::to_owned);
        assert_eq!(seen, letters.into_iter().zip(dues).collect::<Vec<_>>());
        assert_eq!((pieces.bytes(), pieces.front(1)), (0, &b""[..]));
    }

    #[test]
    fn what_is_interjected_goes_behind_what_is_ready() {
        let mut pieces = Pieces::default();
        assert_eq!(pieces.interject(b"1"[..].into()), 1);
        pieces.push(b"abc"[..].into(), None);
        assert_eq!(pieces.interject(b"23"[..].into()), 3, "the first is ready");
        let mut seen = Vec::new();
        while pieces.due().is_some() {
            pieces.make_ready(|bytes| bytes.truncate(2));
            if pieces.front(1) == b"a" {
                assert_eq!((pieces.bytes(), pieces.interject(b"4"[..].into())), (2, 3));
            }
            seen.extend_from_slice(pieces.front(9));
            pieces.advance(pieces.front(9).len());
        }
        assert_eq!((&seen[..], pieces.bytes()), (&b"123ab4"[..], 0));
    }

    #[test]
    fn what_is_thrown_away_is_counted() {
        let mut pieces = Pieces::default();
        pieces.push(b"abc"[..].into(), None);
        pieces.push(b"de"[..].into(), None);
        pieces.advance(2);
        assert_eq!((pieces.clear(), pieces.bytes(), pieces.due()), (3, 0, None));
    }
}
