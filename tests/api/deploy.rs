//! A deploy under load: the server stops, another one starts on the same database, and nobody misses anything.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use shared::events::{ClientCommand, ServerEvent};
use shared::ids::{MessageId, Rev, RoomId};
use shared::messages::messages_path;
use support::app::TestApp;
use support::builders::new_message_id;
use support::client::TestClient;
use support::socket::TestSocket;
use support::transport::Transport;
use support::wait::{DEADLINE, until};

const SENDERS: usize = 8;
/// The messages that are stored before the server stops, and again after the next server has started.
const SENT_PER_PHASE: usize = 300;

/// Where the server is, which changes.
type Address = Arc<Mutex<SocketAddr>>;

/// Somebody who finds the server wherever it is.
#[derive(Clone)]
struct Person {
    client: TestClient,
    address: Address,
}

impl Person {
    fn now(&self) -> TestClient {
        let address = *self.address.lock().expect("nobody panics with it");
        let token = self.client.token().expect("a session");
        TestClient::known(address, self.client.user().clone(), token).by(self.client.transport())
    }

    /// Sends a message with an id, again and again until it is acknowledged.
    fn send(&self, room_id: RoomId, id: MessageId) {
        until("the message is acknowledged", || {
            let body = json!({ "text": "hello", "id": id });
            let answer = self.now().request("POST", &messages_path(room_id)).json(&body).try_send().ok()?;
            matches!(answer.status, 200 | 201).then_some(())
        });
    }

    /// Receives messages until there are `total`, over as many connections as it takes. Each has the next `rev`.
    fn receive(&self, room_id: RoomId, since: Rev, total: &AtomicUsize) -> Vec<MessageId> {
        let (mut last, mut ids) = (since, Vec::new());
        let started = Instant::now();
        while started.elapsed() < 4 * DEADLINE {
            let Ok(mut socket) = TestSocket::try_open(&self.now()) else {
                thread::park_timeout(Duration::from_millis(5));
                continue;
            };
            if !socket.try_send(&ClientCommand::subscribe(room_id, Some(last), false)) {
                continue;
            }
            while let Some(event) = socket.try_next() {
                if let ServerEvent::MessageCreated(change) = event {
                    assert_eq!(change.rev, last.next(), "in order, each once");
                    last = change.rev;
                    ids.push(change.message.id);
                }
                if ids.len() >= total.load(Ordering::SeqCst) {
                    return ids;
                }
            }
        }
        panic!("only {} of {} messages arrived", ids.len(), total.load(Ordering::SeqCst))
    }
}

#[test]
fn a_deploy_under_load_loses_repeats_and_reorders_nothing_on_any_transport() {
    let mut app = TestApp::start();
    let alice = app.guest("Alice");
    let room = alice.create_room("Deployed");
    let address: Address = Arc::new(Mutex::new(app.addr()));
    let (sent, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    // It is known when everything is sent.
    let total = AtomicUsize::new(usize::MAX);
    let person =
        |name: &str, transport| Person { client: app.guest(name).by(transport), address: address.clone() };
    // Alice is a member already, so that every change is a message.
    let sender = Person { client: alice.clone(), address: address.clone() };
    let receivers: Vec<Person> = [Transport::WebSocket, Transport::ServerSentEvents, Transport::LongPoll]
        .into_iter()
        .flat_map(|transport| [person("Grace", transport), person("Edsger", transport)])
        .collect();
    let (messages, received) = thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut ids = Vec::new();
                    while !is_over.load(Ordering::SeqCst) {
                        let id = new_message_id();
                        sender.send(room.id, id);
                        sent.fetch_add(1, Ordering::SeqCst);
                        ids.push(id);
                    }
                    ids
                })
            })
            .collect();
        let receiving: Vec<_> = receivers
            .iter()
            .map(|receiver| scope.spawn(|| receiver.receive(room.id, room.rev, &total)))
            .collect();
        let wait_for = |count| {
            until("messages are stored", || (sent.load(Ordering::SeqCst) >= count).then_some(()));
        };
        wait_for(SENT_PER_PHASE);
        app.restart(&["--rate-limits", "off"]);
        *address.lock().expect("nobody panics with it") = app.addr();
        wait_for(sent.load(Ordering::SeqCst) + SENT_PER_PHASE);
        is_over.store(true, Ordering::SeqCst);
        let messages: Vec<_> = senders.into_iter().flat_map(|it| it.join().expect("all was sent")).collect();
        // One more, so that everybody looks whether they have all.
        total.store(messages.len() + 1, Ordering::SeqCst);
        let last = new_message_id();
        sender.send(room.id, last);
        let received: Vec<_> = receiving.into_iter().map(|it| it.join().expect("all arrived")).collect();
        (messages.into_iter().chain([last]).collect::<Vec<_>>(), received)
    });
    let history: Vec<MessageId> =
        sender.now().whole_history(room.id).iter().map(|message| message.id).collect();
    assert_eq!(history.len(), messages.len(), "each message is stored once");
    assert!(messages.iter().all(|id| history.contains(id)), "what was acknowledged is stored");
    for ids in received {
        assert!(ids == history, "{} messages were received, {} are stored", ids.len(), history.len());
    }
}
