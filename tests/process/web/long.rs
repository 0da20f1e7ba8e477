//! A channel with 100,000 messages: its ends are a key away, and what one reads stays where it is while others write.

use super::super::client::{Account, Api};
use super::super::node::Node;
use super::super::scene::Scene;
use super::input::key;
use super::page::{LAPTOP, Person};
use serde_json::json;
use std::cell::Cell;
use std::time::Instant;

const COUNT: i64 = 100_000;
/// So many a page holds at most, wherever it is.
const ROWS_MAX: usize = 400;
/// How far a row may seem to move that stays where it is: not every scroll position has fractions.
const STILL_PX: f64 = 1.5;
/// A place in the list.
const MIDDLE: (i64, i64) = (640, 400);

/// Follows the row in the middle from frame to frame: how far the rows went altogether, and at most in a frame each way.
const FOLLOW: &str = "const list = document.querySelector('[data-test=messages]');
    const seen = window.seen = { way: 0, up: 0, down: 0, frames: 0, lost: 0, goes: true };
    let row = null, top = 0;
    const look = () => {
        if (row && !row.isConnected) seen.lost += 1;
        else if (row) {
            const moved = row.getBoundingClientRect().top - top;
            seen.way += Math.abs(moved);
            seen.up = Math.max(seen.up, -moved);
            seen.down = Math.max(seen.down, moved);
            seen.frames += 1;
        }
        const { left, top: above, width, height } = list.getBoundingClientRect();
        row = document.elementFromPoint(left + width / 2, above + height / 2)?.closest('[data-test=message]');
        top = row?.getBoundingClientRect().top;
        if (seen.goes) requestAnimationFrame(look);
    };
    look()";

/// Which row is in the middle, and where, once the list has come to rest.
const AT_REST: &str = "const list = document.querySelector('[data-test=messages]');
    return new Promise((resolve) => {
        let last = list.scrollTop, still = 0;
        const look = () => {
            still = list.scrollTop === last ? still + 1 : 0;
            last = list.scrollTop;
            if (still < 30) return requestAnimationFrame(look);
            const { left, top, width, height } = list.getBoundingClientRect();
            for (let y = top + height / 2; ; y += 4) {
                const row = document.elementFromPoint(left + width / 2, y)?.closest('[data-test=message]');
                if (row) return resolve([Number(row.dataset.seq), row.getBoundingClientRect().top]);
            }
        };
        look();
    })";

struct Reader {
    scene: Scene,
    node: Node,
    api: Api,
    june: Account,
    channel: i64,
    person: Person,
    /// How much June has said.
    said: Cell<i64>,
}

/// How one moves through the messages.
#[derive(Clone, Copy)]
enum Move {
    /// So many pixels by the wheel.
    Wheel(i64),
    PageUp,
}

impl Move {
    fn goes_back(self) -> bool {
        matches!(self, Self::PageUp | Self::Wheel(..0))
    }

    /// The most pixels that it goes.
    fn reach(self) -> f64 {
        match self {
            Self::Wheel(pixels) => pixels.abs() as f64,
            Self::PageUp => f64::from(LAPTOP.1),
        }
    }
}

impl Reader {
    /// Mina, who has logged in, and has opened the channel.
    async fn begin() -> Option<Self> {
        let scene = Scene::start().await;
        let node = Node::start_on(&scene.proxy.url()).await;
        let api = Api::new(&node.url);
        let (mina, june) = (api.account("mina").await, api.account("june").await);
        api.join(mina.server, &june).await;
        let channel = api.channel(&mina).await;
        write_long_history(&scene, channel).await;
        let person = Person::at(&node, "en").await?;
        let start = Instant::now();
        person.log_in("mina").await;
        let reader = Self { scene, node, api, june, channel, person, said: Cell::new(0) };
        reader.until_at("the newest", COUNT).await;
        println!("the newest of {COUNT} are there {} ms after the login", start.elapsed().as_millis());
        Some(reader)
    }

    /// Waits until this message is there, whole and within the window.
    async fn until_at(&self, what: &str, seq: i64) {
        let is_seen = "const row = document.querySelector(`[data-test=message][data-seq='${arguments[0]}']`);
            const list = document.querySelector('[data-test=messages]')?.getBoundingClientRect();
            const at = row?.getBoundingClientRect();
            return !!at && at.top >= list.top - 1 && at.bottom <= list.bottom + 1
                && row.innerText.includes(`entry ${arguments[0]}`)";
        self.person.browser.until(what, is_seen, &[seq.into()]).await;
        self.shows_no_gap().await;
    }

    /// June says so many more, one after the other.
    async fn june_says(&self, count: i64) {
        for _ in 0..count {
            self.said.set(self.said.get() + 1);
            let seq = COUNT + self.said.get();
            let content = json!({ "content": format!("entry {seq}") });
            let made = self.api.post(&format!("/channels/{}/messages", self.channel), &self.june.token, content).await;
            assert_eq!(made["seq"], seq, "{made}");
        }
    }

    /// Waits until the page counts so many of June's as unread: they have come.
    async fn until_unread(&self, count: i64) {
        let is_counted = "return document.title.startsWith(`(${arguments[0]}) `)";
        self.person.browser.until(&format!("{count} unread"), is_counted, &[count.into()]).await;
    }

    async fn focus_list(&self) {
        self.person.browser.run("document.querySelector('[data-test=messages]').focus()", &[]).await;
    }

