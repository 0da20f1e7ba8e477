//! Proofs that the caller stands above whom or what a right is used on, and gives nothing that is not theirs.

use super::{Denied, ManageRoles, MemberState, Right, ServerAccess};
use crate::domain::permission::Permissions;
use crate::domain::role::{Role, RoleOrder};
use crate::domain::{RoleId, UserId};

/// Proof of the right `R` to a server, and that the caller stands above whom it is used on.
#[derive(Debug)]
pub struct Over<R> {
    access: ServerAccess<R>,
    user: UserId,
}

impl<R: Right> Over<R> {
    /// Decides about somebody, who is this in the server, or no member of it. For the registry alone.
    pub(crate) fn decide(access: ServerAccess<R>, user: UserId, target: Option<&MemberState>) -> Result<Self, Denied> {
        let (facts, nobody) = (&access.facts, MemberState::default());
        let caller = (facts.caller.id(), facts.member.as_deref().unwrap_or(&nobody));
        let is_above = facts.server.rights.is_above(caller, (user, target.unwrap_or(&nobody)));
        if is_above { Ok(Self { access, user }) } else { Err(Denied::Outranked) }
    }
}

impl<R> Over<R> {
    /// In which server, and by whom.
    pub fn access(&self) -> &ServerAccess<R> {
        &self.access
    }

    /// On whom.
    pub fn user(&self) -> UserId {
        self.user
    }
}

impl Over<ManageRoles> {
    /// As [`decide`](Self::decide), and everybody may act on themselves. For the registry alone.
    pub(crate) fn decide_or_self(
        access: ServerAccess<ManageRoles>,
        user: UserId,
        target: Option<&MemberState>,
    ) -> Result<Self, Denied> {
        let is_self = access.caller().id() == user;
        if is_self { Ok(Self { access, user }) } else { Self::decide(access, user, target) }
    }

    /// Proof that the caller may give the member this role; `None` where there is none.
    ///
    /// # Errors
    /// [`Denied::Outranked`], [`Denied::Lacks`] where it gives what the caller does not have.
    pub fn giving(self, role: RoleId) -> Option<Result<MemberRole, Denied>> {
        let found = self.access.state().role(role)?;
        let allowed = self.access.below(role).and_then(|()| self.access.has_all(found.permissions));
        Some(allowed.map(|()| MemberRole { over: self, role }))
    }

    /// Proof that the caller may take this role from the member; `None` where there is none.
    ///
    /// # Errors
    /// [`Denied::Outranked`].
    pub fn taking(self, role: RoleId) -> Option<Result<MemberRole, Denied>> {
        self.access.state().role(role)?;
        Some(self.access.below(role).map(|()| MemberRole { over: self, role }))
    }
}

/// Proof that the caller may give a role to a member, or take it.
#[derive(Debug)]
pub struct MemberRole {
    over: Over<ManageRoles>,
    role: RoleId,
}

impl MemberRole {
    /// To whom, and in which server.
    pub fn over(&self) -> &Over<ManageRoles> {
        &self.over
    }

    /// Which role.
    pub fn role(&self) -> RoleId {
        self.role
    }
}

/// What a role is to give more and less, by somebody who has all of it.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    added: Permissions,
    removed: Permissions,
}

impl Given {
    /// What it is to give more.
    pub fn added(self) -> Permissions {
        self.added
    }

    /// What it is to give no longer.
    pub fn removed(self) -> Permissions {
        self.removed
    }
}

/// Proof that the caller may change a role, or delete it.
#[derive(Debug)]
pub struct OverRole {
    access: ServerAccess<ManageRoles>,
    role: Role,
}

/// Proof that the caller may put the roles of a server into this order.
#[derive(Debug)]
pub struct Ordered {
    access: ServerAccess<ManageRoles>,
    decided_by: Vec<RoleId>,
    order: RoleOrder,
}

impl ServerAccess<ManageRoles> {
    /// What a new role is to give.
    ///
    /// # Errors
    /// [`Denied::Lacks`] where the caller does not have all of it.
    pub fn give(&self, permissions: Permissions) -> Result<Given, Denied> {
        self.has_all(permissions).map(|()| Given { added: permissions, removed: Permissions::NONE })
    }

    /// The same right over a role; `None` where there is none.
    ///
    /// # Errors
    /// [`Denied::Outranked`].
    pub fn over_role(self, role: RoleId) -> Option<Result<OverRole, Denied>> {
        let found = self.state().role(role)?.clone();
        Some(self.below(role).map(|()| OverRole { access: self, role: found }))
    }

    /// The right to this order: what is not below the caller stays where it is.
    ///
    /// # Errors
    /// [`Denied::Outranked`].
    pub fn order(self, order: RoleOrder) -> Result<Ordered, Denied> {
        let (now, wanted) = (self.state().highest_first(), order.role_ids.as_slice());
        let mut fixed = now.iter().take_while(|role| self.below(**role).is_err()).enumerate();
        let is_kept = fixed.all(|(place, role)| wanted.get(place) == Some(role));
        if is_kept { Ok(Ordered { access: self, decided_by: now, order }) } else { Err(Denied::Outranked) }
    }

    fn below(&self, role: RoleId) -> Result<(), Denied> {
        let nobody = MemberState::default();
        let member = self.facts.member.as_deref().unwrap_or(&nobody);
        let is_above = self.facts.server.rights.is_above_role(self.caller().id(), member, role);
        if is_above { Ok(()) } else { Err(Denied::Outranked) }
    }

    fn has_all(&self, permissions: Permissions) -> Result<(), Denied> {
        let missing = (permissions - self.facts.permissions()).iter().next();
        missing.map_or(Ok(()), |permission| Err(Denied::Lacks(permission)))
    }
}

impl OverRole {
    /// In which server, and by whom.
    pub fn access(&self) -> &ServerAccess<ManageRoles> {
        &self.access
    }

    /// The role as it was when it was decided.
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// What it is to give from now on.
    ///
    /// # Errors
    /// [`Denied::Lacks`] where it would give or take what the caller does not have.
    pub fn give(&self, permissions: Permissions) -> Result<Given, Denied> {
        let before = self.role.permissions;
        let (added, removed) = (permissions - before, before - permissions);
        self.access.has_all(added | removed).map(|()| Given { added, removed })
    }
}

impl Ordered {
    /// In which server, and by whom.
    pub fn access(&self) -> &ServerAccess<ManageRoles> {
        &self.access
    }

    /// The order that was there when it was decided, the highest first.
    pub fn decided_by(&self) -> &[RoleId] {
        &self.decided_by
    }

    /// The order.
    pub fn order(&self) -> &RoleOrder {
        &self.order
    }
}
