//! `docs/BOUNDS.md`, held true: what it names exists, its values are those of the source, and no bound is missing.

use crate::layers::{code, sources};
use std::fs;
use std::path::{Path, PathBuf};

/// A constant is a bound by its type, or if it is a number and one of these words is in its name.
const BOUND_TYPES: [&str; 2] = ["Duration", "Rate"];
const BOUND_WORDS: [&str; 22] = [
    "MAX", "MIN", "LIMIT", "BOUND", "CAPACITY", "TIMEOUT", "MAILBOX", "BACKLOG", "ATTEMPTS", "TRIES", "ONCE", "QUEUE",
    "BATCH", "SIZE", "BYTES", "ROWS", "FRAMES", "UNREAD", "PER", "A", "S", "MS",
];
const NUMBER_TYPES: [&str; 10] =
    ["u8", "u16", "u32", "u64", "usize", "i32", "i64", "f64", "NonZeroUsize", "NonZeroU32"];
/// The lengths of what is random in a refresh token, and what follows from `FRAMES`.
const NO_BOUNDS: [&str; 3] = ["FAMILY_BYTES", "RANDOM_BYTES", "PER_SECOND"];
/// A number and its unit: bytes are plain numbers, times are microseconds.
const SIZES: [(&str, i128); 3] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20)];
const TIMES: [(&str, i128); 5] =
    [("ms", 1_000), ("s", 1_000_000), ("min", 60_000_000), ("h", 3_600_000_000), ("days", 86_400_000_000)];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Count(i128),
    Time(i128),
    Rate { burst: i128, refill: i128 },
}

/// A constant of the source.
struct Constant {
    file: PathBuf,
    module: String,
    name: String,
    kind: String,
    formula: String,
}

/// What a row of the page names, and the value that it gives for it.
struct Named {
    name: String,
    value: String,
}

/// Files of the product, with their code.
fn product() -> Vec<(PathBuf, String)> {
    let mut files = sources(Path::new("src"));
    if Path::new("crates").exists() {
        files.extend(sources(Path::new("crates")));
    }
    // The load tool has a document of its own.
    files.retain(|path| path.extension().is_some_and(|end| end == "rs") && !path.iter().any(|part| part == "load"));
    let read = |path: PathBuf| fs::read_to_string(&path).map(|text| (path.clone(), code(&text))).expect("text");
    files.into_iter().map(read).collect()
}

/// `newcomers` of `net/newcomers.rs`, `relay` of `relay/mod.rs`.
fn module(path: &Path) -> String {
    let stem = if path.ends_with("mod.rs") { path.parent().and_then(Path::file_name) } else { path.file_stem() };
    stem.unwrap_or_default().to_string_lossy().into_owned()
}

fn constants(files: &[(PathBuf, String)]) -> Vec<Constant> {
    let mut all = Vec::new();
    for (path, text) in files {
        for part in text.split("const ").skip(1) {
            let Some((head, rest)) = part.split_once(" = ") else { continue };
            let Some((name, kind)) = head.split_once(": ") else { continue };
            let is_one = name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
            if is_one && !kind.contains('\n') {
                let formula = rest.split(';').next().unwrap_or_default().to_owned();
                let (file, module) = (path.clone(), module(path));
                all.push(Constant { file, module, name: name.to_owned(), kind: kind.to_owned(), formula });
            }
        }
    }
    all
}

/// Reads a formula of the simple forms: whole numbers, `+ - * <<`, brackets, a `Duration`, a constant of the same file.
struct Formula<'a> {
    rest: &'a str,
    known: &'a dyn Fn(&str) -> Option<i128>,
}

