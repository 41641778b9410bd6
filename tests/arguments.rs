//! Arguments that an attempt changes, requests as arguments, fields that are moved out, and names of all kinds.

use std::io::{Read, Seek, SeekFrom, Write};

use reqwest::{Client, Response};
use retry_http::testing::server::{Reply, Server};
use retry_http::{Stop, retry_http, testing};

type Answer = reqwest::Result<String>;

async fn text(response: Response) -> Answer {
    response.error_for_status()?.text().await
}

/// A failure, then `x`.
fn recovering() -> Server {
    Server::script([Reply::status(503), Reply::status(200).body("x")])
}

fn bodies(server: &Server) -> Vec<usize> {
    server.requests().iter().map(|request| request.body.len()).collect()
}

mod carried {
    use super::*;

    /// An upload from a reader that the body rewinds.
    #[retry_http(base = 1ms, carry = [data])]
    async fn upload(http: &Client, url: &str, data: &mut (impl Read + Seek)) -> Answer {
        data.seek(SeekFrom::Start(0)).expect("it seeks");
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).expect("it reads");
        text(http.put(url).body(bytes).send().await?).await
    }

    /// A download into a writer that the body truncates.
    #[retry_http(base = 1ms, carry = [into])]
    async fn download(http: &Client, url: &str, into: &mut Vec<u8>) -> reqwest::Result<()> {
        into.clear();
        let mut response = http.get(url).send().await?.error_for_status()?;
        while let Some(piece) = response.chunk().await? {
            into.write_all(&piece).expect("memory");
        }
        Ok(())
    }

    /// A download that goes on where the last attempt stopped.
    #[retry_http(base = 1ms, carry = [into])]
    fn resume(http: &reqwest::blocking::Client, url: &str, into: &mut Vec<u8>) -> std::io::Result<()> {
        let range = format!("bytes={}-", into.len());
        let sent = http.get(url).header("range", range).send().map_err(std::io::Error::other)?;
        let mut response = sent.error_for_status().map_err(std::io::Error::other)?;
        response.read_to_end(into).map(drop)
    }

    #[tokio::test]
    async fn a_body_that_rewinds_sends_all_of_it_each_time() {
        let server = recovering();
        let mut data = std::io::Cursor::new(vec![7; 1000]);
        assert_eq!(upload(&Client::new(), &server.url("/"), &mut data).await.unwrap(), "x");
        assert_eq!(bodies(&server), [1000, 1000]);
    }

    #[tokio::test]
    async fn a_body_that_truncates_keeps_the_last_download() {
        let server = Server::script([
            Reply::status(200).body("0123456789").truncated(),
            Reply::status(200).body("0123456789"),
        ]);
        let mut into = Vec::new();
        download(&Client::new(), &server.url("/"), &mut into).await.unwrap();
        assert_eq!((into.as_slice(), server.requests().len()), (b"0123456789".as_slice(), 2));
    }

    #[test]
    fn a_body_that_resumes_asks_for_the_rest() {
        let whole = "0123456789";
        let server = Server::new(move |n, request| {
            let from = request.headers["range"].to_str().unwrap();
            let from: usize = from.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap();
            let reply = Reply::status(if from == 0 { 200 } else { 206 }).body(&whole[from..]);
            if n == 0 { reply.truncated() } else { reply }
        });
        let mut into = Vec::new();
        resume(&reqwest::blocking::Client::new(), &server.url("/"), &mut into).unwrap();
        assert_eq!((into.as_slice(), server.requests().len()), (whole.as_bytes(), 2));
        assert_ne!(server.requests()[1].headers["range"], "bytes=0-", "what came was kept");
    }
}

mod requests {
    use super::*;
    use reqwest::{Body, Request, RequestBuilder};

    #[retry_http(base = 1ms)]
    async fn builder(builder: RequestBuilder) -> Answer {
        text(builder.header("x", "y").send().await?).await
    }

    #[retry_http(base = 1ms)]
    async fn mutable_builder(mut builder: RequestBuilder, name: &str) -> Answer {
        builder = builder.query(&[("name", name)]);
        text(builder.send().await?).await
    }

    #[retry_http(base = 1ms)]
    async fn request(http: &Client, request: Request) -> Answer {
        text(http.execute(request).await?).await
    }

    #[retry_http(base = 1ms)]
    async fn borrowed(builder: &RequestBuilder) -> Answer {
        text(builder.try_clone().expect("its body is no stream").send().await?).await
    }

