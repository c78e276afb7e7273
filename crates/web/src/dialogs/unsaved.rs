//! What the forms of a dialog hold and is not saved, and the question before it is lost.

use std::sync::Arc;

use leptos::prelude::*;

use crate::boxed::effect;
use crate::components::confirm_dialog::Question;
use crate::state::sections::Sections;

/// The unsaved changes of a dialog with sections.
#[derive(Clone, Copy)]
pub struct Unsaved {
    /// What the dialog shows, and which of its forms are edited.
    pub sections: RwSignal<Sections>,
    question: RwSignal<Option<Question>>,
}

impl Unsaved {
    /// Those of a dialog that asks by this question.
    pub fn new(question: RwSignal<Option<Question>>) -> Self {
        Self { sections: RwSignal::default(), question }
    }

    /// Follows a form: whether it holds something that is not saved, tracked.
    pub fn follow(self, is_edited: impl Fn() -> bool + 'static) {
        self.follow_boxed(Box::new(is_edited));
    }

    fn follow_boxed(self, is_edited: Box<dyn Fn() -> bool>) {
        let form = self.sections.try_update_untracked(Sections::add_form).unwrap_or_default();
        let note = move |is_edited| {
            self.sections.try_update_untracked(|sections| sections.edit(form, is_edited));
        };
        effect(move || note(is_edited()));
        on_cleanup(move || note(false));
    }

    /// Runs an action that loses what is not saved. Asks first if there is something.
    pub fn before(self, action: impl Fn() + Send + Sync + 'static) {
        self.before_boxed(Box::new(action));
    }

    fn before_boxed(self, action: Box<dyn Fn() + Send + Sync>) {
        if !self.sections.with_untracked(Sections::is_edited) {
            return action();
        }
        let on_confirm = Arc::new(move || {
            self.sections.update_untracked(Sections::discard);
            action();
        });
        self.question.set(Some(Question {
            title: "Discard your changes?".to_owned(),
            text: "You have changes that are not saved.",
            action: "Discard",
            on_confirm,
        }));
    }
}