    async fn at_rest(&self) -> (i64, f64) {
        let at = self.person.browser.run(AT_REST, &[]).await;
        (at[0].as_i64().expect("a seq"), at[1].as_f64().expect("a place"))
    }

    async fn go(&self, way: Move) {
        match way {
            Move::Wheel(pixels) => self.person.browser.roll(MIDDLE, pixels).await,
            Move::PageUp => self.person.browser.press(&[key::PAGE_UP]).await,
        }
    }

    /// Moves so often while June writes: the rows go one way, and no further than one has moved. At rest the row that one reads stays where
    /// it is while more come. `unread` is how many the page counted before.
    async fn reads_on(&self, way: Move, times: u32, unread: i64) {
        self.person.browser.run(FOLLOW, &[]).await;
        let moving = async {
            for _ in 0..times {
                self.go(way).await;
            }
        };
        tokio::join!(moving, self.june_says(30));
        self.until_unread(unread + 30).await;
        let before = self.at_rest().await;
        let seen = self.person.browser.run("seen.goes = false; return seen", &[]).await;
        let pixels = |name: &str| seen[name].as_f64().expect("a number");
        let back = pixels(if way.goes_back() { "up" } else { "down" });
        let most = way.reach() * f64::from(times) + STILL_PX * pixels("frames");
        println!("{times} moves: {seen}, then row {} at {} px", before.0, before.1);
        assert!(
            back <= STILL_PX && pixels("way") <= most && seen["lost"] == 0,
            "the row leaps: {seen}, at most {most}"
        );
        assert!(pixels("way") > most / 4.0, "it hardly moves: {seen} of {most}");
        self.june_says(10).await;
        self.until_unread(unread + 40).await;
        let after = self.at_rest().await;
        assert_eq!(after.0, before.0, "another row is read");
        assert!((after.1 - before.1).abs() <= STILL_PX, "the row has moved from {} to {}", before.1, after.1);
        self.shows_no_gap().await;
    }

    /// The rows are those of the log, one after the other, and not too many.
    async fn shows_no_gap(&self) {
        let rows = self.person.rows().await;
        assert!(rows.len() <= ROWS_MAX, "{} rows", rows.len());
        let seqs: Vec<i64> = rows.iter().map(|row| row["seq"].as_i64().expect("a seq")).collect();
        assert!(seqs.windows(2).all(|two| two[1] == two[0] + 1), "rows are missing: {seqs:?}");
    }

    async fn end(self) {
        self.person.looks_back(false).await;
        drop(self.person);
        self.node.stop().await;
        self.scene.stop().await;
    }
}

/// As the node would have written it: the channel's number counts all of them.
async fn write_long_history(scene: &Scene, channel: i64) {
    let sql = format!(
        "begin;
        insert into messages (channel_id, author_id, seq, content, created_at, updated_at)
            select {channel}, u.id, n, 'entry ' || n, now() - ({COUNT} - n) * '20 s'::interval, now()
            from generate_series(1, {COUNT}) n
            join users u on u.username = case when n % 40 < 20 then 'mina' else 'june' end
            order by n;
        update channels set last_seq = {COUNT} where id = {channel};
        commit"
    );
    scene.client.batch_execute(&sql).await.expect("good SQL");
}

#[tokio::test(flavor = "current_thread")]
async fn both_ends_of_a_hundred_thousand_messages_are_a_key_away() {
    let Some(reader) = Reader::begin().await else { return };
    let person = &reader.person;
    for way in ["keys", "clicks"] {
        let start = Instant::now();
        if way == "keys" {
            reader.focus_list().await;
            person.browser.press(&[key::CONTROL, key::HOME]).await;
        } else {
            person.click("channel-info").await;
            person.click("jump-first").await;
        }
        reader.until_at("the first", 1).await;
        println!("by {way}: the first after {} ms", start.elapsed().as_millis());
        let beginning = person.browser.run("return document.querySelector('.beginning') !== null", &[]).await;
        assert_eq!(beginning, true, "it is not said that it begins here");
        let start = Instant::now();
        if way == "keys" {
            reader.focus_list().await;
            person.browser.press(&[key::CONTROL, key::END]).await;
        } else {
            person.click("jump-newest").await;
        }
        reader.until_at("the newest", COUNT).await;
        println!("by {way}: the newest after {} ms", start.elapsed().as_millis());
    }
    reader.end().await;
}

#[tokio::test(flavor = "current_thread")]
async fn what_one_reads_stays_where_it_is_while_others_write() {
    let Some(reader) = Reader::begin().await else { return };
    let person = &reader.person;
    // From the end into the past: its pages come above what is read.
    reader.go(Move::Wheel(-600)).await;
    reader.at_rest().await;
    reader.reads_on(Move::Wheel(-400), 40, 0).await;
    // From the first one on: pages come below, and what is far above goes.
    reader.focus_list().await;
    person.browser.press(&[key::CONTROL, key::HOME]).await;
    reader.until_at("the first", 1).await;
    reader.reads_on(Move::Wheel(400), 40, 40).await;
    // And by keys.
    reader.focus_list().await;
    person.browser.press(&[key::CONTROL, key::END]).await;
    reader.until_at("the newest", COUNT + reader.said.get()).await;
    person.browser.press(&[key::PAGE_UP]).await;
    reader.at_rest().await;
    reader.reads_on(Move::PageUp, 20, 0).await;
    reader.end().await;
}
