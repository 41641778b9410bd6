//! Items of `on` and `never`: statuses, classes, ranges and words.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use retry_policy::keys::Key;
use retry_policy::text::{self, wrong_kind};
use retry_policy::{Condition, PolicyError, rules};
use syn::parse::{ParseStream, Parser};
use syn::{BinOp, Expr, ExprBinary, ExprRange, Lit, RangeLimits, Token};

use crate::diagnostics::Errors;
use crate::options::value::{self, literal, word};
use crate::paths::Facade;

/// One item, and the tokens it was written with.
#[derive(Clone)]
pub(crate) struct ListItem {
    pub(crate) source: Written,
    pub(crate) item: Item,
}

/// An item as it was written: an expression, and `if hinted`.
#[derive(Clone)]
pub(crate) struct Written {
    pub(crate) expression: Expr,
    if_hinted: Option<(Token![if], Ident)>,
}

/// The meaning of an item.
#[derive(Clone)]
pub(crate) enum Item {
    /// An item that is known while the macro runs.
    Known(Condition),
    /// A constant expression of type `u16`, which the compiler checks.
    Constant(Constant),
    /// A constant expression, if a response carries a hint.
    HintedConstant(Constant),
}

/// The names of a path. Of another expression the macro knows nothing.
#[derive(Clone)]
pub(crate) struct Constant(Option<Vec<Ident>>);

impl Constant {
    fn of(item: &Expr) -> Self {
        Self(match item {
            Expr::Path(path) if path.qself.is_none() => {
                Some(path.path.segments.iter().map(|segment| segment.ident.clone()).collect())
            }
            _ => None,
        })
    }

    /// Returns `true` if the two certainly are one constant.
    fn is_certainly(&self, other: &Self) -> bool {
        self.0.is_some() && self.0 == other.0
    }
}

impl ListItem {
    /// Returns the meaning, if it is known while the macro runs.
    pub(crate) fn known(&self) -> Option<Condition> {
        match self.item {
            Item::Known(condition) => Some(condition),
            Item::Constant(_) | Item::HintedConstant(_) => None,
        }
    }

    /// Returns the status, if the item is a single one and known.
    pub(crate) fn status(&self) -> Option<u16> {
        match self.item {
            Item::Known(Condition::Status(status)) => Some(status),
            _ => None,
        }
    }

    /// Returns the mistake of an item that is listed after `earlier`.
    fn repeats(&self, earlier: &Self) -> Option<String> {
        match (&self.item, &earlier.item) {
            (Item::Known(item), Item::Known(earlier)) => {
                rules::listed(*item, &[*earlier]).map(|broken| broken.to_string())
            }
            (
                Item::Constant(item) | Item::HintedConstant(item),
                Item::Constant(earlier) | Item::HintedConstant(earlier),
            ) if item.is_certainly(earlier) => Some(format!("`{}` is listed twice: remove one", self.text())),
            _ => None,
        }
    }

    /// Returns `true` if this item and `other` certainly name one constant.
    pub(crate) fn is_constant_of(&self, other: &Self) -> bool {
        match (&self.item, &other.item) {
            (Item::Constant(a) | Item::HintedConstant(a), Item::Constant(b)) => a.is_certainly(b),
            _ => false,
        }
    }

    /// Returns the item as the grammar has it, or a constant as it was written.
    pub(crate) fn text(&self) -> String {
        match &self.item {
            Item::Known(condition) => condition.to_string(),
            Item::Constant(Constant(Some(names))) | Item::HintedConstant(Constant(Some(names))) => {
                names.iter().map(Ident::to_string).collect::<Vec<_>>().join("::")
            }
            Item::Constant(_) | Item::HintedConstant(_) => "this constant".to_owned(),
        }
    }

