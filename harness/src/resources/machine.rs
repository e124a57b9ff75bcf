//! The machine that a figure was measured on: a number travels with its machine.

use super::proc_text::{kib_line, line_after};
use super::{ResourceError, read_proc};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Facts about the machine, for results and reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Cores that this process may use: affinity and CPU quota are respected.
    pub cores: NonZeroUsize,
    /// The processor's name; `None` where the kernel gives none (many ARM machines).
    pub cpu_model: Option<String>,
    /// Physical memory in bytes.
    pub memory_bytes: u64,
    /// The kernel's release, e.g. `6.18.44`.
    pub kernel: String,
    /// The architecture that this binary was built for, e.g. `x86_64`.
    pub architecture: &'static str,
}

impl Machine {
    /// Reads the facts.
    ///
    /// # Errors
    /// When a file of `/proc` is missing or has no total memory.
    pub fn read() -> Result<Self, ResourceError> {
        let meminfo = PathBuf::from("/proc/meminfo");
        let memory_bytes = kib_line(&read_proc(meminfo.clone())?, "MemTotal")
            .ok_or(ResourceError::Unexpected { path: meminfo, field: "MemTotal" })?;
        Ok(Self {
            cores: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            cpu_model: cpu_model(&read_proc(PathBuf::from("/proc/cpuinfo"))?),
            memory_bytes,
            kernel: read_proc(PathBuf::from("/proc/sys/kernel/osrelease"))?.trim().to_owned(),
            architecture: std::env::consts::ARCH,
        })
    }
}

fn cpu_model(cpuinfo: &str) -> Option<String> {
    let named = ["model name", "Model", "cpu model"].into_iter().find_map(|key| line_after(cpuinfo, key));
    named.filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_the_name_and_not_the_number() {
        let text = "processor\t: 0\nmodel\t\t: 207\nmodel name\t: Intel(R) Xeon(R) Processor\nstepping\t: 2\n";
        assert_eq!(cpu_model(text).as_deref(), Some("Intel(R) Xeon(R) Processor"));
    }

    #[test]
    fn a_processor_without_a_name_is_none() {
        assert_eq!(cpu_model("processor\t: 0\nBogoMIPS\t: 243.75\nCPU implementer\t: 0x41\n"), None);
    }

    #[test]
    fn this_machine_has_memory_and_a_kernel() {
        let machine = Machine::read().unwrap();
        assert!(machine.memory_bytes > 1 << 20, "{machine:?}");
        assert!(machine.kernel.starts_with(|first: char| first.is_ascii_digit()), "{machine:?}");
    }
}
