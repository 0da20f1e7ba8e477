//! Who may do what: of roles, of what a channel says otherwise, and of who stands above whom. Pure: facts in, permissions out.
//!
//! Roles and overwrites are kept in the order of their ids, and so are a member's roles, so that a decision goes through each list once.

use super::permission::{Permission, Permissions};
use super::{RoleId, UserId};
use std::cmp::{Ordering, Reverse};

/// A role, as far as decisions go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleRights {
    /// Which one.
    pub id: RoleId,
    /// How high it is, from 0, which is the default role's.
    pub position: i32,
    /// What it gives.
    pub permissions: Permissions,
}

/// The roles of a server.
#[derive(Clone, Debug)]
pub struct Roles {
    /// What every member has.
    default: RoleRights,
    /// The others, by id.
    others: Box<[RoleRights]>,
}

/// A member, as far as decisions go.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// Who.
    pub user: UserId,
    /// Whether the server is theirs.
    pub is_owner: bool,
    /// Whether they are kept from writing for now.
    pub is_timed_out: bool,
    /// Their roles but the default one, by id.
    pub roles: &'a [RoleId],
}

/// What a channel says otherwise for a role or a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overwrite {
    /// What is given here,
    pub allow: Permissions,
    /// and what is taken here.
    pub deny: Permissions,
}

/// What a channel says otherwise.
#[derive(Clone, Debug, Default)]
pub struct Overwrites {
    of_default_role: Overwrite,
    /// By id.
    of_roles: Box<[(RoleId, Overwrite)]>,
    /// By id.
    of_members: Box<[(UserId, Overwrite)]>,
}

/// What one does by writing: it is nothing to those who may write neither there nor in its threads.
const BY_WRITING: Permissions = Permissions::of(&[
    Permission::AttachFiles,
    Permission::BypassSlowmode,
    Permission::EmbedLinks,
    Permission::MentionEveryone,
    Permission::UseExternalEmoji,
]);

/// What is left to whoever is kept from writing.
pub const IN_A_TIMEOUT: Permissions = Permissions::of(&[Permission::ReadHistory, Permission::ViewChannel]);

impl Default for Roles {
    /// Those of a new server.
    fn default() -> Self {
        let default = RoleRights { id: RoleId(0), position: 0, permissions: Permissions::OF_MEMBERS };
        Self { default, others: Box::default() }
    }
}

impl Roles {
    /// A server's roles, in any order; those beside the default one.
    pub fn new(default: RoleRights, others: impl IntoIterator<Item = RoleRights>) -> Self {
        let mut others: Box<[_]> = others.into_iter().collect();
        others.sort_unstable_by_key(|role| role.id);
        Self { default, others }
    }

    /// What a member may do in the server, before any channel is asked.
    pub fn of_member(&self, member: &Standing<'_>) -> Permissions {
        if member.is_owner {
            return Permissions::ALL;
        }
        let given = self.those_of(member).fold(self.default.permissions, |all, role| all | role.permissions);
        if given.has(Permission::Administrator) {
            return Permissions::ALL;
        }
        if member.is_timed_out { given & IN_A_TIMEOUT } else { given }
    }

    /// What a member may do in a channel.
    pub fn in_channel(&self, member: &Standing<'_>, overwrites: &Overwrites) -> Permissions {
        let given = self.of_member(&Standing { is_timed_out: false, ..*member });
        // Whoever may do everything may do it everywhere.
        if given.has(Permission::Administrator) {
            return given;
        }
        let of_roles = both(&overwrites.of_roles, member.roles, |(id, _)| *id);
        let of_roles = of_roles.fold(Overwrite::default(), |all, (_, one)| all.and(*one));
        let in_order = [overwrites.of_default_role, of_roles, overwrites.of_member(member.user)];
        let given = in_order.into_iter().fold(given, |given, overwrite| overwrite.on(given));
        if !given.has(Permission::ViewChannel) {
            return Permissions::NONE;
        }
        let may_write = given.has(Permission::SendMessages) || given.has(Permission::SendInThreads);
        let given = if may_write { given } else { given - BY_WRITING };
        if member.is_timed_out { given & IN_A_TIMEOUT } else { given }
    }

