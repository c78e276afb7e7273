//! The connection's state machine, step by step.

use super::*;

/// A state machine between an attempt by a WebSocket that fails at once and the next wait.
fn refuse_web_socket(connection: &mut Connection, now: i64) {
    connection.closed(ABNORMAL, "", now, 1.0);
    assert_eq!(connection.tick(now), Action::Connect(Transport::ServerSentEvents));
}

/// A connection by a fallback, which has brought an event.
fn open_by(transport: Transport, now: i64) -> Connection {
    let mut connection = Connection::default();
    connection.start(now);
    refuse_web_socket(&mut connection, now);
    connection.opened(now, 25, "1.0.0");
    if transport == Transport::LongPoll {
        assert_eq!(connection.tick(now + FIRST_EVENT_MILLIS), Action::Connect(Transport::LongPoll));
        connection.opened(now + FIRST_EVENT_MILLIS, 25, "1.0.0");
    }
    connection.heard(now + FIRST_EVENT_MILLIS);
    assert_eq!(connection.transport(), Some(transport));
    connection
}

fn open_since(now: i64) -> Connection {
    let mut connection = Connection::default();
    assert_eq!(connection.start(now), Action::Connect(Transport::WebSocket));
    connection.opened(now, 25, "1.0.0");
    connection
}

/// How long a connection that held a minute waits after this close.
fn wait_after(code: u16, reason: &str, random: f64) -> Option<i64> {
    let mut connection = open_since(0);
    connection.closed(code, reason, 60_000, random);
    (0..=40_000).find(|wait| connection.tick(60_000 + wait) != Action::None)
}

#[test]
fn each_close_code_has_its_own_wait() {
    assert_eq!(wait_after(1006, "", 0.0), Some(500));
    assert_eq!(wait_after(1006, "", 1.0), Some(1_000));
    assert_eq!(wait_after(1012, "", 0.25), Some(2_500));
    assert_eq!(wait_after(1013, "", 0.0), Some(5_500));
    assert_eq!(wait_after(4408, "", 1.0), Some(0));
    assert_eq!(wait_after(4410, "", 1.0), Some(0));
    assert_eq!(wait_after(4429, "retry after 12 s", 0.0), Some(12_000));
    assert_eq!(wait_after(4400, "", 0.0), None);
    assert_eq!(wait_after(1003, "", 0.0), None);
    assert_eq!(wait_after(4403, "", 1.0), Some(0), "reconnects anonymously at once");
}

#[test]
fn each_close_code_has_its_aftermath() {
    let aftermath = |code| open_since(0).closed(code, "", 60_000, 0.5);
    assert_eq!(aftermath(1011), Aftermath::Resume);
    assert_eq!(aftermath(4408), Aftermath::Resume);
    assert_eq!(aftermath(4410), Aftermath::Reload);
    assert_eq!(aftermath(4401), Aftermath::SignedOut);
    assert_eq!(aftermath(4403), Aftermath::Disabled);
}

#[test]
fn the_backoff_grows_and_starts_afresh_after_a_steady_time() {
    let mut connection = open_since(0);
    let mut now = 60_000;
    for wait in [1_000, 2_000, 4_000] {
        connection.closed(1006, "", now, 1.0);
        assert_eq!(connection.tick(now + wait - 1), Action::None);
        now += wait;
        assert_eq!(connection.tick(now), Action::Connect(Transport::WebSocket));
        refuse_web_socket(&mut connection, now);
    }
    connection.closed(1006, "", now, 1.0);
    assert_eq!(connection.tick(now + 8_000), Action::Connect(Transport::WebSocket));
    now += 8_000;
    connection.opened(now, 25, "1.0.0");
    connection.closed(1006, "", now + STEADY_MILLIS, 1.0);
    assert_eq!(connection.banner(now + STEADY_MILLIS + 200), None);
    assert_eq!(connection.tick(now + STEADY_MILLIS + 1_000), Action::Connect(Transport::WebSocket));
}

