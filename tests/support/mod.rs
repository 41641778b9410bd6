//! What the tests share.

use std::time::Duration;

use retry_http::testing::server::{Reply, Server};

pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A server whose paths each have a script of their own. The last reply of a script is repeated.
#[derive(Default)]
#[allow(dead_code, reason = "not all tests have one")]
pub struct Routes(Vec<(&'static str, Vec<Reply>)>);

#[allow(dead_code, reason = "not all tests have one")]
impl Routes {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn path(self, path: &'static str, statuses: impl IntoIterator<Item = u16>) -> Self {
        self.replies(path, statuses.into_iter().map(Reply::status))
    }

    pub fn replies(mut self, path: &'static str, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.0.push((path, replies.into_iter().collect()));
        self
    }

    pub fn serve(self) -> Server {
        let asked = std::sync::Mutex::new(std::collections::HashMap::<String, usize>::new());
        Server::new(move |_, request| {
            let mut asked = asked.lock().unwrap();
            let n = asked.entry(request.path.clone()).or_default();
            *n += 1;
            let (_, script) =
                self.0.iter().find(|(path, _)| *path == request.path).expect("a path of the test");
            script[(*n - 1).min(script.len() - 1)].clone()
        })
    }
}

/// How many requests there were for each of `paths`.
#[allow(dead_code, reason = "not all tests have several")]
pub fn counts(server: &Server, paths: &[&str]) -> Vec<usize> {
    let requests = server.requests();
    paths.iter().map(|path| requests.iter().filter(|request| request.path == *path).count()).collect()
}
