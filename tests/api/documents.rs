//! The documents for machines.

use crate::support::client::{id, keys};
use crate::support::endpoints::{ENDPOINTS, Endpoint, Who};
use crate::support::{By, Method, PASSWORD, TestApp, Value, json, spawn_app, spawn_app_with};
use std::collections::BTreeSet;

async fn document(app: &TestApp) -> Value {
    let answer = app.get("/openapi.json", By::Nobody).await;
    assert_eq!(answer.header("content-type"), "application/json");
    answer.is(200)
}

fn operation<'a>(document: &'a Value, endpoint: &Endpoint) -> &'a Value {
    &document["paths"][endpoint.path][endpoint.method.as_str().to_lowercase()]
}

/// What a reference points to; anything else is itself.
fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|path| path.strip_prefix('#')) {
        Some(path) => document.pointer(path).unwrap_or_else(|| panic!("nothing at {path}")),
        None => schema,
    }
}

/// The fields that a schema demands and those that it knows.
fn fields<'a>(document: &'a Value, schema: &'a Value) -> (BTreeSet<&'a str>, BTreeSet<&'a str>) {
    let schema = resolve(document, schema);
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let known = keys(&schema["properties"]).into_iter().collect();
    schema["allOf"].as_array().into_iter().flatten().map(|part| fields(document, part)).fold(
        (required, known),
        |(mut required, mut known): (BTreeSet<_>, BTreeSet<_>), (more_required, more_known)| {
            required.extend(more_required);
            known.extend(more_known);
            (required, known)
        },
    )
}

/// A real answer has what its schema demands, and nothing that the schema does not know.
fn fits(document: &Value, schema: &Value, answer: &Value, call: &str) {
    let schema = resolve(document, schema);
    if schema["type"] == "array" {
        let items = answer.as_array().unwrap_or_else(|| panic!("{call}: no list"));
        assert!(!items.is_empty(), "{call}: an empty list shows nothing");
        return items.iter().for_each(|item| fits(document, &schema["items"], item, call));
    }
    let (required, known) = fields(document, schema);
    let is: BTreeSet<_> = keys(answer).into_iter().collect();
    assert!(!known.is_empty(), "{call}: the schema is empty");
    assert!(required.is_subset(&is) && is.is_subset(&known), "{call}: {answer} for {required:?} of {known:?}");
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let kinds = match &property["type"] {
            Value::Array(kinds) => kinds.clone(),
            Value::String(kind) => vec![json!(kind)],
            _ => continue,
        };
        let is = match &answer[name] {
            Value::Null => "null",
            Value::String(_) => "string",
            Value::Number(_) => "integer",
            Value::Array(_) => "array",
            Value::Bool(_) => "boolean",
            Value::Object(_) => "object",
        };
        assert!(kinds.contains(&json!(is)) || answer.get(name).is_none(), "{call}: {name} is {is}, not {kinds:?}");
    }
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_lists_exactly_the_endpoints() {
    let app = spawn_app().await;
    let document = document(&app).await;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{document}");
    let paths = document["paths"].as_object().expect("paths");
    let operations: Vec<&Value> = paths.values().flat_map(|item| item.as_object().expect("methods").values()).collect();
    let names: BTreeSet<&str> = operations.iter().filter_map(|operation| operation["operationId"].as_str()).collect();
    assert_eq!(names.len(), operations.len(), "each has a name of its own: {names:?}");
    let methods = |item: &Value| keys(item).into_iter().map(str::to_uppercase).collect::<Vec<_>>();
    let listed: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, item)| methods(item).into_iter().map(move |method| format!("{method} {path}")))
        .collect();
    let expected = ENDPOINTS.iter().map(|endpoint| format!("{} {}", endpoint.method, endpoint.path)).collect();
    assert_eq!(listed, expected);
}

