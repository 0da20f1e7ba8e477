//! `/channels/{channel_id}/messages`: a channel's history, and sending.

use crate::domain::access::{ChannelAccess, ReadHistory};
use crate::domain::fields::body;
use crate::domain::log::MessageCreated;
use crate::domain::message::{Message, NewMessage, OFFSET_MAX, PAGE_DEFAULT, PAGE_MAX, Page, Window};
use crate::domain::text::{Content, Nonce};
use crate::domain::validation::Refusal;
use crate::domain::{ChannelId, MessageId};
use crate::error::{Error, Result};
use crate::http::Node;
use crate::http::kit::body::Body;
use crate::http::kit::extract::{Auth, InPath, RateLimitHeaders};
use crate::http::kit::query::{FromQuery, InQuery, Query, query};
use crate::store::messages;
use actix_web::http::header::ContentType;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload};
use std::future::{Ready, ready};

query! {
    /// Which part of a history.
    pub struct HistoryQuery {
        /// At most so many
        limit: i64 = 1..=PAGE_MAX, or PAGE_DEFAULT;
        /// Skip so many of the newest; does not go with `before` or `after`
        offset: i64 = 0..=OFFSET_MAX, or 0;
        /// Only messages before this id
        before: Option<i64> = 0..=i64::MAX;
        /// Only messages after this id; does not go with `before`
        after: Option<i64> = 0..=i64::MAX;
        /// This message and the nearest on both sides of it; does not go with the others
        around: Option<i64> = 0..=i64::MAX;
    }
}

impl FromQuery for Page {
    fn read(query: &mut Query<'_>) -> Self {
        let HistoryQuery { limit, offset, before, after, around } = HistoryQuery::read(query);
        let window = match (before, after, around) {
            (None, None, None) => Window::Newest { offset },
            (Some(id), None, None) => Window::Before(MessageId(id)),
            (None, Some(id), None) => Window::After(MessageId(id)),
            (None, None, Some(id)) => Window::Around(MessageId(id)),
            (_, after, _) => {
                let second = if after.is_some() { "after" } else { "around" };
                query.refuse(second, "Use one of `before`, `after` and `around`");
                Window::Newest { offset: 0 }
            }
        };
        if offset > 0 && !matches!(window, Window::Newest { .. }) {
            query.refuse("offset", "`offset` does not go with `before`, `after` or `around`");
        }
        Self { window, limit }
    }
}

/// Read a channel's history
///
/// The newest `limit` messages after skipping `offset` of the newest, or those just `before` or `after` a message;
/// or `around` one; always oldest first. `before`, `after` and `around` cost the same at any depth. Deleted messages are left out.
#[utoipa::path(
    get, path = "/channels/{channel_id}/messages", operation_id = "list_messages",
    params(HistoryQuery),
    responses((status = 200, description = "Messages, oldest first", body = Vec<Message<'static>>)),
)]
pub async fn list(
    auth: Auth,
    node: Data<Node>,
    InPath(id): InPath<ChannelId>,
    InQuery(page): InQuery<Page>,
) -> Result<HttpResponse> {
    let access: ChannelAccess<ReadHistory> = node.registry.channel(auth.0, id).await?;
    if page.window == (Window::Newest { offset: 0 })
        && let Some(json) = node.newest.read(&node.db, &access, page.limit).await?
    {
        return Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json));
    }
    Ok(HttpResponse::Ok().json(messages::page(&node.db, &access, page).await?))
}

body! {
    /// A message that is to be sent.
    pub struct SendMessage {
        /// 1 to 4,000 characters, not only white space, without NUL; kept exactly as sent.
        #[schema(value_type = String, min_length = 1, max_length = 4000, example = "Hello, World!")]
        content: Content = required,
        /// Names this send for its sender: sent again with the same nonce, it makes no second message.
        #[schema(value_type = Option<String>, min_length = 1, max_length = 64, example = "mina-1", default = json!(null))]
        nonce: Option<Nonce> = optional,
        /// The message of the same channel that it answers.
        #[schema(value_type = Option<i64>, minimum = 1, example = 1, default = json!(null))]
        reply_to: Option<MessageId> = optional,
    }
}

