//! Where and with what the figures were measured.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::process::Command;

/// The lock file of this package, as it was when the program was built.
pub const LOCK: &str = include_str!("../Cargo.lock");

#[derive(serde::Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(serde::Deserialize)]
struct Package {
    name: String,
    version: String,
}

/// Returns the versions of all packages. Where there are several of one, the newest is last in the
/// lock file, and it is the one that this package depends on.
pub fn versions() -> BTreeMap<String, String> {
    let lock: Lock = toml::from_str(LOCK).expect("a lock file");
    lock.package.into_iter().map(|package| (package.name, package.version)).collect()
}

/// Returns what there is to say of the machine.
pub fn describe() -> String {
    let models = processors();
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel = kernel.split(['-', '\n']).next().unwrap_or_default();
    format!("{} × {}, Linux {kernel} ({ARCH}), {}, {}", models.len(), model(&models), rustc(), valgrind())
}

/// Returns what counts of instructions depend on.
pub fn platform() -> String {
    format!("{}, {}, {}", model(&processors()), rustc(), valgrind())
}

fn processors() -> Vec<String> {
    let text = read("/proc/cpuinfo");
    text.lines().filter_map(|line| line.strip_prefix("model name")).map(str::to_owned).collect()
}

fn model(processors: &[String]) -> &str {
    processors.first().map_or("unknown", |model| model.trim_start_matches([' ', '\t', ':']))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Returns how busy the machine is.
pub fn load() -> String {
    let load = read("/proc/loadavg");
    load.split(' ').next().unwrap_or("unknown").to_owned()
}

/// Returns the version of the compiler.
fn rustc() -> String {
    // Without the hash and date.
    printed("rustc", "--version").split(" (").next().unwrap_or_default().to_owned()
}

fn valgrind() -> String {
    printed("valgrind", "--version")
}

fn printed(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    output.map_or_else(
        |_| format!("no {program}"),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
