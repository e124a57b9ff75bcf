//! Reading and writing the protobuf wire format, as far as OTLP needs it.
//!
//! The reader accepts what prost accepts: it refuses field number 0, wire types 6 and 7, varints of more than ten bytes
//! and lengths beyond the end; it skips groups. It never allocates and never panics.

/// What is wrong with a message. The whole request is refused; nothing of it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedError {
    /// A length or a number reaches beyond the end of its message.
    #[error("a field reaches beyond the end of its message")]
    Truncated,
    /// A varint of more than ten bytes, or a tag that is no valid field.
    #[error("a tag or number is not a valid varint")]
    Varint,
    /// A known field with another wire type than its own, or a wire type that does not exist.
    #[error("a field has the wrong wire type")]
    WireType,
    /// More spans, or groups of spans, than one request may hold: [`crate::walk::SPANS_MAX`].
    #[error("the request holds more than a million spans or groups of spans")]
    TooMany,
    /// Messages nested deeper than 100, the limit that protobuf libraries share.
    #[error("messages are nested deeper than 100 levels")]
    Depth,
}

/// The wire type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// A varint.
    Varint = 0,
    /// Eight bytes.
    Fixed64 = 1,
    /// A length and that many bytes.
    Bytes = 2,
    /// The start of a group.
    Group = 3,
    /// The end of a group.
    GroupEnd = 4,
    /// Four bytes.
    Fixed32 = 5,
}

/// A field's number and wire type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    /// Field number.
    pub field: u32,
    /// Wire type.
    pub wire: Wire,
}

/// A field's number and wire type as one word, the way it stands on the wire: what hot loops match on.
#[inline(always)]
pub const fn key(field: u32, wire: Wire) -> u32 {
    field << 3 | wire as u32
}

impl Tag {
    /// The tag that a word from the wire stands for.
    ///
    /// # Errors
    /// Field number 0 and wire types that do not exist.
    #[inline(always)]
    pub fn of_key(key: u32) -> Result<Self, MalformedError> {
        if key < 8 {
            return Err(MalformedError::Varint);
        }
        let wire = match key & 7 {
            0 => Wire::Varint,
            1 => Wire::Fixed64,
            2 => Wire::Bytes,
            3 => Wire::Group,
            4 => Wire::GroupEnd,
            5 => Wire::Fixed32,
            _ => return Err(MalformedError::WireType),
        };
        Ok(Self { field: key >> 3, wire })
    }

    /// Refuses the field unless it has the wire type that its number calls for.
    #[inline(always)]
    pub fn must_be(self, wire: Wire) -> Result<(), MalformedError> {
        if self.wire == wire { Ok(()) } else { Err(MalformedError::WireType) }
    }
}

/// Reads one message from its first byte to its last.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of the message `bytes`.
    #[inline(always)]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// What has not been read yet.
    #[inline(always)]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// The next tag; `None` at the end of the message.
    #[inline(always)]
    pub fn tag(&mut self) -> Result<Option<Tag>, MalformedError> {
        match self.key()? {
            None => Ok(None),
            Some(key) => Tag::of_key(key).map(Some),
        }
    }

    /// The next tag as the word that [`key`] makes; `None` at the end of the message. Whether such a field can be is left
    /// open: who does not know the word asks [`Tag::of_key`].
    #[inline(always)]
    pub fn key(&mut self) -> Result<Option<u32>, MalformedError> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        u32::try_from(self.varint()?).map(Some).map_err(|_| MalformedError::Varint)
    }

    /// A varint. Those of one or two bytes, which tags, lengths and most numbers are, are read in place.
    #[inline(always)]
    pub fn varint(&mut self) -> Result<u64, MalformedError> {
        match self.bytes {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.bytes = rest;
                Ok(u64::from(*byte))
            }
            [low, high, rest @ ..] if *high < 0x80 => {
                self.bytes = rest;
                Ok(u64::from(*low & 0x7f) | u64::from(*high) << 7)
            }
            _ => self.long_varint(),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, MalformedError> {
        let mut word = 0u64;
        for (at, &byte) in self.bytes.iter().take(10).enumerate() {
            // The tenth byte may only carry the last bit, as prost has it.
            if at == 9 && byte > 1 {
                return Err(MalformedError::Varint);
            }
            word |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                self.bytes = &self.bytes[at + 1..];
                return Ok(word);
            }
        }
        Err(if self.bytes.len() < 10 { MalformedError::Truncated } else { MalformedError::Varint })
    }

    /// Eight bytes, little-endian.
    #[inline(always)]
    pub fn fixed64(&mut self) -> Result<u64, MalformedError> {
        let (head, rest) = self.bytes.split_first_chunk::<8>().ok_or(MalformedError::Truncated)?;
        self.bytes = rest;
        Ok(u64::from_le_bytes(*head))
    }

    /// Four bytes, little-endian.
    #[inline(always)]
    pub fn fixed32(&mut self) -> Result<u32, MalformedError> {
        let (head, rest) = self.bytes.split_first_chunk::<4>().ok_or(MalformedError::Truncated)?;
        self.bytes = rest;
        Ok(u32::from_le_bytes(*head))
    }

    /// A length and that many bytes.
    #[inline(always)]
    pub fn bytes(&mut self) -> Result<&'a [u8], MalformedError> {
        let length = self.varint()?;
        if length > self.bytes.len() as u64 {
            return Err(MalformedError::Truncated);
        }
        let (head, rest) = self.bytes.split_at(length as usize);
        self.bytes = rest;
        Ok(head)
    }

    /// Passes over the value of a field whose tag was just read. `depth` bounds nested groups.
    pub fn skip(&mut self, tag: Tag, depth: u32) -> Result<(), MalformedError> {
        match tag.wire {
            Wire::Varint => self.varint().map(drop),
            Wire::Fixed64 => self.fixed64().map(drop),
            Wire::Bytes => self.bytes().map(drop),
            Wire::Fixed32 => self.fixed32().map(drop),
            Wire::GroupEnd => Err(MalformedError::WireType),
            Wire::Group => self.skip_group(tag.field, depth.checked_sub(1).ok_or(MalformedError::Depth)?),
        }
    }

    fn skip_group(&mut self, field: u32, depth: u32) -> Result<(), MalformedError> {
        loop {
            let tag = self.tag()?.ok_or(MalformedError::Truncated)?;
            if tag.wire == Wire::GroupEnd {
                return if tag.field == field { Ok(()) } else { Err(MalformedError::WireType) };
            }
            self.skip(tag, depth)?;
        }
    }
}

