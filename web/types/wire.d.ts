// Made by web/types/update from /openapi.json and /asyncapi.json.

/** A reaction that is to be there. */
export interface AddReaction {
  channel_id: ChannelId;
  emoji: Emoji;
  message_id: MessageId;
  nonce?: string | null;
}

/** A login, as its user sees it. */
export interface AuthSession {
  address?: string | null;
  created_at: string;
  expires_at: string;
  id: AuthSessionId;
  is_current: boolean;
  last_used_at: string;
  user_agent?: string | null;
}

/** Names a login: what lasts from there to the logout. */
export type AuthSessionId = number;

/** Somebody who may not come back to a server. */
export interface Ban {
  banned_by: number;
  created_at: string;
  reason?: string | null;
  user_id: UserId;
  username: string;
}

/** A channel of a server. */
export interface Channel {
  created_at: string;
  description?: string | null;
  id: ChannelId;
  name: string;
  server_id: ServerId;
  updated_at: string;
}

/** Names a channel. */
export type ChannelId = number;

/** Why somebody is banned. */
export interface CreateBan {
  reason?: string | null;
}

/** A new channel. */
export interface CreateChannel {
  description?: string | null;
  name: string;
  server_id: number;
}

/** A new role. It is the lowest but for the default one. */
export interface CreateRole {
  color?: string | null;
  hoist?: boolean | null;
  mentionable?: boolean | null;
  name: string;
  permissions?: string[] | null;
}

/** A new server. */
export interface CreateServer {
  description?: string | null;
  icon_url?: string | null;
  name: string;
}

/** What shows that it is really oneself. */
export interface DeleteMe {
  password: string;
}

/** A message that is to be deleted. */
export interface DeleteMessage {
  channel_id: ChannelId;
  id: MessageId;
  nonce?: string | null;
}

/** Messages that are to be deleted. */
export interface DeleteMessages {
  ids: number[];
}

/** Another text for a message of one's own. */
export interface EditMessage {
  channel_id: ChannelId;
  content: string;
  id: MessageId;
  nonce?: string | null;
}

/**
 * One emoji of Unicode, with its skin tone, of a flag or a joined family too; written the one way that Unicode
 * recommends, so that two who mean the same count together.
 */
export type Emoji = string;

/**
 * Names the logs of a database as long as they only go on. Another one begins where something of them may be other
 * than it was: with another database, a restored backup, or because an operator has said so.
 */
export type Epoch = string;

/** The body of every error but a `422`. */
export interface ErrorBody {
  code: string;
  detail: string;
}

/** Every code that an answer may have. */
export type ErrorCode =
  | 'already_member' | 'ban_not_found' | 'banned' | 'body_too_large' | 'busy' | 'channel_not_found'
  | 'current_password_required' | 'default_role' | 'email_taken' | 'head_too_large' | 'header_not_allowed'
  | 'internal_error' | 'invalid_content' | 'invalid_credentials' | 'invalid_refresh_token' | 'invalid_ticket'
  | 'invalid_token' | 'malformed_request' | 'message_not_found' | 'method_not_allowed' | 'missing_permission'
  | 'new_owner_not_a_member' | 'nonce_conflict' | 'not_a_member' | 'not_authenticated' | 'not_found' | 'not_ready'
  | 'not_the_author' | 'not_the_owner' | 'origin_not_allowed' | 'outranked' | 'owner_cannot_leave' | 'owns_servers'
  | 'rate_limited' | 'refresh_token_missing' | 'refresh_token_reused' | 'reply_to_not_found' | 'request_too_slow'
  | 'role_not_found' | 'roles_not_named' | 'server_not_found' | 'session_not_found' | 'token_expired'
  | 'token_revoked' | 'too_many_channels' | 'too_many_pins' | 'too_many_reactions' | 'too_many_roles'
  | 'too_many_servers' | 'too_many_sockets' | 'unavailable' | 'unconfirmed' | 'upgrade_required' | 'user_not_found'
  | 'username_taken' | 'validation_error' | 'wrong_password';

