//! The attribute and an item, as tokens: whatever they are, the item stands.
//!
//! The input is a text, `attribute`, a line of `=` and `item`, and behind a zero byte how the
//! tokens are changed, three bytes a change. The fuzzer changes letters by itself; by tokens it
//! gets from one text that lexes to another.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::{generate, kept};

/// A token, where groups are two.
#[derive(Clone)]
enum Flat {
    Token(TokenTree),
    Open(Delimiter),
    Close,
}

pub fn run(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let Ok(text) = std::str::from_utf8(&data[..end]) else { return };
    let Some((attribute, item)) = text.split_once("\n=\n") else { return };
    // The lexer of proc-macro2 and the parser recurse, as the compiler does.
    if text.bytes().filter(|byte| b"([{<&*!-|".contains(byte)).count() > 200 {
        return;
    }
    let (Ok(attribute), Ok(item)) = (attribute.parse(), item.parse()) else { return };
    let (mut attribute, mut item) = (flatten(attribute), flatten(item));
    for change in data[end..].get(1..).unwrap_or_default().chunks_exact(3).take(16) {
        let [at, what, place] = *change else { return };
        if what & 0x80 == 0 { &mut item } else { &mut attribute }.change(what & 0x7f, at, place);
    }
    let (attribute, item) = (build(attribute), build(item));
    kept::expand(&attribute, &item);
    let policy = generate::policy(attribute);
    assert!(syn::parse2::<syn::Expr>(policy.clone()).is_ok(), "no expression: {policy}");
}

fn flatten(tokens: TokenStream) -> Vec<Flat> {
    let mut flat = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                flat.push(Flat::Open(group.delimiter()));
                flat.extend(flatten(group.stream()));
                flat.push(Flat::Close);
            }
            token => flat.push(Flat::Token(token)),
        }
    }
    flat
}

/// Builds the tokens. What is not closed is closed at the end.
fn build(flat: Vec<Flat>) -> TokenStream {
    let mut open: Vec<(Delimiter, Vec<TokenTree>)> = vec![(Delimiter::None, Vec::new())];
    let close = |open: &mut Vec<(Delimiter, Vec<TokenTree>)>| {
        let (delimiter, tokens) = open.pop().expect("it is open");
        let group = Group::new(delimiter, tokens.into_iter().collect());
        open.last_mut().expect("it is within another").1.push(group.into());
    };
    for flat in flat {
        match flat {
            Flat::Token(token) => open.last_mut().expect("there is one").1.push(token),
            Flat::Open(delimiter) => open.push((delimiter, Vec::new())),
            Flat::Close if open.len() > 1 => close(&mut open),
            Flat::Close => {}
        }
    }
    while open.len() > 1 {
        close(&mut open);
    }
    open.pop().expect("there is one").1.into_iter().collect()
}

trait Change {
    fn change(&mut self, what: u8, at: u8, place: u8);
}

impl Change for Vec<Flat> {
    /// Changes the token at `at`, by another of the same list at `place`.
    fn change(&mut self, what: u8, at: u8, place: u8) {
        if self.is_empty() {
            return;
        }
        let within = |byte: u8| usize::from(byte) * self.len() / 256;
        let (at, place) = (within(at), within(place));
        match what % 8 {
            0 => _ = self.remove(at),
            1 => self.swap(at, place),
            2 => self[at] = self[place].clone(),
            3 => self.insert(at, self[place].clone()),
            4 => self.truncate(at),
            5 => self.insert(at, Flat::Close),
            6 => {
                let delimiters =
                    [Delimiter::Parenthesis, Delimiter::Brace, Delimiter::Bracket, Delimiter::None];
                self.insert(at, Flat::Open(delimiters[usize::from(what / 8) % 4]));
            }
            _ => _ = self.drain(at.min(place)..at.max(place)),
        }
    }
}