/// How many bytes a varint takes.
#[inline(always)]
pub fn varint_length(word: u64) -> usize {
    // 1 to 10: one byte for every 7 bits begun.
    (640 - ((word | 1).leading_zeros() as usize) * 9) / 64
}

/// Appends a varint.
#[inline(always)]
pub fn put_varint(out: &mut Vec<u8>, mut word: u64) {
    while word >= 0x80 {
        out.push(word as u8 | 0x80);
        word >>= 7;
    }
    out.push(word as u8);
}

/// Appends a tag.
#[inline(always)]
pub fn put_tag(out: &mut Vec<u8>, field: u32, wire: u8) {
    put_varint(out, u64::from(field) << 3 | u64::from(wire));
}

/// Appends a length-delimited field.
#[inline]
pub fn put_bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    put_tag(out, field, 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a length-delimited field unless it is empty, proto3's default.
#[inline]
pub fn put_text(out: &mut Vec<u8>, field: u32, text: &str) {
    if !text.is_empty() {
        put_bytes(out, field, text.as_bytes());
    }
}

/// Appends a varint field unless it is 0, proto3's default.
#[inline]
pub fn put_uint(out: &mut Vec<u8>, field: u32, word: u64) {
    if word != 0 {
        put_tag(out, field, 0);
        put_varint(out, word);
    }
}

/// Appends an eight-byte field, also when it is 0: such fields are patched later.
#[inline]
pub fn put_fixed64(out: &mut Vec<u8>, field: u32, word: u64) {
    put_tag(out, field, 1);
    out.extend_from_slice(&word.to_le_bytes());
}

/// Appends a four-byte field unless it is 0, proto3's default.
#[inline]
pub fn put_fixed32(out: &mut Vec<u8>, field: u32, word: u32) {
    if word != 0 {
        put_tag(out, field, 5);
        out.extend_from_slice(&word.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_varint_reads_back_and_has_the_length_foretold(word: u64) {
            let mut out = Vec::new();
            put_varint(&mut out, word);
            prop_assert_eq!(out.len(), varint_length(word));
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.varint(), Ok(word));
            prop_assert!(reader.rest().is_empty());
        }

        #[test]
        fn garbage_is_read_or_refused_but_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            while let Ok(Some(tag)) = reader.tag() {
                if reader.skip(tag, 100).is_err() {
                    break;
                }
            }
        }
    }

    #[test]
    fn lengths_beyond_the_end_and_overlong_varints_are_refused() {
        assert_eq!(Reader::new(&[5, 1, 2]).bytes(), Err(MalformedError::Truncated));
        assert_eq!(Reader::new(&[0xff; 11]).varint(), Err(MalformedError::Varint));
        assert_eq!(Reader::new(&[0x80]).varint(), Err(MalformedError::Truncated));
        assert_eq!(Reader::new(&[0x00]).tag(), Err(MalformedError::Varint));
        assert_eq!(Reader::new(&[0x0f]).tag(), Err(MalformedError::WireType));
    }
}