/** A part of a channel's log. */
export interface Events {
  epoch: Epoch;
  events: LogEntry[];
  last_seq: Seq;
}

/** Everything that is stored about an account. */
export interface Export {
  earlier_texts: OwnRevision[];
  messages: Message[];
  profile: Profile;
  reactions: OwnReaction[];
  servers: JoinedServer[];
  sessions: AuthSession[];
}

/** Who is to own a server. */
export interface HandOver {
  owner_id: number;
}

/** One thing that is wrong with a body, a path or a query. */
export interface Issue {
  loc: Step[];
  msg: string;
  type: string;
}

/** A server that one belongs to, and since when. */
export type JoinedServer = Server & { joined_at: string };

/** The limits of a gateway's client. */
export interface Limits {
  channel_message_burst?: number | null;
  channel_messages_per_second?: number | null;
  content_characters: number;
  content_kib_burst?: number | null;
  content_kib_per_second?: number | null;
  frame_burst?: number | null;
  frame_bytes: number;
  frames_per_second?: number | null;
  message_burst?: number | null;
  messages_per_second?: number | null;
  nonce_characters: number;
  sockets?: number | null;
  subscriptions: number;
  unacknowledged_sends: number;
}

/** An entry of a channel's log. */
export type LogEntry =
  | MessageCreated & { type: 'message.created' } | MessageUpdated & { type: 'message.updated' }
  | MessageDeleted & { type: 'message.deleted' } | MessagesDeleted & { type: 'messages.deleted' }
  | Reaction & { type: 'reaction.added' } | Reaction & { type: 'reaction.removed' }
  | ReactionsCleared & { type: 'reactions.cleared' } | Pin & { type: 'message.pinned' }
  | Pin & { type: 'message.unpinned' } | Skipped & { type: 'skipped' };

/** A channel, and how far its log goes. */
export type LoggedChannel = Channel & { last_seq: Seq };

/** The login form, as OAuth 2's password grant has it; its other fields are ignored. */
export interface Login {
  cookie?: boolean | null;
  grant_type?: string | null;
  password: string;
  username: string;
}

/** Users that are looked up. */
export interface LookUpUsers {
  ids: number[];
}

/** Somebody who belongs to a server, as its members see them. */
export interface Member {
  avatar_url?: string | null;
  display_name?: string | null;
  joined_at: string;
  nickname?: string | null;
  role_ids: RoleId[];
  timeout_until?: string | null;
  user_id: UserId;
  username: string;
}

/** A server, as a member of it sees it on the gateway. */
export type Membership = Server & {
  channels?: LoggedChannel[] | null;
  my_permissions: Permissions;
  my_role_ids: RoleId[];
  my_timeout_until?: string | null;
  roles?: Role[];
};

/** A message of a channel, as whoever may read it gets it: a page's, an export's, an event's. */
export interface Message {
  author_id: UserId;
  author_username: string;
  channel_id: ChannelId;
  content: string;
  created_at: string;
  edited_at?: string;
  id: MessageId;
  nonce?: string | null;
  pinned?: boolean;
  reactions?: ReactionCount[];
  reply_to?: number | null;
  seq: Seq;
  updated_at: string;
}

/** A message that was made. */
export type MessageCreated = NewInLog | Tombstone;

/** A message that is gone. */
export interface MessageDeleted {
  channel_id: ChannelId;
  deleted_by: UserId;
  id: MessageId;
  message_seq: Seq;
  seq: Seq;
}

/** Names a message. */
export type MessageId = number;

/** An earlier text of a message. */
export interface MessageRevision {
  content: string;
  replaced_at: string;
  replaced_by_seq: Seq;
  written_at: string;
}

/** A message as it is now, whose `seq` is the entry's own. */
export type MessageUpdated = Message & { message_seq: Seq };

/** Messages that are gone. */
export interface MessagesDeleted {
  channel_id: ChannelId;
  deleted_by: UserId;
  ids: MessageId[];
  seq: Seq;
}

