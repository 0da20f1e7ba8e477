//! The fields of a body: each is read by its name, and every mistake is noted, so that all are told at once.

use super::patch::Patch;
use super::validation::{Issue, Parse, Refusal};
use serde_json::{Map, Value};

/// A value that is read from the fields of a body; `body!` declares its type.
pub trait FromFields: Sized + 'static {
    /// `None` only if something was noted.
    fn read(fields: &mut Fields) -> Option<Self>;
}

/// The object of a body, and what is wrong with it so far.
pub struct Fields {
    object: Map<String, Value>,
    issues: Vec<Issue>,
}

impl Fields {
    /// Reads a body.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read<T: FromFields>(object: Map<String, Value>) -> Result<T, Vec<Issue>> {
        let mut fields = Self { object, issues: Vec::new() };
        match T::read(&mut fields) {
            Some(body) if fields.issues.is_empty() => Ok(body),
            _ => Err(fields.issues),
        }
    }

    /// A field that must be there.
    pub fn required<T: Parse>(&mut self, name: &str) -> Option<T> {
        match self.object.get(name) {
            None => {
                self.issues.push(missing(name));
                None
            }
            Some(value) => self.checked(name, T::parse(value)),
        }
    }

    /// A field that may be left out or `null`.
    pub fn optional<T: Parse>(&mut self, name: &str) -> Option<Option<T>> {
        match self.object.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => self.checked(name, T::parse(value)).map(Some),
        }
    }

    /// A change to a field that `null` clears.
    pub fn patch<T: Parse>(&mut self, name: &str) -> Option<Patch<T>> {
        match self.object.get(name) {
            None => Some(Patch::Keep),
            Some(Value::Null) => Some(Patch::Clear),
            Some(value) => self.checked(name, T::parse(value)).map(Patch::Set),
        }
    }

    /// A change to a field that cannot be cleared.
    pub fn change<T: Parse>(&mut self, name: &str) -> Option<Option<T>> {
        match self.object.get(name) {
            None => Some(None),
            Some(value) => self.checked(name, T::parse(value)).map(Some),
        }
    }

    /// Everything that was sent, for whoever has read what it wants of it.
    pub fn take(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.object)
    }

    fn checked<T>(&mut self, name: &str, parsed: Result<T, Refusal>) -> Option<T> {
        parsed.map_err(|refusal| self.issues.push(refusal.at("body", name))).ok()
    }
}

/// What is wrong where a field that must be there is not.
pub fn missing(name: &str) -> Issue {
    Refusal::new("missing", "Field required").at("body", name)
}

/// Declares a body once: the struct that the document shows is the one that a call is read into. Behind each field stands which of
/// [`Fields`]' ways reads it: `required`, `optional`, `patch` or `change`; mistakes are told in the order of the fields.
macro_rules! body {
    ($(#[$about:meta])* $public:vis struct $name:ident {
        $($(#[$of:meta])* $shown:vis $field:ident: $type:ty = $way:ident,)*
    }) => {
        #[derive(utoipa::ToSchema)]
        $(#[$about])*
        $public struct $name {
            $($(#[$of])* $shown $field: $type,)*
        }

        impl $crate::domain::fields::FromFields for $name {
            fn read(fields: &mut $crate::domain::fields::Fields) -> Option<Self> {
                // All of them, before the first that is wrong ends it.
                $(let $field = fields.$way(stringify!($field));)*
                Some(Self { $($field: $field?,)* })
            }
        }
    };
}

pub(crate) use body;
