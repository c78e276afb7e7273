//! The errors of a form, for a field or for the whole form.
//!
//! Pure.

use shared::errors::{ErrorCode, Problem};
use shared::text::Invalid;

/// The field name for errors of the whole form.
pub const WHOLE: &str = "";

/// The errors of a form, by the names that its fields have in the API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors(Vec<(String, String)>);

impl Errors {
    /// What is wrong with a field, or with the [`WHOLE`] form.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == field).map(|(_, detail)| detail.as_str())
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what is wrong with a field, or with the [`WHOLE`] form.
    pub fn add(&mut self, field: &str, detail: String) {
        self.0.push((field.to_owned(), detail));
    }

    /// Unwraps a validated value, or records its error.
    pub fn check<T>(&mut self, field: &str, result: Result<T, Invalid>) -> Option<T> {
        result.map_err(|invalid| self.add(field, invalid.detail)).ok()
    }

    /// Records an error if a required field is empty.
    pub fn require(&mut self, field: &str, detail: &str, text: &str) {
        if text.is_empty() {
            self.add(field, detail.to_owned());
        }
    }

    /// Clears the errors of a field that the user edits, and those of the whole form.
    pub fn touch(&mut self, field: &str) {
        self.0.retain(|(name, _)| name != field && name != WHOLE);
    }

    /// The errors in a response from the server.
    pub fn refused(problem: &Problem) -> Self {
        let mut errors = Self::default();
        for error in &problem.errors {
            let field = match error.pointer.trim_start_matches('/') {
                // These values come from the link, not from a field.
                "setup" | "token" => WHOLE,
                field => field,
            };
            errors.add(field, error.detail.clone());
        }
        if errors.is_empty() {
            let detail = match (problem.code, problem.retry_after) {
                (ErrorCode::RateLimited, Some(seconds)) => {
                    format!("Too many attempts. Try again in {}.", duration(seconds))
                }
                (ErrorCode::AuthenticationRequired | ErrorCode::InvalidToken, _) => {
                    "Your session has ended. Sign in again.".to_owned()
                }
                (ErrorCode::ResetNotFound, _) => {
                    "This link is not valid. Check that it is complete, or ask an admin for a new link."
                        .to_owned()
                }
                _ => problem.detail.clone(),
            };
            let field = match problem.code {
                ErrorCode::UsernameTaken => "username",
                ErrorCode::RoomNameTaken => "name",
                ErrorCode::WrongPassword => "current_password",
                _ => WHOLE,
            };
            errors.add(field, detail);
        }
        errors
    }
}

/// A number of seconds in words. Long times are rounded up to minutes or hours.
fn duration(seconds: u64) -> String {
    match seconds {
        0 | 1 => "1 second".to_owned(),
        2..=120 => format!("{seconds} seconds"),
        121..=7_200 => format!("{} minutes", seconds.div_ceil(60)),
        _ => format!("{} hours", seconds.div_ceil(3_600)),
    }
}

#[cfg(test)]
mod tests {
    use shared::errors::FieldError;
    use shared::text::InvalidCode;

    use super::*;

    fn problem(code: ErrorCode, errors: &[(&str, &str)], retry_after: Option<u64>) -> Problem {
        let errors = errors
            .iter()
            .map(|(field, detail)| FieldError::new(field, Invalid::new(InvalidCode::TooShort, *detail)));
        Problem {
            kind: String::new(),
            title: String::new(),
            status: 400,
            detail: "What the server says.".to_owned(),
            code,
            request_id: String::new(),
            errors: errors.collect(),
            retry_after,
            scope: None,
        }
    }

    #[test]
    fn an_error_stands_beside_the_field_that_the_server_names() {
        let both = [("username", "Too short."), ("password", "Too common.")];
        let errors = Errors::refused(&problem(ErrorCode::ValidationFailed, &both, None));
        assert_eq!(errors.get("username"), Some("Too short."));
        assert_eq!(errors.get("password"), Some("Too common."));
        assert_eq!(errors.get(WHOLE), None);
        let link = Errors::refused(&problem(ErrorCode::ValidationFailed, &[("setup", "Wrong.")], None));
        assert_eq!(link.get(WHOLE), Some("Wrong."));
    }

    #[test]
    fn other_refusals_belong_to_the_field_that_they_are_about_or_to_the_form() {
        for (code, field) in [
            (ErrorCode::UsernameTaken, "username"),
            (ErrorCode::RoomNameTaken, "name"),
            (ErrorCode::WrongPassword, "current_password"),
            (ErrorCode::InvalidCredentials, WHOLE),
            (ErrorCode::AccountDisabled, WHOLE),
        ] {
            let errors = Errors::refused(&problem(code, &[], None));
            assert_eq!(errors.get(field), Some("What the server says."), "{code:?}");
        }
    }

    #[test]
    fn a_limit_says_how_long_to_wait() {
        for (seconds, words) in [(1, "1 second"), (40, "40 seconds"), (130, "3 minutes"), (9_000, "3 hours")]
        {
            let errors = Errors::refused(&problem(ErrorCode::RateLimited, &[], Some(seconds)));
            let expected = format!("Too many attempts. Try again in {words}.");
            assert_eq!(errors.get(WHOLE), Some(expected.as_str()));
        }
    }

    #[test]
    fn typing_clears_the_error_of_the_field_and_of_the_form() {
        let mut errors = Errors::default();
        for field in [WHOLE, "username", "password"] {
            errors.add(field, "Wrong.".to_owned());
        }
        errors.touch("username");
        assert_eq!((errors.get(WHOLE), errors.get("username")), (None, None));
        assert!(errors.get("password").is_some());
    }
}