#[test]
fn a_close_right_after_the_greeting_does_not_start_afresh() {
    let mut connection = open_since(0);
    connection.closed(4408, "", 10, 1.0);
    assert_eq!(connection.tick(10), Action::Connect(Transport::WebSocket), "the first time at once");
    connection.opened(20, 25, "1.0.0");
    connection.closed(4408, "", 30, 1.0);
    assert_eq!(connection.tick(31), Action::None, "then with care");
}

#[test]
fn silence_for_two_heartbeats_is_a_dead_connection() {
    let mut connection = open_since(0);
    assert_eq!(connection.tick(24_999), Action::None);
    assert_eq!(connection.tick(25_000), Action::Ping);
    assert_eq!(connection.tick(25_500), Action::None);
    assert_eq!(connection.tick(50_000), Action::Abandon);
}

#[test]
fn a_page_that_slept_asks_before_it_gives_up() {
    let mut connection = open_since(0);
    assert_eq!(connection.tick(600_000), Action::Ping);
    connection.heard(600_010);
    assert_eq!(connection.tick(1_200_000), Action::Ping);
    assert_eq!(connection.tick(1_225_000), Action::Abandon);
}

#[test]
fn a_dead_connection_is_found_within_three_seconds_of_a_wake_or_a_change_of_the_network() {
    let found_after = |connection: &mut Connection, since: i64| {
        let ticks = (1..).map(|tick| tick * 500);
        ticks
            .map(|after| (after, connection.tick(since + after)))
            .find(|it| it.1 == Action::Abandon)
            .map(|it| it.0)
    };
    let mut connection = open_since(0);
    connection.tick(500);
    assert_eq!(connection.tick(60_000), Action::Ping, "the machine slept");
    assert_eq!(found_after(&mut connection, 60_000), Some(2_500));
    let mut connection = open_since(0);
    connection.tick(500);
    assert_eq!(connection.network_back(700), Action::Ping);
    assert_eq!(connection.probe(800), Action::None, "it is being asked");
    assert_eq!(found_after(&mut connection, 700), Some(2_500));
    let mut connection = open_since(0);
    assert_eq!(connection.probe(700), Action::Ping, "the page is looked at again");
    connection.heard(900);
    assert_eq!(connection.tick(20_000), Action::None);
}

#[test]
fn the_banner_comes_after_two_seconds_counts_down_and_goes_by_itself() {
    let mut connection = open_since(0);
    for _ in 0..4 {
        connection.closed(1011, "", 60_000, 1.0);
    }
    assert_eq!(connection.banner(61_999), None);
    assert_eq!(connection.banner(62_000), Some(Banner::Waiting { seconds: 6, server_fault: true }));
    assert_eq!(connection.try_now(62_100), Action::Connect(Transport::WebSocket));
    assert_eq!(connection.banner(62_200), Some(Banner::Trying { server_fault: true }));
    connection.opened(62_300, 25, "1.0.0");
    assert_eq!(connection.banner(70_000), None);
}

#[test]
fn a_fault_of_the_server_is_told_from_one_of_the_network() {
    let mut connection = open_since(0);
    connection.closed(1011, "", 60_000, 1.0);
    connection.tick(61_000);
    assert_eq!(connection.banner(62_000), Some(Banner::Trying { server_fault: true }));
}

#[test]
fn without_a_network_an_open_connection_is_asked_and_a_closed_one_says_why() {
    let mut connection = open_since(0);
    assert_eq!(connection.network_lost(30_000), Action::Ping);
    connection.heard(30_001);
    assert_eq!(connection.tick(33_000), Action::Ping, "the browser was wrong");
    assert_eq!(connection.tick(36_000), Action::Abandon);
    connection.closed(1006, "", 36_000, 0.0);
    assert_eq!(connection.banner(38_000), Some(Banner::Offline));
    assert_eq!(connection.network_back(38_001), Action::Connect(Transport::WebSocket));
    assert_eq!(connection.banner(38_002), Some(Banner::Trying { server_fault: false }));
}

