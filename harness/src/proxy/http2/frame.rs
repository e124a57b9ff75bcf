//! HTTP/2 frames in a stream of bytes that comes in pieces (RFC 9113, section 4), and a few to be put into one.
//!
//! Only the framing is read: header blocks stay closed. Nothing here knows sockets, clocks or faults, and any bytes may come.

/// What a client says first of all (section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Frames that this long or longer are let through without a look inside; no control frame of use is.
const LOOKED_INTO_MAX: usize = 1 << 10;

/// Bytes of a frame before its payload.
pub const HEAD_BYTES: usize = 9;

/// The kinds of frames that matter here (section 6).
pub mod kind {
    /// DATA
    pub const DATA: u8 = 0;
    /// HEADERS
    pub const HEADERS: u8 = 1;
    /// RST_STREAM
    pub const RST_STREAM: u8 = 3;
    /// SETTINGS
    pub const SETTINGS: u8 = 4;
    /// PING
    pub const PING: u8 = 6;
    /// GOAWAY
    pub const GOAWAY: u8 = 7;
    /// WINDOW_UPDATE
    pub const WINDOW_UPDATE: u8 = 8;
    /// CONTINUATION
    pub const CONTINUATION: u8 = 9;
}

/// Of SETTINGS and PING: it answers another.
pub const ACK: u8 = 1;

/// Of DATA and HEADERS: the stream's last.
pub const END_STREAM: u8 = 1;

/// Of HEADERS and CONTINUATION: the block's last.
pub const END_HEADERS: u8 = 4;

/// The setting for how much a client may send on a stream before it is told that it may send more (section 6.5.2).
pub const INITIAL_WINDOW_SIZE: u16 = 4;

/// What that is where nobody sets it.
pub const INITIAL_WINDOW_DEFAULT: u32 = 65_535;

/// The setting that limits the streams of the other end (section 6.5.2).
pub const MAX_CONCURRENT_STREAMS: u16 = 3;

/// What stands before a frame's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Bytes of payload.
    pub length: usize,
    /// See [`kind`].
    pub kind: u8,
    /// What they mean depends on the kind.
    pub flags: u8,
    /// 0 for what concerns the connection.
    pub stream: u32,
}

impl Head {
    /// What these bytes say.
    pub fn read([a, b, c, kind, flags, stream @ ..]: [u8; HEAD_BYTES]) -> Self {
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        // The highest bit is reserved.
        Self { length, kind, flags, stream: u32::from_be_bytes(stream) & 0x7FFF_FFFF }
    }

    /// Whether a flag is set.
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether its payload is looked into before it is decided what becomes of it.
    fn is_looked_into(&self) -> bool {
        let control = [kind::RST_STREAM, kind::SETTINGS, kind::PING, kind::GOAWAY, kind::WINDOW_UPDATE];
        self.length < LOOKED_INTO_MAX && control.contains(&self.kind)
    }
}

/// What is to become of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    Pass,
    /// It is left out.
    Drop,
}

/// Follows one direction of a connection and leaves frames out of it.
#[derive(Debug)]
pub struct Editor {
    at: At,
    /// Bytes of a frame of which nothing is decided yet.
    held: Vec<u8>,
    /// HEADERS have come whose block is not complete: nothing may come in between.
    in_block: bool,
    frames: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// So many bytes of the preface have come.
    Preface(usize),
    /// Between frames, or within a head.
    Head,
    /// So many bytes of a payload are still to come, and share its fate.
    Payload(usize, Fate),
    /// This is no HTTP/2.
    Foreign,
}

impl Editor {
    /// The direction in which a client speaks, which begins with the preface.
    pub fn of_client() -> Self {
        Self::beginning(At::Preface(0))
    }

    /// What is not looked at.
    pub fn of_something_else() -> Self {
        Self::beginning(At::Foreign)
    }

    /// The other one.
    pub fn of_server() -> Self {
        Self::beginning(At::Head)
    }

    fn beginning(at: At) -> Self {
        Self { at, held: Vec::new(), in_block: false, frames: 0 }
    }

    /// Whether this is HTTP/2: a preface or a first frame has come, and nothing else.
    pub fn is_http2(&self) -> bool {
        match self.at {
            At::Foreign | At::Preface(_) => false,
            At::Head | At::Payload(..) => true,
        }
    }

    /// Whether this is known to be something else.
    pub fn is_foreign(&self) -> bool {
        self.at == At::Foreign
    }

