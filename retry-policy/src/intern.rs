//! Texts of a configuration that a policy keeps: a [`Policy`](crate::Policy) is `Copy`, and so can
//! hold a text only if that lives as long as the program.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// The texts that are kept.
static TEXTS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// Returns `text` as a text that lives as long as the program. Each text is kept once, so that
/// reading the same configuration again keeps nothing more.
pub(crate) fn intern(text: &str) -> &'static str {
    let mut kept = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(text) = kept.get(text) {
        return text;
    }
    let text: &'static str = Box::leak(text.into());
    kept.insert(text);
    text
}

/// Returns `list` as a list that lives as long as the program, kept once like its texts.
pub(crate) fn intern_list(list: &[&'static str]) -> &'static [&'static str] {
    static KEPT: Mutex<BTreeSet<&'static [&'static str]>> = Mutex::new(BTreeSet::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(list) = kept.get(list) {
        return list;
    }
    let list: &'static [&'static str] = Box::leak(list.into());
    kept.insert(list);
    list
}

/// Returns `true` if a text is kept.
#[cfg(test)]
pub(crate) fn is_kept(text: &str) -> bool {
    TEXTS.lock().unwrap_or_else(PoisonError::into_inner).contains(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once() {
        let [once, again] = [String::from("X-Key"), String::from("X-Key")].map(|text| intern(&text));
        assert!(std::ptr::eq(once, again));
        assert_eq!((once, intern("x-key")), ("X-Key", "x-key"));
    }

    #[test]
    fn a_list_is_kept_once() {
        let lists = [["x-a", "x-b"].map(intern), ["x-a", "x-b"].map(intern)];
        let [once, again] = lists.map(|list| intern_list(&list));
        assert!(std::ptr::eq(once, again));
        assert_eq!((once, intern_list(&once[1..])), (&["x-a", "x-b"][..], &["x-b"][..]));
    }
}