    /// Whether one member may act on another one: whoever stands higher. Nobody acts on the owner, the owner acts on everybody else.
    pub fn is_above(&self, actor: &Standing<'_>, target: &Standing<'_>) -> bool {
        if target.is_owner || actor.user == target.user {
            return false;
        }
        actor.is_owner || self.top_of(actor) > self.top_of(target)
    }

    /// Whether a member may give, take, change or delete this role: it is below their highest one. The default role is everybody's: it can be
    /// changed by whoever has another one.
    pub fn is_above_role(&self, actor: &Standing<'_>, role: RoleId) -> bool {
        let found = if role == self.default.id { Some(&self.default) } else { self.find(role) };
        found.is_some_and(|role| actor.is_owner || self.top_of(actor) > Height::of(role))
    }

    /// The role of this id, but for the default one.
    fn find(&self, id: RoleId) -> Option<&RoleRights> {
        self.others.binary_search_by_key(&id, |role| role.id).ok().and_then(|at| self.others.get(at))
    }

    /// The roles that a member has beside the default one. A role that is gone gives nothing.
    fn those_of<'a>(&'a self, member: &Standing<'a>) -> impl Iterator<Item = &'a RoleRights> {
        both(&self.others, member.roles, |role| role.id)
    }

    fn top_of(&self, member: &Standing<'_>) -> Height {
        self.those_of(member).map(Height::of).fold(Height::of(&self.default), Height::max)
    }
}

/// Where a role stands: of two at the same position the older one is higher.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Height(i32, Reverse<RoleId>);

impl Height {
    fn of(role: &RoleRights) -> Self {
        Self(role.position, Reverse(role.id))
    }
}

impl Overwrite {
    /// What is left of what was given, and what is given here.
    fn on(self, given: Permissions) -> Permissions {
        (given - self.deny) | self.allow
    }

    /// What several roles say together.
    fn and(self, other: Self) -> Self {
        Self { allow: self.allow | other.allow, deny: self.deny | other.deny }
    }

    /// Without what no channel can say.
    fn of_channel(self) -> Self {
        Self { allow: self.allow & Permissions::OF_CHANNELS, deny: self.deny & Permissions::OF_CHANNELS }
    }
}

impl Overwrites {
    /// What a channel says otherwise, in any order.
    pub fn new(
        default_role: RoleId,
        of_roles: impl IntoIterator<Item = (RoleId, Overwrite)>,
        of_members: impl IntoIterator<Item = (UserId, Overwrite)>,
    ) -> Self {
        let of_roles = of_roles.into_iter().map(|(id, overwrite)| (id, overwrite.of_channel()));
        let (of_default, mut of_roles): (Vec<_>, Vec<_>) = of_roles.partition(|(id, _)| *id == default_role);
        of_roles.sort_unstable_by_key(|(id, _)| *id);
        let mut of_members: Box<[_]> = of_members.into_iter().map(|(id, one)| (id, one.of_channel())).collect();
        of_members.sort_unstable_by_key(|(id, _)| *id);
        let of_default_role = of_default.first().map(|(_, overwrite)| *overwrite).unwrap_or_default();
        Self { of_default_role, of_roles: of_roles.into(), of_members }
    }

    fn of_member(&self, user: UserId) -> Overwrite {
        let found = self.of_members.binary_search_by_key(&user, |(id, _)| *id).ok();
        found.and_then(|at| self.of_members.get(at)).map(|(_, overwrite)| *overwrite).unwrap_or_default()
    }
}

/// Those of `all` whose id is wanted; both are in the order of their ids.
fn both<'a, T>(all: &'a [T], wanted: &'a [RoleId], id: impl Fn(&T) -> RoleId) -> impl Iterator<Item = &'a T> {
    let mut wanted = wanted.iter().peekable();
    all.iter().filter(move |one| {
        let id = id(one);
        while wanted.next_if(|next| next.cmp(&&id) == Ordering::Less).is_some() {}
        wanted.peek().is_some_and(|next| **next == id)
    })
}

#[cfg(test)]
mod tests;
