//! Whatever comes, in which order, how often or never: what is announced is 1, 2, 3, …, each once.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Item(i64, usize);

impl Placed for Item {
    fn seq(&self) -> Seq {
        Seq(self.0)
    }

    fn bytes(&self) -> usize {
        self.1
    }

    /// The test that wants one takes an entry of no bytes for it.
    fn retells(&self) -> bool {
        self.1 == 0
    }
}

/// A sequence, what it has announced, and the log as the database has it.
struct Scene {
    sequence: Sequence<Item>,
    announced: Vec<i64>,
    sizes: Vec<usize>,
}

impl Scene {
    fn new(sizes: Vec<usize>) -> Self {
        Self { sequence: Sequence::new(Some(Seq(0))), announced: Vec::new(), sizes }
    }

    /// A log of so many small entries.
    fn of(count: usize) -> Self {
        Self::new(vec![1; count])
    }

    fn item(&self, seq: i64) -> Item {
        Item(seq, self.sizes[seq as usize - 1])
    }

    fn arrive(&mut self, seq: i64) {
        let item = self.item(seq);
        self.announced.extend(self.sequence.arrive(item).map(|item| item.0));
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(item) = self.sequence.next_held() {
            self.announced.push(item.0);
        }
        assert!(self.sequence.held.len() <= HELD_ENTRIES_MAX && self.sequence.held_bytes <= HELD_BYTES_MAX);
        assert!(self.sequence.held.iter().is_sorted_by(|one, next| one.0 < next.0), "each once");
        assert_eq!(self.sequence.held_bytes, self.sequence.held.iter().map(Placed::bytes).sum::<usize>());
    }

    /// What the database has of a gap, at most so many entries.
    fn fill(&mut self, gap: Gap, limit: usize) -> Result<(), NotThere> {
        let last = self.sizes.len() as i64;
        let entries = (gap.after.0 + 1..=last).map(|seq| self.item(seq)).take(limit).collect();
        let announced = self.sequence.fill(gap, entries, Seq(last))?;
        self.announced.extend(announced.iter().map(|item| item.0));
        self.drain();
        Ok(())
    }

