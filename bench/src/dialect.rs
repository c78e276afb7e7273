//! The protocols of the measured servers: how a socket joins, and where a message carries its number and its text.

use std::ops::Range;

use crate::frames;

/// What a comment of an event stream is, where frames have an opcode.
const COMMENT: u8 = 0xFF;

/// A server's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Parlance's.
    Parlance,
    /// Parlance's streams, read by server-sent events.
    EventStream,
    /// The floor's: Parlance's frames, sent to every socket without joining.
    Floor,
    /// Socket.IO over engine.io, version 4.
    SocketIo,
}

/// Who a socket belongs to and what it follows.
#[derive(Clone, Debug, Default)]
pub struct Join {
    /// The token. Without it, the socket is anonymous.
    pub token: Option<String>,
    /// The rooms.
    pub rooms: Vec<String>,
    /// What it has of them, if it comes back.
    pub since: Option<u64>,
    /// Whether it subscribes to all of them by one command.
    pub together: bool,
}

/// A received message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery<'a> {
    /// The end of the room's id: enough to tell rooms apart.
    pub room: u64,
    /// Its number in the room.
    pub number: u64,
    /// Its text.
    pub text: &'a [u8],
}

impl Dialect {
    /// The request that opens a socket.
    pub fn handshake(self, join: &Join) -> Vec<u8> {
        match self {
            Self::Parlance | Self::EventStream | Self::Floor => {
                let authorization =
                    join.token.as_ref().map(|token| format!("authorization: Bearer {token}\r\n"));
                let protocol = "sec-websocket-protocol: parlance.v1.json\r\n";
                let headers = format!("{protocol}{}", authorization.unwrap_or_default());
                frames::handshake("/api/v1/ws", &headers)
            }
            Self::SocketIo => frames::handshake("/socket.io/?EIO=4&transport=websocket", ""),
        }
    }

    /// What a socket sends to join, step by step: the bytes, how the answers that it waits for begin, and how many there
    /// are.
    pub fn conversation(self, join: &Join) -> Vec<(Vec<u8>, &'static str, usize)> {
        let text = |text: &str| frames::client(frames::TEXT, text.as_bytes());
        match self {
            Self::Floor => Vec::new(),
            Self::Parlance | Self::EventStream => {
                let since = join.since.map(|since| format!(r#","since":{since}"#)).unwrap_or_default();
                let commands = if join.together {
                    let rooms = join.rooms.iter().map(|room| format!(r#"{{"room_id":"{room}"{since}}}"#));
                    let rooms = rooms.collect::<Vec<_>>().join(",");
                    text(&format!(r#"{{"type":"subscribe","rooms":[{rooms}]}}"#))
                } else {
                    let subscribe =
                        |room: &String| text(&format!(r#"{{"type":"subscribe","room_id":"{room}"{since}}}"#));
                    join.rooms.iter().flat_map(subscribe).collect()
                };
                vec![(commands, r#"{"type":"subscribed""#, join.rooms.len())]
            }
            Self::SocketIo => {
                let enter = |room: &String| text(&format!(r#"42["join","{room}"]"#));
                let entering = join.rooms.iter().flat_map(enter).collect();
                vec![
                    (Vec::new(), "0{", 1),
                    (text("40"), "40{", 1),
                    (entering, r#"42["joined""#, join.rooms.len()),
                ]
            }
        }
    }

    /// The first frame or event of a server's bytes: its opcode and the range of its payload. `None` until it is complete.
    pub fn first(self, bytes: &[u8]) -> Option<(u8, Range<usize>)> {
        if self != Self::EventStream {
            return frames::first(bytes);
        }
        // The heads of chunks lie between events, and comments have no data.
        let end = bytes.windows(2).position(|pair| pair == b"\n\n")? + 2;
        let name = b"data: ";
        let data = bytes[..end].windows(name.len()).position(|window| window == name);
        Some(data.map_or((COMMENT, end..end), |at| (frames::TEXT, at + name.len()..end)))
    }

    /// The answer, if the text is a heartbeat of the server.
    pub fn heartbeat_answer(self, payload: &[u8]) -> Option<Vec<u8>> {
        (self == Self::SocketIo && payload == b"2").then(|| frames::client(frames::TEXT, b"3"))
    }

    /// The message in a text frame; `None` when it holds something else. `hint` is the position of the last message's
    /// text: messages are alike, and a search in each would cost more than everything else.
    pub fn delivery<'a>(self, payload: &'a [u8], hint: &mut usize) -> Option<Delivery<'a>> {
        const ID_LENGTH: usize = 36;
        let (start, number_name): (&[u8], &[u8]) = match self {
            Self::Parlance | Self::EventStream | Self::Floor => {
                (br#"{"type":"message_created","room_id":""#, br#"","rev":"#)
            }
            Self::SocketIo => (br#"42["message",{"room_id":""#, br#"","seq":"#),
        };
        let rest = payload.strip_prefix(start)?;
        let (id, rest) = rest.split_at_checked(ID_LENGTH)?;
        let room = id.last_chunk::<8>().map(|end| u64::from_be_bytes(*end))?;
        let rest = rest.strip_prefix(number_name)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
        let number = digits.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        // Between the number and the text there are only ids and names, which cannot contain a field's name.
        let name = br#""text":""#;
        if !rest.get(*hint..).is_some_and(|rest| rest.starts_with(name)) {
            *hint = rest.windows(name.len()).position(|window| window == name)?;
        }
        Some(Delivery { room, number, text: &rest[*hint + name.len()..] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_text_are_found_in_both_protocols() {
        let id = "00000000-0000-7000-8000-000000abcdef";
        let ours = format!(
            r#"{{"type":"message_created","room_id":"{id}","rev":12,"message":{{"id":"{id}","seq":11,"text":"123x"}}}}"#
        );
        let found = Dialect::Parlance.delivery(ours.as_bytes(), &mut 0).expect("a message");
        assert_eq!((found.room, found.number), (u64::from_be_bytes(*b"00abcdef"), 12));
        assert!(found.text.starts_with(b"123x"));
        let theirs = format!(r#"42["message",{{"room_id":"{id}","seq":7,"text":"456x"}}]"#);
        let found = Dialect::SocketIo.delivery(theirs.as_bytes(), &mut 99_999).expect("a message");
        assert_eq!((found.number, &found.text[..4]), (7, b"456x".as_slice()));
        assert_eq!(Dialect::Parlance.delivery(br#"{"type":"presence","room_id":"x"}"#, &mut 0), None);
    }
}
