//! The page and its files: their paths and headers.

use shared::errors::ErrorCode;
use shared::rooms::ROOMS_PATH;
use shared::users::CURRENT_USER_PATH;
use support::app::TestApp;
use support::http::Response;

fn directives(policy: &str) -> Vec<(&str, Vec<&str>)> {
    let directives = policy.split(';').map(str::trim).filter(|directive| !directive.is_empty());
    directives
        .map(|directive| {
            let mut words = directive.split_whitespace();
            (words.next().unwrap_or_default(), words.collect())
        })
        .collect()
}

#[test]
fn the_root_redirects_to_the_rooms() {
    let app = TestApp::start();
    let answer = app.anonymous().get("/");
    assert!(matches!(answer.status, 302 | 303 | 307 | 308), "{}", answer.status);
    assert!(answer.header("location").is_some_and(|location| location.ends_with("/rooms")));
}

#[test]
fn every_path_of_the_client_serves_the_same_page_under_a_strict_policy() {
    let app = TestApp::start();
    let id = app.lobby().id;
    let page = app.anonymous().get("/rooms").expect(200);
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    for path in [format!("/rooms/{id}"), "/rooms/none".to_owned(), format!("/rooms/{id}/messages/{id}")] {
        assert_eq!(app.anonymous().get(&path).expect(200).body, page.body, "{path}");
    }
    let policy = page.header("content-security-policy").expect("a policy").to_owned();
    let directives = directives(&policy);
    let sources =
        |name: &str| directives.iter().find(|(found, _)| *found == name).map(|(_, sources)| sources.clone());
    let scripts = sources("script-src").or(sources("default-src")).expect("scripts are limited");
    for unsafe_source in ["'unsafe-inline'", "'unsafe-eval'", "*", "http:", "https:", "data:"] {
        assert!(!scripts.contains(&unsafe_source), "{policy}");
    }
    for name in ["default-src", "base-uri", "frame-ancestors", "object-src"] {
        assert!(sources(name).is_some(), "{name} is not limited by {policy}");
    }
    assert_eq!(page.header("cache-control"), Some("no-cache"), "a new version is seen at once");
}

#[test]
fn every_response_has_nosniff_and_a_referrer_policy() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    for path in [
        "/rooms".to_owned(),
        ROOMS_PATH.to_owned(),
        format!("{ROOMS_PATH}/{}", room.id),
        "/nothing.js".to_owned(),
    ] {
        let answer = alice.get(&path);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        let referrer = answer.header("referrer-policy");
        assert!(
            matches!(referrer, Some("no-referrer" | "same-origin" | "strict-origin-when-cross-origin")),
            "{path}"
        );
    }
}

/// The files that the page references.
fn files_of(page: &Response) -> Vec<String> {
    let parts = page.text().split(['"', '\'', '=', ' ', '>']);
    let is_file =
        |part: &&str| part.starts_with('/') && [".js", ".css", ".wasm"].iter().any(|end| part.ends_with(end));
    let mut files: Vec<String> = parts.filter(is_file).map(str::to_owned).collect();
    files.sort();
    files.dedup();
    files
}

#[test]
fn hashed_files_are_immutable_and_compressed() {
    let app = TestApp::start();
    let page = app.anonymous().get("/rooms").expect(200);
    let files = files_of(&page);
    assert!(files.iter().any(|file| file.ends_with(".wasm")), "{files:?} in {}", page.text());
    for file in files {
        let plain = app.anonymous().get(&file).expect(200);
        assert!(plain.header("cache-control").is_some_and(|value| value.contains("immutable")), "{file}");
        assert_eq!(plain.header("content-encoding"), None, "{file}");
        for encoding in ["br", "gzip"] {
            let request = app.anonymous().request("GET", &file).header("accept-encoding", encoding);
            let small = request.clone().send().expect(200);
            assert_eq!(small.header("content-encoding"), Some(encoding), "{file}");
            assert!(small.body.len() < plain.body.len(), "{file}");
            assert_eq!(small.header("content-type"), plain.header("content-type"), "{file}");
            let tag = small.header("etag").expect("an ETag").to_owned();
            request.header("if-none-match", &tag).send().expect(304);
        }
        let vary = plain.header("vary").unwrap_or_default().to_ascii_lowercase();
        assert!(vary.contains("accept-encoding"), "{file}");
    }
}

#[test]
fn a_file_that_is_not_there_is_not_found() {
    let app = TestApp::start();
    for path in [
        "/web-0123456789abcdef.js",
        "/assets/nothing.css",
        "/index.html.br",
        "/../Cargo.toml",
        "/%2e%2e/Cargo.toml",
    ] {
        let answer = app.anonymous().get(path);
        assert_eq!(answer.status, 404, "{path}");
        answer.problem(404, ErrorCode::NotFound);
    }
}

#[test]
fn responses_of_the_api_are_not_cacheable() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    for path in [CURRENT_USER_PATH.to_owned(), ROOMS_PATH.to_owned(), format!("{ROOMS_PATH}/{}", room.id)] {
        assert_eq!(alice.get(&path).expect(200).header("cache-control"), Some("no-store"), "{path}");
        let by_cookie = app.anonymous().request("GET", &path).header("cookie", alice.cookie()).send();
        assert_eq!(by_cookie.expect(200).header("cache-control"), Some("no-store"), "{path}");
    }
}
