//! Stripe: `Idempotency-Key`, a 409 to a repeat, and `Stripe-Should-Retry`.
//!
//! Stripe does a POST with a key once. It saves the answer, also that of a 500, and gives it again
//! to a repeat. A repeat that comes while the first request is being worked on gets a 409. The
//! header `Stripe-Should-Retry` says whether to repeat, if Stripe knows better than the status.
//!
//! Pages: <https://docs.stripe.com/api/idempotent_requests>,
//! <https://docs.stripe.com/error-low-level>, <https://docs.stripe.com/rate-limits>.

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use retry_http::retry_http;
use serde::Deserialize;

/// A payment.
#[derive(Debug, Deserialize)]
pub struct PaymentIntent {
    /// The id, such as `pi_3MtwBwLkdIwHu7ix28a3tqPa`.
    pub id: String,
    /// The status, such as `requires_payment_method`.
    pub status: String,
}

/// A client of Stripe.
#[derive(Debug)]
pub struct Stripe {
    http: Client,
    api: String,
    key: String,
}

impl Stripe {
    /// Makes a client. `api` is `https://api.stripe.com/v1` but in tests.
    pub fn new(api: String, key: String) -> Self {
        Self { http: Client::new(), api, key }
    }
}

#[retry_http(timeout = 80s)]
impl Stripe {
    #[retry_http(transparent)]
    async fn send(&self, request: RequestBuilder) -> Result<PaymentIntent, StripeError> {
        let response = request.basic_auth(&self.key, None::<&str>).send().await?;
        if response.status().is_success() {
            Ok(response.json().await?)
        } else {
            Err(StripeError::read(response).await)
        }
    }

    /// Begins a payment.
    ///
    /// # Errors
    ///
    /// Fails if Stripe does not answer, or refuses the payment.
    #[retry_http(idempotency_key)]
    pub async fn pay(&self, amount: u64, currency: &str) -> Result<PaymentIntent, StripeError> {
        let request = self.http.post(format!("{}/payment_intents", self.api));
        self.send(request.form(&[("amount", &*amount.to_string()), ("currency", currency)])).await
    }

    /// Returns a payment.
    ///
    /// # Errors
    ///
    /// Fails if Stripe does not answer, or does not know the payment.
    pub async fn payment(&self, id: &str) -> Result<PaymentIntent, StripeError> {
        self.send(self.http.get(format!("{}/payment_intents/{id}", self.api))).await
    }
}

/// A call of Stripe that has failed. Its requests are seen, so it need not tell of them.
#[derive(Debug, thiserror::Error)]
pub enum StripeError {
    /// There was no answer, or it could not be read.
    #[error("no answer from Stripe")]
    Http(#[from] reqwest::Error),
    /// Stripe has refused the request.
    #[error("{status}: {message}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// The code, such as `card_declined`.
        code: Option<String>,
        /// The message.
        message: String,
    },
}

impl StripeError {
    async fn read(response: Response) -> Self {
        #[derive(Deserialize)]
        struct Body {
            error: Details,
        }
        #[derive(Deserialize)]
        struct Details {
            code: Option<String>,
            message: String,
        }

        let status = response.status();
        match response.json().await {
            Ok(Body { error: Details { code, message } }) => Self::Refused { status, code, message },
            Err(error) => Self::Refused { status, code: None, message: error.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{header, json, kit, seconds, stop};
    use retry_http::Stop;
    use retry_http::testing::server::{Reply, Server};
    use std::collections::HashSet;
    use std::sync::Mutex;

    fn stripe(server: &Server) -> Stripe {
        Stripe::new(server.url("/v1"), String::from("sk_test_x"))
    }

    fn payment() -> Reply {
        json(200, r#"{"id":"pi_1","object":"payment_intent","status":"requires_payment_method"}"#)
    }

    fn in_progress() -> Reply {
        let body = r#"{"error":{"type":"idempotency_error","message":"There is currently another in-progress request using this key."}}"#;
        json(409, body).header("stripe-should-retry", "true")
    }

    fn failed() -> Reply {
        json(500, r#"{"error":{"type":"api_error","message":"Sorry"}}"#)
    }

    #[tokio::test]
    async fn a_payment_is_made_once() {
        // The first answer is lost, the repeat comes too early, and the next one gets the answer.
        let server = Server::script([
            Reply::reset(),
            in_progress(),
            payment().header("idempotent-replayed", "true"),
            payment(),
        ]);
        let (kit, stripe) = (kit(), stripe(&server));
        assert_eq!(stripe.pay(2000, "usd").await.unwrap().id, "pi_1");
        assert_eq!(seconds(&kit), [1, 2]);
        assert!(server.requests().iter().all(|request| request.body == b"amount=2000&currency=usd"));

        // The next payment has another key.
        stripe.pay(2000, "usd").await.unwrap();
        let requests = server.requests();
        let keys: Vec<_> = requests.iter().map(|request| header(request, "idempotency-key")).collect();
        assert!(keys[..3].iter().all(|key| *key == keys[0] && key.len() == 36), "{keys:?}");
        assert_ne!(keys[3], keys[0]);
    }

    #[tokio::test]
    async fn a_server_that_keeps_keys_does_the_payment_once() {
        let done = Mutex::new(HashSet::new());
        let server = Server::new(move |_, request| {
            // The answer to the first request with a key is lost.
            let is_new = done.lock().unwrap().insert(header(request, "idempotency-key").to_owned());
            if is_new { Reply::hang_up() } else { payment().header("idempotent-replayed", "true") }
        });
        let (_kit, stripe) = (kit(), stripe(&server));
        for _ in 0..3 {
            stripe.pay(2000, "usd").await.unwrap();
        }
        assert_eq!(server.requests().len(), 6); // three new keys, and a repeat of each
    }

    #[tokio::test]
    async fn the_header_of_stripe_counts() {
        let server = Server::script([failed().header("stripe-should-retry", "false")]);
        let kit = kit();
        stripe(&server).pay(2000, "usd").await.unwrap_err();
        assert_eq!((kit.attempts(), stop(&kit)), (1, Stop::NotRetryable)); // the saved answer is final

        let server = Server::script([failed(), payment()]);
        stripe(&server).pay(2000, "usd").await.unwrap();
        assert_eq!(server.requests().len(), 2);

        // A 409 to a first request is a conflict like any other, unless Stripe says otherwise.
        let server = Server::script([in_progress(), payment()]);
        stripe(&server).pay(2000, "usd").await.unwrap();
        assert_eq!(server.requests().len(), 2);
        let server = Server::script([json(409, r#"{"error":{"message":"Conflict"}}"#)]);
        stripe(&server).pay(2000, "usd").await.unwrap_err();
        assert_eq!(server.requests().len(), 1);
    }

    #[tokio::test]
    async fn a_card_that_is_declined_is_not_tried_again() {
        let body =
            r#"{"error":{"type":"card_error","code":"card_declined","message":"Your card was declined."}}"#;
        let server = Server::script([json(402, body)]);
        let kit = kit();
        let error = stripe(&server).pay(2000, "usd").await.unwrap_err();
        assert!(matches!(error, StripeError::Refused { code: Some(code), .. } if code == "card_declined"));
        assert_eq!(kit.attempts(), 1);
    }

    #[tokio::test]
    async fn a_payment_is_read_again_without_a_key() {
        let server = Server::script([Reply::status(503), payment()]);
        let _kit = kit();
        assert_eq!(stripe(&server).payment("pi_1").await.unwrap().status, "requires_payment_method");
        assert_eq!(header(&server.requests()[1], "idempotency-key"), "");
    }
}
