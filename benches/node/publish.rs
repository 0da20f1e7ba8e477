//! What a run leaves behind: `target/bench/results.json`, `table.md` and plots; and with `--publish` the same in `docs/`.
//!
//! A run of some parts replaces these and leaves the others as they were measured before.

use super::results::{Chart, Goal, Results, Row};
use load::report::number::quantity;
use load::report::plot::Size;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use time::OffsetDateTime;

const FOLDER: &str = "target/bench";
const DOCUMENT: &str = "docs/PERFORMANCE.md";
const PICTURES: &str = "docs/performance";

/// What the command line asks for, and how far it has come.
pub struct Plan {
    chosen: Vec<String>,
    count: usize,
    begun: usize,
    is_published: bool,
}

impl Plan {
    /// `-- memory growth --publish`; without names, all parts.
    pub fn from_command_line(parts: &[&str]) -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let (flags, chosen): (Vec<String>, Vec<String>) = words.into_iter().partition(|word| word.starts_with('-'));
        if let Some(unknown) = chosen.iter().find(|word| !parts.contains(&word.as_str())) {
            eprintln!("there is no part `{unknown}`; there are {}", parts.join(", "));
            std::process::exit(2);
        }
        let count = if chosen.is_empty() { parts.len() } else { chosen.len() };
        Self { chosen, count, begun: 0, is_published: flags.iter().any(|flag| flag == "--publish") }
    }

    /// Whether this part's turn has come; says so.
    pub fn begins(&mut self, part: &str) -> bool {
        let is_chosen = self.chosen.is_empty() || self.chosen.iter().any(|word| word == part);
        if is_chosen {
            self.begun += 1;
            eprintln!("[{}/{}] {part}", self.begun, self.count);
        }
        is_chosen
    }

    /// Writes everything down.
    pub fn finish(&self, results: &Results) {
        if results.rows.is_empty() {
            return;
        }
        let all = merged(results);
        fs::create_dir_all(FOLDER).expect("a folder can be made");
        write(Path::new(FOLDER).join("results.json"), &serde_json::to_string_pretty(&all).expect("JSON"));
        let tables = all.iter().map(|(part, run)| format!("## {part}\n\n{}", measured(run)));
        write(Path::new(FOLDER).join("table.md"), &tables.collect::<Vec<_>>().join("\n"));
        draw(Path::new(FOLDER), &results.charts);
        if self.is_published {
            fs::create_dir_all(PICTURES).expect("a folder can be made");
            draw(Path::new(PICTURES), &results.charts);
            publish(results, &all);
        }
    }
}

fn write(path: impl AsRef<Path>, text: &str) {
    fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()));
    eprintln!("wrote {}", path.as_ref().display());
}

fn draw(folder: &Path, charts: &[Chart]) {
    for chart in charts {
        write(folder.join(format!("{}.svg", chart.file)), &chart.plot.standalone_svg(Size::WIDE));
    }
}

/// What was known of other parts, and this run's parts.
fn merged(results: &Results) -> Map<String, Value> {
    let before = fs::read_to_string(Path::new(FOLDER).join("results.json")).ok();
    let mut all: Map<String, Value> = before.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let (machine, commit) = (machine(), commit());
    let date = OffsetDateTime::now_utc().date().to_string();
    for part in parts(results) {
        let rows: Vec<Value> = results.rows.iter().filter(|row| row.part == part).map(row_json).collect();
        let charts = results.charts.iter().filter(|chart| chart.part == part);
        let charts: Vec<Value> = charts.map(|chart| json!({ "file": chart.file, "title": chart.plot.title })).collect();
        let run = json!({ "date": date, "commit": commit, "machine": machine, "rows": rows, "charts": charts });
        all.insert(part.to_owned(), run);
    }
    all
}

fn parts(results: &Results) -> Vec<&'static str> {
    let mut parts: Vec<&'static str> = results.rows.iter().map(|row| row.part).collect();
    parts.dedup();
    parts
}

fn row_json(row: &Row) -> Value {
    json!({
        "name": row.name,
        "unit": row.unit,
        "value": row.value(),
        "rounds": row.rounds,
        "floor": row.floor_median(),
        "floor_rounds": row.floor,
        "ratio": row.floor_median().map(|floor| row.value() / floor),
        "goal": row.goal,
        "goal_text": goal(row),
        "is_reached": row.is_reached(),
    })
}

fn goal(row: &Row) -> Option<String> {
    match row.goal {
        Goal::TimesFloor(times) => Some(format!("at most {} × floor", quantity(times))),
        Goal::AtMost(most) => Some(format!("at most {}", quantity(most))),
        Goal::AtLeast(least) => Some(format!("at least {}", quantity(least))),
        Goal::None => None,
    }
}

