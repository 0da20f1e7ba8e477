//! The README's tour, block by block, as a reader pastes it.

use super::node::{Node, data_folder};
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// What separates the blocks in the output.
const MARK: &str = "--- next block ---";

const ENGLISH: &str = include_str!("../../README.md");
const KOREAN: &str = include_str!("../../README.ko.md");

#[tokio::test(flavor = "current_thread")]
async fn the_tour_of_the_readme_works_when_it_is_pasted() {
    tour(ENGLISH).await;
}

#[tokio::test(flavor = "current_thread")]
async fn the_tour_of_the_korean_readme_works_when_it_is_pasted() {
    tour(KOREAN).await;
}

#[test]
fn both_readmes_have_the_same_blocks() {
    let all = |readme: &'static str| readme.split("```").skip(1).step_by(2).collect::<Vec<_>>();
    assert_eq!(all(KOREAN), all(ENGLISH));
}

async fn tour(readme: &str) {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let blocks = blocks(readme);
    assert!(blocks.len() >= 5, "the tour has its blocks");
    let script: String = blocks.iter().map(|(code, _)| format!("{code}\necho '{MARK}'\n")).collect();
    let script = script.replace("http://127.0.0.1:8000", &node.url);
    let mut shell = Command::new("bash")
        .args(["-euo", "pipefail"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("bash is there");
    let mut input = shell.stdin.take().expect("it has an input");
    input.write_all(script.as_bytes()).await.expect("it reads");
    drop(input);
    let output = shell.wait_with_output().await.expect("it ends");
    let (said, complaints) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complaints}");
    for ((code, expected), said) in blocks.iter().zip(said.split(MARK)) {
        let Some(expected) = expected else { continue };
        assert!(
            matches(said.trim(), expected.trim()),
            "after\n{code}\nthe README says\n{expected}\nbut it said\n{said}"
        );
    }
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// The `sh` blocks of the tour, each with the `text` block that follows it, if one does.
fn blocks(readme: &str) -> Vec<(String, Option<String>)> {
    let tour = readme.split("<!-- tour -->").nth(1).and_then(|rest| rest.split("<!-- /tour -->").next());
    let mut blocks: Vec<(String, Option<String>)> = Vec::new();
    let mut parts = tour.expect("there is a tour").split("```");
    parts.next();
    while let (Some(block), _) = (parts.next(), parts.next()) {
        match block.split_once('\n') {
            Some(("sh", code)) => blocks.push((code.to_owned(), None)),
            Some(("text", text)) => blocks.last_mut().expect("a text follows a block").1 = Some(text.to_owned()),
            _ => {}
        }
    }
    blocks
}

/// Whether `text` is what `pattern` says, where `…` stands for anything.
fn matches(text: &str, pattern: &str) -> bool {
    let mut rest = text;
    let mut pieces = pattern.split('…');
    let first = pieces.next().unwrap_or_default();
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    let mut last = None;
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
        last = Some(piece);
    }
    rest.is_empty() || last == Some("")
}
