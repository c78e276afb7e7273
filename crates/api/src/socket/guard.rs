//! A guard before the WebSocket codec: refuses a frame by its header (RFC 6455, section 5.2).
//!
//! The codec looks at a frame once all of it is buffered. Without the guard an announced gibibyte would be buffered.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_util::Stream;
use shared::events::CloseCode;
use thiserror::Error;

/// The most a message may hold, in bytes, over all its fragments.
pub(super) const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// How many continuation frames a message may have.
const MAX_CONTINUATIONS: u32 = 16;
/// The most a control frame may hold, in bytes (RFC 6455, section 5.5).
const MAX_CONTROL_BYTES: u64 = 125;
/// How much is passed on at once, in bytes: the codec decodes all of it into messages before the first is handled.
const PIECE_BYTES: usize = 4 * 1024;

const OPCODE_CONTINUATION: u8 = 0x0;
const OPCODE_TEXT: u8 = 0x1;
const OPCODE_BINARY: u8 = 0x2;
const OPCODE_CLOSE: u8 = 0x8;
const OPCODE_PING: u8 = 0x9;
const OPCODE_PONG: u8 = 0xA;
const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;
const MASK_BYTES: usize = 4;

/// A frame that was refused, and the code to close with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("refused with {0:?}")]
pub(super) struct Refused(pub(super) CloseCode);

impl Refused {
    /// Finds a refusal inside the error that the message stream made of it.
    pub(super) fn find(error: &io::Error) -> Option<Self> {
        let error: &(dyn Error + 'static) = error.get_ref()?;
        match error.downcast_ref::<PayloadError>() {
            Some(PayloadError::Io(inner)) => inner.get_ref()?.downcast_ref::<Self>().copied(),
            _ => None,
        }
    }
}

/// Passes a request's payload on as long as its frames are acceptable.
pub(super) struct Guard {
    payload: Payload,
    waiting: Bytes,
    headers: Headers,
    refused: Option<Refused>,
    /// Whether the codec gets its turn before the next piece.
    is_pausing: bool,
}

impl Guard {
    pub(super) fn new(payload: Payload) -> Self {
        let headers = Headers::default();
        Self { payload, waiting: Bytes::new(), headers, refused: None, is_pausing: false }
    }
}

impl Stream for Guard {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.is_pausing) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(refused) = self.refused {
            return Poll::Ready(Some(Err(PayloadError::Io(io::Error::other(refused)))));
        }
        if self.waiting.is_empty() {
            self.waiting = match ready!(Pin::new(&mut self.payload).poll_next(context)) {
                Some(Ok(bytes)) => bytes,
                other => return Poll::Ready(other),
            };
        }
        let length = self.waiting.len().min(PIECE_BYTES);
        let piece = self.waiting.split_to(length);
        let acceptable = match self.headers.follow(&piece) {
            Ok(()) => length,
            Err((start, refused)) => {
                self.refused = Some(refused);
                start
            }
        };
        self.is_pausing = true;
        // Copied, so that the connection's read buffer is not kept alive by the few bytes of a frame.
        Poll::Ready(Some(Ok(Bytes::copy_from_slice(&piece[..acceptable]))))
    }
}

/// Follows frame headers through a stream of bytes.
#[derive(Debug, Default)]
struct Headers {
    /// The header that is being read.
    header: [u8; 14],
    /// How many bytes of it are there.
    length: usize,
    /// How much of the present frame's payload is still to come.
    payload_left: u64,
    /// The payload of the message's frames so far.
    message_bytes: u64,
    /// The frames of the present message; zero between messages.
    fragments: u32,
}

impl Headers {
    /// Follows the next bytes.
    ///
    /// # Errors
    /// Where in `bytes` a frame begins that is refused, and why.
    fn follow(&mut self, bytes: &[u8]) -> Result<(), (usize, Refused)> {
        let mut at = 0;
        let mut frame_start = 0;
        while at < bytes.len() {
            if self.payload_left > 0 {
                let skipped = self.payload_left.min((bytes.len() - at) as u64);
                self.payload_left -= skipped;
                at += skipped as usize;
                continue;
            }
            if self.length == 0 {
                frame_start = at;
            }
            self.header[self.length] = bytes[at];
            self.length += 1;
            at += 1;
            self.judge().map_err(|code| (frame_start, Refused(code)))?;
        }
        Ok(())
    }

    /// Judges as much of the header as is there.
    fn judge(&mut self) -> Result<(), CloseCode> {
        if self.length < 2 {
            return Ok(());
        }
        let (first, second) = (self.header[0], self.header[1]);
        let (opcode, short_length) = (first & 0x0F, u64::from(second & 0x7F));
        if self.length == 2 {
            self.judge_kind(first, second, short_length)?;
        }
        let (length_bytes, payload) = match short_length {
            126 => (2, self.header[2..4].iter()),
            127 => (8, self.header[2..10].iter()),
            _ => (0, self.header[..0].iter()),
        };
        if self.length < 2 + length_bytes {
            return Ok(());
        }
        let payload_bytes = if length_bytes == 0 {
            short_length
        } else {
            payload.fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        };
        let is_data = opcode & 0x8 == 0;
        let whole = payload_bytes.saturating_add(if is_data { self.message_bytes } else { 0 });
        if whole > MAX_MESSAGE_BYTES as u64 {
            return Err(CloseCode::TooBig);
        }
        if self.length < 2 + length_bytes + MASK_BYTES {
            return Ok(());
        }
        (self.length, self.payload_left) = (0, payload_bytes);
        if is_data && first & FINAL != 0 {
            (self.message_bytes, self.fragments) = (0, 0);
        } else if is_data {
            self.message_bytes = whole;
            self.fragments += 1;
            // At least one continuation is still to come.
            if self.fragments > MAX_CONTINUATIONS {
                return Err(CloseCode::TooBig);
            }
        }
        Ok(())
    }