    #[retry_http(base = 1ms)]
    fn blocking(builder: reqwest::blocking::RequestBuilder) -> Answer {
        builder.send()?.error_for_status()?.text()
    }

    /// Has a `Request` that is not reqwest's.
    mod own {
        use super::*;

        #[derive(Clone)]
        pub struct Request(pub String);

        #[retry_http(base = 1ms)]
        pub async fn send(http: &Client, request: Request) -> Answer {
            text(http.get(request.0).send().await?).await
        }
    }

    #[tokio::test]
    async fn a_request_is_cloned_for_each_attempt() {
        let http = Client::new();
        let server = recovering();
        assert_eq!(builder(http.get(server.url("/"))).await.unwrap(), "x");
        assert!(server.requests().iter().all(|request| request.headers["x"] == "y"));
        let server = recovering();
        assert_eq!(mutable_builder(http.get(server.url("/")), "a").await.unwrap(), "x");
        assert!(server.requests().iter().all(|request| request.path == "/?name=a"));
        let server = recovering();
        assert_eq!(request(&http, http.get(server.url("/")).build().unwrap()).await.unwrap(), "x");
        let server = recovering();
        assert_eq!(borrowed(&http.get(server.url("/"))).await.unwrap(), "x");
        let server = recovering();
        assert_eq!(own::send(&http, own::Request(server.url("/"))).await.unwrap(), "x");
    }

    #[test]
    fn a_blocking_request_is_cloned_for_each_attempt() {
        let server = recovering();
        let http = reqwest::blocking::Client::new();
        assert_eq!(blocking(http.get(server.url("/"))).unwrap(), "x");
    }

    #[retry_http(base = 1ms)]
    async fn multipart(http: &Client, url: &str, form: reqwest::multipart::Form) -> Answer {
        text(http.put(url).multipart(form).send().await?).await
    }

    #[retry_http(base = 1ms)]
    async fn part(http: &Client, url: &str, mut part: reqwest::multipart::Part) -> Answer {
        part = part.file_name("a");
        let form = reqwest::multipart::Form::new().part("x", part);
        text(http.put(url).multipart(form).send().await?).await
    }

    #[retry_http(base = 1ms)]
    fn blocking_multipart(url: &str, form: reqwest::blocking::multipart::Form) -> Answer {
        reqwest::blocking::Client::new().put(url).multipart(form).send()?.error_for_status()?.text()
    }

    mod own_form {
        use super::*;

        #[derive(Clone)]
        pub struct Form(pub String);

        #[retry_http(base = 1ms)]
        pub async fn send(http: &Client, form: Form) -> Answer {
            text(http.get(form.0).send().await?).await
        }
    }

    /// A form is never sent twice, since it cannot be cloned.
    #[tokio::test]
    async fn a_form_ends_the_call_with_the_first_outcome() {
        use reqwest::multipart::{Form, Part};

        let (http, server) = (Client::new(), recovering());
        let kit = testing::instant();
        let outcome = multipart(&http, &server.url("/"), Form::new().text("a", "b")).await;
        assert_eq!(outcome.unwrap_err().status().unwrap(), 503);
        assert_eq!(server.requests().len(), 1);
        let last = |event: &testing::Told| match event.step {
            retry_http::Step::End { stop, .. } => Some(stop),
            _ => None,
        };
        assert_eq!(kit.events().iter().find_map(last), Some(Stop::NotCloneable));
        assert_eq!(multipart(&http, &server.url("/"), Form::new().text("a", "b")).await.unwrap(), "x");
        let server = recovering();
        assert!(part(&http, &server.url("/"), Part::text("b")).await.is_err());
        assert_eq!(server.requests().len(), 1);
    }

    #[test]
    fn a_blocking_form_ends_the_call_with_the_first_outcome() {
        let server = recovering();
        let form = || reqwest::blocking::multipart::Form::new().text("a", "b");
        assert!(blocking_multipart(&server.url("/"), form()).is_err());
        assert_eq!(server.requests().len(), 1);
    }

    #[tokio::test]
    async fn a_form_of_ones_own_is_cloned() {
        let server = recovering();
        assert_eq!(own_form::send(&Client::new(), own_form::Form(server.url("/"))).await.unwrap(), "x");
    }

