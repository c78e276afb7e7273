//! A guard before the WebSocket codec: it refuses invalid frames by their headers (RFC 6455, section 5.2).
//!
//! The codec checks a frame only when it is complete. Without the guard, an announced GiB would be buffered.

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

/// The maximal size of a message with all its fragments, in bytes.
pub(super) const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// The maximal number of continuation frames of a message.
const MAX_CONTINUATIONS: u32 = 16;
/// The maximal payload of a control frame, in bytes (RFC 6455, section 5.5).
const MAX_CONTROL_BYTES: u64 = 125;
/// How many bytes the codec gets at once. It decodes all of them before the first message is handled, and keeps their
/// memory until more arrive.
const PIECE_BYTES: usize = 512;

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

/// A frame was refused; the connection is to be closed with this code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("refused with {0:?}")]
pub(super) struct Refused(pub(super) CloseCode);

impl Refused {
    /// Extracts the refusal from an error of the message stream.
    pub(super) fn find(error: &io::Error) -> Option<Self> {
        let error: &(dyn Error + 'static) = error.get_ref()?;
        match error.downcast_ref::<PayloadError>() {
            Some(PayloadError::Io(inner)) => inner.get_ref()?.downcast_ref::<Self>().copied(),
            _ => None,
        }
    }
}

/// Passes on the payload of a request until a frame is refused.
pub(super) struct Guard {
    payload: Payload,
    waiting: Bytes,
    headers: Headers,
    refused: Option<Refused>,
    /// Whether the codec must process the last piece before the next one.
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
        let acceptable = match self.headers.parse(&piece) {
            Ok(()) => length,
            Err((start, refused)) => {
                self.refused = Some(refused);
                start
            }
        };
        self.is_pausing = true;
        // A copy, so that a small frame does not keep the whole read buffer alive.
        Poll::Ready(Some(Ok(Bytes::copy_from_slice(&piece[..acceptable]))))
    }
}

/// Parses frame headers in a stream of bytes.
#[derive(Debug, Default)]
struct Headers {
    /// The header that is being read, as far as it has arrived.
    header: [u8; 14],
    /// How many bytes of the header have arrived.
    length: usize,
    /// How many bytes of the current frame's payload are missing.
    payload_left: u64,
    /// The payload of the current message so far, in bytes.
    message_bytes: u64,
    /// The number of frames of the current message so far; zero between messages.
    fragments: u32,
}

impl Headers {
    /// Parses the next bytes.
    ///
    /// # Errors
    /// The position in `bytes` at which a refused frame begins, and the reason.
    fn parse(&mut self, bytes: &[u8]) -> Result<(), (usize, Refused)> {
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
            self.check().map_err(|code| (frame_start, Refused(code)))?;
        }
        Ok(())
    }

    /// Checks the header as far as it has arrived.
    fn check(&mut self) -> Result<(), CloseCode> {
        if self.length < 2 {
            return Ok(());
        }
        let (first, second) = (self.header[0], self.header[1]);
        let (opcode, short_length) = (first & 0x0F, u64::from(second & 0x7F));
        if self.length == 2 {
            self.check_kind(first, second, short_length)?;
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
            // At least one more continuation follows.
            if self.fragments > MAX_CONTINUATIONS {
                return Err(CloseCode::TooBig);
            }
        }
        Ok(())
    }

    fn check_kind(&self, first: u8, second: u8, short_length: u64) -> Result<(), CloseCode> {
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

    /// A frame of a client, masked with zeros, with the given first byte.
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
        let whole = Headers::default().parse(bytes).err().map(|(start, refused)| (start, refused.0));
        let mut headers = Headers::default();
        let by_byte = bytes.iter().find_map(|byte| headers.parse(&[*byte]).err());
        assert_eq!(whole.map(|(_, code)| code), by_byte.map(|(_, refused)| refused.0), "byte by byte");
        whole
    }

    #[test]
    fn valid_frames_pass_however_their_bytes_are_split() {
        let message = [frame(0x01, b"hel"), frame(0x89, b"now"), frame(0x80, b"lo")].concat();
        assert_eq!(refusal(&message), None);
        for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
            assert_eq!(refusal(&frame(0x81, &vec![b'x'; length])), None, "{length}");
        }
    }

    #[test]
    fn a_frame_that_is_too_large_is_refused_by_its_header() {
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
    fn a_refusal_is_extracted_from_the_error_of_the_message_stream() {
        let refused = Refused(CloseCode::TooBig);
        let error = io::Error::other(PayloadError::Io(io::Error::other(refused)));
        assert_eq!(Refused::find(&error), Some(refused));
        assert_eq!(Refused::find(&io::Error::other(PayloadError::Incomplete(None))), None);
        assert_eq!(Refused::find(&io::ErrorKind::UnexpectedEof.into()), None);
    }
}
