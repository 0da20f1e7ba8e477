//! `/channels/{channel_id}/messages`: a channel's history.

use super::Node;
use super::extract::{Auth, InPath};
use crate::domain::access::{ChannelAccess, Member};
use crate::domain::message::{Message, OFFSET_MAX, PAGE_DEFAULT, PAGE_MAX, Page, Window};
use crate::domain::validation::{Issue, Refusal, integer};
use crate::domain::{ChannelId, MessageId};
use crate::error::{Error, ErrorBody, Result};
use crate::store::messages;
use actix_web::web::{Data, Json};
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use std::future::{Ready, ready};

/// Read a channel's history
///
/// The newest `limit` messages after skipping `offset` of the newest, or those just `before` or `after` a message;
/// always oldest first. `before` and `after` cost the same at any depth.
#[utoipa::path(
    get, path = "/channels/{channel_id}/messages", tag = "messages", security(("login" = [])),
    params(
        ("channel_id" = i64, Path, description = "Which channel"),
        ("limit" = Option<i64>, Query, description = "At most so many", minimum = 1, maximum = 100, example = 50),
        ("offset" = Option<i64>, Query, description = "Skip so many of the newest", minimum = 0, maximum = 10000, example = 0),
        ("before" = Option<i64>, Query, description = "Only messages before this id"),
        ("after" = Option<i64>, Query, description = "Only messages after this id"),
    ),
    responses(
        (status = 200, description = "Messages, oldest first", body = Vec<Message>),
        (status = 403, description = "`not_a_member`", body = ErrorBody),
        (status = 404, description = "`channel_not_found`", body = ErrorBody),
    ),
)]
pub async fn list(
    auth: Auth,
    node: Data<Node>,
    InPath(id): InPath<ChannelId>,
    Asked(page): Asked,
) -> Result<Json<Vec<Message>>> {
    let access: ChannelAccess<Member> = node.registry.channel(auth.0, id).await?;
    Ok(Json(messages::page(&node.db, &access, page).await?))
}

/// The page that the query asks for.
pub struct Asked(Page);

impl FromRequest for Asked {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(page(request.query_string()).map(Self).map_err(Error::Invalid))
    }
}

fn page(query: &str) -> Result<Page, Vec<Issue>> {
    let mut issues = Vec::new();
    let mut read = |name: &str, min: i64, max: i64| {
        // As in FastAPI, the last of several counts.
        let text = url::form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name).last()?.1;
        match bounded(&text, min, max) {
            Ok(number) => Some(number),
            Err(refusal) => {
                issues.push(refusal.at("query", name));
                None
            }
        }
    };
    let limit = read("limit", 1, PAGE_MAX);
    let offset = read("offset", 0, OFFSET_MAX);
    let (before, after) = (read("before", 0, i64::MAX), read("after", 0, i64::MAX));
    let window = match (before, after) {
        (None, None) => Window::Newest { offset: offset.unwrap_or(0) },
        (Some(id), None) => Window::Before(MessageId(id)),
        (None, Some(id)) => Window::After(MessageId(id)),
        (Some(_), Some(_)) => {
            issues.push(Refusal::value("Use `before` or `after`, not both").at("query", "after"));
            Window::Newest { offset: 0 }
        }
    };
    if offset.is_some_and(|offset| offset > 0) && !matches!(window, Window::Newest { .. }) {
        issues.push(Refusal::value("`offset` does not go with `before` or `after`").at("query", "offset"));
    }
    if issues.is_empty() { Ok(Page { window, limit: limit.unwrap_or(PAGE_DEFAULT) }) } else { Err(issues) }
}

fn bounded(text: &str, min: i64, max: i64) -> Result<i64, Refusal> {
    let number = integer(text)?.unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX });
    if number < min {
        return Err(Refusal::new("greater_than_equal", format!("Input should be greater than or equal to {min}")));
    }
    if number > max {
        return Err(Refusal::new("less_than_equal", format!("Input should be less than or equal to {max}")));
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_which_part() {
        let newest = |limit, offset| Ok(Page { window: Window::Newest { offset }, limit });
        assert_eq!(page(""), newest(50, 0));
        assert_eq!(page("limit=100&offset=10000"), newest(100, 10_000));
        assert_eq!(page("limit=7&limit=8"), newest(8, 0));
        assert_eq!(page("before=9&limit=2"), Ok(Page { window: Window::Before(MessageId(9)), limit: 2 }));
        assert_eq!(page("after=9&offset=0"), Ok(Page { window: Window::After(MessageId(9)), limit: 50 }));
    }

    #[test]
    fn each_mistake_is_named_where_it_is() {
        let wrong = |query: &str| {
            let issues = page(query).expect_err(query);
            issues.iter().map(|issue| (issue.loc[1].as_str().unwrap_or("").to_owned(), issue.kind)).collect::<Vec<_>>()
        };
        assert_eq!(wrong("limit=0"), [("limit".into(), "greater_than_equal")]);
        assert_eq!(
            wrong("limit=101&offset=-1"),
            [("limit".to_owned(), "less_than_equal"), ("offset".to_owned(), "greater_than_equal")]
        );
        assert_eq!(wrong("limit=x"), [("limit".into(), "int_parsing")]);
        assert_eq!(wrong("offset=10001"), [("offset".into(), "less_than_equal")]);
        assert_eq!(wrong("limit=99999999999999999999"), [("limit".into(), "less_than_equal")]);
        assert_eq!(wrong("before=1&after=2"), [("after".into(), "value_error")]);
        assert_eq!(wrong("before=1&offset=5"), [("offset".into(), "value_error")]);
    }
}