    #[tokio::test]
    async fn a_request_that_cannot_be_cloned_ends_the_call_with_the_first_outcome() {
        let stream = || {
            let pieces = ["abc", "def"].map(Ok::<_, std::io::Error>);
            Body::wrap_stream(futures::stream::iter(pieces))
        };
        let (http, server) = (Client::new(), recovering());
        let kit = testing::instant();
        let outcome = builder(http.put(server.url("/")).body(stream())).await;
        assert_eq!(outcome.unwrap_err().status().unwrap(), 503);
        assert_eq!(bodies(&server), [6]);
        assert!(
            kit.events()
                .iter()
                .any(|event| matches!(event.step, retry_http::Step::End { stop: Stop::NotCloneable, .. }))
        );
    }
}

mod fields {
    use super::*;

    /// Not `Clone`, but its fields are.
    struct Params {
        path: String,
        words: Vec<String>,
        limit: u32,
        inner: Inner,
    }

    struct Inner {
        name: String,
    }

    #[allow(clippy::needless_pass_by_value, reason = "that is the point")]
    fn url(base: &str, path: String, words: Vec<String>, limit: u32, name: String) -> String {
        format!("{base}{path}?words={}&limit={limit}&name={name}", words.join("+"))
    }

    #[retry_http(base = 1ms)]
    async fn search(http: &Client, base: &str, params: Params) -> Answer {
        let name = params.inner.name;
        let url = url(base, params.path, params.words, params.limit, name);
        text(http.get(url).send().await?).await
    }

    #[retry_http(base = 1ms)]
    async fn destructured(http: &Client, base: &str, Params { path, words, limit, inner }: Params) -> Answer {
        text(http.get(url(base, path, words, limit, inner.name)).send().await?).await
    }

    #[tokio::test]
    async fn a_field_that_is_moved_out_is_cloned() {
        let params = || Params {
            path: "/search".to_owned(),
            words: vec!["a".to_owned(), "b".to_owned()],
            limit: 7,
            inner: Inner { name: "n".to_owned() },
        };
        let server = recovering();
        assert_eq!(search(&Client::new(), &server.url(""), params()).await.unwrap(), "x");
        let server_too = recovering();
        assert_eq!(destructured(&Client::new(), &server_too.url(""), params()).await.unwrap(), "x");
        for request in server.requests().into_iter().chain(server_too.requests()) {
            assert_eq!(request.path, "/search?words=a+b&limit=7&name=n");
        }
    }

