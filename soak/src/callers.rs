//! The callers: each makes one call after another, by chance, until the time is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::SmallRng;
use tokio::time::{sleep, timeout};

use crate::arguments::{Arguments, Calls};
use crate::by_hand;
use crate::calls::Api;
use crate::faults::chance;
use crate::ledger::Kind;
use crate::watch::Watch;

/// The longest pause between two calls, and the longest life of a call that is dropped.
const PAUSE: Duration = Duration::from_millis(500);
const LIFE: Duration = Duration::from_millis(200);
/// No call takes as long: it has at most four attempts of 2 s, and waits of at most 2 s.
const HUNG: Duration = Duration::from_secs(60);

/// Makes calls. `first` is the number of the first one.
pub async fn run(api: Arc<Api>, arguments: Arguments, first: u64, is_over: Arc<AtomicBool>) {
    for call in first.. {
        if is_over.load(Relaxed) {
            return;
        }
        let mut chance = chance(arguments.seed, call, 0);
        sleep(within(&mut chance, PAUSE)).await;
        let life = chance.random_bool(0.1).then(|| within(&mut chance, LIFE));
        let made = make(&api, arguments.calls, call, &mut chance);
        if timeout(life.unwrap_or(HUNG), made).await.is_err() && life.is_none() {
            api.ledger.totals.hung.fetch_add(1, Relaxed);
        }
    }
}

fn within(chance: &mut SmallRng, most: Duration) -> Duration {
    most.mul_f64(chance.random_range(0.0..1.0))
}

/// Makes a call. Its outcome is by chance.
async fn make(api: &Api, calls: Calls, call: u64, chance: &mut SmallRng) {
    let watch = |kind| Watch::new(&api.ledger, api.protocol, call, kind);
    match (calls, chance.random_range(0..10)) {
        (Calls::ByHand, _) => drop(by_hand::text(api, &watch(Kind::Safe)).await),
        (Calls::Posts, 0..5) | (Calls::All, 0) => drop(api.order(&watch(Kind::Once)).await),
        (Calls::Posts, 5..8) | (Calls::All, 1) => drop(api.helped_order(&watch(Kind::Once)).await),
        (Calls::Posts, _) | (Calls::All, 2) => drop(api.quick_order(&watch(Kind::Once)).await),
        (Calls::All, 3) => drop(api.text(&watch(Kind::Safe)).await),
        (Calls::All, 4) => drop(api.keyed_order(&watch(Kind::Keyed)).await),
        (Calls::All, 5) => drop(api.search(&watch(Kind::Safe)).await),
        (Calls::All, 6) => drop(api.quote(&watch(Kind::Safe)).await),
        (Calls::All, 7) => drop(api.profile(&watch(Kind::Safe)).await),
        (Calls::All, 8) => {
            if let Ok(page) = api.page(&watch(Kind::Safe)).await {
                assert!(page.call == call && page.run < 64, "the answer is that of the call");
            }
        }
        (Calls::All, _) => {
            // Some bodies are read, and others left.
            if let Ok(response) = api.response(&watch(Kind::Safe)).await
                && chance.random_bool(0.5)
            {
                drop(response.bytes().await);
            }
        }
    }
}