    fn judge_kind(&self, first: u8, second: u8, short_length: u64) -> Result<(), CloseCode> {
        if first & RESERVED != 0 || second & MASKED == 0 {
            return Err(CloseCode::Protocol);
        }
        let is_in_message = self.fragments > 0;
        match first & 0x0F {
            OPCODE_BINARY if !is_in_message => Err(CloseCode::Unsupported),
            OPCODE_TEXT if !is_in_message => Ok(()),
            OPCODE_CONTINUATION if is_in_message => Ok(()),
            OPCODE_CLOSE | OPCODE_PING | OPCODE_PONG
                if first & FINAL != 0 && short_length <= MAX_CONTROL_BYTES =>
            {
                Ok(())
            }
            _ => Err(CloseCode::Protocol),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client's frame: masked with zeros, with the given first byte.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            length @ 0..=125 => bytes.push(MASKED | length as u8),
            length @ 126..=0xFFFF => {
                bytes.push(MASKED | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            length => {
                bytes.push(MASKED | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend([0; MASK_BYTES]);
        bytes.extend(payload);
        bytes
    }

    fn refusal(bytes: &[u8]) -> Option<(usize, CloseCode)> {
        let whole = Headers::default().follow(bytes).err().map(|(start, refused)| (start, refused.0));
        let mut headers = Headers::default();
        let by_byte = bytes.iter().find_map(|byte| headers.follow(&[*byte]).err());
        assert_eq!(whole.map(|(_, code)| code), by_byte.map(|(_, refused)| refused.0), "byte by byte");
        whole
    }

    #[test]
    fn acceptable_frames_pass_however_their_bytes_arrive() {
        let message = [frame(0x01, b"hel"), frame(0x89, b"now"), frame(0x80, b"lo")].concat();
        assert_eq!(refusal(&message), None);
        for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
            assert_eq!(refusal(&frame(0x81, &vec![b'x'; length])), None, "{length}");
        }
    }

    #[test]
    fn too_much_is_refused_by_the_header_alone() {
        let announced = [&[0x81, MASKED | 127][..], &u64::MAX.to_be_bytes()].concat();
        assert_eq!(refusal(&announced), Some((0, CloseCode::TooBig)));
        let first = frame(0x01, &[b'x'; 40_000]);
        let halves = [&first[..], &frame(0x80, &[b'x'; 40_000])].concat();
        assert_eq!(refusal(&halves), Some((first.len(), CloseCode::TooBig)));
        let continued =
            |count: usize| [frame(0x01, b"x"), frame(0x00, b"x").repeat(count - 1), frame(0x80, b"x")];
        assert_eq!(refusal(&continued(16).concat()), None);
        assert_eq!(refusal(&continued(17).concat()).map(|(_, code)| code), Some(CloseCode::TooBig));
    }

    #[test]
    fn a_frame_that_breaks_the_protocol_is_refused_where_it_begins() {
        let mut unmasked = frame(0x81, b"x");
        unmasked[1] &= !MASKED;
        let good = frame(0x81, b"good");
        for (bytes, code) in [
            (unmasked, CloseCode::Protocol),
            (frame(0xC1, b"reserved bit"), CloseCode::Protocol),
            (frame(0x83, b"opcode 3"), CloseCode::Protocol),
            (frame(0x8B, b"opcode 11"), CloseCode::Protocol),
            (frame(0x80, b"nothing to continue"), CloseCode::Protocol),
            (frame(0x09, b"a ping in parts"), CloseCode::Protocol),
            (frame(0x89, &[0; 126]), CloseCode::Protocol),
            (frame(0x82, b"binary"), CloseCode::Unsupported),
        ] {
            assert_eq!(refusal(&[&good[..], &bytes].concat()), Some((good.len(), code)), "{bytes:?}");
        }
        let two_texts = [frame(0x01, b"a"), frame(0x81, b"b")].concat();
        assert_eq!(refusal(&two_texts).map(|(_, code)| code), Some(CloseCode::Protocol));
    }

    #[test]
    fn a_refusal_is_found_in_the_message_streams_error() {
        let refused = Refused(CloseCode::TooBig);
        let error = io::Error::other(PayloadError::Io(io::Error::other(refused)));
        assert_eq!(Refused::find(&error), Some(refused));
        assert_eq!(Refused::find(&io::Error::other(PayloadError::Incomplete(None))), None);
        assert_eq!(Refused::find(&io::ErrorKind::UnexpectedEof.into()), None);
    }
}
