//! Sizes of futures, and the heap that a call holds while it waits for its retry.

use std::time::Duration;

use crate::call::{Target, Verb};
use crate::count::{make_call, runtime};
use crate::peers::{Measure, Peer};
use crate::server::{HEADERS, Refuses, Server};
use crate::shape::Output;

/// Returns the size of a call's future in bytes.
pub struct FutureSize(pub Output);

impl Measure for FutureSize {
    type Output = i64;

    fn of<P: Peer>(self) -> i64 {
        let http = P::client();
        let target = Target { verb: Verb::Get, url: String::new() };
        match self.0 {
            Output::Response => bytes(&P::response(&http, &target)),
            Output::String => bytes(&P::string(&http, &target)),
        }
    }
}

/// Returns the bytes that a call holds on the heap while it waits for its retry: what is freed if
/// it is dropped then, without its future. `None` if it does not wait.
pub struct WaitingHeap<'s>(pub &'s Server);

impl Measure for WaitingHeap<'_> {
    type Output = Option<i64>;

    fn of<P: Peer>(self) -> Option<i64> {
        const ROUNDS: usize = 30;
        let (runtime, http) = (runtime(), P::client());
        let good = self.0.target(Verb::Get, HEADERS[0], Refuses::None);
        let refused = self.0.target(Verb::Get, HEADERS[0], Refuses::All);
        runtime.block_on(make_call::<P>(&http, &good, Output::Response));
        // Some waits are over too soon, since jitter may make them 0.
        let round = || {
            let before = self.0.requests();
            let mut call = Box::pin(P::response(&http, &refused));
            let size = bytes(&*call);
            runtime.block_on(async {
                let _ = tokio::time::timeout(MOMENT, &mut call).await;
            });
            let waits = self.0.requests() == before + 1;
            let freed = allocation_counter::measure(|| {
                drop(call);
                // What the connection does about it.
                runtime.block_on(async { tokio::time::sleep(MOMENT).await });
            });
            waits.then(|| -freed.bytes_current - size)
        };
        (0..ROUNDS).filter_map(|_| round()).min()
    }
}

/// Long enough for an answer on loopback, and shorter than most waits.
const MOMENT: Duration = Duration::from_millis(10);

/// Returns the size of a value in bytes.
pub fn bytes<T>(value: &T) -> i64 {
    size_of_val(value).try_into().expect("small")
}
