use syn::ItemFn;

use super::*;
use crate::function::bindings;

/// Returns what each attempt is given of the arguments of `function`, or the first mistake.
fn given(function: &str, carry: &[&str]) -> String {
    let ItemFn { mut sig, block, .. } = syn::parse_str(function).expect("a function");
    let (mut body, mut once, mut errors) = (block.stmts, TokenStream::new(), Errors::default());
    let carry: Vec<_> = carry.iter().map(|name| Ident::new(name, Span::call_site())).collect();
    let options = Options { carry: (!carry.is_empty()).then_some(carry), ..Options::default() };
    let owned = bindings::owned(&mut sig, &mut body, &mut once);
    let surroundings = Surroundings {
        generics: &sig.generics,
        shape: Shape::Async,
        beside: &TokenStream::new(),
        options: &options,
    };
    let arguments = plan(&owned, &mut body, surroundings, &mut errors);
    if !errors.is_empty() {
        return errors.into_tokens().to_string();
    }
    arguments.each.to_string().replace(":: retry_http :: __private :: ", "")
}

#[test]
fn each_attempt_is_given_a_value_by_its_type() {
    let clone = "let x = clone_argument (& x) ;";
    let fresh = "let x = argument ! (x) ;";
    let table = [
        // Left alone.
        ("fn f(x: &str) { drop(x) }", ""),
        ("fn f(x: u64) { drop(x) }", ""),
        ("fn f(x: String) { &x; }", ""),
        ("fn f(S { x }: &S) { drop(x) }", ""),
        ("fn f((x, _): &(String, u8)) { drop(x) }", ""),
        // Cloned.
        ("fn f(x: String) { drop(x) }", clone),
        ("fn f(mut x: String) { &x; }", clone),
        ("fn f(mut x: u64) { &x; }", clone),
        ("fn f<T: Clone>(x: T) { drop(x) }", clone),
        ("fn f<T>(x: T) where T: Clone { drop(x) }", clone),
        ("fn f(x: impl Into<String>) { drop(x) }", clone),
        ("fn f((x, _): (String, u8)) { drop(x) }", clone),
        ("fn f(x: watch::Receiver<u8>) { drop(x) }", clone),
        ("fn f(x: Sender<File>) { drop(x) }", clone),
        ("fn f(x: File) { x.name; }", "let x = ArgumentKind :: of (& x) . clone_file (& x) ;"),
        ("fn f(x: Vec<File>) { drop(x) }", "let x = ArgumentKind :: of (& x) . clone_file (& x) ;"),
        ("fn f(x: fn(&mut u8)) { drop(x) }", clone),
        ("fn f(x: Arc<dyn Fn(File)>) { drop(x) }", clone),
        // Cloned or lent, as the compiler knows.
        ("fn f(x: String) { x.unknown(); }", fresh),
        ("fn f(x: impl Serialize) { drop(x) }", fresh),
        ("fn f<T>(x: T) { x.unknown(); }", fresh),
        // Requests, and types that are not shown.
        ("fn f(x: Request) { drop(x) }", "let x = request ! (clone , x , call) ;"),
        ("fn f(x: RequestBuilder) { x.send(); }", "let x = request ! (lend , x , call) ;"),
        ("fn f(S { x }: S) { x.send(); }", "let x = request ! (lend , x , call) ;"),
        ("fn f(x: impl Into<Body>) { drop(x) }", "let x = request ! (clone , x , call) ;"),
        ("fn f(x: Form) { drop(x) }", "let x = request ! (once , x , call) ;"),
        // Items.
        (
            "fn f(x: impl Iterator<Item = u8>) { drop(x) }",
            "let x = ArgumentKind :: of (& x) . clone_items (& x) ; let x = :: core :: iter :: IntoIterator :: into_iter (x) ;",
        ),
        (
            "fn f(x: impl IntoIterator<Item = u8>) { drop(x) }",
            "let x = ArgumentKind :: of (& x) . clone_items (& x) ;",
        ),
    ];
    for (function, expected) in table {
        assert_eq!(given(function, &[]), expected, "{function}");
    }
}

#[test]
fn changed_arguments_are_mistakes_unless_they_are_carried() {
    let carried = "let x = argument ! (carried x) ;";
    let table = [
        ("x: &mut T", "let x = & mut * x ;"),
        ("S { x }: &mut S", "let x = & mut * x ;"),
        ("(_, x): (u8, &mut T)", "let x = & mut * x ;"),
        ("(.., x): (u8, u8, &mut T)", "let x = & mut * x ;"),
        ("[x, _]: &mut [T; 2]", "let x = & mut * x ;"),
        ("ref mut x: T", "let x = & mut * x ;"),
        ("S(x): S<&mut T>", carried),
        ("x: Option<&mut T>", "let x = x . as_mut () . map (| item | & mut * (* item)) ;"),
        ("x: Pin<&mut T>", "let x = x . as_mut () ;"),
        ("x: [&mut T; 2]", "let x = x . each_mut () . map (| item | & mut * (* item)) ;"),
        ("x: (&mut T, &U, V)", "let x = (& mut * x . 0 , x . 1 , argument ! (carried x . 2) ,) ;"),
        ("x: Option<&File>", "let x = x . as_mut () . map (| item | (* item)) ;"),
        ("x: &File", ""),
        ("x: &std::io::Stdin", ""),
        ("x: &Mutex<File>", ""),
        ("x: fs::File", carried),
        ("x: tokio::net::TcpStream", carried),
        ("x: mpsc::UnboundedReceiver<u8>", carried),
        ("x: Arc<File>", carried),
        ("x: Lines<BufReader<fs::File>>", carried),
        ("x: Box<dyn Iterator<Item = u8>>", carried),
        ("x: Box<dyn Read + Send>", carried),
        ("x: Pin<Box<dyn Stream<Item = u8>>>", carried),
        ("x: BoxStream<'static, u8>", carried),
        ("x: Vec<impl Read>", carried),
        ("mut x: impl Write", carried),
    ];
    for (parameter, expected) in table {
        let function = format!("fn f({parameter}) {{ drop(x) }}");
        assert!(given(&function, &[]).contains("an attempt changes argument `x`"), "{function}");
        assert_eq!(given(&function, &["x"]), expected, "{function}");
    }
}

#[test]
fn arguments_that_cannot_be_given_twice_are_mistakes() {
    let table = [
        ("fn f(x: impl FnOnce()) { x() }", "which can be called only once"),
        ("fn f(x: Box<dyn FnOnce()>) { x() }", "which can be called only once"),
        ("fn f<T>(x: T) { drop(x) }", "and `T` cannot be cloned for the next one"),
        ("fn f(mut x: impl FnMut()) { x() }", "and its type cannot be cloned for the next one"),
        ("fn f(x: impl Into<Form>) { drop(x) }", "and a `Form` cannot be cloned for the next one"),
    ];
    for (function, expected) in table {
        assert!(given(function, &[]).contains(expected), "{function}");
    }
    assert!(given("fn f(x: &str) { drop(x) }", &["x"]).contains("and `x` is not one: remove it"));
}
