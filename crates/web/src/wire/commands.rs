//! What the client says, as JSON.
//!
//! Nothing here needs escaping, so it is written by hand: the protocol's own writer, which serde derives, would make
//! the client larger. The tests hold the two against each other.

use shared::events::Subscription;
use shared::ids::RoomId;

/// Subscribes to rooms.
pub fn subscribe(rooms: &[Subscription]) -> String {
    let rooms: Vec<_> = rooms.iter().map(subscription).collect();
    format!(r#"{{"type":"subscribe","rooms":[{}]}}"#, rooms.join(","))
}

fn subscription(subscription: &Subscription) -> String {
    let Subscription { room_id, since, present } = subscription;
    let since = since.map(|since| format!(r#","since":{since}"#)).unwrap_or_default();
    format!(r#"{{"room_id":"{room_id}"{since},"present":{present}}}"#)
}

/// Ends the subscription to a room.
pub fn unsubscribe(room_id: RoomId) -> String {
    format!(r#"{{"type":"unsubscribe","room_id":"{room_id}"}}"#)
}

/// Reports that the user started or stopped typing.
pub fn typing(room_id: RoomId, active: bool) -> String {
    format!(r#"{{"type":"typing","room_id":"{room_id}","active":{active}}}"#)
}

/// Asks for a word of the server's.
pub fn ping() -> String {
    r#"{"type":"ping","id":"1"}"#.to_owned()
}

#[cfg(test)]
mod tests {
    use shared::events::{ClientCommand, Subscriptions};
    use shared::ids::Rev;

    use super::*;
    use crate::state::samples::room_id;

    #[test]
    fn every_command_is_what_the_protocol_reads() {
        let check = |text: String, command: ClientCommand| {
            assert_eq!(serde_json::from_str::<ClientCommand>(&text).unwrap(), command, "{text}");
        };
        let rooms = vec![
            Subscription { room_id: room_id(1), since: Some(Rev(7)), present: true },
            Subscription { room_id: room_id(2), since: None, present: false },
        ];
        check(subscribe(&rooms), ClientCommand::Subscribe(Subscriptions::Many { rooms }));
        check(unsubscribe(room_id(1)), ClientCommand::Unsubscribe { room_id: room_id(1) });
        for active in [true, false] {
            check(typing(room_id(1), active), ClientCommand::Typing { room_id: room_id(1), active });
        }
        check(ping(), ClientCommand::Ping { id: "1".to_owned() });
    }
}
