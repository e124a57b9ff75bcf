//! CPU, memory and open files of a process and all of its descendants, and their peaks over time.

use super::process_tree::ProcessTree;
use super::{ResourceError, proc_text, read_proc};
use std::path::PathBuf;
use std::time::Duration;

/// What a process tree uses at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProcessUsage {
    /// CPU time since the start of each process, in user and kernel, that of descendants that ended included.
    pub cpu: Duration,
    /// Resident memory, summed. Pages shared between processes count once for each.
    pub memory_bytes: u64,
    /// The largest resident memory that any single process ever had (the kernel's high-water mark).
    pub process_peak_bytes: u64,
    /// Processes counted, zombies left out.
    pub processes: usize,
    /// Open file descriptors, summed; `None` where they may not be listed (another user's processes).
    pub open_files: Option<usize>,
}

impl ProcessUsage {
    /// Reads a process and all of its descendants; `None` when there is no such process.
    ///
    /// # Errors
    /// When `/proc` cannot be listed.
    pub fn of_tree(root: u32) -> Result<Option<Self>, ResourceError> {
        let tree = ProcessTree::read()?;
        if tree.stat(root).is_none() {
            return Ok(None);
        }
        let mut usage = Self::of_pids(&tree, &tree.descendants(root));
        usage.add(&tree, root);
        Ok(Some(usage))
    }

    /// Reads all descendants of a process but not the process itself; `None` when there is no such process. Time of
    /// descendants that ended and were waited for is included.
    ///
    /// # Errors
    /// When `/proc` cannot be listed.
    pub fn of_descendants(root: u32) -> Result<Option<Self>, ResourceError> {
        let tree = ProcessTree::read()?;
        let Some(stat) = tree.stat(root) else { return Ok(None) };
        let mut usage = Self::of_pids(&tree, &tree.descendants(root));
        usage.cpu += ticks(stat.waited_user_ticks + stat.waited_system_ticks);
        Ok(Some(usage))
    }

    fn of_pids(tree: &ProcessTree, pids: &[u32]) -> Self {
        let mut usage = Self { open_files: Some(0), ..Self::default() };
        for &pid in pids {
            usage.add(tree, pid);
        }
        usage
    }

    fn add(&mut self, tree: &ProcessTree, pid: u32) {
        let Some(stat) = tree.stat(pid) else { return };
        let own = stat.user_ticks + stat.system_ticks;
        // The kernel adds the time of an ended child to its parent when the parent waits for it, so own plus waited-for
        // time of everything alive is the time of the whole tree, counted once.
        self.cpu += ticks(own + stat.waited_user_ticks + stat.waited_system_ticks);
        // A zombie has no memory lines left.
        let Some(memory) = Memory::read(pid) else { return };
        self.processes += 1;
        self.memory_bytes += memory.resident;
        self.process_peak_bytes = self.process_peak_bytes.max(memory.peak);
        self.open_files = self.open_files.zip(open_files(pid)).map(|(sum, more)| sum + more);
    }
}

struct Memory {
    resident: u64,
    peak: u64,
}

impl Memory {
    fn read(pid: u32) -> Option<Self> {
        Self::parse(&read_proc(PathBuf::from(format!("/proc/{pid}/status"))).ok()?)
    }

    fn parse(status: &str) -> Option<Self> {
        let resident = proc_text::kib_line(status, "VmRSS")?;
        // Some sandboxed kernels leave out the high-water mark.
        Some(Self { resident, peak: proc_text::kib_line(status, "VmHWM").unwrap_or(resident) })
    }
}

fn open_files(pid: u32) -> Option<usize> {
    Some(std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count())
}

/// CPU ticks of all children of this process that were waited for, and of theirs.
pub(crate) fn waited_for_ticks() -> Option<u64> {
    let stat = proc_text::stat(&read_proc(PathBuf::from("/proc/self/stat")).ok()?)?;
    Some(stat.waited_user_ticks + stat.waited_system_ticks)
}

/// Whether a process is stopped, as by SIGSTOP; false when there is none.
pub(crate) fn is_stopped(pid: u32) -> bool {
    let stat = read_proc(PathBuf::from(format!("/proc/{pid}/stat"))).unwrap_or_default();
    // The state stands behind the name, which may itself hold parentheses.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
}

/// Clock ticks as time.
pub(crate) fn ticks(ticks: u64) -> Duration {
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_secs(ticks / per_second)
        + Duration::from_nanos((ticks % per_second).saturating_mul(1_000_000_000) / per_second)
}

/// What a process tree used over all samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageSummary {
    /// CPU time at the last sample; never less than at an earlier one.
    pub cpu: Duration,
    /// The most resident memory. Exact for a single process, since the kernel keeps its high-water mark; for several the
    /// largest sum seen in a sample, so a short peak between samples may be missed.
    pub memory_peak_bytes: u64,
    /// Resident memory at the last sample.
    pub memory_last_bytes: u64,
    /// Its mean over the samples.
    pub memory_mean_bytes: u64,
    /// The most file descriptors open in a sample; `None` when they could never be listed.
    pub open_files_peak: Option<usize>,
    /// The most processes in a sample.
    pub processes_peak: usize,
    /// Samples taken while the process was there.
    pub samples: u64,
}

/// Follows the usage of one process tree. Polled: each [`UsageSampler::sample`] reads once.
#[derive(Debug)]
pub struct UsageSampler {
    root: u32,
    with_root: bool,
    /// CPU time of trees followed before.
    cpu_before: Duration,
    /// Over all samples.
    memory_sum_bytes: u64,
    summary: UsageSummary,
}

