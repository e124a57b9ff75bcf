//! Which processes belong to a process: one pass over `/proc`.
//!
//! `/proc/PID/task/*/children` would be cheaper, but only exists in kernels built for checkpointing.

use super::proc_text::{self, Stat};
use super::{ResourceError, read_proc};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Every process's `stat` at about one instant, with the children of each.
#[derive(Debug, Default)]
pub struct ProcessTree {
    stats: HashMap<u32, Stat>,
    children: HashMap<u32, Vec<u32>>,
}

impl ProcessTree {
    /// Reads the processes there are. One that ends while it is read is left out.
    ///
    /// # Errors
    /// When `/proc` itself cannot be listed.
    pub fn read() -> Result<Self, ResourceError> {
        let path = Path::new("/proc");
        let entries =
            std::fs::read_dir(path).map_err(|source| ResourceError::Unreadable { path: path.to_owned(), source })?;
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        Ok(Self::from_stats(pids.filter_map(read_stat)))
    }

    fn from_stats(all: impl Iterator<Item = Stat>) -> Self {
        let mut tree = Self::default();
        for stat in all {
            tree.children.entry(stat.parent).or_default().push(stat.pid);
            tree.stats.insert(stat.pid, stat);
        }
        tree
    }

    /// Pids of all children of `root`, their children and so on, parents first; without `root`. Zombies are included.
    pub fn descendants(&self, root: u32) -> Vec<u32> {
        let mut found = Vec::new();
        let mut seen = HashSet::from([root]);
        let mut next = vec![root];
        while let Some(parent) = next.pop() {
            for &child in self.children.get(&parent).into_iter().flatten() {
                // A pid reused while we were reading could close a circle.
                if seen.insert(child) {
                    found.push(child);
                    next.push(child);
                }
            }
        }
        found
    }

    pub(super) fn stat(&self, pid: u32) -> Option<&Stat> {
        self.stats.get(&pid)
    }
}

/// Pids of all descendants of a process that exist now, zombies included.
///
/// # Errors
/// When `/proc` cannot be listed.
pub fn descendants(root: u32) -> Result<Vec<u32>, ResourceError> {
    Ok(ProcessTree::read()?.descendants(root))
}

fn read_stat(pid: u32) -> Option<Stat> {
    proc_text::stat(&read_proc(PathBuf::from(format!("/proc/{pid}/stat"))).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, parent: u32) -> Stat {
        proc_text::stat(&format!("{pid} (x) S {parent} 0 0 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 5 0")).unwrap()
    }

    #[test]
    fn descendants_are_children_and_their_children_only() {
        let tree = ProcessTree::from_stats(
            [(1, 0), (10, 1), (11, 10), (12, 11), (20, 1)].map(|(a, b)| process(a, b)).into_iter(),
        );
        assert_eq!(tree.descendants(10), [11, 12]);
        assert_eq!(tree.descendants(12), Vec::<u32>::new());
        assert_eq!(tree.descendants(99), Vec::<u32>::new());
    }

    #[test]
    fn a_circle_from_a_reused_pid_ends() {
        let tree = ProcessTree::from_stats([(10, 11), (11, 10)].map(|(a, b)| process(a, b)).into_iter());
        assert_eq!(tree.descendants(10), [11]);
    }

    #[test]
    fn we_are_among_the_descendants_of_our_parent() {
        let parent = rustix::process::getppid().unwrap().as_raw_nonzero().get() as u32;
        assert!(descendants(parent).unwrap().contains(&std::process::id()));
    }
}