    /// Looks no further, and gives what was held back.
    pub fn give_up(&mut self) -> Vec<u8> {
        self.at = At::Foreign;
        std::mem::take(&mut self.held)
    }

    /// Whether a frame of ours may come next: nothing of another is under way, and the first is the other end's own.
    pub fn is_between_frames(&self) -> bool {
        self.at == At::Head && self.held.is_empty() && !self.in_block && self.frames > 0
    }

    /// Reads on and says what is left of these bytes, perhaps behind some that were held back before, by asking of each frame what is to
    /// become of it. Payloads come along of frames that are short and control something; others are empty.
    pub fn edit(&mut self, input: &[u8], decide: &mut dyn FnMut(&Head, &[u8]) -> Fate) -> Edited {
        let mut output = Output { input, kept: 0, other: None };
        let mut at = 0;
        while at < input.len() {
            at = self.step(at, &mut output, decide);
        }
        output.edited()
    }

    /// Does something with the bytes from `at` on; how far it came.
    fn step(&mut self, at: usize, output: &mut Output<'_>, decide: &mut dyn FnMut(&Head, &[u8]) -> Fate) -> usize {
        let left = output.input.len() - at;
        match self.at {
            At::Foreign => output.keep(at, at + left),
            At::Preface(seen) => {
                let end = at + left.min(PREFACE.len() - seen);
                let now = &output.input[at..end];
                self.at = match seen + now.len() {
                    _ if !PREFACE[seen..].starts_with(now) => At::Foreign,
                    seen if seen == PREFACE.len() => At::Head,
                    seen => At::Preface(seen),
                };
                output.keep(at, end)
            }
            At::Payload(missing, fate) => {
                let end = at + left.min(missing);
                self.at = if left < missing { At::Payload(missing - left, fate) } else { At::Head };
                if fate == Fate::Pass { output.keep(at, end) } else { end }
            }
            At::Head => self.head(at, output, decide),
        }
    }

    fn head(&mut self, begin: usize, output: &mut Output<'_>, decide: &mut dyn FnMut(&Head, &[u8]) -> Fate) -> usize {
        // Where it begins in these bytes, if it does.
        let begin_here = self.held.is_empty().then_some(begin);
        let mut at = self.hold(HEAD_BYTES, begin, output.input);
        if self.frames == 0 && !may_be_first(&self.held) {
            let held = self.give_up();
            output.say(begin_here, at, &held);
            return at;
        }
        let Some(bytes) = self.held.first_chunk() else { return at };
        let head = Head::read(*bytes);
        let looked_into = if head.is_looked_into() { head.length } else { 0 };
        at = self.hold(HEAD_BYTES + looked_into, at, output.input);
        if self.held.len() < HEAD_BYTES + looked_into {
            return at;
        }
        let fate = decide(&head, &self.held[HEAD_BYTES..]);
        if fate == Fate::Pass {
            output.say(begin_here, at, &self.held);
        }
        self.held.clear();
        self.frames += 1;
        if matches!(head.kind, kind::HEADERS | kind::CONTINUATION) {
            self.in_block = !head.has(END_HEADERS);
        }
        let left = head.length - looked_into;
        self.at = if left == 0 { At::Head } else { At::Payload(left, fate) };
        at
    }

    /// Holds bytes until there are so many; how far it came.
    fn hold(&mut self, wanted: usize, at: usize, input: &[u8]) -> usize {
        let end = input.len().min(at + wanted.saturating_sub(self.held.len()));
        self.held.extend_from_slice(&input[at..end]);
        end
    }
}

/// What is left of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edited {
    /// So many of its first bytes; all of them, if nothing was done.
    First(usize),
    /// Other bytes.
    Other(Vec<u8>),
}

/// What is left of a piece so far. As long as that is how the piece begins nothing is copied.
struct Output<'i> {
    input: &'i [u8],
    kept: usize,
    other: Option<Vec<u8>>,
}

impl Output<'_> {
    /// Bytes of the piece are left; gives where they end.
    fn keep(&mut self, begin: usize, end: usize) -> usize {
        match &mut self.other {
            None if begin == self.kept => self.kept = end,
            None => self.other = Some([&self.input[..self.kept], &self.input[begin..end]].concat()),
            Some(other) => other.extend_from_slice(&self.input[begin..end]),
        }
        end
    }

    /// Bytes that were held are left. They stand in the piece, if they begin in it.
    fn say(&mut self, begin: Option<usize>, end: usize, held: &[u8]) {
        if let Some(begin) = begin {
            self.keep(begin, end);
        } else {
            self.other.get_or_insert_default().extend_from_slice(held);
        }
    }

    fn edited(self) -> Edited {
        self.other.map_or(Edited::First(self.kept), Edited::Other)
    }
}

