//! Any bytes through the proxy's reader of HTTP/2 frames: what nothing is left out of passes unchanged, however it is cut, and what is
//! decided of a frame does not depend on the cuts.
//!
//! The first byte says which end speaks, and how long the pieces are; the second which kinds of frames are left out.

#![no_main]

use libfuzzer_sys::fuzz_target;
use spanproof_harness::proxy::http2::frame::{Edited, Editor, Fate, Head};

fuzz_target!(|input: &[u8]| {
    let [how, dropped, bytes @ ..] = input else { return };
    let length = usize::from(how >> 1).max(1);
    assert_eq!(edited(*how, 0, bytes.chunks(length)), edited(*how, 0, [bytes].into_iter()));
    assert_eq!(edited(*how, 0, bytes.chunks(length)).0, bytes, "nothing is left out");
    assert_eq!(edited(*how, *dropped, bytes.chunks(length)), edited(*how, *dropped, [bytes].into_iter()));
});

/// What is left of a stream, and the heads of its frames.
fn edited<'b>(how: u8, dropped: u8, pieces: impl Iterator<Item = &'b [u8]>) -> (Vec<u8>, Vec<Head>) {
    let mut editor = if how & 1 == 0 { Editor::of_client() } else { Editor::of_server() };
    let (mut output, mut heads) = (Vec::new(), Vec::new());
    for piece in pieces {
        let edited = editor.edit(piece, &mut |head, payload| {
            assert!(payload.is_empty() || payload.len() == head.length);
            heads.push(*head);
            if head.kind < 8 && dropped >> head.kind & 1 == 1 { Fate::Drop } else { Fate::Pass }
        });
        match edited {
            Edited::First(bytes) => output.extend_from_slice(&piece[..bytes]),
            Edited::Other(bytes) => output.extend(bytes),
        }
    }
    output.extend(editor.give_up());
    (output, heads)
}