impl UsageSampler {
    /// Follows `root` and its descendants.
    pub fn of_tree(root: u32) -> Self {
        Self::of(root, true)
    }

    /// Follows the descendants of `root` only, for a `root` that is ours and not the target.
    pub fn of_descendants(root: u32) -> Self {
        Self::of(root, false)
    }

    fn of(root: u32, with_root: bool) -> Self {
        Self { root, with_root, cpu_before: Duration::ZERO, memory_sum_bytes: 0, summary: UsageSummary::default() }
    }

    /// From now on follows the same of another root, as of a process that was started again. Peaks and CPU time so far are kept.
    pub fn follow(&mut self, root: u32) {
        (self.root, self.cpu_before) = (root, self.summary.cpu);
    }

    /// Reads the usage now and adds it to the summary; `None`, and nothing added, when the process is gone.
    ///
    /// # Errors
    /// When `/proc` cannot be listed.
    pub fn sample(&mut self) -> Result<Option<ProcessUsage>, ResourceError> {
        let usage = match self.with_root {
            true => ProcessUsage::of_tree(self.root)?,
            false => ProcessUsage::of_descendants(self.root)?,
        };
        if let Some(usage) = &usage {
            self.add(usage);
        }
        Ok(usage)
    }

    fn add(&mut self, usage: &ProcessUsage) {
        let summary = &mut self.summary;
        summary.samples += 1;
        summary.cpu = summary.cpu.max(self.cpu_before + usage.cpu);
        summary.memory_last_bytes = usage.memory_bytes;
        self.memory_sum_bytes = self.memory_sum_bytes.saturating_add(usage.memory_bytes);
        summary.memory_mean_bytes = self.memory_sum_bytes / summary.samples;
        summary.memory_peak_bytes = summary.memory_peak_bytes.max(usage.memory_bytes).max(usage.process_peak_bytes);
        summary.open_files_peak = summary.open_files_peak.max(usage.open_files);
        summary.processes_peak = summary.processes_peak.max(usage.processes);
    }

    /// What was seen so far.
    pub fn summary(&self) -> UsageSummary {
        self.summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_usage_is_plausible_and_grows() {
        let mut sampler = UsageSampler::of_tree(std::process::id());
        let first = sampler.sample().unwrap().unwrap();
        assert!(first.memory_bytes > 100_000, "{first:?}");
        assert!(first.process_peak_bytes >= first.memory_bytes / first.processes as u64);
        assert!(first.open_files.unwrap() >= 3);
        let held = vec![1_u8; 32 << 20];
        // Two clock ticks of work at least, so that the tick counter must move.
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_millis(60) {
            std::hint::black_box(held.iter().map(|&byte| u64::from(byte)).sum::<u64>());
        }
        let second = sampler.sample().unwrap().unwrap();
        drop(held);
        assert!(second.cpu >= first.cpu);
        // Other tests of this process take and free memory meanwhile, so it is only known that what is held is there.
        assert!(second.memory_bytes >= 32 << 20 && sampler.summary().memory_peak_bytes >= second.memory_bytes);
        assert_eq!(sampler.summary().samples, 2);
    }

    #[test]
    fn what_is_followed_next_adds_to_what_was_followed_before() {
        let mut sampler = UsageSampler::of_tree(std::process::id());
        let used = |cpu: u64| ProcessUsage { cpu: Duration::from_secs(cpu), ..ProcessUsage::default() };
        sampler.add(&used(3));
        sampler.follow(1);
        sampler.add(&used(1));
        assert_eq!(sampler.summary().cpu, Duration::from_secs(4));
        sampler.follow(1);
        sampler.add(&used(2));
        assert_eq!((sampler.summary().cpu, sampler.summary().samples), (Duration::from_secs(6), 3));
    }

    #[test]
    fn a_process_that_is_gone_leaves_the_summary_as_it_was() {
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let mut sampler = UsageSampler::of_tree(child.id());
        assert!(sampler.sample().unwrap().is_some());
        let before = sampler.summary();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(sampler.sample().unwrap(), None);
        assert_eq!(sampler.summary(), before);
    }

    #[test]
    fn time_of_an_ended_child_stays_with_its_parent() {
        let work = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done";
        let before = ProcessUsage::of_tree(std::process::id()).unwrap().unwrap().cpu;
        assert!(std::process::Command::new("sh").args(["-c", work]).status().unwrap().success());
        let after = ProcessUsage::of_tree(std::process::id()).unwrap().unwrap().cpu;
        assert!(after > before, "{before:?} {after:?}");
    }

    #[test]
    fn a_peak_of_one_process_comes_from_the_kernel_and_not_from_the_sampling() {
        let mut sampler = UsageSampler::of_tree(1);
        sampler.add(&ProcessUsage {
            memory_bytes: 10,
            process_peak_bytes: 90,
            processes: 1,
            ..ProcessUsage::default()
        });
        sampler.add(&ProcessUsage {
            memory_bytes: 20,
            process_peak_bytes: 90,
            processes: 1,
            ..ProcessUsage::default()
        });
        let summary = sampler.summary();
        assert_eq!((summary.memory_peak_bytes, summary.memory_mean_bytes, summary.memory_last_bytes), (90, 15, 20));
    }

    #[test]
    fn memory_lines_may_lack_the_high_water_mark_but_not_the_size() {
        assert_eq!(Memory::parse("VmRSS:\t 4 kB\n").unwrap().peak, 4096);
        assert!(Memory::parse("Name:\tzombie\nState:\tZ (zombie)\n").is_none());
    }
}
