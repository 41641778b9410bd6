//! Servers on loopback that follow a script, and count the requests that reach them.

mod http2;
#[path = "../../../support/port.rs"]
mod port;
mod tcp;
mod tls;

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::fault::{Act, Certificate, Fault, Reach, Server};
use port::{Port, socket};
pub use tls::{certificate, install_provider};

/// The servers of a row, as long as they are needed.
pub struct Stage {
    here: Arc<Port>,
    there: Port,
    _nobody: Port,
    requests: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    server: Server,
    reach: Reach,
}

impl Stage {
    /// Starts the servers of `fault`.
    pub fn new(fault: &Fault) -> Self {
        let Fault { server, there: acts, reach, .. } = *fault;
        let (here, there, nobody) = (Arc::new(Port::new()), Port::new(), Port::new());
        let (requests, is_over) = (Arc::default(), Arc::default());
        let guide = Guide {
            here: here.number,
            there: there.number,
            nobody: nobody.number,
            requests: Arc::clone(&requests),
        };
        let stage = Self { here, there, _nobody: nobody, requests, is_over, server, reach };
        if !acts.is_empty() {
            let guide = guide.clone();
            stage.serve(listen(&stage.there), move |_, mut stream| tcp::follow(&mut stream, acts, &guide));
        }
        stage.start(guide);
        stage
    }

    fn start(&self, guide: Guide) {
        let nth = |scripts: &'static [&'static [Act]], n: usize| scripts[n.min(scripts.len() - 1)];
        match self.server {
            Server::Nobody | Server::Unknown | Server::Elsewhere(..) => {}
            Server::Tcp(scripts) => self.serve(listen(&self.here), move |n, mut stream| {
                tcp::follow(&mut stream, nth(scripts, n), &guide);
            }),
            Server::Tls(certificate, scripts) => self.serve(listen(&self.here), move |n, stream| {
                tcp::follow(&mut tls::accept(certificate, stream), nth(scripts, n), &guide);
            }),
            Server::Http2(answers) => self.serve(listen(&self.here), move |_, stream| {
                // Errors are expected: clients go away.
                let _gone = http2::serve(stream, answers, &guide.requests);
            }),
            Server::Restarts { before, down, after } => {
                let first = before.map(|script| (listen(&self.here), script));
                let (port, is_over) = (Arc::clone(&self.here), Arc::clone(&self.is_over));
                thread::spawn(move || {
                    if let Some((listener, script)) = first {
                        let (mut stream, _) = listener.accept().unwrap();
                        drop(listener);
                        tcp::follow(&mut stream, script, &guide);
                    }
                    thread::sleep(down);
                    accept(
                        &listen(&port),
                        &is_over,
                        &Arc::new(move |_, mut stream| {
                            tcp::follow(&mut stream, after, &guide);
                        }),
                    );
                });
            }
        }
    }

    /// Handles each connection on a thread of its own.
    fn serve(&self, listener: TcpListener, handle: impl Fn(usize, TcpStream) + Send + Sync + 'static) {
        let (handle, is_over) = (Arc::new(handle), Arc::clone(&self.is_over));
        thread::spawn(move || accept(&listener, &is_over, &handle));
    }

    /// The URL that the client is to ask for.
    pub fn url(&self) -> String {
        let port = self.here.number;
        match (self.reach, self.server) {
            (_, Server::Unknown) => "http://nobody.invalid/".to_owned(),
            (Reach::Http | Reach::Warm | Reach::Http2, _) => format!("http://127.0.0.1:{port}/"),
            (Reach::Https, _) => format!("https://localhost:{port}/"),
            (Reach::Proxy, _) => "http://origin.invalid/".to_owned(),
            (Reach::Tunnel, _) => "https://localhost:1/".to_owned(),
        }
    }

    /// The proxy that the client is to use.
    pub fn proxy(&self) -> Option<String> {
        let is_proxy = matches!(self.reach, Reach::Proxy | Reach::Tunnel);
        is_proxy.then(|| format!("http://127.0.0.1:{}", self.here.number))
    }

    /// The certificate that the client is to trust.
    pub fn trusted(&self) -> Certificate {
        match self.server {
            Server::Tls(Certificate::Untrusted, _) => Certificate::Right,
            Server::Tls(certificate, _) => certificate,
            _ => Certificate::Right,
        }
    }

    /// The number of requests so far.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        for port in [&*self.here, &self.there] {
            // Those that listen look up, and see that it is over.
            let _nobody = TcpStream::connect(("127.0.0.1", port.number));
        }
    }
}

/// Shared by the servers of a row and the test.
#[derive(Clone)]
struct Guide {
    here: u16,
    there: u16,
    nobody: u16,
    requests: Arc<AtomicUsize>,
}

impl Guide {
    /// Puts addresses into a text. `localhost` is another host than `127.0.0.1`.
    fn fill_in(&self, text: &str) -> String {
        text.replace("{here}", &format!("127.0.0.1:{}", self.here))
            .replace("{there}", &format!("localhost:{}", self.there))
            .replace("{nobody}", &format!("127.0.0.1:{}", self.nobody))
    }
}

/// Listens at a port that is kept.
fn listen(port: &Port) -> TcpListener {
    let socket = socket(port.number);
    socket.listen(128).unwrap();
    socket.into()
}

fn accept<H>(listener: &TcpListener, is_over: &AtomicBool, handle: &Arc<H>)
where
    H: Fn(usize, TcpStream) + Send + Sync + 'static,
{
    for (n, stream) in listener.incoming().flatten().enumerate() {
        if is_over.load(Ordering::SeqCst) {
            return;
        }
        // No script waits as long for a client that is there.
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let handle = Arc::clone(handle);
        thread::spawn(move || handle(n, stream));
    }
}
