//! What can be seen of a text, and what a name may be made of, by the properties of Unicode's characters.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup, XidContinue};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_normalization::UnicodeNormalization;

/// Names that would be taken for more than somebody: what one day calls all who are there, and who speaks for the node.
const RESERVED: [&str; 12] = [
    "all",
    "channel",
    "deleted",
    "deleteduser",
    "everybody",
    "everyone",
    "here",
    "madang",
    "nobody",
    "null",
    "system",
    "undefined",
];

/// Whether there is anything to see: not white space, not a control character, and nothing that is left out where it is shown (fillers,
/// joiners, marks of direction; Unicode's Default_Ignorable_Code_Point).
pub fn is_visible(c: char) -> bool {
    // The blank pattern of Braille is a space in all but name.
    c.is_ascii_graphic() || !(c.is_whitespace() || c.is_control() || is_ignorable(c) || c == '\u{2800}')
}

fn is_ignorable(c: char) -> bool {
    !c.is_ascii() && CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Whether a username may hold it: letters, marks and digits of every script, and what joins them (XID_Continue of UAX 31), `.` and `-`.
pub fn is_of_a_name(c: char) -> bool {
    matches!(c, '.' | '-') || CodePointSetData::new::<XidContinue>().contains(c) && !is_ignorable(c)
}

/// Whether it stands on the character before it.
pub fn is_mark(c: char) -> bool {
    GeneralCategoryGroup::Mark.contains(CodePointMapData::<GeneralCategory>::new().get(c))
}

/// How a name looks: two that do not differ in it are hard to tell apart (the skeleton of UTS 39, of the name in small letters).
pub fn looks(name: &str) -> String {
    let small: String = name.nfkc().flat_map(char::to_lowercase).collect();
    // A zero looks like a capital O: small again.
    unicode_security::skeleton(&small).flat_map(char::to_lowercase).collect()
}

/// Whether nobody may have this name, however it is written.
pub fn is_reserved(name: &str) -> bool {
    let bare = |name: &str| looks(name).chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let name = bare(name);
    RESERVED.iter().any(|reserved| bare(reserved) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_not_visible() {
        for c in "\u{3164}\u{115F}\u{1160}\u{FFA0}\u{200B}\u{200D}\u{2060}\u{2800}\u{AD}\u{FEFF}\u{180E}\u{FE0F}\u{E0020}\u{3000}\n\u{7}\u{202E}".chars() {
            assert!(!is_visible(c), "{c:?}");
        }
        assert!("a가あ.☃🏡\u{301}\u{E000}".chars().all(is_visible));
    }

    #[test]
    fn names_hold_letters_and_marks_of_every_script() {
        for name in ["mina", "민아", "Zoë", "नमस्ते", "ไทย", "ქართული", "עִבְרִית", "José", "名前", "a_b.c-1"]
        {
            assert!(name.chars().all(is_of_a_name), "{name}");
        }
        for c in "\u{3164}\u{115F}\u{FFA0}\u{200B}\u{FE0F}🏡²\u{2800} /@\u{202E}".chars() {
            assert!(!is_of_a_name(c), "{c:?}");
        }
        assert!(is_mark('\u{301}') && is_mark('\u{93F}') && !is_mark('a') && !is_mark('가'));
    }

    #[test]
    fn names_look_alike_across_scripts_and_not_by_chance() {
        for (one, other) in
            [("mina", "mіna"), ("MINA", "mіnа"), ("paul1", "paull"), ("june0", "juneo"), ("rnina", "mina")]
        {
            assert_eq!(looks(one), looks(other), "{one} {other}");
        }
        let names = ["mina", "minja", "민아", "名前", "नमस्ते", "zoë", "zoe", "josé", "june", "user_2", "user_3"];
        for (at, name) in names.iter().enumerate() {
            assert!(names[..at].iter().all(|other| looks(other) != looks(name)), "{name}");
        }
    }

    #[test]
    fn reserved_names_are_reserved_in_every_spelling() {
        for name in
            ["everyone", "EVERYONE", "Every.One", "ｅｖｅｒｙｏｎｅ", "deleted_user", "-here-", "system", "ѕуѕtem"]
        {
            assert!(is_reserved(name), "{name}");
        }
        assert!(!["everyone1", "hereward", "mina", "..", "시스템"].into_iter().any(is_reserved));
    }
}
