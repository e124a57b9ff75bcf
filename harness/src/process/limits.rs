//! What the kernel says of a running process beside its state: how many files it may have open, and on which sockets it
//! listens.

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How many files and connections a process may have open: RLIMIT_NOFILE. `None` stands for any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileLimits {
    /// What holds.
    pub soft: Option<u64>,
    /// Up to what it may be raised.
    pub hard: Option<u64>,
}

/// The limits of a process as the kernel tells them; `None` where it is gone, or hidden from us.
pub(super) fn file_limits(pid: u32) -> Option<FileLimits> {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let mut words = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace();
    let mut limit =
        || words.next().and_then(|word| if word == "unlimited" { Some(None) } else { word.parse().ok().map(Some) });
    Some(FileLimits { soft: limit()?, hard: limit()? })
}

/// Sets how many files and connections a process may have open; what is open stays open. Whether that was possible.
pub(super) fn limit_files(pid: u32, soft: Option<u64>) -> bool {
    let set = |limits: FileLimits| {
        let pid = Some(i32::try_from(pid).ok().and_then(Pid::from_raw)?);
        prlimit(pid, Resource::Nofile, Rlimit { current: soft, maximum: limits.hard }).ok()
    };
    file_limits(pid).and_then(set).is_some()
}

/// The sockets that listen on one of these ports in our network namespace, by their inode numbers.
pub(super) fn listeners(ports: &[u16]) -> BTreeSet<u64> {
    let tables = [PathBuf::from("/proc/self/net/tcp"), PathBuf::from("/proc/self/net/tcp6")];
    tables.iter().flat_map(|table| listeners_in(table, ports)).collect()
}

fn listeners_in(table: &Path, ports: &[u16]) -> Vec<u64> {
    let text = std::fs::read_to_string(table).unwrap_or_default();
    text.lines().filter_map(|line| listener(line, ports)).collect()
}

/// The inode of a line of the table, if it is a socket that listens on one of these ports: proc_pid_net(5).
fn listener(line: &str, ports: &[u16]) -> Option<u64> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (_, port) = fields.get(1)?.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    if *fields.get(3)? != LISTEN || !ports.contains(&port) {
        return None;
    }
    fields.get(9)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    #[test]
    fn a_listener_is_told_from_the_next_one_on_its_port_and_from_connections() {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        let before = listeners(&[port]);
        assert_eq!(before.len(), 1);
        let (_client, _server) = (TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap(), first.accept().unwrap());
        assert_eq!(listeners(&[port]), before);
        drop(first);
        let second = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let after = listeners(&[second.local_addr().unwrap().port()]);
        assert!(after.is_disjoint(&before) && after.len() == 1);
        assert!(listeners(&[]).is_empty());
    }

    #[test]
    fn lines_of_the_table_are_read_as_the_kernel_writes_them() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0000 100 0 0 10 0";
        assert_eq!(listener(line, &[8080]), Some(4242));
        assert_eq!(listener(line, &[8081]), None);
        assert_eq!(listener(&line.replace(" 0A ", " 01 "), &[8080]), None);
        for broken in ["", "  sl  local_address rem_address   st", "0: 0100007F 0 0A"] {
            assert_eq!(listener(broken, &[8080]), None);
        }
    }

    #[test]
    fn a_process_may_open_no_more_than_it_is_allowed_until_it_is_allowed_again() {
        let mut sleeping = std::process::Command::new("sleep").arg("20").spawn().unwrap();
        let pid = sleeping.id();
        let before = file_limits(pid).unwrap();
        assert!(limit_files(pid, Some(0)));
        assert_eq!(file_limits(pid), Some(FileLimits { soft: Some(0), ..before }));
        assert!(limit_files(pid, before.soft));
        assert_eq!(file_limits(pid), Some(before));
        sleeping.kill().unwrap();
        sleeping.wait().unwrap();
        assert_eq!((file_limits(pid), limit_files(pid, Some(0))), (None, false));
    }
}