/** A message that has been committed, as its entry has it. */
export type NewInLog = Message & { duplicate?: boolean | null };

/** What someone wants to say. */
export interface NewMessage {
  content: string;
  nonce?: string | null;
  reply_to?: number | null;
}

/** The body of a node's that cannot serve now. */
export interface NotReadyBody {
  code: string;
  detail: string;
  missing: string[];
}

/** In which order the roles of a server stand. */
export interface OrderRoles {
  role_ids: number[];
}

/** A reaction of one's own, as an export has it. */
export interface OwnReaction {
  channel_id: ChannelId;
  created_at: string;
  emoji: Emoji;
  message_id: MessageId;
}

/** An earlier text of one's own message, as an export has it. */
export interface OwnRevision {
  channel_id: ChannelId;
  content: string;
  message_id: MessageId;
  replaced_at: string;
  replaced_by_seq: Seq;
  written_at: string;
}

/** A set of permissions. In JSON it is the list of their names, in order. */
export type Permissions = string[];

/** A pin that was set or taken away. */
export interface Pin {
  channel_id: ChannelId;
  message_id: MessageId;
  seq: Seq;
  user_id: UserId;
}

/** A user's own profile. */
export interface Profile {
  avatar_url?: string | null;
  bio?: string | null;
  created_at: string;
  display_name?: string | null;
  email: string;
  id: UserId;
  updated_at: string;
  username: string;
}

/** What everyone may see of a user: the profile without its address. */
export interface PublicProfile {
  avatar_url?: string | null;
  bio?: string | null;
  created_at: string;
  display_name?: string | null;
  id: UserId;
  updated_at: string;
  username: string;
}

/** One person's reaction. */
export interface Reaction {
  channel_id: ChannelId;
  emoji: Emoji;
  message_id: MessageId;
  seq: Seq;
  user_id: UserId;
}

/** How many people have reacted to a message with an emoji. */
export interface ReactionCount {
  count: number;
  emoji: Emoji;
  me: boolean;
}

/** Reactions that are gone. */
export interface ReactionsCleared {
  channel_id: ChannelId;
  emoji?: Emoji | null;
  message_id: MessageId;
  seq: Seq;
  user_id: UserId;
}

/** Somebody who has reacted to a message. */
export interface Reactor {
  user_id: UserId;
  username: string;
}

/** What a gateway's client starts with. */
export interface Ready {
  epoch: Epoch;
  heartbeat_interval_ms: number;
  limits: Limits;
  servers: Membership[];
  session_id: string;
  user: Profile;
}

/** The reason of a close with `1012`, as JSON: the same client is welcome again, here or at another node. */
export interface Reconnect {
  reconnect_after_ms: number;
}

/** What a refresh token is sent in. */
export interface Refresh {
  cookie?: boolean | null;
  refresh_token?: string | null;
}

/** A new account. */
export interface Register {
  email: string;
  password: string;
  username: string;
}

/** A reaction of one's own that is to be gone. */
export interface RemoveReaction {
  channel_id: ChannelId;
  emoji: Emoji;
  message_id: MessageId;
  nonce?: string | null;
}

/** Why a subscription ended that its client did not end. */
export type Revoked = 'not_a_member' | 'channel_not_found' | 'restart';

/** A role of a server. */
export interface Role {
  color?: string | null;
  created_at: string;
  hoist: boolean;
  id: RoleId;
  is_default: boolean;
  mentionable: boolean;
  name: string;
  permissions: Permissions;
  position: number;
  server_id: ServerId;
  updated_at: string;
}

/** Names a role of a server. */
export type RoleId = number;

/** A message that is to be sent. */
export interface SendMessage {
  content: string;
  nonce?: string | null;
  reply_to?: number | null;
}

/** A place in a channel's log: 1, 2, 3, … with no gap. 0 is before the first entry. */
export type Seq = number;

