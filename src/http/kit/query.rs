//! The parameters of a query: whole numbers within bounds, each of which may be left out.

use crate::domain::validation::{Issue, Refusal, bounded};
use crate::error::{Error, Result};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use serde_json::json;
use std::future::{Ready, ready};
use std::ops::RangeInclusive;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

/// The query, and what is wrong with it so far.
pub struct Query<'a> {
    text: &'a str,
    issues: Vec<Issue>,
}

/// A value that is read from a query; `query!` declares its type.
pub trait FromQuery: Sized + 'static {
    /// What the query says; what is wrong with it is noted, and counts for nothing.
    fn read(query: &mut Query<'_>) -> Self;
}

/// A query as an argument of a handler.
pub struct InQuery<T>(pub T);

impl<T: FromQuery> FromRequest for InQuery<T> {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Query::parse(request.query_string()).map(Self).map_err(Error::Invalid))
    }
}

impl<'a> Query<'a> {
    /// Reads a query.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse<T: FromQuery>(text: &'a str) -> Result<T, Vec<Issue>> {
        let mut query = Self { text, issues: Vec::new() };
        let read = T::read(&mut query);
        if query.issues.is_empty() { Ok(read) } else { Err(query.issues) }
    }

    /// A parameter that may be left out. As in FastAPI, the last of several counts.
    pub fn integer(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let text = url::form_urlencoded::parse(self.text.as_bytes()).filter(|(key, _)| key == name).last()?.1;
        bounded(&text, *range.start(), *range.end()).map_err(|refusal| self.issues.push(refusal.at("query", name))).ok()
    }

    /// Notes that a parameter breaks a rule.
    pub fn refuse(&mut self, name: &str, why: &str) {
        self.issues.push(Refusal::value(why).at("query", name));
    }
}

/// A parameter as the document has it.
pub fn parameter(name: &str, about: &str, range: &RangeInclusive<i64>, default: Option<i64>) -> Parameter {
    let most = Some(*range.end()).filter(|most| *most < i64::MAX);
    let number = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(*range.start()))
        .maximum(most)
        .default(default.map(|default| json!(default)));
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(about.trim()))
        .schema(Some(number))
        .build()
}

/// Declares a query once: the struct whose parameters the document shows is the one that a query is read into. Each is a whole number
/// with its bounds and what it is when it is left out; without that it is an [`Option`].
macro_rules! query {
    ($(#[$about:meta])* $public:vis struct $name:ident {
        $(#[doc = $of:literal] $shown:vis $field:ident: $type:ty = $range:expr $(, or $default:expr)?;)*
    }) => {
        $(#[$about])*
        $public struct $name {
            $(#[doc = $of] $shown $field: $type,)*
        }

        impl $crate::http::kit::query::FromQuery for $name {
            fn read(query: &mut $crate::http::kit::query::Query<'_>) -> Self {
                Self { $($field: query.integer(stringify!($field), $range)$(.unwrap_or($default))?,)* }
            }
        }

        impl utoipa::IntoParams for $name {
            fn into_params(
                _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
            ) -> Vec<utoipa::openapi::path::Parameter> {
                vec![$($crate::http::kit::query::parameter(
                    stringify!($field), $of, &$range, None$(.or(Some($default)))?,
                )),*]
            }
        }
    };
}

pub(crate) use query;
