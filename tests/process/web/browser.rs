//! A real Chromium, driven over WebDriver with the few commands that the tests need. A library would save some lines, but the one that
//! is kept has serde_json keep the order of keys, and then so would the node that is tested.

use super::super::node::PATIENCE;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::num::NonZero;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// The key of an element in WebDriver's answers (W3C WebDriver, 12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// With these errors no key was typed.
const UNTOUCHED: [&str; 2] = ["stale element reference", "element not interactable"];
const POLL: Duration = Duration::from_millis(25);
/// In each document before its own scripts: what its content policy forbids is noted, and no call is left out of its list of calls.
const WATCH: &str = "window.violations = [];
    document.addEventListener('securitypolicyviolation', (event) => {
        violations.push(`${event.effectiveDirective}: ${event.blockedURI} ${event.sourceFile}`);
    });
    performance.setResourceTimingBufferSize(100000)";

/// Tests that have a browser open at once: as many as there are processors, for a browser takes one, while other tests mostly wait.
static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    Arc::new(Semaphore::new(processors))
});
thread_local! {
    /// The place of the test that runs on this thread, for all of its browsers.
    static PLACE: RefCell<Weak<OwnedSemaphorePermit>> = const { RefCell::new(Weak::new()) };
}

async fn place() -> Arc<OwnedSemaphorePermit> {
    if let Some(place) = PLACE.with_borrow(Weak::upgrade) {
        return place;
    }
    let place = Arc::new(Arc::clone(&PLACES).acquire_owned().await.expect("never closed"));
    PLACE.set(Arc::downgrade(&place));
    place
}

/// What is there, for whoever waits in vain: the beginning and the end of the text, the connection, and where the list of messages stands.
const SHOWN: &str = "const text = document.body.innerText;
    const list = document.querySelector('[data-test=messages]');
    const rows = document.querySelectorAll('[data-test=message]');
    const { scrollTop, clientHeight, scrollHeight } = list ?? {};
    return {
        text: text.length > 3000 ? `${text.slice(0, 2000)} … ${text.slice(-1000)}` : text,
        connection: document.querySelector('[data-test=connection]')?.dataset.state,
        rows: rows.length, last: [...rows].at(-1)?.dataset.seq, scrollTop, clientHeight, scrollHeight,
    }";

/// One browser with a profile of its own and one page.
pub struct Browser {
    driver: Child,
    http: reqwest::Client,
    session: String,
    _profile: TempDir,
    _place: Arc<OwnedSemaphorePermit>,
}

/// Where Chromium and its driver are, if both are there.
fn programs() -> Option<(PathBuf, PathBuf)> {
    let find = |names: &[&str]| {
        let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
        names.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|file| file.exists()))
    };
    Some((find(&["chromium", "chromium-browser", "google-chrome"])?, find(&["chromedriver"])?))
}

