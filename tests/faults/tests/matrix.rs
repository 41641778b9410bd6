//! Runs every row of the table by every client, and writes them down in `docs/faults.md`.

use std::fmt::Write;

use faults::call::{Run, run};
use faults::fault::{Client, Fault, Method, Server};
use faults::{in_parallel, table};

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
    let waits = expected.attempts.least > 1;
    let is_in_time = run.took <= fault.at_most && (!waits || run.took >= fault.at_least);
    (!run.is(&expected) || !is_in_time).then(|| {
        format!("{title}: {}: {method:?} by {client:?}\n  {run}\n  expected: {expected}", fault.name)
    })
}

#[test]
fn every_row_comes_as_expected_by_every_client() {
    let jobs = jobs();
    let runs = in_parallel(&jobs, |job| run(job.fault, job.client, job.method));
    let mut complaints = String::new();
    for complaint in jobs.iter().zip(&runs).filter_map(|(job, run)| complaint(job, run)) {
        writeln!(complaints, "{complaint}").unwrap();
    }
    for (job, run) in jobs.iter().zip(&runs) {
        println!("{}: {}: {:?} {:?}: {run}", job.title, job.fault.name, job.method, job.client);
    }
    assert!(complaints.is_empty(), "\n{complaints}");
}
