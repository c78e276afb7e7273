//! Assertions on error responses.

use shared::errors::{ErrorCode, PROBLEM_CONTENT_TYPE, Problem};
use shared::text::InvalidCode;

use crate::http::Response;

impl Response {
    /// Asserts that the response is a complete problem of this status and code, and returns it.
    #[track_caller]
    pub fn problem(&self, status: u16, code: ErrorCode) -> Problem {
        assert_eq!(self.status, status, "the answer is {}", String::from_utf8_lossy(&self.body));
        let content_type = self.header("content-type").expect("a content type");
        assert_eq!(content_type.split(';').next(), Some(PROBLEM_CONTENT_TYPE));
        let problem: Problem = self.json();
        assert_eq!(problem.code, code, "{problem:?}");
        assert_eq!(problem.status, status, "{problem:?}");
        for (member, text) in [
            ("type", &problem.kind),
            ("title", &problem.title),
            ("detail", &problem.detail),
            ("request_id", &problem.request_id),
        ] {
            assert!(!text.is_empty(), "{member} is empty in {problem:?}");
        }
        problem
    }

    /// Asserts a 422 with exactly these invalid parts of the input.
    #[track_caller]
    pub fn invalid(&self, errors: &[(&str, InvalidCode)]) -> Problem {
        let problem = self.problem(422, ErrorCode::ValidationFailed);
        let found: Vec<_> = problem.errors.iter().map(|error| (error.pointer.as_str(), error.code)).collect();
        assert_eq!(found, errors, "{problem:?}");
        assert!(problem.errors.iter().all(|error| !error.detail.is_empty()), "{problem:?}");
        problem
    }
}
