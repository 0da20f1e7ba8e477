use super::*;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const DEFAULT: RoleId = RoleId(1);
const MEMBER: UserId = UserId(7);

fn role(id: i64, position: i32, permissions: &[Permission]) -> RoleRights {
    RoleRights { id: RoleId(id), position, permissions: Permissions::of(permissions) }
}

fn member(roles: &[RoleId]) -> Standing<'_> {
    Standing { user: MEMBER, is_owner: false, is_timed_out: false, roles }
}

fn overwrite(allow: &[Permission], deny: &[Permission]) -> Overwrite {
    Overwrite { allow: Permissions::of(allow), deny: Permissions::of(deny) }
}

mod rules {
    use super::*;
    use Permission::{
        AddReactions, Administrator, BanMembers, EmbedLinks, ManageMessages, MentionEveryone, ReadHistory,
        SendInThreads, SendMessages, ViewChannel,
    };

    /// What it shows; the member's roles; what the channel says of roles, and of the member; what the member may do.
    type Case<'a> = (&'a str, &'a [i64], &'a [(i64, Overwrite)], Option<Overwrite>, Permissions);

    /// A server whose members read and write, with a role that moderates, one that is in charge, and one that gives nothing.
    fn roles() -> Roles {
        let default = role(1, 0, &[ViewChannel, ReadHistory, SendMessages, EmbedLinks]);
        Roles::new(default, [role(4, 1, &[]), role(3, 2, &[ManageMessages, BanMembers]), role(2, 3, &[Administrator])])
    }

    fn channel(of_roles: &[(i64, Overwrite)], of_members: &[(UserId, Overwrite)]) -> Overwrites {
        let of_roles = of_roles.iter().map(|(id, overwrite)| (RoleId(*id), *overwrite));
        Overwrites::new(DEFAULT, of_roles, of_members.iter().copied())
    }

    #[test]
    fn each_rule_says_what_it_says() {
        let usual = Permissions::of(&[ViewChannel, ReadHistory, SendMessages, EmbedLinks]);
        let quiet = Permissions::of(&[ViewChannel, ReadHistory]);
        let with = |more: &[Permission]| usual | Permissions::of(more);
        let (deny_view, deny_send) = (overwrite(&[], &[ViewChannel]), overwrite(&[], &[SendMessages]));
        let (allow_view, allow_send) = (overwrite(&[ViewChannel], &[]), overwrite(&[SendMessages], &[]));
        let reactions = overwrite(&[AddReactions], &[]);
        let none: &[(i64, Overwrite)] = &[];
        let cases: &[Case<'_>] = &[
            ("everybody has the default role", &[], none, None, usual),
            ("roles add up", &[3, 4], none, None, with(&[ManageMessages, BanMembers])),
            ("a role that is gone gives nothing", &[9], none, None, usual),
            ("an administrator may do everything", &[2], none, None, Permissions::ALL),
            ("everywhere", &[2], &[(1, deny_view), (2, deny_view)], Some(deny_view), Permissions::ALL),
            ("what everybody is denied", &[], &[(1, deny_send)], None, quiet),
            ("a role allows", &[4], &[(1, deny_send), (4, allow_send)], None, usual),
            ("to those who have it", &[], &[(1, deny_send), (4, allow_send)], None, quiet),
            ("a role denies", &[4], &[(4, deny_send)], None, quiet),
            (
                "what one role allows no other denies",
                &[3, 4],
                &[(3, deny_send), (4, allow_send)],
                None,
                with(&[ManageMessages, BanMembers]),
            ),
            ("one's own comes last", &[4], &[(1, deny_send), (4, deny_send)], Some(allow_send), usual),
            ("it denies too", &[4], &[(4, allow_send)], Some(deny_send), quiet),
            (
                "an allowance before a denial at one place",
                &[],
                &[(1, overwrite(&[SendMessages], &[SendMessages]))],
                None,
                usual,
            ),
            ("who sees nothing may do nothing", &[3], &[(1, deny_view)], None, Permissions::NONE),
            ("but who is let in", &[4], &[(1, deny_view), (4, allow_view)], None, usual),
            (
                "who may not write attaches nothing",
                &[],
                &[(1, overwrite(&[MentionEveryone], &[SendMessages]))],
                None,
                quiet,
            ),
            (
                "but in threads",
                &[],
                &[(1, overwrite(&[SendInThreads], &[SendMessages]))],
                None,
                with(&[SendInThreads]) - Permissions::of(&[SendMessages]),
            ),
            ("and may react", &[], &[(1, deny_send)], Some(reactions), quiet | Permissions::of(&[AddReactions])),
            (
                "a channel makes nobody an administrator",
                &[],
                &[(1, overwrite(&[Administrator, BanMembers], &[]))],
                None,
                usual,
            ),
            (
                "and takes nothing of the server's",
                &[3],
                &[(3, overwrite(&[], &[BanMembers]))],
                None,
                with(&[ManageMessages, BanMembers]),
            ),
        ];
        for (what, ids, of_roles, own, expected) in cases {
            let ids: Vec<RoleId> = ids.iter().copied().map(RoleId).collect();
            let of_members: Vec<_> = own.iter().map(|own| (MEMBER, *own)).chain([(UserId(8), deny_view)]).collect();
            let found = roles().in_channel(&member(&ids), &channel(of_roles, &of_members));
            assert_eq!(found, *expected, "{what}");
        }
    }

    #[test]
    fn a_timeout_leaves_reading_and_touches_nobody_who_may_do_everything() {
        let timed_out = |ids: &'static [RoleId]| Standing { is_timed_out: true, ..member(ids) };
        let left = Permissions::of(&[ViewChannel, ReadHistory]);
        let nothing = Overwrites::default();
        assert_eq!(roles().in_channel(&timed_out(&[RoleId(3)]), &nothing), left);
        assert_eq!(roles().of_member(&timed_out(&[RoleId(3)])), left);
        assert_eq!(roles().in_channel(&timed_out(&[RoleId(2)]), &nothing), Permissions::ALL);
        assert_eq!(roles().in_channel(&Standing { is_owner: true, ..timed_out(&[]) }, &nothing), Permissions::ALL);
        let hidden = channel(&[(1, overwrite(&[], &[ViewChannel]))], &[]);
        assert_eq!(roles().in_channel(&timed_out(&[]), &hidden), Permissions::NONE);
    }

    #[test]
    fn the_owner_may_do_everything_everywhere() {
        let owner = Standing { is_owner: true, ..member(&[]) };
        let hidden = channel(&[(1, overwrite(&[], &[ViewChannel]))], &[(MEMBER, overwrite(&[], &[ViewChannel]))]);
        assert_eq!(roles().in_channel(&owner, &hidden), Permissions::ALL);
        assert_eq!(roles().of_member(&owner), Permissions::ALL);
    }

    #[test]
    fn one_acts_on_those_who_stand_lower() {
        let roles = Roles::new(role(1, 0, &[]), [role(2, 5, &[]), role(3, 5, &[]), role(4, 2, &[])]);
        let of = |user: i64, ids: &'static [RoleId]| Standing { user: UserId(user), ..member(ids) };
        let owner = Standing { is_owner: true, ..of(1, &[]) };
        let (high, later, low) = (of(2, &[RoleId(2), RoleId(4)]), of(3, &[RoleId(3)]), of(4, &[RoleId(4)]));
        let (plain, gone) = (of(5, &[]), of(6, &[RoleId(9)]));
        let order = [&owner, &high, &later, &low, &plain];
        for (place, actor) in order.iter().enumerate() {
            for (other, target) in order.iter().enumerate() {
                assert_eq!(roles.is_above(actor, target), place < other, "{place} {other}");
            }
        }
        assert!(!roles.is_above(&plain, &gone) && !roles.is_above(&gone, &plain), "they stand alike");
        for (actor, below) in [(&owner, vec![1, 2, 3, 4]), (&high, vec![1, 3, 4]), (&low, vec![1]), (&plain, vec![])] {
            let may: Vec<i64> = (1..=9).filter(|id| roles.is_above_role(actor, RoleId(*id))).collect();
            assert_eq!(may, below, "{actor:?}");
        }
    }
}

