//! An error for each code of an answer: what the documents show is made as the answers themselves are.

use super::{Code, Conflict, Error, Noun, Unauthorized};
use crate::domain::access::Denied;
use crate::domain::permission::Permission;
use crate::domain::validation::Refusal;
use crate::limits::{Quota, TooMany};
use crate::net::origin::{OriginError, PreflightError};

const LIMIT: TooMany = TooMany { retry_after_ms: 1_500, quota: Some(Quota { limit: 50, remaining: 0, reset_s: 2 }) };

impl Code {
    /// An error that has it; `None` for one that only a frame has.
    pub fn example(self) -> Option<Error> {
        Some(match self {
            Self::MalformedRequest => Error::Malformed("This is no HTTP/1.1 request that can be understood"),
            Self::OriginNotAllowed => Error::Origin(OriginError::Elsewhere),
            Self::HeaderNotAllowed => Error::Preflight(PreflightError::Header),
            Self::PageMethodNotAllowed => Error::Preflight(PreflightError::Method),
            Self::NotFound => Error::NoRoute,
            Self::MethodNotAllowed => Error::Method("GET, HEAD".into()),
            Self::RequestTooSlow => Error::TooSlow(8),
            Self::BodyTooLarge => Error::TooLarge(65_536),
            Self::ValidationError => Refusal::new("missing", "Field required").at("body", "name").into(),
            Self::UpgradeRequired => Error::Upgrade("send `Connection: Upgrade` and `Upgrade: websocket`"),
            Self::HeadTooLarge => Error::HeadTooLarge,
            Self::NotAuthenticated => Unauthorized::Missing.into(),
            Self::InvalidToken => Unauthorized::Invalid.into(),
            Self::TokenExpired => Unauthorized::Expired.into(),
            Self::TokenRevoked => Unauthorized::Revoked.into(),
            Self::InvalidTicket => Unauthorized::Ticket.into(),
            Self::InvalidRefreshToken => Unauthorized::RefreshInvalid.into(),
            Self::RefreshTokenMissing => Unauthorized::RefreshMissing.into(),
            Self::RefreshTokenReused => Unauthorized::RefreshReused.into(),
            Self::InvalidCredentials => Unauthorized::Credentials.into(),
            Self::NotAMember => Denied::NotMember.into(),
            Self::NotTheOwner => Denied::NotOwner.into(),
            Self::Outranked => Denied::Outranked.into(),
            Self::Banned => Denied::Banned.into(),
            Self::BanNotFound => Conflict::NotBanned.into(),
            Self::MissingPermission => Denied::Lacks(Permission::ManageChannels).into(),
            Self::NotTheAuthor => Denied::NotAuthor.into(),
            Self::UserNotFound => Error::NotFound(Noun::User),
            Self::ServerNotFound => Error::NotFound(Noun::Server),
            Self::ChannelNotFound => Error::NotFound(Noun::Channel),
            Self::MessageNotFound => Error::NotFound(Noun::Message),
            Self::SessionNotFound => Error::NotFound(Noun::AuthSession),
            Self::UsernameTaken => Conflict::UsernameTaken.into(),
            Self::EmailTaken => Conflict::EmailTaken.into(),
            Self::AlreadyMember => Conflict::AlreadyMember.into(),
            Self::NotAMemberToLeave => Conflict::NotMember.into(),
            Self::OwnerCannotLeave => Conflict::OwnerCannotLeave.into(),
            Self::OwnsServers => Conflict::OwnsServers.into(),
            Self::CurrentPasswordRequired => Conflict::PasswordRequired.into(),
            Self::WrongPassword => Conflict::WrongPassword.into(),
            Self::NewOwnerNotAMember => Conflict::NewOwnerNotMember.into(),
            Self::TooManyChannels => Conflict::TooManyChannels.into(),
            Self::RoleNotFound => Error::NotFound(Noun::Role),
            Self::TooManyRoles => Conflict::TooManyRoles.into(),
            Self::DefaultRole => Conflict::DefaultRole.into(),
            Self::RolesNotNamed => Conflict::RolesNotNamed.into(),
            Self::TooManyServers => Conflict::TooManyServers.into(),
            Self::TooManyReactions => Conflict::TooManyReactions.into(),
            Self::TooManyPins => Conflict::TooManyPins.into(),
            Self::ReplyToNotFound => Conflict::ReplyToNothing.into(),
            Self::InvalidContent => Conflict::InvalidContent.into(),
            Self::NonceConflict => Error::NonceConflict,
            Self::RateLimited => LIMIT.into(),
            Self::TooManySockets => Error::TooManySockets(LIMIT),
            Self::InternalError => Error::Internal,
            Self::Busy => Error::Busy,
            Self::Unavailable => Error::Unavailable,
            Self::Unconfirmed => Error::Unconfirmed,
            Self::NotReady => Error::NotReady(vec!["database"]),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_of_an_answer_has_an_error_that_has_it() {
        for code in Code::ALL {
            let example = code.example().map(|error| error.code());
            assert_eq!(example, Some(*code).filter(|code| code.status().is_some()));
        }
    }

    #[test]
    fn a_name_is_in_the_table_once_for_each_status() {
        let rows: BTreeSet<_> = Code::ALL.iter().map(|code| (code.as_str(), code.status())).collect();
        assert_eq!(rows.len(), Code::ALL.len());
    }
}