/// The pages show it in a list to choose from, in which a sentence does not fit.
#[tokio::test]
async fn an_error_s_example_is_called_by_its_code() {
    let document = document(&spawn_app().await).await;
    let mut count = 0;
    let shared = document["components"]["examples"].as_object().expect("examples").values();
    let operations = document["paths"]
        .as_object()
        .expect("paths")
        .values()
        .flat_map(|item| item.as_object().expect("methods").values());
    let responses = operations.flat_map(|operation| operation["responses"].as_object().expect("responses").values());
    let own = responses.flat_map(|response| response["content"]["application/json"]["examples"].as_object());
    for example in shared.chain(own.flat_map(|examples| examples.values())).filter(|example| example["$ref"].is_null())
    {
        assert_eq!(example["summary"], example["value"]["code"], "{example}");
        assert!(
            example["summary"].is_string() && example["description"].as_str().is_some_and(|text| text.len() > 20),
            "{example}"
        );
        count += 1;
    }
    assert!(count > 40, "{count}");
}

#[tokio::test]
async fn every_operation_lists_its_errors_and_every_body_has_an_example() {
    let app = spawn_app().await;
    let document = document(&app).await;
    for endpoint in &ENDPOINTS {
        let name = format!("{} {}", endpoint.method, endpoint.path);
        let operation = operation(&document, endpoint);
        assert!(operation["summary"].as_str().is_some_and(|summary| summary.len() > 3), "{name}");
        let statuses = keys(&operation["responses"]);
        let has = |status: &str| statuses.contains(&status);
        let expected = match (endpoint.method.as_str(), endpoint.path) {
            ("POST", "/auth/register") => &["201", "400", "413", "422"][..],
            ("POST", "/auth/login") => &["200", "401", "413", "422"],
            ("POST", "/auth/refresh") => &["200", "401", "413", "422"],
            ("POST", "/auth/ws-ticket") => &["200", "401"],
            ("POST", "/auth/logout") | ("DELETE", "/auth/sessions") => &["204", "401", "404"],
            ("DELETE", "/auth/sessions/{session_id}") => &["204", "401", "404", "422"],
            ("DELETE", "/users/me") => &["204", "400", "401", "413", "422"],
            ("GET", "/users/me" | "/users/me/export" | "/servers/" | "/auth/sessions") => &["200", "401"],
            ("PUT", "/users/me") => &["200", "400", "401", "413", "422"],
            ("GET", "/users/{user_id}") => &["200", "401", "404", "422"],
            ("POST", "/users/lookup") => &["200", "401", "413", "422"],
            ("POST", "/servers/") => &["201", "400", "401", "413", "422"],
            ("POST", "/channels/" | "/servers/{server_id}/roles") => &["201", "400", "401", "403", "404", "413", "422"],
            ("POST", "/channels/{channel_id}/messages") => {
                &["200", "201", "400", "401", "403", "404", "409", "413", "422"]
            }
            ("POST", "/servers/{server_id}/join") => &["200", "400", "401", "404", "422"],
            ("PUT", "/servers/{server_id}/owner") => &["200", "400", "401", "403", "404", "422"],
            ("POST", "/servers/{server_id}/leave") => &["204", "400", "401", "404", "422"],
            ("GET", "/healthz") => &["200"],
            ("GET", "/readyz") => &["200", "503"],
            ("GET", _) => &["200", "401", "403", "404", "422"],
            ("PATCH", _) => &["200", "401", "403", "404", "413", "422"],
            ("PUT", path) if path.contains("{m") || path.contains("{role") => &["204", "401", "403", "404", "422"],
            ("PUT", path) if path.ends_with("order") => &["204", "401", "403", "404", "409", "413", "422"],
            ("PUT", _) => &["200", "401", "403", "404", "413", "422"],
            _ => &["204", "401", "403", "404", "422"],
        };
        assert!(expected.iter().all(|status| has(status)), "{name} has {statuses:?} of {expected:?}");
        assert_eq!(
            has("401"),
            endpoint.who == Who::Token || matches!(endpoint.path, "/auth/login" | "/auth/refresh"),
            "{name}"
        );
        let is_open = operation["security"].as_array().expect("who may").is_empty();
        assert_eq!(is_open, endpoint.who == Who::Anyone, "{name}");
        let responses = operation["responses"].as_object().into_iter().flatten().map(|(_, response)| response);
        for body in responses.chain([&operation["requestBody"]]) {
            for content in body["content"].as_object().into_iter().flatten().map(|(_, content)| content) {
                assert!(has_example(&document, content), "{name}: {content}");
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string() && parameter["schema"].is_object(), "{name}: {parameter}");
        }
    }
}

