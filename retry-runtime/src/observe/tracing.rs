//! Logs events by `tracing`: target `retry_http`, in the span of the caller.
//!
//! Fields have the names of OpenTelemetry's conventions for HTTP clients, or the prefix
//! `retry_http.` if the conventions have no name. A log is about the deciding request of an
//! attempt. `http.request.resend_count` is how often that request had been sent before; as the
//! conventions ask, it is left out for the first one, so a log and the span of the same request
//! agree. Methods and errors without a name are `_OTHER`.
//!
//! Levels say who should read a log:
//!
//! - **WARN**: somebody may have to act. Retries did not help and the call failed, or credentials
//!   cannot be renewed. At most one line a call, with the number of its attempts.
//! - **INFO**: explains why a call is late. Nobody has to act on a retry, but nothing else explains
//!   a call that took a minute.
//! - **DEBUG**: repeats facts that are known elsewhere. A failure that is not retried is the error
//!   that the caller gets; an upstream delays calls only after a refusal that was logged; an inner
//!   call that gave up has logged a WARN.
//!
//! Successes are not logged. Feature `metrics` counts them.

use http::Method;

use crate::engine::retry::Stop;
use crate::observe::{Event, Step};

/// Logs `event`.
pub(crate) fn log(event: &Event<'_>) {
    /// `tracing` fixes level and message for a place in the code, so every event has a place of its
    /// own.
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

/// Warns that the requests of `function` are not recorded.
pub(crate) fn warn_unrecorded(function: &'static str, unknown_sender: Option<&'static str>) {
    if let Some(sender) = unknown_sender {
        tracing::warn!(
            target: "retry_http",
            { code.function.name = function, retry_http.sender = sender },
            "this function sends by a type that is not known: its requests are not seen, and get no time limit. Turn on \
             the feature for that version of reqwest (`reqwest-0-13`, `reqwest-0-12`, `reqwest-middleware-0-5`; \
             `blocking` for its blocking types), or annotate the function that sends with \
             `#[retry_http(transparent)]`"
        );
    } else {
        tracing::warn!(
            target: "retry_http",
            { code.function.name = function },
            "no request of this function was seen: only what its error says is retried, not after the wait that the \
             server asks for, and no request gets a time limit. Annotate the function that sends with \
             `#[retry_http(transparent)]`"
        );
    }
}

fn resend_count(event: &Event<'_>) -> Option<u32> {
    Some(event.attempt.saturating_sub(1)).filter(|count| *count > 0)
}

/// Returns the name of a well-known method. Others are text of the user's, and may be secret.
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

/// Strips the brackets that an IPv6 address has in a URL.
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
    fn only_well_known_methods_are_logged() {
        assert_eq!(method(&Method::PATCH), "PATCH");
        assert_eq!(method(&Method::from_bytes(b"SECRET").unwrap()), "_OTHER");
        assert_eq!(without_brackets("[::1]"), "::1");
        assert_eq!(without_brackets("api.example.com"), "api.example.com");
    }
}