/// Send a message
///
/// Answers when the message is committed. Sent again with the same `nonce` (or `Idempotency-Key`) and content, it makes no
/// second message: the answer is `200` with the first one as it is now, without its reactions. After `503`, send it again with the same nonce.
#[utoipa::path(
    post, path = "/channels/{channel_id}/messages", operation_id = "create_message",
    request_body(content = SendMessage, example = json!({ "content": "Hello, World!" })),
    params(("Idempotency-Key" = Option<String>, Header, description = "Taken as the `nonce`")),
    responses(
        (status = 201, description = "The message", body = Message<'static>),
        (
            status = 200, description = "The message that was made with this nonce before, as it is now",
            body = MessageCreated<'static>,
        ),
    ),
)]
pub async fn create(
    auth: Auth,
    node: Data<Node>,
    InPath(id): InPath<ChannelId>,
    IdempotencyKey(key): IdempotencyKey,
    told: RateLimitHeaders,
    Body(SendMessage { content, mut nonce, reply_to }): Body<SendMessage>,
) -> Result<HttpResponse> {
    if let Some(key) = key {
        if nonce.as_ref().is_some_and(|nonce| *nonce != key) {
            let refusal = Refusal::value("The header and `nonce` in the body differ; send one of them");
            return Err(refusal.at("header", IDEMPOTENCY_KEY).into());
        }
        nonce = Some(key);
    }
    told.quota(node.limits.message(auth.0.user_id, id, content.as_str().len())?);
    let posted = node.registry.post(auth.0, id, NewMessage { content, nonce, reply_to }).await?;
    let mut answer = if posted.is_duplicate { HttpResponse::Ok() } else { HttpResponse::Created() };
    Ok(answer.json(posted.message))
}

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The header of the same name: bare, or as a string in quotes.
pub struct IdempotencyKey(Option<Nonce>);

impl FromRequest for IdempotencyKey {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(header) = request.headers().get(IDEMPOTENCY_KEY) else { return ready(Ok(Self(None))) };
        let read = || {
            // Two keys that differ must not be read as one.
            let text = str::from_utf8(header.as_bytes())
                .map_err(|_| Refusal::new("nonce_invalid", "The key must be UTF-8; letters and digits will do"))?;
            let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
            Nonce::try_from(bare)
        };
        let key = read().map_err(|refusal| refusal.at("header", IDEMPOTENCY_KEY).into());
        ready(key.map(|key| Self(Some(key))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::validation::Issue;

    fn page(query: &str) -> Result<Page, Vec<Issue>> {
        Query::parse(query)
    }

    #[test]
    fn a_query_says_which_part() {
        let newest = |limit, offset| Ok(Page { window: Window::Newest { offset }, limit });
        assert_eq!(page(""), newest(50, 0));
        assert_eq!(page("limit=100&offset=10000"), newest(100, 10_000));
        assert_eq!(page("limit=7&limit=8"), newest(8, 0));
        assert_eq!(page("before=9&limit=2"), Ok(Page { window: Window::Before(MessageId(9)), limit: 2 }));
        assert_eq!(page("after=9&offset=0"), Ok(Page { window: Window::After(MessageId(9)), limit: 50 }));
        assert_eq!(page("around=9&limit=5"), Ok(Page { window: Window::Around(MessageId(9)), limit: 5 }));
    }

    #[test]
    fn each_mistake_is_named_where_it_is() {
        let wrong = |query: &str| {
            let issues = page(query).expect_err(query);
            issues.iter().map(|issue| (issue.loc[1].name().unwrap_or("").to_owned(), issue.kind)).collect::<Vec<_>>()
        };
        assert_eq!(wrong("limit=0"), [("limit".into(), "greater_than_equal")]);
        assert_eq!(
            wrong("limit=101&offset=-1"),
            [("limit".to_owned(), "less_than_equal"), ("offset".to_owned(), "greater_than_equal")]
        );
        assert_eq!(wrong("limit=x"), [("limit".into(), "int_parsing")]);
        assert_eq!(wrong("offset=10001"), [("offset".into(), "less_than_equal")]);
        assert_eq!(wrong("limit=99999999999999999999"), [("limit".into(), "less_than_equal")]);
        assert_eq!(wrong("after=9223372036854775808"), [("after".into(), "less_than_equal")]);
        assert_eq!(wrong("before=1&after=2"), [("after".into(), "value_error")]);
        assert_eq!(wrong("before=1&around=2"), [("around".into(), "value_error")]);
        assert_eq!(wrong("after=1&around=2"), [("after".into(), "value_error")]);
        assert_eq!(wrong("around=2&offset=5"), [("offset".into(), "value_error")]);
        assert_eq!(wrong("before=1&offset=5"), [("offset".into(), "value_error")]);
    }
}
