//! Measures what the attribute costs at compile time. 500 annotated functions, and 500 with a loop
//! written by hand, are checked and built several times in turn. The fastest run of each counts.
//!
//! `cargo bench --bench compile_time`

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const FUNCTIONS: usize = 500;
const RUNS: usize = 5;

/// Return types and bodies, since the functions of clients are not all alike.
const BODIES: [(&str, &str); 4] = [
    ("Result<String, reqwest::Error>", "http.get(url).send().await?.error_for_status()?.text().await"),
    (
        "Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>>",
        "Ok(http.get(url).header(\"x\", \"y\").send().await?.error_for_status()?.bytes().await?.to_vec())",
    ),
    ("Result<reqwest::Response, reqwest::Error>", "http.delete(url).send().await"),
    (
        "Result<u16, reqwest::Error>",
        "{ let request = http.put(url).body(\"x\").build()?; Ok(http.execute(request).await?.status().as_u16()) }",
    ),
];

fn annotated() -> String {
    let mut source = String::from("use retry_http::retry_http;\n");
    for n in 0..FUNCTIONS {
        let (output, body) = BODIES[n % BODIES.len()];
        let max = n % 5 + 1;
        write!(
            source,
            "#[retry_http(max = {max}, on = [429, 503], never = [401])]\n\
             pub async fn f{n}(http: &reqwest::Client, url: &str) -> {output} {{ {body} }}\n"
        )
        .expect("memory");
    }
    source
}

/// As one would write it: by status and kind of failure, with backoff and jitter, and `Retry-After`
/// in seconds.
fn by_hand() -> String {
    let mut source = String::new();
    for n in 0..FUNCTIONS {
        let (output, body) = BODIES[n % BODIES.len()];
        let body =
            body.replace("http.execute(request).await?", "observe(http.execute(request).await, &mut seen)?");
        let body = body.replace(
            ".send().await",
            ".send().await.inspect(|r| seen.response(r)).inspect_err(|e| seen.error(e))",
        );
        let max = n % 5 + 1;
        write!(
            source,
            "pub async fn f{n}(http: &reqwest::Client, url: &str) -> {output} {{
                 let mut retries = 0;
                 loop {{
                     let mut seen = Seen::default();
                     let outcome: {output} = async {{ {body} }}.await;
                     let again = match seen.status {{
                         Some(401) => false,
                         Some(429 | 503) => true,
                         Some(_) => false,
                         None => seen.failed,
                     }};
                     if !again || retries == {max} {{
                         return outcome;
                     }}
                     let backoff = std::time::Duration::from_secs(1 << retries);
                     let wait = seen.retry_after.unwrap_or(backoff + backoff.mul_f64(rand::random::<f64>() / 2.0));
                     if wait > std::time::Duration::from_secs(120) {{
                         return outcome;
                     }}
                     drop(outcome);
                     retries += 1;
                     tokio::time::sleep(wait).await;
                 }}
             }}\n"
        )
        .expect("memory");
    }
    source.push_str(
        "#[derive(Default)]
        struct Seen { status: Option<u16>, retry_after: Option<std::time::Duration>, failed: bool }
        impl Seen {
            fn response(&mut self, response: &reqwest::Response) {
                self.status = Some(response.status().as_u16());
                let value = response.headers().get(\"retry-after\").and_then(|value| value.to_str().ok());
                self.retry_after = value.and_then(|value| value.parse().ok()).map(std::time::Duration::from_secs);
            }
            fn error(&mut self, error: &reqwest::Error) {
                self.failed = error.is_connect() || error.is_timeout();
            }
        }
        fn observe(result: reqwest::Result<reqwest::Response>, seen: &mut Seen) -> reqwest::Result<reqwest::Response> {
            match &result { Ok(response) => seen.response(response), Err(error) => seen.error(error) }
            result
        }\n",
    );
    source
}

fn write_crate(folder: &Path, name: &str, source: &str) {
    let root = env!("CARGO_MANIFEST_DIR");
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         retry-http = {{ path = \"{root}/retry-http\" }}\nrand = \"0.10\"\ntokio = {{ version = \"1\", features = [\"time\"] }}\n\
         reqwest = {{ version = \"0.13\", default-features = false }}\n"
    );
    fs::create_dir_all(folder.join("src")).expect("a folder");
    fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    fs::write(folder.join("src/lib.rs"), source).expect("a source");
    fs::copy(Path::new(root).join("Cargo.lock"), folder.join("Cargo.lock")).expect("a lock file");
}

fn run(command: &str, folder: &Path, target: &Path) -> Duration {
    let start = Instant::now();
    let output = Command::new(env!("CARGO"))
        .args([command, "--quiet"])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_INCREMENTAL", "0")
        .env_remove("RUSTFLAGS")
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    start.elapsed()
}

fn main() {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compile_time");
    let crates = [("annotated", annotated()), ("by_hand", by_hand())];
    for (name, source) in &crates {
        write_crate(&target.join(name), name, source);
    }
    for command in ["check", "build"] {
        let mut fastest = [Duration::MAX; 2];
        // The first run builds the dependencies and does not count.
        for round in 0..=RUNS {
            for (fastest, (name, source)) in fastest.iter_mut().zip(&crates) {
                let folder = target.join(name);
                fs::write(folder.join("src/lib.rs"), format!("{source}\n// {round}\n")).expect("a source");
                let time = run(command, &folder, &target);
                if round > 0 {
                    *fastest = time.min(*fastest);
                }
            }
        }
        let [annotated, by_hand] = fastest.map(|time| time.as_secs_f64());
        let ratio = annotated / by_hand;
        println!("cargo {command}: {annotated:.2} s annotated, {by_hand:.2} s by hand, ratio {ratio:.2}");
    }
}
