//! Percent coding of `grpc-message`: printable ASCII but `%` goes as it is, every other byte as `%XX`.

/// Encodes a message for the `grpc-message` header.
pub(super) fn encode(message: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut text = String::with_capacity(message.len());
    for byte in message.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => text.push(byte as char),
            _ => text.extend(['%', HEX[usize::from(byte >> 4)] as char, HEX[usize::from(byte & 15)] as char]),
        }
    }
    text
}

/// Decodes a `grpc-message` header; a broken escape stays as it is and bad UTF-8 is replaced, as the gRPC specification
/// asks: a message is never a reason to fail.
pub(super) fn decode(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        match escape(rest) {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[3..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn escape(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = *text else { return None };
    let digit = |symbol: u8| char::from(symbol).to_digit(16);
    Some((digit(high)? * 16 + digit(low)?) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn broken_escapes_stay_as_they_are() {
        assert_eq!(decode(b"100% of %zz and %4"), "100% of %zz and %4");
        assert_eq!(decode(b"%41%e2%82%ac"), "A€");
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding_and_the_code_is_printable(message in any::<String>()) {
            let text = encode(&message);
            prop_assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert_eq!(decode(text.as_bytes()), message);
        }
    }
}