/// The same once more, as the page of rights tells it: by names, and without any order.
mod naive {
    use super::*;

    pub type Names = BTreeSet<&'static str>;

    pub fn names(permissions: Permissions) -> Names {
        permissions.iter().map(Permission::name).collect()
    }

    fn apply(given: &mut Names, overwrites: &[Overwrite]) {
        for deny in overwrites.iter().flat_map(|overwrite| names(overwrite.deny & Permissions::OF_CHANNELS)) {
            given.remove(deny);
        }
        for allow in overwrites.iter().flat_map(|overwrite| names(overwrite.allow & Permissions::OF_CHANNELS)) {
            given.insert(allow);
        }
    }

    pub fn in_channel(
        standing: &Standing<'_>,
        roles: &BTreeMap<RoleId, RoleRights>,
        of_roles: &BTreeMap<RoleId, Overwrite>,
        of_members: &BTreeMap<UserId, Overwrite>,
    ) -> Names {
        let mut given = Names::new();
        for (id, role) in roles {
            if *id == DEFAULT || standing.roles.contains(id) {
                given.extend(names(role.permissions));
            }
        }
        if standing.is_owner || given.contains("administrator") {
            return names(Permissions::ALL);
        }
        apply(&mut given, of_roles.get(&DEFAULT).copied().as_slice());
        let own: Vec<_> = of_roles
            .iter()
            .filter(|(id, _)| **id != DEFAULT && roles.contains_key(*id) && standing.roles.contains(*id))
            .map(|(_, overwrite)| *overwrite)
            .collect();
        apply(&mut given, &own);
        apply(&mut given, of_members.get(&standing.user).copied().as_slice());
        if !given.contains("view_channel") {
            return Names::new();
        }
        if !given.contains("send_messages") && !given.contains("send_in_threads") {
            let by_writing =
                ["attach_files", "bypass_slowmode", "embed_links", "mention_everyone", "use_external_emoji"];
            given.retain(|name| !by_writing.contains(name));
        }
        if standing.is_timed_out {
            given.retain(|name| ["view_channel", "read_history"].contains(name));
        }
        given
    }
}

