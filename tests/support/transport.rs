//! The transports by which a client can be connected. Tests of what all have in common run once for each.

/// How a client is connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// A WebSocket.
    #[default]
    WebSocket,
    /// A stream that is read by server-sent events.
    ServerSentEvents,
    /// A stream that is read by long-poll.
    LongPoll,
}

/// Runs each of these functions as a test for each transport.
#[macro_export]
macro_rules! on_each_transport {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            use support::transport::Transport;

            #[test]
            fn by_web_socket() {
                super::$test(Transport::WebSocket);
            }

            #[test]
            fn by_server_sent_events() {
                super::$test(Transport::ServerSentEvents);
            }

            #[test]
            fn by_long_poll() {
                super::$test(Transport::LongPoll);
            }
        }
    )+};
}
