//! The first admin: the first account on loopback, elsewhere the account with the setup secret.

use serde_json::json;
use shared::admin::ADMIN_USERS_PATH;
use shared::errors::ErrorCode;
use shared::text::InvalidCode;
use shared::users::{SignedIn, USERS_PATH};
use support::app::TestApp;
use support::client::{PASSWORD, TestClient};
use support::wait::until;

#[test]
fn on_loopback_exactly_one_of_the_first_accounts_is_admin() {
    let app = TestApp::start();
    let admins = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let client = app.anonymous();
                // Only some may wait for their password to be hashed; the others are told to come again.
                let sign_up = move || {
                    let answer = client.sign_up(&format!("user {number}"));
                    (answer.status != 503).then(|| answer.expect(201).json::<SignedIn>().user.is_admin)
                };
                scope.spawn(move || until("the sign-up", sign_up))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("it signs up"))
            .filter(|is_admin| *is_admin)
            .count()
    });
    assert_eq!(admins, 1);
    let late: SignedIn = app.anonymous().sign_up("late").expect(201).json();
    assert!(!late.user.is_admin);
}

#[test]
fn elsewhere_only_the_setup_secret_makes_the_first_admin() {
    let app = TestApp::with(&["--rate-limits", "off", "--bind", "0.0.0.0:0"]);
    let url = app.setup_url().expect("there is no admin yet");
    let secret = url.split_once("/setup#").expect("a link").1.to_owned();
    let sign_up_with = |name: &str, setup: &str| {
        app.anonymous().post(USERS_PATH, &json!({ "username": name, "password": PASSWORD, "setup": setup }))
    };
    assert!(!app.anonymous().sign_up("first").expect(201).json::<SignedIn>().user.is_admin);
    sign_up_with("second", "a guess").invalid(&[("/setup", InvalidCode::InvalidFormat)]);
    let admin = sign_up_with("second", &secret).expect(201);
    assert!(admin.json::<SignedIn>().user.is_admin);
    sign_up_with("third", &secret).invalid(&[("/setup", InvalidCode::InvalidFormat)]);
    TestClient::signed_in(app.addr(), &admin).get(ADMIN_USERS_PATH).expect(200);
}

#[test]
fn the_setup_secret_opens_a_closed_server_and_no_later_account_is_the_first() {
    let far = TestApp::with(&["--rate-limits", "off", "--registration", "closed", "--bind", "0.0.0.0:0"]);
    far.anonymous().sign_up("second").problem(403, ErrorCode::RegistrationClosed);
    let url = far.setup_url().expect("there is no admin yet");
    let setup = url.split_once("/setup#").expect("a link").1;
    let body = json!({ "username": "root", "password": PASSWORD, "setup": setup });
    far.anonymous().post(USERS_PATH, &body).expect(201);

    // The first account of this server is not an admin, so no later account becomes the admin.
    let mut moved = TestApp::with(&["--rate-limits", "off", "--bind", "0.0.0.0:0"]);
    moved.anonymous().sign_up("first").expect(201);
    moved.restart(&["--rate-limits", "off"]);
    assert!(!moved.anonymous().sign_up("second").expect(201).json::<SignedIn>().user.is_admin);
}
