//! The names of files as people send them.

use icu_normalizer::ComposingNormalizer;

/// How many bytes a name has at most.
const MAX_BYTES: usize = 200;
/// How many bytes of it are an extension at most.
const MAX_EXTENSION_BYTES: usize = 20;
/// The name of a file that has none.
const NAMELESS: &str = "file";
/// Names of devices on Windows, with any extension.
const RESERVED: [&str; 6] = ["con", "conin$", "conout$", "prn", "aux", "nul"];
/// Devices on Windows that are numbered.
const NUMBERED: [&str; 2] = ["com", "lpt"];
/// Marks that change the direction of text, or that nobody sees.
const MARKS: [std::ops::RangeInclusive<char>; 6] = [
    '\u{061C}'..='\u{061C}',
    '\u{200B}'..='\u{200F}',
    '\u{2028}'..='\u{202E}',
    '\u{2060}'..='\u{206F}',
    '\u{FEFF}'..='\u{FEFF}',
    '\u{FFF9}'..='\u{FFFB}',
];

/// The name under which a file is kept: the last part of the path, in normal form, without control characters and marks of
/// direction, at most 200 bytes with its extension; reserved names get a prefix.
pub fn clean(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_kept =
        |character: &char| !character.is_control() && !MARKS.iter().any(|range| range.contains(character));
    let visible: String = last.chars().filter(is_kept).collect();
    let normal = ComposingNormalizer::new_nfc().normalize(&visible);
    // Windows drops dots and spaces at the end, and hides nothing that begins with a dot.
    let name = normal.trim().trim_end_matches(['.', ' ']);
    if name.chars().all(|character| character == '.' || character.is_whitespace()) {
        return NAMELESS.to_owned();
    }
    let name = if is_reserved(name) { format!("_{name}") } else { name.to_owned() };
    shortened(&name)
}

fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim().to_ascii_lowercase();
    let number = NUMBERED.iter().find_map(|device| stem.strip_prefix(device));
    let is_numbered = number.is_some_and(|number| {
        matches!(number, "¹" | "²" | "³") || matches!(number.as_bytes(), [b'0'..=b'9'])
    });
    RESERVED.contains(&stem.as_str()) || is_numbered
}

/// The longest beginning that fits, with the extension.
fn shortened(name: &str) -> String {
    if name.len() <= MAX_BYTES {
        return name.to_owned();
    }
    let extension = match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= MAX_EXTENSION_BYTES => &name[dot..],
        _ => "",
    };
    let stem = &name[..name.len() - extension.len()];
    let end = (0..=MAX_BYTES - extension.len()).rev().find(|end| stem.is_char_boundary(*end)).unwrap_or(0);
    format!("{}{extension}", stem[..end].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_last_part_of_a_path() {
        assert_eq!(clean("../../etc/passwd"), "passwd");
        assert_eq!(clean(r"C:\Users\eve\cat.png"), "cat.png");
        assert_eq!(clean("cat.png"), "cat.png");
    }

    #[test]
    fn what_is_no_name_is_called_file() {
        for name in ["", ".", "..", "...", "  ", "/", "a/", "\u{202E}", "\0\n"] {
            assert_eq!(clean(name), "file", "{name:?}");
        }
    }

    #[test]
    fn nobody_is_deceived_by_marks_and_controls() {
        assert_eq!(clean("invoice\u{202E}gnp.exe"), "invoicegnp.exe");
        assert_eq!(clean("a\r\nSet-Cookie: b.txt"), "aSet-Cookie: b.txt");
        assert_eq!(clean("cafe\u{301}.txt"), "caf\u{e9}.txt");
    }

    #[test]
    fn names_of_devices_get_a_prefix() {
        for (name, expected) in
            [("con", "_con"), ("NUL.txt", "_NUL.txt"), ("com1.log", "_com1.log"), ("CONIN$", "_CONIN$")]
        {
            assert_eq!(clean(name), expected);
        }
        assert_eq!(clean("console.txt"), "console.txt");
        assert_eq!(clean("com.txt"), "com.txt");
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let name = clean(&format!("{}.jpeg", "ü".repeat(1_000)));
        assert!(name.len() <= 200 && name.ends_with("ü.jpeg"), "{name}");
        assert_eq!(clean(&"x".repeat(1_000)).len(), 200);
    }
}
