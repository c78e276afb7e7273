//! Validation of query parameters.

use shared::errors::ErrorCode;
use shared::messages::messages_path;
use shared::rooms::ROOMS_PATH;
use shared::text::InvalidCode;
use support::app::TestApp;

#[test]
fn a_cursor_that_no_page_can_return_is_invalid() {
    let app = TestApp::start();
    let messages = messages_path(app.lobby().id);
    // Of the right form, but with a time that the database does not have, a time before Parlance or too late a one.
    for cursor in [
        "cpJdj9siagAAAAAAAAAAAAAAAAAAAAAAAA",
        "cv__________AAAAAAAAAAAAAAAAAAAAAA",
        "cgAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let answer = app.anonymous().get(&format!("{ROOMS_PATH}?cursor={cursor}"));
        answer.problem(400, ErrorCode::InvalidCursor);
    }
    // A position before the first message, and one that no message can have.
    for cursor in ["bf__________", "bYAAAAAAAAAA", "bX__________", "bQAgAAAAAAAA"] {
        for parameter in ["before", "after", "around"] {
            let answer = app.anonymous().get(&format!("{messages}?{parameter}={cursor}"));
            answer.problem(400, ErrorCode::InvalidCursor);
        }
    }
    // The position before the first message is no valid `before`, but a valid `after`.
    let page = app.anonymous().get(&format!("{messages}?before=bQAAAAAAAAAA")).expect(200);
    let next = page.value()["next_cursor"].as_str().map(str::to_owned);
    if let Some(next) = next {
        app.anonymous().get(&format!("{messages}?after={next}")).expect(200);
    }
}

#[test]
fn a_query_with_a_parameter_twice_or_with_a_signed_number_is_refused() {
    let app = TestApp::start();
    let lobby = format!("{ROOMS_PATH}/{}", app.lobby().id);
    for query in ["limit=5&limit=5", "limit=x&limit=5", "limit=5&x=1&x=2"] {
        app.anonymous().get(&format!("{ROOMS_PATH}?{query}")).problem(400, ErrorCode::BadRequest);
    }
    for path in [format!("{ROOMS_PATH}?limit=%2B5"), format!("{lobby}/messages?limit=%2B5")] {
        app.anonymous().get(&path).invalid(&[("/limit", InvalidCode::OutOfRange)]);
    }
    app.anonymous()
        .get(&format!("{lobby}/changes?since=%2B0"))
        .invalid(&[("/since", InvalidCode::OutOfRange)]);
    app.anonymous().get(&format!("{ROOMS_PATH}?limit=5&x=1")).expect(200);
}
