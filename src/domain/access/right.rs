//! What a proof may say, and what it takes.

use super::Facts;
use crate::domain::permission::{Permission, Permissions};

/// Why something is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The caller does not belong to the server.
    NotMember,
    /// The caller belongs to it, but it is somebody else's.
    NotOwner,
    /// The message is somebody else's.
    NotAuthor,
    /// The caller belongs to it, but has no role that gives this.
    Lacks(Permission),
    /// Whom it is about does not stand below the caller.
    Outranked,
    /// The caller may not join the server.
    Banned,
}

/// A kind of right, and what it takes.
pub trait Right {
    /// Whether `facts` give the right to whoever has these permissions: in the server, or in the channel that it is about.
    fn check(facts: &Facts, permissions: Permissions) -> Result<(), Denied>;
}

/// The right to know that a server exists: everyone with a token.
#[derive(Debug)]
pub enum Visitor {}
/// The right to know what all members know.
#[derive(Debug)]
pub enum Member {}
/// The right to delete a server, or to hand it over.
#[derive(Debug)]
pub enum Owner {}

impl Right for Visitor {
    fn check(_: &Facts, _: Permissions) -> Result<(), Denied> {
        Ok(())
    }
}

impl Right for Member {
    fn check(facts: &Facts, _: Permissions) -> Result<(), Denied> {
        if facts.member.is_some() { Ok(()) } else { Err(Denied::NotMember) }
    }
}

impl Right for Owner {
    fn check(facts: &Facts, permissions: Permissions) -> Result<(), Denied> {
        Member::check(facts, permissions)?;
        if facts.is_owner() { Ok(()) } else { Err(Denied::NotOwner) }
    }
}

/// Declares the rights that are a permission each, a line each.
macro_rules! rights {
    ($($(#[$doc:meta])* $right:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $right {}

        impl Right for $right {
            fn check(facts: &Facts, permissions: Permissions) -> Result<(), Denied> {
                Member::check(facts, permissions)?;
                let permission = Permission::$right;
                if permissions.has(permission) { Ok(()) } else { Err(Denied::Lacks(permission)) }
            }
        }
    )*};
}

rights! {
    /// The right to change a server.
    ManageServer;
    /// The right to remove members who stand below oneself.
    KickMembers;
    /// The right to ban those who do.
    BanMembers;
    /// The right to make roles, and to change, delete, give and take those below one's own.
    ManageRoles;
    /// The right to make channels, or to change and delete one.
    ManageChannels;
    /// The right to see a channel.
    ViewChannel;
    /// The right to read what was said in a channel.
    ReadHistory;
    /// The right to write in a channel.
    SendMessages;
    /// The right to what others have written in a channel.
    ManageMessages;
}