#[test]
fn a_newer_server_offers_a_reload_while_all_is_well() {
    let mut connection = open_since(0);
    assert_eq!(connection.banner(5_000), None);
    connection.closed(1012, "", 60_000, 0.0);
    connection.tick(60_000);
    connection.opened(60_100, 25, "1.1.0");
    assert_eq!(connection.banner(60_200), Some(Banner::Outdated));
    connection.closed(1006, "", 70_000, 1.0);
    assert!(matches!(connection.banner(72_000), Some(Banner::Trying { .. })), "trouble comes first");
}

#[test]
fn an_attempt_that_hangs_is_given_up() {
    let mut connection = Connection::default();
    connection.start(0);
    assert_eq!(connection.tick(2_500), Action::Connect(Transport::ServerSentEvents));
    assert_eq!(connection.tick(12_499), Action::None);
    assert_eq!(connection.tick(12_500), Action::Abandon);
    connection.closed(ABNORMAL, "", 12_500, 1.0);
    assert_eq!(connection.tick(13_499), Action::None);
    assert_eq!(connection.tick(13_500), Action::Connect(Transport::WebSocket));
}

#[test]
fn a_web_socket_that_does_not_open_in_time_or_is_refused_gives_way_to_server_sent_events() {
    let mut connection = Connection::default();
    connection.start(0);
    assert_eq!(connection.transport(), None);
    assert_eq!(connection.tick(2_499), Action::None);
    assert_eq!(connection.tick(2_500), Action::Connect(Transport::ServerSentEvents));
    connection.opened(2_600, 25, "1.0.0");
    assert_eq!(connection.transport(), Some(Transport::ServerSentEvents));

    let mut connection = Connection::default();
    connection.start(0);
    assert_eq!(connection.closed(ABNORMAL, "", 10, 1.0), Aftermath::Resume);
    assert_eq!(connection.tick(10), Action::Connect(Transport::ServerSentEvents), "it does not wait");
    connection.closed(ABNORMAL, "", 20, 1.0);
    assert_eq!(connection.tick(1_019), Action::None, "both failed: it is something else");
    assert_eq!(connection.tick(1_020), Action::Connect(Transport::WebSocket));
}

#[test]
fn what_the_server_said_about_a_refusal_counts_whatever_the_transport() {
    let mut connection = Connection::default();
    connection.start(0);
    connection.closed(CloseCode::Overload.number(), "", 10, 0.0);
    assert_eq!(connection.tick(5_509), Action::None);
    assert_eq!(connection.tick(5_510), Action::Connect(Transport::WebSocket));
}

#[test]
fn server_sent_events_that_bring_none_in_time_or_break_off_before_give_way_to_long_poll() {
    let open = || {
        let mut connection = Connection::default();
        connection.start(0);
        refuse_web_socket(&mut connection, 10);
        connection.heard(100);
        connection.opened(100, 25, "1.0.0");
        assert_eq!(connection.tick(500), Action::None);
        connection
    };
    let mut connection = open();
    assert_eq!(connection.tick(5_099), Action::None);
    assert_eq!(connection.tick(5_100), Action::Connect(Transport::LongPoll));
    connection.opened(5_200, 25, "1.0.0");
    assert_eq!(connection.banner(20_000), None, "nobody is told of that");
    connection.heard(5_300);
    assert_eq!(connection.transport(), Some(Transport::LongPoll));
    assert_eq!(connection.tick(10_000), Action::None);

    let mut connection = open();
    connection.closed(ABNORMAL, "", 600, 1.0);
    assert_eq!(connection.tick(600), Action::Connect(Transport::LongPoll));
    connection.opened(700, 25, "1.0.0");
    connection.closed(ABNORMAL, "", 800, 1.0);
    assert_eq!(connection.tick(1_799), Action::None, "there is no third fallback");

    let mut connection = open();
    connection.heard(600);
    assert_eq!(connection.tick(5_100), Action::None, "it came");
    connection.closed(ABNORMAL, "", 6_000, 1.0);
    assert_eq!(connection.tick(6_000), Action::None);
}