impl Browser {
    /// Opens one, in this language, with a window of this size; `None`, and a line that says so, where there is none to be had.
    pub async fn open(language: &str, (width, height): (u32, u32)) -> Option<Self> {
        let Some((chromium, driver)) = programs() else {
            eprintln!("Chromium or chromedriver is not installed: the page is not tried");
            return None;
        };
        let place = place().await;
        let profile = tempfile::tempdir().expect("a folder can be made");
        // Chromium goes with its driver's group, also where a test fails.
        let mut driver = Command::new(driver)
            .args(["--port=0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .expect("the driver starts");
        let mut lines = BufReader::new(driver.stdout.take().expect("it has an output")).lines();
        let port = loop {
            let line = timeout(PATIENCE, lines.next_line()).await.expect("it says nothing").expect("text");
            let line = line.expect("the driver did not start");
            if let Some(port) = line.split("successfully on port ").nth(1).map(|rest| rest.trim_end_matches('.')) {
                break port.to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let arguments = json!([
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-timer-throttling",
            "--disable-backgrounding-occluded-windows",
            "--disable-renderer-backgrounding",
            "--disable-component-update",
            "--disable-background-networking",
            format!("--lang={language}"),
            format!("--accept-lang={language}"),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", profile.path().display()),
        ]);
        let options = json!({ "binary": chromium, "args": arguments });
        let capabilities = json!({
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" },
            "unhandledPromptBehavior": "ignore", "timeouts": { "script": PATIENCE.as_millis() as u64 },
        });
        let mut browser =
            Self { driver, http: reqwest::Client::new(), session: String::new(), _profile: profile, _place: place };
        let base = format!("http://127.0.0.1:{port}/session");
        let begun = browser.ask(&base, json!({ "capabilities": { "alwaysMatch": capabilities } })).await;
        let begun = begun.unwrap_or_else(|error| panic!("no session: {error}"));
        browser.session = format!("{base}/{}", begun["sessionId"].as_str().expect("an id"));
        // What is shown depends on the window inside its frame.
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        browser.devtools("Emulation.setDeviceMetricsOverride", size).await;
        browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH })).await;
        Some(browser)
    }

    async fn ask(&self, url: &str, body: Value) -> Result<Value, Value> {
        let answer = timeout(PATIENCE, self.http.post(url).json(&body).send()).await.expect("the driver hangs");
        let answer = answer.expect("an answer");
        let is_good = answer.status().is_success();
        let mut said: Value = answer.json().await.expect("JSON");
        let value = said["value"].take();
        if is_good { Ok(value) } else { Err(value) }
    }

    pub(super) async fn command(&self, path: &str, body: Value) -> Result<Value, Value> {
        self.ask(&format!("{}/{path}", self.session), body).await
    }

    /// A command of Chromium's own protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let done = self.command("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await;
        done.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Goes to an address.
    pub async fn go(&self, url: &str) {
        self.command("url", json!({ "url": url })).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// The same address once more.
    pub async fn reload(&self) {
        self.command("refresh", json!({})).await.unwrap_or_else(|error| panic!("it is not loaded again: {error}"));
    }

    /// The value of a script, whose `arguments` are there under that name.
    pub async fn run(&self, script: &str, arguments: &[Value]) -> Value {
        let done = self.command("execute/sync", json!({ "script": script, "args": arguments })).await;
        done.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until a script's value is true.
    pub async fn until(&self, what: &str, script: &str, arguments: &[Value]) {
        let wait = async {
            while self.run(script, arguments).await != true {
                tokio::time::sleep(POLL).await;
            }
        };
        if timeout(PATIENCE, wait).await.is_err() {
            let shown = self.run(SHOWN, &[]).await;
            panic!("{what} does not come; there is: {shown}\n{:?}", self.console().await);
        }
    }

    /// The element with this selector, once there is one that is shown.
    pub async fn find(&self, selector: &str) -> String {
        let is_shown = "const found = document.querySelector(arguments[0]);
            return !!found && found.checkVisibility({ visibilityProperty: true })";
        self.until(selector, is_shown, &[selector.into()]).await;
        let found = self.command("element", json!({ "using": "css selector", "value": selector })).await;
        let found = found.unwrap_or_else(|error| panic!("{selector}: {error}"));
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    /// Clicks as a person would; again where something moves or lies over it at first.
    pub async fn click(&self, selector: &str) {
        let mut refusal = Value::Null;
        let click = async {
            loop {
                let element = self.find(selector).await;
                match self.command(&format!("element/{element}/click"), json!({})).await {
                    Ok(_) => return,
                    Err(error) => refusal = error["message"].clone(),
                }
                tokio::time::sleep(POLL).await;
            }
        };
        let done = timeout(PATIENCE, click).await;
        assert!(done.is_ok(), "{selector} cannot be clicked: {refusal}");
    }

    /// Types into an element, key by key; again where the page has drawn it anew before a key was typed.
    pub async fn type_into(&self, selector: &str, text: &str) {
        let mut refusal = Value::Null;
        let type_it = async {
            loop {
                let element = self.find(selector).await;
                match self.command(&format!("element/{element}/value"), json!({ "text": text })).await {
                    Ok(_) => return,
                    Err(error) => {
                        let is_drawn_anew = UNTOUCHED.iter().any(|untouched| error["error"] == *untouched);
                        assert!(is_drawn_anew, "{selector}: {error}");
                        refusal = error["error"].clone();
                    }
                }
                tokio::time::sleep(POLL).await;
            }
        };
        let done = timeout(PATIENCE, type_it).await;
        assert!(done.is_ok(), "{selector} cannot be typed into: {refusal}");
    }

    /// What the console was told since it was asked last.
    pub async fn console(&self) -> Vec<Value> {
        let log = self.command("se/log", json!({ "type": "browser" })).await;
        log.unwrap_or_else(|error| panic!("no log: {error}")).as_array().cloned().unwrap_or_default()
    }

    /// A picture of the page, into a file.
    pub async fn picture(&self, file: &std::path::Path) {
        use base64::Engine;
        let picture = self.devtools("Page.captureScreenshot", json!({ "format": "png" })).await;
        let picture = base64::engine::general_purpose::STANDARD.decode(picture["data"].as_str().expect("a picture"));
        std::fs::write(file, picture.expect("base64")).expect("it can be written");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(group) = self.driver.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
