//! The patterns of `KEYS`: `*`, `?`, `[a-z]`, `[^a]`, and `\` before what shall not be special.
//!
//! It goes back to the last star only, so time grows with the product of both lengths at worst: trying every star would
//! let a client stop the server with `a*a*a*a*a*a*b`.

pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // What follows the last star, and the text from which it was tried last.
    let mut retry: Option<(&[u8], &[u8])> = None;
    while let [byte, text_rest @ ..] = text {
        if let [b'*', pattern_rest @ ..] = pattern {
            pattern = pattern_rest;
            retry = Some((pattern, text));
        } else if let Some(pattern_rest) = matches_one(pattern, *byte) {
            pattern = pattern_rest;
            text = text_rest;
        } else if let Some((after_star, tried)) = retry {
            pattern = after_star;
            text = &tried[1..];
            retry = Some((after_star, text));
        } else {
            return false;
        }
    }
    pattern.iter().all(|&byte| byte == b'*')
}

/// If the first element of `pattern` matches `byte`, the rest of the pattern.
fn matches_one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    let (matched, rest) = match pattern {
        [b'?', rest @ ..] => (true, rest),
        [b'[', b'^', class @ ..] => class_has(class, byte, true),
        [b'[', class @ ..] => class_has(class, byte, false),
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (*literal == byte, rest),
        [] => return None,
    };
    matched.then_some(rest)
}

fn class_has(mut class: &[u8], byte: u8, not: bool) -> (bool, &[u8]) {
    let mut found = false;
    loop {
        let (hit, rest) = match class {
            [] => return (found != not, class),
            [b']', rest @ ..] => return (found != not, rest),
            [b'\\', literal, rest @ ..] => (*literal == byte, rest),
            [low, b'-', high, rest @ ..] => {
                let (low, high) = (low.min(high), low.max(high));
                ((*low..=*high).contains(&byte), rest)
            }
            [literal, rest @ ..] => (*literal == byte, rest),
        };
        found |= hit;
        class = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn as_redis_matches() {
        let table = [
            ("*", "", true),
            ("*", "anything", true),
            ("", "", true),
            ("", "a", false),
            ("a", "", false),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "heeeello", true),
            ("h*llo", "heeeell", false),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-c]llo", "hbllo", true),
            ("h[c-a]llo", "hbllo", true),
            ("h[a-c]llo", "hdllo", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("[\\]]", "]", true),
            ("a[b", "ab", true),
            ("a\\", "a\\", true),
            ("**a**", "bab", true),
            ("*ab*cd*e", "xabycdze", true),
            ("*ab*cd*e", "xacybdze", false),
        ];
        for (pattern, text, wanted) in table {
            let found = matches(pattern.as_bytes(), text.as_bytes());
            assert_eq!(found, wanted, "{pattern} against {text}");
        }
    }

    #[test]
    fn many_stars_take_no_more_than_the_product() {
        // Trying every star would take 2^60 steps and not end.
        let pattern = "a*".repeat(60) + "b";
        assert!(!matches(pattern.as_bytes(), "a".repeat(5000).as_bytes()));
    }
}