fn permissions() -> impl Strategy<Value = Permissions> {
    // Few, so that denials matter, and administrators are rare.
    vec(prop::sample::select(Permission::ALL), 0..6).prop_map(Permissions::from_iter)
}

fn overwrites() -> impl Strategy<Value = Overwrite> {
    (permissions(), permissions()).prop_map(|(allow, deny)| Overwrite { allow, deny })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_decision_is_what_the_rules_say_of_any_server(
        given in btree_map(1..12_i64, (0..6, permissions()), 1..12),
        default in permissions(),
        own in btree_set(2..12_i64, 0..6),
        of_roles in btree_map(1..12_i64, overwrites(), 0..8),
        of_members in btree_map(5..9_i64, overwrites(), 0..4),
        (is_owner, is_timed_out) in (prop::bool::weighted(0.05), prop::bool::weighted(0.2)),
    ) {
        let mut all: BTreeMap<_, _> = given
            .iter()
            .map(|(id, (position, permissions))| {
                (RoleId(*id), RoleRights { id: RoleId(*id), position: *position, permissions: *permissions })
            })
            .collect();
        all.insert(DEFAULT, RoleRights { id: DEFAULT, position: 0, permissions: default });
        // What is said of a role ends with it.
        let of_roles: BTreeMap<_, _> =
            of_roles.into_iter().map(|(id, one)| (RoleId(id), one)).filter(|(id, _)| all.contains_key(id)).collect();
        let of_members: BTreeMap<_, _> = of_members.into_iter().map(|(id, one)| (UserId(id), one)).collect();
        let own: Vec<RoleId> = own.into_iter().map(RoleId).collect();
        let standing = Standing { user: MEMBER, is_owner, is_timed_out, roles: &own };

        let others = all.values().rev().filter(|role| role.id != DEFAULT).copied();
        let roles = Roles::new(all[&DEFAULT], others);
        let overwrites = Overwrites::new(DEFAULT, of_roles.clone().into_iter().rev(), of_members.clone().into_iter().rev());
        let found = roles.in_channel(&standing, &overwrites);
        prop_assert_eq!(naive::names(found), naive::in_channel(&standing, &all, &of_roles, &of_members));
        prop_assert!(!found.has(Permission::Administrator) || found == Permissions::ALL);
    }
}