/// An example of its own, or one for each field that must be there.
fn has_example(document: &Value, content: &Value) -> bool {
    if !content["example"].is_null() || !content["examples"].is_null() {
        return true;
    }
    let mut schema = resolve(document, &content["schema"]);
    if schema["type"] == "array" {
        schema = resolve(document, &schema["items"]);
    }
    let parts = schema["allOf"].as_array().map_or(vec![schema], |parts| parts.iter().collect());
    parts.into_iter().map(|part| resolve(document, part)).all(|part| {
        let mut properties = part["properties"].as_object().into_iter().flatten();
        properties.all(|(_, field)| {
            let field = resolve(document, field);
            let is = |key: &str| !field[key].is_null();
            is("example") || is("examples") || is("items") || field["format"] == "date-time" || is("oneOf")
        })
    })
}

#[tokio::test]
async fn login_is_an_oauth2_password_flow() {
    let app = spawn_app().await;
    let document = document(&app).await;
    let schemes = document["components"]["securitySchemes"].as_object().expect("security schemes");
    let (name, scheme) = schemes.iter().next().expect("one scheme");
    assert_eq!((&scheme["type"], &scheme["flows"]["password"]["tokenUrl"]), (&json!("oauth2"), &json!("auth/login")));
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.who == Who::Token) {
        assert!(operation(&document, endpoint)["security"][0][name].is_array(), "{}", endpoint.path);
    }
    let login = &document["paths"]["/auth/login"]["post"]["requestBody"]["content"];
    assert_eq!(keys(login), ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"]);
}

#[tokio::test]
async fn real_answers_fit_their_schemas() {
    let app = spawn_app().await;
    let document = document(&app).await;
    let (mina, banned, server, channel) = app.two_members().await;
    app.socket(channel, &mina).await.say_and_hear("hello").await;
    app.put(&format!("/servers/{server}/bans/{}", banned.id), &mina, json!({})).await.is(200);
    app.role(&mina, server, json!({ "name": "Moderators" })).await;
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.who == Who::Token && !endpoint.is_final()) {
        let user = if endpoint.is_about_bans() { banned.id } else { mina.id };
        let path = endpoint.path_of(user, server, channel);
        let body = endpoint.body.replace(r#""server_id": 1"#, &format!(r#""server_id": {server}"#));
        let answer = app.call(endpoint.method.clone(), &path, &mina, |call| call.body(body)).await;
        if answer.status == 204 {
            continue;
        }
        let response = &operation(&document, endpoint)["responses"][answer.status.to_string()];
        let schema = &response["content"]["application/json"]["schema"];
        fits(&document, schema, &answer.json(), &answer.call);
    }
    for (answer, schema) in [
        (app.login("mina", PASSWORD).await, "Token"),
        (app.get("/users/0", &mina).await, "ErrorBody"),
        (app.get("/users/x", &mina).await, "ValidationErrorBody"),
    ] {
        let schema = &document["components"]["schemas"][schema];
        fits(&document, schema, &answer.json(), &answer.call);
    }
}

#[tokio::test]
async fn the_place_of_a_mistake_is_made_of_names_and_numbers() {
    let app = spawn_app().await;
    let document = document(&app).await;
    let steps = resolve(&document, &document["components"]["schemas"]["Issue"]["properties"]["loc"]["items"]);
    let kinds: BTreeSet<&str> =
        steps["oneOf"].as_array().into_iter().flatten().filter_map(|one| one["type"].as_str()).collect();
    assert_eq!(kinds, BTreeSet::from(["integer", "string"]), "{steps}");
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    let app = spawn_app().await;
    let document = document(&app).await;
    let mut waiting = vec![&document];
    let mut references = 0;
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(object) => {
                references += usize::from(value["$ref"].is_string());
                resolve(&document, value);
                waiting.extend(object.values());
            }
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    assert!(references > 20);
}

