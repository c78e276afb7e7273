//! A dialog with sections: which one is shown, and what would be lost by leaving it.
//!
//! Pure.

/// Where the user wants to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// To a section.
    Section(u32),
    /// To the list of sections, which is a page of its own on phones.
    List,
    /// Out of the dialog.
    Close,
}

/// What a dialog with sections shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sections {
    shown: u32,
    is_at_list: bool,
    visit: u32,
    /// The forms that hold something that is not saved.
    edited: Vec<u32>,
    forms: u32,
}

impl Default for Sections {
    fn default() -> Self {
        Self { shown: 0, is_at_list: true, visit: 0, edited: Vec::new(), forms: 0 }
    }
}

impl Sections {
    /// The number of the section that is shown.
    pub fn shown(&self) -> u32 {
        self.shown
    }

    /// Whether a phone shows the list of sections, and not the section.
    pub fn is_at_list(&self) -> bool {
        self.is_at_list
    }

    /// Counts the visits of sections. Each visit draws its section anew.
    pub fn visit(&self) -> u32 {
        self.visit
    }

    /// Opens the dialog, at a section or at the list with the first section beside it.
    pub fn open(&mut self, section: Option<u32>) {
        self.edited.clear();
        self.shown = section.unwrap_or(0);
        self.is_at_list = section.is_none();
        self.visit += 1;
    }

    /// Goes there. What is not saved is lost.
    pub fn go(&mut self, step: Step) {
        self.edited.clear();
        match step {
            Step::Section(section) => {
                self.shown = section;
                self.is_at_list = false;
                self.visit += 1;
            }
            Step::List => {
                self.is_at_list = true;
                // What was discarded is not there on the way back.
                self.visit += 1;
            }
            Step::Close => {}
        }
    }

    /// A number for another form.
    pub fn add_form(&mut self) -> u32 {
        self.forms += 1;
        self.forms
    }

    /// Notes whether a form holds something that is not saved. Returns whether that is news.
    pub fn edit(&mut self, form: u32, is_edited: bool) -> bool {
        let place = self.edited.iter().position(|edited| *edited == form);
        match (place, is_edited) {
            (None, true) => self.edited.push(form),
            (Some(place), false) => drop(self.edited.swap_remove(place)),
            _ => return false,
        }
        true
    }

    /// Whether something is not saved.
    pub fn is_edited(&self) -> bool {
        !self.edited.is_empty()
    }

    /// Forgets what is not saved.
    pub fn discard(&mut self) {
        self.edited.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_at_the_list_or_at_a_section() {
        let mut sections = Sections::default();
        sections.open(None);
        assert_eq!((sections.shown(), sections.is_at_list()), (0, true));
        sections.go(Step::Section(3));
        assert_eq!((sections.shown(), sections.is_at_list()), (3, false));
        sections.go(Step::List);
        assert_eq!((sections.shown(), sections.is_at_list()), (3, true), "beside the list it stays");
        sections.open(Some(1));
        assert_eq!((sections.shown(), sections.is_at_list()), (1, false));
    }

    #[test]
    fn each_visit_of_a_section_is_a_new_one() {
        let mut sections = Sections::default();
        sections.open(None);
        let before = sections.visit();
        sections.go(Step::Section(0));
        assert!(sections.visit() > before);
    }

    #[test]
    fn it_is_edited_until_all_forms_are_saved_or_it_is_discarded() {
        let mut sections = Sections::default();
        let (name, picture) = (sections.add_form(), sections.add_form());
        assert!(sections.edit(name, true) && sections.edit(picture, true));
        assert!(!sections.edit(name, true), "that is known");
        assert!(sections.edit(name, false) && sections.is_edited());
        sections.edit(picture, false);
        assert!(!sections.is_edited());
        for leave in [Step::Section(1), Step::List, Step::Close] {
            sections.edit(name, true);
            sections.go(leave);
            assert!(!sections.is_edited(), "{leave:?}");
        }
        sections.edit(name, true);
        sections.discard();
        assert!(!sections.is_edited());
    }
}
