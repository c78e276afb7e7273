//! The forms about accounts, in dialogs and on pages of their own.

use serde_json::json;

use super::Person;
use crate::chrome::Chrome;

/// The form for an account, a name or a password that is open.
pub struct AccountForm<'a>(pub(super) &'a Chrome);

impl Person<'_> {
    /// The form for an account, a name or a password.
    pub fn account(&self) -> AccountForm<'_> {
        AccountForm(&self.chrome)
    }

    /// Signs in by the button at the foot of the list of rooms.
    #[track_caller]
    pub fn sign_in(&self, name: &str, password: &str) {
        self.chrome.click(("#sidebar .session button", "Sign in"));
        self.account().fill("Name", name);
        self.account().fill("Password", password);
        self.account().press("Sign in");
    }

    /// Who the list of rooms says the user is, in words.
    #[track_caller]
    pub fn called(&self) -> String {
        self.chrome.eval(
            "return [...document.querySelectorAll('#sidebar .session-name > *, #sidebar .session-name:not(:has(*))')]
                .map(part => part.textContent).join(', ')",
        )
    }

    /// The address with what follows the path.
    #[track_caller]
    pub fn whole_address(&self) -> String {
        self.chrome.eval("return location.pathname + location.search + location.hash")
    }

    /// What the page of a link says.
    #[track_caller]
    pub fn page_words(&self) -> String {
        self.chrome.eval("return document.querySelector('.account-page > p')?.textContent ?? ''")
    }

    /// What stands in the place of a page that could not be loaded.
    #[track_caller]
    pub fn page_failure(&self) -> String {
        self.chrome.eval("return document.querySelector('#main.page .empty h2')?.textContent ?? ''")
    }

    /// Presses a button there.
    #[track_caller]
    pub fn press_in_page(&self, button: &str) {
        self.chrome.click(("#main .empty button", button));
    }

    /// The sessions in the settings: the device, and the word or button beside it.
    #[track_caller]
    pub fn sessions(&self) -> Vec<(String, String)> {
        self.chrome.eval(
            "return [...document.querySelectorAll('.session-row')].map(row =>
                [row.querySelector('strong').textContent, row.lastElementChild.textContent])",
        )
    }

    /// Opens a section of the settings.
    #[track_caller]
    pub fn open_settings(&self, part: &str) {
        self.sidebar().settings();
        self.dialog().open_section(part);
    }
}

/// Finds a field by its label.
const FIELD: &str = "const label = [...document.querySelectorAll('.account-form label')]
    .find(label => label.textContent === arguments[0] && label.checkVisibility());
    const field = label && document.getElementById(label.htmlFor);";

impl AccountForm<'_> {
    /// Types into the field with this label, in the place of what is there.
    #[track_caller]
    pub fn fill(&self, label: &str, text: &str) {
        // The label leads to the field, and its text is selected.
        self.0.click((".account-form label", label));
        self.0.eval_with::<()>(&format!("{FIELD} field.select()"), json!(label));
        self.0.type_text(text);
    }

    /// What it holds.
    #[track_caller]
    pub fn value(&self, label: &str) -> String {
        self.0.eval_with(&format!("{FIELD} return field?.value ?? ''"), json!(label))
    }

    /// What a password manager is told about it.
    #[track_caller]
    pub fn autocomplete(&self, label: &str) -> String {
        self.0.eval_with(&format!("{FIELD} return field?.autocomplete ?? ''"), json!(label))
    }

    /// Whether what it holds can be read.
    #[track_caller]
    pub fn is_legible(&self, label: &str) -> bool {
        self.0.eval_with(&format!("{FIELD} return field?.type === 'text'"), json!(label))
    }

    /// What is wrong with it. It stands beside the field and is told to screen readers as its own.
    #[track_caller]
    pub fn error(&self, label: &str) -> String {
        let script = "const ids = field?.getAttribute('aria-describedby')?.split(' ') ?? [];
            const error = ids.map(id => document.getElementById(id)).find(line => line.matches('.field-error'));
            return field?.getAttribute('aria-invalid') === 'true' ? error.textContent : ''";
        self.0.eval_with(&format!("{FIELD} {script}"), json!(label))
    }

    /// What is wrong with the form as a whole.
    #[track_caller]
    pub fn whole_error(&self) -> String {
        self.0.eval(
            "return [...document.querySelectorAll('dialog[open] .form-error, body:not(:has(dialog[open])) .form-error')].map(line => line.textContent).find(text => text) ?? ''",
        )
    }

    /// What is said beside the button when all went well.
    #[track_caller]
    pub fn done(&self) -> String {
        self.0.eval("return [...document.querySelectorAll('.form-done')].map(line => line.textContent).find(text => text) ?? ''")
    }

    /// Presses a button of the form.
    #[track_caller]
    pub fn press(&self, button: &str) {
        self.0.click((".account-form button", button));
    }
}