/** A server. */
export interface Server {
  created_at: string;
  description?: string | null;
  icon_url?: string | null;
  id: ServerId;
  name: string;
  owner_id: UserId;
  updated_at: string;
}

/** A server with what you may see of it. */
export type ServerDetail = Server & {
  channels: Channel[];
  my_permissions: Permissions;
  my_role_ids: RoleId[];
  my_timeout_until?: string | null;
  roles: Role[];
};

/** Names a server: the community, not the process. */
export type ServerId = number;

/** Numbers of the log that say nothing any more. */
export interface Skipped {
  channel_id: ChannelId;
  from: Seq;
  to: Seq;
}

/** How a node is. */
export interface Status {
  status: string;
}

/** A step on the way to what is wrong. */
export type Step = string | number;

/** What a client wants to hear. */
export type Subscribe = Wanted | {
  channels: Wanted[];
};

/** An access token, and what to get the next one with. */
export interface Token {
  access_token: string;
  expires_in: number;
  refresh_token?: string;
  token_type: string;
}

/** What is left of a deleted message. */
export interface Tombstone {
  author_id?: number | null;
  author_username: string;
  channel_id: ChannelId;
  content: string;
  created_at: string;
  deleted: boolean;
  duplicate?: boolean | null;
  id: MessageId;
  nonce?: string | null;
  seq: Seq;
  updated_at: string;
}

/** A change to a channel. Fields left out stay as they are, `null` clears one that is optional. */
export interface UpdateChannel {
  description?: string | null;
  name?: string;
}

/** A change to one's own profile. Fields left out stay as they are, `null` clears one that is optional. */
export interface UpdateMe {
  avatar_url?: string | null;
  bio?: string | null;
  current_password?: string;
  display_name?: string | null;
  email?: string;
  password?: string;
}

/** A change to a member. Fields left out stay as they are, `null` clears one that is optional. */
export interface UpdateMember {
  nickname?: string | null;
  role_ids?: number[];
  timeout_until?: string | null;
}

/** A message's new text. */
export interface UpdateMessage {
  content: string;
}

/**
 * A change to a role. Fields left out stay as they are, `null` clears the color. Of the default role only
 * `permissions` can be changed.
 */
export interface UpdateRole {
  color?: string | null;
  hoist?: boolean;
  mentionable?: boolean;
  name?: string;
  permissions?: string[];
}

/** A change to a server. Fields left out stay as they are, `null` clears one that is optional. */
export interface UpdateServer {
  description?: string | null;
  icon_url?: string | null;
  name?: string;
}

/** Names an account. */
export type UserId = number;

/** The body of a `422`, as FastAPI's clients know it. */
export interface ValidationErrorBody {
  code: string;
  detail: Issue[];
}

/** A channel that a client wants to hear, and from where on. */
export interface Wanted {
  after?: Seq | null;
  channel_id: ChannelId;
  epoch?: string | null;
}

/** What opens one socket. */
export interface WsTicket {
  expires_in: number;
  ticket: string;
}

/** One's own message, or change of a message, is committed. */
export interface AckFrame {
  channel_id: ChannelId;
  duplicate?: boolean | null;
  id: MessageId;
  nonce?: string | null;
  seq?: number;
  type: 'ack';
}

/** A server of yours has a new channel that you may see. */
export type ChannelCreatedFrame = Channel & { type: 'channel.created' };

/** A channel is gone. */
export interface ChannelDeletedFrame {
  id: ChannelId;
  server_id: ServerId;
  type: 'channel.deleted';
}

/** A channel that you may see changed. */
export type ChannelUpdatedFrame = Channel & { type: 'channel.updated' };

