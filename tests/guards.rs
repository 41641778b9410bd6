//! Variables are dropped where they were without the attribute, also those that have a method
//! `send` or `error_for_status` of their own.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use retry_http::retry_http;

type Log = Rc<RefCell<Vec<String>>>;

#[derive(Debug)]
struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed")
    }
}

impl std::error::Error for Failed {}

fn note(log: &Log, event: &str) {
    log.borrow_mut().push(event.to_owned());
}

async fn pause(log: &Log, event: &str) {
    note(log, event);
    tokio::task::yield_now().await;
}

/// A guard, which lives on after a send.
#[derive(Debug)]
struct Link {
    log: Log,
    name: &'static str,
}

/// An answer that borrows from its link.
#[derive(Debug)]
struct Answer<'l>(&'l Link);

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        note(&self.0.log, &format!("drop the answer of {}", self.0.name));
    }
}

impl Link {
    fn new(log: &Log, name: &'static str) -> Self {
        Self { log: log.clone(), name }
    }

    fn send(&self) -> std::future::Ready<Result<Answer<'_>, Failed>> {
        note(&self.log, &format!("send by {}", self.name));
        std::future::ready(Ok(Answer(self)))
    }

    fn error_for_status(&self) -> Result<Answer<'_>, Failed> {
        note(&self.log, &format!("check {}", self.name));
        if self.is_open() { Ok(Answer(self)) } else { Err(Failed) }
    }

    fn is_open(&self) -> bool {
        !self.name.is_empty()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        note(&self.log, &format!("drop {}", self.name));
    }
}

/// A guard that a send changes.
struct Pipe {
    link: Link,
    sent: usize,
}

impl Pipe {
    fn new(log: &Log, name: &'static str) -> Self {
        Self { link: Link::new(log, name), sent: 0 }
    }

    async fn send(&mut self) -> Result<usize, Failed> {
        pause(&self.link.log, &format!("send by {}", self.link.name)).await;
        self.sent += 1;
        Ok(self.sent)
    }
}

/// A message that a send consumes.
struct Letter(Log);

impl Letter {
    async fn send(self) -> Result<(), Failed> {
        pause(&self.0, "send the letter").await;
        Ok(())
    }
}

