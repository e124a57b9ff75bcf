//! Pure parsers of the texts under `/proc`, by proc(5) and proc_pid_stat(5).

/// The fields of `/proc/PID/stat` (and `/proc/PID/task/TID/stat`) that are used here. Times in clock ticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: u32,
    pub(crate) name: String,
    pub(crate) parent: u32,
    pub(crate) user_ticks: u64,
    pub(crate) system_ticks: u64,
    pub(crate) waited_user_ticks: u64,
    pub(crate) waited_system_ticks: u64,
    pub(crate) started_ticks: u64,
}

/// Parses a `stat` line. The name stands in parentheses and may itself hold spaces and parentheses, so it ends at the
/// last one of the line.
pub(crate) fn stat(text: &str) -> Option<Stat> {
    let (pid, rest) = text.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // `fields[0]` is field 3 (state) of the manual page.
    let number = |field: usize| fields.get(field - 3)?.parse::<i64>().ok().map(|value| value.max(0) as u64);
    Some(Stat {
        pid: pid.parse().ok()?,
        name: name.to_owned(),
        parent: u32::try_from(number(4)?).ok()?,
        user_ticks: number(14)?,
        system_ticks: number(15)?,
        waited_user_ticks: number(16)?,
        waited_system_ticks: number(17)?,
        started_ticks: number(22)?,
    })
}

/// Nanoseconds on a CPU from a `schedstat` line (`run wait slices`).
pub(crate) fn schedstat(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

/// The value in bytes of a line `KEY:   123 kB`, as in `status` and `meminfo`.
pub(crate) fn kib_line(text: &str, key: &str) -> Option<u64> {
    let value = line_after(text, key)?;
    let number = value.strip_suffix("kB")?.trim_end();
    number.parse::<u64>().ok()?.checked_mul(1024)
}

/// What stands after the first `KEY:` at the start of a line, trimmed.
pub(crate) fn line_after<'text>(text: &'text str, key: &str) -> Option<&'text str> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim_end() == key).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "4217 (otelcol (a) b) S 4210 4217 4210 0 -1 1077936128 9377 0 12 0 812 97 3 1 20 0 9 0 \
        158837 1325473792 19821 18446744073709551615 4194304 25309029 140727 0 0 0 0 0 2143420159 0 0 0 17 1 0 0 0 0 0";

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let stat = stat(STAT).unwrap();
        assert_eq!(stat.name, "otelcol (a) b");
        assert_eq!((stat.pid, stat.parent), (4217, 4210));
        assert_eq!((stat.user_ticks, stat.system_ticks), (812, 97));
        assert_eq!((stat.waited_user_ticks, stat.waited_system_ticks), (3, 1));
        assert_eq!(stat.started_ticks, 158_837);
    }

    #[test]
    fn a_cut_or_foreign_text_is_none() {
        assert_eq!(stat("4217 (sh) S 1 2"), None);
        assert_eq!(stat(""), None);
        assert_eq!(stat("no parentheses here at all"), None);
        assert_eq!(schedstat(""), None);
    }

    #[test]
    fn schedstat_gives_the_time_on_the_cpu() {
        assert_eq!(schedstat("65298123456 31000 17\n"), Some(65_298_123_456));
    }

    #[test]
    fn status_lines_are_found_by_their_whole_key() {
        let text = "Name:\tx\nVmPeak:\t   30600 kB\nVmHWM:\t    1776 kB\nVmRSS:\t    1024 kB\nRssAnon:\t 112 kB\n";
        assert_eq!(kib_line(text, "VmHWM"), Some(1776 * 1024));
        assert_eq!(kib_line(text, "VmRSS"), Some(1024 * 1024));
        assert_eq!(kib_line(text, "Rss"), None);
        assert_eq!(kib_line("VmRSS:\t-3 kB\n", "VmRSS"), None);
    }
}