/// The body that a page fills in for somebody who tries a call.
fn example<'a>(document: &'a Value, operation: &'a Value) -> Option<Value> {
    let content = &operation["requestBody"]["content"]["application/json"];
    if !content.is_object() {
        return None;
    }
    if !content["example"].is_null() {
        return Some(content["example"].clone());
    }
    let fields = resolve(document, &content["schema"])["properties"].as_object().expect("fields");
    Some(fields.iter().map(|(name, field)| (name.clone(), field["example"].clone())).collect())
}

/// A newcomer who presses every button of `/docs` as the tour's Mina: all examples are understood, and nothing is lost.
#[tokio::test]
async fn examples_work_as_they_stand_and_do_no_harm() {
    let app = spawn_app().await;
    let document = document(&app).await;
    let body = |endpoint: &Endpoint| example(&document, operation(&document, endpoint));
    let endpoints = || ENDPOINTS.iter().filter_map(|endpoint| Some((endpoint, body(endpoint)?)));
    let register = endpoints().find(|(endpoint, _)| endpoint.path == "/auth/register").expect("it has an example").1;
    app.post("/auth/register", By::Nobody, register).await.is(201);
    let login = endpoints().find(|(endpoint, _)| endpoint.path == "/auth/login").expect("it has an example").1;
    let answer = app.post("/auth/login", By::Nobody, login).await.is(200);
    let bearer = format!("Bearer {}", answer["access_token"].as_str().expect("a token"));
    let mina = By::Header(&bearer);
    let june = app.register("june").await;
    let server = id(&app.post("/servers/", mina, json!({ "name": "Courtyard" })).await.is(201));
    app.join(&june, server).await;
    let new = json!({ "name": "general", "server_id": server });
    let channel = id(&app.post("/channels/", mina, new).await.is(201));
    app.post(&format!("/channels/{channel}/messages"), mina, json!({ "content": "Hello, World!" })).await.is(201);
    let banned = app.register("banned").await;
    app.role(mina, server, json!({ "name": "Guests" })).await;
    let user_of = |endpoint: &Endpoint| if endpoint.is_about_bans() { banned.id } else { june.id };
    let mut tried = 0;
    for (endpoint, body) in endpoints().filter(|(endpoint, _)| endpoint.path != "/auth/register") {
        let path = endpoint.path_of(user_of(endpoint), server, channel);
        let answer = app.call(endpoint.method.clone(), &path, mina, |call| call.json(&body)).await;
        match (endpoint.method.as_str(), endpoint.path) {
            ("POST", "/auth/refresh") => answer.refuses(401, "invalid_refresh_token"),
            ("DELETE", "/users/me") => answer.refuses(400, "wrong_password"),
            ("PUT", "/servers/{server_id}/owner") => answer.refuses(400, "new_owner_not_a_member"),
            ("PUT", "/servers/{server_id}/roles/order") => answer.refuses(409, "roles_not_named"),
            ("POST", "/channels/{channel_id}/messages/bulk-delete") => answer.refuses(404, "message_not_found"),
            _ => assert!(answer.status < 300, "{body}: {answer:?}"),
        }
        tried += 1;
    }
    assert_eq!(tried, 18);
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.method == Method::GET) {
        let parameters = operation(&document, endpoint)["parameters"].as_array().into_iter().flatten();
        let filled = parameters.filter(|parameter| parameter["in"] == "query").filter_map(|parameter| {
            Some(format!("{}={}", parameter["name"].as_str()?, parameter["schema"].get("default")?))
        });
        let query = filled.collect::<Vec<_>>().join("&");
        app.get(&format!("{}?{query}", endpoint.path_of(user_of(endpoint), server, channel)), mina).await.is(200);
    }
    app.login("mina", PASSWORD).await.is(200);
    let (own, me) = (app.get(&format!("/servers/{server}"), mina).await, app.get("/users/me", mina).await);
    assert_eq!(own.is(200)["owner_id"], me.is(200)["id"]);
}

