//! What texts that look alike have in common: the form in which nicks are compared and words are looked for.
//!
//! It folds case, takes marks and invisible characters out, and replaces letters of other scripts, wide and styled
//! letters and digits by the Latin letter that they are mistaken for. So `Аlice` with a Cyrillic А, `A1ice` and `alice`
//! are one. It is for comparing only and is never shown.

use super::nick::is_invisible;

/// The common form of all texts that look like this one.
pub(super) fn skeleton(text: &str) -> String {
    let mut skeleton = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_invisible(*c) && !is_mark(*c)) {
        // What has no simple fold may still have one once it is small: İ, Ǆ.
        for small in plain(c).to_lowercase().filter(|c| !is_mark(*c)) {
            skeleton.push(look_alike(plain(small)));
        }
    }
    // Pairs that pass for one letter in most fonts.
    skeleton.replace("rn", "m").replace("vv", "w")
}

/// Accents and other marks that stand above or below a letter of their own.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036f}' | '\u{0483}'..='\u{0489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// Wide and styled letters and digits as plain ones.
fn plain(c: char) -> char {
    let nth = |first: u32, of: char| char::from_u32(u32::from(of) + (u32::from(c) - first));
    let folded = match c {
        // Full width.
        '\u{ff01}'..='\u{ff5e}' => nth(0xff01, '!'),
        // Mathematical alphabets: 13 of 52 letters each, then digits.
        '\u{1d400}'..='\u{1d6a3}' => {
            let index = (u32::from(c) - 0x1d400) % 52;
            char::from_u32(if index < 26 { 0x41 + index } else { 0x61 + index - 26 })
        }
        '\u{1d7ce}'..='\u{1d7ff}' => char::from_u32(0x30 + (u32::from(c) - 0x1d7ce) % 10),
        // Circled, squared, and letters of flags.
        '\u{24b6}'..='\u{24cf}' => nth(0x24b6, 'a'),
        '\u{24d0}'..='\u{24e9}' => nth(0x24d0, 'a'),
        '\u{1f130}'..='\u{1f149}' => nth(0x1f130, 'a'),
        '\u{1f150}'..='\u{1f169}' => nth(0x1f150, 'a'),
        '\u{1f170}'..='\u{1f189}' => nth(0x1f170, 'a'),
        '\u{1f1e6}'..='\u{1f1ff}' => nth(0x1f1e6, 'a'),
        _ => None,
    };
    folded.unwrap_or(c)
}

/// The Latin letter that a small letter or a digit is mistaken for.
fn look_alike(c: char) -> char {
    match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' | 'ǎ' | 'а' | 'α' | 'ɑ' => 'a',
        'ь' | 'ƅ' | 'в' | 'β' | 'ß' => 'b',
        'ç' | 'ć' | 'č' | 'ĉ' | 'ċ' | 'с' | 'ϲ' | 'ⅽ' => 'c',
        'ď' | 'đ' | 'ԁ' | 'ⅾ' => 'd',
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' | 'е' | 'ё' | 'є' | 'ε' => 'e',
        'ĝ' | 'ğ' | 'ġ' | 'ģ' | 'ɡ' => 'g',
        'ĥ' | 'ħ' | 'һ' | 'н' => 'h',
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' | 'і' | 'ї' | 'ι' | 'i' | '1' | '|' | 'ӏ' | 'ⅰ' | 'ⅼ' => {
            'l'
        }
        'ĵ' | 'ј' | 'ϳ' => 'j',
        'ķ' | 'к' | 'κ' => 'k',
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => 'l',
        'м' | 'ⅿ' => 'm',
        'ñ' | 'ń' | 'ņ' | 'ň' | 'η' | 'п' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' | 'о' | 'ο' | 'σ' | '0' => 'o',
        'р' | 'ρ' | 'þ' => 'p',
        'ԛ' => 'q',
        'ŕ' | 'ŗ' | 'ř' | 'г' => 'r',
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' | 'ѕ' => 's',
        'ţ' | 'ť' | 'ŧ' | 'ț' | 'т' | 'τ' => 't',
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' | 'υ' | 'μ' | 'µ' => 'u',
        'ν' | 'ѵ' | 'ⅴ' => 'v',
        'ŵ' | 'ω' | 'ԝ' | 'ш' => 'w',
        'х' | 'χ' | 'ⅹ' => 'x',
        'ý' | 'ÿ' | 'ŷ' | 'у' | 'ү' | 'γ' => 'y',
        'ź' | 'ż' | 'ž' | 'з' => 'z',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_alike_is_alike() {
        let rows = [
            ("Alice", "alice"),
            ("Alice", "\u{410}lice"), // Cyrillic А
            ("Alice", "A1ice"),
            ("Alice", "AIice"),      // a capital i
            ("Alice", "Ａｌｉｃｅ"), // full width
            ("Alice", "𝐀𝒍𝗶𝚌𝓮"),
            ("Alice", "A\u{301}li\u{200b}ce"),
            ("Bob", "B0b"),
            ("Bob", "Воb"), // Cyrillic В and о
            ("Bob", "ΒΟΒ"), // Greek
            ("Zoë", "zoe"),
            ("mom", "rnorn"),
            ("Paypal", "раураl"),
        ];
        for (one, other) in rows {
            assert_eq!(skeleton(one), skeleton(other), "{one} {other}");
        }
    }

    #[test]
    fn what_differs_to_the_eye_differs() {
        let names =
            ["Alice", "Bob", "Rob", "Иван", "山田", "🌊", "P2", "P3", "P4", "Ann", "Anna", "N6", "N7"];
        for (index, one) in names.iter().enumerate() {
            for other in &names[index + 1..] {
                assert_ne!(skeleton(one), skeleton(other), "{one} {other}");
            }
        }
    }
}
