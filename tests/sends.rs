//! Every request of an attempt is seen, wherever it is written. Each shape of a body meets each
//! failure.
//!
//! `cargo test --test sends -- --nocapture` prints the table. The errors of these functions say
//! nothing, so only the recorded exchanges tell of a request.

mod support;

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures::future::{self, BoxFuture, FutureExt, TryFutureExt};
use futures::stream::{self, FuturesUnordered, StreamExt, TryStreamExt};
use reqwest::{Client, Method, Response};
use retry_http::retry_http;
use retry_http::testing::Kit;
use retry_http::testing::server::{Reply, Server};
use support::{Opaque, late, ms, secs};

type Outcome = Result<(), Opaque>;

/// The requests of a body, in order. Each is sent in the way of the shape.
struct Plan {
    http: Client,
    steps: Vec<(Method, String)>,
    kit: Kit,
}

impl Plan {
    fn build(&self, step: &(Method, String)) -> reqwest::RequestBuilder {
        self.http.request(step.0.clone(), &step.1)
    }
}

fn ok(response: &Response) -> Outcome {
    if response.status().is_success() { Ok(()) } else { Err(Opaque) }
}

/// Longer than any answer that comes, shorter than one that does not.
const LIMIT: Duration = ms(300);

/// Shapes whose requests are seen.
mod seen {
    use super::*;

