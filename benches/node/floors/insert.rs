//! The least that durable rows can cost: one connection, one `insert … select from unnest(…)` after another.
//!
//! Argument: the database. A connection to the floor sends `<rows a batch> <seconds>` and a line's end; the floor inserts for so
//! long and answers the number of rows.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};
use tokio_postgres::{Client, NoTls, Statement};

const TABLE: &str = "
    create table if not exists floor_messages (
        id bigint generated always as identity primary key,
        channel_id bigint not null, author_id bigint not null, seq bigint not null,
        content text not null, nonce text,
        created_at timestamptz not null, updated_at timestamptz not null, deleted_at timestamptz, reply_to bigint
    )";
const INSERT: &str = "
    insert into floor_messages (channel_id, author_id, content, nonce, reply_to, seq, created_at, updated_at)
    select channel_id, author_id, content, nonce, reply_to, seq, now(), now()
    from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
        as d (channel_id, author_id, content, nonce, reply_to, seq)
    returning id, channel_id, seq, created_at";

/// Serves until it is killed.
#[tokio::main(flavor = "current_thread")]
pub async fn run(arguments: &[String]) -> ! {
    let [database] = arguments else { panic!("floor insert <database>") };
    let (client, connection) = tokio_postgres::connect(database, NoTls).await.expect("PostgreSQL runs");
    tokio::spawn(connection);
    client.batch_execute(TABLE).await.expect("the table is made");
    let insert = client.prepare(INSERT).await.expect("the statement is right");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("ready {}", listener.local_addr().expect("an address"));
    loop {
        let (stream, _) = listener.accept().expect("a connection");
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).expect("a line");
        let mut numbers = line.split_whitespace().map(|number| number.parse::<u64>().expect("a number"));
        let (batch, seconds) = (numbers.next().expect("rows"), numbers.next().expect("seconds"));
        let rows = insert_for(&client, &insert, batch as i64, Duration::from_secs(seconds)).await;
        writeln!(&stream, "{rows}").expect("it is told");
    }
}

async fn insert_for(client: &Client, insert: &Statement, batch: i64, time: Duration) -> i64 {
    let started = Instant::now();
    let mut seq = 0;
    while started.elapsed() < time {
        let seqs: Vec<i64> = (seq + 1..=seq + batch).collect();
        let channels: Vec<i64> = seqs.iter().map(|seq| seq % 1_000).collect();
        let authors = vec![1_i64; seqs.len()];
        let contents = vec![super::super::durable::CONTENT; seqs.len()];
        let nonces: Vec<String> = seqs.iter().map(|seq| format!("{seq:016x}")).collect();
        let replies = vec![None::<i64>; seqs.len()];
        let rows = client.query(insert, &[&channels, &authors, &contents, &nonces, &replies, &seqs]).await;
        assert_eq!(rows.expect("they are inserted").len(), seqs.len());
        seq += batch;
    }
    seq
}
