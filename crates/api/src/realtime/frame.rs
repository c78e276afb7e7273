//! WebSocket frames (RFC 6455), the server's side: outgoing ones encoded once and shared, incoming ones decoded as
//! the bytes come, refused as soon as their header says too much.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use shared::events::{CloseCode, ServerEvent};

/// The most a message may hold, in bytes, over all its fragments.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// How many continuation frames a message may have.
const MAX_CONTINUATIONS: usize = 16;
/// The most a control frame may hold (RFC 6455, section 5.5).
const MAX_CONTROL_BYTES: usize = 125;

/// Says how long to wait: after that the bucket holds enough for a resume.
const FRAME_RATE_REASON: &str = "Too many frames: wait 5 seconds.";

const OPCODE_CONTINUATION: u8 = 0x0;
const OPCODE_TEXT: u8 = 0x1;
const OPCODE_BINARY: u8 = 0x2;
const OPCODE_CLOSE: u8 = 0x8;
const OPCODE_PING: u8 = 0x9;
const OPCODE_PONG: u8 = 0xA;
const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// An outgoing frame, header and all. Clones share the bytes.
#[derive(Clone, Debug)]
pub struct Frame(pub Bytes);

impl Frame {
    /// The text frame of an event; `None` when it cannot be written as JSON, which no event of ours is.
    pub fn event(event: &ServerEvent) -> Option<Self> {
        match serde_json::to_vec(event) {
            Ok(json) => Some(Self::encode(OPCODE_TEXT, &json)),
            Err(error) => {
                tracing::error!(%error, "an event could not be written as JSON");
                None
            }
        }
    }

    /// A ping; a browser answers it by itself.
    pub fn ping() -> Self {
        Self::encode(OPCODE_PING, &[])
    }

    /// The answer to a client's ping.
    pub fn pong(payload: &[u8]) -> Self {
        Self::encode(OPCODE_PONG, payload)
    }

    /// The last frame.
    pub fn close(code: CloseCode) -> Self {
        let reason = match code {
            CloseCode::FrameRate => FRAME_RATE_REASON,
            _ => "",
        };
        Self::encode(OPCODE_CLOSE, &[&code.number().to_be_bytes(), reason.as_bytes()].concat())
    }

    fn encode(opcode: u8, payload: &[u8]) -> Self {
        let mut bytes = BytesMut::with_capacity(payload.len() + 10);
        bytes.put_u8(FINAL | opcode);
        match payload.len() {
            length @ 0..=125 => bytes.put_u8(length as u8),
            length @ 126..=0xFFFF => {
                bytes.put_u8(126);
                bytes.put_u16(length as u16);
            }
            length => {
                bytes.put_u8(127);
                bytes.put_u64(length as u64);
            }
        }
        bytes.put_slice(payload);
        Self(bytes.freeze())
    }
}

/// What a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A whole text message.
    Text(String),
    /// Wants a pong with these bytes.
    Ping(Bytes),
    /// An answer to our ping.
    Pong,
    /// The other side is done.
    Close,
}

/// Decodes a client's frames from its bytes. Between messages it holds nothing.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: BytesMut,
    message: Vec<u8>,
    fragments: usize,
}

struct Header {
    is_final: bool,
    opcode: u8,
    mask: [u8; 4],
    header_bytes: usize,
    payload_bytes: usize,
}

