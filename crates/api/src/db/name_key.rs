//! The equality of names: full Unicode case folding between canonical normalizations.

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizer;

/// The key of a name. Names that differ only in case and encoding have the same key, such as "Straße" and "STRASSE".
///
/// It implements Unicode's canonical caseless match (The Unicode Standard, section 3.13, D145).
pub fn name_key(name: &str) -> String {
    let nfc = ComposingNormalizer::new_nfc();
    let composed = nfc.normalize(name);
    let folded = CaseMapper::new().fold_string(&composed);
    nfc.normalize(&folded).into_owned()
}

/// What a name looks like: names with the same skeleton can be mistaken for each other, such as "paypal" in Latin and
/// "раураl" with Cyrillic letters (Unicode Technical Standard 39, section 4). It is made of the [`name_key`]. Pages show
/// white space of any length and kind as one space, so it counts as one.
pub fn name_skeleton(key: &str) -> String {
    let visible: String = unicode_security::skeleton(key).collect();
    // A look-alike may be a capital letter, such as a mathematical one.
    let folded: String = unicode_security::skeleton(&name_key(&visible)).collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_only_in_case_or_encoding_are_equal() {
        for (left, right) in [
            ("Lobby", "lOBBY"),
            ("Straße", "STRASSE"),
            ("É", "e\u{301}"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("ﬀ", "FF"),
        ] {
            assert_eq!(name_key(left), name_key(right), "{left} and {right}");
        }
    }

    #[test]
    fn names_that_look_alike_have_one_skeleton() {
        let skeleton = |name: &str| name_skeleton(&name_key(name));
        assert_eq!(skeleton("paypal"), skeleton("раураl"));
        assert_eq!(skeleton("Grace"), skeleton("GRACE"));
        assert_eq!(skeleton("Deleted user"), skeleton("\u{1d5d7}eleted \u{a0} user"));
        assert_ne!(skeleton("Grace"), skeleton("Gracie"));
    }

    #[test]
    fn other_names_are_not_equal() {
        assert_ne!(name_key("rust"), name_key("rüst"));
    }
}