    #[tokio::test]
    async fn an_argument_that_is_only_known_to_be_serializable_is_lent() {
        #[derive(serde::Serialize)]
        struct NotClone {
            n: u32,
        }

        fn encode<T: serde::Serialize>(body: T) -> String {
            serde_json::to_string(&body).expect("it is JSON")
        }

        #[retry_http(base = 1ms)]
        async fn put<T: serde::Serialize + Sync>(http: &Client, url: &str, body: T) -> Answer {
            text(http.put(url).body(encode(body)).send().await?).await
        }

        let server = recovering();
        assert_eq!(put(&Client::new(), &server.url("/"), NotClone { n: 7 }).await.unwrap(), "x");
        assert!(server.requests().iter().all(|request| request.body == br#"{"n":7}"#));
    }
}

mod names {
    use super::*;

    #[retry_http(base = 1ms)]
    async fn r#async(http: &Client, r#type: String, mut r#in: String) -> Answer {
        r#in.push('x');
        let url = format!("{type}?{in}");
        drop(r#type);
        text(http.get(url).send().await?).await
    }

    /// `id` is not mentioned in `valid`, and `this` is no `self`.
    #[retry_http(base = 1ms)]
    async fn parts_of_words(http: &Client, url: &str, this: String, mut id: u32) -> Answer {
        let valid = format!("valid {this}");
        id += 1;
        assert_eq!((valid.as_str(), id), ("valid that", 1));
        drop(this);
        text(http.get(url).send().await?).await
    }

    #[tokio::test]
    async fn raw_names_and_parts_of_words_are_told_apart() {
        let server = recovering();
        assert_eq!(r#async(&Client::new(), server.url("/"), String::new()).await.unwrap(), "x");
        assert!(server.requests().iter().all(|request| request.path == "/?x"));
        let server = recovering();
        assert_eq!(
            parts_of_words(&Client::new(), &server.url("/"), "that".to_owned(), 0).await.unwrap(),
            "x"
        );
    }

    macro_rules! with_a_local {
        ($name:ident, $argument:ident) => {
            #[retry_http(base = 1ms)]
            async fn $name(http: &Client, $argument: String) -> Answer {
                // A local of the macro, which has the name of an argument.
                let url = format!("{}", $argument);
                text(http.get(url).send().await?).await
            }
        };
    }

    with_a_local!(hygienic, url);

    struct NotClone(String);

    fn take(value: NotClone) -> String {
        value.0
    }

    macro_rules! with_a_namesake {
        ($name:ident, $argument:ident: $kind:ty) => {
            #[retry_http(base = 1ms)]
            async fn $name(http: &Client, $argument: $kind) -> Answer {
                // These are locals of the macro, and the argument is another variable.
                let mut body = String::from("local");
                body.push('!');
                let value = NotClone(body);
                let body = take(value);
                text(http.put($argument.to_string()).body(body).body($argument).send().await?).await
            }
        };
    }

    with_a_namesake!(of_a_consumed_argument, body: String);
    with_a_namesake!(of_a_copied_argument, value: &'static str);

    macro_rules! with_an_unused_namesake {
        ($name:ident, $argument:ident: $kind:ty) => {
            #[expect(unused_variables, reason = "the argument is not what the body calls so")]
            #[retry_http(base = 1ms)]
            async fn $name(http: &Client, url: &str, $argument: $kind) -> Answer {
                let mut body = Vec::new();
                body.extend(b"local");
                text(http.put(url).body(body).send().await?).await
            }
        };
    }

    with_an_unused_namesake!(of_a_changed_argument, body: &mut u64);
    with_an_unused_namesake!(of_one_that_is_no_clone, body: NotClone);

    #[tokio::test]
    async fn a_local_of_a_macro_is_no_argument() {
        let http = Client::new();
        let server = recovering();
        assert_eq!(hygienic(&http, server.url("/")).await.unwrap(), "x");
        let server = recovering();
        assert_eq!(of_a_consumed_argument(&http, server.url("/")).await.unwrap(), "x");
        assert_eq!(bodies(&server), [server.url("/").len(); 2]);
        let server = recovering();
        let url = server.url("/").leak();
        assert_eq!(of_a_copied_argument(&http, url).await.unwrap(), "x");
        let server = recovering();
        assert_eq!(of_a_changed_argument(&http, &server.url("/"), &mut 0).await.unwrap(), "x");
        let server = recovering();
        let none = NotClone(String::new());
        assert_eq!(of_one_that_is_no_clone(&http, &server.url("/"), none).await.unwrap(), "x");
        assert_eq!(bodies(&server), [5, 5]);
    }
}

/// Covers code under a `#[cfg(..)]`: `test` holds here, `not(test)` never.
mod conditional {
    use super::*;

    struct NotClone(String);

    #[rustfmt::skip]
    #[retry_http(base = 1ms)]
    async fn parameters(
        http: &Client,
        #[cfg(test)] url: String,
        #[cfg(not(test))] url: &mut Vec<u8>,
        #[cfg(not(test))] absent: impl Read,
        #[cfg(test)] mut body: Vec<u8>,
    ) -> Answer {
        #[cfg(not(test))]
        std::io::copy(&mut absent, url);
        #[cfg(test)]
        body.push(b'!');
        text(http.put(url).body(body).send().await?).await
    }

    #[retry_http(base = 1ms)]
    async fn statements(http: &Client, url: String, value: NotClone, part: String) -> Answer {
        #[cfg(not(test))]
        let url = take(value);
        #[cfg(not(test))]
        http.execute(value).await;
        #[cfg(test)]
        let part = format!("{part}{}", value.0);
        text(http.put(url).body(part).send().await?).await
    }

    #[retry_http(base = 1ms)]
    async fn expressions(http: &Client, url: String, value: NotClone) -> Answer {
        let sum: usize = [
            1,
            #[cfg(not(test))]
            take(value).len(),
            #[cfg(test)]
            value.0.len(),
        ]
        .iter()
        .sum();
        let url = match sum {
            #[cfg(not(test))]
            3 => take(value),
            #[cfg(test)]
            _ => url,
        };
        #[cfg(not(test))]
        return text(http.get(take(value)).send().await?).await;
        #[cfg(test)]
        {
            text(http.put(url).body(vec![0; sum]).send().await?).await
        }
    }

    #[retry_http(base = 1ms)]
    async fn requests(http: &Client, url: &str, request: reqwest::Request) -> Answer {
        #[cfg(test)]
        text(http.execute(request).await?).await?;
        #[cfg(not(test))]
        http.execute(request).await;
        text(http.get(url).send().await?).await
    }

    /// A future that is returned under a condition, or early, is retried too.
    #[retry_http(base = 1ms)]
    fn futures(http: &Client, url: String, early: Option<u8>) -> impl Future<Output = Answer> {
        let http = http.clone();
        #[cfg(not(test))]
        {
            async move {}
        }
        #[cfg(test)]
        {
            async move {
                assert_eq!(early, None);
                text(http.get(url).send().await?).await
            }
        }
    }

    #[retry_http(base = 1ms)]
    fn early(http: &Client, url: String, early: bool) -> std::pin::Pin<Box<dyn Future<Output = Answer>>> {
        let http = http.clone();
        if early {
            return Box::pin(async move { text(http.get(url).send().await?).await });
        }
        Box::pin(async move { text(http.get(url).send().await?).await })
    }

    #[tokio::test]
    async fn code_under_a_condition_counts_only_where_it_holds() {
        let http = Client::new();
        let server = recovering();
        assert_eq!(parameters(&http, server.url("/"), vec![0; 6]).await.unwrap(), "x");
        assert_eq!(bodies(&server), [7, 7]);
        let server = recovering();
        let value = || NotClone("value".to_owned());
        assert_eq!(statements(&http, server.url("/"), value(), "part".to_owned()).await.unwrap(), "x");
        assert_eq!(bodies(&server), [9, 9]);
        let server = recovering();
        assert_eq!(expressions(&http, server.url("/"), value()).await.unwrap(), "x");
        assert_eq!(bodies(&server), [6, 6]);
        let server = Server::script([200, 503, 200, 200].map(|status| Reply::status(status).body("x")));
        let request = http.get(server.url("/")).build().unwrap();
        assert_eq!(requests(&http, &server.url("/"), request).await.unwrap(), "x");
        assert_eq!(server.requests().len(), 4);
        let server = recovering();
        assert_eq!(futures(&http, server.url("/"), None).await.unwrap(), "x");
        for is_early in [true, false] {
            let server = recovering();
            assert_eq!(early(&http, server.url("/"), is_early).await.unwrap(), "x");
        }
    }
}

/// Arguments that a macro takes apart.
mod patterns {
    use super::*;

    #[derive(Clone)]
    struct Parts {
        url: String,
        body: Vec<u8>,
    }

    macro_rules! parts {
        ($url:ident, $body:ident) => {
            Parts { url: $url, body: $body }
        };
        ($url:ident, mut $body:ident) => {
            Parts { url: $url, body: mut $body }
        };
    }

    #[retry_http(base = 1ms)]
    async fn plain(http: &Client, parts!(url, body): Parts) -> Answer {
        text(http.put(url).body(body).send().await?).await
    }

    #[retry_http(base = 1ms)]
    async fn nested(http: &Client, (parts!(url, mut body), more): (Parts, u8)) -> Answer {
        body.push(more);
        text(http.put(url).body(body).send().await?).await
    }

    #[retry_http(base = 1ms)]
    async fn borrowed(http: &Client, parts!(url, body): &Parts) -> Answer {
        text(http.put(url).body(body.clone()).send().await?).await
    }

    #[retry_http(base = 1ms)]
    fn blocking(http: &reqwest::blocking::Client, parts!(url, mut body): Parts) -> Answer {
        body.push(0);
        http.put(url).body(body).send()?.error_for_status()?.text()
    }

    #[tokio::test]
    async fn each_attempt_takes_them_apart() {
        let http = Client::new();
        let parts = |server: &Server| Parts { url: server.url("/"), body: vec![0; 3] };
        let server = recovering();
        assert_eq!(plain(&http, parts(&server)).await.unwrap(), "x");
        assert_eq!(bodies(&server), [3, 3]);
        let server = recovering();
        assert_eq!(nested(&http, (parts(&server), 7)).await.unwrap(), "x");
        assert_eq!(bodies(&server), [4, 4]);
        let server = recovering();
        assert_eq!(borrowed(&http, &parts(&server)).await.unwrap(), "x");
        assert_eq!(bodies(&server), [3, 3]);
    }

    #[test]
    fn each_blocking_attempt_takes_them_apart() {
        let server = recovering();
        let parts = Parts { url: server.url("/"), body: vec![0; 3] };
        assert_eq!(blocking(&reqwest::blocking::Client::new(), parts).unwrap(), "x");
        assert_eq!(bodies(&server), [4, 4]);
    }
}
