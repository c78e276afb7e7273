//! The part of WebSocket (RFC 6455) that both ends of a measurement need.

use std::ops::Range;

/// A text frame.
pub const TEXT: u8 = 0x1;
/// A close frame.
pub const CLOSE: u8 = 0x8;
/// A ping.
pub const PING: u8 = 0x9;
/// A pong.
pub const PONG: u8 = 0xA;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// Encodes a client's frame, masked with zeros.
pub fn client(opcode: u8, payload: &[u8]) -> Vec<u8> {
    encode(opcode, payload, true)
}

/// Encodes a server's frame.
pub fn server(opcode: u8, payload: &[u8]) -> Vec<u8> {
    encode(opcode, payload, false)
}

fn encode(opcode: u8, payload: &[u8], is_masked: bool) -> Vec<u8> {
    let mask = if is_masked { MASKED } else { 0 };
    let mut bytes = Vec::with_capacity(payload.len() + 8);
    bytes.push(FINAL | opcode);
    match u16::try_from(payload.len()) {
        Ok(length @ 0..=125) => bytes.push(mask | length as u8),
        Ok(length) => {
            bytes.push(mask | 126);
            bytes.extend(length.to_be_bytes());
        }
        Err(_) => {
            bytes.push(mask | 127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    if is_masked {
        bytes.extend([0; 4]);
    }
    bytes.extend(payload);
    bytes
}

/// The first frame of a server's bytes: its opcode and the range of its payload. `None` until it is complete.
pub fn first(bytes: &[u8]) -> Option<(u8, Range<usize>)> {
    let (&flags, &short) = (bytes.first()?, bytes.get(1)?);
    let (start, length) = match short & !MASKED {
        126 => (4, usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]))),
        127 => {
            let length = bytes.get(2..10)?.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
            (10, usize::try_from(length).ok()?)
        }
        short => (2, usize::from(short)),
    };
    let end = start + length;
    (bytes.len() >= end).then_some((flags & 0x0F, start..end))
}

/// The request that opens a socket at `path`. The key in the answer is not checked.
pub fn handshake(path: &str, more_headers: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nhost: bench\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: cGFybGFuY2UgYmVuY2htYQ==\r\n{more_headers}\r\n"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_any_length_is_found_once_it_is_complete() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let mut bytes = server(TEXT, &vec![b'x'; length]);
            let whole = bytes.len();
            assert_eq!(first(&bytes[..whole - 1]).filter(|_| length > 0), None, "{length}");
            bytes.extend(server(PING, b""));
            assert_eq!(first(&bytes), Some((TEXT, whole - length..whole)), "{length}");
        }
        assert_eq!(client(PONG, b"a"), [0x8A, 0x81, 0, 0, 0, 0, b'a']);
    }
}
