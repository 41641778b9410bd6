//! Runs every row of the table by every client, and writes them down in `docs/faults.md`.

use std::fmt::Write;
use std::fs;

use faults::call::{Run, run};
use faults::fault::{Client, Fault, Method, Server};
use faults::{in_parallel, page, table};

/// A run to do.
struct Job {
    title: &'static str,
    fault: &'static Fault,
    client: Client,
    method: Method,
}

fn jobs() -> Vec<Job> {
    let mut jobs = Vec::new();
    for section in table::TABLE {
        for fault in section.faults.iter().filter(|fault| !matches!(fault.server, Server::Elsewhere(..))) {
            for &client in fault.place.clients() {
                jobs.extend(Method::ALL.map(|method| Job { title: section.title, fault, client, method }));
            }
        }
    }
    jobs
}

/// Says what is not as expected.
fn complaint(job: &Job, run: &Run) -> Option<String> {
    let Job { title, fault, client, method } = job;
    let expected = fault.expected(*client, *method);
    let is_in_time = (fault.at_least(&expected)..=fault.at_most).contains(&run.took);
    (!run.is(&expected) || !is_in_time).then(|| {
        format!("{title}: {}: {method:?} by {client:?}\n  {run}\n  expected: {expected}", fault.name)
    })
}

#[test]
fn every_row_comes_as_expected_by_every_client() {
    let jobs = jobs();
    let runs = in_parallel(&jobs, |job| run(job.fault, job.client, job.method));
    println!("{} runs", runs.len());
    let mut complaints = String::new();
    for complaint in jobs.iter().zip(&runs).filter_map(|(job, run)| complaint(job, run)) {
        writeln!(complaints, "{complaint}").unwrap();
    }
    assert!(complaints.is_empty(), "\n{complaints}");
}

#[test]
fn the_page_has_every_row() {
    page::expect("matrix", &page::tables());
}

/// Reads a file of the repository, as one line.
fn read(path: &str) -> String {
    let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn whatever_a_client_does_otherwise_is_a_limit_that_the_guide_names() {
    let limits = read("docs/guide/limits.md");
    for but in table::TABLE.iter().flat_map(|section| section.faults).flat_map(|fault| fault.but) {
        assert!(limits.contains(but.limit), "{}", but.limit);
    }
}

#[test]
fn the_rows_of_other_tests_are_there() {
    for fault in table::TABLE.iter().flat_map(|section| section.faults) {
        if let Server::Elsewhere(file, test) = fault.server {
            assert!(read(file).contains(&format!("fn {test}()")), "{file}: {test}");
        }
    }
}