#[test]
fn for_a_day_connections_begin_with_the_fallback_that_worked_but_not_each_time() {
    for transport in [Transport::ServerSentEvents, Transport::LongPoll] {
        let mut first = open_by(transport, 0);
        let kept = first.take_memory().unwrap();
        let mut connection = Connection::default();
        connection.remember(Memory::from_text(&kept));
        assert_eq!(connection.start(60_000), Action::Connect(transport));
        connection.closed(ABNORMAL, "", 60_100, 1.0);
        assert_eq!(connection.tick(61_100), Action::Connect(Transport::WebSocket), "perhaps it was that");
        connection.closed(ABNORMAL, "", 61_200, 1.0);
        assert_eq!(connection.tick(61_200), Action::Connect(transport), "what worked comes next");
        connection.opened(61_300, 25, "1.0.0");
        connection.heard(61_400);
        assert!(connection.take_memory().is_some());

        let mut connection = Connection::default();
        connection.remember(Memory::from_text(&kept));
        let day = 24 * 60 * 60 * 1_000;
        assert_eq!(connection.start(day + FIRST_EVENT_MILLIS), Action::Connect(Transport::WebSocket));
    }
}

#[test]
fn a_web_socket_is_tried_beside_a_fallback_less_and_less_often_and_takes_its_place() {
    for transport in [Transport::ServerSentEvents, Transport::LongPoll] {
        let mut connection = open_by(transport, 0);
        let mut tries = Vec::new();
        for now in (10_000..8 * 3_600_000).step_by(500) {
            connection.heard(now);
            if connection.tick(now) == Action::TryWebSocket {
                tries.push(now / 60_000);
            }
        }
        assert_eq!(tries[..7], [1, 2, 4, 8, 16, 32, 64]);
        assert_eq!(tries[7] - tries[6], 64);

        let now = 8 * 3_600_000;
        assert_eq!(connection.network_back(now), Action::Ping);
        connection.heard(now + 1);
        assert_eq!(connection.tick(now + 500), Action::TryWebSocket, "another network");
        assert!(connection.take_memory().is_some());
        connection.switch(now + 600);
        connection.heard(now + 600);
        connection.opened(now + 600, 25, "1.0.0");
        assert_eq!(connection.transport(), Some(Transport::WebSocket));
        assert_eq!(connection.take_memory().as_deref(), Some(""));
        assert_eq!(connection.tick(now + 700), Action::None);
        assert_eq!(connection.tick(now + 70_000), Action::Ping, "and no more tries");
    }
}

#[test]
fn nobody_waits_when_they_look_at_the_page_again_or_the_network_is_back() {
    let mut connection = open_since(0);
    assert_eq!(connection.looked_at(30_000), Action::Ping);
    connection.closed(1011, "", 60_000, 1.0);
    assert_eq!(connection.looked_at(60_001), Action::Connect(Transport::WebSocket));
    assert_eq!(connection.looked_at(60_002), Action::None, "it is under way");
    assert_eq!(
        connection.network_back(60_003),
        Action::Connect(Transport::WebSocket),
        "the attempt was made without a network"
    );
}

#[test]
fn a_page_that_is_left_stays_quiet_until_the_user_comes_back() {
    let mut connection = Connection::default();
    connection.start(0);
    connection.opened(1_000, 25, "1");
    assert!(connection.suspend(), "there is a socket to close");
    assert!(!connection.suspend());
    assert_eq!(connection.tick(100_000), Action::None);
    assert_eq!(connection.probe(100_000), Action::None);
    assert_eq!(connection.renew(100_000), Action::None);
    assert_eq!(connection.banner(100_000), None);
    assert_eq!(connection.restore(200_000), Action::Connect(Transport::WebSocket));
    assert_eq!(connection.restore(200_001), Action::None);
}
