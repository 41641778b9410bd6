//! With the attribute the compiler reports mistakes in a body as without it, at the same tokens.
//! One code differs: an argument that is assigned to and not `mut` is E0594, and not E0384.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Functions with mistakes, and with code that is only warned of. They are checked with the
/// attribute, and with it turned into a comment.
const SOURCE: &str = r#"
#![allow(dead_code)]
#![warn(unused)]
use reqwest::{Client, Response, Result, blocking};

#[retry_http::retry_http]
async fn tail_of_another_type(http: &Client) -> Result<u32> {
    http.get("/").send().await?.text().await
}

#[retry_http::retry_http]
async fn ok_of_another_type(http: &Client) -> Result<u32> {
    let body = http.get("/").send().await?.text().await?;
    Ok(body)
}

#[retry_http::retry_http]
async fn return_of_another_type(http: &Client, id: u8) -> Result<Response> {
    if id == 0 {
        return Ok(id);
    }
    http.get("/").send().await
}

#[retry_http::retry_http]
async fn another_error(http: &Client, id: &str) -> Result<Response> {
    let id: u8 = id.parse()?;
    http.get("/").query(&[("id", id)]).send().await
}

#[retry_http::retry_http]
async fn nothing_returned(http: &Client) -> Result<Response> {
    http.get("/").send().await;
}

#[retry_http::retry_http]
async fn not_awaited(http: &Client) -> Result<String> {
    http.get("/").send().await?.text()
}

#[retry_http::retry_http]
async fn no_such_method(http: &Client) -> Result<Response> {
    http.gett("/").send().await
}

#[retry_http::retry_http]
async fn no_such_name(http: &Client) -> Result<Response> {
    http.get(url).send().await
}

#[retry_http::retry_http]
async fn wrong_arguments(http: &Client) -> Result<Response> {
    http.get("/", 1).header("a").send().await
}

#[retry_http::retry_http]
async fn a_request_that_is_wrong(http: &Client) -> Result<Response> {
    http.execute("request").await
}

#[retry_http::retry_http]
async fn used_after_move(http: &Client) -> Result<Response> {
    let url = String::new();
    drop(url);
    http.get(url).send().await
}

#[retry_http::retry_http]
async fn borrowed_twice(http: &Client) -> Result<Response> {
    let mut urls = vec![String::new()];
    let first = &mut urls[0];
    urls.push(String::new());
    first.push('/');
    http.get(&urls[0]).send().await
}

#[retry_http::retry_http]
async fn returned_borrow<'a>(http: &Client) -> Result<&'a str> {
    let body = http.get("/").send().await?.text().await?;
    Ok(&body)
}

#[retry_http::retry_http]
async fn not_mutable(http: &Client) -> Result<Response> {
    let url = String::new();
    url.push('/');
    http.get(url).send().await
}

#[retry_http::retry_http]
async fn only_warnings(http: &Client, ignored: u8) -> Result<Response> {
    let unused = 1;
    let mut not_changed = 2;
    http.get("/").send().await?.error_for_status();
    if not_changed == 2 {
        return http.get("/").send().await;
        not_changed = 3;
    }
    http.get("/").send().await
}

#[retry_http::retry_http]
fn blocking_tail(http: &blocking::Client) -> Result<u32> {
    http.get("/").send()?.text()
}

#[retry_http::retry_http]
fn blocking_warnings(http: &blocking::Client, ignored: u8) -> Result<blocking::Response> {
    let unused = 1;
    return http.get("/").send();
    http.get("/").send()
}

struct Api(Client);

#[retry_http::retry_http]
impl Api {
    async fn method(&self, id: u32) -> Result<String> {
        self.0.get(id).send().await?.text().await
    }

    async fn field(&self) -> Result<String> {
        self.1.get("/").send().await?.text().await
    }
}
"#;

fn check(name: &str, source: &str) -> BTreeSet<String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bodies");
    let folder = target.join(name);
    fs::create_dir_all(folder.join("src")).expect("a folder");
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         retry-http = {{ path = \"{root}\", features = [\"blocking\"] }}\n\
         reqwest = {{ version = \"0.13\", default-features = false, features = [\"blocking\", \"query\"] }}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    fs::write(folder.join("src/lib.rs"), source).expect("a source");
    fs::copy(Path::new(root).join("Cargo.lock"), folder.join("Cargo.lock")).expect("a lock file");
    let output = Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--message-format=json"])
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("RUSTFLAGS")
        .output()
        .expect("cargo");
    let lines = String::from_utf8(output.stdout).expect("JSON");
    let said = lines.lines().filter_map(|line| said(&serde_json::from_str(line).ok()?, source)).collect();
    assert!(lines.contains("compiler-message"), "{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// Returns the line, level, code and text of a message, and the code that it points at.
fn said(message: &serde_json::Value, source: &str) -> Option<String> {
    let message = message.get("message")?;
    let text = message["message"].as_str()?;
    let spans: Vec<_> =
        message["spans"].as_array()?.iter().filter(|span| span["is_primary"] == true).collect();
    let span = spans.first()?;
    let at = |key: &str| span[key].as_u64().and_then(|at| usize::try_from(at).ok());
    let pointed_at =
        source.get(at("byte_start")?..at("byte_end")?).filter(|_| span["file_name"] == "src/lib.rs");
    let line = at("line_start")?;
    Some(format!("{line}: {} {} {text}: {pointed_at:?}", message["level"], message["code"]["code"]))
}

#[test]
fn the_compiler_reports_mistakes_in_bodies_as_without_the_attribute() {
    const ATTRIBUTE: &str = "#[retry_http::retry_http]";
    let comment = format!("//{}", " ".repeat(ATTRIBUTE.len() - 2));
    let with = check("with", SOURCE);
    let without = check("without", &SOURCE.replace(ATTRIBUTE, &comment));
    assert!(with.len() > 20, "{with:#?}");
    let only_with: Vec<_> = with.difference(&without).collect();
    let only_without: Vec<_> = without.difference(&with).collect();
    assert!(
        only_with.is_empty() && only_without.is_empty(),
        "only with the attribute: {only_with:#?}\nonly without: {only_without:#?}"
    );
}