    /// Returns the status, if the item is a constant expression.
    pub(crate) fn constant_status(&self) -> Option<TokenStream> {
        let (Item::Constant(_) | Item::HintedConstant(_)) = self.item else { return None };
        let source = &self.source.expression;
        // The constants of `StatusCode` are what users have.
        Some(if is_status_code(source) { quote!(#source.as_u16()) } else { quote!(#source) })
    }

    /// Returns the item of a constant status in generated code.
    pub(crate) fn of_status(&self, krate: Facade<'_>, status: &impl ToTokens) -> TokenStream {
        let if_hinted = matches!(self.item, Item::HintedConstant(_)).then(|| quote!(.if_hinted()));
        quote!(#krate::Condition::Status(#status)#if_hinted)
    }

    /// Returns the item in generated code.
    pub(crate) fn tokens(&self, krate: Facade<'_>) -> TokenStream {
        match self.item {
            Item::Known(Condition::Range(first, last)) => quote!(#krate::Condition::Range(#first, #last)),
            Item::Known(Condition::Failure(failure)) => {
                let variant = format_ident!("{failure:?}");
                quote!(#krate::Condition::Failure(#krate::Failure::#variant))
            }
            Item::Known(Condition::Status(status)) => quote!(#krate::Condition::Status(#status)),
            Item::Known(Condition::IfHinted(first, last)) => {
                quote!(#krate::Condition::IfHinted(#first, #last))
            }
            Item::Known(Condition::Default) => quote!(#krate::Condition::Default),
            Item::Known(_) => unreachable!("the grammar has no other item"),
            Item::Constant(_) | Item::HintedConstant(_) => self.of_status(krate, &self.constant_status()),
        }
    }
}

/// Returns the message about a value that is no list.
pub(crate) fn no_list(key: Key, value: &Expr) -> String {
    match value {
        Expr::Lit(item) => text::no_list(key, &item.to_token_stream().to_string()),
        _ => wrong_kind(key),
    }
}

/// Reads the list that follows a key, and leaves out the items that are wrong. Returns its tokens
/// as well, or `None` if they cannot be read.
pub(crate) fn parse(
    key: Key,
    input: ParseStream<'_>,
    errors: &mut Errors,
) -> Option<(Vec<ListItem>, TokenStream)> {
    let list: TokenTree = input.parse().ok()?;
    let TokenTree::Group(group) = &list else { return None };
    let parser = |input: ParseStream<'_>| {
        let mut items = Vec::new();
        while !input.is_empty() {
            items.push(Written::parse(input)?);
            if !input.is_empty() && !input.peek(Token![,]) {
                errors.at(&input.parse::<TokenTree>()?, text::AFTER_ITEM);
                while !input.is_empty() && !input.peek(Token![,]) {
                    input.parse::<TokenTree>()?;
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(items)
    };
    let sources = parser.parse2(group.stream()).ok()?;
    if key == Key::On && sources.is_empty() {
        errors.at(&list, PolicyError::OnEmpty);
    }
    let mut items: Vec<ListItem> = Vec::new();
    for source in sources {
        match source.meaning(key) {
            Ok(item) => {
                let item = ListItem { source, item };
                match items.iter().find_map(|earlier| item.repeats(earlier)) {
                    Some(message) => errors.at(&item.source, message),
                    None => items.push(item),
                }
            }
            Err(message) => errors.at(&source, message),
        }
    }
    Some((items, list.into()))
}

impl Written {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        // `default` and a number before `if` are no expressions, or begin another one.
        let expression = value::item(input)?;
        let if_hinted = if input.peek(Token![if]) {
            let keyword: Token![if] = input.parse()?;
            let word: Ident = input.parse()?;
            Some((keyword, word))
        } else {
            None
        };
        Ok(Self { expression, if_hinted })
    }

    /// Returns the meaning of the item in the list of `key`.
    fn meaning(&self, key: Key) -> Result<Item, String> {
        let item = read(&self.expression)?;
        let item = match &self.if_hinted {
            None => item,
            Some((_, word)) if word == "hinted" => match item {
                Item::Known(condition) => Item::Known(text::if_hinted(condition)?),
                Item::Constant(constant) | Item::HintedConstant(constant) => Item::HintedConstant(constant),
            },
            Some((_, word)) => {
                return Err(format!(
                    "unknown condition `if {word}`: the only one is `if hinted`, as in `403 if hinted`"
                ));
            }
        };
        let only_on = match &item {
            Item::Known(condition) => rules::only_on(*condition).map(|broken| broken.to_string()),
            Item::HintedConstant(_) => {
                Some("`if hinted` is for `on` alone: list the status without a condition".to_owned())
            }
            Item::Constant(_) => None,
        };
        match only_on {
            Some(message) if key == Key::Never => Err(message),
            _ => Ok(item),
        }
    }
}

impl ToTokens for Written {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.expression.to_tokens(tokens);
        if let Some((keyword, word)) = &self.if_hinted {
            keyword.to_tokens(tokens);
            word.to_tokens(tokens);
        }
    }
}

/// Reads the expression of an item.
fn read(item: &Expr) -> Result<Item, String> {
    if let Expr::Range(range) = item {
        return self::range(range).map(Item::Known);
    }
    if let Some(name) = word(item) {
        return text::condition(&name).map(Item::Known);
    }
    match literal(item) {
        value::Literal::Plain(Lit::Int(int)) if int.suffix().eq_ignore_ascii_case("xx") => {
            // As written: `base10_digits` reads `05xx` as `5xx`.
            text::condition(&int.to_string()).map(Item::Known)
        }
        value::Literal::Plain(Lit::Int(int)) if matches!(int.suffix(), "" | "u16") => {
            text::status(int.base10_digits()).map(Item::Known)
        }
        value::Literal::Plain(Lit::Str(quoted)) => {
            let quoted = quoted.value();
            text::condition(&quoted).and_then(|_| Err(format!("an item is not quoted: write `{quoted}`")))
        }
        value::Literal::Plain(_) | value::Literal::Negative(_) => Err(text::no_item()),
        value::Literal::None => match item {
            Expr::Binary(ExprBinary { op: BinOp::Sub(_), .. }) => Err(text::MINUS_RANGE.to_owned()),
            Expr::Binary(_) => Err(text::SEVERAL.to_owned()),
            Expr::Path(path) => match path.path.get_ident().map(ToString::to_string) {
                Some(name) if text::is_word(&name.to_lowercase()) || text::is_method(&name) => {
                    text::condition(&name).map(Item::Known)
                }
                _ => Ok(Item::Constant(Constant::of(item))),
            },
            _ => Ok(Item::Constant(Constant::of(item))),
        },
    }
}

/// Returns `true` for `StatusCode::X`, under any path.
fn is_status_code(item: &Expr) -> bool {
    match item {
        Expr::Path(path) => {
            path.path.segments.iter().rev().nth(1).is_some_and(|kind| kind.ident == "StatusCode")
        }
        _ => false,
    }
}

fn range(range: &ExprRange) -> Result<Condition, String> {
    let end = |end: &Option<Box<Expr>>| match end.as_deref().map(literal) {
        Some(value::Literal::Plain(Lit::Int(int))) if int.suffix().is_empty() => {
            text::number_of_status(int.base10_digits())
        }
        _ => Err(text::PARTIAL_RANGE.to_owned()),
    };
    let (first, last) = (end(&range.start)?, end(&range.end)?);
    match range.limits {
        RangeLimits::HalfOpen(_) => Err(text::half_open(first, last)),
        RangeLimits::Closed(_) => text::range(first, last),
    }
}
