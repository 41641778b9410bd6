//! Runs every file of the corpora through its target.

use std::fs;
use std::path::Path;

use retry_http_fuzz::TARGETS;

#[test]
fn every_file_of_the_corpora_passes() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, run) in TARGETS {
        let mut files: Vec<_> =
            fs::read_dir(corpora.join(name)).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= 5, "{name} has a corpus");
        run(b"");
        run(&[0xff; 64]);
        for file in files {
            println!("{}", file.display());
            run(&fs::read(&file).unwrap());
        }
    }
}
