//! Runs every file of the corpora through its target.

use retry_http_fuzz::{TARGETS, corpus};

#[test]
fn every_file_of_the_corpora_passes() {
    for (name, run) in TARGETS {
        let files = corpus(name).unwrap();
        assert!(files.len() >= 5, "{name} has a corpus");
        run(b"");
        run(&[0xff; 64]);
        for (path, input) in files {
            println!("{}", path.display());
            run(&input);
        }
    }
}
