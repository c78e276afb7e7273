//! Lists whose rows can be acted on, forms with choices, and secrets that are shown once: in dialogs and on pages.

use serde_json::json;

use super::Person;

impl Person<'_> {
    /// Opens a section of the dialog about the open room.
    #[track_caller]
    pub fn open_room_dialog(&self, section: &str) {
        self.room().press("Room settings");
        self.dialog().open_section(section);
    }

    /// The rows of the list: the title and the note of each.
    #[track_caller]
    pub fn rows(&self) -> Vec<(String, String)> {
        self.chrome.eval(
            "return [...document.querySelectorAll('.row')].map(row =>
                [row.querySelector('strong').textContent, row.querySelector('.row-note').textContent])",
        )
    }

    /// The titles of the rows.
    #[track_caller]
    pub fn titles(&self) -> Vec<String> {
        self.rows().into_iter().map(|row| row.0).collect()
    }

    /// Presses a button in the row with this title.
    #[track_caller]
    pub fn press_in_row(&self, title: &str, button: &str) {
        self.chrome.click(format!("button[aria-label='{button}: {title}']").as_str());
    }

    /// Types into the field with this label, wherever it is.
    #[track_caller]
    pub fn fill(&self, label: &str, text: &str) {
        let script = "const label = [...document.querySelectorAll('.form-field label')]
            .filter(label => label.textContent === arguments[0] && label.checkVisibility()).at(-1);
            return label?.htmlFor ?? ''";
        let id: String = self.chrome.eval_with(script, json!(label));
        assert!(!id.is_empty(), "there is no field {label}");
        self.chrome.rewrite(format!("#{id}").as_str(), text);
    }

    /// Picks an option of the field with this label.
    #[track_caller]
    pub fn pick(&self, label: &str, option: &str) {
        let script = "const [wanted, option] = arguments[0];
            const label = [...document.querySelectorAll('.form-field label')]
                .filter(label => label.textContent === wanted && label.checkVisibility()).at(-1);
            const field = label && document.getElementById(label.htmlFor);
            const found = [...field?.options ?? []].find(other => other.textContent === option);
            if (!found) return false;
            field.value = found.value;
            field.dispatchEvent(new Event('change', { bubbles: true }));
            return true";
        let is_picked: bool = self.chrome.eval_with(script, json!([label, option]));
        assert!(is_picked, "there is no option {option} of {label}");
    }

    /// The secret that is shown once.
    #[track_caller]
    pub fn secret(&self) -> String {
        self.chrome.eval("return document.querySelector('#secret')?.value ?? ''")
    }

    /// What the page of an invite says of the room.
    #[track_caller]
    pub fn invite(&self) -> String {
        self.chrome.eval(
            "return document.querySelector('.invite-card')?.innerText.replace(/\\s+/g, ' ').trim() ?? ''",
        )
    }
}