    #[retry_http(base = 1ms)]
    pub async fn direct(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            ok(&plan.http.request(step.0.clone(), &step.1).send().await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn timeout_of_the_users(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let sent = plan.http.request(step.0.clone(), &step.1);
            ok(&tokio::time::timeout(LIMIT, sent.send()).await??)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn timeout_around_a_block(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            tokio::time::timeout(LIMIT, async {
                let sent = plan.http.request(step.0.clone(), &step.1).send().await?;
                ok(&sent)
            })
            .await??;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn bound_to_a_name(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let sending = plan.http.request(step.0.clone(), &step.1).send();
            tokio::task::yield_now().await;
            ok(&sending.await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn a_builder_with_a_name(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let mut builder = plan.http.request(step.0.clone(), &step.1);
            builder = builder.header("x", "y");
            let _ = format!("{builder:?}");
            ok(&builder.send().await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn a_name_that_says_nothing(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let prepared = plan.build(step);
            let _ = format!("{prepared:?}");
            ok(&prepared.send().await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn a_name_and_a_later_send(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let prepared = plan.build(step);
            let sending = prepared.send();
            tokio::task::yield_now().await;
            ok(&sending.await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn names_of_patterns(plan: &Plan) -> Outcome {
        let mut rest: Vec<_> = plan.steps.iter().map(|step| plan.build(step)).collect();
        rest.reverse();
        if let Some(prepared) = rest.pop() {
            ok(&prepared.send().await?)?;
        }
        match rest.pop() {
            Some(prepared) => ok(&prepared.send().await?)?,
            None => return Ok(()),
        }
        while let Some(prepared) = rest.pop() {
            ok(&prepared.send().await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn a_list_of_builders(plan: &Plan) -> Outcome {
        for prepared in plan.steps.iter().map(|step| plan.build(step)) {
            ok(&prepared.send().await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn a_name_in_a_block(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let prepared = plan.build(step);
            async move { ok(&prepared.send().await?) }.await?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn a_closure_over_a_builder(plan: &Plan) -> Outcome {
        let send = |prepared: reqwest::RequestBuilder| prepared.send();
        let check = async |prepared| -> Outcome { ok(&plan.build(prepared).send().await?) };
        for (at, step) in plan.steps.iter().enumerate() {
            if at == 0 {
                ok(&send(plan.build(step)).await?)?;
            } else {
                check(step).await?;
            }
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn a_clone_of_a_builder(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let prepared = plan.build(step);
            let copy = prepared.try_clone().ok_or(Opaque)?;
            ok(&prepared.send().await?)?;
            drop(copy);
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn in_either_branch(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let prepared = plan.build(step);
            let sending =
                if step.0 == Method::POST { prepared.send() } else { prepared.header("x", "y").send() };
            ok(&sending.await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn join(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let (sent, ()) =
                tokio::join!(plan.http.request(step.0.clone(), &step.1).send(), tokio::task::yield_now());
            ok(&sent?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn try_join(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let (sent, ()) = tokio::try_join!(
                plan.http.request(step.0.clone(), &step.1).send(),
                future::ready(Ok::<(), reqwest::Error>(()))
            )?;
            ok(&sent)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn futures_join(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let (sent, ()) =
                futures::join!(plan.http.request(step.0.clone(), &step.1).send(), future::ready(()));
            ok(&sent?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn select(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            tokio::select! {
                biased;
                sent = plan.http.request(step.0.clone(), &step.1).send() => ok(&sent?)?,
                () = tokio::time::sleep(LIMIT) => return Err(Opaque),
            }
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn select_in_a_handler(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            tokio::select! {
                () = tokio::task::yield_now() => {
                    ok(&plan.http.request(step.0.clone(), &step.1).send().await?)?;
                }
                else => return Err(Opaque),
            }
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn pinned_and_selected(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let mut sending = pin!(plan.http.request(step.0.clone(), &step.1).send());
            let sent = loop {
                tokio::select! {
                    sent = &mut sending => break sent,
                    () = tokio::time::sleep(ms(20)) => {}
                }
            };
            ok(&sent?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn a_closure(plan: &Plan) -> Outcome {
        let send = |step: &(Method, String)| plan.http.request(step.0.clone(), &step.1).send();
        for step in &plan.steps {
            ok(&send(step).await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn an_async_closure(plan: &Plan) -> Outcome {
        let send = async |step: &(Method, String)| {
            plan.http.request(step.0.clone(), &step.1).send().await.map_err(Opaque::from)
        };
        for step in &plan.steps {
            ok(&send(step).await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn an_async_block(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let sending = async { plan.http.request(step.0.clone(), &step.1).send().await };
            ok(&sending.await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn boxed(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let sending: Pin<Box<dyn Future<Output = reqwest::Result<Response>> + Send>> =
                Box::pin(plan.http.request(step.0.clone(), &step.1).send());
            ok(&sending.await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn a_combinator(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            plan.http
                .request(step.0.clone(), &step.1)
                .send()
                .map_err(Opaque::from)
                .and_then(|sent| future::ready(ok(&sent)))
                .await?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn select_of_futures(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let sending = plan.http.request(step.0.clone(), &step.1).send();
            match future::select(sending, pin!(tokio::time::sleep(LIMIT))).await {
                future::Either::Left((sent, _)) => ok(&sent?)?,
                future::Either::Right(_) => return Err(Opaque),
            }
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn a_buffered_stream(plan: &Plan) -> Outcome {
        let sent = stream::iter(&plan.steps)
            .map(|step| plan.http.request(step.0.clone(), &step.1).send())
            .buffered(1)
            .map_err(Opaque::from);
        sent.try_for_each(|sent| future::ready(ok(&sent))).await
    }

    #[retry_http(base = 1ms)]
    pub async fn a_stream_of_blocks(plan: &Plan) -> Outcome {
        let prepared: Vec<_> = plan.steps.iter().map(|step| plan.build(step)).collect();
        let mut sent =
            stream::iter(prepared).map(|prepared| async move { prepared.send().await }).buffer_unordered(1);
        while let Some(sent) = sent.next().await {
            ok(&sent?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn unordered(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let mut all = FuturesUnordered::new();
            all.push(plan.http.request(step.0.clone(), &step.1).send());
            while let Some(sent) = all.next().await {
                ok(&sent?)?;
            }
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn a_list_of_futures(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let all = vec![plan.http.request(step.0.clone(), &step.1).send()];
            for sent in future::join_all(all).await {
                ok(&sent?)?;
            }
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn in_a_format(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let text =
                format!("{}", plan.http.request(step.0.clone(), &step.1).send().await?.status().as_u16());
            if text != "200" {
                return Err(Opaque);
            }
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn execute(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let request = plan.http.request(step.0.clone(), &step.1).build()?;
            ok(&plan.http.execute(request).await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn execute_later(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let request = plan.http.request(step.0.clone(), &step.1).build()?;
            let sending = plan.http.execute(request);
            let (sent, ()) = tokio::join!(sending, tokio::task::yield_now());
            ok(&sent?)?;
        }
        Ok(())
    }

    #[retry_http(transparent)]
    pub async fn helper(plan: &Plan, step: &(Method, String)) -> Result<Response, Opaque> {
        Ok(plan.build(step).send().await?)
    }

    #[retry_http(base = 1ms)]
    pub async fn a_transparent_helper(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            ok(&helper(plan, step).await?)?;
        }
        Ok(())
    }

    async fn through_two(plan: &Plan, step: &(Method, String)) -> Result<Response, Opaque> {
        helper(plan, step).await
    }

    #[retry_http(base = 1ms)]
    pub async fn a_helper_of_a_helper(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            ok(&through_two(plan, step).await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    async fn inner(plan: &Plan, step: &(Method, String)) -> Outcome {
        ok(&plan.build(step).send().await?)
    }

    #[retry_http(base = 1ms)]
    pub async fn an_annotated_function(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            inner(plan, step).await?;
        }
        Ok(())
    }

    struct Job {
        request: reqwest::RequestBuilder,
    }

    impl Job {
        #[retry_http(transparent)]
        async fn run(self) -> Result<Response, Opaque> {
            Ok(self.request.send().await?)
        }
    }

    #[retry_http(base = 1ms)]
    pub async fn a_builder_in_a_field(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let job = Job { request: plan.build(step) };
            ok(&job.request.send().await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn a_builder_in_a_field_of_self(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            ok(&Job { request: plan.build(step) }.run().await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn a_builder_in_a_pair(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let pair = (1, plan.build(step));
            let sending = pair.1.send();
            tokio::task::yield_now().await;
            ok(&sending.await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn a_builder_in_a_box(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let boxed = Box::new(plan.build(step));
            ok(&boxed.send().await?)?;
        }
        Ok(())
    }

    fn look_at(_: &reqwest::RequestBuilder) {}

    #[retry_http(base = 1ms)]
    pub async fn a_name_that_is_used_elsewhere(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let prepared = plan.build(step);
            look_at(&prepared);
            ok(&prepared.send().await?)?;
        }
        Ok(())
    }

    struct Api(Client);

    impl std::ops::Deref for Api {
        type Target = Client;

        fn deref(&self) -> &Client {
            &self.0
        }
    }

    #[retry_http(base = 1ms)]
    pub async fn a_client_in_a_newtype(plan: &Plan) -> Outcome {
        let api = Api(plan.http.clone());
        for step in &plan.steps {
            ok(&api.execute(plan.build(step).build()?).await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn a_reference_to_a_newtype(plan: &Plan) -> Outcome {
        let api = &Api(plan.http.clone());
        for step in &plan.steps {
            ok(&api.execute(plan.build(step).build()?).await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn a_client_behind_a_lock(plan: &Plan) -> Outcome {
        let lock = tokio::sync::Mutex::new(plan.http.clone());
        for step in &plan.steps {
            let http = lock.lock().await;
            ok(&http.execute(plan.build(step).build()?).await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn a_nested_function(plan: &Plan) -> Outcome {
        #[retry_http(transparent)]
        async fn nested(plan: &Plan, step: &(Method, String)) -> Result<Response, Opaque> {
            Ok(plan.build(step).send().await?)
        }

        for step in &plan.steps {
            ok(&nested(plan, step).await?)?;
        }
        Ok(())
    }

    async fn drive<F: Future>(future: F) -> F::Output {
        future.await
    }

    #[retry_http(base = 1ms)]
    pub async fn a_generic_helper_of_futures(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            ok(&drive(plan.http.request(step.0.clone(), &step.1).send()).await?)?;
        }
        Ok(())
    }

    #[async_trait::async_trait]
    trait Sends: Sync {
        async fn send(&self, plan: &Plan, step: &(Method, String)) -> Result<Response, Opaque>;
    }

    struct ByReqwest;

    #[async_trait::async_trait]
    impl Sends for ByReqwest {
        #[retry_http(transparent)]
        async fn send(&self, plan: &Plan, step: &(Method, String)) -> Result<Response, Opaque> {
            Ok(plan.build(step).send().await?)
        }
    }

    #[retry_http(base = 1ms)]
    pub async fn a_trait_object(plan: &Plan) -> Outcome {
        let by: &dyn Sends = &ByReqwest;
        for step in &plan.steps {
            ok(&by.send(plan, step).await?)?;
        }
        Ok(())
    }

    struct Service(Client);

    impl Service {
        /// As tower's `Service` has it.
        #[retry_http(transparent)]
        fn call(&mut self, request: reqwest::Request) -> BoxFuture<'static, reqwest::Result<Response>> {
            let http = self.0.clone();
            async move { http.execute(request).await }.boxed()
        }
    }

    #[retry_http(base = 1ms)]
    pub async fn a_service(plan: &Plan) -> Outcome {
        let mut service = Service(plan.http.clone());
        for step in &plan.steps {
            ok(&service.call(plan.build(step).build()?).await?)?;
        }
        Ok(())
    }

    #[retry_http(transparent)]
    fn one_after_the_other(plan: &Plan, at: usize) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let Some(step) = plan.steps.get(at) else { return Ok(()) };
            ok(&plan.http.request(step.0.clone(), &step.1).send().await?)?;
            one_after_the_other(plan, at + 1).await
        })
    }

    #[retry_http(base = 1ms)]
    pub async fn recursion(plan: &Plan) -> Outcome {
        one_after_the_other(plan, 0).await
    }

    #[tracing::instrument(skip_all)]
    #[retry_http(transparent)]
    async fn instrumented(plan: &Plan, step: &(Method, String)) -> Result<Response, Opaque> {
        Ok(plan.build(step).send().await?)
    }

    #[retry_http(base = 1ms)]
    pub async fn an_instrumented_helper(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            ok(&instrumented(plan, step).await?)?;
        }
        Ok(())
    }

    /// The future that `run_until` is given is part of the body.
    #[retry_http(base = 1ms)]
    pub async fn within_a_local_set(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let local = tokio::task::LocalSet::new();
            let sent = local.run_until(plan.http.request(step.0.clone(), &step.1).send()).await?;
            ok(&sent)?;
        }
        Ok(())
    }

    #[allow(clippy::manual_async_fn, reason = "it is the shape")]
    #[retry_http(base = 1ms)]
    pub fn a_future_that_is_returned(plan: &Plan) -> impl Future<Output = Outcome> {
        async move {
            for step in &plan.steps {
                ok(&plan.http.request(step.0.clone(), &step.1).send().await?)?;
            }
            Ok(())
        }
    }
}

/// Shapes whose requests are not: another task or thread sends them, or a function that is neither
/// annotated nor transparent.
mod not_seen {
    use super::*;

    async fn plain(plan: &Plan, step: &(Method, String)) -> Result<Response, Opaque> {
        Ok(plan.build(step).send().await?)
    }

    #[retry_http(base = 1ms)]
    pub async fn a_plain_helper(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            ok(&plain(plan, step).await?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn spawned(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let sending = plan.http.request(step.0.clone(), &step.1).send();
            ok(&tokio::spawn(sending).await??)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn a_join_set(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let mut set = tokio::task::JoinSet::new();
            set.spawn(plan.http.request(step.0.clone(), &step.1).send());
            while let Some(sent) = set.join_next().await {
                ok(&sent??)?;
            }
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn spawned_on_a_local_set(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let set = tokio::task::LocalSet::new();
            let sending = plan.http.request(step.0.clone(), &step.1).send();
            let task = set.spawn_local(sending);
            ok(&set.run_until(task).await??)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn spawned_and_blocking(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let sending = plan.http.request(step.0.clone(), &step.1).send();
            let runtime = tokio::runtime::Handle::current();
            let sent = tokio::task::spawn_blocking(move || runtime.block_on(sending)).await??;
            ok(&sent)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub async fn a_scoped_thread(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let runtime = tokio::runtime::Handle::current();
            let sent = tokio::task::block_in_place(|| {
                std::thread::scope(|scope| {
                    let send = || {
                        runtime.block_on(async { plan.http.request(step.0.clone(), &step.1).send().await })
                    };
                    scope.spawn(send).join().expect("no panic")
                })
            });
            ok(&sent?)?;
        }
        Ok(())
    }
}

/// Sync shapes, of both kinds.
mod blocking {
    use super::*;
    use reqwest::blocking::{Client, RequestBuilder, Response};

    pub struct Plan {
        pub http: Client,
        pub steps: Vec<(Method, String)>,
    }

    impl Plan {
        fn build(&self, step: &(Method, String)) -> RequestBuilder {
            self.http.request(step.0.clone(), &step.1)
        }
    }

    fn ok(response: &Response) -> Outcome {
        if response.status().is_success() { Ok(()) } else { Err(Opaque) }
    }

    #[retry_http(base = 1ms)]
    pub fn direct(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            ok(&plan.http.request(step.0.clone(), &step.1).send()?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub fn a_name_that_says_nothing(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let prepared = plan.build(step);
            let _ = format!("{prepared:?}");
            ok(&prepared.send()?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub fn names_of_patterns(plan: &Plan) -> Outcome {
        let mut rest: Vec<_> = plan.steps.iter().map(|step| plan.build(step)).collect();
        rest.reverse();
        if let Some(prepared) = rest.pop() {
            ok(&prepared.send()?)?;
        }
        match rest.pop() {
            Some(prepared) => ok(&prepared.send()?),
            None => Ok(()),
        }
    }

    #[retry_http(base = 1ms)]
    pub fn a_closure(plan: &Plan) -> Outcome {
        let send = |step: &(Method, String)| plan.http.request(step.0.clone(), &step.1).send();
        for step in &plan.steps {
            ok(&send(step)?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub fn a_builder_in_a_pair(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let pair = (1, plan.build(step));
            ok(&pair.1.send()?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub fn a_client_behind_a_lock(plan: &Plan) -> Outcome {
        let lock = std::sync::Mutex::new(plan.http.clone());
        for step in &plan.steps {
            let http = lock.lock().expect("no panic");
            ok(&http.execute(plan.build(step).build()?)?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub fn an_iterator(plan: &Plan) -> Outcome {
        let mut sent = plan.steps.iter().map(|step| plan.http.request(step.0.clone(), &step.1).send());
        sent.try_for_each(|sent| ok(&sent?))
    }

    #[retry_http(base = 1ms)]
    pub fn a_combinator(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let sent = plan.http.request(step.0.clone(), &step.1).send();
            sent.map_err(Opaque::from).and_then(|sent| ok(&sent))?;
        }
        Ok(())
    }

    #[allow(clippy::useless_vec, reason = "it is the shape")]
    #[retry_http(base = 1ms)]
    pub fn in_an_assertion(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let list = vec![plan.http.request(step.0.clone(), &step.1).send()?];
            assert_eq!(list.len(), 1);
            list.iter().try_for_each(ok)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub fn execute(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let request = plan.build(step).build()?;
            ok(&plan.http.execute(request)?)?;
        }
        Ok(())
    }

    #[retry_http(transparent)]
    fn helper(plan: &Plan, step: &(Method, String)) -> Result<Response, Opaque> {
        Ok(plan.build(step).send()?)
    }

    #[retry_http(base = 1ms)]
    pub fn a_transparent_helper(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            ok(&helper(plan, step)?)?;
        }
        Ok(())
    }

    #[retry_http(transparent)]
    fn one_after_the_other(plan: &Plan, at: usize) -> Outcome {
        let Some(step) = plan.steps.get(at) else { return Ok(()) };
        ok(&plan.build(step).send()?)?;
        one_after_the_other(plan, at + 1)
    }

    #[retry_http(base = 1ms)]
    pub fn recursion(plan: &Plan) -> Outcome {
        one_after_the_other(plan, 0)
    }

    trait Sends {
        #[retry_http(transparent)]
        fn send(&self, plan: &Plan, step: &(Method, String)) -> Result<Response, Opaque> {
            Ok(plan.build(step).send()?)
        }
    }

    struct ByReqwest;

    impl Sends for ByReqwest {}

    #[retry_http(base = 1ms)]
    pub fn a_trait_object(plan: &Plan) -> Outcome {
        let by: &dyn Sends = &ByReqwest;
        for step in &plan.steps {
            ok(&by.send(plan, step)?)?;
        }
        Ok(())
    }

    /// The future that is run on this thread is part of the body.
    #[retry_http(base = 1ms)]
    pub fn a_runtime_of_its_own(plan: &Plan) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let http = super::Client::builder().timeout(LIMIT / 2).build()?;
        for step in &plan.steps {
            let sent = runtime.block_on(async { http.request(step.0.clone(), &step.1).send().await })?;
            super::ok(&sent)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub fn a_scoped_thread(plan: &Plan) -> Outcome {
        for step in &plan.steps {
            let run = || plan.http.request(step.0.clone(), &step.1).send();
            let sent = std::thread::scope(|scope| scope.spawn(run).join().expect("no panic"));
            ok(&sent?)?;
        }
        Ok(())
    }

    #[retry_http(base = 1ms)]
    pub fn a_task_on_a_runtime_of_its_own(plan: &Plan) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let http = super::Client::builder().timeout(LIMIT / 2).build()?;
        for step in &plan.steps {
            let (http, step) = (http.clone(), step.clone());
            let task = runtime.spawn(async move { http.request(step.0, &step.1).send().await });
            super::ok(&runtime.block_on(task)??)?;
        }
        Ok(())
    }

    pub async fn run(shape: fn(&Plan) -> Outcome, plan: &super::Plan) -> Outcome {
        let (steps, kit) = (plan.steps.clone(), plan.kit.clone());
        let run = move || {
            let _kit = kit.enter();
            let http = Client::builder().timeout(LIMIT / 2).build().unwrap();
            shape(&Plan { http, steps })
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }
}

/// The measurements of a shape: requests at the server for each failure, and whether the wait that
/// a 429 asks for was obeyed.
#[derive(Debug, PartialEq)]
struct Row {
    timed_out: usize,
    status_500: usize,
    reset: usize,
    limited: usize,
    waited: bool,
    post_then_get: (usize, usize),
    get: usize,
}

const SEEN: Row =
    Row { timed_out: 1, status_500: 1, reset: 1, limited: 2, waited: true, post_then_get: (1, 1), get: 2 };

const NOT_SEEN: Row =
    Row { timed_out: 1, status_500: 1, reset: 1, limited: 1, waited: false, post_then_get: (1, 1), get: 1 };

/// The wait that the server asks for.
const HINT: Duration = secs(7);

async fn measure<F: AsyncFn(&Plan) -> Outcome>(shape: F) -> Row {
    let http = Client::builder().timeout(LIMIT / 2).build().unwrap();
    let requests = async |replies: Vec<Reply>, methods: &[Method]| {
        let (server, kit) = (Server::script(replies), Kit::new());
        let steps = methods.iter().map(|method| (method.clone(), server.url("/"))).collect();
        let plan = Plan { http: http.clone(), steps, kit: kit.clone() };
        _ = kit.scope(shape(&plan)).await;
        (server.requests(), kit.waits())
    };
    let post = [Method::POST];
    let (timed_out, _) = requests(vec![late()], &post).await;
    let (status_500, _) = requests(vec![Reply::status(500)], &post).await;
    let (reset, _) = requests(vec![Reply::reset()], &post).await;
    let limited = Reply::status(429).header("retry-after", "7");
    let (limited, waits) = requests(vec![limited, Reply::status(200)], &post).await;
    let (several, _) =
        requests(vec![Reply::status(200), Reply::status(503)], &[Method::POST, Method::GET]).await;
    let (get, _) = requests(vec![Reply::status(503), Reply::status(200)], &[Method::GET]).await;
    let count = |method: &str| several.iter().filter(|request| request.method == method).count();
    Row {
        timed_out: timed_out.len(),
        status_500: status_500.len(),
        reset: reset.len(),
        limited: limited.len(),
        waited: waits.first().is_some_and(|wait| *wait >= HINT),
        post_then_get: (count("POST"), count("GET")),
        get: get.len(),
    }
}

macro_rules! table {
    (blocking, $expected:expr; $($shape:ident)+) => {
        table!(@ $expected; $($shape, async |plan: &Plan| blocking::run(blocking::$shape, plan).await;)+)
    };
    ($module:ident, $expected:expr; $($shape:ident)+) => {
        table!(@ $expected; $($shape, async |plan: &Plan| $module::$shape(plan).await;)+)
    };
    (@ $expected:expr; $($shape:ident, $run:expr;)+) => {{
        let mut wrong = Vec::new();
        $(
            let row = measure($run).await;
            println!(
                "{:<32}{:>9}{:>6}{:>7}{:>5}{:>8}{:>12}{:>6}",
                stringify!($shape), row.timed_out, row.status_500, row.reset, row.limited,
                if row.waited { "hint" } else { "-" },
                format!("{} + {}", row.post_then_get.0, row.post_then_get.1), row.get
            );
            if row != $expected {
                wrong.push((stringify!($shape), row));
            }
        )+
        assert!(wrong.is_empty(), "{wrong:#?}");
    }};
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_is_seen_wherever_it_is_written() {
    println!(
        "requests at the server, POST: timed out, 500, reset, 429 and its wait, POST and GET 503; GET 503"
    );
    table!(seen, SEEN;
        direct timeout_of_the_users timeout_around_a_block bound_to_a_name a_builder_with_a_name
        a_name_that_says_nothing a_name_and_a_later_send names_of_patterns a_list_of_builders
        a_name_in_a_block a_closure_over_a_builder a_clone_of_a_builder in_either_branch join try_join futures_join select select_in_a_handler pinned_and_selected
        a_closure an_async_closure an_async_block boxed a_combinator select_of_futures a_buffered_stream
        a_stream_of_blocks unordered a_list_of_futures in_a_format execute execute_later a_transparent_helper
        a_helper_of_a_helper a_nested_function a_generic_helper_of_futures a_builder_in_a_field
        a_builder_in_a_field_of_self a_builder_in_a_pair a_builder_in_a_box a_name_that_is_used_elsewhere
        a_client_in_a_newtype a_reference_to_a_newtype a_client_behind_a_lock
        a_trait_object a_service recursion an_instrumented_helper within_a_local_set
        a_future_that_is_returned
    );
    // The inner function retries its GET itself, and the outer one does not retry that again.
    table!(seen, Row { post_then_get: (1, 4), ..SEEN }; an_annotated_function);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_of_another_task_is_not_seen_and_so_not_repeated() {
    table!(not_seen, NOT_SEEN;
        a_plain_helper spawned a_join_set spawned_on_a_local_set spawned_and_blocking a_scoped_thread
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_sync_functions_are_seen_but_for_those_of_other_threads() {
    table!(blocking, SEEN;
        direct a_name_that_says_nothing names_of_patterns a_closure a_builder_in_a_pair
        a_client_behind_a_lock an_iterator a_combinator
        in_an_assertion execute
        a_transparent_helper recursion a_trait_object a_runtime_of_its_own
    );
    table!(blocking, NOT_SEEN; a_scoped_thread a_task_on_a_runtime_of_its_own);
}

/// Sends of builders that are not changed, and calls of other types that look like them.
mod only_recorded {
    use super::*;

    #[retry_http(base = 1ms)]
    async fn upload(http: &Client, url: &str) -> reqwest::Result<Response> {
        let form = reqwest::multipart::Form::new().text("a", "b");
        let job = (1, http.post(url).multipart(form));
        job.1.send().await?.error_for_status()
    }

    #[retry_http(base = 1ms)]
    async fn after_a_mistake(http: &Client, url: &str) -> reqwest::Result<Response> {
        let job = (1, http.get("not a url"));
        job.1.send().await.unwrap_err();
        http.get(url).send().await?.error_for_status()
    }

    #[tokio::test]
    async fn a_body_that_cannot_be_cloned_counts_as_a_post_and_what_cannot_be_built_as_nothing() {
        let http = Client::new();
        let server = Server::script([Reply::status(429), Reply::status(200)]);
        upload(&http, &server.url("/")).await.unwrap();
        let server = Server::script([Reply::status(500), Reply::status(200)]);
        upload(&http, &server.url("/")).await.unwrap_err();
        assert_eq!(server.requests().len(), 1);
        let server = Server::script([Reply::status(503), Reply::status(200)]);
        after_a_mistake(&http, &server.url("/")).await.unwrap();
    }

    #[derive(Clone, Copy)]
    struct Job {
        id: usize,
        steps: fn(usize) -> usize,
    }

    impl Job {
        fn send(&self) -> fn(usize) -> usize {
            self.steps
        }
    }

    struct Mail(usize);

    impl Mail {
        fn send(&self) -> usize {
            self.0
        }
    }

    /// Calls methods `send` that are not reqwest's, in forms that compile without the attribute.
    #[retry_http(base = 1ms)]
    async fn of_other_types(http: &Client, url: &str, jobs: &[Job]) -> reqwest::Result<Vec<usize>> {
        let mails = (Mail(1), Mail(1));
        let pair = (0, Job { id: 1, steps: |n| n + 1 });
        pair.1.send()(5);
        let more = match pair.0 {
            0 => mails.0.send() + mails.1.send(),
            _ => mails.0.send() as usize,
        };
        let all = jobs.iter().map(|job| async {
            let n = job.id;
            job.send()(n)
        });
        let all = future::join_all(all).await;
        http.get(url).send().await?.error_for_status()?;
        Ok(all.into_iter().chain([more]).collect())
    }

    #[tokio::test]
    async fn other_types_are_left_as_they_are() {
        let server = Server::script([Reply::status(503), Reply::status(200)]);
        let jobs = [Job { id: 3, steps: |n| n * 2 }];
        assert_eq!(of_other_types(&Client::new(), &server.url("/"), &jobs).await.unwrap(), [6, 2]);
        assert_eq!(server.requests().len(), 2);
    }
}

/// Sends of several forms, which have one type without the attribute, and so with it.
mod one_type {
    use super::*;

    #[retry_http(base = 1ms)]
    async fn in_branches(http: &Client, url: &str, is_put: bool) -> reqwest::Result<Response> {
        let sending = if is_put {
            let request = http.put(url);
            request.send()
        } else {
            http.get(url).send()
        };
        sending.await?.error_for_status()
    }

    #[retry_http(base = 1ms)]
    async fn in_a_list(http: &Client, url: &str) -> reqwest::Result<usize> {
        let first = http.get(url);
        let responses = future::try_join_all([first.send(), http.head(url).send()]).await?;
        responses.into_iter().map(Response::error_for_status).try_fold(0, |sum, checked| {
            checked?;
            Ok(sum + 1)
        })
    }

    #[tokio::test]
    async fn is_seen() {
        let http = Client::new();
        for is_put in [true, false] {
            let server = Server::script([Reply::status(503), Reply::status(200)]);
            in_branches(&http, &server.url("/"), is_put).await.unwrap();
            assert_eq!(server.requests().len(), 2);
        }
        let server = Server::script([Reply::status(503), Reply::status(200)]);
        assert_eq!(in_a_list(&http, &server.url("/")).await.unwrap(), 2);
        assert_eq!(server.requests().len(), 4);
    }
}
