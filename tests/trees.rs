//! The promises hold for random trees of calls: annotated, transparent and plain functions in each
//! other, one after the other and joined, before a server that fails at random.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::{self, BoxFuture};
use proptest::prelude::*;
use reqwest::{Client, Method};
use retry_http::testing::server::{Reply, Server};
use retry_http::{Event, Observer, Policy, Step, policy, retry_http, testing};

/// A part of a body.
#[derive(Clone, Debug)]
enum Node {
    /// A request to a path of its own, by a helper that is transparent or not.
    Send(Leaf),
    Sequence(Vec<Node>),
    Join(Vec<Node>),
    /// A call of an annotated function, by one of [`POLICIES`].
    Annotated(usize, Box<Node>),
    /// A call of a function that is transparent, and sends nothing itself.
    Transparent(Box<Node>),
    /// A call of a function that is neither.
    Plain(Box<Node>),
    /// A failure in it is not passed on.
    Tolerated(Box<Node>),
}

#[derive(Clone, Debug)]
struct Leaf {
    id: usize,
    unsafely: bool,
    is_seen: bool,
    script: Vec<Answer>,
}

/// An answer of the server.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Ok,
    NotFound,
    Limited(u64),
    Unavailable,
    UnavailableFor(u64),
    Broken,
    Reset,
}

impl Answer {
    /// The wait that is asked for, in seconds.
    fn hint(self) -> Option<u64> {
        match self {
            Self::Limited(seconds) | Self::UnavailableFor(seconds) => Some(seconds),
            _ => None,
        }
    }

    /// `true` if the server may have done the work.
    fn may_have_done(self) -> bool {
        matches!(self, Self::Ok | Self::Unavailable | Self::Broken | Self::Reset)
    }

    fn reply(self) -> Reply {
        match self {
            Self::Ok => Reply::status(200),
            Self::NotFound => Reply::status(404),
            Self::Limited(seconds) => Reply::status(429).header("retry-after", seconds.to_string()),
            Self::Unavailable => Reply::status(503),
            Self::UnavailableFor(seconds) => Reply::status(503).header("retry-after", seconds.to_string()),
            Self::Broken => Reply::status(500),
            Self::Reset => Reply::reset(),
        }
    }
}

/// The last one lists a 500.
const POLICIES: [Policy; 4] = [
    policy!(max = 1, base = 1ms, jitter = none),
    policy!(max = 2, base = 1ms, jitter = none, never = [404]),
    policy!(max = 1, base = 1ms, jitter = none, deadline = 1h),
    policy!(max = 1, base = 1ms, jitter = none, on = [429, 500, 503]),
];
const LISTING: usize = 3;

/// An event of the log.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Entry {
    Sent(usize),
    Answered(usize, Answer),
    Waited(Duration),
}

struct World {
    http: Client,
    server: Server,
    log: Mutex<Vec<Entry>>,
}

impl Observer for World {
    fn observe(&self, event: &Event<'_>) {
        if let Step::Retry { wait } = event.step {
            self.log.lock().unwrap().push(Entry::Waited(wait));
        }
    }
}

impl World {
    fn of(tree: &Node) -> Self {
        let mut scripts = HashMap::new();
        tree.leaves(&mut |leaf| _ = scripts.insert(format!("/{}", leaf.id), leaf.script.clone()));
        let asked = Mutex::new(HashMap::<String, usize>::new());
        let server = Server::new(move |_, request| {
            let mut asked = asked.lock().unwrap();
            let n = asked.entry(request.path.clone()).or_default();
            *n += 1;
            nth(&scripts[&request.path], *n - 1).reply()
        });
        Self { http: Client::new(), server, log: Mutex::default() }
    }

    fn note(&self, entry: Entry) {
        self.log.lock().unwrap().push(entry);
    }

    fn request(&self, leaf: &Leaf) -> reqwest::RequestBuilder {
        let method = if leaf.unsafely { Method::POST } else { Method::GET };
        self.http.request(method, self.server.url(&format!("/{}", leaf.id)))
    }

    /// The answer that a leaf gets next.
    fn next(&self, leaf: &Leaf) -> Answer {
        let sent = self.log.lock().unwrap().iter().filter(|entry| **entry == Entry::Sent(leaf.id)).count();
        nth(&leaf.script, sent)
    }
}

