//! Which calls a run makes, and how often each.

/// What can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `GET /users/me`.
    Me,
    /// `GET /users/{user_id}`.
    User,
    /// `GET /servers/`.
    Servers,
    /// `GET /servers/{server_id}`.
    Server,
    /// `GET /channels/{channel_id}`.
    Channel,
    /// The newest page.
    Messages,
    /// The first events.
    Events,
    /// `PUT /users/me`.
    EditMe,
    /// `PUT /servers/{server_id}`.
    EditServer,
    /// `PUT /channels/{channel_id}`.
    EditChannel,
    /// A message.
    Post,
    /// A channel, from its beginning to its end.
    ChannelLife,
    /// A server, from its beginning to its end.
    ServerLife,
    /// `POST /auth/login`.
    Login,
}

/// Each call's name in `--mix`, and how often it comes by default.
const CALLS: [(Call, &str, u32); 14] = [
    (Call::Me, "me", 10),
    (Call::User, "user", 10),
    (Call::Servers, "servers", 10),
    (Call::Server, "server", 20),
    (Call::Channel, "channel", 15),
    (Call::Messages, "messages", 20),
    (Call::Events, "events", 5),
    (Call::EditMe, "edit-me", 2),
    (Call::EditServer, "edit-server", 1),
    (Call::EditChannel, "edit-channel", 1),
    (Call::Post, "post", 4),
    (Call::ChannelLife, "channel-life", 1),
    (Call::ServerLife, "server-life", 1),
    (Call::Login, "login", 0),
];

/// Which calls, and how often each.
#[derive(Clone, Debug)]
pub struct Mix(Vec<(Call, u32)>);

impl Default for Mix {
    fn default() -> Self {
        Self(CALLS.iter().map(|(call, _, weight)| (*call, *weight)).collect())
    }
}

impl std::fmt::Display for Mix {
    /// As it is read.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |call: &Call| CALLS.iter().find(|(known, ..)| known == call).map_or("", |(_, name, _)| *name);
        let parts = self.0.iter().filter(|(_, weight)| *weight > 0);
        let parts: Vec<String> = parts.map(|(call, weight)| format!("{}={weight}", name(call))).collect();
        formatter.write_str(&parts.join(","))
    }
}

impl Mix {
    /// `me=20,server=5`.
    ///
    /// # Errors
    /// What is wrong with it, and all the names.
    pub fn read(text: &str) -> Result<Self, String> {
        let names = || CALLS.iter().map(|(_, name, weight)| format!("{name}={weight}")).collect::<Vec<_>>().join(",");
        let wrong = |part: &str| format!("`{part}`; the calls and their default weights: {}", names());
        let mut mix = Vec::new();
        for part in text.split(',') {
            let (name, weight) = part.split_once('=').ok_or_else(|| wrong(part))?;
            let (call, ..) = CALLS.iter().find(|(_, known, _)| *known == name.trim()).ok_or_else(|| wrong(part))?;
            let weight = weight.trim().parse().ok().filter(|weight| *weight <= 1_000_000);
            mix.push((*call, weight.ok_or_else(|| wrong(part))?));
        }
        if mix.iter().all(|(_, weight)| *weight == 0) { Err(wrong(text)) } else { Ok(Self(mix)) }
    }

    /// One of them by chance, each as often as its weight says.
    pub fn pick(&self) -> Call {
        let all: u32 = self.0.iter().map(|(_, weight)| weight).sum();
        let mut left = rand::random_range(0..all.max(1));
        for (call, weight) in &self.0 {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *call,
            }
        }
        Call::Me
    }
}

#[cfg(test)]
mod tests;
