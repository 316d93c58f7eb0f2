//! Chromium, driven the way a person uses it: by what is written on buttons and beside fields.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::key::Key;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::harness::Ends;

/// What a page shows is waited for; a machine that is busy with other tests takes its time.
const PATIENCE: Duration = Duration::from_mins(1);
const BETWEEN: Duration = Duration::from_millis(40);

/// How a browser is set up.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Setup {
    /// Whether pages may run scripts.
    pub(crate) no_script: bool,
}

/// A browser with a profile of its own, on a server.
pub(crate) struct Browser {
    runtime: Runtime,
    client: Option<Client>,
    driver: Ends,
    /// The address that paths lead on from.
    base: String,
    _profile: TempDir,
}

/// What a page has told the console, without what a browser says of answers that are no success.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) source: String,
    pub(crate) message: String,
}

/// Whether there is a browser; where there is none, says that something was skipped.
#[expect(clippy::print_stdout, reason = "what was not tested is said, and is an error in CI")]
pub(crate) fn is_there() -> bool {
    let missing = ["chromium", "chromedriver"].into_iter().find(|name| on_path(name).is_none());
    if let Some(name) = missing {
        println!("skipped: there is no {name} here, so no page was opened in a browser");
    }
    missing.is_none()
}

fn on_path(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

impl Browser {
    pub(crate) fn start(base: &str) -> Self {
        Self::start_with(base, Setup::default())
    }

    pub(crate) fn start_with(base: &str, setup: Setup) -> Self {
        let profile = TempDir::new().unwrap();
        let (driver, address) = start_driver(profile.path());
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let capabilities = capabilities(profile.path(), setup);
        let connector = HttpConnector::new();
        let client = runtime
            .block_on(ClientBuilder::new(connector).capabilities(capabilities).connect(&address))
            .unwrap();
        let browser =
            Self { runtime, client: Some(client), driver, base: base.to_owned(), _profile: profile };
        browser.set_size(1280, 900);
        browser
    }

    fn run<T>(&self, work: impl AsyncFnOnce(&Client) -> Result<T, CmdError>) -> T {
        self.try_to(work).unwrap_or_else(|error| panic!("{error}, at {}", self.address()))
    }

    fn try_to<T>(&self, work: impl AsyncFnOnce(&Client) -> Result<T, CmdError>) -> Result<T, CmdError> {
        self.runtime.block_on(work(self.client.as_ref().unwrap()))
    }

    /// Opens a path of the server.
    #[track_caller]
    pub(crate) fn open(&self, path: &str) {
        let address = format!("{}{path}", self.base);
        self.run(async |client| client.goto(&address).await);
    }

    fn address(&self) -> String {
        let address = self.try_to(async |client| client.current_url().await);
        address.map_or_else(|error| error.to_string(), |address| address.to_string())
    }

    /// The path of the page, with its query.
    pub(crate) fn path(&self) -> String {
        let address = self.address();
        address.strip_prefix(&self.base).unwrap_or(&address).to_owned()
    }

    /// Runs a script in the page, as a tester and not as the page.
    #[track_caller]
    pub(crate) fn script(&self, script: &str, args: &[Value]) -> Value {
        self.run(async |client| client.execute(script, args.to_vec()).await)
    }

    /// Waits until something is so.
    #[track_caller]
    pub(crate) fn wait(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(
                Instant::now() < until,
                "{what}: not in {} s at {}, which says:\n{}",
                PATIENCE.as_secs(),
                self.address(),
                self.text("body")
            );
            std::thread::sleep(BETWEEN);
        }
    }

    /// What is shown in the first thing that fits; nothing where nothing does.
    pub(crate) fn text(&self, css: &str) -> String {
        let script = "const one = document.querySelector(arguments[0]); return one?.innerText ?? one?.textContent ?? ''";
        // A page that is just being left has nothing to say.
        let text = self.try_to(async |client| client.execute(script, vec![css.into()]).await);
        text.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// What is shown in each thing that fits and is shown.
    #[track_caller]
    pub(crate) fn texts(&self, css: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].filter(one => one.getClientRects().length) \
            .map(one => one.innerText.trim())";
        serde_json::from_value(self.script(script, &[css.into()])).unwrap()
    }

    /// Waits until the page shows this.
    #[track_caller]
    pub(crate) fn sees(&self, text: &str) {
        self.wait(text, |browser| browser.text("body").contains(text));
    }

    /// Waits for a page with this heading.
    #[track_caller]
    pub(crate) fn is_at(&self, heading: &str) {
        self.wait(heading, |browser| browser.text("h1") == heading);
    }

    /// The first thing that fits and is shown.
    #[track_caller]
    fn shown(&self, what: &str, locator: Locator<'_>) -> Element {
        let mut found = None;
        self.wait(what, |browser| {
            found = browser
                .try_to(async |client| {
                    for element in client.find_all(locator).await? {
                        if element.is_displayed().await? {
                            return Ok(Some(element));
                        }
                    }
                    Ok(None)
                })
                .ok()
                .flatten();
            found.is_some()
        });
        found.unwrap()
    }

    /// Whether anything that fits is shown.
    pub(crate) fn shows(&self, css: &str) -> bool {
        let found = self.try_to(async |client| {
            for element in client.find_all(Locator::Css(css)).await? {
                if element.is_displayed().await? {
                    return Ok(true);
                }
            }
            Ok(false)
        });
        found.unwrap_or_default()
    }

    /// Clicks on a link or a button by what is written on it.
    #[track_caller]
    pub(crate) fn click(&self, text: &str) {
        let xpath = format!(
            "//*[self::a or self::button or self::summary][normalize-space(.)={0} or normalize-space(text())={0}]",
            quoted(text)
        );
        let element = self.shown(text, Locator::XPath(&xpath));
        self.run(async |_| element.click().await);
    }

    /// Clicks on the first thing that fits and is shown.
    #[track_caller]
    pub(crate) fn click_on(&self, css: &str) {
        let element = self.shown(css, Locator::Css(css));
        self.run(async |_| element.click().await);
    }

    /// The field beside this label.
    #[track_caller]
    fn field(&self, label: &str) -> Element {
        let label = quoted(label);
        let xpath = format!(
            "//*[@id=//label[normalize-space(text())={label} or normalize-space(.)={label}]/@for] \
             | //label[normalize-space(.)={label}]//input"
        );
        self.shown(&label, Locator::XPath(&xpath))
    }

    /// Types into the field with this label, after what is there was taken away.
    #[track_caller]
    pub(crate) fn fill(&self, label: &str, text: &str) {
        let field = self.field(label);
        self.run(async |_| {
            field.clear().await?;
            field.send_keys(text).await
        });
    }

    /// Chooses the radio button or the box with this label.
    #[track_caller]
    pub(crate) fn choose(&self, label: &str) {
        let field = self.field(label);
        self.run(async |_| field.click().await);
    }

    /// What stands in the field with this label.
    #[track_caller]
    pub(crate) fn value(&self, label: &str) -> String {
        let field = self.field(label);
        self.run(async |_| field.prop("value").await).unwrap_or_default()
    }

    /// Presses a key where the focus is.
    #[track_caller]
    pub(crate) fn press(&self, key: Key) {
        self.keys(&char::from(key).to_string());
    }

    /// Types where the focus is.
    #[track_caller]
    pub(crate) fn keys(&self, text: &str) {
        self.run(async |client| client.active_element().await?.send_keys(text).await);
    }

    /// The size of what is looked through, whatever the window is.
    pub(crate) fn set_size(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.tell("Emulation.setDeviceMetricsOverride", &size);
    }

    /// What the system says about colours: `light` or `dark`.
    pub(crate) fn prefer(&self, scheme: &str) {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.tell("Emulation.setEmulatedMedia", &media);
    }

    /// A command of the browser that the standard does not have.
    #[track_caller]
    fn tell(&self, command: &str, params: &Value) -> Value {
        let body = json!({ "cmd": command, "params": params });
        self.run(async |client| client.issue_cmd(Extra { path: "goog/cdp/execute", body }).await)
    }

    /// What pages have told the console since the last time.
    #[track_caller]
    pub(crate) fn console(&self) -> Vec<Told> {
        let body = json!({ "type": "browser" });
        let told = self.run(async |client| client.issue_cmd(Extra { path: "se/log", body }).await);
        let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let told = told
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| Told { source: text(entry, "source"), message: text(entry, "message") });
        told.collect()
    }

    /// Fails for anything that pages complained about, but for these statuses of answers.
    #[track_caller]
    pub(crate) fn complains_about_nothing_but(&self, statuses: &[u16]) {
        let is_expected = |told: &Told| {
            let named = |status: &u16| told.message.contains(&format!("status of {status}"));
            told.source == "network" && statuses.iter().any(named)
        };
        let told: Vec<_> = self.console().into_iter().filter(|told| !is_expected(told)).collect();
        assert!(told.is_empty(), "{told:#?}");
    }

    /// A picture of the page, PNG: of all of it, or of what is seen at first.
    #[track_caller]
    pub(crate) fn picture(&self) -> Vec<u8> {
        self.run(async |client| client.screenshot().await)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser ends with its session; one whose driver is only killed would live on.
        if let Some(client) = self.client.take() {
            let _ = self.runtime.block_on(client.close());
        }
        self.driver.terminate();
        let _ = self.driver.wait_for(Duration::from_secs(10));
    }
}

