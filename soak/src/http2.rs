//! A server of HTTP/2, without TLS, that breaks its answers.

use std::future::poll_fn;

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::Response;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::faults::Answer;
use crate::server::Server;

/// An end of the connection.
enum End {
    Close,
    GoAway,
    GoAwayAtOnce,
}

/// Answers the requests of a connection. Errors are expected: clients go away.
pub async fn serve(stream: TcpStream, server: &std::sync::Arc<Server>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    let (ends, mut end) = unbounded_channel();
    // They end with the connection.
    let mut answers = JoinSet::new();
    loop {
        tokio::select! {
            accepted = connection.accept() => {
                let Some(Ok((request, respond))) = accepted else { return };
                let (server, ends) = (std::sync::Arc::clone(server), ends.clone());
                answers.spawn(async move { _ = answer(&server, request, respond, &ends).await; });
            }
            Some(_) = answers.join_next() => {}
            Some(end) = end.recv() => match end {
                End::Close => return,
                End::GoAway => connection.graceful_shutdown(),
                End::GoAwayAtOnce => return go_away(&mut connection).await,
            },
        }
    }
}

/// Says that the connection ends, and does what it says.
async fn go_away(connection: &mut Connection<TcpStream, Bytes>) {
    connection.abrupt_shutdown(Reason::NO_ERROR);
    _ = poll_fn(|context| connection.poll_closed(context)).await;
}

/// Answers one request.
async fn answer(
    server: &Server,
    request: http::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    ends: &UnboundedSender<End>,
) -> Result<(), h2::Error> {
    let (parts, mut body) = request.into_parts();
    while let Some(bytes) = body.data().await {
        let length = bytes?.len();
        body.flow_control().release_capacity(length)?;
    }
    let request = server.request(parts.uri.path(), &parts.headers);
    // The connection may be gone, with all who would read this.
    let end = |end| _ = ends.send(end);
    match request.answer {
        Answer::Slow(by) => sleep(by).await,
        Answer::GoAway => end(End::GoAway),
        Answer::Status(..) | Answer::ResetInBody | Answer::CloseInBody => {}
        Answer::Close | Answer::GoAwayAtOnce => {
            end(if request.answer == Answer::Close { End::Close } else { End::GoAwayAtOnce });
            return Ok(());
        }
        Answer::Refused | Answer::Reset | Answer::ResetInHead => {
            let is_refused = request.answer == Answer::Refused;
            respond.send_reset(if is_refused { Reason::REFUSED_STREAM } else { Reason::INTERNAL_ERROR });
            return Ok(());
        }
    }
    let mut response = Response::builder();
    if let Answer::Status(status, wait) = request.answer {
        response = response.status(status);
        if let Some(wait) = wait {
            response = response.header("retry-after", wait.div_ceil(1000)).header("retry-after-ms", wait);
        }
    }
    let response = response.body(()).expect("a status");
    let mut stream = respond.send_response(response, false)?;
    let is_broken = matches!(request.answer, Answer::ResetInBody | Answer::CloseInBody);
    stream.send_data(Bytes::from(request.body.clone()), !is_broken)?;
    if is_broken {
        stream.send_reset(Reason::INTERNAL_ERROR);
    }
    Ok(())
}