/// A part's table as Markdown, and when and on what it was measured.
fn measured(run: &Value) -> String {
    let empty = Vec::new();
    let rows = run["rows"].as_array().unwrap_or(&empty);
    let (has_floor, has_goal) =
        (rows.iter().any(|row| row["floor"].is_number()), rows.iter().any(|row| row["goal_text"].is_string()));
    let mut columns = vec!["what", "median", "rounds"];
    columns.extend(if has_floor { ["floor", "ratio"].as_slice() } else { &[] });
    columns.extend(if has_goal { ["goal", "reached"].as_slice() } else { &[] });
    let rule = columns.iter().map(|name| if ["what", "goal", "reached"].contains(name) { "---" } else { "---:" });
    let rule = rule.collect::<Vec<_>>().join("|");
    let lines: Vec<String> = rows.iter().map(|row| line(row, &columns)).collect();
    format!(
        "| {} |\n|{rule}|\n{}\n\nMeasured on {} at {}; {}.\n",
        columns.join(" | "),
        lines.join("\n"),
        text(&run["date"]),
        text(&run["commit"]),
        text(&run["machine"])
    )
}

fn line(row: &Value, columns: &[&str]) -> String {
    let number = |value: &Value| value.as_f64().map_or(String::new(), digits);
    let cell = |name: &&str| match *name {
        "what" => text(&row["name"]),
        "median" => format!("**{}** {}", number(&row["value"]), text(&row["unit"])),
        "rounds" => spread(&row["rounds"]),
        "floor" => number(&row["floor"]),
        "ratio" => number(&row["ratio"]),
        "goal" => row["goal_text"].as_str().unwrap_or_default().to_owned(),
        _ => row["is_reached"].as_bool().map_or(String::new(), |yes| if yes { "yes" } else { "**no**" }.to_owned()),
    };
    format!("| {} |", columns.iter().map(cell).collect::<Vec<_>>().join(" | "))
}

/// Three digits, also of a value that happens to be whole: it was measured, not counted.
fn digits(value: f64) -> String {
    quantity(value * (1.0 + 1e-12))
}

/// The lowest and the highest round.
fn spread(rounds: &Value) -> String {
    let rounds: Vec<f64> = rounds.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    let (lowest, highest) = (rounds.iter().copied().reduce(f64::min), rounds.iter().copied().reduce(f64::max));
    match (lowest, highest) {
        (Some(lowest), Some(highest)) if rounds.len() > 1 => {
            format!("{} of {} to {}", rounds.len(), digits(lowest), digits(highest))
        }
        _ => String::from("1"),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().replace('|', "\\|")
}

/// Puts the tables and plots of this run's parts into the document.
fn publish(results: &Results, all: &Map<String, Value>) {
    let mut document = fs::read_to_string(DOCUMENT).expect("the document is there");
    for part in parts(results) {
        let run = &all[part];
        let charts = run["charts"].as_array().into_iter().flatten();
        let pictures: String = charts
            .map(|chart| format!("\n![{}](performance/{}.svg)\n", text(&chart["title"]), text(&chart["file"])))
            .collect();
        match between(&document, part) {
            Some((before, after)) => document = format!("{before}\n{}{pictures}{after}", measured(run)),
            None => eprintln!("{DOCUMENT} has no `<!-- bench:{part} -->` with its end: {part} is not published"),
        }
    }
    write(DOCUMENT, &document);
}

/// The document up to a part's first marker, and from its last one on.
fn between<'a>(document: &'a str, part: &str) -> Option<(&'a str, &'a str)> {
    let (first, last) = (format!("<!-- bench:{part} -->\n"), format!("<!-- /bench:{part} -->"));
    let begin = document.find(&first)? + first.len();
    let end = begin + document.get(begin..)?.find(&last)?;
    Some((document.get(..begin)?, document.get(end..)?))
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success());
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(hash) = git(&["rev-parse", "--short=9", "HEAD"]) else { return "no commit".into() };
    let changed = git(&["status", "--porcelain", "--", "src", "sql", "benches", "Cargo.lock"]);
    if changed.is_some_and(|changed| !changed.is_empty()) { format!("{hash} with changes") } else { hash }
}

fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        line.and_then(|line| line.split_once(':').map(|(_, value)| value.trim().to_owned()))
    };
    let model = value(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.into());
    let memory = value(&read("/proc/meminfo"), "MemTotal").and_then(|text| text.split(' ').next()?.parse().ok());
    let memory = memory.map_or(String::new(), |kib: f64| format!("{:.0} GiB, ", kib / f64::from(1 << 20)));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} processors ({model}), {memory}Linux {}", read("/proc/sys/kernel/osrelease").trim())
}
