//! On what a run was made.

use super::number::memory_kib;
use serde::{Deserialize, Serialize};

/// The machine of the tool, and the node as far as the tool has started it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Environment {
    /// From which commit the tool was built, and so the node that it starts.
    pub commit: String,
    /// `debug` or `release`.
    pub build: String,
    /// The model.
    pub processor: String,
    /// How many of them this process may use.
    pub processors: usize,
    /// All that the machine has.
    pub memory_kib: Option<u64>,
    /// `linux` and the kernel's version.
    pub system: String,
    /// The version of the PostgreSQL of a node that the tool started.
    pub postgres: Option<String>,
    /// The settings with which it was started; none where it was running.
    pub node: Vec<(String, String)>,
}

impl Environment {
    /// The machine on one line.
    pub fn machine(&self) -> String {
        let memory = self.memory_kib.map(|kib| memory_kib(kib as f64).to_string());
        let parts = [Some(format!("{} × {}", self.processors, self.processor)), memory, Some(self.system.clone())];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// The node's settings on one line.
    pub fn node(&self) -> String {
        let settings = self.node.iter().map(|(name, value)| format!("{name}={value}"));
        settings.collect::<Vec<_>>().join(" ")
    }

    /// All of it, each with its name.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let known = |value: &str| if value.is_empty() { "not known".to_owned() } else { value.to_owned() };
        vec![
            ("machine of the tool", self.machine()),
            ("build", self.build.clone()),
            ("commit", known(&self.commit)),
            ("PostgreSQL", known(self.postgres.as_deref().unwrap_or_default())),
            ("settings of the node", known(&self.node())),
        ]
    }
}
