//! Changes of members: what somebody is called in a server, which roles they have, until when they are kept from writing.

use super::{Denied, Facts, Member, MemberState, Right};
use crate::domain::permission::Permission;
use crate::domain::server::MemberPatch;
use crate::domain::{RoleId, ServerId, UserId};
use std::sync::Arc;

/// A member of a server, as somebody sees them who belongs to it.
#[derive(Debug)]
pub struct MemberAccess {
    facts: Facts,
    user: UserId,
    member: Arc<MemberState>,
}

/// Proof that the caller may change a member so.
#[derive(Debug)]
pub struct MemberChange {
    server: ServerId,
    user: UserId,
    patch: MemberPatch,
    decided_by: Arc<MemberState>,
}

/// Why a member is not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotChanged {
    /// The caller may not.
    Denied(Denied),
    /// The server has no such role.
    NoRole,
    /// The default role is every member's.
    DefaultRole,
}

impl From<Denied> for NotChanged {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl MemberAccess {
    /// Decides about a member who is this in the server. For the registry alone.
    pub(crate) fn decide(facts: Facts, user: UserId, member: Arc<MemberState>) -> Result<Self, Denied> {
        Member::check(&facts, facts.permissions())?;
        Ok(Self { facts, user, member })
    }

    /// Decides whether the caller may change the member so: each of the fields takes its own permission.
    ///
    /// # Errors
    /// See [`NotChanged`].
    pub fn change(self, patch: MemberPatch) -> Result<MemberChange, NotChanged> {
        let is_self = self.facts.caller.id() == self.user;
        if patch.nickname.is_given() && !(is_self && self.may(Permission::ChangeNickname)) {
            let missing = if is_self { Permission::ChangeNickname } else { Permission::ManageNicknames };
            self.needs(Permission::ManageNicknames).map_err(|_| Denied::Lacks(missing))?;
            self.stands_above(is_self)?;
        }
        if patch.timeout_until.is_given() {
            self.needs(Permission::TimeoutMembers)?;
            self.stands_above(false)?;
            let theirs = self.facts.server.rights.lasting_of_member(self.user, &self.member);
            // Nobody is kept from what they may do everywhere.
            if patch.timeout_until.value().is_some() && theirs.has(Permission::Administrator) {
                return Err(Denied::Outranked.into());
            }
        }
        if let Some(wanted) = &patch.role_ids {
            self.needs(Permission::ManageRoles)?;
            self.stands_above(is_self)?;
            let (wanted, had) = (wanted.as_slice(), &self.member.roles);
            let (mut given, mut taken) =
                (wanted.iter().filter(|role| !had.contains(role)), had.iter().filter(|role| !wanted.contains(role)));
            given.try_for_each(|role| self.may_hand_out(*role, true))?;
            taken.try_for_each(|role| self.may_hand_out(*role, false))?;
        }
        Ok(MemberChange { server: self.facts.server.server.id, user: self.user, patch, decided_by: self.member })
    }

    fn may_hand_out(&self, role: RoleId, is_given: bool) -> Result<(), NotChanged> {
        let state = &self.facts.server;
        let found = match state.role(role) {
            // One that is gone already is taken from everybody.
            None if !is_given => return Ok(()),
            None => return Err(NotChanged::NoRole),
            Some(found) if found.is_default => return Err(NotChanged::DefaultRole),
            Some(found) => found,
        };
        if !state.rights.is_above_role(self.facts.caller.id(), self.own(), role) {
            return Err(Denied::Outranked.into());
        }
        let missing = (found.permissions - self.facts.permissions()).iter().next();
        missing.filter(|_| is_given).map_or(Ok(()), |permission| Err(Denied::Lacks(permission).into()))
    }

    fn stands_above(&self, or_is_self: bool) -> Result<(), Denied> {
        let (caller, target) = ((self.facts.caller.id(), self.own()), (self.user, &*self.member));
        let is_above = or_is_self || self.facts.server.rights.is_above(caller, target);
        if is_above { Ok(()) } else { Err(Denied::Outranked) }
    }

    fn needs(&self, permission: Permission) -> Result<(), Denied> {
        if self.may(permission) { Ok(()) } else { Err(Denied::Lacks(permission)) }
    }

    fn may(&self, permission: Permission) -> bool {
        self.facts.permissions().has(permission)
    }

    fn own(&self) -> &MemberState {
        self.facts.member.as_deref().unwrap_or(&self.member)
    }
}

impl MemberChange {
    /// In which server.
    pub fn server_id(&self) -> ServerId {
        self.server
    }

    /// Of whom.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// What is changed.
    pub fn patch(&self) -> &MemberPatch {
        &self.patch
    }

    /// The roles that they had when it was decided, by id: with others it would have to be decided anew.
    pub fn decided_by(&self) -> &[RoleId] {
        &self.decided_by.roles
    }
}
