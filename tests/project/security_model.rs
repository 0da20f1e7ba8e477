//! `docs/SECURITY_MODEL.md`, held true: every file that it names is there, and every test is in its file.

use std::fs;
use std::path::Path;

#[test]
fn what_the_model_names_is_there() {
    let model = fs::read_to_string("docs/SECURITY_MODEL.md").expect("text");
    let mut tests = 0;
    for name in model.split('`').skip(1).step_by(2) {
        let (file, test) = name.split_once("::").map_or((name, None), |(file, test)| (file, Some(test)));
        let folder = file.split('/').next().unwrap_or_default();
        if !["src", "tests", "sql", "docs"].contains(&folder) || file == folder {
            continue;
        }
        assert!(Path::new(file).exists(), "there is no {file}");
        if let Some(test) = test {
            let text = fs::read_to_string(file).expect("text");
            assert!(text.contains(&format!("fn {test}(")), "{file} has no {test}");
            tests += 1;
        }
    }
    assert!(tests > 50, "it names {tests} tests");
}
