//! Finds out that reqwest follows a redirect. Its errors and responses tell only where that ended.
//!
//! Between two hops the future of reqwest wakes its own task, by reference, and returns `Pending`.
//! Nothing else in it does that: whatever it waits for wakes it later, from another task or thread,
//! or through the scheduler; what it hands over to itself (the pool does, of a new connection)
//! consumes the waker that it kept. So a wake by reference on the thread of the poll, during a poll
//! that returns `Pending`, is a redirect. If a connector of the user's does the same, an unsafe
//! request is taken for redirected and is not repeated, which does no harm.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use atomic_waker::AtomicWaker;
use pin_project_lite::pin_project;

use crate::engine::recorder::Prepared;
use crate::scope;

pin_project! {
    /// Sends a request, and tells whether it is redirected.
    #[must_use = "nothing is sent until it is awaited"]
    pub struct Watched<F> {
        #[pin]
        future: F,
        watch: Watch,
    }
}

/// Looks out for redirects of one request, unless they do not matter.
#[derive(Default)]
pub struct Watch(Option<Arc<Spy>>);

/// A waker that passes wakes on to `waker`, which each poll sets. Notes the wakes of the thread
/// that polls, and remembers if one of them was a redirect.
struct Spy {
    waker: AtomicWaker,
    /// The thread that polls, or 0.
    polling: AtomicUsize,
    has_woken: AtomicBool,
    is_redirected: AtomicBool,
}

/// Returns a watch of the redirects of a request, if they matter to the attempt that the running
/// code is part of.
#[inline]
pub(crate) fn watch_redirects(prepared: &Prepared) -> Watch {
    if scope::current(|_| ()).is_some() { Watch::of(prepared) } else { Watch::default() }
}

impl<F> Watched<F> {
    /// Watches `future`.
    #[inline]
    pub(crate) fn new(future: F, watch: Watch) -> Self {
        Self { future, watch }
    }

    /// Returns `true` if the request was redirected, as far as that is watched.
    #[inline]
    pub(crate) fn is_redirected(&self) -> bool {
        self.watch.0.as_ref().is_some_and(|spy| spy.is_redirected.load(Ordering::Relaxed))
    }
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        match &this.watch.0 {
            None => this.future.poll(context),
            Some(spy) => Spy::poll(spy, this.future, context),
        }
    }
}

impl Watch {
    /// Returns a watch of the redirects of a request that an attempt sends, if they matter.
    pub(crate) fn of(prepared: &Prepared) -> Self {
        if prepared.is_safe_without_key() { Self::default() } else { Self::begin() }
    }

    fn begin() -> Self {
        Self(Some(Spy::unused()))
    }
}

impl Spy {
    fn poll<F: Future>(spy: &Arc<Self>, future: Pin<&mut F>, context: &mut Context<'_>) -> Poll<F::Output> {
        if spy.is_redirected.load(Ordering::Relaxed) {
            // There is nothing more to find out.
            return future.poll(context);
        }
        spy.waker.register(context.waker());
        spy.has_woken.store(false, Ordering::Relaxed);
        spy.polling.store(thread(), Ordering::Relaxed);
        // A task that has done much is made to yield by tokio, which wakes it just so. That is left
        // to the other futures of the task.
        let mut future = tokio::task::unconstrained(future);
        let poll = Pin::new(&mut future).poll(&mut Context::from_waker(&Waker::from(Arc::clone(spy))));
        spy.polling.store(0, Ordering::Relaxed);
        if poll.is_pending() && spy.has_woken.load(Ordering::Relaxed) {
            spy.is_redirected.store(true, Ordering::Relaxed);
        }
        poll
    }
}

thread_local! {
    /// A spy that nobody uses, so that not every request allocates one.
    static SPARE: Cell<Option<Arc<Spy>>> = const { Cell::new(None) };
}

impl Drop for Watch {
    #[inline]
    fn drop(&mut self) {
        if let Some(spy) = self.0.take() {
            spare(spy);
        }
    }
}