    fn gap(&mut self) -> (i64, i64) {
        match self.sequence.next_step() {
            Step::Read(gap) => (gap.after.0, gap.upto.0),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_comes_in_its_order_is_announced_as_it_comes() {
    let mut scene = Scene::of(3);
    for seq in [1, 2, 2, 1, 3] {
        scene.arrive(seq);
        assert_eq!(scene.sequence.next_step(), Step::Nothing);
    }
    assert_eq!(scene.announced, [1, 2, 3]);
    assert_eq!(scene.sequence.held.capacity(), 0, "nothing was allocated");
}

#[test]
fn a_sequence_that_knows_nothing_begins_with_whatever_comes() {
    let mut sequence = Sequence::new(None);
    assert_eq!(sequence.arrive(Item(7, 1)), Some(Item(7, 1)));
    assert_eq!((sequence.head(), sequence.begin(Seq(5))), (Some(Seq(7)), Seq(7)));
    let mut sequence = Sequence::<Item>::new(None);
    sequence.reaches(Seq(9));
    assert_eq!((sequence.is_behind(), sequence.next_step(), sequence.known()), (false, Step::Nothing, None));
    assert_eq!((sequence.begin(Seq(5)), sequence.is_behind()), (Seq(5), true));
}

/// What comes, what is announced then, how far the log is known to go, and the gap that is to be read.
type Row = (&'static [i64], &'static [i64], i64, (i64, i64));

#[test]
fn only_what_has_not_come_is_read() {
    let table: [Row; 5] = [
        (&[1, 2, 5], &[1, 2], 0, (2, 4)),
        (&[3, 2], &[], 0, (0, 1)),
        (&[5, 4, 5], &[], 9, (0, 3)),
        (&[1], &[1], 4, (1, 4)),
        (&[1, 3, 2, 6], &[1, 2, 3], 0, (3, 5)),
    ];
    for (arrivals, announced, reaches, gap) in table {
        let mut scene = Scene::of(10);
        arrivals.iter().for_each(|seq| scene.arrive(*seq));
        scene.sequence.reaches(Seq(reaches));
        let named = scene.gap();
        assert_eq!((scene.announced.as_slice(), named), (announced, gap), "{arrivals:?}");
        assert_eq!(scene.sequence.next_step(), Step::Nothing, "one read at a time");
    }
}

#[test]
fn what_is_held_follows_what_was_read() {
    let mut scene = Scene::of(9);
    [1, 4, 5, 9].into_iter().for_each(|seq| scene.arrive(seq));
    let Step::Read(first) = scene.sequence.next_step() else { panic!("it has a gap") };
    // It comes after all.
    scene.arrive(2);
    scene.fill(first, 256).expect("it is there");
    assert_eq!(scene.announced, [1, 2, 3, 4, 5]);
    assert_eq!(scene.gap(), (5, 8));
}

#[test]
fn a_part_of_a_gap_is_followed_by_the_next() {
    let mut scene = Scene::of(700);
    scene.sequence.reaches(Seq(700));
    for (after, told) in [(0, 256), (256, 512), (512, 700)] {
        let Step::Read(gap) = scene.sequence.next_step() else { panic!("it is behind") };
        assert_eq!((gap.after, gap.upto), (Seq(after), Seq(700)));
        scene.fill(gap, 256).expect("it is there");
        assert_eq!(scene.announced.len(), told);
    }
    assert!(!scene.sequence.is_behind());
}

#[test]
fn what_goes_beyond_the_bounds_is_read_like_what_never_came() {
    for sizes in [vec![1; 600], vec![1_000; 600], vec![HELD_BYTES_MAX + 1; 600]] {
        let mut scene = Scene::new(sizes);
        (2..=600).rev().for_each(|seq| scene.arrive(seq));
        assert!(scene.announced.is_empty());
        while let Step::Read(gap) = scene.sequence.next_step() {
            scene.fill(gap, 256).expect("it is there");
        }
        assert_eq!(scene.announced, (1..=600).collect::<Vec<_>>());
    }
}

#[test]
fn a_gap_that_is_too_large_is_given_up_and_skipped() {
    let mut scene = Scene::of(2_000);
    scene.sequence.reaches(Seq(GAP_MAX));
    assert_eq!(scene.gap(), (0, GAP_MAX));
    let mut scene = Scene::of(2_000);
    scene.arrive(1);
    scene.arrive(1 + GAP_MAX + 2);
    assert_eq!(scene.sequence.next_step(), Step::GiveUp);
    scene.sequence.skip();
    assert_eq!((scene.sequence.head(), scene.sequence.is_behind()), (Some(Seq(GAP_MAX + 3)), false));
    scene.arrive(5);
    scene.arrive(GAP_MAX + 4);
    assert_eq!(scene.announced, [1, GAP_MAX + 4]);
}

/// How a database answers that does not have what it has to have.
type Answer = fn(&mut Sequence<Item>, Gap) -> Result<Vec<Item>, NotThere>;

#[test]
fn what_the_log_has_to_have_and_has_not_is_not_passed_over() {
    let shorter = |sequence: &mut Sequence<Item>, gap| sequence.fill(gap, vec![Item(1, 1)], Seq(3));
    let empty = |sequence: &mut Sequence<Item>, gap| sequence.fill(gap, Vec::new(), Seq(9));
    let hole = |sequence: &mut Sequence<Item>, gap| sequence.fill(gap, vec![Item(2, 1), Item(3, 1)], Seq(9));
    let answers: [Answer; 3] = [shorter, empty, hole];
    for answer in answers {
        let mut sequence = Sequence::new(Some(Seq(0)));
        sequence.arrive(Item(5, 1));
        let Step::Read(gap) = sequence.next_step() else { panic!("it has a gap") };
        assert_eq!((answer(&mut sequence, gap), sequence.head()), (Err(NotThere), Some(Seq(0))));
    }
    // It begins well: what is there is told, and the hole is met by the next read.
    let mut sequence = Sequence::new(Some(Seq(0)));
    sequence.arrive(Item(5, 1));
    let Step::Read(gap) = sequence.next_step() else { panic!("it has a gap") };
    assert_eq!(sequence.fill(gap, vec![Item(1, 1), Item(3, 1)], Seq(9)), Ok(vec![Item(1, 1)]));
    assert_eq!(sequence.head(), Some(Seq(1)));
}

#[test]
fn what_was_read_before_another_history_is_not_wanted() {
    for (last_seq, head, is_lost, is_behind) in [(1, 1, true, false), (2, 2, false, false), (4, 2, false, true)] {
        let mut scene = Scene::of(9);
        [1, 2, 6].into_iter().for_each(|seq| scene.arrive(seq));
        let Step::Read(gap) = scene.sequence.next_step() else { panic!("it has a gap") };
        assert_eq!(scene.sequence.restart(Seq(last_seq)), is_lost);
        scene.fill(gap, 256).expect("nothing of it is taken");
        assert_eq!((scene.sequence.head(), scene.sequence.is_behind()), (Some(Seq(head)), is_behind));
        assert_eq!(scene.announced, [1, 2]);
    }
}

#[derive(Clone, Debug)]
enum Event {
    Arrive(usize),
    Reaches(usize),
    /// A read ends, with so many entries; the log is told as it was, or what is held is dropped before.
    Read(usize),
    DropHeld,
    Ask,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        20 => any::<usize>().prop_map(Event::Arrive),
        2 => any::<usize>().prop_map(Event::Reaches),
        4 => (1..40_usize).prop_map(Event::Read),
        1 => Just(Event::DropHeld),
        6 => Just(Event::Ask),
    ]
}

proptest! {
    #[test]
    fn each_number_is_announced_once_in_order_and_nothing_stalls(
        sizes in prop::collection::vec(prop_oneof![9 => 1..2_000_usize, 1 => 30_000..70_000_usize], 1..500),
        events in prop::collection::vec(event(), 0..400),
        // Most arrivals are near the head, as in life.
        spread in 1..500_usize,
        limit in 1..300_usize,
    ) {
        let last = sizes.len();
        let mut scene = Scene::new(sizes);
        let mut gap = None;
        for event in events {
            let told = scene.announced.len();
            let near = |at: usize| (told + at % spread).clamp(1, last) as i64;
            match event {
                Event::Arrive(at) => scene.arrive(near(at)),
                Event::Reaches(at) => scene.sequence.reaches(Seq(near(at))),
                Event::DropHeld => scene.sequence.drop_held(),
                Event::Ask => match scene.sequence.next_step() {
                    Step::Read(next) => gap = Some(next),
                    step => assert_eq!(step, Step::Nothing),
                },
                Event::Read(limit) => if let Some(gap) = gap.take() {
                    prop_assert!(scene.fill(gap, limit).is_ok());
                },
            }
        }
        scene.sequence.reaches(Seq(last as i64));
        for _ in 0..=last + 1 {
            if gap.is_none() && let Step::Read(next) = scene.sequence.next_step() {
                gap = Some(next);
            }
            let Some(next) = gap.take() else { break };
            prop_assert!(scene.fill(next, limit).is_ok());
        }
        prop_assert!(!scene.sequence.is_behind());
        prop_assert_eq!(scene.announced, (1..=last as i64).collect::<Vec<_>>());
    }
}

#[test]
fn what_comes_from_elsewhere_after_it_was_told_otherwise_is_read() {
    let mut sequence = Sequence::new(Some(Seq(0)));
    let may_be_retold = |sequence: &Sequence<Item>| [1, 2, 3, 4].map(|seq| sequence.may_be_retold(Seq(seq)));
    assert_eq!(sequence.arrive(Item(2, 5)), None);
    assert_eq!(may_be_retold(&sequence), [false; 4], "a message takes nothing away");
    assert_eq!(sequence.arrive(Item(3, 0)), None);
    assert_eq!(may_be_retold(&sequence), [true, true, false, false]);
    // What is dropped may have been anything.
    sequence.reaches(Seq(4));
    sequence.drop_held();
    assert_eq!(may_be_retold(&sequence), [true, true, true, false]);
    sequence.restart(Seq(2));
    assert_eq!(may_be_retold(&sequence), [true, false, false, false]);
}