/// Makes each function twice: as it is written, and with the attribute.
macro_rules! functions {
    ($(async fn $name:ident($log:ident: &Log) -> Result<$output:ty, Failed> $body:block)+) => {
        mod plain {
            use super::*;
            $(pub async fn $name($log: &Log) -> Result<$output, Failed> $body)+
        }

        mod annotated {
            use super::*;
            $(#[retry_http] pub async fn $name($log: &Log) -> Result<$output, Failed> $body)+
        }

        /// Returns the name of each function and what happens in it, without the attribute and with
        /// it.
        async fn events() -> Vec<(&'static str, Vec<String>, Vec<String>)> {
            let mut all = Vec::new();
            $({
                let (plain, annotated) = (Log::default(), Log::default());
                plain::$name(&plain).await.expect("succeeds");
                annotated::$name(&annotated).await.expect("succeeds");
                all.push((stringify!($name), plain.take(), annotated.take()));
            })+
            all
        }
    };
}

functions! {
    async fn a_guard(log: &Log) -> Result<(), Failed> {
        let link = Link::new(log, "link");
        link.send().await?;
        pause(log, "work under the guard").await;
        Ok(())
    }

    async fn a_borrowed_answer(log: &Log) -> Result<usize, Failed> {
        let link = Link::new(log, "link");
        let answer = link.send().await?;
        pause(log, "work with the answer").await;
        Ok(answer.0.name.len())
    }

    async fn a_future_with_a_name(log: &Log) -> Result<(), Failed> {
        let link = Link::new(log, "link");
        let sending = link.send();
        pause(log, "before the future is awaited").await;
        let _answer = sending.await?;
        Ok(())
    }

    async fn a_guard_that_is_changed(log: &Log) -> Result<usize, Failed> {
        let mut pipe = Pipe::new(log, "pipe");
        let sent = pipe.send().await?;
        pause(log, "work under the guard").await;
        Ok(sent)
    }

    async fn a_guard_that_is_logged(log: &Log) -> Result<(), Failed> {
        let link = Link::new(log, "link");
        assert!(link.is_open());
        let _ = format!("{link:?}");
        link.send().await?;
        pause(log, "work under the guard").await;
        Ok(())
    }

    async fn a_name_that_is_borrowed(log: &Log) -> Result<usize, Failed> {
        let link = Link::new(log, "link");
        let name = &link.name;
        link.send().await?;
        pause(log, "work under the guard").await;
        Ok(name.len())
    }

    async fn a_borrow_that_is_kept(log: &Log) -> Result<usize, Failed> {
        let link = Link::new(log, "link");
        let mut kept = vec![&"other"];
        kept.push(&link.name);
        link.send().await?;
        pause(log, "work under the guard").await;
        Ok(kept.len())
    }

    async fn one_that_is_not_compiled(log: &Log) -> Result<(), Failed> {
        #[cfg(any())]
        let link = Missing::new(log);
        #[cfg(any())]
        link.send().await?;
        let letter = Letter(log.clone());
        #[cfg(all())]
        letter.send().await?;
        Ok(())
    }

    async fn one_that_is_made_later(log: &Log) -> Result<(), Failed> {
        let link = Link::new(log, "link");
        let _later = Link::new(log, "later");
        link.send().await?;
        pause(log, "work under both").await;
        Ok(())
    }

    async fn the_first_of_a_pattern(log: &Log) -> Result<(), Failed> {
        let (first, _second) = (Link::new(log, "first"), Link::new(log, "second"));
        first.send().await?;
        match (Link::new(log, "third"), Link::new(log, "fourth")) {
            (third, fourth) if fourth.is_open() => drop(third.send().await?),
            _ => {}
        }
        Ok(())
    }

    async fn an_answer_that_is_kept(log: &Log) -> Result<usize, Failed> {
        let link = Link::new(log, "link");
        let mut answers = vec![];
        answers.push(link.send().await?);
        pause(log, "work with the answer").await;
        let other = Link::new(log, "other");
        let answer = other.send().await?;
        Ok(answers.len() + answer.0.name.len())
    }

    async fn one_of_a_pool(log: &Log) -> Result<(), Failed> {
        struct Pool(Log);
        impl Pool {
            fn get(&self, name: &'static str) -> Link {
                Link::new(&self.0, name)
            }
        }
        let pool = Pool(log.clone());
        let link = pool.get("link");
        link.send().await?;
        pause(log, "work under the guard").await;
        Ok(())
    }

    async fn a_constant(log: &Log) -> Result<(), Failed> {
        #[derive(Clone, Copy)]
        enum State {
            Idle,
            Busy,
        }
        use State::{Busy, Idle};
        impl State {
            fn send(self) -> usize {
                self as usize
            }
        }
        let state = if log.borrow().is_empty() { Idle } else { Busy };
        let sent = match state {
            Idle => Idle.send(),
            Busy => Busy.send(),
        };
        let letter = Letter(log.clone());
        assert_eq!(sent, 0);
        letter.send().await
    }

    async fn two_guards(log: &Log) -> Result<(), Failed> {
        let first = Link::new(log, "first");
        let second = Link::new(log, "second");
        first.send().await?;
        second.send().await?;
        pause(log, "work under both").await;
        drop(second);
        pause(log, "work under the first").await;
        Ok(())
    }

    async fn in_a_branch(log: &Log) -> Result<(), Failed> {
        let link = Link::new(log, "link");
        if log.borrow().is_empty() {
            link.send().await?;
            pause(log, "in the branch").await;
        }
        pause(log, "after the branch").await;
        Ok(())
    }

    async fn in_a_loop(log: &Log) -> Result<(), Failed> {
        let link = Link::new(log, "link");
        for _ in 0..3 {
            link.send().await?;
        }
        pause(log, "after the loop").await;
        Ok(())
    }

    async fn in_a_block(log: &Log) -> Result<(), Failed> {
        let link = Link::new(log, "link");
        async {
            link.send().await?;
            pause(log, "in the block").await;
            Ok(())
        }
        .await?;
        pause(log, "after the block").await;
        Ok(())
    }

    async fn in_a_condition(log: &Log) -> Result<(), Failed> {
        let link = Link::new(log, "link");
        if link.send().await.is_ok() {
            pause(log, "in the branch").await;
        }
        pause(log, "after the branch").await;
        Ok(())
    }

    async fn of_an_if_let(log: &Log) -> Result<(), Failed> {
        if let Some(link) = Some(Link::new(log, "link")) {
            link.send().await?;
            pause(log, "in the branch").await;
        }
        pause(log, "after the branch").await;
        Ok(())
    }

    async fn of_a_let_else(log: &Log) -> Result<(), Failed> {
        let Some(mut pipe) = Some(Pipe::new(log, "pipe")) else { return Err(Failed) };
        pipe.send().await?;
        pause(log, "work under the guard").await;
        Ok(())
    }

    async fn of_an_arm(log: &Log) -> Result<usize, Failed> {
        let sent = match Some(Link::new(log, "link")) {
            Some(link) => link.send().await?.0.name.len(),
            None => 0,
        };
        pause(log, "after the match").await;
        Ok(sent)
    }

    async fn of_an_arm_with_a_block(log: &Log) -> Result<(), Failed> {
        match (Link::new(log, "link"), 1) {
            (link, 1) => {
                link.send().await?;
                pause(log, "in the arm").await;
            }
            (link, _) => pause(&link.log, "in the other arm").await,
        }
        Ok(())
    }

    async fn of_a_loop(log: &Log) -> Result<(), Failed> {
        for mut pipe in [Pipe::new(log, "first"), Pipe::new(log, "second")] {
            pipe.send().await?;
            pause(log, "in the loop").await;
        }
        let mut links = vec![Link::new(log, "third"), Link::new(log, "fourth")];
        while let Some(link) = links.pop() {
            link.send().await?;
            pause(log, "in the loop").await;
        }
        Ok(())
    }

    async fn of_a_closure(log: &Log) -> Result<(), Failed> {
        let by = |link: Link| -> bool {
            let is_sent = link.send().into_inner().is_ok();
            note(&link.log, "in the closure");
            is_sent
        };
        let once = |link: Link| link.send().into_inner().is_ok();
        assert!(by(Link::new(log, "first")) && once(Link::new(log, "second")));
        Ok(())
    }

    async fn of_a_tuple(log: &Log) -> Result<(), Failed> {
        let (first, second) = (Link::new(log, "first"), Pipe::new(log, "second"));
        first.send().await?;
        pause(log, "work under both").await;
        drop(second);
        Ok(())
    }

    async fn by_reference(log: &Log) -> Result<(), Failed> {
        let mut owner = Pipe::new(log, "pipe");
        let pipe = &mut owner;
        pipe.send().await?;
        pause(log, "work under the guard").await;
        owner.send().await?;
        Ok(())
    }

    async fn a_map(log: &Log) -> Result<(), Failed> {
        let links = std::collections::HashMap::from([("a", Rc::new(Link::new(log, "link")))]);
        let Some(link) = links.get("a") else { return Err(Failed) };
        link.send().await?;
        let link = Rc::clone(&links["a"]);
        drop(links);
        link.send().await?;
        pause(log, "work under the guard").await;
        Ok(())
    }

    async fn consumed(log: &Log) -> Result<(), Failed> {
        let letter = Letter(log.clone());
        letter.send().await?;
        if let Some(letter) = Some(Letter(log.clone())) {
            letter.send().await?;
        }
        let letters = [Letter(log.clone())];
        for letter in letters {
            letter.send().await?;
        }
        Ok(())
    }

    async fn a_status(log: &Log) -> Result<(), Failed> {
        let link = Link::new(log, "link");
        let answer = link.error_for_status()?;
        pause(log, "work under the guard").await;
        drop(answer);
        match Ok::<_, Failed>(Link::new(log, "other")) {
            Ok(link) => drop(link.error_for_status()?),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

#[tokio::test]
async fn variables_are_dropped_where_they_were() {
    for (name, plain, annotated) in events().await {
        assert!(plain.iter().any(|event| event.starts_with("drop") || event.contains("letter")), "{name}");
        assert_eq!(annotated, plain, "{name}");
    }
}

#[retry_http]
fn blocking(log: &Log) -> Result<(), Failed> {
    let link = Link::new(log, "link");
    let answer = link.send().into_inner()?;
    note(log, "work under the guard");
    drop(answer);
    Ok(())
}

#[test]
fn a_guard_of_a_blocking_function_is_dropped_where_it_was() {
    let log = Log::default();
    blocking(&log).expect("succeeds");
    let events = ["send by link", "work under the guard", "drop the answer of link", "drop link"];
    assert_eq!(log.take(), events);
}
