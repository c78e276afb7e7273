//! The ways to reach the server, and which of them worked.
//!
//! Pure. The browser keeps it as text.

/// How long it counts that a fallback was needed.
const MEMORY_MILLIS: i64 = 24 * 60 * 60 * 1_000;

/// A way to reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A WebSocket.
    WebSocket,
    /// A stream whose events are server-sent events.
    ServerSentEvents,
    /// A stream whose events are asked for again and again.
    LongPoll,
}

/// The fallback that worked last, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    worked: Option<(Transport, i64)>,
    is_changed: bool,
}

impl Memory {
    /// Reads what `take_changed` returned.
    pub fn from_text(text: &str) -> Self {
        let worked = text.split_once(' ').and_then(|(name, at)| {
            let transport = match name {
                "sse" => Transport::ServerSentEvents,
                "poll" => Transport::LongPoll,
                _ => return None,
            };
            Some((transport, at.parse().ok()?))
        });
        Self { worked, is_changed: false }
    }

    /// What is to be kept, if it has changed since this was asked. Empty text keeps nothing.
    pub fn take_changed(&mut self) -> Option<String> {
        std::mem::take(&mut self.is_changed).then(|| match self.worked {
            Some((Transport::ServerSentEvents, at)) => format!("sse {at}"),
            Some((Transport::LongPoll, at)) => format!("poll {at}"),
            Some((Transport::WebSocket, _)) | None => String::new(),
        })
    }

    /// The fallback that worked within the last day.
    pub fn fallback(&self, now: i64) -> Option<Transport> {
        let (transport, at) = self.worked?;
        (at <= now && now - at < MEMORY_MILLIS).then_some(transport)
    }

    /// This works.
    pub fn note(&mut self, transport: Transport, now: i64) {
        let worked = (transport != Transport::WebSocket).then_some((transport, now));
        self.is_changed |= worked != self.worked;
        self.worked = worked;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fallback_is_remembered_for_a_day_and_forgotten_when_a_web_socket_works() {
        let mut memory = Memory::default();
        memory.note(Transport::WebSocket, 0);
        assert_eq!(memory.take_changed(), None);
        for transport in [Transport::ServerSentEvents, Transport::LongPoll] {
            memory.note(transport, 1_000);
            let text = memory.take_changed().unwrap();
            assert_eq!(memory.take_changed(), None);
            let kept = Memory::from_text(&text);
            assert_eq!(kept.fallback(1_000), Some(transport));
            assert_eq!(kept.fallback(1_000 + MEMORY_MILLIS - 1), Some(transport));
            assert_eq!(kept.fallback(1_000 + MEMORY_MILLIS), None);
            assert_eq!(kept.fallback(0), None, "a clock that was set back");
        }
        memory.note(Transport::WebSocket, 2_000);
        assert_eq!(memory.take_changed().as_deref(), Some(""));
        assert_eq!(memory.fallback(2_000), None);
    }

    #[test]
    fn what_makes_no_sense_is_forgotten() {
        for text in ["", "sse", "sse noon", "pigeon 1000"] {
            assert_eq!(Memory::from_text(text), Memory::default(), "{text}");
        }
    }
}
