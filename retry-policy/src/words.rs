//! Lists of words in messages, and the word that was probably meant.

/// Returns `, did you mean …?` with the words of `known` that other crates call `unknown`, or the
/// one that is spelled nearly like it; else nothing.
pub fn did_you_mean(unknown: &str, known: &[&str], elsewhere: &[(&str, &[&str])]) -> String {
    let unknown = unknown.to_lowercase();
    let named_so = elsewhere.iter().filter(|(_, names)| names.contains(&unknown.as_str()));
    let mut meant: Vec<_> = named_so.map(|(word, _)| *word).collect();
    let distances = known.iter().map(|word| (distance(&unknown, word), *word));
    let nearest = distances.min_by_key(|(distance, _)| *distance).filter(|(distance, word)| {
        // A third of the letters may be wrong.
        *distance * 3 <= unknown.chars().count().max(word.len())
    });
    if meant.is_empty() {
        meant.extend(nearest.map(|(_, word)| word));
    }
    if meant.is_empty() { String::new() } else { format!(", did you mean `{}`?", meant.join("` or `")) }
}

/// Returns how many letters to insert, remove, replace or swap with the next one until `a` is `b`
/// (the optimal string alignment distance).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let replaced = last[j] + usize::from(a[i] != b[j]);
            let mut steps = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                steps = steps.min(before[j - 1] + 1);
            }
            row.push(steps);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// Returns `` `a`, `b` and `c` ``.
pub fn list(words: &[&str]) -> String {
    and(&words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>())
}

/// Returns `a, b and c`.
pub fn and(items: &[String]) -> String {
    match items.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => items.concat(),
    }
}

/// Returns the suggestion, or a colon if there is none: what goes before a list of the known words.
pub fn or_colon(suggestion: String) -> String {
    if suggestion.is_empty() { ":".to_owned() } else { suggestion }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "", 0),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("acb", "abc", 1),
            ("timeuot", "timeout", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn the_last_word_of_a_list_follows_an_and() {
        for (words, expected) in [
            (&[][..], ""),
            (&["max"], "`max`"),
            (&["max", "base"], "`max` and `base`"),
            (&["max", "base", "cap"], "`max`, `base` and `cap`"),
        ] {
            assert_eq!(list(words), expected);
            assert_eq!(
                and(&words.iter().map(ToString::to_string).collect::<Vec<_>>()),
                expected.replace('`', "")
            );
        }
    }

    #[test]
    fn the_word_that_was_meant() {
        let known = ["max", "base", "timeout"];
        let elsewhere: [(&str, &[&str]); 2] = [("max", &["retries", "n"]), ("base", &["n"])];
        for (unknown, expected) in [
            ("retries", ", did you mean `max`?"),
            ("Retries", ", did you mean `max`?"),
            ("bse", ", did you mean `base`?"),
            ("timeuot", ", did you mean `timeout`?"),
            ("mac", ", did you mean `max`?"),
            ("n", ", did you mean `max` or `base`?"),
            ("m", ""),
            ("observability", ""),
        ] {
            assert_eq!(did_you_mean(unknown, &known, &elsewhere), expected, "{unknown}");
        }
    }
}
