//! The size of a program with many functions: built plain, by hand, with backon, and annotated.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::figures::Row;
use crate::machine;
use crate::peers::Kind;

const RETRY_HTTP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../retry-http");

/// The functions of a program.
pub const FUNCTIONS: usize = 100;

/// Return types and bodies, since the functions of clients are not all alike.
const BODIES: [(&str, &str); 4] = [
    ("String", "http.get(url).send().await?.error_for_status()?.text().await"),
    ("Response", "http.get(url).header(\"x\", \"y\").send().await?.error_for_status()"),
    ("u16", "Ok(http.delete(url).send().await?.error_for_status()?.status().as_u16())"),
    ("bool", "Ok(http.post(url).body(\"x\").send().await?.error_for_status()?.text().await?.is_empty())"),
];

const IMPORTS: &str = "#![allow(unused_imports)]
use backon::{ExponentialBuilder, Retryable};
use reqwest::{Client, Response, Result};
use retry_http::retry_http;
use std::time::Duration;

";

/// The helpers of the functions by hand and of those with backon.
const HELPERS: &str = "
fn again(error: &reqwest::Error) -> bool {
    match error.status() {
        Some(status) => matches!(status.as_u16(), 429 | 503),
        None => error.is_connect() || error.is_timeout(),
    }
}

fn wait(retries: u32) -> Duration {
    let delay = Duration::from_secs(1 << retries);
    delay + delay.mul_f64(rand::random::<f64>() / 2.0)
}
";

/// Returns the sizes of the programs in bytes, without symbols.
pub fn measure() -> Vec<Row<i64>> {
    let target = std::env::current_exe().expect("this program");
    let target = target.ancestors().nth(2).expect("a target folder").join("binary_size");
    let size = |kind: Kind| {
        eprintln!("a program of {FUNCTIONS} functions: {}", kind.about().name);
        Row { kind, figures: vec![build(&target, kind)] }
    };
    [Kind::Plain, Kind::ByHand, Kind::Backon, Kind::Ours].map(size).into_iter().collect()
}

fn build(target: &Path, kind: Kind) -> i64 {
    let name = format!("functions-{}", kind.about().name.replace(' ', "-"));
    let folder = target.join("sources").join(&name);
    write_crate(&folder, &name, &source(kind));
    let output = Command::new("cargo")
        .args(["build", "--quiet", "--release", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let program = target.join("release").join(name);
    fs::metadata(program).expect("a program").len().try_into().expect("small")
}

fn write_crate(folder: &Path, name: &str, source: &str) {
    let manifest = format!(
        "[workspace]\n[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [profile.release]\nstrip = true\n\
         [dependencies]\nbackon = \"1\"\nrand = \"0.10\"\nretry-http = {{ path = {RETRY_HTTP:?} }}\n\
         reqwest = {{ version = \"0.13\", default-features = false }}\n\
         tokio = {{ version = \"1\", features = [\"net\", \"rt\", \"time\"] }}\n"
    );
    fs::create_dir_all(folder.join("src")).expect("a folder");
    fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    fs::write(folder.join("src/main.rs"), source).expect("a source");
    fs::write(folder.join("Cargo.lock"), machine::LOCK).expect("a lock file");
}

/// Returns a program that calls the function whose number is the number of its arguments.
fn source(kind: Kind) -> String {
    let mut source = IMPORTS.to_owned() + HELPERS;
    for number in 0..FUNCTIONS {
        let (output, body) = BODIES[number % BODIES.len()];
        source += &function(kind, number, output, body);
    }
    source += "async fn call(number: usize, http: &Client, url: &str) -> Result<()> {\n    match number {\n";
    for number in 0..FUNCTIONS {
        writeln!(source, "        {number} => drop(f{number}(http, url).await?),").expect("memory");
    }
    source += "        _ => {}\n    }\n    Ok(())\n}\n\n\
        fn main() {\n\
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();\n\
            let http = Client::new();\n\
            let call = call(std::env::args().count(), &http, \"http://127.0.0.1:1/\");\n\
            std::process::exit(i32::from(runtime.block_on(call).is_err()));\n\
        }\n";
    source
}

fn function(kind: Kind, number: usize, output: &str, body: &str) -> String {
    let head = format!("async fn f{number}(http: &Client, url: &str) -> Result<{output}> {{\n");
    match kind {
        Kind::ByHand => format!(
            "{head}    let mut retries = 0;
    loop {{
        let outcome: Result<{output}> = async {{ {body} }}.await;
        match outcome {{
            Err(error) if again(&error) && retries < 5 => {{}}
            outcome => return outcome,
        }}
        tokio::time::sleep(wait(retries)).await;
        retries += 1;
    }}
}}

"
        ),
        Kind::Backon => format!(
            "{head}    (|| async {{ {body} }})
        .retry(ExponentialBuilder::new().with_max_times(5).with_jitter())
        .when(again)
        .await
}}

"
        ),
        Kind::Ours => {
            format!("#[retry_http(max = 5, on = [429, 503], never = [401])]\n{head}    {body}\n}}\n\n")
        }
        _ => format!("{head}    {body}\n}}\n\n"),
    }
}
