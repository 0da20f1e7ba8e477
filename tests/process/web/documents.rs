//! The pages about the calls: they are drawn with nothing from elsewhere, by day and by night, on a desk and in a hand.

use super::super::node::{Node, data_folder};
use super::browser::Browser;
use serde_json::{Value, json};

/// `--paper` of `web/style/theme.css`.
const DAY: &str = "rgb(253, 251, 247)";
const NIGHT: &str = "rgb(31, 34, 31)";

/// What says that a page is drawn.
const PAGES: [(&str, &str); 2] = [("docs", "#swagger-ui .opblock"), ("redoc", "#redoc [data-section-id] h2")];

/// Sets the light in which somebody sits, and how wide the screen is.
async fn look_from(browser: &Browser, scheme: &str, width: u32) {
    let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
    browser.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    let size = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600 });
    browser.devtools("Emulation.setDeviceMetricsOverride", size).await;
}

async fn paper(browser: &Browser) -> Value {
    browser.run("return getComputedStyle(document.documentElement).backgroundColor", &[]).await
}

#[tokio::test(flavor = "current_thread")]
async fn the_documents_are_drawn_by_day_and_by_night_wide_and_narrow() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let Some(browser) = Browser::open("en", (1280, 800)).await else { return };
    for (page, drawn) in PAGES {
        for (scheme, color, width) in [("light", DAY, 1280), ("dark", NIGHT, 360)] {
            look_from(&browser, scheme, width).await;
            // A slash behind it changes nothing.
            for address in [format!("{}/{page}", node.url), format!("{}/{page}/", node.url)] {
                browser.go(&address).await;
                browser.find(drawn).await;
                assert_eq!(paper(&browser).await, color, "{address}");
                let wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
                assert_eq!(browser.run(wide, &[]).await, 0, "{address} is wider than {width} pixels");
                let ways = "return [...document.querySelectorAll('.head nav a')].map((way) => way.href)";
                let all = ["", "docs", "redoc", "asyncapi.json"].map(|path| format!("{}/{path}", node.url));
                assert_eq!(browser.run(ways, &[]).await, json!(all));
            }
        }
    }
    let elsewhere = "return performance.getEntriesByType('resource').map((entry) => entry.name)
        .filter((name) => new URL(name).origin !== location.origin && !/^(blob|data):/.test(name))";
    assert_eq!(browser.run(elsewhere, &[]).await, json!([]));
    for entry in browser.console().await {
        let said = entry["message"].as_str().unwrap_or_default();
        assert!(entry["level"] != "SEVERE" && !said.contains("Content Security Policy"), "{entry}");
    }
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// The theme that was chosen in the chat holds for what it leads to.
#[tokio::test(flavor = "current_thread")]
async fn the_documents_have_the_theme_that_was_chosen_in_the_chat() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let Some(browser) = Browser::open("en", (1280, 800)).await else { return };
    look_from(&browser, "light", 1280).await;
    browser.go(&format!("{}/", node.url)).await;
    let choose = "const theme = document.querySelector('[data-test=theme]');
        theme.value = 'dark';
        theme.dispatchEvent(new Event('change', { bubbles: true }))";
    browser.find("[data-test=theme]").await;
    browser.run(choose, &[]).await;
    for (page, drawn) in PAGES {
        browser.go(&format!("{}/{page}", node.url)).await;
        browser.find(drawn).await;
        assert_eq!(paper(&browser).await, NIGHT, "{page}");
    }
    browser.click(".head nav a").await;
    browser.find("[data-test=login]").await;
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
