//! What somebody may do in a server, or in one of its channels, each by its name.

use super::validation::{Parse, Refusal};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::ops::{BitAnd, BitOr, BitOrAssign, Sub};
use utoipa::ToSchema;

/// Declares every permission, a line each, in the order of the names: its variant, its bit, its name, and whether it is about a channel.
/// The bits are those of Discord's documentation ("Permissions", 2025), so that a client of that API needs no table.
macro_rules! permissions {
    ($($(#[$doc:meta])* $permission:ident $bit:literal $name:literal $scope:ident;)*) => {
        /// Something that one may do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Permission {
            $($(#[$doc])* $permission,)*
        }

        impl Permission {
            /// All there are, in the order of their names.
            pub const ALL: &[Self] = &[$(Self::$permission),*];

            /// What it is called.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$permission => $name,)*
                }
            }

            /// Whether a channel may allow or deny it by itself.
            pub const fn is_of_channel(self) -> bool {
                match self {
                    $(Self::$permission => Scope::$scope.is_channel(),)*
                }
            }

            const fn bit(self) -> u64 {
                match self {
                    $(Self::$permission => 1 << $bit,)*
                }
            }
        }
    };
}

permissions! {
    /// React to messages.
    AddReactions 6 "add_reactions" Channel;
    /// Everything, in every channel.
    Administrator 3 "administrator" Server;
    /// Attach files to messages.
    AttachFiles 15 "attach_files" Channel;
    /// Ban members.
    BanMembers 2 "ban_members" Server;
    /// Send as often as one likes where a channel is slowed down.
    BypassSlowmode 52 "bypass_slowmode" Channel;
    /// Change one's own nickname.
    ChangeNickname 26 "change_nickname" Server;
    /// Invite people.
    CreateInvite 0 "create_invite" Channel;
    /// Make threads.
    CreateThreads 35 "create_threads" Channel;
    /// Have links shown with what they lead to.
    EmbedLinks 14 "embed_links" Channel;
    /// Remove members, who may come back.
    KickMembers 1 "kick_members" Server;
    /// Make, change and delete channels.
    ManageChannels 4 "manage_channels" Channel;
    /// Make, change and delete the server's emoji.
    ManageEmoji 30 "manage_emoji" Server;
    /// Delete messages of others, and their reactions.
    ManageMessages 13 "manage_messages" Channel;
    /// Change nicknames of others.
    ManageNicknames 27 "manage_nicknames" Server;
    /// Make, change, delete and give roles below one's own; in a channel, what roles and members may do there.
    ManageRoles 28 "manage_roles" Channel;
    /// Change the server.
    ManageServer 5 "manage_server" Server;
    /// Rename, lock, archive and delete threads of others.
    ManageThreads 34 "manage_threads" Channel;
    /// Make, change and delete webhooks.
    ManageWebhooks 29 "manage_webhooks" Channel;
    /// Notify everyone, and roles that are not for everybody to mention.
    MentionEveryone 17 "mention_everyone" Channel;
    /// Pin messages.
    PinMessages 51 "pin_messages" Channel;
    /// Read what was said before one looks.
    ReadHistory 16 "read_history" Channel;
    /// Write in threads.
    SendInThreads 38 "send_in_threads" Channel;
    /// Write.
    SendMessages 11 "send_messages" Channel;
    /// Keep members from writing for a while.
    TimeoutMembers 40 "timeout_members" Server;
    /// Use emoji of other servers.
    UseExternalEmoji 18 "use_external_emoji" Channel;
    /// Read who has changed what.
    ViewAuditLog 7 "view_audit_log" Server;
    /// See the channel.
    ViewChannel 10 "view_channel" Channel;
}

#[derive(Clone, Copy)]
enum Scope {
    Server,
    Channel,
}

impl Scope {
    const fn is_channel(self) -> bool {
        matches!(self, Self::Channel)
    }
}

impl Permission {
    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.binary_search_by_key(&name, |permission| permission.name()).ok().map(|at| Self::ALL[at])
    }
}

/// A set of permissions. In JSON it is the list of their names, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, ToSchema)]
#[schema(value_type = Vec<String>, example = json!(["read_history", "send_messages", "view_channel"]))]
pub struct Permissions(u64);

