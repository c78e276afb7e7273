//! Whether the server has become newer than this page.
//!
//! Pure. The page came with the server that first greeted it, so that server's version is the page's own.

/// What is known of the server's version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Release {
    first: Option<String>,
    is_outdated: bool,
}

impl Release {
    /// The server said which version it is.
    pub fn greeted(&mut self, version: &str) {
        match &self.first {
            Some(first) => self.is_outdated |= first != version,
            None => self.first = Some(version.to_owned()),
        }
    }

    /// The server said something known in a form that this page does not know.
    pub fn misunderstood(&mut self) {
        self.is_outdated = true;
    }

    /// Whether the page should be reloaded.
    pub fn is_outdated(&self) -> bool {
        self.is_outdated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_than_the_first_one_makes_the_page_outdated_for_good() {
        let mut release = Release::default();
        release.greeted("1.0.0");
        release.greeted("1.0.0");
        assert!(!release.is_outdated());
        release.greeted("1.1.0");
        assert!(release.is_outdated());
        release.greeted("1.0.0");
        assert!(release.is_outdated());
    }

    #[test]
    fn what_cannot_be_read_makes_the_page_outdated() {
        let mut release = Release::default();
        release.misunderstood();
        assert!(release.is_outdated());
    }
}
