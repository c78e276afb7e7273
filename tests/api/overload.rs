//! More queries than the database can execute: only those that wait too long are refused.

use std::thread;

use serde_json::json;
use shared::errors::ErrorCode;
use shared::rooms::ROOMS_PATH;
use shared::users::GUESTS_PATH;
use support::app::TestApp;

#[test]
fn waiting_for_a_connection_is_overload_not_an_outage() {
    let app = TestApp::start();
    let alice = app.guest("Alice");
    app.db().execute(
        "CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN PERFORM pg_sleep(3); RETURN NEW; END'",
    );
    app.db().execute("CREATE TRIGGER slow BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION take_time()");
    let statuses: Vec<u16> = thread::scope(|scope| {
        let guests: Vec<_> = (0..12)
            .map(|number| {
                let app = &app;
                scope.spawn(move || {
                    let body = json!({ "username": format!("guest {number}") });
                    let answer = app.anonymous().post(GUESTS_PATH, &body);
                    if answer.status != 201 {
                        answer.problem(503, ErrorCode::Overloaded);
                        assert!(answer.header("retry-after").is_some());
                        // The circuit breaker stays closed: this waits for a connection instead of being refused.
                        assert_ne!(refusal_of_a_read(app), Some(ErrorCode::Unavailable));
                    }
                    answer.status
                })
            })
            .collect();
        guests.into_iter().map(|guest| guest.join().expect("an answer")).collect()
    });
    assert!(statuses.contains(&201) && statuses.contains(&503), "{statuses:?}");
    alice.get(ROOMS_PATH).expect(200);
}

/// The error code of a refused read.
fn refusal_of_a_read(app: &TestApp) -> Option<ErrorCode> {
    let answer = app.anonymous().get(ROOMS_PATH);
    (answer.status != 200).then(|| answer.json::<shared::errors::Problem>().code)
}
