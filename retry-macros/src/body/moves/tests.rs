use syn::parse::Parser;

use proc_macro2::Span;

use super::*;
use crate::options::Options;

/// Returns the uses of `x` in `body`, and the changed body.
fn used(body: &str, clones_fields: bool) -> (Uses, String) {
    let mut body = Block::parse_within.parse_str(body).expect("statements");
    let options = Options::default();
    let name = Ident::new("x", Span::call_site());
    let variable = Variable { name, is_converted: false, clones_fields };
    let private = options.krate(Span::call_site()).private();
    let uses = of(vec![variable], private, &mut body).remove(0);
    (uses, quote!(#(#body)*).to_string())
}

#[test]
fn uses() {
    const NONE: u8 = 0;
    const BORROWED: u8 = 1;
    const PERHAPS: u8 = 2;
    const CONSUMED: u8 = 3;
    let table = [
        ("y.len();", NONE),
        ("let x = 1; drop(x);", NONE),
        ("list.map(|x| drop(x));", NONE),
        ("if let Some(x) = y { drop(x) }", NONE),
        ("fn f(x: u8) { drop(x) }", NONE),
        ("&x;", BORROWED),
        ("&mut x.y;", BORROWED),
        ("x.len();", BORROWED),
        ("x.as_str().into_owned();", BORROWED),
        ("x == y;", BORROWED),
        ("x += 1;", BORROWED),
        ("x[0];", BORROWED),
        ("let _ = x;", BORROWED),
        ("let ref y = x;", BORROWED),
        (r#"format!("{x}");"#, BORROWED),
        (r#"format!("{}", x);"#, BORROWED),
        ("x.unknown();", PERHAPS),
        ("x.y;", PERHAPS),
        ("unknown!(x);", PERHAPS),
        ("matches!(x, Some(_));", PERHAPS),
        (r#"ensure!(ok, "{}", x);"#, PERHAPS),
        (r#"bail!("{}", x);"#, PERHAPS),
        ("match x { Some(y) => y, None => 1 };", PERHAPS),
        ("let Some(y) = x else { return };", PERHAPS),
        ("move || x.len();", PERHAPS),
        ("async move { x.len() };", PERHAPS),
        ("drop(x);", CONSUMED),
        ("f(&y, x);", CONSUMED),
        ("let y = x;", CONSUMED),
        ("Some { x };", CONSUMED),
        ("for y in x {}", CONSUMED),
        ("x.into_iter();", CONSUMED),
        ("x.unwrap_or_default();", CONSUMED),
        ("x", CONSUMED),
        ("&x; drop(x);", CONSUMED),
    ];
    for (body, rank) in table {
        assert_eq!(used(body, false).0.always.rank(), rank, "{body}");
    }
}

#[test]
fn fields_that_are_cloned() {
    let table = [
        ("f(x.y);", "f (clone_argument (& x . y)) ;"),
        ("f(x.y.z);", "f (clone_argument (& x . y . z)) ;"),
        ("let y = x.y;", "let y = clone_argument (& x . y) ;"),
        ("for y in x.y {}", "for y in clone_argument (& x . y) { }"),
        ("if let Some(y) = x.y {}", "if let Some (y) = clone_argument (& x . y) { }"),
        ("let Some(y) = x.y else { return };", "let Some (y) = clone_argument (& x . y) else { return } ;"),
        (
            "match x.y { Some(y) => y, None => 1 };",
            "match clone_argument (& x . y) { Some (y) => y , None => 1 } ;",
        ),
    ];
    for (body, expected) in table {
        let (uses, body) = used(body, true);
        assert_eq!(body.replace(":: retry_http :: __private :: ", ""), expected);
        assert!(uses.clones_fields && uses.always.rank() == 1, "{body}");
    }
    let untouched = [
        "f(&x.y);",
        "f(x.y.len());",
        "if let None = x.y {}",
        "if let Some(ref y) = x.y {}",
        "match x.y { Kind::A => 1, _ => 2 };",
        "match &x.y { Some(y) => y, None => 1 };",
    ];
    for body in untouched {
        assert!(!used(body, true).0.clones_fields, "{body}");
    }
}

#[test]
fn fields_that_are_sent() {
    let sent = |body| used(body, true).0.sent.len();
    assert_eq!(sent("x.y.send().await;"), 1);
    assert_eq!(sent("x.send(); x.y.send(1); y.x.send(); let x = 1; x.y.send();"), 0);
}
