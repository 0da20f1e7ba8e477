//! On what a run was made, as far as the tool can see it.

use super::node::OwnNode;
use super::report::Environment;

/// Of this machine, and of the node that was started for the run.
pub fn environment(own: Option<&OwnNode>) -> Environment {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    Environment {
        commit: option_env!("MADANG_COMMIT").filter(|commit| !commit.is_empty()).unwrap_or("unknown").into(),
        build: if cfg!(debug_assertions) { "debug" } else { "release" }.into(),
        processor: processor(&read("/proc/cpuinfo")),
        processors: std::thread::available_parallelism().map_or(0, usize::from),
        memory_kib: read("/proc/meminfo").split_whitespace().nth(1).and_then(|kib| kib.parse().ok()),
        system: format!("{} {}", std::env::consts::OS, read("/proc/sys/kernel/osrelease").trim()).trim().to_owned(),
        postgres: own.and_then(OwnNode::postgres),
        node: own.map_or_else(Vec::new, |own| own.settings()),
    }
}

/// The model, where the kernel says it; it does not on every architecture.
fn processor(cpuinfo: &str) -> String {
    let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(':')).map(|(_, model)| model.trim());
    model.filter(|model| !model.is_empty()).unwrap_or(std::env::consts::ARCH).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_has_its_model_or_its_architecture() {
        assert_eq!(processor("processor\t: 0\nmodel\t\t: 17\nmodel name\t: EPYC 7B13\n"), "EPYC 7B13");
        assert_eq!(processor("processor\t: 0\nBogoMIPS\t: 50.00\n"), std::env::consts::ARCH);
        let here = environment(None);
        assert!(here.processors > 0 && here.memory_kib > Some(1_000) && here.node.is_empty(), "{here:?}");
    }
}