/** Something that the client sent was refused; the socket lives on. */
export interface ErrorFrame {
  channel_id?: number | null;
  code: 
    | 'invalid_token' | 'token_revoked' | 'not_a_member' | 'missing_permission' | 'not_the_author'
    | 'channel_not_found' | 'message_not_found' | 'too_many_reactions' | 'reply_to_not_found' | 'invalid_content'
    | 'nonce_conflict' | 'rate_limited' | 'internal_error' | 'busy' | 'unavailable' | 'unconfirmed' | 'invalid_json'
    | 'invalid_frame' | 'too_deep' | 'type_missing' | 'unknown_type' | 'content_missing' | 'content_not_text'
    | 'content_blank' | 'content_has_nul' | 'content_too_long' | 'nonce_invalid' | 'reply_to_invalid'
    | 'message_id_missing' | 'message_id_invalid' | 'emoji_missing' | 'emoji_invalid' | 'channel_id_missing'
    | 'channel_id_invalid' | 'after_invalid' | 'channels_invalid' | 'token_missing' | 'token_invalid'
    | 'not_identified' | 'already_identified' | 'already_subscribed' | 'not_subscribed' | 'too_many_subscriptions';
  detail: string;
  field?: string | null;
  nonce?: string | null;
  retry_after_ms?: number | null;
  type: 'error';
}

/** Say who you are: the first frame on a gateway that was opened without a token. */
export interface IdentifyFrame {
  token: string;
  type: 'identify';
}

/** Somebody else belongs to a server of yours now. */
export interface MemberJoinedFrame {
  member: Member;
  server_id: ServerId;
  type: 'member.joined';
}

/** Somebody no longer belongs to a server of yours, or has no account any more. */
export interface MemberLeftFrame {
  server_id: ServerId;
  type: 'member.left';
  user_id: UserId;
}

/** A member of a server of yours, or you there, has other roles. */
export interface MemberUpdatedFrame {
  member: Member;
  server_id: ServerId;
  type: 'member.updated';
}

/** A message has been committed. To its sender, the one with the sent `nonce` is the acknowledgement. */
export type MessageCreatedFrame = MessageCreated & { type: 'message.created' };

/** One's own send is over the rate: it waits its turn, and is answered then. */
export interface MessageDelayedFrame {
  channel_id: ChannelId;
  delay_ms: number;
  nonce?: string | null;
  type: 'message.delayed';
}

/** Delete a message: one's own, or as the server's owner any. */
export type MessageDeleteFrame = DeleteMessage & { type: 'message.delete' };

/** A message is gone. */
export type MessageDeletedFrame = MessageDeleted & { type: 'message.deleted' };

/** Give a message of one's own another text. */
export type MessageEditFrame = EditMessage & { type: 'message.edit' };

/** A message is among the channel's pins. */
export type MessagePinnedFrame = Pin & { type: 'message.pinned' };

/** Put a message into a channel's log. */
export type MessageSendFrame = NewMessage & { channel_id: number } & { type: 'message.send' };

/** A message is no longer among the channel's pins. */
export type MessageUnpinnedFrame = Pin & { type: 'message.unpinned' };

/** A message has another text. */
export type MessageUpdatedFrame = MessageUpdated & { type: 'message.updated' };

/** Several messages are gone. */
export type MessagesDeletedFrame = MessagesDeleted & { type: 'messages.deleted' };

/** Ask for a `pong`. */
export interface PingFrame {
  t?: unknown;
  type: 'ping';
}

/** The answer to `ping`. */
export interface PongFrame {
  t?: unknown;
  type: 'pong';
}

/** React to a message. */
export type ReactionAddFrame = AddReaction & { type: 'reaction.add' };

/** Somebody has reacted to a message. */
export type ReactionAddedFrame = Reaction & { type: 'reaction.added' };

/** Take one's own reaction away. */
export type ReactionRemoveFrame = RemoveReaction & { type: 'reaction.remove' };

/** Somebody's reaction is gone. */
export type ReactionRemovedFrame = Reaction & { type: 'reaction.removed' };

/** All reactions to a message are gone, or all with one emoji. */
export type ReactionsClearedFrame = ReactionsCleared & { type: 'reactions.cleared' };

/** The gateway knows its client. */
export type ReadyFrame = Ready & { type: 'ready' };