fn nth(script: &[Answer], n: usize) -> Answer {
    script[n.min(script.len() - 1)]
}

impl Node {
    fn leaves(&self, with: &mut dyn FnMut(&Leaf)) {
        match self {
            Self::Send(leaf) => with(leaf),
            Self::Sequence(nodes) | Self::Join(nodes) => nodes.iter().for_each(|node| node.leaves(with)),
            Self::Annotated(_, node)
            | Self::Transparent(node)
            | Self::Plain(node)
            | Self::Tolerated(node) => {
                node.leaves(with);
            }
        }
    }

    /// Gives every leaf a path of its own, and has a plain helper send nothing that is unsafe: of
    /// that nothing is seen, and that is a limit which the documentation names.
    fn number(&mut self, next: &mut usize) {
        match self {
            Self::Send(leaf) => {
                leaf.id = *next;
                leaf.unsafely &= leaf.is_seen;
                *next += 1;
            }
            Self::Sequence(nodes) | Self::Join(nodes) => nodes.iter_mut().for_each(|node| node.number(next)),
            Self::Annotated(_, node)
            | Self::Transparent(node)
            | Self::Plain(node)
            | Self::Tolerated(node) => {
                node.number(next);
            }
        }
    }
}

/// An error that says nothing.
#[derive(Debug)]
struct Failed;

type Outcome = Result<(), Failed>;

#[retry_http(transparent)]
async fn send_seen(world: &World, leaf: &Leaf) -> Outcome {
    let response = world.request(leaf).send().await.map_err(|_| Failed)?;
    response.error_for_status().map(drop).map_err(|_| Failed)
}

async fn send_unseen(world: &World, leaf: &Leaf) -> Outcome {
    let response = world.request(leaf).send().await.map_err(|_| Failed)?;
    response.error_for_status().map(drop).map_err(|_| Failed)
}

#[retry_http(policy = policy, observer = *world)]
async fn annotated(policy: &Policy, world: &World, node: &Node) -> Outcome {
    run(world, node).await
}

#[retry_http(transparent)]
async fn transparent(world: &World, node: &Node) -> Outcome {
    run(world, node).await
}

async fn plain(world: &World, node: &Node) -> Outcome {
    run(world, node).await
}

fn run<'a>(world: &'a World, node: &'a Node) -> BoxFuture<'a, Outcome> {
    Box::pin(async move {
        match node {
            Node::Send(leaf) => {
                let answer = world.next(leaf);
                world.note(Entry::Sent(leaf.id));
                let outcome =
                    if leaf.is_seen { send_seen(world, leaf).await } else { send_unseen(world, leaf).await };
                world.note(Entry::Answered(leaf.id, answer));
                outcome
            }
            Node::Sequence(nodes) => {
                for node in nodes {
                    run(world, node).await?;
                }
                Ok(())
            }
            Node::Join(nodes) => {
                let all = nodes.iter().map(|node| run(world, node));
                future::join_all(all).await.into_iter().collect()
            }
            Node::Annotated(policy, node) => annotated(&POLICIES[*policy], world, node).await,
            Node::Transparent(node) => transparent(world, node).await,
            Node::Plain(node) => plain(world, node).await,
            Node::Tolerated(node) => {
                _ = run(world, node).await;
                Ok(())
            }
        }
    })
}

/// Runs a tree in a call, and returns the events.
fn log_of(tree: &Node, policies: usize) -> Vec<Entry> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = World::of(tree);
    let _kit = testing::instant();
    _ = runtime.block_on(annotated(&POLICIES[policies], &world, tree));
    world.log.into_inner().unwrap()
}

fn an_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        4 => Just(Answer::Ok),
        1 => Just(Answer::NotFound),
        2 => (1..4u64).prop_map(Answer::Limited),
        3 => Just(Answer::Unavailable),
        1 => (1..4u64).prop_map(Answer::UnavailableFor),
        1 => Just(Answer::Broken),
        1 => Just(Answer::Reset),
    ]
}

fn a_leaf() -> impl Strategy<Value = Node> {
    let script = proptest::collection::vec(an_answer(), 1..5);
    (any::<bool>(), prop_oneof![4 => Just(true), 1 => Just(false)], script)
        .prop_map(|(unsafely, is_seen, script)| Node::Send(Leaf { id: 0, unsafely, is_seen, script }))
}

