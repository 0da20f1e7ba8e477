//! A change to one field of a `PUT` body: left out, cleared by `null`, or set.

/// What a body says about an optional field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// The field was left out: it stays as it is.
    #[default]
    Keep,
    /// The field was `null`: it is cleared.
    Clear,
    /// The field has a new value.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the body said anything about the field.
    pub fn is_given(&self) -> bool {
        !matches!(self, Self::Keep)
    }

    /// Whether it says something else than what is there.
    pub fn differs(&self, now: Option<&str>, text: impl Fn(&T) -> &str) -> bool {
        self.is_given() && self.value().map(text) != now
    }

    /// The new value, where there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }
}
