//! What is timed: from what to what, and in which order it is shown.

/// From when a message was due to when a socket has read it.
pub const DELIVERY: &str = "delivery";
/// The same for the sender's own socket.
pub const ACKNOWLEDGEMENT: &str = "acknowledgement";
/// From when an edit was due to its answer.
pub const EDIT: &str = "edit";
/// The same for a reaction.
pub const REACTION: &str = "reaction";
/// The same for a deletion.
pub const DELETION: &str = "deletion";
/// A socket that was cut off, until it is live.
pub const BACK: &str = "back after a cut";
/// From the connect to the `101`.
pub const HANDSHAKE: &str = "handshake";
/// How late the tool's own timer was.
pub const SENT_LATE: &str = "sent late by this tool";
/// Every call.
pub const ANY_CALL: &str = "any call";

/// What of a run has a schedule, and counts from when it was due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scheduled {
    /// Messages.
    pub messages: bool,
    /// Calls.
    pub calls: bool,
}

/// From what to what a time of this name is.
pub fn span(name: &str, scheduled: Scheduled) -> &'static str {
    match (name, scheduled) {
        (DELIVERY, Scheduled { messages: true, .. }) => "due → read by a socket",
        (DELIVERY, _) => "sent → read by a socket",
        (ACKNOWLEDGEMENT, Scheduled { messages: true, .. }) => "due → own event read",
        (ACKNOWLEDGEMENT, _) => "sent → own event read",
        (EDIT | REACTION | DELETION, Scheduled { messages: true, .. }) => "due → answered",
        (EDIT | REACTION | DELETION, _) => "sent → answered",
        (BACK, _) => "cut → replay.done",
        (HANDSHAKE, _) => "connect → 101",
        (SENT_LATE, _) => "due → sent",
        (_, Scheduled { calls: true, .. }) => "due → answered",
        _ => "sent → answered",
    }
}

/// Messages first, then sockets, then calls by what they are about: as they are read, and not as they happened to come.
pub fn order(name: &str) -> (usize, &str, usize) {
    const FIRST: [&str; 9] =
        [DELIVERY, ACKNOWLEDGEMENT, EDIT, REACTION, DELETION, BACK, HANDSHAKE, SENT_LATE, ANY_CALL];
    const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];
    let place = |all: &[&str], one: &str| all.iter().position(|known| *known == one).unwrap_or(all.len());
    let (method, path) = name.split_once(' ').unwrap_or(("", name));
    match place(&FIRST, name) {
        own if own < FIRST.len() => (own, "", 0),
        own => (own, path, place(&METHODS, method)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_in_which_they_are_read() {
        let mut names = [
            "PUT /users/me",
            "GET /servers/{server_id}",
            ANY_CALL,
            "GET /users/me",
            "DELETE /channels/{channel_id}",
            "GET /channels/{channel_id} (gone)",
            "GET /channels/{channel_id}",
            HANDSHAKE,
            ACKNOWLEDGEMENT,
            DELIVERY,
        ];
        names.sort_by_key(|name| order(name));
        assert_eq!(
            names,
            [
                DELIVERY,
                ACKNOWLEDGEMENT,
                HANDSHAKE,
                ANY_CALL,
                "GET /channels/{channel_id}",
                "DELETE /channels/{channel_id}",
                "GET /channels/{channel_id} (gone)",
                "GET /servers/{server_id}",
                "GET /users/me",
                "PUT /users/me",
            ]
        );
    }

    #[test]
    fn what_has_a_schedule_counts_from_when_it_was_due() {
        let messages = Scheduled { messages: true, calls: false };
        assert_eq!(span(DELIVERY, messages), "due → read by a socket");
        assert_eq!(span("GET /users/me", messages), "sent → answered");
        assert_eq!(span(ANY_CALL, Scheduled { calls: true, ..messages }), "due → answered");
        assert_eq!(span(ACKNOWLEDGEMENT, Scheduled::default()), "sent → own event read");
    }
}