impl Permissions {
    /// None.
    pub const NONE: Self = Self(0);
    /// All there are.
    pub const ALL: Self = Self::of(Permission::ALL);
    /// Those that a channel may allow or deny by itself.
    pub const OF_CHANNELS: Self = {
        let (mut bits, mut rest) = (0, Permission::ALL);
        while let [first, others @ ..] = rest {
            if first.is_of_channel() {
                bits |= first.bit();
            }
            rest = others;
        }
        Self(bits)
    };
    /// What every member of a new server may do.
    pub const OF_MEMBERS: Self = Self::of(&[
        Permission::AddReactions,
        Permission::AttachFiles,
        Permission::ChangeNickname,
        Permission::CreateInvite,
        Permission::CreateThreads,
        Permission::EmbedLinks,
        Permission::ReadHistory,
        Permission::SendInThreads,
        Permission::SendMessages,
        Permission::UseExternalEmoji,
        Permission::ViewChannel,
    ]);

    /// These.
    pub const fn of(permissions: &[Permission]) -> Self {
        let (mut bits, mut rest) = (0, permissions);
        while let [first, others @ ..] = rest {
            bits |= first.bit();
            rest = others;
        }
        Self(bits)
    }

    /// As it is stored: Discord's bits. What a later version has written and this one does not know is left out.
    pub fn from_bits(bits: i64) -> Self {
        Self(bits.cast_unsigned() & Self::ALL.0)
    }

    /// As it is stored.
    pub fn bits(self) -> i64 {
        self.0.cast_signed()
    }

    /// Whether it is one of these.
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Whether all of these are among them.
    pub const fn has_all(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each, in the order of the names.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.has(*permission))
    }
}

impl BitOr for Permissions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Permissions {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitAnd for Permissions {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Sub for Permissions {
    type Output = Self;

    /// Those that are not among the others.
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::NONE, |all, permission| Self(all.0 | permission.bit()))
    }
}

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Permission::name))
    }
}

impl Parse for Permissions {
    fn parse(value: &Value) -> Result<Self, Refusal> {
        let list = || Refusal::new("list_type", "Input should be a valid list of permissions");
        let named = |(place, value): (usize, &Value)| {
            let name = value.as_str().ok_or_else(|| Refusal::new("string_type", "Input should be a valid string"));
            let known = name.and_then(|name| Permission::named(name).ok_or_else(|| unknown(name)));
            known.map_err(|refusal| refusal.of_item(place))
        };
        value.as_array().ok_or_else(list)?.iter().enumerate().map(named).collect()
    }
}

fn unknown(name: &str) -> Refusal {
    // Names are short; what is no name is not told again at length.
    let name: String = name.chars().take(40).collect();
    Refusal::new("permission_unknown", format!("There is no permission \"{name}\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_has_a_name_in_order_and_a_bit_of_its_own() {
        assert!(Permission::ALL.is_sorted_by(|one, next| one.name() < next.name()), "they are searched by name");
        assert_eq!(Permissions::ALL.0.count_ones() as usize, Permission::ALL.len());
        for permission in Permission::ALL {
            assert_eq!(Permission::named(permission.name()), Some(*permission));
        }
        assert!(Permission::named("send_message").is_none() && Permission::named("").is_none());
    }

    #[test]
    fn a_set_is_a_sorted_list_of_names() {
        let set = Permissions::parse(&json!(["view_channel", "administrator", "view_channel"])).expect("good names");
        assert_eq!(serde_json::to_value(set).expect("JSON"), json!(["administrator", "view_channel"]));
        assert_eq!(Permissions::from_bits(set.bits()), set);
        assert_eq!(Permissions::from_bits(-1), Permissions::ALL, "bits of a later version are left out");
        let refused = |value: Value| Permissions::parse(&value).map_err(|refusal| (refusal.kind, refusal.item));
        assert_eq!(refused(json!(["view_channel", "Administrator"])), Err(("permission_unknown", Some(1))));
        assert_eq!(refused(json!([1])), Err(("string_type", Some(0))));
        assert_eq!(refused(json!("administrator")), Err(("list_type", None)));
        assert_eq!(refused(json!(8)), Err(("list_type", None)));
        assert_eq!(refused(json!([])), Ok(Permissions::NONE));
        let named = Permissions::parse(&json!(["kick"])).map_err(|refusal| refusal.msg);
        assert_eq!(named, Err(r#"There is no permission "kick""#.to_owned()));
    }

    #[test]
    fn bits_are_those_that_clients_of_the_original_know() {
        for (permission, bits) in [
            (Permission::CreateInvite, 0x1),
            (Permission::Administrator, 0x8),
            (Permission::ViewChannel, 0x400),
            (Permission::SendMessages, 0x800),
            (Permission::ManageRoles, 0x1000_0000),
            (Permission::TimeoutMembers, 0x100_0000_0000),
            (Permission::PinMessages, 0x8_0000_0000_0000),
        ] {
            assert_eq!(Permissions::of(&[permission]).bits(), bits, "{permission:?}");
        }
    }
}
