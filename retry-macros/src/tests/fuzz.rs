//! Whatever the tokens are, the macro neither panics nor hangs, and the item is still there: for
//! editors, which feed half-typed code, and for everything that rules did not think of.
//!
//! More cases, in release:
//! `PROPTEST_CASES=10000000 cargo test --release -p retry-macros --features blocking fuzz`.

use std::thread;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::generate;
use crate::tests::kept::expand;

const ATTRIBUTES: [&str; 20] = [
    "",
    "max = 5, on = [429, 503], never = [401]",
    "max = MAX, base = 250ms, cap = 1.5m, factor = 1.5, jitter = full, max_retry_after = 2m",
    "on = [5xx, 400..=404, connect, timeout, reset, body, StatusCode::CONFLICT], never = [501, 425,],",
    "deadline = 30s, timeout = 5s, idempotent, idempotency_key, reauth = self.renewal.once(self.login()), upstream = GITHUB, observer = |event| log(event)",
    "idempotent = false, idempotency_key = maybe, deadline = 500ms, timeout = DEADLINE, reauth = || 1, never = [401]",
    "retry_if = |outcome| matches!(outcome, Ok(job) if job.is_pending()), never_if = is_final, policy = self.retry",
    "policy = &crate::GENTLE, crate = ::other::retry_http, base = Duration::from_secs(1)",
    "hint = [\"X-My-Reset\", RESET, \"x-my-reset-ms\"], on = [default, 403 if hinted]",
    "hint = [\"x y\", 5, x-my-reset, \"\"], policy = GENTLE, max = 1",
    "skip",
    "docs = false, jitter = 0.25",
    "carry = [data, r#type], observer = r#type, reauth = self.r#login(r#in), policy = r#const",
    "transparent, idempotent, crate = r#mod::retry_http",
    "max = 0, on = [42, 6xx, 504..=500, timeuot], never = [], base = 5, cap = \"60s\", factor = 0.5, jitter = 2",
    "max = -1, base = 0x10s, cap = 99999999999999999999999h, factor = 1e400, jitter = half, maks = 3, max = 4",
    "on = 429, never = 5xx, base = , cap, factor == 2, = 3, 7, \"max\", ?",
    "base = 1.5e3s, cap = 1__0.0_0ms, max_retry_after = 'x', jitter = b\"full\", max = 1u64",
    "on = [[429]], never = [..], base = { 1 }, cap = (2s), max = if true { 1 } else { 2 }",
    "never = [4xx, 5xx, connect, timeout, reset, body], on = [..=503, 500.., 500..503, 0..=65536, 1000000]",
];