impl Decoder {
    /// Takes bytes off the wire.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole thing the client sent, or `None` until more bytes come.
    ///
    /// # Errors
    /// The code to close with when the bytes break the protocol or a limit.
    pub fn decode(&mut self) -> Result<Option<Incoming>, CloseCode> {
        while let Some(header) = self.header()? {
            if self.bytes.len() < header.header_bytes + header.payload_bytes {
                return Ok(None);
            }
            self.bytes.advance(header.header_bytes);
            let mut payload = self.bytes.split_to(header.payload_bytes);
            if self.bytes.is_empty() {
                // An idle connection keeps no buffer.
                self.bytes = BytesMut::new();
            }
            for (byte, mask) in payload.iter_mut().zip(header.mask.iter().cycle()) {
                *byte ^= mask;
            }
            match header.opcode {
                OPCODE_PING => return Ok(Some(Incoming::Ping(payload.freeze()))),
                OPCODE_PONG => return Ok(Some(Incoming::Pong)),
                OPCODE_CLOSE => return check_close(&payload).map(|()| Some(Incoming::Close)),
                _ => {}
            }
            self.message.extend_from_slice(&payload);
            self.fragments += 1;
            if header.is_final {
                self.fragments = 0;
                let message = std::mem::take(&mut self.message);
                let text = String::from_utf8(message).map_err(|_| CloseCode::InvalidUtf8)?;
                return Ok(Some(Incoming::Text(text)));
            }
            // One more continuation has to come.
            if self.fragments > MAX_CONTINUATIONS {
                return Err(CloseCode::TooBig);
            }
        }
        Ok(None)
    }

    /// The header at the front, checked as soon as it is there: a frame that may not come is refused before its
    /// payload is waited for.
    fn header(&self) -> Result<Option<Header>, CloseCode> {
        let bytes = &self.bytes[..];
        let (Some(&first), Some(&second)) = (bytes.first(), bytes.get(1)) else { return Ok(None) };
        let is_final = first & FINAL != 0;
        let opcode = first & 0x0F;
        if first & 0x70 != 0 || second & MASKED == 0 {
            return Err(CloseCode::Protocol);
        }
        let short_length = usize::from(second & 0x7F);
        let in_message = self.fragments > 0;
        match opcode {
            OPCODE_BINARY if !in_message => return Err(CloseCode::Unsupported),
            OPCODE_TEXT if !in_message => {}
            OPCODE_CONTINUATION if in_message => {}
            OPCODE_CLOSE | OPCODE_PING | OPCODE_PONG if is_final && short_length <= MAX_CONTROL_BYTES => {}
            _ => return Err(CloseCode::Protocol),
        }
        let (length_bytes, payload_bytes) = match short_length {
            126 => match bytes.get(2..4) {
                Some(length) => (2, u64::from(u16::from_be_bytes([length[0], length[1]]))),
                None => return Ok(None),
            },
            127 => match bytes.get(2..10).and_then(|length| length.try_into().ok()) {
                Some(length) => (8, u64::from_be_bytes(length)),
                None => return Ok(None),
            },
            length => (0, length as u64),
        };
        let is_data = opcode & 0x8 == 0;
        let whole = payload_bytes.saturating_add(if is_data { self.message.len() as u64 } else { 0 });
        if whole > MAX_MESSAGE_BYTES as u64 {
            return Err(CloseCode::TooBig);
        }
        let mask_at = 2 + length_bytes;
        let Some(mask) = bytes.get(mask_at..mask_at + 4).and_then(|mask| mask.try_into().ok()) else {
            return Ok(None);
        };
        Ok(Some(Header {
            is_final,
            opcode,
            mask,
            header_bytes: mask_at + 4,
            payload_bytes: payload_bytes as usize,
        }))
    }
}

