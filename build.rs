//! Takes the web client in `web/` into the binary: each file packed with gzip, under one hash of all of them, and the page with that hash
//! in its references. It reads nothing else, and makes the same of the same files.

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Error, Result, Write as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

const FOLDER: &str = "web";
const PAGE: &str = "index.html";
/// What is looked through, beside the page and its icons. The rest of the folder is tools and their settings.
const PARTS: [&str; 4] = ["app", "style", "vendor", "emoji"];
/// So many digits of the hash are in every file's address.
const HASH_DIGITS: usize = 16;

/// Each file by its path below the folder, in the order of the paths.
type Files = BTreeMap<String, Vec<u8>>;

fn main() -> Result<()> {
    let out = env::var_os("OUT_DIR").map(PathBuf::from).ok_or_else(|| Error::other("cargo says no OUT_DIR"))?;
    let mut files = Files::new();
    for name in names(Path::new(FOLDER))?.iter().map(String::as_str).filter(|name| is_served(name)).chain(PARTS) {
        println!("cargo::rerun-if-changed={FOLDER}/{name}");
        collect(name, &mut files)?;
    }
    let hash = hash(&files);
    let page = files.remove(PAGE).ok_or_else(|| Error::other("web/index.html is missing"))?;
    let page = String::from_utf8(page).map_err(|_| Error::other("web/index.html is not UTF-8"))?;
    let page = with_hash(&page, &hash, &files)?;
    fs::write(out.join("page.gz"), packed(page.as_bytes())?)?;
    let mut list = String::new();
    for (number, (path, bytes)) in files.iter().enumerate() {
        fs::write(out.join(format!("{number}.gz")), packed(bytes)?)?;
        let bytes = format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{number}.gz\"))");
        let _ = writeln!(list, "    ({path:?}, {bytes}),");
    }
    let source = format!(
        "const HASH: &str = {hash:?};\n\
         const PAGE: &[u8] = include_bytes!(concat!(env!(\"OUT_DIR\"), \"/page.gz\"));\n\
         const FILES: &[(&str, &[u8])] = &[\n{list}];\n"
    );
    fs::write(out.join("web_client.rs"), source)
}

/// Takes a file, or what is served of a folder.
fn collect(path: &str, files: &mut Files) -> Result<()> {
    let at = Path::new(FOLDER).join(path);
    if at.is_dir() {
        return names(&at)?.iter().try_for_each(|name| collect(&format!("{path}/{name}"), files));
    }
    if is_served(path) {
        files.insert(path.to_owned(), fs::read(at)?);
    }
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let name = |entry: Result<fs::DirEntry>| {
        let not_text = |name| Error::other(format!("{name:?} in {} is not UTF-8", folder.display()));
        entry?.file_name().into_string().map_err(not_text)
    };
    let read = |error| Error::other(format!("{}: {error}", folder.display()));
    fs::read_dir(folder).map_err(read)?.map(name).collect()
}

/// Whether clients load it, or want to read under which licence they have it.
fn is_served(path: &str) -> bool {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending);
    match path.split_once('/') {
        None => path == PAGE || ending == Some("svg"),
        Some(("app", _)) => ending == Some("js"),
        Some(("style", _)) => ending == Some("css"),
        Some(("vendor", name)) => ending == Some("js") || name.starts_with("LICENSE"),
        Some(("emoji", _)) => ending == Some("json"),
        Some(_) => false,
    }
}

fn hash(files: &Files) -> String {
    let mut hash = Sha256::new();
    for (path, bytes) in files {
        // Lengths first: no two sets of files come to the same bytes.
        for part in [path.as_bytes(), bytes] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    let mut digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    digits.truncate(HASH_DIGITS);
    digits
}

/// The page, whose references to files (`"./app/main.js"`) become relative ones to where they are served.
fn with_hash(page: &str, hash: &str, files: &Files) -> Result<String> {
    let mut parts = page.split("\"./");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let path = part.split('"').next().unwrap_or_default();
        if !files.contains_key(path) {
            return Err(Error::other(format!("web/index.html refers to ./{path}, which is not served")));
        }
        let _ = write!(text, "\"./web/{hash}/{part}");
    }
    Ok(text)
}

/// The header names neither a time nor a system: the same bytes on every machine.
fn packed(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}