fn a_tree() -> impl Strategy<Value = Node> {
    let tree = a_leaf().prop_recursive(4, 12, 3, |node| {
        let nodes = proptest::collection::vec(node.clone(), 1..4);
        prop_oneof![
            3 => nodes.clone().prop_map(Node::Sequence),
            2 => nodes.prop_map(Node::Join),
            4 => (0..POLICIES.len(), node.clone()).prop_map(|(policy, node)| Node::Annotated(policy, node.into())),
            1 => node.clone().prop_map(|node| Node::Transparent(node.into())),
            1 => node.clone().prop_map(|node| Node::Plain(node.into())),
            2 => node.prop_map(|node| Node::Tolerated(node.into())),
        ]
    });
    tree.prop_map(|mut tree| {
        tree.number(&mut 0);
        tree
    })
}

fn has_joins(tree: &Node) -> bool {
    match tree {
        Node::Send(_) => false,
        Node::Join(nodes) => nodes.len() > 1 || nodes.iter().any(has_joins),
        Node::Sequence(nodes) => nodes.iter().any(has_joins),
        Node::Annotated(_, node) | Node::Transparent(node) | Node::Plain(node) | Node::Tolerated(node) => {
            has_joins(node)
        }
    }
}

fn lists_a_500(tree: &Node) -> bool {
    match tree {
        Node::Send(_) => false,
        Node::Sequence(nodes) | Node::Join(nodes) => nodes.iter().any(lists_a_500),
        Node::Annotated(policy, node) => *policy == LISTING || lists_a_500(node),
        Node::Transparent(node) | Node::Plain(node) | Node::Tolerated(node) => lists_a_500(node),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_unsafe_request_that_may_have_been_done_is_repeated_and_no_hint_is_undercut(
        tree in a_tree(),
        policy in 0..POLICIES.len(),
    ) {
        let log = log_of(&tree, policy);
        let lists_a_500 = policy == LISTING || lists_a_500(&tree);
        let mut leaves = Vec::new();
        tree.leaves(&mut |leaf| leaves.push(leaf.clone()));
        for leaf in leaves.iter().filter(|leaf| leaf.unsafely) {
            let answers = log.iter().filter_map(|entry| match entry {
                Entry::Answered(id, answer) if *id == leaf.id => Some(*answer),
                _ => None,
            });
            let answers: Vec<_> = answers.collect();
            for answer in answers.iter().rev().skip(1) {
                // A 503 is listed as well, beside 429.
                let is_listed = lists_a_500 && matches!(answer, Answer::Broken | Answer::Unavailable);
                prop_assert!(!answer.may_have_done() || is_listed, "{} after {:?} in {:?}", leaf.id, answers, log);
            }
        }
        // Where nothing is joined, waits are between requests.
        if !has_joins(&tree) {
            for leaf in leaves.iter().filter(|leaf| leaf.is_seen) {
                let mut until = None;
                for entry in &log {
                    match entry {
                        Entry::Answered(id, answer) if *id == leaf.id => {
                            until = answer.hint().map(Duration::from_secs);
                        }
                        Entry::Waited(wait) => until = until.map(|until| until.saturating_sub(*wait)),
                        Entry::Sent(id) if *id == leaf.id => {
                            prop_assert!(until.is_none_or(|until| until.is_zero()), "{}: {:?}", leaf.id, log);
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    /// However many calls are in each other, one of them retries a failure.
    #[test]
    fn a_settled_failure_is_retried_by_one_loop(policies in proptest::collection::vec((0..POLICIES.len(), 0..3u8), 1..5)) {
        let script = vec![Answer::Unavailable];
        let mut tree = Node::Send(Leaf { id: 0, unsafely: false, is_seen: true, script });
        for (policy, wrapper) in &policies[1..] {
            tree = match wrapper {
                0 => Node::Annotated(*policy, tree.into()),
                1 => Node::Transparent(Node::Annotated(*policy, tree.into()).into()),
                _ => Node::Plain(Node::Sequence(vec![Node::Annotated(*policy, tree.into())]).into()),
            };
        }
        let log = log_of(&tree, policies[0].0);
        let innermost = if policies.len() > 1 { policies[1].0 } else { policies[0].0 };
        let sent = log.iter().filter(|entry| matches!(entry, Entry::Sent(_))).count();
        prop_assert_eq!(sent, POLICIES[innermost].max() as usize + 1);
    }
}