impl Formula<'_> {
    fn takes(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn shift(&mut self) -> Option<i128> {
        let mut value = self.sum()?;
        while self.takes("<<") {
            value <<= u32::try_from(self.sum()?).ok()?;
        }
        Some(value)
    }

    fn sum(&mut self) -> Option<i128> {
        let mut value = self.product()?;
        loop {
            if self.takes("+") {
                value += self.product()?;
            } else if self.takes("-") {
                value -= self.product()?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<i128> {
        let mut value = self.atom()?;
        loop {
            if self.takes("*") {
                value *= self.atom()?;
            } else if self.takes("/") {
                value /= self.atom()?;
            } else {
                return Some(value);
            }
        }
    }

    fn atom(&mut self) -> Option<i128> {
        let forms = [
            ("(", 1, 0),
            ("Duration::from_secs(", 1_000_000, 0),
            ("Duration::from_millis(", 1_000, 0),
            ("Duration::from_micros(", 1, 0),
            ("NonZeroUsize::MIN.saturating_add(", 1, 1),
        ];
        for (start, factor, more) in forms {
            if self.takes(start) {
                let inner = self.shift()?;
                return self.takes(")").then_some(inner * factor + more);
            }
        }
        let length = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest.strip_prefix(".0").unwrap_or(rest);
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            word.replace('_', "").parse().ok()
        } else {
            (self.known)(word)
        }
    }
}

fn evaluate(text: &str, known: &dyn Fn(&str) -> Option<i128>) -> Option<i128> {
    let mut formula = Formula { rest: text, known };
    let value = formula.shift()?;
    formula.rest.trim().is_empty().then_some(value)
}

/// What a constant is worth; nothing where its formula has another form.
fn worth(constant: &Constant, all: &[Constant]) -> Option<Value> {
    let known = |name: &str| {
        let other = all.iter().find(|other| other.file == constant.file && other.name == name)?;
        match worth(other, all)? {
            Value::Count(value) | Value::Time(value) => Some(value),
            Value::Rate { .. } => None,
        }
    };
    if let Some(fields) = constant.formula.trim().strip_prefix("Rate {") {
        let (burst, refill) = fields.trim_end_matches(['}', ' ', ',']).split_once(',')?;
        let burst = evaluate(burst.trim().strip_prefix("burst: ")?, &known)?;
        return Some(Value::Rate { burst, refill: evaluate(refill.trim().strip_prefix("refill: ")?, &known)? });
    }
    let number = evaluate(&constant.formula, &known)?;
    Some(match constant.name.rsplit('_').next() {
        _ if constant.kind == "Duration" => Value::Time(number),
        Some("MS") => Value::Time(number * 1_000),
        Some("S") => Value::Time(number * 1_000_000),
        _ => Value::Count(number),
    })
}

/// `1,024`, `64 KiB of them`, `62.5 ms`, `50 at once, then one each 20 ms`.
fn stated(text: &str) -> Option<Value> {
    if let Some((burst, refill)) = text.split_once(" at once, then one each ") {
        return match (stated(burst)?, stated(refill)?) {
            (Value::Count(burst), Value::Time(refill)) => Some(Value::Rate { burst, refill }),
            _ => None,
        };
    }
    let mut words = text.split(' ');
    let number = words.next()?.replace(',', "");
    let unit = words.next().unwrap_or_default();
    let (whole, part) = number.split_once('.').unwrap_or((&number, ""));
    let parts = 10_i128.pow(u32::try_from(part.len()).ok()?);
    let number: i128 = format!("{whole}{part}").parse().ok()?;
    let of =
        |units: &[(&str, i128)]| units.iter().find(|(name, _)| *name == unit).map(|(_, worth)| number * worth / parts);
    of(&TIMES).map(Value::Time).or_else(|| of(&SIZES).map(Value::Count)).or(Some(Value::Count(number)))
}

/// The cells of each row of the page.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let lines = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| what is bounded |"));
    lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

fn spans(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn named(page: &str) -> Vec<Named> {
    let mut all = Vec::new();
    for row in rows(page) {
        assert_eq!(row.len(), 5, "{row:?}");
        let (names, values): (Vec<_>, Vec<_>) = (spans(row[1]).collect(), row[2].split("; ").collect());
        assert!(names.is_empty() || values.len() == 1 || values.len() == names.len(), "{names:?} have {values:?}");
        let value = |place: usize| values.get(place).or(values.first()).copied().unwrap_or_default();
        let of_row = names.iter().enumerate();
        all.extend(of_row.map(|(place, name)| Named { name: (*name).to_owned(), value: value(place).to_owned() }));
    }
    all
}

/// A name alone stands for the constants of that name that no row names with their module.
fn means(name: &str, constant: &Constant, all: &[Named]) -> bool {
    let full = format!("{}::{}", constant.module, constant.name);
    name == full || (name == constant.name && !all.iter().any(|other| other.name == full))
}

/// Whether a text has a number as a word, as Rust or SQL writes it.
fn has_number(text: &str, number: i128) -> bool {
    let text = text.replace('_', "");
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == number.to_string())
}

/// What is wrong with the value of something that is no constant.
fn fault_beside(named: &Named, files: &[(PathBuf, String)]) -> Option<String> {
    let Named { name, value } = named;
    let numbers = value.split(" to ").filter_map(|number| match stated(number)? {
        Value::Count(number) => Some(number),
        Value::Time(_) | Value::Rate { .. } => number.split(' ').next()?.parse().ok(),
    });
    let numbers: Vec<_> = numbers.collect();
    if name.ends_with(".sql") {
        let text = fs::read_to_string(name).unwrap_or_default();
        let text: String = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
        // `offset 99` keeps a hundred.
        let has = |number: &i128| has_number(&text, *number) || text.contains(&format!("offset {}", number - 1));
        return (text.is_empty() || !numbers.iter().all(has)).then(|| format!("{name} has no {value}"));
    }
    if let Some((kind, field)) = name.split_once("::") {
        let default = files
            .iter()
            .find_map(|(_, text)| text.split_once(&format!("impl Default for {kind} ")))
            .map(|found| found.1);
        let formula = default.and_then(|text| text.split_once(&format!("{field}: "))).map(|found| found.1);
        let formula = formula.and_then(|text| text.split([',', '}']).next()).unwrap_or_default();
        let is = evaluate(formula, &|_| None);
        let said = stated(value).map(|said| match said {
            Value::Count(number) | Value::Time(number) => number,
            Value::Rate { burst, .. } => burst,
        });
        return (is.is_none() || is != said).then(|| format!("{name} is {is:?} (`{}`), not {value}", formula.trim()));
    }
    let is_setting = name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let is_type = name.starts_with(|c: char| c.is_ascii_uppercase()) && !is_setting;
    let there = files.iter().any(|(path, text)| {
        if is_setting {
            let range = numbers.iter().map(i128::to_string).collect::<Vec<_>>().join("..=");
            let mut lines = text.lines().filter(|line| line.contains(&format!("\"{name}\"")));
            path.ends_with("config.rs") && lines.any(|line| line.replace('_', "").contains(&range))
        } else if is_type {
            let is_made = text.contains(&format!("struct {name}(")) || text.contains(&format!(" {name} = "));
            is_made && numbers.iter().all(|number| has_number(text, *number))
        } else {
            text.contains(name)
        }
    });
    (!there).then(|| format!("{name} with {value} is not in the source"))
}

#[test]
fn what_the_page_names_is_there_and_has_its_value() {
    let page = fs::read_to_string("docs/BOUNDS.md").expect("text");
    let (files, named) = (product(), named(&page));
    let constants = constants(&files);
    let (mut faults, mut values) = (Vec::new(), 0);
    for one in &named {
        let meant: Vec<_> = constants.iter().filter(|constant| means(&one.name, constant, &named)).collect();
        if meant.is_empty() {
            faults.extend(fault_beside(one, &files));
        }
        for constant in meant {
            let Some(worth) = worth(constant, &constants) else { continue };
            values += 1;
            if stated(&one.value).as_ref() != Some(&worth) {
                faults.push(format!("{} is {} ({worth:?}), not {}", one.name, constant.formula, one.value));
            }
        }
    }
    assert!(faults.is_empty(), "docs/BOUNDS.md: {faults:#?}");
    assert!(values > 200, "{values} values can be read");
}

#[test]
fn every_test_that_the_page_names_is_there_and_each_row_has_one_or_says_that_it_has_none() {
    let page = fs::read_to_string("docs/BOUNDS.md").expect("text");
    let mut files: Vec<_> = product().into_iter().map(|(path, _)| path).collect();
    files
        .extend(fs::read_dir("tests").expect("a folder").flat_map(|entry| all_below(&entry.expect("an entry").path())));
    files.extend(all_below(Path::new("src")));
    for row in rows(&page) {
        let told = row.last().copied().unwrap_or_default();
        assert!(told.contains("::") || told.starts_with("no test"), "no test of {row:?}");
    }
    for name in spans(&page).filter(|name| name.contains(".rs::")) {
        let (file, test) = name.split_once("::").expect("a test");
        let has = |path: &&PathBuf| fs::read_to_string(path).is_ok_and(|text| text.contains(&format!("fn {test}(")));
        let found = files.iter().filter(|path| path.ends_with(file)).find(has);
        assert!(found.is_some(), "there is no {name}");
    }
}

/// Every file, those of tests too.
fn all_below(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else { return vec![path.to_owned()] };
    entries.flat_map(|entry| all_below(&entry.expect("an entry").path())).collect()
}

#[test]
fn no_bound_is_missing() {
    let page = fs::read_to_string("docs/BOUNDS.md").expect("text");
    let (files, named) = (product(), named(&page));
    let is_bound = |constant: &&Constant| {
        let has_word = || constant.name.split('_').any(|word| BOUND_WORDS.contains(&word));
        let is_number = NUMBER_TYPES.contains(&constant.kind.as_str());
        BOUND_TYPES.contains(&constant.kind.as_str())
            || (is_number && has_word() && !NO_BOUNDS.contains(&constant.name.as_str()))
    };
    let constants = constants(&files);
    let bounds = constants.iter().filter(is_bound);
    let missing = bounds.filter(|constant| !named.iter().any(|one| means(&one.name, constant, &named)));
    let missing: Vec<_> = missing.map(|constant| format!("{}: {}", constant.file.display(), constant.name)).collect();
    assert!(missing.is_empty(), "not in docs/BOUNDS.md: {missing:#?}");
}