const ITEMS: [&str; 18] = [
    "async fn user(http: &Client, id: u64) -> Result<User, ApiError> {
        Ok(http.get(url(id)).send().await?.error_for_status()?.json().await?)
    }",
    "/// Kept.
    #[must_use] pub(crate) fn list<'a, T>(&'a self, mut pages: Vec<T>, (a, _): (String, u8)) -> Result<Vec<T>, E>
    where T: Clone {
        #![allow(unused)]
        pages.clear(); let request = self.http.get(a); if true { return request.send()?.json(); }
        for x in 0..3 { let request = request; request.send()?; } Ok(pages)
    }",
    "impl<T: Api> Client<T> {
        const A: u8 = 1;
        pub async fn a(&self) -> Result<(), E> { self.http.get(\"\").send().await?; Ok(()) }
        #[retry_http(max = 1)] async fn b(self: Box<Self>) -> Result<(), E> { self.http.execute(r()).await?; Ok(()) }
        #[retry_http(skip)] async fn c() -> Result<(), E> { reqwest::get(\"\").await?; Ok(()) }
        fn d(&self) -> String { String::new() }
    }",
    "fn boxed<'a>(&'a self, id: u64) -> Pin<Box<dyn Future<Output = Result<User, E>> + Send + 'a>> {
        Box::pin(async move { self.http.get(id).send().await }.instrument(span))
    }",
    "fn wrapped(http: &Client, url: &str) -> impl Future<Output = Result<String, E>> + '_ {
        http.get(url).send().then(|r| async move { r?.text().await }).boxed()
    }",
    "fn traited<'life0, 'async_trait>(&'life0 self, id: String)
        -> ::core::pin::Pin<Box<dyn ::core::future::Future<Output = Result<User, E>> + ::core::marker::Send + 'async_trait>>
    where 'life0: 'async_trait, Self: 'async_trait {
        Box::pin(async move {
            if let ::core::option::Option::Some(__ret) = ::core::option::Option::None::<Result<User, E>> { return __ret; }
            let __self = self; let id = id;
            let __ret: Result<User, E> = { __self.http.get(id).send().await?.json().await };
            #[allow(unreachable_code)] __ret
        })
    }",
    "async fn instrumented(http: &Client) -> Result<User, E> {
        let __tracing_attr_span = span!(); let __tracing_instrument_future = Instrument::instrument(async move {
            { http.get(\"\").send().await?.json().await }
        }, __tracing_attr_span); __tracing_instrument_future.await
    }",
    "async fn consumed<B: Into<Body> + Send, I: IntoIterator<Item = String>>(self, body: B, mut ids: I, form: Form)
        -> Result<impl Display, Self::Error> {
        let (x, y) = match ids.next() { Some(id) if id.len() > 1 => (id, 1), _ => return Err(E) };
        self.http.post(x).body(body).multipart(form).query(&[(\"a\", y)]).send().await?; format!(\"{x}{self}\"); Ok(y)
    }",
    "#[maybe_async::maybe_async] #[cfg(test)] pub async fn stripped<const N: usize>(http: &Client) -> R
        { http.get([0; N]).send().await }",
    "async fn r#in(r#type: String, #[cfg(unix)] mut r#fn: Vec<u8>, #[cfg(not(unix))] r#fn: &mut impl Read, pat!(a, mut b): Parts)
        -> R {
        #[cfg(unix)] drop(r#type); #[cfg(windows)] let r#type = r#type.r#in();
        match x { #[cfg(unix)] 1 => take(r#fn), _ => 2 };
        let b = [#[cfg(unix)] b, #[cfg(not(unix))] { b }]; S { #[cfg(unix)] a: a, r#type };
        #[cfg(unix)] http.execute(b).await; #[cfg(windows)] { return http.get(a).send().await }
        #[cfg(not(unix))] { http.post(r#type).send().await }
    }",
    "fn changes(http: &Client, data: &mut Vec<u8>, builder: RequestBuilder, request: &Request, once: impl FnOnce(), f: &File)
        -> Result<Response, E> {
        data.push(1); once(); f.read(data); let data = data; http.execute(request)?; builder.send()?.json(data.field)
    }",
    "fn two(http: Client, #[cfg(x)] id: String, #[cfg(not(x))] id: u64) -> impl Future<Output = R> {
        if id { return Box::pin(async { early }); }
        #[cfg(x)] async move { join!(http.get(id).send(), select! { r = http.get(id).send() => vec![r, dbg!(id)] }) }
    }",
    "async fn macros(http: &Client, args: Args) -> R {
        macro_rules! local { ($x:expr) => { $x.send().await }; }
        let url = format!(\"{args:?}{}\", local!(format!(\"{url}\", url = vec![args.url; 2])));
        let args = try_join!(local!(http.get(url)), async { matches!(args, Args { .. } if local!(b)) });
        assert!(dbg!(args.r#type) == write!(f, \"{args}\")?, \"{}\", local![args]); todo!()
    }",
    "struct Config { a: u8 }",
    "trait Api { async fn get(&self) -> Result<(), E>; }",
    "async fn get(&self) -> Result<(), E>;",
    "const fn nothing() {}",
    "async unsafe extern \"C\" fn odd(..., #[cfg(x)] _: u8) -> Option<Result<!, [u8; { 1 + 1 }]>> {
        'a: loop { break 'a unsafe { async || http.get(()).send().await } }
    }",
];

/// The tokens that a mutation inserts.
const POOL: [&str; 61] = [
    "=",
    ",",
    ".",
    "?",
    ";",
    ":",
    "::",
    "&",
    "|",
    "->",
    "=>",
    "..=",
    "!",
    "#",
    "'a",
    "<",
    ">",
    "self",
    "mut",
    "async",
    "await",
    "move",
    "fn",
    "impl",
    "dyn",
    "return",
    "send",
    "execute",
    "json",
    "Result",
    "max",
    "on",
    "never",
    "base",
    "skip",
    "retry_http",
    "connect",
    "429",
    "5xx",
    "250ms",
    "0",
    "1.5",
    "\"1s\"",
    "-1",
    "{}",
    "()",
    "[]",
    "x",
    "r#type",
    "r#fn",
    "#[cfg(unix)]",
    "#[cfg(not(any(x, all(y))))]",
    "#[cfg]",
    "#[cfg_attr(unix, allow(dead_code))]",
    "vec![x]",
    "join!(a.send(), b)",
    "pat!(x)",
    "local!({ x.send().await })",
    "carry = [x]",
    "RequestBuilder",
    "&mut x",
];

#[derive(Clone, Debug)]
enum Mutation {
    Delete(Index),
    Duplicate(Index),
    Swap(Index),
    Replace(Index, Index),
    Insert(Index, Index),
    /// Nothing is left from there on.
    Truncate(Index),
    Wrap(Index, u8),
    Unwrap(Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<Index>;
    prop_oneof![
        at().prop_map(Mutation::Delete),
        at().prop_map(Mutation::Duplicate),
        at().prop_map(Mutation::Swap),
        (at(), at()).prop_map(|(at, what)| Mutation::Replace(at, what)),
        (at(), at()).prop_map(|(at, what)| Mutation::Insert(at, what)),
        at().prop_map(Mutation::Truncate),
        (at(), 0..4u8).prop_map(|(at, what)| Mutation::Wrap(at, what)),
        at().prop_map(Mutation::Unwrap),
    ]
}

fn parse(text: &str) -> TokenStream {
    text.parse().expect("tokens")
}

fn count(tokens: &TokenStream) -> usize {
    let tokens = tokens.clone().into_iter();
    tokens.map(|token| if let TokenTree::Group(group) = token { 1 + count(&group.stream()) } else { 1 }).sum()
}

/// Calls `change` at token `left`, counted depth first, with what follows it in its group.
fn change_at(
    tokens: TokenStream,
    left: &mut usize,
    change: &mut dyn FnMut(TokenTree, &mut std::vec::IntoIter<TokenTree>) -> Vec<TokenTree>,
) -> TokenStream {
    let mut rest = tokens.into_iter().collect::<Vec<_>>().into_iter();
    let mut changed = Vec::new();
    while let Some(token) = rest.next() {
        if *left == 0 {
            *left = usize::MAX;
            changed.extend(change(token, &mut rest));
            continue;
        }
        *left = left.saturating_sub(usize::from(*left != usize::MAX));
        changed.push(match token {
            TokenTree::Group(group) => {
                let stream = change_at(group.stream(), left, change);
                TokenTree::Group(Group::new(group.delimiter(), stream))
            }
            token => token,
        });
    }
    changed.into_iter().collect()
}

/// The first `left` tokens, counted depth first; groups that are begun are closed.
fn truncate(tokens: TokenStream, left: &mut usize) -> TokenStream {
    let mut kept = Vec::new();
    for token in tokens {
        if *left == 0 {
            break;
        }
        *left -= 1;
        kept.push(match token {
            TokenTree::Group(group) => {
                TokenTree::Group(Group::new(group.delimiter(), truncate(group.stream(), left)))
            }
            token => token,
        });
    }
    kept.into_iter().collect()
}

fn mutate(tokens: TokenStream, mutation: &Mutation) -> TokenStream {
    let size = count(&tokens);
    if size == 0 {
        return match mutation {
            Mutation::Insert(_, what) => parse(POOL[what.index(POOL.len())]),
            _ => tokens,
        };
    }
    let pool = |what: &Index| parse(POOL[what.index(POOL.len())]);
    let at =
        |at: &Index,
         change: &mut dyn FnMut(TokenTree, &mut std::vec::IntoIter<TokenTree>) -> Vec<TokenTree>| {
            change_at(tokens.clone(), &mut at.index(size), change)
        };
    match mutation {
        Mutation::Delete(index) => at(index, &mut |_, _| vec![]),
        Mutation::Duplicate(index) => at(index, &mut |token, _| vec![token.clone(), token]),
        Mutation::Swap(index) => {
            at(index, &mut |token, rest| rest.next().into_iter().chain([token]).collect())
        }
        Mutation::Replace(index, what) => at(index, &mut |_, _| pool(what).into_iter().collect()),
        Mutation::Insert(index, what) => {
            at(index, &mut |token, _| pool(what).into_iter().chain([token]).collect())
        }
        Mutation::Truncate(index) => truncate(tokens, &mut index.index(size)),
        Mutation::Wrap(index, what) => at(index, &mut |token, _| {
            let delimiter = [Delimiter::Parenthesis, Delimiter::Brace, Delimiter::Bracket, Delimiter::None];
            vec![TokenTree::Group(Group::new(delimiter[usize::from(*what)], token.into()))]
        }),
        Mutation::Unwrap(index) => at(index, &mut |token, _| match token {
            TokenTree::Group(group) => group.stream().into_iter().collect(),
            token => vec![token],
        }),
    }
}

/// A case that takes a minute is one that hangs: what it was is told, and the tests end.
fn watched(what: &str, case: impl FnOnce()) {
    use std::sync::mpsc;
    use std::time::Duration;
    thread_local! {
        static WATCH: mpsc::Sender<Option<String>> = {
            let (begin, begun) = mpsc::channel::<Option<String>>();
            thread::spawn(move || {
                let mut running = None;
                loop {
                    match begun.recv_timeout(Duration::from_secs(60)) {
                        Ok(now) => running = now,
                        Err(mpsc::RecvTimeoutError::Disconnected) => return,
                        Err(mpsc::RecvTimeoutError::Timeout) => {
                            if let Some(running) = &running {
                                eprintln!("this hangs: {running}");
                                std::process::abort();
                            }
                        }
                    }
                }
            });
            begin
        };
    }
    WATCH.with(|watch| _ = watch.send(Some(what.to_owned())));
    case();
    WATCH.with(|watch| _ = watch.send(None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fuzz_nothing_panics_and_the_item_is_kept(
        attribute in 0..ATTRIBUTES.len(),
        item in 0..ITEMS.len(),
        mutations in proptest::collection::vec((any::<bool>(), mutation()), 0..6),
    ) {
        let case = format!("{attribute} {item} {mutations:?}");
        let (mut attribute, mut item) = (parse(ATTRIBUTES[attribute]), parse(ITEMS[item]));
        for (to_item, mutation) in &mutations {
            if *to_item {
                item = mutate(item, mutation);
            } else {
                attribute = mutate(attribute, mutation);
            }
        }
        watched(&case, || {
            expand(&attribute, &item);
            let policy = generate::policy(attribute.clone());
            assert!(syn::parse2::<syn::Expr>(policy.clone()).is_ok(), "no expression: {policy}");
        });
    }
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2_000)
}

#[test]
fn every_prefix_of_an_attribute_keeps_the_function() {
    let keep = |attribute: &str| {
        let ends = attribute.char_indices().map(|(at, _)| at).chain([attribute.len()]);
        // What does not lex never gets here.
        for prefix in ends.filter_map(|end| attribute[..end].parse().ok()) {
            for item in ITEMS {
                expand(&prefix, &parse(item));
            }
        }
    };
    // On all cores, as this is the longest of the tests.
    thread::scope(|scope| {
        for attribute in ATTRIBUTES {
            scope.spawn(move || keep(attribute));
        }
    });
}

#[test]
fn every_truncation_of_an_item_is_emitted() {
    for item in ITEMS {
        let item = parse(item);
        for left in 0..=count(&item) {
            for attribute in &ATTRIBUTES[..4] {
                expand(&parse(attribute), &truncate(item.clone(), &mut { left }));
            }
        }
    }
}