/// A command of Chromium's driver.
#[derive(Debug)]
struct Extra {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extra {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

/// A text in a path of elements, which has no escapes.
fn quoted(text: &str) -> String {
    if text.contains('"') { format!("'{text}'") } else { format!("\"{text}\"") }
}

fn start_driver(home: &Path) -> (Ends, String) {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .env("HOME", home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(driver.stdout.take().unwrap());
    let driver = Ends(driver);
    let mut said = String::new();
    let mut lines = stdout.lines().map_while(Result::ok);
    let port: u16 = lines
        .find_map(|line| {
            said.push_str(&line);
            line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok()
        })
        .unwrap_or_else(|| panic!("the driver of the browser did not start: {said}"));
    // It may say more, and must not be stopped by a pipe that nobody reads.
    std::thread::spawn(move || lines.for_each(drop));
    (driver, format!("http://127.0.0.1:{port}"))
}

fn capabilities(profile: &Path, setup: Setup) -> serde_json::Map<String, Value> {
    let profile = format!("--user-data-dir={}", profile.join("profile").display());
    let mut options = json!({
        "args": [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-extensions", "--force-prefers-reduced-motion", profile,
        ],
    });
    if setup.no_script {
        options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
    }
    let all = json!({
        "browserName": "chrome",
        "goog:chromeOptions": options,
        "goog:loggingPrefs": { "browser": "ALL" },
    });
    let Value::Object(all) = all else { unreachable!("it is written as one") };
    all
}
