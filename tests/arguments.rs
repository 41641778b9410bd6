//! Arguments that an attempt changes, requests as arguments, fields that are moved out, and names
//! of all kinds.

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

/// The second attempt goes on with what the first one left, because `carry` says so.
mod carried_on {
    use std::fs::File;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, channel};

    use async_trait::async_trait;
    use futures::StreamExt;
    use futures::stream::BoxStream;

    use super::*;

    #[async_trait]
    trait Api {
        async fn counted(&self, url: &str, n: &mut u32) -> Answer;
        async fn named(&self, url: &str, (name, n): (String, &mut u32)) -> Answer;
    }

    #[retry_http(transparent)]
    async fn put(http: &Client, url: &str, body: impl Into<reqwest::Body>) -> Answer {
        text(http.put(url).body(body).send().await?).await
    }

    struct Annotated(Client);
    struct Above(Client);
    struct Below(Client);

    #[async_trait]
    impl Api for Annotated {
        #[retry_http(base = 1ms, carry = [n])]
        async fn counted(&self, url: &str, n: &mut u32) -> Answer {
            *n += 1;
            text(self.0.get(url).send().await?).await
        }

        #[retry_http(base = 1ms, carry = [n])]
        async fn named(&self, url: &str, (name, n): (String, &mut u32)) -> Answer {
            *n += 1;
            text(self.0.put(url).body(name).send().await?).await
        }
    }

    #[retry_http(base = 1ms, carry = [n])]
    #[async_trait]
    impl Api for Above {
        async fn counted(&self, url: &str, n: &mut u32) -> Answer {
            *n += 1;
            text(self.0.get(url).send().await?).await
        }

        async fn named(&self, url: &str, (name, n): (String, &mut u32)) -> Answer {
            *n += 1;
            text(self.0.put(url).body(name).send().await?).await
        }
    }

    #[async_trait]
    #[retry_http(base = 1ms, carry = [n])]
    impl Api for Below {
        async fn counted(&self, url: &str, n: &mut u32) -> Answer {
            *n += 1;
            text(self.0.get(url).send().await?).await
        }

        async fn named(&self, url: &str, (name, n): (String, &mut u32)) -> Answer {
            *n += 1;
            text(self.0.put(url).body(name).send().await?).await
        }
    }

    #[tokio::test]
    async fn a_method_of_an_async_trait_is_told_of_what_it_carries() {
        let apis: [&dyn Api; 3] = [&Annotated(Client::new()), &Above(Client::new()), &Below(Client::new())];
        for api in apis {
            let (mut n, server) = (0, recovering());
            assert_eq!(api.counted(&server.url("/"), &mut n).await.unwrap(), "x");
            assert_eq!((n, server.requests().len()), (2, 2));
            let server = recovering();
            assert_eq!(api.named(&server.url("/"), ("name".to_owned(), &mut n)).await.unwrap(), "x");
            assert_eq!((n, bodies(&server)), (4, vec![4, 4]));
        }
    }

    #[retry_http(base = 1ms, carry = [file])]
    async fn upload(http: &Client, url: &str, mut file: File) -> Answer {
        let mut bytes = Vec::new();
        file.rewind().expect("it seeks");
        file.read_to_end(&mut bytes).expect("it reads");
        put(http, url, bytes).await
    }

    #[retry_http(base = 1ms, carry = [file])]
    fn upload_shared(http: &reqwest::blocking::Client, url: &str, file: Arc<File>) -> Answer {
        let (mut bytes, mut reader) = (Vec::new(), &*file);
        reader.rewind().expect("it seeks");
        reader.read_to_end(&mut bytes).expect("it reads");
        drop(file);
        http.put(url).body(bytes).send()?.error_for_status()?.text()
    }

    #[retry_http(base = 1ms, carry = [file])]
    async fn upload_perhaps(http: &Client, url: &str, file: Option<&File>) -> Answer {
        let mut bytes = Vec::new();
        if let Some(mut file) = file {
            file.rewind().expect("it seeks");
            file.read_to_end(&mut bytes).expect("it reads");
        }
        put(http, url, bytes).await
    }

    #[retry_http(base = 1ms, carry = [data])]
    async fn upload_any(http: &Client, url: &str, mut data: impl Read + Seek) -> Answer {
        let mut bytes = Vec::new();
        data.rewind().expect("it seeks");
        data.read_to_end(&mut bytes).expect("it reads");
        put(http, url, bytes).await
    }

    #[retry_http(base = 1ms, carry = [pieces])]
    async fn upload_boxed(http: &Client, url: &str, mut pieces: Box<dyn Read + Send + Sync>) -> Answer {
        let mut piece = vec![0; 3];
        let read = pieces.read(&mut piece).expect("it reads");
        piece.truncate(read);
        put(http, url, piece).await
    }

    #[retry_http(base = 1ms, carry = [jobs])]
    async fn next_job(http: &Client, url: &str, jobs: Receiver<String>) -> Answer {
        let job = jobs.recv().expect("there is one");
        put(http, url, job).await
    }

    #[retry_http(base = 1ms, carry = [names])]
    async fn next_name(http: &Client, url: &str, names: Box<dyn Iterator<Item = String> + Send>) -> Answer {
        let first: String = names.take(1).collect();
        put(http, url, first).await
    }

    #[retry_http(base = 1ms, carry = [names])]
    async fn next_of_stream(http: &Client, url: &str, mut names: BoxStream<'static, String>) -> Answer {
        let name = names.next().await.unwrap_or_default();
        put(http, url, name).await
    }

    #[tokio::test]
    async fn a_stream_that_is_owned_goes_on() {
        let path = std::env::temp_dir().join(format!("retry-http-{}", std::process::id()));
        std::fs::write(&path, [7; 10]).unwrap();
        let (http, file) = (Client::new(), || File::open(&path).unwrap());
        let server = recovering();
        assert_eq!(upload(&http, &server.url("/"), file()).await.unwrap(), "x");
        assert_eq!(bodies(&server), [10, 10]);
        let server = recovering();
        assert_eq!(upload_perhaps(&http, &server.url("/"), Some(&file())).await.unwrap(), "x");
        assert_eq!(bodies(&server), [10, 10]);
        let server = recovering();
        let url = server.url("/");
        let shared = Arc::new(file());
        let blocking = move || upload_shared(&reqwest::blocking::Client::new(), &url, shared);
        assert_eq!(tokio::task::spawn_blocking(blocking).await.unwrap().unwrap(), "x");
        assert_eq!(bodies(&server), [10, 10]);
        std::fs::remove_file(&path).unwrap();

        let server = recovering();
        assert_eq!(upload_any(&http, &server.url("/"), std::io::Cursor::new([7; 9])).await.unwrap(), "x");
        assert_eq!(bodies(&server), [9, 9]);
        let server = recovering();
        assert_eq!(upload_boxed(&http, &server.url("/"), Box::new(&[7; 5][..])).await.unwrap(), "x");
        assert_eq!(bodies(&server), [3, 2]);
        let (server, names) = (recovering(), ["a".to_owned(), "bc".to_owned()]);
        let (sender, jobs) = channel();
        for name in &names {
            sender.send(name.clone()).unwrap();
        }
        assert_eq!(next_job(&http, &server.url("/"), jobs).await.unwrap(), "x");
        assert_eq!(bodies(&server), [1, 2]);
        let server = recovering();
        let iterator = Box::new(names.clone().into_iter());
        assert_eq!(next_name(&http, &server.url("/"), iterator).await.unwrap(), "x");
        assert_eq!(bodies(&server), [1, 2]);
        let server = recovering();
        let stream = futures::stream::iter(names).boxed();
        assert_eq!(next_of_stream(&http, &server.url("/"), stream).await.unwrap(), "x");
        assert_eq!(bodies(&server), [1, 2]);
    }

    #[derive(Default)]
    struct Counter {
        n: u32,
        name: String,
    }

    #[retry_http(base = 1ms, carry = [n])]
    async fn in_a_struct(http: &Client, url: &str, Counter { n, .. }: &mut Counter) -> Answer {
        *n += 1;
        put(http, url, n.to_string()).await
    }

    #[retry_http(base = 1ms, carry = [n])]
    async fn in_a_tuple(http: &Client, url: &str, (name, n): (String, &mut u32)) -> Answer {
        *n += 1;
        put(http, url, name).await
    }

    #[retry_http(base = 1ms, carry = [last])]
    async fn in_an_array(http: &Client, url: &str, [.., last]: &mut [String; 2]) -> Answer {
        last.push('x');
        put(http, url, last.clone()).await
    }

    #[retry_http(base = 1ms, carry = [counter])]
    #[expect(clippy::toplevel_ref_arg, reason = "the pattern is what is tested")]
    async fn by_reference(http: &Client, url: &str, ref mut counter: Counter) -> Answer {
        counter.n += 1;
        put(http, url, vec![0; counter.n as usize]).await
    }

    macro_rules! same {
        ($name:ident) => {
            $name
        };
    }

    #[retry_http(base = 1ms, carry = [n])]
    async fn by_a_macro(http: &Client, url: &str, same!(n): &mut u32) -> Answer {
        *n += 1;
        put(http, url, "name").await
    }

    #[retry_http(base = 1ms, carry = [n])]
    async fn in_a_tuple_by_a_macro(http: &Client, url: &str, (name, same!(n)): (String, &mut u32)) -> Answer {
        *n += 1;
        put(http, url, name).await
    }

    #[tokio::test]
    async fn a_part_of_an_argument_goes_on() {
        let http = Client::new();
        let (mut counter, server) = (Counter::default(), recovering());
        assert_eq!(in_a_struct(&http, &server.url("/"), &mut counter).await.unwrap(), "x");
        assert_eq!((counter.n, counter.name.len(), server.requests().len()), (2, 0, 2));
        let (mut n, server) = (0, recovering());
        assert_eq!(in_a_tuple(&http, &server.url("/"), ("name".to_owned(), &mut n)).await.unwrap(), "x");
        assert_eq!((n, bodies(&server)), (2, vec![4, 4]));
        let server = recovering();
        assert_eq!(in_an_array(&http, &server.url("/"), &mut Default::default()).await.unwrap(), "x");
        assert_eq!(bodies(&server), [1, 2]);
        let server = recovering();
        assert_eq!(by_reference(&http, &server.url("/"), Counter::default()).await.unwrap(), "x");
        assert_eq!(bodies(&server), [1, 2]);
        let server = recovering();
        assert_eq!(by_a_macro(&http, &server.url("/"), &mut n).await.unwrap(), "x");
        assert_eq!((n, bodies(&server)), (4, vec![4, 4]));
        let (server, name) = (recovering(), "name".to_owned());
        assert_eq!(in_a_tuple_by_a_macro(&http, &server.url("/"), (name, &mut n)).await.unwrap(), "x");
        assert_eq!((n, bodies(&server)), (6, vec![4, 4]));
    }

    #[retry_http(base = 1ms, carry = [n])]
    async fn optional(http: &Client, url: &str, n: Option<&mut u32>) -> Answer {
        if let Some(n) = n {
            *n += 1;
        }
        put(http, url, "name").await
    }

    #[retry_http(base = 1ms, carry = [n])]
    async fn optional_mut(http: &Client, url: &str, mut n: Option<&mut u32>) -> Answer {
        if let Some(n) = n.as_mut() {
            **n += 1;
        }
        put(http, url, "name").await
    }

    #[retry_http(base = 1ms, carry = [n])]
    async fn pinned(http: &Client, url: &str, n: Pin<&mut u32>) -> Answer {
        *n.get_mut() += 1;
        put(http, url, "name").await
    }

    #[retry_http(base = 1ms, carry = [n])]
    async fn paired(http: &Client, url: &str, n: (String, &mut u32)) -> Answer {
        let (name, n) = n;
        *n += 1;
        put(http, url, name).await
    }

    #[retry_http(base = 1ms, carry = [both])]
    async fn several(http: &Client, url: &str, both: [Option<&mut u32>; 2]) -> Answer {
        for n in both.into_iter().flatten() {
            *n += 1;
        }
        put(http, url, "name").await
    }

    /// A `&mut [u8]` that is written to moves on, and each attempt starts anew.
    #[retry_http(base = 1ms, carry = [into])]
    async fn download(http: &Client, url: &str, mut into: &mut [u8]) -> reqwest::Result<()> {
        let bytes = http.get(url).send().await?.error_for_status()?.bytes().await?;
        std::io::copy(&mut &bytes[..], &mut into).expect("there is room");
        Ok(())
    }

    type Alias<'a> = &'a mut u32;

    /// A type that borrows uniquely, which its name does not show.
    struct Context<'a> {
        n: &'a mut u32,
        name: String,
    }

    #[retry_http(base = 1ms, carry = [context, n])]
    async fn hidden(http: &Client, url: &str, context: Context<'_>, n: Alias<'_>) -> Answer {
        *context.n += 1;
        *n += 1;
        put(http, url, context.name.clone()).await
    }

    #[tokio::test]
    async fn a_unique_reference_that_is_not_seen_goes_on() {
        let (mut n, mut other, server) = (0, 0, recovering());
        let context = Context { n: &mut n, name: "name".to_owned() };
        assert_eq!(hidden(&Client::new(), &server.url("/"), context, &mut other).await.unwrap(), "x");
        assert_eq!((n, other, bodies(&server)), (2, 2, vec![4, 4]));
    }

    #[tokio::test]
    async fn a_unique_reference_in_another_type_goes_on() {
        let http = Client::new();
        let (mut n, mut other) = (0, 0);
        let server = recovering();
        assert_eq!(optional(&http, &server.url("/"), Some(&mut n)).await.unwrap(), "x");
        let server = recovering();
        assert_eq!(optional_mut(&http, &server.url("/"), Some(&mut n)).await.unwrap(), "x");
        let server = recovering();
        assert_eq!(pinned(&http, &server.url("/"), Pin::new(&mut n)).await.unwrap(), "x");
        let server = recovering();
        assert_eq!(paired(&http, &server.url("/"), ("name".to_owned(), &mut n)).await.unwrap(), "x");
        assert_eq!(bodies(&server), [4, 4]);
        let server = recovering();
        assert_eq!(several(&http, &server.url("/"), [Some(&mut n), Some(&mut other)]).await.unwrap(), "x");
        assert_eq!((n, other), (10, 2));
        let server =
            Server::script([Reply::status(200).body("ab").truncated(), Reply::status(200).body("ab")]);
        let mut into = [0; 2];
        download(&http, &server.url("/"), &mut into).await.unwrap();
        assert_eq!((&into, server.requests().len()), (b"ab", 2));
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

    struct Job {
        request: RequestBuilder,
        body: String,
    }

    #[retry_http(base = 1ms)]
    async fn in_a_struct(Job { request, body }: Job) -> Answer {
        text(request.body(body).send().await?).await
    }

    #[retry_http(base = 1ms)]
    fn before_a_block(http: &Client, url: &str) -> impl Future<Output = Answer> {
        let request = http.put(url).body("before");
        async move { text(request.send().await?).await }
    }

    #[tokio::test]
    async fn a_request_that_is_a_part_of_an_argument_is_cloned() {
        let (http, server) = (Client::new(), recovering());
        let job = Job { request: http.put(server.url("/")), body: "body".to_owned() };
        assert_eq!(in_a_struct(job).await.unwrap(), "x");
        assert_eq!(bodies(&server), [4, 4]);
        let server = recovering();
        assert_eq!(before_a_block(&http, &server.url("/")).await.unwrap(), "x");
        assert_eq!(bodies(&server), [6, 6]);
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
        let last = |event: &testing::RecordedEvent| match event.step {
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

    /// Not `Clone`.
    struct Page {
        cursor: Option<String>,
        size: u32,
    }

    #[retry_http(base = 1ms)]
    async fn page(http: &Client, url: &str, page: Page) -> Answer {
        let mut request = http.put(url).header("size", page.size);
        if let Some(cursor) = page.cursor {
            request = request.body(cursor);
        }
        text(request.send().await?).await
    }

    #[retry_http(base = 1ms)]
    async fn matched(http: &Client, url: &str, page: Page) -> Answer {
        let request = match page.cursor {
            Some(cursor) if page.size > 0 => http.put(url).body(cursor),
            _ => http.get(url),
        };
        text(request.send().await?).await
    }

    #[retry_http(base = 1ms)]
    fn or_else(http: &reqwest::blocking::Client, url: &str, page: Page) -> Answer {
        let Some(cursor) = page.cursor else { return Ok(String::new()) };
        http.put(url).body(cursor).send()?.error_for_status()?.text()
    }

    #[tokio::test]
    async fn a_field_that_is_taken_apart_is_cloned() {
        let (http, cursor) = (Client::new(), || Page { cursor: Some("cursor".to_owned()), size: 1 });
        let server = recovering();
        assert_eq!(page(&http, &server.url("/"), cursor()).await.unwrap(), "x");
        assert_eq!(bodies(&server), [6, 6]);
        let server = recovering();
        assert_eq!(matched(&http, &server.url("/"), cursor()).await.unwrap(), "x");
        assert_eq!(bodies(&server), [6, 6]);
    }

    #[test]
    fn a_field_that_is_taken_apart_in_a_blocking_function_is_cloned() {
        let server = recovering();
        let page = Page { cursor: Some("cursor".to_owned()), size: 1 };
        assert_eq!(or_else(&reqwest::blocking::Client::new(), &server.url("/"), page).unwrap(), "x");
        assert_eq!(bodies(&server), [6, 6]);
    }

    #[derive(Clone)]
    struct Call {
        http: Client,
        url: String,
        body: Option<String>,
    }

    impl Call {
        fn url(&self) -> String {
            self.url.clone()
        }

        #[retry_http(base = 1ms)]
        fn future(self) -> impl Future<Output = Answer> {
            let url = self.url();
            async move { text(self.http.put(url).body(self.body.unwrap_or_default()).send().await?).await }
        }

        #[retry_http(base = 1ms)]
        fn boxed(self) -> std::pin::Pin<Box<dyn Future<Output = Answer> + Send>> {
            Box::pin(async move {
                let mut request = self.http.put(self.url);
                if let Some(body) = self.body {
                    request = request.body(body);
                }
                text(request.send().await?).await
            })
        }

        #[retry_http(base = 1ms)]
        fn changed(mut self) -> impl Future<Output = Answer> {
            self.url.push('a');
            async move {
                self.url.push('b');
                text(self.http.get(&self.url).send().await?).await
            }
        }

        /// The part that is moved before the block is not the block's.
        #[retry_http(base = 1ms)]
        fn in_parts(self) -> impl Future<Output = Answer> {
            let url = self.url;
            async move { text(self.http.get(url).send().await?).await }
        }

        #[retry_http(base = 1ms, max = 2, retry_if = |_| self.body.is_none())]
        #[expect(clippy::manual_async_fn, reason = "the form is what is tested")]
        fn asked(self) -> impl Future<Output = Answer> {
            async move { text(self.http.get(self.url).send().await?).await }
        }
    }

    #[async_trait::async_trait]
    trait Sent: Sized {
        async fn sent(self) -> Answer;
    }

    #[async_trait::async_trait]
    impl Sent for Call {
        #[retry_http(base = 1ms)]
        async fn sent(mut self) -> Answer {
            let body = self.body.take().unwrap_or_default();
            text(self.http.put(self.url).body(body).send().await?).await
        }
    }

    #[tokio::test]
    async fn a_receiver_is_cloned_in_a_future_that_takes_it() {
        let call = |server: &Server| Call {
            http: Client::new(),
            url: server.url("/"),
            body: Some("body".to_owned()),
        };
        let server = recovering();
        assert_eq!(call(&server).future().await.unwrap(), "x");
        assert_eq!(bodies(&server), [4, 4]);
        let server = recovering();
        assert_eq!(call(&server).boxed().await.unwrap(), "x");
        assert_eq!(bodies(&server), [4, 4]);
        let server = recovering();
        assert_eq!(call(&server).changed().await.unwrap(), "x");
        assert!(server.requests().iter().all(|request| request.path == "/ab"));
        let server = recovering();
        assert_eq!(call(&server).in_parts().await.unwrap(), "x");
        assert_eq!(bodies(&server), [0, 0]);
        let server = recovering();
        assert_eq!(Call { body: None, ..call(&server) }.asked().await.unwrap(), "x");
        let server = recovering();
        assert_eq!(call(&server).sent().await.unwrap(), "x");
        assert_eq!(bodies(&server), [4, 4]);
    }

    /// A value that is lent where it cannot be cloned.
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

/// A `self` that is taken by value, and named in formats.
mod formats_of_self {
    use super::*;

    #[derive(Clone, Debug)]
    struct Job {
        url: String,
    }

    impl Job {
        #[retry_http(base = 1ms)]
        async fn run(self, http: &Client) -> Result<String, String> {
            println!("{self:?}");
            assert!(!self.url.is_empty(), "{self:?} has no URL: {{self}}");
            let name = format!("{self:?} {}", self.url.len());
            let Self { url } = self;
            let response = http.get(url).send().await.map_err(|error| format!("{name}: {error}"))?;
            response.error_for_status().map(|_| name).map_err(|error| error.to_string())
        }

        #[retry_http(base = 1ms)]
        fn run_blocking(self, http: &reqwest::blocking::Client) -> reqwest::Result<String> {
            let text = [format!("{self:?}")];
            http.get(self.url).send()?.error_for_status()?;
            Ok(text.concat())
        }
    }

    #[tokio::test]
    async fn are_those_of_the_argument() {
        let server = Server::script([Reply::status(503), Reply::status(200)]);
        let job = Job { url: server.url("/") };
        let expected = format!("{job:?} {}", job.url.len());
        assert_eq!(job.run(&Client::new()).await.unwrap(), expected);
        assert_eq!(server.requests().len(), 2);
    }

    #[test]
    fn are_those_of_the_argument_of_a_sync_function() {
        let server = Server::script([Reply::status(503), Reply::status(200)]);
        let job = Job { url: server.url("/") };
        let expected = format!("{job:?}");
        assert_eq!(job.run_blocking(&reqwest::blocking::Client::new()).unwrap(), expected);
        assert_eq!(server.requests().len(), 2);
    }
}