/// Keeps a spy for the next request, unless somebody still has a waker of it.
#[cold]
fn spare(spy: Arc<Spy>) {
    if Arc::strong_count(&spy) == 1 {
        drop(spy.waker.take());
        spy.is_redirected.store(false, Ordering::Relaxed);
        // A thread that ends keeps nothing.
        _ = SPARE.try_with(|spare| spare.set(Some(spy)));
    }
}

impl Spy {
    /// Returns the spare spy of the thread, or makes one.
    fn unused() -> Arc<Self> {
        let spare = SPARE.try_with(Cell::take).ok().flatten();
        spare.unwrap_or_else(|| {
            Arc::new(Self {
                waker: AtomicWaker::new(),
                polling: AtomicUsize::new(0),
                has_woken: AtomicBool::new(false),
                is_redirected: AtomicBool::new(false),
            })
        })
    }
}

impl Wake for Spy {
    fn wake(self: Arc<Self>) {
        self.waker.wake();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.polling.load(Ordering::Relaxed) == thread() {
            self.has_woken.store(true, Ordering::Relaxed);
        }
        self.waker.wake();
    }
}

/// Returns a number of the running thread, which is not 0.
fn thread() -> usize {
    thread_local!(static HERE: u8 = const { 0 });
    // A thread that ends has no waker of its own any more, so what it wakes is no redirect.
    HERE.try_with(|here| std::ptr::from_ref(here).addr()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Poll::{Pending, Ready};

    /// Polls a future that returns what `poll` returns, and returns whether that is a redirect.
    fn is_redirect(poll: impl FnOnce(&mut Context<'_>) -> Poll<()>) -> bool {
        let mut poll = Some(poll);
        let future = std::future::poll_fn(|context| poll.take().map_or(Ready(()), |poll| poll(context)));
        let mut watched = std::pin::pin!(Watched::new(future, Watch::begin()));
        _ = watched.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        watched.is_redirected()
    }

    #[test]
    fn a_wake_of_its_own_before_it_is_pending_is_a_redirect() {
        assert!(is_redirect(|context| {
            context.waker().wake_by_ref();
            Pending
        }));
        assert!(!is_redirect(|_| Pending));
        assert!(!is_redirect(|context| {
            let waker = context.waker().clone();
            waker.wake();
            Pending
        }));
        assert!(!is_redirect(|context| {
            context.waker().wake_by_ref();
            Ready(())
        }));
        assert!(!is_redirect(|context| {
            let waker = context.waker().clone();
            std::thread::spawn(move || waker.wake_by_ref()).join().unwrap();
            Pending
        }));
    }

    #[test]
    fn a_spy_is_used_again_unless_somebody_has_a_waker_of_it() {
        let mut kept = None;
        let used = |keep: &mut Option<Waker>| {
            let mut address = 0;
            let future = std::future::poll_fn(|context| {
                address = context.waker().data().addr();
                *keep = keep.take().map(|_| context.waker().clone());
                Ready(())
            });
            let mut watched = std::pin::pin!(Watched::new(future, Watch::begin()));
            assert!(watched.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
            address
        };
        let first = used(&mut kept);
        kept = Some(Waker::noop().clone());
        assert_eq!(used(&mut kept), first);
        // That one is kept now, and the next request has another.
        assert_ne!(used(&mut None), first);
        drop(kept);
    }

    #[test]
    fn wakes_reach_the_task_that_polled_last() {
        struct Count(AtomicUsize);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let counts = [(); 2].map(|()| Arc::new(Count(AtomicUsize::new(0))));
        let mut kept = None;
        let future = std::future::poll_fn(|context| {
            kept.get_or_insert_with(|| context.waker().clone());
            Poll::<()>::Pending
        });
        {
            let mut watched = std::pin::pin!(Watched::new(future, Watch::begin()));
            for count in &counts {
                let waker = Waker::from(Arc::clone(count));
                assert!(watched.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            }
        }
        kept.unwrap().wake();
        assert_eq!(counts.map(|count| count.0.load(Ordering::Relaxed)), [0, 1]);
    }
}