/// Each code of each error has its own example: the body that the node sends.
#[tokio::test]
async fn every_error_shows_the_body_that_the_node_sends() {
    let app = spawn_app().await;
    let document = document(&app).await;
    for endpoint in &ENDPOINTS {
        for (status, response) in operation(&document, endpoint)["responses"].as_object().expect("responses") {
            let content = &response["content"]["application/json"];
            for (code, example) in content["examples"].as_object().into_iter().flatten() {
                assert_eq!(resolve(&document, example)["value"]["code"], **code, "{} {status}", endpoint.path);
            }
            let codes = &content["schema"]["allOf"][1]["properties"]["code"]["enum"];
            let listed: Vec<&str> = codes.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            assert_eq!(BTreeSet::from_iter(listed), keys(&content["examples"]).into_iter().collect());
        }
    }
    let all = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().expect("codes");
    assert!(
        ["token_revoked", "internal_error", "unconfirmed"].iter().all(|code| all.contains(&json!(code))),
        "{all:?}"
    );
    let mina = app.register("mina").await;
    let shown = |endpoint: &Endpoint, status: &str, code: &str| {
        let response = &operation(&document, endpoint)["responses"][status];
        resolve(&document, &response["content"]["application/json"]["examples"][code])["value"].clone()
    };
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.who == Who::Token) {
        let path = endpoint.path_of(0, 0, 0);
        let answer = app.call(endpoint.method.clone(), &path, By::Nobody, |call| call).await;
        assert_eq!(answer.json(), shown(endpoint, "401", "not_authenticated"), "{path}");
        // What is wrong with the path or the body, in the words of this call.
        let (path, is_body) = (endpoint.path.replace('{', "x").replace('}', ""), !endpoint.body.is_empty());
        if is_body || path != endpoint.path {
            let path = if is_body { endpoint.path_of(1, 1, 1) } else { path };
            let fields = shown(endpoint, "422", "validation_error")["detail"][0].clone();
            let field = fields["loc"][1].as_str().expect("a name").to_owned();
            let body = if fields["type"] == "missing" { json!({}) } else { json!({ field: 7 }) };
            let answer =
                app.call(endpoint.method.clone(), &path, &mina, |call| if is_body { call.json(&body) } else { call });
            let issues = answer.await.json()["detail"].clone();
            assert!(issues.as_array().expect("a list").contains(&fields), "{path}: {issues} has no {fields}");
        }
    }
    let answer = app.get("/channels/0", &mina).await;
    let get = ENDPOINTS.iter().find(|endpoint| endpoint.path == "/channels/{channel_id}").expect("it is there");
    assert_eq!(answer.json(), shown(get, "404", "channel_not_found"));
}

#[tokio::test]
async fn the_sockets_document_names_the_server_that_it_is_read_from() {
    let app = spawn_app_with(|config| config.trusted_proxies = "127.0.0.1".parse().expect("good")).await;
    let own = app.address.to_string();
    for (headers, host, protocol) in [
        (&[][..], own.as_str(), "ws"),
        (&[("host", "chat.example.com")], "chat.example.com", "ws"),
        (&[("host", "chat.example.com:8443"), ("x-forwarded-proto", "https")], "chat.example.com:8443", "wss"),
        (&[("host", "mina@evil.example")], "127.0.0.1:8000", "ws"),
    ] {
        let answer = app
            .call(Method::GET, "/asyncapi.json", By::Nobody, |call| {
                headers.iter().fold(call, |call, (name, value)| call.header(*name, *value))
            })
            .await;
        let node = answer.is(200)["servers"]["node"].clone();
        assert_eq!((&node["host"], &node["protocol"]), (&json!(host), &json!(protocol)), "{headers:?}");
    }
    let other = spawn_app().await;
    let answer =
        other.call(Method::GET, "/asyncapi.json", By::Nobody, |call| call.header("x-forwarded-proto", "https"));
    assert_eq!(answer.await.is(200)["servers"]["node"]["protocol"], "ws", "nobody said that this proxy counts");
}
