//! Events as logs, by `tracing`: target `retry_http`, in the span of the caller.
//!
//! What a field is called is by OpenTelemetry's conventions for HTTP clients, and by the prefix `retry_http.` where they
//! have no name for it. All that a log tells is about the request of the attempt that it is of, so
//! `http.request.resend_count` is how often that had been sent before, and is left out, as the conventions want it,
//! where it is the first; a log and the span of the same request agree. Of a method and an error without a name they
//! have `_OTHER`.
//!
//! A level says who should know. **WARN**: somebody may have to act. What is retried for good reasons, so it has done
//! no good, and a call has failed; or credentials cannot be renewed. One line a call, at most, with the number of its
//! attempts. **INFO**: the call is late, and this is why. A retry is nothing to act on, that is what it is for, but it is
//! all there is to explain a call that took a minute. **DEBUG**: nothing that the caller is not told. A failure that
//! is not retried is its own error; that a call is held back by its upstream follows from a refusal that was logged; one
//! that an inner call gave up on has its WARN already. Of what succeeds nothing is said; count it, by feature `metrics`.

use http::Method;

use crate::engine::retry::Stop;
use crate::observe::{Event, Step};

/// Logs `event`.
pub(crate) fn log(event: &Event<'_>) {
    /// A level and a message belong to the place in the code, so each has its own.
    macro_rules! log {
        ($level:ident, $message:literal $(, $field:ident = $value:expr)?) => {
            tracing::event!(
                target: "retry_http",
                tracing::Level::$level,
                {
                    code.function.name = event.function,
                    http.request.method = event.method.map(method),
                    http.request.resend_count = resend_count(event),
                    http.response.status_code = event.status.map(|status| status.as_u16()),
                    server.address = event.host.map(without_brackets),
                    error.type = error_type(event),
                    retry_http.attempt = event.attempt,
                    retry_http.hint_seconds = event.hint.map(|hint| hint.as_secs_f64()),
                    retry_http.hint_header = event.hint_header,
                    $(retry_http.$field = $value,)?
                },
                $message
            )
        };
    }

    match event.step {
        Step::Retry { wait } => {
            log!(INFO, "an attempt failed, another one follows", wait_seconds = wait.as_secs_f64());
        }
        Step::Held { wait } => log!(DEBUG, "held back by its upstream", wait_seconds = wait.as_secs_f64()),
        Step::Renewed { succeeded: true } => log!(DEBUG, "credentials were renewed, another attempt follows"),
        Step::Renewed { succeeded: false } => log!(WARN, "credentials could not be renewed"),
        Step::End { stop: stop @ Stop::Settled, .. } => {
            log!(DEBUG, "failed, after an inner call decided about it", stop = stop.name());
        }
        Step::End { stop, .. } if stop.gave_up() => log!(WARN, "gave up", stop = stop.name()),
        Step::End { stop, succeeded: false } => log!(DEBUG, "failed, not to be retried", stop = stop.name()),
        Step::End { succeeded: true, .. } => {}
    }
}

/// Warns that the requests of `function` are not seen.
pub(crate) fn warn_unseen(function: &'static str, unknown_sender: Option<&'static str>) {
    if let Some(sender) = unknown_sender {
        tracing::warn!(
            target: "retry_http",
            { code.function.name = function, retry_http.sender = sender },
            "this function sends by a type that is not known: its requests are neither seen nor bounded. Turn on the \
             feature of that reqwest (`reqwest-0-13`, `reqwest-0-12`, `reqwest-middleware-0-5`; `blocking` for its \
             blocking types), or annotate the function that sends by reqwest with `#[retry_http(transparent)]`"
        );
    } else {
        tracing::warn!(
            target: "retry_http",
            { code.function.name = function },
            "no request of this function was seen: nothing is retried but what its error says, and no request is \
             bounded. Annotate the function that sends with `#[retry_http(transparent)]`"
        );
    }
}

fn resend_count(event: &Event<'_>) -> Option<u32> {
    Some(event.attempt.saturating_sub(1)).filter(|count| *count > 0)
}

/// Methods are text of the user's, of which only those are told that everybody knows.
fn method(method: &Method) -> &str {
    const KNOWN: [Method; 9] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::CONNECT,
        Method::OPTIONS,
        Method::TRACE,
        Method::PATCH,
    ];
    if KNOWN.contains(method) { method.as_str() } else { "_OTHER" }
}

/// An IPv6 address has brackets in a URL alone.
fn without_brackets(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}

fn error_type<'e>(event: &'e Event<'_>) -> Option<&'e str> {
    let failed = matches!(event.step, Step::End { succeeded: false, .. });
    event.error_type().or(failed.then_some("_OTHER"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_knows_is_told_and_nothing_else() {
        assert_eq!(method(&Method::PATCH), "PATCH");
        assert_eq!(method(&Method::from_bytes(b"SECRET").unwrap()), "_OTHER");
        assert_eq!(without_brackets("[::1]"), "::1");
        assert_eq!(without_brackets("api.example.com"), "api.example.com");
    }
}