/// A close frame is empty, or has a code that may be sent and a reason in UTF-8 (RFC 6455, sections 5.5.1 and 7.4).
fn check_close(payload: &[u8]) -> Result<(), CloseCode> {
    let Some((code, reason)) = payload.split_at_checked(2) else {
        return if payload.is_empty() { Ok(()) } else { Err(CloseCode::Protocol) };
    };
    match u16::from_be_bytes([code[0], code[1]]) {
        1000..=1003 | 1007..=1014 | 3000..=4999 => {}
        _ => return Err(CloseCode::Protocol),
    }
    std::str::from_utf8(reason).map(|_| ()).map_err(|_| CloseCode::InvalidUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client's frame: masked, with the given first byte.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [7, 77, 177, 27];
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
        bytes.extend(mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Vec<Incoming>, CloseCode> {
        let mut decoder = Decoder::default();
        decoder.extend(bytes);
        let mut all = Vec::new();
        while let Some(incoming) = decoder.decode()? {
            all.push(incoming);
        }
        Ok(all)
    }

    #[test]
    fn a_message_is_whole_however_its_bytes_arrive() {
        let bytes = [frame(0x01, b"hel"), frame(0x89, b"now"), frame(0x80, b"lo")].concat();
        let expected = vec![Incoming::Ping(Bytes::from_static(b"now")), Incoming::Text("hello".to_owned())];
        assert_eq!(decode(&bytes), Ok(expected.clone()));
        let mut decoder = Decoder::default();
        let mut all = Vec::new();
        for byte in bytes {
            decoder.extend(&[byte]);
            all.extend(decoder.decode().unwrap());
        }
        assert_eq!(all, expected);
    }

    #[test]
    fn lengths_of_every_size_are_read() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
            let text = "x".repeat(length);
            assert_eq!(decode(&frame(0x81, text.as_bytes())), Ok(vec![Incoming::Text(text)]));
        }
    }

    #[test]
    fn too_much_is_refused_by_the_header_alone() {
        let announced = [&[0x81, MASKED | 127][..], &u64::MAX.to_be_bytes()].concat();
        assert_eq!(decode(&announced), Err(CloseCode::TooBig));
        let halves = [frame(0x01, &[b'x'; 40_000]), frame(0x80, &[b'x'; 40_000])].concat();
        assert_eq!(decode(&halves), Err(CloseCode::TooBig));
        let crumbs = [frame(0x01, b"x"), frame(0x00, b"x").repeat(20)].concat();
        assert_eq!(decode(&crumbs), Err(CloseCode::TooBig));
    }

    #[test]
    fn what_breaks_the_protocol_is_refused_with_its_code() {
        let mut unmasked = frame(0x81, b"x");
        unmasked[1] &= !MASKED;
        for (bytes, code) in [
            (unmasked, CloseCode::Protocol),
            (frame(0xC1, b"reserved bit"), CloseCode::Protocol),
            (frame(0x83, b"opcode 3"), CloseCode::Protocol),
            (frame(0x8B, b"opcode 11"), CloseCode::Protocol),
            (frame(0x80, b"nothing to continue"), CloseCode::Protocol),
            (frame(0x09, b"a ping in parts"), CloseCode::Protocol),
            (frame(0x89, &[0; 126]), CloseCode::Protocol),
            ([frame(0x01, b"a"), frame(0x81, b"b")].concat(), CloseCode::Protocol),
            (frame(0x88, &[3]), CloseCode::Protocol),
            (frame(0x88, &1005_u16.to_be_bytes()), CloseCode::Protocol),
            (frame(0x82, b"binary"), CloseCode::Unsupported),
            (frame(0x81, &[0xFF, 0xFE]), CloseCode::InvalidUtf8),
            (frame(0x88, &[3, 232, 0xFF]), CloseCode::InvalidUtf8),
        ] {
            assert_eq!(decode(&bytes), Err(code), "{bytes:?}");
        }
    }

    #[test]
    fn a_close_with_or_without_a_reason_is_understood() {
        assert_eq!(decode(&frame(0x88, &[])), Ok(vec![Incoming::Close]));
        assert_eq!(decode(&frame(0x88, &[3, 232, b'b', b'y', b'e'])), Ok(vec![Incoming::Close]));
    }

    #[test]
    fn an_idle_decoder_holds_no_memory() {
        let mut decoder = Decoder::default();
        decoder.extend(&frame(0x81, &[b'x'; 5_000]));
        assert!(decoder.decode().unwrap().is_some());
        assert_eq!(decoder.bytes.capacity() + decoder.message.capacity(), 0);
    }
}
