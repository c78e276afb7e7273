//! Submitting a form: its request, its errors and its success.

use std::future::Future;
use std::pin::Pin;

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::browser;
use crate::client::ClientError;
use crate::state::form_errors::Errors;

/// The first invalid field of the open dialog or of the page.
const INVALID: &str = "dialog[open] [aria-invalid=true], main form.account-form [aria-invalid=true]";

/// The request of a form, with what follows its success.
pub type Request = Pin<Box<dyn Future<Output = Result<(), ClientError>>>>;

/// The state of a form.
#[derive(Clone, Copy, Default)]
pub struct Submission {
    /// Whether the request is in flight.
    pub busy: RwSignal<bool>,
    /// What is wrong with what the form holds, by the rules or by the server.
    pub errors: RwSignal<Errors>,
    /// Whether the server accepted it, until the user changes something.
    pub done: RwSignal<bool>,
}

impl Submission {
    /// Clears the result of an earlier submission.
    pub fn reset(self) {
        if !self.errors.with_untracked(Errors::is_empty) {
            self.errors.set(Errors::default());
        }
        if self.done.get_untracked() {
            self.done.set(false);
        }
    }

    /// The user changes a field.
    pub fn touch(self, field: &str) {
        self.errors.maybe_update(|errors| {
            let is_changed = !errors.is_empty();
            errors.touch(field);
            is_changed
        });
        if self.done.get_untracked() {
            self.done.set(false);
        }
    }

    /// Shows the errors and focuses the first invalid field. The form may be closed by now.
    pub fn refuse(self, errors: Errors) {
        self.errors.try_set(errors);
        request_animation_frame(|| browser::focus(INVALID));
    }

    /// Sends a request, unless another is in flight.
    pub fn send(self, request: Request) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        self.reset();
        spawn_local(async move {
            let outcome = request.await;
            self.busy.try_set(false);
            match outcome {
                Ok(()) => drop(self.done.try_set(true)),
                Err(error) => self.refuse(error.in_form()),
            }
        });
    }
}
