//! What a journey needs: a server, the network before it, and people with browsers.

use std::sync::{Condvar, Mutex};

use shared::rooms::Room;
use support::app::TestApp;
use support::client::TestClient;

use crate::network::Network;
use crate::pages::Person;

/// So many browsers run at once; more only hinder each other.
const SEATS: usize = 3;

/// The flags of a server that never finds anybody too fast.
const NO_LIMITS: &[&str] = &["--rate-limits", "off"];

static FREE_SEATS: Mutex<usize> = Mutex::new(SEATS);
static SEAT_FREED: Condvar = Condvar::new();

/// Seats for some browsers, all or none, so that two journeys never wait for each other.
#[derive(Debug)]
pub struct Seats(usize);

impl Seats {
    fn take(count: usize) -> Self {
        assert!(count <= SEATS, "there are only {SEATS} seats");
        let free = FREE_SEATS.lock().expect("no thread panics with the seats in hand");
        let mut free = SEAT_FREED.wait_while(free, |free| *free < count).expect("as above");
        *free -= count;
        Self(count)
    }
}

impl Drop for Seats {
    fn drop(&mut self) {
        if let Ok(mut free) = FREE_SEATS.lock() {
            *free += self.0;
            SEAT_FREED.notify_all();
        }
    }
}

/// A server, and the network that browsers reach it through.
pub struct Stage {
    /// The server.
    pub app: TestApp,
    /// What lies between browsers and the server.
    pub network: Network,
    seats: Seats,
}

impl Stage {
    /// For a journey of `count` people, called once; the browsers start when the people come. The server gets the flags.
    fn for_people(count: usize, flags: &[&str]) -> Self {
        // Before the server: a journey that waits for a seat holds nothing up.
        let seats = Seats::take(count);
        let app = TestApp::with(flags);
        let network = Network::before(app.addr());
        Self { app, network, seats }
    }

    /// Its parts, for a journey on which the server does not stay the same.
    pub fn apart(self) -> (TestApp, Network, Seats) {
        (self.app, self.network, self.seats)
    }

    /// Somebody who just sits down at their browser.
    pub fn person(&self) -> Person<'_> {
        Person::new(&self.network)
    }

    /// Somebody who has given this name before, and what they may do by the API.
    pub fn guest(&self, name: &str) -> (Person<'_>, TestClient) {
        let person = self.person();
        let client = self.app.guest(name);
        person.be(&client);
        (person, client)
    }

    /// A room of this name with this many messages, "message 1" and so on, and who made both.
    pub fn room_with_messages(&self, name: &str, count: usize) -> (TestClient, Room) {
        let maker = self.app.guest("Maker");
        let room = maker.create_room(name);
        maker.send_many(room.id, count);
        (maker, room)
    }
}

/// A journey of one.
pub fn alone() -> Stage {
    alone_at(NO_LIMITS)
}

/// A journey of one to a server with these flags.
pub fn alone_at(flags: &[&str]) -> Stage {
    Stage::for_people(1, flags)
}

/// A journey of two.
pub fn together() -> Stage {
    Stage::for_people(2, NO_LIMITS)
}
