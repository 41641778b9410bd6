//! Where and with what the figures were measured.

use std::collections::BTreeMap;
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
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let models: Vec<_> = processors.lines().filter_map(|line| line.strip_prefix("model name")).collect();
    let model = models.first().map_or("unknown", |model| model.trim_start_matches([' ', '\t', ':']));
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel = kernel.split(['-', '\n']).next().unwrap_or_default();
    format!(
        "{} × {model}, Linux {kernel} ({}), {}, {}",
        models.len(),
        std::env::consts::ARCH,
        rustc(),
        printed("valgrind", "--version"),
    )
}

/// Returns how busy the machine is.
pub fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("unknown").to_owned()
}

/// Returns the version of the compiler.
pub fn rustc() -> String {
    // Without the hash and date.
    printed("rustc", "--version").split(" (").next().unwrap_or_default().to_owned()
}

fn printed(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    output.map_or_else(
        |_| format!("no {program}"),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
