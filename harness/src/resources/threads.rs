//! CPU time of our own threads by name, so that driver, sink and embedded target each know their cost.

use super::proc_text;
use super::read_proc;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

/// Follows the CPU time of this process's threads, to the nanosecond (`schedstat`).
///
/// A thread that has ended keeps the time that the last sample saw, so sample often enough and once more before threads
/// are joined. The kernel keeps 15 bytes of a name. A thread starts under the name of the thread that made it; its time
/// goes to the name it had last.
#[derive(Debug, Default)]
pub struct ThreadCpu {
    live: HashMap<u32, Seen>,
    ended_ns: BTreeMap<String, u64>,
    /// A sample failed: what was not seen then is in no sum.
    is_blind: bool,
}

#[derive(Debug)]
struct Seen {
    name: String,
    started_ticks: u64,
    cpu_ns: u64,
}

impl ThreadCpu {
    /// Nothing sampled yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads all threads there are now. Where `/proc/self/task` cannot be listed, no CPU time is known any more.
    pub fn sample(&mut self) {
        let Ok(entries) = std::fs::read_dir("/proc/self/task") else {
            self.is_blind = true;
            return;
        };
        let tids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        // A thread that ends between listing and reading falls out of the map and keeps what was seen before.
        self.replace(tids.filter_map(|tid| Some((tid, read_thread(tid)?))).collect());
    }

    /// Whether there was a sample that could not be taken.
    pub fn is_blind(&self) -> bool {
        self.is_blind
    }

    fn replace(&mut self, now: HashMap<u32, Seen>) {
        for (tid, before) in std::mem::replace(&mut self.live, now) {
            let still_there = self.live.get(&tid).is_some_and(|seen| seen.started_ticks == before.started_ticks);
            if !still_there {
                *self.ended_ns.entry(before.name).or_default() += before.cpu_ns;
            }
        }
    }

    /// CPU time of all threads whose name starts with `prefix`, ended ones included, at the last sample; `None` where a sample could
    /// not be taken.
    pub fn of_prefix(&self, prefix: &str) -> Option<Duration> {
        let named = |name: &str| name.starts_with(prefix);
        let ended: u64 = self.ended_ns.iter().filter(|(name, _)| named(name)).map(|(_, ns)| ns).sum();
        let live: u64 = self.live.values().filter(|seen| named(&seen.name)).map(|seen| seen.cpu_ns).sum();
        (!self.is_blind).then(|| Duration::from_nanos(ended + live))
    }

    /// CPU time by whole thread name at the last sample, threads of one name summed.
    pub fn by_name(&self) -> BTreeMap<String, Duration> {
        let mut sums = self.ended_ns.clone();
        for seen in self.live.values() {
            *sums.entry(seen.name.clone()).or_default() += seen.cpu_ns;
        }
        sums.into_iter().map(|(name, ns)| (name, Duration::from_nanos(ns))).collect()
    }
}

fn read_thread(tid: u32) -> Option<Seen> {
    let folder = PathBuf::from(format!("/proc/self/task/{tid}"));
    let stat = proc_text::stat(&read_proc(folder.join("stat")).ok()?)?;
    let cpu_ns = match read_proc(folder.join("schedstat")) {
        Ok(text) => proc_text::schedstat(&text)?,
        // A kernel without schedstat still counts ticks.
        Err(_) => {
            let per_second = rustix::param::clock_ticks_per_second().max(1);
            (stat.user_ticks + stat.system_ticks) * (1_000_000_000 / per_second)
        }
    };
    Some(Seen { name: stat.name, started_ticks: stat.started_ticks, cpu_ns })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Instant;

    fn seen(name: &str, started_ticks: u64, cpu_ns: u64) -> Seen {
        Seen { name: name.to_owned(), started_ticks, cpu_ns }
    }

    #[test]
    fn threads_that_ended_keep_their_time() {
        let mut cpu = ThreadCpu::new();
        cpu.replace(HashMap::from([(7, seen("sp-sink-0", 1, 500)), (8, seen("sp-sink-1", 1, 30))]));
        cpu.replace(HashMap::from([(8, seen("sp-sink-1", 1, 40))]));
        cpu.replace(HashMap::new());
        assert_eq!(cpu.of_prefix("sp-sink"), Some(Duration::from_nanos(540)));
        assert_eq!(cpu.of_prefix("sp-driver"), Some(Duration::ZERO));
        assert_eq!(cpu.by_name()["sp-sink-0"], Duration::from_nanos(500));
    }

    #[test]
    fn a_reused_thread_number_is_another_thread() {
        let mut cpu = ThreadCpu::new();
        cpu.replace(HashMap::from([(7, seen("sp-a", 1, 500))]));
        cpu.replace(HashMap::from([(7, seen("sp-a", 2, 900))]));
        assert_eq!(cpu.of_prefix("sp-a"), Some(Duration::from_nanos(1400)));
    }

    #[test]
    fn a_renamed_thread_takes_its_time_along() {
        let mut cpu = ThreadCpu::new();
        cpu.replace(HashMap::from([(7, seen("main", 1, 5))]));
        cpu.replace(HashMap::from([(7, seen("sp-driver", 1, 9))]));
        assert_eq!(cpu.of_prefix("sp-driver"), Some(Duration::from_nanos(9)));
        assert_eq!(cpu.of_prefix("main"), Some(Duration::ZERO));
    }

    #[test]
    fn the_time_of_a_real_thread_is_read_and_outlives_it() {
        let (worked, work_done) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("sp-cpu-test".to_owned())
            .spawn(move || {
                let start = Instant::now();
                while start.elapsed() < Duration::from_millis(20) {
                    std::hint::black_box(start);
                }
                worked.send(()).unwrap();
                ended.recv().ok();
            })
            .unwrap();
        let mut cpu = ThreadCpu::new();
        work_done.recv().unwrap();
        cpu.sample();
        let alive = cpu.of_prefix("sp-cpu-test");
        assert!(alive > Some(Duration::ZERO), "{alive:?}");
        end.send(()).unwrap();
        thread.join().unwrap();
        cpu.sample();
        assert!(cpu.of_prefix("sp-cpu-test") >= alive);
    }
}
