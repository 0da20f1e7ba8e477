//! What each right takes.

use super::*;
use crate::domain::UserId;
use crate::domain::permission::Permission;
use crate::domain::role::tests::default_role;
use crate::domain::server::Server;
use std::sync::Arc;
use time::OffsetDateTime;

fn facts(caller: i64, is_member: bool) -> Facts {
    let at = OffsetDateTime::UNIX_EPOCH;
    let server = Server {
        id: ServerId(7),
        name: "s".into(),
        description: None,
        icon_url: None,
        owner_id: UserId(1),
        created_at: at,
        updated_at: at,
    };
    let channel = Channel {
        id: ChannelId(9),
        name: "c".into(),
        description: None,
        server_id: ServerId(7),
        created_at: at,
        updated_at: at,
    };
    let account = Account { username: "u".into(), password_version: 0, kept_token: None, sessions: Box::default() };
    Facts {
        caller: Caller::known(UserId(caller), &account, None),
        server: Arc::new(ServerState::new(server, Arc::new([channel]), Arc::new([default_role(ServerId(7))]))),
        member: is_member.then(Arc::default),
    }
}

/// Somebody who may change messages of channel 9; user 1 is the owner.
pub(crate) fn maker(id: i64) -> Participant {
    let access = ChannelAccess::<ViewChannel>::decide(facts(id, true), ChannelId(9));
    access.expect("it has this channel").expect("a member").into()
}

#[test]
fn each_right_takes_what_it_says() {
    let denied = |facts: Facts| {
        (
            ServerAccess::<Visitor>::decide(facts.clone()).err(),
            ServerAccess::<Member>::decide(facts.clone()).err(),
            ServerAccess::<ManageServer>::decide(facts.clone()).err(),
            ServerAccess::<Owner>::decide(facts).err(),
        )
    };
    let lacks = Some(Denied::Lacks(Permission::ManageServer));
    let no_member = Some(Denied::NotMember);
    assert_eq!(denied(facts(1, true)), (None, None, None, None));
    assert_eq!(denied(facts(2, true)), (None, None, lacks, Some(Denied::NotOwner)));
    assert_eq!(denied(facts(2, false)), (None, no_member, no_member, no_member));
}

#[test]
fn what_a_right_to_a_channel_takes_is_what_its_roles_give_there() {
    let denied = |facts: Facts| {
        let of = |denied: Option<Result<(), Denied>>| denied.expect("it has this channel").err();
        (
            of(ChannelAccess::<ViewChannel>::decide(facts.clone(), ChannelId(9)).map(|access| access.map(drop))),
            of(ChannelAccess::<SendMessages>::decide(facts.clone(), ChannelId(9)).map(|access| access.map(drop))),
            of(ChannelAccess::<ManageMessages>::decide(facts, ChannelId(9)).map(|access| access.map(drop))),
        )
    };
    assert_eq!(denied(facts(1, true)), (None, None, None));
    assert_eq!(denied(facts(2, true)), (None, None, Some(Denied::Lacks(Permission::ManageMessages))));
    let no_member = Some(Denied::NotMember);
    assert_eq!(denied(facts(2, false)), (no_member, no_member, no_member));
}

#[test]
fn a_channel_of_another_server_is_no_channel_of_this_one() {
    assert!(ChannelAccess::<Member>::decide(facts(1, true), ChannelId(8)).is_none());
    assert!(ChannelAccess::<Member>::decide(facts(1, true), ChannelId(9)).is_some_and(|access| access.is_ok()));
}