/// Whether a connection of HTTP/2 may begin so: the first frame of either end is SETTINGS, and not a long one. What is something
/// else is known by its first bytes, so that nothing of it is held back.
fn may_be_first(bytes: &[u8]) -> bool {
    let expected = [Some(0), None, None, Some(kind::SETTINGS), Some(0), Some(0), Some(0), Some(0), Some(0)];
    bytes.iter().zip(expected).all(|(byte, expected)| expected.is_none_or(|expected| *byte == expected))
}

/// A frame to be put between others.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = (payload.len() as u32).to_be_bytes();
    [&[a, b, c, kind, flags][..], &stream.to_be_bytes(), payload].concat()
}

/// SETTINGS with one value.
pub fn setting(name: u16, value: u32) -> Vec<u8> {
    frame(kind::SETTINGS, 0, 0, &[&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
}

/// RST_STREAM.
pub fn rst_stream(stream: u32, error: u32) -> Vec<u8> {
    frame(kind::RST_STREAM, 0, stream, &error.to_be_bytes())
}

/// WINDOW_UPDATE, as many as it takes: one carries at most 2^31 - 1.
pub fn window_updates(stream: u32, mut bytes: u64) -> Vec<u8> {
    let mut frames = Vec::new();
    while bytes > 0 {
        let now = bytes.min(0x7FFF_FFFF) as u32;
        frames.extend(frame(kind::WINDOW_UPDATE, 0, stream, &now.to_be_bytes()));
        bytes -= u64::from(now);
    }
    frames
}

/// GOAWAY: streams above `last` were not looked at.
pub fn goaway(last: u32, error: u32, words: &[u8]) -> Vec<u8> {
    frame(kind::GOAWAY, 0, 0, &[&last.to_be_bytes()[..], &error.to_be_bytes(), words].concat())
}

/// The last value of a setting in the payload of SETTINGS.
pub fn value_of(name: u16, settings: &[u8]) -> Option<u32> {
    let value = |setting: &[u8]| match setting {
        [a, b, value @ ..] if u16::from_be_bytes([*a, *b]) == name => Some(u32::from_be_bytes(value.try_into().ok()?)),
        _ => None,
    };
    settings.chunks_exact(6).rev().find_map(value)
}

/// What a WINDOW_UPDATE adds.
pub fn increment(payload: &[u8]) -> u32 {
    payload.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes) & 0x7FFF_FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_frame() -> impl Strategy<Value = (u8, u8, u32, Vec<u8>)> {
        (0u8..12, any::<u8>(), 0u32..0x7FFF_FFFF, prop::collection::vec(any::<u8>(), 0..1500))
    }

    /// What is left, as bytes.
    fn edit(editor: &mut Editor, input: &[u8], mut decide: impl FnMut(&Head, &[u8]) -> Fate) -> Vec<u8> {
        match editor.edit(input, &mut decide) {
            Edited::First(bytes) => input[..bytes].to_vec(),
            Edited::Other(bytes) => bytes,
        }
    }

    /// A stream of frames, cut anywhere.
    fn cut(stream: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).chain([0, stream.len()]).collect();
        places.sort_unstable();
        places.windows(2).map(|pair| stream[pair[0]..pair[1]].to_vec()).collect()
    }

    proptest! {
        #[test]
        fn frames_are_seen_alike_and_pass_unchanged_however_they_are_cut(
            frames in prop::collection::vec(any_frame(), 0..12), cuts in prop::collection::vec(any::<usize>(), 0..40),
            dropped in prop::collection::vec(any::<bool>(), 13),
        ) {
            let first = (kind::SETTINGS, 0, 0, vec![0; 6]);
            let frames: Vec<_> = std::iter::once(first).chain(frames).collect();
            let written = |keep: &dyn Fn(usize) -> bool| -> Vec<u8> {
                let all = frames.iter().enumerate().filter(|(number, _)| keep(*number));
                all.flat_map(|(_, (kind, flags, stream, payload))| frame(*kind, *flags, *stream, payload)).collect()
            };
            let mut editor = Editor::of_client();
            let (mut output, mut seen) = (Vec::new(), Vec::new());
            let stream = [PREFACE, &written(&|_| true)].concat();
            for piece in cut(&stream, &cuts) {
                output.extend(edit(&mut editor, &piece, |head, payload| {
                    seen.push((*head, payload.to_vec()));
                    if dropped[seen.len() - 1] { Fate::Drop } else { Fate::Pass }
                }));
            }
            let expected = [PREFACE, &written(&|number| !dropped[number])].concat();
            prop_assert!(output == expected);
            prop_assert_eq!(seen.len(), frames.len());
            for ((head, payload), (kind, flags, stream, whole)) in seen.iter().zip(&frames) {
                prop_assert_eq!((head.kind, head.flags, head.stream, head.length), (*kind, *flags, *stream, whole.len()));
                prop_assert!(payload.is_empty() || payload == whole);
            }
            prop_assert!(editor.is_http2() && (editor.is_between_frames() || editor.in_block));
        }

        #[test]
        fn any_bytes_pass_unchanged(bytes in prop::collection::vec(any::<u8>(), 0..3000), cuts in prop::collection::vec(any::<usize>(), 0..20)) {
            for begin in [Editor::of_client, Editor::of_server] {
                let mut editor = begin();
                let mut output = Vec::new();
                for piece in cut(&bytes, &cuts) {
                    output.extend(edit(&mut editor, &piece, |_, _| Fate::Pass));
                }
                output.extend(editor.give_up());
                prop_assert!(output == bytes);
            }
        }
    }

    #[test]
    fn what_is_no_http2_is_known_as_such_and_held_back_by_nothing() {
        for text in ["GET / HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "P"] {
            let mut editor = Editor::of_client();
            assert_eq!(edit(&mut editor, text.as_bytes(), |_, _| panic!("no frame")), text.as_bytes());
            assert!(!editor.is_http2() && !editor.is_between_frames());
        }
        let mut editor = Editor::of_server();
        assert_eq!(edit(&mut editor, b"HTTP/1.1 200 OK\r\n", |_, _| panic!("no frame")), b"HTTP/1.1 200 OK\r\n");
        assert!(!editor.is_http2());
    }

    #[test]
    fn what_nothing_is_done_to_is_not_copied() {
        let stream = [PREFACE, &setting(1, 2), &frame(kind::DATA, 0, 1, &[0; 5000])].concat();
        let mut editor = Editor::of_client();
        assert_eq!(editor.edit(&stream, &mut |_, _| Fate::Pass), Edited::First(stream.len()));
        let begun = &frame(kind::PING, 0, 0, &[0; 8])[..12];
        assert_eq!(editor.edit(begun, &mut |_, _| Fate::Pass), Edited::First(0), "it may have to be left out");
        assert!(matches!(editor.edit(&[0; 5], &mut |_, _| Fate::Pass), Edited::Other(ping) if ping.len() == 17));
    }

    #[test]
    fn nothing_comes_between_headers_and_their_continuation() {
        let mut editor = Editor::of_server();
        let between = |editor: &mut Editor, bytes: &[u8]| {
            edit(editor, bytes, |_, _| Fate::Pass);
            editor.is_between_frames()
        };
        assert!(!between(&mut editor, b""), "the first frame is the server's own");
        assert!(between(&mut editor, &frame(kind::SETTINGS, 0, 0, &[])));
        assert!(!between(&mut editor, &frame(kind::HEADERS, END_STREAM, 1, b"block")));
        assert!(between(&mut editor, &frame(kind::CONTINUATION, END_HEADERS, 1, b"block")));
        assert!(!between(&mut editor, &frame(kind::DATA, 0, 1, b"data")[..11]));
    }

    #[test]
    fn settings_and_windows_are_written_as_they_are_read() {
        let written = setting(MAX_CONCURRENT_STREAMS, 7);
        assert_eq!(value_of(MAX_CONCURRENT_STREAMS, &written[HEAD_BYTES..]), Some(7));
        assert_eq!(value_of(4, &written[HEAD_BYTES..]), None);
        let updates = window_updates(5, 0x8000_0000);
        let sum: u64 = updates.chunks(HEAD_BYTES + 4).map(|update| u64::from(increment(&update[HEAD_BYTES..]))).sum();
        assert_eq!((updates.len(), sum), (2 * (HEAD_BYTES + 4), 0x8000_0000));
        assert_eq!(rst_stream(3, 8), [0, 0, 4, kind::RST_STREAM, 0, 0, 0, 0, 3, 0, 0, 0, 8]);
        assert_eq!(goaway(3, 0, b"x")[..HEAD_BYTES], [0, 0, 9, kind::GOAWAY, 0, 0, 0, 0, 0]);
    }
}