/** Everything after the asked `after` has been sent, up to `seq`; what follows is live. */
export interface ReplayDoneFrame {
  channel_id: ChannelId;
  epoch: Epoch;
  seq: Seq;
  type: 'replay.done';
}

/**
 * The asked `after` is ahead of the log, or of another `epoch`: it is not the log that the client knows (a restored
 * backup, say). Reload the channel's history up to `seq`; what follows is live.
 */
export interface ResyncFrame {
  channel_id: ChannelId;
  epoch: Epoch;
  seq: Seq;
  type: 'resync';
}

/** A server of yours has a new role. */
export interface RoleCreatedFrame {
  role: Role;
  server_id: ServerId;
  type: 'role.created';
}

/** A role is gone; whoever had it has it no longer. */
export interface RoleDeletedFrame {
  role_id: RoleId;
  server_id: ServerId;
  type: 'role.deleted';
}

/** A role changed: what it is called, how it is shown, or what it gives. */
export interface RoleUpdatedFrame {
  role: Role;
  server_id: ServerId;
  type: 'role.updated';
}

/** The roles of a server of yours stand in another order. */
export interface RolesOrderedFrame {
  role_ids: RoleId[];
  server_id: ServerId;
  type: 'roles.ordered';
}

/** A server of yours is gone. */
export interface ServerDeletedFrame {
  id: ServerId;
  type: 'server.deleted';
}

/** You belong to a server now. */
export type ServerJoinedFrame = Membership & { type: 'server.joined' };

/** You no longer belong to a server. */
export interface ServerLeftFrame {
  id: ServerId;
  type: 'server.left';
}

/** A server of yours changed. */
export type ServerUpdatedFrame = Server & { type: 'server.updated' };

/** The log's entries of these numbers have nothing to say any more. */
export type SkippedFrame = Skipped & { type: 'skipped' };

/** Hear a channel, or many: each is answered by itself. */
export type SubscribeFrame = Subscribe & { type: 'subscribe' };

/** The channel's events follow. */
export interface SubscribedFrame {
  channel_id: ChannelId;
  epoch: Epoch;
  seq: Seq;
  type: 'subscribed';
}

/** Hear a channel no longer. */
export interface UnsubscribeFrame {
  channel_id: ChannelId;
  type: 'unsubscribe';
}

/** No more events of the channel follow. */
export interface UnsubscribedFrame {
  channel_id: ChannelId;
  reason?: Revoked | null;
  type: 'unsubscribed';
}

/** What everyone may see of somebody changed: of you, or of a member of a server of yours. */
export interface UserUpdatedFrame {
  type: 'user.updated';
  user: PublicProfile;
}

/** What the node sends at the gateway. */
export type ServerFrame =
  | AckFrame | ChannelCreatedFrame | ChannelDeletedFrame | ChannelUpdatedFrame | ErrorFrame | MemberJoinedFrame
  | MemberLeftFrame | MemberUpdatedFrame | MessageCreatedFrame | MessageDelayedFrame | MessageDeletedFrame
  | MessagePinnedFrame | MessageUnpinnedFrame | MessageUpdatedFrame | MessagesDeletedFrame | PongFrame
  | ReactionAddedFrame | ReactionRemovedFrame | ReactionsClearedFrame | ReadyFrame | ReplayDoneFrame | ResyncFrame
  | RoleCreatedFrame | RoleDeletedFrame | RoleUpdatedFrame | RolesOrderedFrame | ServerDeletedFrame
  | ServerJoinedFrame | ServerLeftFrame | ServerUpdatedFrame | SkippedFrame | SubscribedFrame | UnsubscribedFrame
  | UserUpdatedFrame;

/** What a client sends at the gateway. */
export type ClientFrame =
  | IdentifyFrame | MessageDeleteFrame | MessageEditFrame | MessageSendFrame | PingFrame | ReactionAddFrame
  | ReactionRemoveFrame | SubscribeFrame | UnsubscribeFrame;
