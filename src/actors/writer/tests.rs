//! What becomes of drafts that wait.

use super::queue::Queue;
use super::*;
use crate::actors::channel::tests::draft;
use std::sync::Mutex;
use tokio::time::Instant;

/// Somebody who is told what becomes of drafts.
struct Poster(Arc<Mutex<Vec<(Ticket, Outcome)>>>);

impl Actor for Poster {
    type Context = Context<Self>;
}

impl Handler<Settled> for Poster {
    type Result = ();

    fn handle(&mut self, settled: Settled, _: &mut Self::Context) {
        let outcomes = settled.writes.into_iter().map(|(_, ticket, outcome)| (ticket, outcome));
        self.0.lock().expect("whole").extend(outcomes);
    }
}

fn waiting(ticket: Ticket, content: &str, since: Instant, reply: &Recipient<Settled>) -> Waiting {
    Waiting {
        write: Arc::new(LogWrite::Message(draft(content))),
        ticket,
        reply: reply.clone(),
        since,
        told: Cell::new(false),
    }
}

#[actix_web::test]
async fn only_what_has_waited_too_long_is_refused_and_the_rest_is_written() {
    let (queue, told) = (Queue::default(), Arc::<Mutex<Vec<_>>>::default());
    let reply = Poster(told.clone()).start().recipient();
    let long_ago = queue.clock.now().checked_sub(UNSENT_MAX).expect("a machine that has run for a second");
    queue.push(waiting(1, "old", long_ago, &reply));
    queue.push(waiting(2, "young", queue.clock.now(), &reply));
    queue.expire();
    while told.lock().expect("whole").is_empty() {
        tokio::task::yield_now().await;
    }
    let is_it =
        |told: &[(Ticket, Outcome)]| matches!(told, [(ticket, Outcome::Refused(Refused::Unavailable))] if *ticket == 1);
    assert!(is_it(&told.lock().expect("whole")));
    let batch: Vec<Ticket> = queue.take().iter().map(|waiting| waiting.ticket).collect();
    assert_eq!(batch, [2]);
}

/// The process stands still for longer than drafts may wait, and than their senders do.
#[actix_web::test]
async fn a_pause_refuses_nothing() {
    let (queue, told) = (Queue::default(), Arc::<Mutex<Vec<_>>>::default());
    let reply = Poster(told.clone()).start().recipient();
    queue.push(waiting(1, "waits", queue.clock.now(), &reply));
    let written = [waiting(2, "is being written", queue.clock.now(), &reply)];
    let outcome = async {
        std::thread::sleep(2 * WAIT_MAX);
        queue.expire();
        tokio::time::sleep(EXPIRY_TICK).await;
    };
    queue::until_known(&queue.clock, &written, std::pin::pin!(outcome)).await;
    assert_eq!(queue.take().len(), 1);
    assert!(written.iter().all(|waiting| !waiting.told.get()));
    tokio::task::yield_now().await;
    assert!(told.lock().expect("whole").is_empty());
}

#[actix_web::test]
async fn the_rows_that_wait_and_those_of_a_batch_are_bounded() {
    let (queue, told) = (Queue::default(), Arc::<Mutex<Vec<_>>>::default());
    let reply = Poster(told.clone()).start().recipient();
    let now = queue.clock.now();
    for ticket in 0..=QUEUE_ROWS {
        queue.push(waiting(ticket, "x", now, &reply));
    }
    assert_eq!(queue.len(), QUEUE_ROWS);
    while told.lock().expect("whole").is_empty() {
        tokio::task::yield_now().await;
    }
    let is_it = |told: &[(Ticket, Outcome)]| matches!(told, [(ticket, Outcome::Refused(Refused::Busy))] if *ticket == QUEUE_ROWS);
    assert!(is_it(&told.lock().expect("whole")), "one too many");
    assert_eq!(queue.take().len(), BATCH_ROWS);
}

/// As many bytes as may wait, again and again: what was taken, refused or put back counts once, and then no more.
#[actix_web::test]
async fn the_bytes_that_wait_are_bounded_and_given_back() {
    let (queue, told) = (Queue::default(), Arc::<Mutex<Vec<_>>>::default());
    let reply = Poster(told.clone()).start().recipient();
    let content = "x".repeat(4_000);
    for _ in 0..3 {
        let fits = QUEUE_BYTES / content.len();
        for ticket in 0..=fits {
            queue.push(waiting(ticket, &content, queue.clock.now(), &reply));
        }
        while told.lock().expect("whole").is_empty() {
            tokio::task::yield_now().await;
        }
        let is_it =
            |told: &[(Ticket, Outcome)]| matches!(told, [(ticket, Outcome::Refused(Refused::Busy))] if *ticket == fits);
        assert!(is_it(&told.lock().expect("whole")), "one too many");
        told.lock().expect("whole").clear();
        let first = queue.take();
        assert!(first.len() * content.len() <= BATCH_BYTES);
        queue.put_back(first);
        let mut taken = 0;
        while taken < fits {
            taken += queue.take().len();
            queue.landed();
        }
    }
}
